"""A clock that is behind signs nothing, and is told of; it can be accepted on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from groundswell import StateError
from groundswell.factory import Factory
from support import cli_factory, factories
from support.commands import Ran
from support.factories import AT, DAY

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]
PAST = "2026-11-10T00:00:00Z"
FUTURE = AT + 400 * DAY


def last_entry(shop: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((shop / "acme/audit.log").read_text().splitlines()[-1])
    return found


def test_refresh_is_refused(acme: Run, shop: Path) -> None:
    before = factories.every_byte_below(shop)
    ran = acme("metadata", "refresh", "--now", PAST)
    assert (ran.code, ran.slug, ran.out) == (4, "clock-behind", "")
    assert "it is `2026-11-10T00:00:00Z` by the clock" in ran.err
    assert "did `targets import` at `2026-11-18T11:06:40Z`" in ran.err
    assert "--accept-clock" in ran.err
    after = factories.every_byte_below(shop)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"acme/lock"}


@pytest.mark.parametrize("command", [("status",), ("check",)])
def test_status_and_check_answer_and_warn(acme: Run, command: tuple[str, ...]) -> None:
    ran = acme(*command, "--now", PAST)
    assert ran.code == 0
    assert "THE CLOCK IS BEHIND" in ran.out + ran.err
    assert "THE CLOCK IS BEHIND" not in acme(*command, "--now", cli_factory.NOW).err
    as_json = acme(*command, "--now", PAST, "--json")
    assert "THE CLOCK IS BEHIND" in as_json.data["warnings"][0]


def test_a_day_is_tolerated(acme: Run) -> None:
    assert acme("metadata", "refresh", "--now", "2026-11-17T11:06:40Z").code == 0
    assert acme("metadata", "refresh", "--now", "2026-11-17T11:06:39Z").slug == "clock-behind"


def test_a_clock_is_accepted_on_purpose_and_the_log_says_so(acme: Run, shop: Path) -> None:
    with Factory.open(shop / "acme", user="alice") as factory:
        factory.groups.create("made-by-a-wrong-clock", now=FUTURE)
    assert acme("metadata", "refresh", "--now", cli_factory.NOW).slug == "clock-behind"
    assert acme("metadata", "refresh", "--now", cli_factory.NOW, "--accept-clock").code == 0
    entry = last_entry(shop)
    assert entry["action"] == "metadata refresh"
    assert entry["details"]["accepted_clock"] is True  # type: ignore[index]
    # From here on the record of the wrong clock does not count.
    assert acme("metadata", "refresh", "--now", cli_factory.NOW).code == 0
    assert "CLOCK" not in acme("status", "--now", cli_factory.NOW).err
    assert acme("metadata", "refresh", "--now", PAST).slug == "clock-behind"


def test_every_act_that_signs_is_refused(shop: Path) -> None:
    keys = {"root_keys": shop / "root.tgz", "targets_keys": shop / "targets.tgz"}
    before = factories.every_byte_below(shop)
    with Factory.open(shop / "acme", user="alice") as factory:
        then = AT - 2 * DAY
        for act in (
            lambda: factory.metadata.refresh(now=then),
            lambda: factory.targets.import_(factories.plain(factories.target(50)), now=then),
            lambda: factory.keys.rotate_root(root_keys=keys["root_keys"], now=then),
            lambda: factory.keys.rotate_targets(**keys, now=then),
            lambda: factory.keys.rotate_online(root_keys=keys["root_keys"], now=then),
            lambda: factory.keys.add_targets(root_keys=keys["root_keys"], targets_keys=shop / "new.tgz", now=then),
        ):
            with pytest.raises(StateError) as caught:
                act()
            assert caught.value.code == "clock-behind"
    after = factories.every_byte_below(shop)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"acme/lock"}


def test_every_act_on_a_wave_that_signs_is_refused(shop: Path) -> None:
    keys = {"root_keys": shop / "root.tgz", "targets_keys": shop / "targets.tgz"}
    second = {"root_keys": keys["root_keys"], "targets_keys": shop / "second.tgz"}
    then = AT - 2 * DAY
    with Factory.open(shop / "acme", user="alice") as factory:
        factory.keys.add_targets(**second, now=AT)
        (target, *_) = factory.targets.list()
        version = target.target_version
        factory.waves.init("first", version, "fresh", keys=keys["targets_keys"], new_tag=True, now=AT)
        revision = factory.revision
        acts: dict[str, Callable[[], object]] = {
            "init": lambda: factory.waves.init(
                "second", version, "other", keys=keys["targets_keys"], new_tag=True, now=then
            ),
            "sign": lambda: factory.waves.sign("first", keys=second["targets_keys"], now=then),
            "complete": lambda: factory.waves.complete("first", now=then),
            "cancel": lambda: factory.waves.cancel("first", now=then),
            "prune": lambda: factory.targets.prune([version], now=then),
        }
        for name, act in acts.items():
            with pytest.raises(StateError) as caught:
                act()
            assert caught.value.code == "clock-behind", name
        assert factory.revision == revision
        assert any("THE CLOCK IS BEHIND" in text for text in factory.waves.status("first", now=then).warnings)


def test_a_restore_is_refused_and_leaves_nothing_until_the_clock_is_accepted(acme: Run, shop: Path) -> None:
    with Factory.open(shop / "acme", user="alice") as factory:
        factory.groups.create("made-by-a-wrong-clock", now=FUTURE)
        factory.backup(shop / "backup")
    before = sorted(shop.iterdir())
    refused = acme("restore", shop / "backup", shop / "again", "--now", cli_factory.NOW)
    assert refused.slug == "clock-behind"
    assert sorted(shop.iterdir()) == before
    assert acme("restore", shop / "backup", shop / "again", "--now", cli_factory.NOW, "--accept-clock").code == 0
    entry = json.loads((shop / "again/audit.log").read_text().splitlines()[-1])
    assert entry["details"]["accepted_clock"] is True
    with Factory.open(shop / "again", user="alice") as factory:
        factory.metadata.refresh(now=AT)


def test_times_that_devices_report_do_not_count(acme: Run, shop: Path) -> None:
    (shop / "later.csv").write_text(f"uuid,last_seen\n{factories.device(7)},2026-11-19T10:00:00Z\n")
    assert acme("devices", "import", "--now", cli_factory.NOW, shop / "later.csv").code == 0
    assert acme("metadata", "refresh", "--now", "2026-11-18T00:00:00Z").code == 0


def test_an_export_warns_of_what_has_expired(acme: Run, shop: Path) -> None:
    ran = acme("metadata", "export", "--device", "gw-1", shop / "out", "--now", "2028-01-01T00:00:00Z")
    assert ran.code == 0
    assert "note: the production root expired 2027-11-18T11:06:40Z, so that devices refuse it" in ran.err
    ran = acme("metadata", "export", "--device", "gw-1", shop / "out", "--now", PAST)
    assert "THE CLOCK IS BEHIND" in ran.err
