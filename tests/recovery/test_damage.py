"""What is damaged is refused with the way out, or does no harm; the way out leads out."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tarfile
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import GroundswellError, InputError, NotFoundError, StateError, StorageError, TrustError
from groundswell.factory import Factory
from support.crash_scenes import ACME, NOW, USER, Facts, keyed, opened, scattered, seen, table, tables
from support.crashes import drawn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATABASE, WAL, LOG = "factory.duckdb", "factory.duckdb.wal", "audit.log"
SEED = 20_261_125
NOTHING = timedelta(seconds=0)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factory with keys, targets, rows in a sidecar, and a backup of it."""
    place = tmp_path_factory.mktemp("original")
    keyed(place)
    with opened(place) as factory:
        factory.devices.import_(table(6, 2000, name=scattered(2000), production=True), now=NOW)
        factory.backup(place / "backup")
    return place


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "place")
    return tmp_path / "place"


@pytest.fixture(scope="module")
def sound(original: Path) -> Facts:
    facts = seen(original / ACME, check=True)
    assert facts is not None
    assert facts["faults"] == []
    return facts


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def error_of(act: Callable[[], object]) -> GroundswellError | None:
    """The error that an act ends with; None if it returns."""
    try:
        act()
    except GroundswellError as error:
        return error
    return None


def refusal(path: Path) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        Factory.open(path, user=USER, wait=NOTHING).close()
    return caught.value


def assert_repaired(place: Path, sound: Facts) -> None:
    revision, _ = Factory.repair(place / ACME)
    assert revision == sound["revision"]
    facts = seen(place / ACME, check=True)
    assert facts is not None
    assert {**facts, "files": None} == {**sound, "files": None}


def assert_restored(place: Path, sound: Facts) -> None:
    restored = Factory.restore(place / "backup", place / "restored", user=USER, now=NOW)
    assert restored.revision == sound["revision"] + 1
    facts = seen(place / "restored", check=True)
    assert facts is not None
    assert facts["devices"] == sound["devices"]
    assert facts["faults"] == []


# --- the database


def test_a_flipped_byte_of_the_database_is_refused_or_found_or_harmless(
    place: Path, sound: Facts, original: Path
) -> None:
    """Every region of the file is hit: its headers byte by byte, the rest at random."""
    database, whole = place / ACME / DATABASE, (original / ACME / DATABASE).read_bytes()
    chances = random.Random(SEED)
    outcomes = {"refused": 0, "found": 0, "harmless": 0}
    anywhere = drawn([chances.randrange(len(whole)) for _ in range(40)], share=1 / 2)
    for at in [*range(0, 64, 8), *range(4096, 4160, 16), *anywhere]:
        database.write_bytes(whole)
        flip(database, at)
        faults, error = faults_or_error(place / ACME)
        if error is not None:
            assert error.code == "store-damaged", at
            assert "Factory.repair" in error.hint
            assert "restore" in error.hint
            outcomes["refused"] += 1
            continue
        if faults:
            outcomes["found"] += 1
        else:
            assert tables(database) == sound["tables"], at
            outcomes["harmless"] += 1
    assert outcomes["refused"] > 0
    assert outcomes["found"] > 0
    assert_repaired(place, sound)


@pytest.mark.parametrize("size", [0, 1, 4096, 300_000])
def test_a_database_that_is_cut_off_is_refused_and_can_be_repaired(place: Path, sound: Facts, size: int) -> None:
    database = place / ACME / DATABASE
    database.write_bytes(database.read_bytes()[:size])
    before = database.read_bytes()
    error = refusal(place / ACME)
    assert error.code == "store-damaged"
    assert "Factory.repair" in error.hint
    assert size == 0 or database.read_bytes() == before
    assert_repaired(place, sound)
    kept = next((place / ACME).glob("*.damaged-1"))
    assert size == 0 or kept.read_bytes() == before


def test_a_database_that_is_not_there_is_refused_and_can_be_repaired(place: Path, sound: Facts) -> None:
    (place / ACME / DATABASE).unlink()
    error = refusal(place / ACME)
    assert (error.code, error.exit_code) == ("store-damaged", 6)
    assert not (place / ACME / DATABASE).exists()
    assert_repaired(place, sound)


def test_repairing_twice_keeps_both_damaged_files(place: Path, sound: Facts) -> None:
    for number in (1, 2):
        (place / ACME / DATABASE).write_bytes(b"%d" % number * 10_000)
        assert_repaired(place, sound)
    assert [(place / ACME / f"{DATABASE}.damaged-{n}").read_bytes()[:1] for n in (1, 2)] == [b"1", b"2"]


# --- the write-ahead log


@pytest.fixture
def with_wal(place: Path, tmp_path: Path) -> tuple[Path, Facts]:
    """A factory as kill -9 leaves it, with a write-ahead log; and what its owner was told was done."""
    with opened(place) as factory:
        for name in ("one", "two", "three"):
            factory.groups.create(name, now=NOW)
        killed = tmp_path / "killed"
        shutil.copytree(place, killed)
        assert (killed / ACME / WAL).stat().st_size > 0
    facts = seen(place / ACME, check=True)
    assert facts is not None
    return killed, facts


def test_a_torn_write_ahead_log_recovers_whole(with_wal: tuple[Path, Facts], tmp_path: Path) -> None:
    """What a torn log lost, the audit log has: it was written first."""
    killed, sound = with_wal
    whole = (killed / ACME / WAL).read_bytes()
    cuts = [*drawn(range(0, len(whole), max(1, len(whole) // 20)), share=1 / 3), 1, 8, len(whole) - 1, len(whole) - 8]
    for cut in sorted(set(cuts)):
        torn = tmp_path / "torn"
        shutil.copytree(killed, torn)
        (torn / ACME / WAL).write_bytes(whole[:cut])
        assert seen(torn / ACME, check=False) == sound, cut
        shutil.rmtree(torn)


def test_a_flipped_byte_of_the_write_ahead_log_is_refused_or_made_good(
    with_wal: tuple[Path, Facts], tmp_path: Path
) -> None:
    killed, sound = with_wal
    whole = (killed / ACME / WAL).read_bytes()
    refused = 0
    for at in drawn(range(0, len(whole), max(1, len(whole) // 30)), share=1 / 2):
        flipped = tmp_path / "flipped"
        shutil.copytree(killed, flipped)
        flip(flipped / ACME / WAL, at)
        facts = seen(flipped / ACME, check=False)
        assert facts is not None
        if "refused" in facts:
            refused += 1
            assert facts == {"refused": "store-damaged"}, at
            Factory.repair(flipped / ACME)
            facts = seen(flipped / ACME, check=False)
            assert facts is not None
        assert facts["tables"] == sound["tables"], at
        shutil.rmtree(flipped)
    assert refused > 0


def test_a_write_ahead_log_of_another_database_is_not_replayed_after_a_repair(with_wal: tuple[Path, Facts]) -> None:
    killed, sound = with_wal
    (killed / ACME / DATABASE).unlink()
    Factory.repair(killed / ACME)
    facts = seen(killed / ACME, check=True)
    assert facts is not None
    assert facts["tables"] == sound["tables"]
    assert (killed / ACME / f"{DATABASE}.damaged-1.wal").exists()


# --- the audit log


def test_a_line_that_a_crash_cut_off_never_was(place: Path, sound: Facts) -> None:
    log = place / ACME / LOG
    whole = log.read_bytes()
    line = whole.splitlines(keepends=True)[-1]
    for size in (1, len(line) // 2, len(line) - 1):
        log.write_bytes(whole + line[:size])
        assert seen(place / ACME, check=True) == sound
        assert log.read_bytes() == whole


def test_an_audit_log_that_lost_what_the_store_has_seen_is_refused_and_not_touched(place: Path, sound: Facts) -> None:
    log = place / ACME / LOG
    whole = log.read_bytes()
    lines = whole.splitlines(keepends=True)
    for size in (0, len(lines[0]), len(whole) - len(lines[-1]), len(whole) - 1):
        log.write_bytes(whole[:size])
        error = refusal(place / ACME)
        assert error.code == "store-damaged"
        assert "restore a backup" in error.hint
        assert log.read_bytes() == whole[:size]
        # A repair would go back behind what was acknowledged.
        with pytest.raises(StorageError) as caught:
            Factory.repair(place / ACME)
        assert caught.value.code == "store-damaged"
        assert log.read_bytes() == whole[:size]
    log.write_bytes(whole)
    assert seen(place / ACME, check=True) == sound


def test_an_audit_log_that_is_not_there_is_refused_and_not_made(place: Path, sound: Facts) -> None:
    (place / ACME / LOG).unlink()
    error = refusal(place / ACME)
    assert error.code == "store-damaged"
    assert "restore a backup" in error.hint
    assert not (place / ACME / LOG).exists()
    with pytest.raises(StorageError):
        Factory.repair(place / ACME)
    assert_restored(place, sound)


def test_a_flipped_byte_of_the_audit_log_is_refused_or_found(place: Path, original: Path, sound: Facts) -> None:
    log, whole = place / ACME / LOG, (original / ACME / LOG).read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    chances = random.Random(SEED)
    anywhere = [chances.randrange(last) for _ in range(12)]
    in_the_last_line = [chances.randrange(last, len(whole)) for _ in range(12)]
    for at in [*drawn(anywhere, share=1 / 3), last - 1, *drawn(in_the_last_line, share=1 / 3), len(whole) - 1]:
        log.write_bytes(whole)
        flip(log, at)
        with pytest.raises(StorageError) as caught:
            Factory.repair(place / ACME)
        assert caught.value.code == "store-damaged", at
        if at >= last - 1:
            assert refusal(place / ACME).code == "store-damaged", at
        else:
            # No command reads it; a check does.
            assert faults_of_closed(place / ACME)
    assert_restored(place, sound)


def faults_or_error(path: Path) -> tuple[list[str], GroundswellError | None]:
    faults: list[str] = []
    error = error_of(lambda: faults.extend(faults_of_closed(path)))
    return faults, error


def faults_of_closed(path: Path) -> list[str]:
    with Factory.open(path, user=USER, wait=NOTHING) as factory:
        return faults_of(factory)


def faults_of(factory: Factory) -> list[str]:
    return [fault for result in factory.check(now=NOW).results for fault in result.faults]


@pytest.mark.parametrize("harm", ["flipped", "gone", "empty"])
def test_a_damaged_sidecar_is_found_by_a_check_and_refused_by_a_repair(place: Path, sound: Facts, harm: str) -> None:
    (sidecar,) = (place / ACME / "audit").glob("*.arrow")
    if harm == "flipped":
        flip(sidecar, 5000)
    elif harm == "gone":
        sidecar.unlink()
    else:
        sidecar.write_bytes(b"")
    with Factory.open(place / ACME, user=USER, wait=NOTHING) as factory:
        assert any(sidecar.name in fault for fault in faults_of(factory))
    with pytest.raises(StorageError) as caught:
        Factory.repair(place / ACME)
    assert caught.value.code == "store-damaged"
    assert "restore a backup" in caught.value.hint
    assert_restored(place, sound)


# --- keys and backups


def test_a_damaged_online_key_is_refused_where_it_signs_and_can_be_replaced(place: Path) -> None:
    with opened(place) as factory:
        (keyid,) = (fact.keyid for fact in factory.keys.show().keys if fact.role == "timestamp")
    key = place / ACME / "keys" / f"{keyid}.sec"
    whole = key.read_bytes()
    for harm in (lambda: flip(key, 0), lambda: flip(key, len(whole) // 2), lambda: key.write_bytes(b""), key.unlink):
        key.write_bytes(whole)
        key.chmod(0o600)
        harm()
        with opened(place) as factory:
            assert any(keyid in fault for fault in faults_of(factory)) or not key.exists()
            assert faults_of(factory)
            revision = factory.revision
            with pytest.raises(TrustError) as caught:
                factory.metadata.refresh(now=NOW)
            assert caught.value.code == ("online-key-damaged" if key.exists() else "online-key-missing")
            assert "keys.rotate_online" in caught.value.hint
            assert "backup" in caught.value.hint
            assert factory.revision == revision
    with opened(place) as factory:
        factory.keys.rotate_online(root_keys=place / "root.tgz", now=NOW)
        assert faults_of(factory) == []
        factory.metadata.refresh(now=NOW)


def test_a_flipped_byte_of_a_backup_is_refused_or_harmless(place: Path, sound: Facts) -> None:
    backup = place / "backup"
    whole = backup.read_bytes()
    chances = random.Random(SEED)
    places = [*range(0, 512, 40), *(chances.randrange(len(whole)) for _ in range(25))]
    for at in drawn(places, share=1 / 3):
        backup.write_bytes(whole)
        flip(backup, at)
        error = error_of(lambda: Factory.restore(backup, place / "restored", user=USER, now=NOW))
        if error is not None:
            assert error.code in {"bad-backup", "newer-factory"}, at
            assert error.hint
            assert not (place / "restored").exists()
        else:
            facts = seen(place / "restored", check=False)
            assert facts is not None
            assert facts["devices"] == sound["devices"], at
            shutil.rmtree(place / "restored")
    assert sorted(path.name for path in place.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("size", [0, 511, 600, 5000, 200_000])
def test_a_backup_that_is_cut_off_is_refused(place: Path, size: int) -> None:
    backup = place / "backup"
    backup.write_bytes(backup.read_bytes()[:size])
    with pytest.raises(InputError) as caught:
        Factory.restore(backup, place / "restored", user=USER, now=NOW)
    assert caught.value.code == "bad-backup"
    assert sorted(path.name for path in place.iterdir()) == ["acme", "backup", "root.tgz", "targets.tgz"]


# --- what a crash leaves, and what is no factory


def test_leftovers_of_a_crash_go_when_a_factory_is_opened(place: Path, sound: Facts) -> None:
    acme, token = place / ACME, "0123456789abcdef"
    retired = "ab" * 32
    for name in (
        f".{DATABASE}.{token}/{DATABASE}",
        f"audit/.00000009-0-devices.arrow.{token}",
        "audit/00000009-0-devices.arrow",
        f"keys/.{retired[:50]}.{token}",
        f"keys/{retired}.sec",
    ):
        (acme / name).parent.mkdir(exist_ok=True)
        (acme / name).write_bytes(b"left")
    (acme / "keys" / "README").write_bytes(b"not ours")
    (acme / "keys" / "README").chmod(0o600)
    facts = seen(acme, check=True)
    assert facts is not None
    assert [file for file in facts["files"] if file not in sound["files"]] == ["keys/README"]
    assert not (acme / f".{DATABASE}.{token}").exists()
    assert facts["tables"] == sound["tables"]


def test_a_newer_factory_is_refused_and_not_touched(place: Path) -> None:
    import duckdb

    with duckdb.connect(str(place / ACME / DATABASE)) as connection:
        connection.execute("UPDATE meta SET value = '9999' WHERE key = 'format'")
    before = {name: (place / ACME / name).read_bytes() for name in (DATABASE, LOG)}
    with pytest.raises(StateError) as caught:
        Factory.open(place / ACME, user=USER, wait=NOTHING)
    assert caught.value.code == "newer-factory"
    assert caught.value.fields["format"] == 9999
    assert {name: (place / ACME / name).read_bytes() for name in before} == before


def test_a_directory_that_is_no_factory_is_refused_and_not_made_one(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_bytes(b"")
    for path in (tmp_path / "none", tmp_path / "other", tmp_path / "other" / "file"):
        for act in (lambda path=path: Factory.open(path, wait=NOTHING), lambda path=path: Factory.repair(path)):
            with pytest.raises(NotFoundError) as caught:
                act()
            assert caught.value.code == "no-factory"
            assert "Factory.create" in caught.value.hint
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "other"]


# --- backups of what is damaged


def forge(log: Path, number: int) -> None:
    """Change what a line says, and seal the line anew: only the chain tells."""
    lines = log.read_bytes().splitlines(keepends=True)
    said = lines[number - 1].rpartition(b',"sha256":"')[0].replace(b'"by":"alice"', b'"by":"mallory"')
    lines[number - 1] = said + f',"sha256":"{hashlib.sha256(said).hexdigest()}"}}\n'.encode()
    log.write_bytes(b"".join(lines))


def flip_sidecar(folder: Path) -> None:
    flip(next((folder / "audit").iterdir()), 100)


UNSOUND: dict[str, Callable[[Path], object]] = {
    "a forged line": lambda folder: forge(folder / LOG, 2),
    "a flipped byte": lambda folder: flip(folder / LOG, 300),
    "rows that changed": flip_sidecar,
    "rows that are gone": lambda folder: next((folder / "audit").iterdir()).unlink(),
}


@pytest.mark.parametrize("how", list(UNSOUND))
def test_a_backup_says_when_what_it_saves_is_not_valid_and_a_restore_says_it_again(place: Path, how: str) -> None:
    """The first copy of what is damaged is written; a backup that is there already, perhaps a sound one, stays."""
    kept = (place / "backup").read_bytes()
    UNSOUND[how](place / ACME)
    with opened(place) as factory:
        for target in ("backup", "new"):
            with pytest.raises(StorageError) as caught:
                factory.backup(place / target)
            assert (caught.value.code, caught.value.exit_code) == ("unsound-backup", 6)
            assert ("was left as it is" if target == "backup" else "was written") in caught.value.message
    assert (place / "backup").read_bytes() == kept
    assert (place / "new").stat().st_mode & 0o077 == 0
    with pytest.raises(StorageError) as caught:
        Factory.restore(place / "new", place / "restored", user=USER, now=NOW)
    assert caught.value.code == "unsound-backup"
    assert "was restored" in caught.value.message
    faults, _ = faults_or_error(place / "restored")
    assert faults


BAD_MANIFESTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "no instant": lambda manifest: manifest.pop("backed_up_at"),
    "an instant that is a text": lambda manifest: manifest.update(backed_up_at="now"),
    "an instant beyond all calendars": lambda manifest: manifest.update(backed_up_at=10**30),
    "an instant before 1970": lambda manifest: manifest.update(backed_up_at=-1),
    "a format that is a list": lambda manifest: manifest.update(format=[1]),
    "files that are a text": lambda manifest: manifest.update(files="factory.duckdb"),
    "a file that is a number": lambda manifest: manifest["files"].append(7),
    "a file twice": lambda manifest: manifest["files"].append(manifest["files"][-1]),
    "a size that is a text": lambda manifest: manifest["files"][-1].update(size="7"),
    "a negative size": lambda manifest: manifest["files"][-1].update(size=-1),
    "a size that is wrong": lambda manifest: manifest["files"][-1].update(size=10**15),
    "no digest": lambda manifest: manifest["files"][-1].pop("sha256"),
    "a digest that is wrong": lambda manifest: manifest["files"][-1].update(sha256="0" * 64),
    "a name outside": lambda manifest: manifest["files"][-1].update(name="keys/../../outside"),
}


@pytest.mark.parametrize("how", [*BAD_MANIFESTS, "deep nesting"])
def test_a_restore_from_a_bad_manifest_leaves_nothing_behind(place: Path, how: str) -> None:
    data = (place / "backup").read_bytes()
    size = int(data[124:135], 8)
    manifest = json.loads(data[512 : 512 + size])
    if how == "deep nesting":
        changed = b"[" * 100_000
    else:
        BAD_MANIFESTS[how](manifest)
        changed = json.dumps(manifest).encode()
    header = tarfile.TarInfo("manifest.json")
    header.size = len(changed)
    rest = data[512 + size + -size % 512 :]
    (place / "bad").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + changed + bytes(-len(changed) % 512) + rest)
    before = sorted(path.name for path in place.iterdir())
    for target in ("restored", "empty"):
        if target == "empty":
            (place / target).mkdir()
            before = sorted([*before, target])
        error = error_of(lambda target=target: Factory.restore(place / "bad", place / target, user=USER, now=NOW))  # type: ignore[misc]
        assert isinstance(error, InputError)
        assert error.code == "bad-backup"
        assert sorted(path.name for path in place.iterdir()) == before
    assert not list((place / "empty").iterdir())
