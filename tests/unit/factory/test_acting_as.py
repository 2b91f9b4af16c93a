"""A view for a user: its changes are recorded under that user; everything else is shared with the factory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import GroundswellError, InputError
from support.factories import AT, Keyed, device, devices, plain, populate, target

if TYPE_CHECKING:
    from collections.abc import Callable

    from groundswell.factory import Factory


def last(factory: Factory) -> Any:
    *_, record = factory._context.store.records()
    return record.entry


def test_each_change_names_the_user_of_its_view(keyed: Keyed) -> None:
    factory = keyed.factory
    bob = factory.acting_as("bob")
    acts: dict[str, Callable[[Factory], object]] = {
        "devices import": lambda view: view.devices.import_(devices(9, tag="next"), now=AT),
        "groups create": lambda view: view.groups.create("canary", now=AT),
        "devices group": lambda view: view.devices.assign([device(1)], "canary", now=AT),
        "settings max-whole-group": lambda view: view.settings.set_max_whole_group(7, now=AT),
        "keys rotate online": lambda view: view.keys.rotate_online(root_keys=keyed.root_keys, now=AT),
        "metadata refresh": lambda view: view.metadata.refresh(now=AT),
    }
    factory.targets.import_(plain(target(41)), now=AT)
    for action, act in acts.items():
        act(bob)
        assert (last(factory).by, last(factory).action) == ("bob", action)
    assert json.loads(factory.keys.show().root)["signed"]["x-changelog"]["polis-id"] == "bob"
    assert factory.groups.show("canary").created_by == "bob"
    factory.groups.create("field", now=AT)
    assert last(factory).by == "alice"


def test_a_wave_names_who_made_it_and_who_ended_it(keyed: Keyed) -> None:
    populate(keyed.factory)
    bob, carol = keyed.factory.acting_as("bob"), keyed.factory.acting_as("carol")
    bob.waves.init("w", 42, "main", keys=keyed.targets_keys, now=AT)
    carol.waves.rollout("w", 1, now=AT)
    wave = keyed.factory.waves.cancel("w", now=AT).wave
    (rollout,) = bob.waves.history("w")
    assert (wave.created_by, rollout.applied_by, wave.finished_by) == ("bob", "carol", "alice")


def test_a_request_id_belongs_to_the_user_who_used_it(keyed: Keyed) -> None:
    populate(keyed.factory)
    keyed.factory.waves.init("w", 42, "main", keys=keyed.targets_keys, now=AT)
    bob, carol = keyed.factory.acting_as("bob"), keyed.factory.acting_as("carol")
    bob.waves.rollout("w", 1, seed=1, request_id="r", now=AT)
    assert keyed.factory.acting_as("bob").waves.rollout("w", 1, seed=1, request_id="r", now=AT).replayed
    with pytest.raises(GroundswellError) as caught:
        carol.waves.rollout("w", 1, seed=1, request_id="r", now=AT)
    assert caught.value.code == "request-id-used"


def test_a_view_shares_the_store_and_what_was_computed(factory: Factory) -> None:
    factory.devices.import_(devices(3), now=AT)
    view = factory.acting_as("bob")
    assert view.revision == factory.revision
    assert view.devices.fleet() is factory.devices.fleet(), "the fleet is loaded once"
    assert view.name == factory.name
    assert view.acting_as("carol")._context.user == "carol"


def test_a_view_does_not_close_the_factory(factory: Factory) -> None:
    with factory.acting_as("bob") as view:
        view.groups.create("canary", now=AT)
    view.close()
    assert [group.name for group in factory.groups.list()] == ["canary"]
    factory.close()
    with pytest.raises(GroundswellError) as caught:
        view.groups.list()
    assert caught.value.code == "factory-closed"


@pytest.mark.parametrize("user", ["", 7, None])
def test_a_view_has_a_user(factory: Factory, user: Any) -> None:
    with pytest.raises(InputError) as caught:
        factory.acting_as(user)
    assert caught.value.code in {"empty-user", "bad-argument"}
