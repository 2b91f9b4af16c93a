"""``groundswell keys``: offline keys and their tarballs, and which tarballs are refused as what."""

from __future__ import annotations

import re
import shutil
import stat
import tarfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from groundswell.tuf import PrivateKey, entries_of, read_tarball, write_tarball
from support import factories
from support.commands import EXIT_CODES, Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

KEYID = "[0-9a-f]{64}"
AT = r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"


@pytest.fixture
def fresh(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `groundswell keys ARGUMENTS…` in a factory that has no offline keys yet."""
    monkeypatch.chdir(tmp_path)
    run("init", "acme", "--name", "acme")
    return lambda *arguments: run("-C", "acme", "keys", *arguments)


@pytest.fixture
def keys(acme: Run, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `groundswell keys ARGUMENTS…` in the shop, beside its tarballs."""
    monkeypatch.chdir(shop)
    return lambda *arguments: acme("keys", *arguments)


def keyids(ran: Ran, role: str) -> list[str]:
    return [key["keyid"] for key in ran.data["keys"] if key["role"] == role]


INIT = ("init", "--root-keys", "root.tgz", "--targets-keys", "targets.tgz")


def test_the_first_offline_keys_are_made_in_two_tarballs(fresh: Run, tmp_path: Path) -> None:
    ran = fresh(*INIT)
    assert (ran.code, ran.out) == (0, "")
    assert re.fullmatch(
        rf"the roots are at version 4 and expire {AT}\n"
        "note: keep root.tgz off this machine, in a safe; targets.tgz signs waves\n",
        ran.err,
    )
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("root.tgz", "targets.tgz")] == [0o600, 0o600]
    assert fresh("show", "--json").data["ready"] is True


def test_the_same_tarballs_again_change_nothing(keys: Run, shop: Path) -> None:
    before = factories.every_byte_below(shop)
    ran = keys(*INIT)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines()[0] == "note: these tarballs have done it before: nothing was changed"
    after = factories.every_byte_below(shop)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"acme/lock"}


def test_what_the_root_says(keys: Run) -> None:
    ran = keys("show")
    assert (ran.code, ran.err) == (0, "")
    assert re.fullmatch(
        "repository    ci\n"
        "root version  4\n"
        "expires       2027-11-18T11:06:40Z\n"
        "thresholds    root 1, targets 1, snapshot 1, timestamp 1\n"
        "\n"
        "role       key      keyid +owner  created\n"
        f"root       offline  {KEYID}  alice  2026-11-18T11:06:40Z\n"
        f"targets    online   {KEYID}  -      -\n"
        f"targets    offline  {KEYID}  alice  2026-11-18T11:06:40Z\n"
        f"snapshot   online   {KEYID}  -      -\n"
        f"timestamp  online   {KEYID}  -      -\n",
        ran.out,
    )
    assert "repository    production\n" in keys("show", "--production").out


def test_what_the_root_says_as_json(keys: Run) -> None:
    ran = keys("show", "--production", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert sorted(ran.data) == [
        "expires", "keys", "ready", "repository", "role_version", "root", "thresholds",
    ]  # fmt: skip
    assert (ran.data["repository"], ran.data["role_version"], ran.data["thresholds"]["targets"]) == ("production", 4, 2)
    assert ran.data["root"]["signed"]["version"] == 4
    assert sorted(ran.data["keys"][0]) == ["created_at", "keyid", "keytype", "online", "owner", "role"]


def test_another_targets_key_is_added_once(keys: Run) -> None:
    add = ("add-targets", "--root-keys", "root.tgz", "--targets-keys", "second.tgz")
    ran = keys(*add)
    assert (ran.code, ran.out) == (0, "")
    assert re.fullmatch(rf"the roots are at version 5 and expire {AT}\n", ran.err)
    assert len(keyids(keys("show", "--json"), "targets")) == 3
    ran = keys(*add)
    assert ran.err.splitlines()[0] == "note: the key in second.tgz signs targets already: nothing was changed"
    assert keys("show", "--json").data["role_version"] == 5


@pytest.mark.parametrize(
    ("command", "replaced"),
    [
        (("root", "--root-keys", "root.tgz"), {"root": 1}),
        (("targets", "--root-keys", "root.tgz", "--targets-keys", "targets.tgz"), {"targets": 1}),
        (("online", "--root-keys", "root.tgz"), {"targets": 1, "snapshot": 1, "timestamp": 1}),
        (("online", "--root-keys", "root.tgz", "--role", "snapshot"), {"snapshot": 1}),
    ],
)
def test_keys_are_rotated(keys: Run, *, command: tuple[str, ...], replaced: dict[str, int]) -> None:
    before = keys("show", "--json")
    ran = keys("rotate", *command)
    assert (ran.code, ran.out) == (0, "")
    assert re.fullmatch(rf"the roots are at version 5 and expire {AT}\n", ran.err)
    after = keys("show", "--json")
    changed = {
        role: len(set(keyids(before, role)) - set(keyids(after, role)))
        for role in ("root", "targets", "snapshot", "timestamp")
    }
    assert {role: number for role, number in changed.items() if number} == replaced


def test_a_process_does_the_same(process: Run, shop: Path) -> None:
    ran = process("-C", "acme", "keys", "rotate", "root", "--root-keys", "root.tgz", cwd=shop)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("the roots are at version 5 and expire ")


# --- bad tarballs ----------------------------------------------------------------------------------------------------


@pytest.fixture
def bad(keys: Run, shop: Path) -> Run:
    """Beside the good tarballs: a truncated one, one of a stranger, one with two keys that sign, and no tarball."""
    assert keys("add-targets", "--root-keys", "root.tgz", "--targets-keys", "second.tgz").code == 0
    whole = (shop / "root.tgz").read_bytes()
    (shop / "cut.tgz").write_bytes(whole[: len(whole) // 2])
    (shop / "text.tgz").write_text("these are no keys")
    (shop / "nothing.tgz").write_bytes(b"")
    for name, role in (("strange-root.tgz", "root"), ("strange-targets.tgz", "targets")):
        write_tarball(shop / name, entries_of(PrivateKey.generate(), role))  # type: ignore[arg-type]
    both = {**read_tarball(shop / "targets.tgz").entries, **read_tarball(shop / "second.tgz").entries}
    write_tarball(shop / "both.tgz", both)
    with tarfile.open(shop / "other.tgz", "w:gz") as archive:
        archive.add(shop / "fleet.csv", "tufrepo/keys/fleet.csv")
    return keys


ROTATE_ROOT = ("rotate", "root", "--root-keys")
ROTATE_TARGETS = ("rotate", "targets", "--root-keys", "root.tgz", "--targets-keys")
ADD = ("add-targets", "--root-keys", "root.tgz", "--targets-keys")


@pytest.mark.parametrize(
    ("command", "slug", "said"),
    [
        ((*ROTATE_ROOT, "no-such.tgz"), "file-not-found", "there is no file `no-such.tgz`"),
        ((*ROTATE_ROOT, ""), "no-file-name", "`--root-keys` names no file: `` is empty"),
        ((*ROTATE_ROOT, "acme"), "keys-inside", "`acme` lies inside the factory, which must not hold offline keys"),
        ((*ROTATE_ROOT, "cut.tgz"), "bad-tarball", "`cut.tgz`"),
        ((*ROTATE_ROOT, "text.tgz"), "bad-tarball", "`text.tgz`"),
        ((*ROTATE_ROOT, "nothing.tgz"), "bad-tarball", "`nothing.tgz`"),
        ((*ROTATE_ROOT, "other.tgz"), "bad-tarball", "`other.tgz`"),
        ((*ROTATE_ROOT, "strange-root.tgz"), "no-such-key", "`strange-root.tgz`"),
        ((*ROTATE_ROOT, "targets.tgz"), "wrong-role-key", "holds a targets key where a root key is asked for"),
        ((*ROTATE_TARGETS, "root.tgz"), "same-tarball", "`root.tgz` is named for the root key and for the targets key"),
        ((*ROTATE_TARGETS, "copy.tgz"), "wrong-role-key", "holds a root key where a targets key is asked for"),
        ((*ROTATE_TARGETS, "strange-targets.tgz"), "no-such-key", "`strange-targets.tgz`"),
        ((*ROTATE_TARGETS, "both.tgz"), "two-active-keys", "two active keys"),
        ((*ROTATE_TARGETS, "cut.tgz"), "bad-tarball", "`cut.tgz`"),
        ((*ADD, "copy.tgz"), "wrong-role-key", "a root key where a targets key is asked for"),
        ((*ADD, "strange-root.tgz"), "wrong-role-key", "a root key where a targets key is asked for"),
        ((*ADD, "cut.tgz"), "bad-tarball", "`cut.tgz`"),
        (
            ("init", "--root-keys", "root.tgz", "--targets-keys", "new.tgz"),
            "keys-initialised",
            "has its offline keys already",
        ),
        (
            ("init", "--root-keys", "strange-root.tgz", "--targets-keys", "targets.tgz"),
            "keys-initialised",
            "`strange-root.tgz`",
        ),
        (("rotate", "online", "--root-keys", "root.tgz", "--role", "root"), "bad-usage", "'root' is not one of"),
        (("rotate", "root"), "bad-usage", "missing option '--root-keys'"),
    ],
)
def test_a_wrong_tarball_is_refused_as_what_it_is(
    bad: Run, shop: Path, *, command: tuple[str, ...], slug: str, said: str
) -> None:
    shutil.copy(shop / "root.tgz", shop / "copy.tgz")
    before = factories.every_byte_below(shop)
    ran = bad(*command)
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err
    assert " hint: " in ran.err
    after = factories.every_byte_below(shop)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"acme/lock"}


def test_nothing_is_rotated_before_there_are_offline_keys(fresh: Run, tmp_path: Path) -> None:
    write_tarball(tmp_path / "some.tgz", entries_of(PrivateKey.generate(), "root"))
    ran = fresh("rotate", "root", "--root-keys", "some.tgz")
    assert (ran.code, ran.out) == (4, "")
    assert "error: the factory `acme` has no offline keys yet\n hint: make them: groundswell keys init" in ran.err
    ran = fresh("init", "--root-keys", "some.tgz", "--targets-keys", "./some.tgz")
    assert (ran.code, ran.out) == (2, "")
    assert "is named for the root key and for the targets key" in ran.err
