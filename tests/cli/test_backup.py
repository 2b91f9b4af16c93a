"""``groundswell backup``, ``restore`` and ``check``: what they print where, what they refuse with which exit code."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

import duckdb
import pytest

from support import cli_factory, factories
from support.commands import EXIT_CODES, Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]


@pytest.fixture
def here(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shop)
    return shop


@pytest.fixture
def backed_up(acme: Run, here: Path) -> Path:
    assert acme("backup", "b.tar").code == 0
    return here / "b.tar"


def test_a_backup_is_one_private_file(acme: Run, here: Path) -> None:
    ran = acme("backup", "b.tar")
    assert (ran.code, ran.out) == (0, "")
    size = (here / "b.tar").stat().st_size
    assert ran.err == (
        f"wrote revision 4 to b.tar ({size} bytes)\n"
        "note: the file contains the factory's online keys: keep it as safe as a key\n"
    )
    assert stat.S_IMODE((here / "b.tar").stat().st_mode) == 0o600


def test_a_restored_factory_is_the_same_with_higher_epochs(acme: Run, run: Run, backed_up: Path) -> None:
    ran = run("restore", backed_up, "again", "--now", cli_factory.NOW)
    assert (ran.code, ran.out) == (0, "")
    assert re.fullmatch(
        r"restored the factory acme of 20[-0-9T:]+Z to again; it is at revision 5,"
        r" epochs: ci 1000002, production 1000001\n",
        ran.err,
    )
    assert run("-C", "again", "devices", "list").out == acme("devices", "list").out
    assert run("check", "-C", "again").code == 0


def test_the_epochs_go_just_past_a_version_that_is_known(run: Run, backed_up: Path) -> None:
    ran = run("restore", backed_up, "again", "--last-timestamp-version", 77)
    assert ran.err.endswith("; it is at revision 5, epochs: ci 78, production 78\n")


def test_an_epoch_beyond_what_agents_can_count_is_refused(run: Run, backed_up: Path) -> None:
    assert run("restore", backed_up, "again", "--last-timestamp-version", 2**31 - 2).code == 0
    ran = run("-C", "again", "metadata", "refresh")
    assert (ran.slug, ran.code, ran.out) == ("epoch-exhausted", 4, "")
    assert "error: the epoch `2147483648` is beyond what every device agent can count\n hint: " in ran.err


def test_a_process_does_the_same(process: Run, here: Path) -> None:
    ran = process("-C", "acme", "backup", "b.tar", cwd=here)
    assert (ran.code, ran.out, ran.err[:27]) == (0, "", "wrote revision 4 to b.tar (")
    ran = process("restore", "b.tar", "again", cwd=here)
    assert (ran.code, ran.out, ran.err[:25]) == (0, "", "restored the factory acme")


@pytest.mark.parametrize(
    ("command", "slug", "said"),
    [
        (
            ("backup", "acme/b.tar"),
            "backup-inside",
            "`acme/b.tar` lies inside the factory that it would be a backup of",
        ),
        (("backup", "no/such/b.tar"), "folder-not-found", "there is no folder `no/such` to write `b.tar` to"),
        (("backup", "acme"), "backup-inside", "`acme`"),
        (("backup", ""), "no-file-name", "`FILE` names no file"),
        (("restore", "no-such.tar", "again"), "file-not-found", "there is no file `no-such.tar`"),
        (("restore", "fleet.csv", "again"), "bad-backup", "`fleet.csv` is not a backup of a factory"),
        (("restore", "cut.tar", "again"), "bad-backup", "`cut.tar` is cut off in `factory.duckdb`"),
        (("restore", "flipped.tar", "again"), "bad-backup", "`flipped.tar` is damaged: `"),
        (("restore", "root.tgz", "again"), "bad-backup", "`root.tgz` is not a backup of a factory"),
        (("restore", "b.tar", "acme"), "folder-not-empty", "`acme` is there already"),
        (("restore", "b.tar", "fleet.csv"), "folder-not-empty", "`fleet.csv` is there already, and is a file"),
        (("restore", "b.tar", ""), "no-directory-name", "`DIR` names no directory"),
        (("restore", "b.tar", "no/such/again"), "cannot-write", "`no/such/again` cannot be made"),
        (
            ("restore", "b.tar", "again", "--last-timestamp-version", "-1"),
            "bad-timestamp-version",
            "the timestamp version `-1` is no whole",
        ),
        (
            ("restore", "b.tar", "again", "--last-timestamp-version", "3000000000"),
            "bad-timestamp-version",
            "`3000000000`",
        ),
        (("restore", "b.tar"), "bad-usage", "missing argument 'DIR'"),
    ],
)
def test_what_is_refused_changes_nothing(
    run: Run,
    backed_up: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    command: tuple[str, ...],
    slug: str,
    said: str,
) -> None:
    whole = backed_up.read_bytes()
    (here / "cut.tar").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[200_000] ^= 1
    (here / "flipped.tar").write_bytes(flipped)
    monkeypatch.setenv("GROUNDSWELL_FACTORY", str(here / "acme"))
    before = factories.every_byte_below(here)
    ran = run(*command)
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err
    after = factories.every_byte_below(here)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"acme/lock"}


def test_a_backup_of_a_newer_version_is_left_alone(run: Run, backed_up: Path) -> None:
    newer = backed_up.read_bytes().replace(b'{"format": 1,', b'{"format": 9,')
    backed_up.write_bytes(newer)
    ran = run("restore", backed_up, "again")
    assert (ran.code, ran.out) == (4, "")
    assert "has the format 9, and this groundswell knows 1" in ran.err


# --- check -----------------------------------------------------------------------------------------------------------


def test_a_sound_factory_passes_every_check(acme: Run) -> None:
    ran = acme("check", "--now", cli_factory.NOW)
    assert (ran.code, ran.err) == (0, "")
    assert len(ran.lines) > 10
    assert all(line.startswith("ok     ") for line in ran.lines)
    ran = acme("check", "--now", cli_factory.NOW, "--json")
    assert (ran.code, ran.data["sound"], ran.data["revision"], ran.data["warnings"]) == (0, True, 4, [])
    assert sorted(ran.data["results"][0]) == ["faults", "name", "not_checked"]


def test_what_expires_is_a_note_and_no_fault(acme: Run) -> None:
    ran = acme("check", "--now", "2028-01-01T00:00:00Z")
    assert ran.code == 0
    assert "note: the ci timestamp of tag main expired 2026-11-25T11:06:40Z: " in ran.err


def test_a_fault_is_told_and_repaired(acme: Run, shop: Path) -> None:
    with duckdb.connect(str(shop / "acme/factory.duckdb")) as connection:
        connection.execute("UPDATE devices SET tag_id = 77 WHERE name = 'gw-1'")
    ran = acme("check", "--now", cli_factory.NOW)
    assert ran.code == 6
    gone = "the device 00000000-0000-4000-8000-000000000001 is on the tag 77, which does not exist"
    assert f"FAULT  every group and tag of a device exists\n       {gone}\n" in ran.out
    assert (
        "FAULT  the audit log yields just this store\n       the table devices is not what the audit log says\n"
        in ran.out
    )
    assert ran.err == (
        "error: the factory is not sound: the device 00000000-0000-4000-8000-000000000001 is on the tag 77, which does"
        " not exist; the table devices is not what the audit log says\n"
        " hint: if it is the store, `groundswell check --repair` rebuilds it from the audit log; or restore a backup\n"
    )
    ran = acme("check", "--json")
    assert (ran.code, ran.data["sound"], ran.error["code"]) == (6, False, "check-failed")
    ran = acme("check", "--repair", "--now", cli_factory.NOW)
    assert ran.code == 0, ran.err
    told, kept = ran.err.splitlines()
    assert told == "rebuilt the store from the audit log up to revision 4"
    assert kept.startswith(f"note: the old file is kept as {shop / 'acme/factory.duckdb.damaged-'}")
    assert acme("devices", "show", "gw-1", "--json").data["tag"] == "production"


def test_a_damaged_audit_log_is_no_ground_for_a_repair(acme: Run, shop: Path) -> None:
    log = shop / "acme/audit.log"
    log.write_bytes(log.read_bytes().replace(b"made the factory", b"MADE the factory"))
    before = factories.every_byte_below(shop / "acme")
    ran = acme("check", "--repair")
    assert (ran.code, ran.out) == (6, "")
    assert f"error: `{log}` is damaged" in ran.err
    after = factories.every_byte_below(shop / "acme")
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"lock"}


def test_keys_that_others_can_read_are_a_fault(acme: Run, shop: Path) -> None:
    key = next((shop / "acme/keys").iterdir())
    key.chmod(0o644)
    ran = acme("check", "--now", cli_factory.NOW)
    assert ran.code == 6
    assert f"       others can read {key}\n" in ran.out
