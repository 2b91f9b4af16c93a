"""CI targets: taken in, retagged, pruned; and the roles that test devices see of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import GroundswellError, InputError, NotFoundError, StateError
from support import recorded
from support.device_clients import DeviceClients
from support.factories import (
    AT,
    NOW,
    Keyed,
    device,
    devices,
    embedded_store,
    later,
    plain,
    populate,
    put_production,
    target,
)
from support.served import publications

if TYPE_CHECKING:
    from pathlib import Path

    from groundswell.factory import Factory


def refusal(factory: Factory, command: Any, *arguments: Any) -> GroundswellError:
    """The error of a command that has changed nothing, and left no trace."""
    before = factory.targets.list(), roles(factory), factory.revision
    with pytest.raises(GroundswellError) as caught:
        command(*arguments, now=AT)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert (factory.targets.list(), roles(factory), factory.revision) == before
    return caught.value


def roles(factory: Factory) -> dict[str, tuple[int, int, list[str]]]:
    """What each tag's CI publication says: the version of its role, its epoch, its targets."""
    found = {}
    for one in publications(factory, "ci"):
        signed = json.loads(one.targets)["signed"]
        found[one.tag] = (signed["version"], one.epoch, sorted(signed["targets"]))
    return found


def names(factory: Factory) -> list[str]:
    return [one.name for one in factory.targets.list()]


# --- taking targets in ---------------------------------------------------------------------------------------------


def envelope(*targets: dict[str, Any], signatures: int = 0) -> bytes:
    signed = {
        "_type": "Targets",
        "expires": "2027-01-01T00:00:00Z",
        "version": 9,
        "targets": json.loads(plain(*targets)),
    }
    one = {"keyid": "ab" * 32, "method": "ed25519", "sig": "AAAA"}
    return json.dumps({"signatures": [one] * signatures, "signed": signed}).encode()


@pytest.mark.parametrize(
    ("data", "foreign"),
    [
        (plain(target(41), target(42)), 0),
        (json.dumps({"targets": json.loads(plain(target(41), target(42)))}).encode(), 0),
        (json.dumps(json.loads(envelope(target(41), target(42)))["signed"]).encode(), 0),
        (envelope(target(41), target(42), signatures=2), 2),
        (b"\xef\xbb\xbf" + plain(target(42), target(41)), 0),
    ],
    ids=["plain", "bare", "signed part", "envelope", "byte-order mark"],
)
def test_targets_are_taken_from_every_form_of_file(factory: Factory, tmp_path: Path, data: bytes, foreign: int) -> None:
    (tmp_path / "targets.json").write_bytes(data)
    report = factory.targets.import_(str(tmp_path / "targets.json"), now=AT)
    assert (report.added, report.retagged, report.unchanged) == (("pi-lmp-41", "pi-lmp-42"), (), ())
    assert report.foreign_signatures == foreign
    assert [(one.name, one.target_version, one.hardware_id, one.tags) for one in factory.targets.list()] == [
        ("pi-lmp-41", 41, "pi", ("main",)),
        ("pi-lmp-42", 42, "pi", ("main",)),
    ]
    assert roles(factory) == {"main": (1, 1, ["pi-lmp-41", "pi-lmp-42"])}


def test_what_fioctl_sends_of_a_new_target_is_taken(factory: Factory) -> None:
    sent = recorded.request("24")["targets"]
    report = factory.targets.import_(json.dumps(sent).encode(), now=AT)
    assert report.added == tuple(sorted(sent))


def test_the_signatures_of_others_are_dropped_and_the_factory_signs(factory: Factory, tmp_path: Path) -> None:
    populate(factory)
    factory.targets.import_(envelope(target(43), signatures=1), now=AT)
    onlookers = DeviceClients(tmp_path, device(1))
    verdict = onlookers.look(factory, AT)[device(1)]
    online = [key.keyid for key in factory.keys.show().keys if key.role == "targets"]
    assert [one["keyid"] for one in json.loads(onlookers.file(device(1), "targets.json"))["signatures"]] == online
    assert verdict.signed_by["targets"] == tuple(online)


def test_one_target_is_added_by_its_name(factory: Factory) -> None:
    ((name, document),) = target(7, "x86", tags=("a", "b"), extra={"deep": [1, {"x": True}]}).items()
    assert factory.targets.add(name, document, now=AT).added == ("x86-lmp-7",)
    (one,) = factory.targets.show(7)
    assert (one.name, one.tags, one.document) == (name, ("a", "b"), document)
    assert factory.targets.add(name, document, now=AT).unchanged == ("x86-lmp-7",)


def test_taking_the_same_targets_twice_is_once(factory: Factory) -> None:
    factory.targets.import_(plain(target(41), target(42)), now=AT)
    before, revision = roles(factory), factory.revision
    report = factory.targets.import_(envelope(target(42), target(41)), now=later(days=1))
    assert (report.added, report.retagged, report.unchanged) == ((), (), ("pi-lmp-41", "pi-lmp-42"))
    assert (roles(factory), factory.revision) == (before, revision)


def test_other_tags_are_taken_and_nothing_else_changes(factory: Factory) -> None:
    factory.targets.import_(plain(target(41), target(42, updatedAt="1")), now=AT)
    moved = plain(target(41, tags=("main", "next")), target(42, tags=(), updatedAt="2"))
    factory._context.user = "bob"
    report = factory.targets.import_(moved, now=later(days=1))
    assert (report.added, report.retagged, report.unchanged) == ((), ("pi-lmp-41", "pi-lmp-42"), ())
    assert [one.tags for one in factory.targets.list()] == [("main", "next"), ()]
    assert roles(factory) == {"main": (2, 2, ["pi-lmp-41"]), "next": (1, 2, ["pi-lmp-41"])}
    # Who added a target, and when, is no matter of its tags.
    assert set(embedded_store(factory)._run.rows("SELECT added_at, added_by FROM ci_targets")) == {(NOW, "alice")}


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"hashes": {"sha256": "ab" * 32}}, ["hashes"]),
        ({"length": 7}, ["length"]),
        ({"custom": {"uri": "https://example.com"}}, ["custom.uri"]),
        ({"custom": {"createdAt": "2026"}, "length": 3}, ["length", "custom.createdAt"]),
    ],
)
def test_a_target_that_is_something_else_under_a_known_name_is_refused(
    factory: Factory, change: dict[str, Any], parts: list[str]
) -> None:
    factory.targets.import_(plain(target(41, createdAt="2025")), now=AT)
    other = target(41, tags=("next",), createdAt="2025")
    document = other["pi-lmp-41"]
    other["pi-lmp-41"] = document | change | {"custom": document["custom"] | change.get("custom", {})}
    error = refusal(factory, factory.targets.import_, plain(target(42), other))
    assert isinstance(error, StateError)
    assert (error.code, error.fields) == ("target-differs", {"target": "pi-lmp-41", "differing": parts})


def test_a_version_has_one_target_for_a_hardware(factory: Factory) -> None:
    factory.targets.import_(plain(target(41)), now=AT)
    error = refusal(factory, factory.targets.import_, plain(target(42), target(41, name="pi-other-41")))
    assert isinstance(error, StateError)
    assert error.code == "hardware-taken"
    assert (error.fields["target"], error.fields["other"], error.fields["hardware_id"]) == (
        "pi-other-41", "pi-lmp-41", "pi",
    )  # fmt: skip
    factory.targets.import_(plain(target(41, "x86")), now=AT)
    assert [one.hardware_id for one in factory.targets.show(41)] == ["pi", "x86"]
    # Once the old one is pruned, there is room.
    factory.targets.prune([41], now=AT)
    factory.targets.import_(plain(target(41, name="pi-other-41")), now=AT)
    assert names(factory) == ["pi-other-41"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{", "broken-json"),
        (b'{"a": 1, "a": 2}', "ambiguous-json"),
        (b"[]", "not-targets"),
        (b"{}", "no-targets"),
        (b'{"_type": "Root", "keys": {}}', "not-targets"),
        (plain(target(41, tags=("no name",))), "bad-targets"),
        (plain(target(41, uri="https://example.com/?a&b")), "bad-targets"),
        (plain(target(41, note="Größe")), "bad-targets"),
        (plain(target(41, hardwareIds=["pi", "x86"])), "bad-targets"),
        (plain(target(-1)), "bad-targets"),
        (plain(target(41, targetFormat="BINARY")), "bad-targets"),
        (plain(target(41), target(41, name="pi-other-41")), "bad-targets"),
    ],
)
def test_targets_that_no_device_could_read_are_refused_with_all_others(
    factory: Factory, data: bytes, code: str
) -> None:
    factory.targets.import_(plain(target(40)), now=AT)
    error = refusal(factory, factory.targets.import_, data)
    assert isinstance(error, InputError)
    assert error.code == code


def test_a_file_that_is_not_there_is_told(factory: Factory, tmp_path: Path) -> None:
    assert refusal(factory, factory.targets.import_, tmp_path / "none.json").code == "file-not-found"


def test_a_role_that_is_larger_than_agents_read_is_refused(factory: Factory, tmp_path: Path) -> None:
    populate(factory)
    filler = "x" * 1_000_000
    factory.targets.import_(plain(*(target(100 + number, note=filler) for number in range(4))), now=AT)
    error = refusal(factory, factory.targets.import_, plain(target(200, note=filler)))
    assert isinstance(error, StateError)
    assert (error.code, error.fields["most"]) == ("role-too-large", 5_000_000)
    assert "prune" in error.hint
    factory.targets.prune([100], now=AT)
    factory.targets.import_(plain(target(200, note=filler)), now=AT)
    DeviceClients(tmp_path, device(1)).look(factory, AT)


# --- showing and listing -------------------------------------------------------------------------------------------


def test_targets_are_listed_by_version_and_name(factory: Factory) -> None:
    factory.targets.import_(
        plain(target(10, "x86"), target(9, "x86"), target(10, "pi", tags=("next",)), target(100, tags=())), now=AT
    )
    assert names(factory) == ["x86-lmp-9", "pi-lmp-10", "x86-lmp-10", "pi-lmp-100"]
    assert [one.name for one in factory.targets.list(tag="next")] == ["pi-lmp-10"]
    with pytest.raises(NotFoundError, match="no device, target or wave has the tag `none`"):
        factory.targets.list(tag="none")
    assert [one.name for one in factory.targets.show(10)] == ["pi-lmp-10", "x86-lmp-10"]


def test_an_unknown_version_is_told_with_those_that_are_known(factory: Factory) -> None:
    assert refusal_of(factory, 41).fields == {"versions": [41], "known": []}
    factory.targets.import_(plain(target(41), target(420)), now=AT)
    for version, hint in ((42, ": 41, 420"), (999_999, ": 420"), (1, ": 41")):
        error = refusal_of(factory, version)
        assert isinstance(error, NotFoundError)
        assert (error.code, error.fields) == ("unknown-version", {"versions": [version], "known": [41, 420]})
        assert error.hint.endswith(hint)


def refusal_of(factory: Factory, version: int) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        factory.targets.show(version)
    return caught.value


# --- pruning -------------------------------------------------------------------------------------------------------


def test_pruned_versions_leave_all_roles(factory: Factory) -> None:
    factory.targets.import_(plain(target(41), target(42), target(42, "x86", tags=("next",)), target(43)), now=AT)
    assert factory.targets.prune([42, 41, 42], now=AT) == ["pi-lmp-41", "pi-lmp-42", "x86-lmp-42"]
    assert names(factory) == ["pi-lmp-43"]
    # A tag that has lost its last target has an empty role, whose version goes on when targets come back.
    assert roles(factory) == {"main": (2, 2, ["pi-lmp-43"]), "next": (2, 2, [])}
    factory.targets.import_(plain(target(44, tags=("next",))), now=AT)
    assert roles(factory) == {"main": (2, 3, ["pi-lmp-43"]), "next": (3, 3, ["pi-lmp-44"])}


def test_pruning_an_unknown_version_prunes_nothing(factory: Factory) -> None:
    factory.targets.import_(plain(target(41)), now=AT)
    error = refusal(factory, factory.targets.prune, [41, 7, 8])
    assert (error.code, error.fields["versions"]) == ("unknown-version", [7, 8])
    assert refusal(factory, factory.targets.prune, []).code == "no-versions"


def test_production_targets_keep_what_is_pruned_from_ci(keyed: Keyed) -> None:
    populate(keyed.factory)
    document = put_production(keyed)
    keyed.factory.targets.prune([41, 42], now=AT)
    assert keyed.factory.targets.list_production("main").document == document


# --- roles ---------------------------------------------------------------------------------------------------------


def test_a_role_grows_by_one_with_each_change_of_its_tag_and_the_epoch_with_each_of_any(factory: Factory) -> None:
    def state() -> tuple[dict[str, int], int]:
        found = roles(factory)
        (epoch,) = {epoch for _, epoch, _ in found.values()} or {0}
        return {tag: version for tag, (version, _, _) in found.items()}, epoch

    assert state() == ({}, 0)
    factory.targets.import_(plain(target(1, tags=("a",))), now=AT)
    assert state() == ({"a": 1}, 1)
    factory.targets.import_(plain(target(2, tags=("b",))), now=AT)
    assert state() == ({"a": 1, "b": 1}, 2)
    factory.targets.import_(plain(target(3, tags=("a", "b"))), now=AT)
    assert state() == ({"a": 2, "b": 2}, 3)
    factory.targets.import_(plain(target(4, tags=())), now=AT)  # in no role, so nothing is published
    assert state() == ({"a": 2, "b": 2}, 3)
    factory.targets.import_(plain(target(3, tags=("a",))), now=AT)
    assert state() == ({"a": 3, "b": 3}, 4)
    factory.targets.import_(plain(target(1, tags=("a", "c"))), now=AT)
    assert state() == ({"a": 4, "b": 3, "c": 1}, 5)
    factory.metadata.refresh(now=AT)
    assert state() == ({"a": 4, "b": 3, "c": 1}, 6)
    factory.targets.prune([4], now=AT)
    assert state() == ({"a": 4, "b": 3, "c": 1}, 6)


def test_test_devices_of_each_tag_follow_every_change(factory: Factory, tmp_path: Path) -> None:
    factory.devices.import_(devices(3, tag=["main", "next", None], production=False), now=AT)
    onlookers = DeviceClients(tmp_path, device(1), device(2), device(3))
    steps: list[tuple[list[dict[str, Any]], list[int], list[str] | None, list[str] | None]] = [
        ([], [], None, None),
        ([target(1)], [], ["pi-lmp-1"], None),
        ([target(2, tags=("next",))], [], ["pi-lmp-1"], ["pi-lmp-2"]),
        ([target(1, tags=("main", "next"))], [], ["pi-lmp-1"], ["pi-lmp-1", "pi-lmp-2"]),
        ([target(3, "x86")], [1], ["x86-lmp-3"], ["pi-lmp-2"]),
        ([], [2], ["x86-lmp-3"], []),
        ([target(4, tags=("next", "main"))], [3], ["pi-lmp-4"], ["pi-lmp-4"]),
    ]
    for number, (added, pruned, main, after) in enumerate(steps):
        now = later(days=number)
        if added:
            factory.targets.import_(plain(*added), now=now)
        if pruned:
            factory.targets.prune(pruned, now=now)
        verdicts = onlookers.look(factory, now)
        for uuid, expected in ((device(1), main), (device(2), after), (device(3), None)):
            assert verdicts[uuid].serves_nothing == (expected is None)
            assert list(verdicts[uuid].targets) == (expected or [])


# --- production targets --------------------------------------------------------------------------------------------


def test_production_targets_are_told_by_tag(keyed: Keyed) -> None:
    document = put_production(keyed, 41, "main")
    put_production(keyed, 7, "next")
    role = keyed.factory.targets.list_production("main")
    assert (role.tag, role.role_version, role.document) == ("main", 41, document)
    assert role.expires.isoformat() == "2027-11-01T00:00:00+00:00"
    assert [(one.name, one.target_version, one.tags) for one in role.targets] == [("pi-lmp-41", 41, ("main",))]


def test_a_tag_without_production_targets_is_told_with_those_that_have_some(keyed: Keyed) -> None:
    populate(keyed.factory)  # CI targets of the same tag are none of them
    with pytest.raises(NotFoundError) as caught:
        keyed.factory.targets.list_production("main")
    assert (caught.value.code, caught.value.fields) == ("no-production-targets", {"tag": "main", "tags": []})
    put_production(keyed, 7, "next")
    with pytest.raises(NotFoundError) as caught:
        keyed.factory.targets.list_production("main")
    assert "next" in caught.value.hint
