"""The keys of a factory: taken offline, added, rotated; whatever is given instead of the right tarball; where they are.

Whether devices follow is the judge's to say (`onlookers`).
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import tuf
from groundswell.errors import GroundswellError, InputError, StateError, StorageError, TrustError
from groundswell.factory import Factory
from groundswell.factory.trust.online_keys import KEYS_FOLDER
from groundswell.store import DuckDBStore
from support import factories, recorded
from support.device_clients import DeviceClients
from support.factories import AT, Keyed, device, devices, embedded_store, later, plain, populate, put_production, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEST_DEVICE, PRODUCTION_DEVICE, OTHER_TEST_DEVICE = device(1), device(2), device(3)
ONLINE = ("targets", "snapshot", "timestamp")


def refusal(command: Any, *arguments: Any, **options: Any) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        command(*arguments, **{"now": AT} | options)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


def root_of(factory: Factory, *, production: bool = False) -> dict[str, Any]:
    signed: dict[str, Any] = json.loads(factory.keys.show(production=production).root)["signed"]
    return signed


def keyids(path: Path) -> list[str]:
    """The ids of the keys in a tarball, read by the standard library."""
    return sorted(
        tuf.PublicKey.from_document(json.loads(data), name).keyid
        for name, data in recorded.entries(path).items()
        if name.endswith(".pub")
    )


def online_files(factory: Factory) -> set[str]:
    return {path.name.removesuffix(".sec") for path in (factory.path / KEYS_FOLDER).iterdir()}


# --- a new factory -------------------------------------------------------------------------------------------------


def test_a_new_factory_has_two_roots_that_are_the_same_for_everyone(factory: Factory, tmp_path: Path) -> None:
    populate(factory)
    onlookers = DeviceClients(tmp_path, TEST_DEVICE, PRODUCTION_DEVICE)
    verdicts = onlookers.look(factory, AT)
    assert verdicts[TEST_DEVICE].root_version == verdicts[PRODUCTION_DEVICE].root_version == 2
    assert onlookers.chain(TEST_DEVICE) == onlookers.chain(PRODUCTION_DEVICE)
    view = factory.keys.show()
    assert (view.role_version, view.ready, view.expires) == (2, False, later(days=365))
    assert view.thresholds == dict.fromkeys(("root", *ONLINE), 1)
    assert [(key.role, key.online, key.owner) for key in view.keys] == [
        (role, True, None) for role in ("root", "targets", "snapshot", "timestamp")
    ]


def test_online_keys_are_files_that_their_owner_alone_reads(factory: Factory) -> None:
    folder = factory.path / KEYS_FOLDER
    assert online_files(factory) == {key.keyid for key in factory.keys.show().keys}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(factory.path.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "command",
    [
        lambda keys, path: keys.add_targets(root_keys=path, targets_keys=path.with_name("t"), now=AT),
        lambda keys, path: keys.rotate_root(root_keys=path, now=AT),
        lambda keys, path: keys.rotate_targets(root_keys=path, targets_keys=path.with_name("t"), now=AT),
        lambda keys, path: keys.rotate_online(root_keys=path, now=AT),
    ],
)
def test_keys_that_are_not_there_yet_cannot_be_changed(factory: Factory, tmp_path: Path, command: Any) -> None:
    with pytest.raises(StateError) as caught:
        command(factory.keys, tmp_path / "root.tgz")
    assert caught.value.code == "keys-not-initialised"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme"]


# --- taking the root offline ---------------------------------------------------------------------------------------


def test_init_makes_tarballs_of_the_layout_of_fioctl(keyed: Keyed) -> None:
    view = keyed.factory.keys.show()
    (root,) = [key.keyid for key in view.keys if key.role == "root"]
    (offline,) = [key.keyid for key in view.keys if key.role == "targets" and not key.online]
    assert sorted(recorded.entries(keyed.root_keys)) == [
        "tufrepo/keys/fioctl-root-" + root + ".pub",
        "tufrepo/keys/fioctl-root-" + root + ".sec",
        "tufrepo/keys/first-root.pub",
        "tufrepo/keys/first-root.sec",
    ]
    assert sorted(recorded.entries(keyed.targets_keys)) == [
        "tufrepo/keys/fioctl-targets-" + offline + ".pub",
        "tufrepo/keys/fioctl-targets-" + offline + ".sec",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (keyed.root_keys, keyed.targets_keys)} == {0o600}


def test_init_makes_two_roots_that_say_what_the_devices_need(keyed: Keyed, tmp_path: Path) -> None:
    factory = keyed.factory
    populate(factory)
    onlookers = DeviceClients(tmp_path, TEST_DEVICE, PRODUCTION_DEVICE)
    onlookers.look(factory, AT)
    ci, production = (
        [json.loads(link)["signed"] for link in onlookers.chain(uuid)] for uuid in (TEST_DEVICE, PRODUCTION_DEVICE)
    )
    assert [root["version"] for root in ci] == [1, 2, 3, 4]
    assert ci[:2] == production[:2]
    for v, (ours, theirs) in enumerate(zip(ci, production, strict=True), start=1):
        assert ours["roles"]["targets"]["threshold"] == 1
        assert theirs["roles"]["targets"]["threshold"] == (1 if v < 3 else 2)
        theirs["roles"]["targets"]["threshold"] = 1
        assert ours == theirs
    first, third, fourth = ci[1], ci[2], ci[3]
    assert third["roles"]["root"]["keyids"] != first["roles"]["root"]["keyids"]
    assert third["roles"]["targets"] == first["roles"]["targets"]
    # fioctl's documentation counts on it: the online key stands first, the offline one second.
    assert fourth["roles"]["targets"]["keyids"][0] == first["roles"]["targets"]["keyids"][0]
    assert len(fourth["roles"]["targets"]["keyids"]) == 2
    assert fourth["x-changelog"]["polis-id"] == "alice"
    assert set(fourth["x-key-owners"]) == {*third["roles"]["root"]["keyids"], fourth["roles"]["targets"]["keyids"][1]}
    assert {owner["polis-id"] for owner in fourth["x-key-owners"].values()} == {"alice"}
    assert fourth["expires"] == "2027-11-18T11:06:40Z"


def test_after_init_the_factory_holds_online_keys_alone(keyed: Keyed) -> None:
    view = keyed.factory.keys.show(production=True)
    assert view.ready
    assert view.thresholds == {"root": 1, "targets": 2, "snapshot": 1, "timestamp": 1}
    assert online_files(keyed.factory) == {key.keyid for key in view.keys if key.online}
    assert [(key.role, key.online) for key in view.keys] == [
        ("root", False),
        ("targets", True),
        ("targets", False),
        ("snapshot", True),
        ("timestamp", True),
    ]


def test_init_with_the_same_tarballs_again_changes_nothing(keyed: Keyed) -> None:
    before = factories.every_byte_below(keyed.factory.path.parent)
    revision, view = keyed.factory.revision, keyed.factory.keys.show()
    again = keyed.factory.keys.init(root_keys=keyed.root_keys, targets_keys=keyed.targets_keys, now=later(days=9))
    assert again == view
    assert keyed.factory.revision == revision
    assert factories.every_byte_below(keyed.factory.path.parent) == before


def test_init_with_other_tarballs_later_is_refused(keyed: Keyed, tmp_path: Path) -> None:
    other = shutil.copy(recorded.tarball("root"), tmp_path / "other.tgz")
    before = factories.every_byte_below(tmp_path)
    for root, targets in (
        (tmp_path / "none.tgz", keyed.targets_keys),
        (keyed.root_keys, tmp_path / "none.tgz"),
        (other, keyed.targets_keys),
        (keyed.root_keys, other),
    ):
        error = refusal(keyed.factory.keys.init, root_keys=root, targets_keys=targets)
        assert isinstance(error, StateError)
        assert error.code == "keys-initialised"
    swapped = refusal(keyed.factory.keys.init, root_keys=keyed.targets_keys, targets_keys=keyed.root_keys)
    assert swapped.code == "wrong-role-key"
    assert factories.every_byte_below(tmp_path) == before


def test_the_tarballs_that_fioctl_wrote_are_taken_as_they_are(factory: Factory, tmp_path: Path) -> None:
    """The keys that an operator used with the hosted original go on as the keys of this factory."""
    root, targets, second = (tmp_path / f"{name}.tgz" for name in recorded.TARBALLS)
    for path, name in ((root, "root"), (targets, "targets"), (second, "k2")):
        shutil.copy(recorded.tarball(name), path)
    populate(factory)
    onlookers = DeviceClients(tmp_path, TEST_DEVICE, PRODUCTION_DEVICE)
    onlookers.look(factory, AT)
    view = factory.keys.init(root_keys=root, targets_keys=targets, now=AT)
    onlookers.look(factory, AT)
    assert [key.keyid[:4] for key in view.keys if not key.online] == ["ce52", "a663"]
    assert targets.read_bytes() == recorded.tarball("targets").read_bytes()
    # What was in the tarball stays in it, the first root key of the other factory, too; ours goes beside it.
    ours, theirs = recorded.entries(root), recorded.entries(recorded.tarball("root"))
    assert {name: ours[name] for name in theirs} == theirs
    assert len(ours) == len(theirs) + 2
    (first,) = set(keyids(root)) - set(keyids(recorded.tarball("root")))
    assert json.loads(onlookers.chain(TEST_DEVICE)[0])["signed"]["roles"]["root"]["keyids"] == [first]
    view = factory.keys.add_targets(root_keys=root, targets_keys=second, now=AT)
    onlookers.look(factory, AT)
    assert [key.keyid[:4] for key in view.keys if not key.online] == ["ce52", "a663", "5df7"]
    assert second.read_bytes() == recorded.tarball("k2").read_bytes()
    # And once more: nothing is left to be done.
    assert factory.keys.init(root_keys=root, targets_keys=targets, now=AT).role_version == view.role_version


# --- wrong tarballs ------------------------------------------------------------------------------------------------


def bad_tarballs(folder: Path, keyed: Keyed) -> dict[str, Path]:
    """Files that are no tarball of a key, by the code of their refusal."""
    whole = keyed.root_keys.read_bytes()
    made = {}
    for code, name, data in (
        ("bad-tarball", "text.tgz", b"hello"),
        ("bad-tarball", "empty.tgz", b""),
        ("bad-tarball", "truncated.tgz", whole[: len(whole) // 2]),
        ("bad-tarball", "short.tgz", whole[:-1]),
    ):
        (folder / name).write_bytes(data)
        made[f"{code} {name}"] = folder / name
    (folder / "folder.tgz").mkdir()
    made["is-a-folder"] = folder / "folder.tgz"
    return made


def test_what_is_no_tarball_is_refused_wherever_one_is_given(keyed: Keyed, tmp_path: Path) -> None:
    bad = bad_tarballs(tmp_path, keyed)
    before = factories.every_byte_below(tmp_path)
    keys = keyed.factory.keys
    for code, path in bad.items():
        for command, options in (
            (keys.init, {"root_keys": path, "targets_keys": keyed.targets_keys}),
            (keys.init, {"root_keys": keyed.root_keys, "targets_keys": path}),
            (keys.add_targets, {"root_keys": path, "targets_keys": tmp_path / "new.tgz"}),
            (keys.add_targets, {"root_keys": keyed.root_keys, "targets_keys": path}),
            (keys.rotate_root, {"root_keys": path}),
            (keys.rotate_targets, {"root_keys": path, "targets_keys": keyed.targets_keys}),
            (keys.rotate_targets, {"root_keys": keyed.root_keys, "targets_keys": path}),
            (keys.rotate_online, {"root_keys": path}),
        ):
            error = refusal(command, **options)
            assert error.code == code.partition(" ")[0]
            assert path.name in error.message
    assert factories.every_byte_below(tmp_path) == before


@pytest.fixture
def unkeyed_and_keys(bare_folder: Path, keyed_folder: Path, tmp_path: Path) -> Any:
    """A factory without keys, and the tarballs of another one."""
    for name in ("root.tgz", "targets.tgz"):
        shutil.copy(keyed_folder / name, tmp_path / name)
    with factories.opened(bare_folder, tmp_path / "fresh") as made:
        yield Keyed(made, tmp_path / "root.tgz", tmp_path / "targets.tgz")


def test_init_takes_no_key_of_the_other_role(unkeyed_and_keys: Keyed, tmp_path: Path) -> None:
    factory, root, targets = unkeyed_and_keys.factory, unkeyed_and_keys.root_keys, unkeyed_and_keys.targets_keys
    before = factories.every_byte_below(tmp_path)
    new = tmp_path / "new.tgz"
    for options in ({"root_keys": targets, "targets_keys": new}, {"root_keys": new, "targets_keys": root}):
        error = refusal(factory.keys.init, **options)
        assert isinstance(error, TrustError)
        assert error.code == "wrong-role-key"
    assert factories.every_byte_below(tmp_path) == before


def test_one_key_for_both_roles_is_refused(unkeyed_and_keys: Keyed, tmp_path: Path) -> None:
    """Under names that tell no role, and in two files."""
    key = tuf.PrivateKey.generate()
    named = {name.replace("fioctl-root", "key"): data for name, data in tuf.entries_of(key, "root").items()}
    for name in ("one.tgz", "two.tgz"):
        tuf.write_tarball(tmp_path / name, named)
    before = factories.every_byte_below(tmp_path)
    error = refusal(
        unkeyed_and_keys.factory.keys.init, root_keys=tmp_path / "one.tgz", targets_keys=tmp_path / "two.tgz"
    )
    assert error.code == "wrong-role-key"
    assert factories.every_byte_below(tmp_path) == before


def test_two_keys_of_which_either_could_be_meant_are_refused(unkeyed_and_keys: Keyed, tmp_path: Path) -> None:
    factory = unkeyed_and_keys.factory
    for role in ("root", "targets"):
        two = tmp_path / f"two-{role}.tgz"
        tuf.write_tarball(two, entries(role) | entries(role))
        other = {"root": "targets", "targets": "root"}[role]
        before = factories.every_byte_below(tmp_path)
        error = refusal(factory.keys.init, **{f"{role}_keys": two, f"{other}_keys": tmp_path / "new.tgz"})
        assert isinstance(error, TrustError)
        assert (error.code, len(error.fields["keyids"])) == ("two-active-keys", 2)
        assert factories.every_byte_below(tmp_path) == before


def entries(role: Any) -> dict[str, bytes]:
    return tuf.entries_of(tuf.PrivateKey.generate(), role)


def test_two_active_keys_in_one_tarball_cannot_sign(keyed: Keyed, tmp_path: Path) -> None:
    second = tmp_path / "second.tgz"
    keyed.factory.keys.add_targets(root_keys=keyed.root_keys, targets_keys=second, now=AT)
    both = tmp_path / "both.tgz"
    tuf.write_tarball(both, recorded.entries(keyed.targets_keys) | recorded.entries(second))
    before = factories.every_byte_below(tmp_path)
    error = refusal(keyed.factory.keys.rotate_targets, root_keys=keyed.root_keys, targets_keys=both)
    assert error.code == "two-active-keys"
    assert factories.every_byte_below(tmp_path) == before


def test_a_root_key_where_a_targets_key_is_asked_is_told_as_such(keyed: Keyed, tmp_path: Path) -> None:
    copied = shutil.copy(keyed.root_keys, tmp_path / "copied.tgz")
    before = factories.every_byte_below(tmp_path)
    keys = keyed.factory.keys
    for command, options in (
        (keys.add_targets, {"root_keys": keyed.root_keys, "targets_keys": copied}),
        (keys.rotate_targets, {"root_keys": keyed.root_keys, "targets_keys": copied}),
        (keys.rotate_targets, {"root_keys": keyed.targets_keys, "targets_keys": copied}),
        (keys.add_targets, {"root_keys": keyed.targets_keys, "targets_keys": tmp_path / "new.tgz"}),
        (keys.rotate_root, {"root_keys": keyed.targets_keys}),
        (keys.rotate_online, {"root_keys": keyed.targets_keys}),
    ):
        error = refusal(command, **options)
        assert isinstance(error, TrustError)
        assert error.code == "wrong-role-key"
    assert factories.every_byte_below(tmp_path) == before


def test_a_stranger_and_a_public_half_cannot_sign(keyed: Keyed, tmp_path: Path) -> None:
    stranger, public = tmp_path / "stranger.tgz", tmp_path / "public.tgz"
    tuf.write_tarball(stranger, entries("root"))
    tuf.write_tarball(public, {n: d for n, d in recorded.entries(keyed.root_keys).items() if n.endswith(".pub")})
    keys = keyed.factory.keys
    for path, code in ((stranger, "no-such-key"), (public, "no-private-key"), (tmp_path / "none", "file-not-found")):
        for command, options in (
            (keys.rotate_root, {}),
            (keys.rotate_online, {}),
            (keys.add_targets, {"targets_keys": tmp_path / "new.tgz"}),
            (keys.rotate_targets, {"targets_keys": keyed.targets_keys}),
        ):
            assert refusal(command, root_keys=path, **options).code == code
    assert not (tmp_path / "new.tgz").exists()


def test_the_root_key_and_the_targets_key_are_in_two_files(keyed: Keyed, tmp_path: Path) -> None:
    (tmp_path / "link.tgz").symlink_to(keyed.root_keys)
    keys = keyed.factory.keys
    for command in (keys.init, keys.add_targets, keys.rotate_targets):
        for other in (keyed.root_keys, tmp_path / "link.tgz", tmp_path / "acme" / ".." / "root.tgz"):
            error = refusal(command, root_keys=keyed.root_keys, targets_keys=other)
            assert isinstance(error, InputError)
            assert error.code == "same-tarball"


def test_offline_keys_are_not_put_into_the_factory(keyed: Keyed, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(keyed.factory.path)
    inside = [
        keyed.factory.path / "new.tgz",
        keyed.factory.path / KEYS_FOLDER / "new.tgz",
        tmp_path / "link" / "new.tgz",
    ]
    before = factories.every_byte_below(tmp_path)
    for path in inside:
        for command, options in (
            (keyed.factory.keys.init, {"root_keys": path, "targets_keys": tmp_path / "new.tgz"}),
            (keyed.factory.keys.init, {"root_keys": tmp_path / "new.tgz", "targets_keys": path}),
            (keyed.factory.keys.add_targets, {"root_keys": keyed.root_keys, "targets_keys": path}),
            (keyed.factory.keys.rotate_targets, {"root_keys": keyed.root_keys, "targets_keys": path}),
            (keyed.factory.keys.rotate_root, {"root_keys": path}),
        ):
            error = refusal(command, **options)
            assert isinstance(error, InputError)
            assert error.code == "keys-inside"
    assert factories.every_byte_below(tmp_path) == before


def test_a_folder_that_is_not_there_is_told_before_anything_is_changed(factory: Factory, tmp_path: Path) -> None:
    revision = factory.revision
    error = refusal(factory.keys.init, root_keys=tmp_path / "no" / "root.tgz", targets_keys=tmp_path / "targets.tgz")
    assert error.code == "folder-not-found"
    assert factory.revision == revision


# --- adding and rotating -------------------------------------------------------------------------------------------


def test_devices_follow_every_change_of_keys(keyed: Keyed, tmp_path: Path) -> None:
    """New devices, and devices that saw any of the earlier states, test and production ones."""
    factory, root, targets = keyed.factory, keyed.root_keys, keyed.targets_keys
    populate(factory)
    put_production(keyed)
    onlookers = DeviceClients(tmp_path, TEST_DEVICE, PRODUCTION_DEVICE, OTHER_TEST_DEVICE)
    onlookers.look(factory, AT)
    second = tmp_path / "second.tgz"
    steps: list[Callable[[Any], Any]] = [
        lambda now: factory.keys.add_targets(root_keys=root, targets_keys=second, now=now),
        lambda now: factory.keys.rotate_targets(root_keys=root, targets_keys=targets, now=now),
        lambda now: factory.keys.rotate_root(root_keys=root, now=now),
        lambda now: factory.keys.rotate_online(root_keys=root, now=now),
        lambda now: factory.keys.rotate_targets(root_keys=root, targets_keys=second, now=now),
        lambda now: factory.keys.rotate_root(root_keys=root, now=now),
        lambda now: factory.keys.rotate_online(root_keys=root, roles=["timestamp"], now=now),
        lambda now: factory.keys.rotate_targets(root_keys=root, targets_keys=targets, now=now),
    ]
    for number, step in enumerate(steps, start=1):
        now = later(days=number)
        view = step(now)
        assert view.role_version == 4 + number
        assert view.expires == now.replace(year=2027)
        verdicts = onlookers.look(factory, now)
        assert {verdict.root_version for verdict in verdicts.values()} == {4 + number}
        assert verdicts[PRODUCTION_DEVICE].targets == ("pi-lmp-41",)
        assert len(verdicts[PRODUCTION_DEVICE].signed_by["targets"]) == 2
        assert verdicts[TEST_DEVICE].targets == ("pi-lmp-41", "pi-lmp-42")
        ci, production = root_of(factory), root_of(factory, production=True)
        assert production["roles"]["targets"].pop("threshold") == 2
        assert ci["roles"]["targets"].pop("threshold") == 1
        assert ci == production
    assert factory.check(now=later(days=9)).sound


@pytest.mark.parametrize(("command", "role"), [("rotate_root", "root"), ("rotate_targets", "targets")])
def test_a_rotated_key_joins_the_old_one_in_its_tarball(keyed: Keyed, command: str, role: str) -> None:
    path = {"root": keyed.root_keys, "targets": keyed.targets_keys}[role]
    before = recorded.entries(path)
    options = {"root_keys": keyed.root_keys} | ({"targets_keys": path} if role == "targets" else {})
    listed = offline_keys(keyed.factory, role)
    getattr(keyed.factory.keys, command)(**options, now=AT)
    after = recorded.entries(path)
    (new,) = offline_keys(keyed.factory, role)
    assert [new] != listed
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {f"tufrepo/keys/fioctl-{role}-{new}.{half}" for half in ("pub", "sec")}
    # The retired key signs nothing any more, and does not get in the way of the next rotation.
    getattr(keyed.factory.keys, command)(**options, now=AT)
    assert offline_keys(keyed.factory, role) != [new]


def offline_keys(factory: Factory, role: str) -> list[str]:
    return [key.keyid for key in factory.keys.show().keys if key.role == role and not key.online]


def test_a_key_that_is_added_twice_is_added_once(keyed: Keyed, tmp_path: Path) -> None:
    second = tmp_path / "second.tgz"
    view = keyed.factory.keys.add_targets(root_keys=keyed.root_keys, targets_keys=second, now=AT)
    before, revision = second.read_bytes(), keyed.factory.revision
    again = keyed.factory.keys.add_targets(root_keys=keyed.root_keys, targets_keys=second, now=later(days=1))
    assert again == view
    assert len(offline_keys(keyed.factory, "targets")) == 2
    assert (second.read_bytes(), keyed.factory.revision) == (before, revision)


def test_a_retired_key_is_not_taken_up_again(keyed: Keyed) -> None:
    """Added from its old tarball, a fresh key is made beside it."""
    old = shutil.copy(keyed.targets_keys, keyed.targets_keys.with_name("old.tgz"))
    (retired,) = offline_keys(keyed.factory, "targets")
    keys = keyed.factory.keys
    keys.rotate_targets(root_keys=keyed.root_keys, targets_keys=keyed.targets_keys, now=AT)
    keys.add_targets(root_keys=keyed.root_keys, targets_keys=old, now=AT)
    assert retired not in offline_keys(keyed.factory, "targets")
    assert len(offline_keys(keyed.factory, "targets")) == 2


@pytest.mark.parametrize("roles", [ONLINE, ("timestamp",), ("targets", "targets"), ("snapshot", "targets")])
def test_new_online_keys_take_the_places_of_the_old_which_are_removed(keyed: Keyed, roles: Any) -> None:
    factory = keyed.factory
    before, files = root_of(factory)["roles"], online_files(factory)
    factory.keys.rotate_online(root_keys=keyed.root_keys, roles=roles, now=AT)
    after = root_of(factory)["roles"]
    for role in ONLINE:
        assert (after[role]["keyids"][0] == before[role]["keyids"][0]) == (role not in roles)
        assert after[role]["keyids"][1:] == before[role]["keyids"][1:]
        assert after[role]["threshold"] == before[role]["threshold"]
    assert online_files(factory) == {after[role]["keyids"][0] for role in ONLINE}
    assert len(online_files(factory) - files) == len(set(roles))
    folder = factory.path / KEYS_FOLDER
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("role", ONLINE)
def test_a_lost_online_key_is_replaced_by_rotation(keyed: Keyed, tmp_path: Path, role: Any) -> None:
    factory = keyed.factory
    populate(factory)
    put_production(keyed)
    onlookers = DeviceClients(tmp_path, TEST_DEVICE, PRODUCTION_DEVICE)
    onlookers.look(factory, AT)
    lost = root_of(factory)["roles"][role]["keyids"][0]
    (factory.path / KEYS_FOLDER / f"{lost}.sec").unlink()
    commands = {"targets": lambda: factory.targets.import_(plain(target(43)), now=AT)}
    error = refusal_of(commands.get(role, lambda: factory.metadata.refresh(now=AT)))
    assert (error.code, error.fields["keyid"]) == ("online-key-missing", lost)
    assert "rotate" in error.hint
    factory.keys.rotate_online(root_keys=keyed.root_keys, roles=[role], now=AT)
    factory.targets.import_(plain(target(43)), now=AT)
    onlookers.look(factory, AT)


def refusal_of(command: Callable[[], Any]) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        command()
    return caught.value


@pytest.mark.parametrize("roles", [["root"], ["targets", "root"], ["mirrors"], [""], []])
def test_roles_without_an_online_key_cannot_be_rotated_online(keyed: Keyed, roles: Any) -> None:
    revision = keyed.factory.revision
    error = refusal(keyed.factory.keys.rotate_online, root_keys=keyed.root_keys, roles=roles)
    assert isinstance(error, InputError)
    assert error.code == "bad-role"
    assert keyed.factory.revision == revision


def test_an_online_key_file_that_holds_another_key_is_told(keyed: Keyed) -> None:
    folder = keyed.factory.path / KEYS_FOLDER
    one, other, _ = sorted(folder.iterdir())
    other.write_bytes(one.read_bytes())
    assert refusal_of(lambda: populate(keyed.factory)).code == "online-key-damaged"


def test_targets_that_would_be_short_of_signatures_keep_their_keys(keyed: Keyed) -> None:
    put_production(keyed, offline=False)
    revision, tarball = keyed.factory.revision, keyed.targets_keys.read_bytes()
    error = refusal(keyed.factory.keys.rotate_targets, root_keys=keyed.root_keys, targets_keys=keyed.targets_keys)
    assert isinstance(error, TrustError)
    assert (error.code, error.fields["missing"]) == ("signatures-missing", 1)
    assert keyed.factory.revision == revision
    assert keyed.targets_keys.read_bytes() == tarball


def test_a_rotation_changes_the_signatures_of_production_targets_and_not_what_they_sign(
    keyed: Keyed, tmp_path: Path
) -> None:
    populate(keyed.factory)
    put_production(keyed)
    onlookers = DeviceClients(tmp_path, PRODUCTION_DEVICE)
    onlookers.look(keyed.factory, AT)
    before = json.loads(onlookers.file(PRODUCTION_DEVICE, "targets.json"))
    keyed.factory.keys.rotate_targets(root_keys=keyed.root_keys, targets_keys=keyed.targets_keys, now=AT)
    onlookers.look(keyed.factory, AT)
    after = json.loads(onlookers.file(PRODUCTION_DEVICE, "targets.json"))
    assert after["signed"] == before["signed"]
    assert after["signatures"][0] == before["signatures"][0]
    assert after["signatures"][1]["keyid"] == offline_keys(keyed.factory, "targets")[0]
    assert keyed.factory.targets.list_production("main").document == onlookers.file(PRODUCTION_DEVICE, "targets.json")


def test_devices_on_a_canceled_wave_stay_on_it_when_keys_are_rotated(keyed: Keyed, tmp_path: Path) -> None:
    """Some agents install the highest version in the list they see: they must go on seeing the one that they run."""
    factory = keyed.factory
    populate(factory)
    put_production(keyed)
    factory.waves.init("v42", 42, "main", keys=keyed.targets_keys, now=AT)
    factory.waves.rollout("v42", uuids=[PRODUCTION_DEVICE], now=AT)
    factory.devices.import_(devices(1, first=2, target_version=42), now=AT)
    factory.waves.cancel("v42", now=AT)
    onlookers = DeviceClients(tmp_path, PRODUCTION_DEVICE, TEST_DEVICE)
    assert "pi-lmp-42" in onlookers.look(factory, AT)[PRODUCTION_DEVICE].targets
    factory.keys.rotate_targets(root_keys=keyed.root_keys, targets_keys=keyed.targets_keys, now=AT)
    assert "pi-lmp-42" in onlookers.look(factory, AT)[PRODUCTION_DEVICE].targets
    factory.keys.rotate_online(root_keys=keyed.root_keys, now=AT)
    # What is served is worked out anew by the next wave of any tag.
    factory.waves.init("other", 42, "elsewhere", keys=keyed.targets_keys, now=AT)
    assert "pi-lmp-42" in onlookers.look(factory, AT)[PRODUCTION_DEVICE].targets


# --- crashes -------------------------------------------------------------------------------------------------------


COMMANDS: dict[str, Callable[[Keyed, Path], Any]] = {
    "init": lambda k, _: k.factory.keys.init(root_keys=k.root_keys, targets_keys=k.targets_keys, now=AT),
    "add": lambda k, new: k.factory.keys.add_targets(root_keys=k.root_keys, targets_keys=new, now=AT),
    "root": lambda k, _: k.factory.keys.rotate_root(root_keys=k.root_keys, now=AT),
    "targets": lambda k, _: k.factory.keys.rotate_targets(root_keys=k.root_keys, targets_keys=k.targets_keys, now=AT),
    "online": lambda k, _: k.factory.keys.rotate_online(root_keys=k.root_keys, now=AT),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_was_cut_off_takes_up_the_keys_that_it_had_made(
    name: str, bare_folder: Path, keyed_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tarballs are on the disk before the commit; run again, the command makes no further key."""
    with factories.opened(bare_folder if name == "init" else keyed_folder, tmp_path) as factory:
        keyed, new = Keyed(factory, tmp_path / "root.tgz", tmp_path / "targets.tgz"), tmp_path / "new.tgz"
        revision = factory.revision

        def cut_off(*_: object, **__: object) -> int:
            raise StorageError("cannot-write", "the disk is full", hint="free some space")

        with monkeypatch.context() as patch:
            patch.setattr(DuckDBStore, "commit", cut_off)
            assert refusal_of(lambda: COMMANDS[name](keyed, new)).code == "cannot-write"
        assert factory.revision == revision
        made = {path: path.read_bytes() for path in tmp_path.glob("*.tgz")}
        assert COMMANDS[name](keyed, new).role_version == (4 if name == "init" else 5)
        assert {path: path.read_bytes() for path in tmp_path.glob("*.tgz")} == made
        assert online_files(factory) == {key.keyid for key in factory.keys.show().keys if key.online}
        assert len(online_files(factory)) == 3
        assert factory.check(now=AT).sound


def test_online_keys_that_a_crash_left_are_removed_when_the_factory_is_opened(keyed: Keyed) -> None:
    factory = keyed.factory
    kept = online_files(factory)
    factory._internals.keyring.add(tuf.PrivateKey.generate())
    (factory.path / KEYS_FOLDER / ".half-written.0123456789abcdef").write_bytes(b"{")
    factory.close()
    with Factory.open(factory.path) as again:
        assert online_files(again) == kept


# --- secrets -------------------------------------------------------------------------------------------------------


def seeds(*tarballs: Path) -> dict[str, bytes]:
    """The private keys in tarballs, by the name of their entry."""
    found = {}
    for path in tarballs:
        for name, data in recorded.entries(path).items():
            if name.endswith(".sec"):
                found[name] = bytes.fromhex(json.loads(data)["keyval"]["private"])
    return found


def spellings(seed: bytes) -> list[bytes]:
    return [
        seed,
        seed.hex().encode(),
        seed.hex().upper().encode(),
        base64.b64encode(seed).rstrip(b"="),
        base64.urlsafe_b64encode(seed).rstrip(b"="),
    ]


def test_offline_private_keys_are_nowhere_in_the_factory(factory: Factory, tmp_path: Path) -> None:
    """Not in a file, not in a row, not in a row of the audit log (which are compressed), and not in a backup."""
    root, targets, second = (tmp_path / name for name in ("root.tgz", "targets.tgz", "second.tgz"))
    populate(factory)
    keyed = Keyed(factory, root, targets)
    (first,) = [key for key in factory.keys.show().keys if key.role == "root"]
    factory.keys.init(root_keys=root, targets_keys=targets, now=AT)
    put_production(keyed)
    factory.keys.add_targets(root_keys=root, targets_keys=second, now=AT)
    factory.keys.rotate_root(root_keys=root, now=AT)
    factory.keys.rotate_targets(root_keys=root, targets_keys=targets, now=AT)
    factory.keys.rotate_online(root_keys=root, now=AT)
    secrets = seeds(root, targets, second)
    assert len(secrets) == 6
    factory.backup(tmp_path / "backup")
    store = embedded_store(factory)
    places = factories.every_byte_below(factory.path) | {"the backup": (tmp_path / "backup").read_bytes()}
    for table in store._run.rows("SELECT table_name FROM duckdb_tables()"):
        places[f"table {table[0]}"] = repr(store._run.rows(f'SELECT * FROM "{table[0]}"')).encode()
    for record in store.records():
        assert store._log is not None
        rows = [change.rows.to_pylist() for change in store._log.changes(record)]
        places[f"line {record.seq}"] = repr((record.entry, rows)).encode()
    for where, data in places.items():
        for name, seed in secrets.items():
            assert not any(spelling in data for spelling in spellings(seed)), f"{name} stands in {where}"
    # The search finds what is there: an online key is in its file, and public halves are in many places.
    online = next(iter(online_files(factory)))
    held = json.loads(places[f"{KEYS_FOLDER}/{online}.sec"])["keyval"]["private"]
    assert any(held.encode() in data for data in places.values())
    assert any(first.keyid.encode() in data for data in places.values())


# --- users ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "user",
    ["Zoë", "☃", "a<b>&c", "tab\tand\nline", "caf\udce9", "x" * 100_000, "Ünï <u@example.com>", " ", '"quoted"\\'],
    ids=["umlaut", "snowman", "markup", "control", "bytes", "long", "address", "blank", "quotes"],
)
def test_the_roots_are_valid_for_every_agent_whoever_made_them(user: str, bare_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(bare_folder, tmp_path, dirs_exist_ok=True)
    with Factory.open(tmp_path / "acme", user=user) as factory:
        populate(factory)
        root, targets = tmp_path / "root.tgz", tmp_path / "targets.tgz"
        factory.keys.init(root_keys=root, targets_keys=targets, now=AT)
        factory.keys.rotate_root(root_keys=root, now=AT)
        factory.groups.create("made-by-the-same", now=AT)
        onlookers = DeviceClients(tmp_path, TEST_DEVICE, PRODUCTION_DEVICE)
        onlookers.look(factory, AT)
        for link in onlookers.chain(PRODUCTION_DEVICE):
            assert len(link) < 64 << 10
            assert all(0x20 <= byte < 0x7F for byte in link)
            assert not set(b"<>&") & set(link)
        (owner,) = {key.owner for key in factory.keys.show().keys if not key.online}
        assert owner
        # The audit log names the user as they are called, as far as that is text.
        *_, record = embedded_store(factory).records()
        assert record.entry.by == user.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        assert factory.check(now=AT).sound


def test_a_factory_is_made_by_whoever_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody")
    with Factory.create(tmp_path / "one", name="one", now=AT) as factory:
        (record,) = embedded_store(factory).records()
        assert record.entry.by == "somebody"

    def nobody() -> str:
        raise KeyError("no such user")

    monkeypatch.setattr("getpass.getuser", nobody)
    with Factory.open(tmp_path / "one") as factory:
        factory.groups.create("a", now=AT)
        *_, record = embedded_store(factory).records()
        assert record.entry.by == f"uid-{os.getuid()}"
