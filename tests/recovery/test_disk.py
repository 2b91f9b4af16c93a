"""A disk that is full, fails or may not be written to changes nothing, and is told of; afterwards everything goes on.

*At every step* the disk refuses one call, or from one call on all that write, or all of them; a run tries a twelfth of
the steps (`crashes.drawn`). *For real* a small file
system is filled, files may not grow, and a folder is another user's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import StorageError
from groundswell.factory import Factory
from support import crashes
from support.crash_scenes import ACME, NOW, SCENES, USER, bare, keyed, opened, scattered, seen, table, uuid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.crashes import Servers

ACTS = [
    ("import", 0),
    ("import", 1),
    ("large import", 0),
    ("groups", 1),
    ("keys", 0),
    ("keys", 4),
    ("targets", 0),
    ("waves", 1),
    ("backup", 0),
    ("create", 0),
    ("restore", 0),
]
HOW = [("fail once", errno.EIO), ("fail writes", errno.ENOSPC), ("fail on", errno.EROFS)]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with crashes.running() as running:
        yield running


@pytest.mark.parametrize(("scene", "act"), ACTS)
def test_a_disk_that_refuses_changes_nothing_and_is_told_of(servers: Servers, scene: str, act: int) -> None:
    """Or it is told that nobody knows yet: then the next command finds out, and finds all of it or nothing."""
    stages = servers.rehearsed(scene)["stages"]
    (_, whole), *_ = servers.ask_all("refuse", scene, [{"act": act, "mode": "count", "step": 0, "error": 0}])
    assert whole["errors"][0] is None
    # Where many steps are of a kind, a disk that stays ill is tried at every third.
    requests: list[dict[str, Any]] = [
        {"act": act, "mode": mode, "step": step, "error": error}
        for step, what in enumerate(whole["steps"], start=1)
        for mode, error in HOW
        if mode == "fail once" or (step % 3 == 0 and (mode == "fail on" or what.startswith("write")))
    ]
    codes = set()
    kinds = [f"{request['mode']} {whole['steps'][request['step'] - 1].split()[0]}" for request in requests]
    for request, found in servers.ask_all("refuse", scene, crashes.drawn(requests, kinds)):
        assert "bug" not in found, (request, found)
        told, *after = found["errors"]
        if told is not None and told[1] == "retired-keys-left":
            assert "the change is made" in told[3]
            told = None
        if scene in {"create", "restore"}:
            judge_making(found, stages, told, "restored" if scene == "restore" else ACME)
        else:
            judge_change(found, stages[act : act + 2], told, request)
            assert after == [None], (request, found)
        if told is not None:
            assert told[0] == "StorageError", (request, told)
            codes.add(told[1])
    assert "cannot-write" in codes
    assert codes <= {"cannot-write", "outcome-unknown"}


def judge_change(found: Any, stages: list[Any], told: list[str] | None, request: Any) -> None:
    seen = found["seen"][ACME]
    assert seen["faults"] == [], (request, found)
    # The group that was made afterwards is one revision more.
    done = seen["revision"] - 1 - stages[0][ACME]["revision"]
    changes = stages[-1][ACME]["revision"] - stages[0][ACME]["revision"]
    if told is None:
        assert done == changes, (request, found)
    elif told[1] == "cannot-write":
        assert done == 0 or not changes, (request, found)
        assert "nothing was changed" in told[3], told
    else:
        assert done in {0, changes}, (request, found)
    devices = stages[1 if done and changes else 0][ACME]["devices"]
    assert {d: row[:2] for d, row in seen["devices"].items()} == {d: row[:2] for d, row in devices.items()}
    if "backup" in found["seen"]:
        assert found["seen"]["backup"]["whole"], (request, found)


def judge_making(found: Any, stages: list[Any], told: list[str] | None, name: str) -> None:
    made = found["seen"][name]
    assert (made is not None) or told is not None, found
    if made is not None:
        assert made["faults"] == []
        assert made["revision"] == stages[-1][name]["revision"]


# --- for real


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"file systems cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)
    return filler


def create_group(place: Path) -> None:
    with opened(place) as factory:
        factory.groups.create("late", now=NOW)


def test_a_full_disk_changes_nothing_says_so_and_can_still_be_read(small_disk: Path) -> None:
    keyed(small_disk)
    before = seen(small_disk / ACME, check=True)
    assert before is not None
    filler = fill(small_disk)
    acts: dict[str, Callable[[Factory], object]] = {
        "import": lambda factory: factory.devices.import_(
            table(10, 20_000, name=scattered(20_000), production=True), now=NOW
        ),
        "group": lambda factory: factory.groups.create("late", "x" * 900, now=NOW),
        "key": lambda factory: factory.keys.rotate_online(root_keys=small_disk / "root.tgz", now=NOW),
        "backup": lambda factory: factory.backup(small_disk / "backup"),
    }
    for name, act in acts.items():
        with opened(small_disk) as factory:
            assert len(factory.devices) == 6
            with pytest.raises(StorageError) as caught:
                act(factory)
            assert (caught.value.code, caught.value.exit_code) == ("cannot-write", 6), name
            assert "No space left" in caught.value.message, name
            assert "free space" in caught.value.hint, name
            assert len(factory.devices) == 6
    with pytest.raises(StorageError) as caught:
        Factory.create(small_disk / "second", name="second", now=NOW)
    assert caught.value.code == "cannot-write"
    filler.unlink()
    assert seen(small_disk / ACME, check=True) == before
    assert sorted(path.name for path in small_disk.iterdir()) == [ACME, "root.tgz", "targets.tgz"]
    with opened(small_disk) as factory:
        for act in acts.values():
            act(factory)


@pytest.mark.parametrize("room", [0, 100, 5_000, 300_000, 2_000_000])
def test_files_that_may_not_grow_are_a_full_disk(tmp_path: Path, room: int) -> None:
    keyed(tmp_path)
    before = seen(tmp_path / ACME, check=True)
    assert before is not None
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = (tmp_path / ACME / "audit.log").stat().st_size
    with opened(tmp_path) as factory:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, old[1]))
        try:
            rows = table(10, 60_000, name=scattered(60_000), production=True)
            with pytest.raises(StorageError) as caught:
                factory.devices.import_(rows, now=NOW)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        assert caught.value.code == "cannot-write"
        assert "File too large" in caught.value.message
        assert "free space" in caught.value.hint
        assert len(factory.devices) == 6
    assert seen(tmp_path / ACME, check=True) == before


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Have no more rights than a user who owns nothing."""
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.parametrize("what", ["everything", "the files", "the folder"])
def test_what_is_anothers_cannot_be_written_and_is_not_changed(tmp_path: Path, what: str) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    place = tmp_path / "place"
    place.mkdir()
    keyed(place)
    before = {path: path.stat() for path in sorted(place.rglob("*"))}
    facts = seen(place / ACME, check=True)
    for folder in [place, *place.parents][: len(place.parents) - 1]:
        folder.chmod(folder.stat().st_mode | 0o055)
    mine = {
        "everything": [],
        "the files": [place / ACME],
        "the folder": [path for path in before if path.is_file()],
    }[what]
    for path in before:
        path.chmod(0o755 if path.is_dir() else 0o644)
    for path in mine:
        os.chown(path, 65534, 65534)
    acts: list[Callable[[], object]] = [
        lambda: create_group(place),
        lambda: Factory.create(place / "second", name="second", now=NOW),
        lambda: Factory.repair(place / ACME),
    ]
    for act in acts:
        with nobody(), pytest.raises(StorageError) as caught:
            act()
        assert (caught.value.code, caught.value.exit_code) == ("cannot-write", 6)
        assert "Permission denied" in caught.value.message
        assert "permission" in caught.value.hint
    for path, about in before.items():
        os.chown(path, about.st_uid, about.st_gid)
        path.chmod(about.st_mode & 0o7777)
    assert seen(place / ACME, check=True) == facts


@contextlib.contextmanager
def mounted_read_only(folder: Path) -> Iterator[None]:
    for command in (["mount", "--bind", str(folder), str(folder)], ["mount", "-o", "remount,bind,ro", str(folder)]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("folders cannot be mounted read-only here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


READING = (
    ["status"],
    ["check"],
    ["devices", "list"],
    ["waves", "list"],
)
WRITING = (
    ["groups", "create", "late"],
    ["keys", "rotate", "online", "--root-keys", "{place}/root.tgz"],
    ["check", "--repair"],
)


def cli(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "groundswell", "-C", str(place / ACME), *arguments]
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | path)


@pytest.mark.parametrize("state", ["clean", "killed", "behind", "torn", "without a lock file"])
def test_everything_is_readable_on_a_read_only_disk(tmp_path: Path, state: str) -> None:
    """Also after a crash: what the log has and the database lacks is read from a copy, and the disk is not touched."""
    keyed(tmp_path)
    with opened(tmp_path) as factory:
        factory.devices.import_(table(99, 1, production=False, tag="main"), now=NOW)
    acme = tmp_path / ACME
    clean = acme.with_name("clean")
    shutil.copytree(acme, clean)
    with opened(tmp_path) as factory:
        factory.groups.create("last", now=NOW)
        if state == "killed":
            shutil.copytree(acme, tmp_path / "killed")
    if state == "killed":
        assert (tmp_path / "killed" / "factory.duckdb.wal").exists()
        shutil.rmtree(acme)
        (tmp_path / "killed").rename(acme)
    if state == "behind":
        shutil.copy(clean / "factory.duckdb", acme / "factory.duckdb")
    if state == "torn":
        with (acme / "audit.log").open("ab") as log:
            log.write(b'{"seq":')
    if state == "without a lock file":
        (acme / "lock").unlink()
    before = {path: path.read_bytes() for path in sorted(acme.rglob("*")) if path.is_file()}
    with mounted_read_only(acme):
        with opened(tmp_path) as factory:
            assert [group.name for group in factory.groups.list()] == ["canary", "field", "last"]
            assert factory.check(now=NOW).sound
            assert len(factory.devices.fleet(now=NOW)) == 7
            factory.status(now=NOW)
            factory.backup(tmp_path / "backup")
            revision = factory.revision
            # What is past half of its life cannot be signed anew there; it is exported all the same, and that is told.
            late = NOW + timedelta(days=5)
            exported = factory.metadata.export(uuid(99), tmp_path / "metadata", now=late)
            assert "cannot be signed anew" in exported.warnings[0]
            assert exported.publication is not None
            assert (tmp_path / "metadata" / "timestamp.json").read_bytes() == exported.publication.timestamp
            for act in (lambda: factory.groups.create("late"), lambda: factory.devices.assign([uuid(0)], "field")):
                with pytest.raises(StorageError) as caught:
                    act()
                assert caught.value.code == "cannot-write"
                assert "Read-only file system" in caught.value.message
            assert factory.revision == revision
        after = {path: path.read_bytes() for path in sorted(acme.rglob("*")) if path.is_file()}
    assert after == before
    restored = Factory.restore(tmp_path / "backup", tmp_path / "restored", user=USER, now=NOW)
    assert restored.revision == revision + 1
    facts = seen(acme, check=True)
    assert facts is not None
    assert facts["faults"] == []


def test_commands_on_a_read_only_disk_read_or_say_that_they_cannot_write(tmp_path: Path) -> None:
    keyed(tmp_path)
    with mounted_read_only(tmp_path / ACME):
        for command in READING:
            done = cli(tmp_path, *command)
            assert done.returncode == 0, (command, done.stderr)
        for command in WRITING:
            done = cli(tmp_path, *(word.format(place=tmp_path) for word in command))
            assert done.returncode == 6, (command, done.stderr)
            assert "Read-only file system" in done.stderr, command


def test_nothing_is_written_before_a_read_only_factory_refuses(tmp_path: Path) -> None:
    """Neither tarballs of keys nor a file of rejects: that the change cannot be made is known before."""
    bare(tmp_path)
    files = {"root_keys": tmp_path / "root.tgz", "targets_keys": tmp_path / "targets.tgz"}
    new = {"root_keys": files["root_keys"], "targets_keys": tmp_path / "new.tgz"}
    (tmp_path / "fleet.csv").write_text(f"uuid,production\n{uuid(70)},yes\n{uuid(71)},perhaps\n")

    def refused(acts: dict[str, Callable[[Factory], object]]) -> None:
        before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
        with mounted_read_only(tmp_path / ACME), opened(tmp_path) as factory:
            for name, act in acts.items():
                with pytest.raises(StorageError) as caught:
                    act(factory)
                assert caught.value.code == "cannot-write", name
                assert "Read-only file system" in caught.value.message, name
        assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before

    rejects = tmp_path / "rejects.csv"
    refused(
        {
            "init": lambda factory: factory.keys.init(**files, now=NOW),
            "import": lambda factory: factory.devices.import_(tmp_path / "fleet.csv", rejects=rejects, now=NOW),
        }
    )
    with opened(tmp_path) as factory:
        factory.keys.init(**files, now=NOW)
    refused(
        {
            "add-targets": lambda factory: factory.keys.add_targets(**new, now=NOW),
            "rotate root": lambda factory: factory.keys.rotate_root(root_keys=files["root_keys"], now=NOW),
            "rotate targets": lambda factory: factory.keys.rotate_targets(**files, now=NOW),
            "rotate online": lambda factory: factory.keys.rotate_online(root_keys=files["root_keys"], now=NOW),
        }
    )


def test_another_user_can_read_and_is_told_what_cannot_be_done(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    keyed(tmp_path)
    for path in [tmp_path, *tmp_path.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    for folder in [tmp_path, *tmp_path.parents][: len(tmp_path.parents) - 1]:
        folder.chmod(folder.stat().st_mode | 0o055)
    with nobody(), opened(tmp_path) as factory:
        assert len(factory.devices.list(limit=10).devices) == 6
        assert [group.name for group in factory.groups.list()] == ["canary", "field"]
        factory.status(now=NOW)
        # Anyone can read the keys of this factory, which is a fault of it.
        faults = [fault for result in factory.check(now=NOW).results for fault in result.faults]
        assert faults
        assert all(fault.startswith("others can read") for fault in faults)
        with pytest.raises(StorageError) as caught:
            factory.groups.create("late", now=NOW)
        assert caught.value.code == "cannot-write"
        assert "Permission denied" in caught.value.message
    (tmp_path / ACME / "keys").chmod(0o700)
    with nobody():
        assert "Permission denied" in not_checked(tmp_path).message
    (tmp_path / ACME / "factory.duckdb").chmod(0o600)
    with nobody(), pytest.raises(StorageError) as caught:
        opened(tmp_path)
    assert caught.value.code == "cannot-read"


# --- what cannot be looked at is not called damaged


def not_checked(place: Path) -> StorageError:
    with opened(place) as factory:
        with pytest.raises(StorageError) as caught:
            factory.check(now=NOW)
        assert (caught.value.code, caught.value.exit_code) == ("could-not-check", 6)
        assert "could not check" in caught.value.message
        return caught.value


def test_a_full_disk_leaves_checks_unmade_and_finds_no_fault(small_disk: Path) -> None:
    """100 000 devices on a disk of 12 MB: to replay their history takes more than is left."""
    bare(small_disk)
    with opened(small_disk) as factory:
        factory.devices.import_(table(0, 100_000, production=True, group="field", tag="main"), now=NOW)
    fill(small_disk)
    error = not_checked(small_disk)
    assert "No space left" in error.message
    unmade = [one["check"] for one in error.fields["not_checked"]]
    assert unmade == ["the audit log yields just this store"]
    assert not any(result["faults"] for result in error.fields["results"])
    done = cli(small_disk, "check")
    assert done.returncode == 6
    assert "could not check" in done.stderr
    assert "No space left" in done.stderr
    assert "FAULT" not in done.stdout
    assert "not sound" not in done.stderr


def test_a_store_that_a_full_disk_keeps_from_opening_is_not_called_damaged(small_disk: Path) -> None:
    """It lacks what the log has, and cannot take it in. An export leaves no folder either."""
    bare(small_disk)
    acme = small_disk / ACME
    behind = (acme / "factory.duckdb").read_bytes()
    with opened(small_disk) as factory:
        factory.devices.import_(table(0, 20_000, production=True, group="field", tag="main"), now=NOW)
    whole = (acme / "factory.duckdb").read_bytes()
    (acme / "factory.duckdb").write_bytes(behind)
    filler = fill(small_disk)
    done = cli(small_disk, "check")
    assert done.returncode == 6
    assert "could not check the factory: it cannot be opened" in done.stderr
    assert "No space left" in done.stderr
    assert "damaged" not in done.stderr
    filler.unlink()
    (acme / "factory.duckdb").write_bytes(whole)
    fill(small_disk)
    with opened(small_disk) as factory, pytest.raises(StorageError) as caught:
        factory.metadata.export(uuid(1), small_disk / "new" / "metadata", now=NOW)
    assert caught.value.code == "cannot-write"
    assert sorted(path.name for path in small_disk.iterdir()) == [ACME, "filler"]


def test_files_that_may_not_grow_leave_checks_unmade(tmp_path: Path) -> None:
    """As on a full disk; what only reads answers, and a backup that fits is made."""
    bare(tmp_path)
    with opened(tmp_path) as factory:
        factory.devices.import_(table(0, 20_000, production=True, group="field", tag="main"), now=NOW)
    with opened(tmp_path) as factory:
        size = factory.backup(tmp_path / "backup")
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
        try:
            factory.status(now=NOW)
            with pytest.raises(StorageError) as checked:
                factory.check(now=NOW)
            with pytest.raises(StorageError) as backed_up:
                factory.backup(tmp_path / "backup")
            with pytest.raises(StorageError) as restored:
                Factory.restore(tmp_path / "backup", tmp_path / "restored", user=USER, now=NOW)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
            assert factory.backup(tmp_path / "again") == size
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        assert (checked.value.code, backed_up.value.code) == ("could-not-check", "cannot-write")
        assert restored.value.code == "cannot-write"
        assert all("File too large" in one.value.message for one in (checked, backed_up, restored))
        assert not (tmp_path / "restored").exists()
        assert factory.check(now=NOW).sound


def test_no_room_for_temporary_files_leaves_checks_unmade(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(tmp_path)
    fill(small_disk)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    error = not_checked(tmp_path)
    assert "No space left" in error.message


def test_too_few_descriptors_leave_checks_unmade(tmp_path: Path) -> None:
    keyed(tmp_path)
    with opened(tmp_path) as factory:
        factory.check(now=NOW)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 2, hard))
        taken: list[int] = []
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.dup(0))
            with pytest.raises(StorageError) as caught:
                factory.check(now=NOW)
        finally:
            for descriptor in taken:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert caught.value.code == "could-not-check"
        assert "Too many open files" in caught.value.message
        assert factory.check(now=NOW).sound


def test_a_file_that_cannot_be_read_leaves_its_check_unmade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fails under a file, or memory runs out: only what is read wrong is a fault."""
    keyed(tmp_path)
    with opened(tmp_path) as factory:
        for failure in (OSError(errno.EIO, os.strerror(errno.EIO)), MemoryError()):

            def fail(*_: object, failure: BaseException = failure, **__: object) -> bytes:
                raise failure

            with monkeypatch.context() as patched:
                patched.setattr("pathlib.Path.read_bytes", fail)
                with pytest.raises(StorageError) as caught:
                    factory.check(now=NOW)
            assert caught.value.code == "could-not-check"
        log = tmp_path / ACME / "audit.log"
        data = log.read_bytes()
        log.write_bytes(data.replace(b"imported", b"exported"))
        with monkeypatch.context() as patched:
            patched.setattr("pathlib.Path.read_bytes", fail)
            report = factory.check(now=NOW)
        assert not report.sound
        assert any(result.faults for result in report.results)
        assert any(result.not_checked for result in report.results)
        log.write_bytes(data)


def test_every_command_is_among_the_acts() -> None:
    assert {scene for scene, _ in ACTS} <= set(SCENES)
    assert shutil.which("mount")
    assert USER
