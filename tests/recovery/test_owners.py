"""A factory has one owner: others wait, and are told who has it; threads of the owner share it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from groundswell import Fleet
from groundswell.errors import InputError, StateError, StorageError
from groundswell.factory import Factory
from support import profiles
from support.crash_scenes import ACME, NOW, USER, bare, lines, opened, seen, stocked, table, uuid
from support.crashes import TESTS
from support.forking import code_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOON = timedelta(seconds=0.3)
OWN = (
    "import sys, time; from pathlib import Path; from groundswell.factory import Factory\n"
    "factory = Factory.open(Path(sys.argv[1]), owner='groundswell devices import', user='bob')\n"
    "print('open', flush=True)\n"
    "sys.stdin.readline()\n"
    "factory.close()\n"
    "print('closed', flush=True)\n"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    stocked(tmp_path)
    return tmp_path


@pytest.fixture
def owner(place: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the factory open."""
    with subprocess.Popen(
        [sys.executable, "-c", OWN, str(place / ACME)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def refused(place: Path) -> StateError:
    with pytest.raises(StateError) as caught:
        Factory.open(place / ACME, user=USER, wait=SOON)
    return caught.value


def test_a_second_process_is_told_who_has_it_and_since_when(place: Path, owner: subprocess.Popen[str]) -> None:
    error = refused(place)
    assert (error.code, error.exit_code) == ("factory-in-use", 4)
    assert (error.fields["owner"], error.fields["pid"]) == ("groundswell devices import", owner.pid)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", error.fields["since"])
    for part in ("`groundswell devices import`", str(owner.pid), error.fields["since"], str(place / ACME)):
        assert part in error.message
    for act in (lambda: Factory.repair(place / ACME, wait=SOON), lambda: Factory.open(place / ACME, wait=SOON)):
        with pytest.raises(StateError) as caught:
            act()
        assert caught.value.code == "factory-in-use"


def test_a_second_process_gets_it_when_the_first_is_done(place: Path, owner: subprocess.Popen[str]) -> None:
    assert owner.stdin is not None
    release = threading.Timer(0.2, lambda: os.write(owner.stdin.fileno(), b"\n"))  # type: ignore[union-attr]
    release.start()
    with Factory.open(place / ACME, user=USER, wait=timedelta(seconds=60)) as factory:
        assert factory.name == ACME
    release.join()


def test_the_lock_of_a_killed_owner_is_free_at_once(place: Path, owner: subprocess.Popen[str]) -> None:
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with Factory.open(place / ACME, user=USER, wait=timedelta(seconds=0)) as factory:
        assert factory.name == ACME


def test_the_same_process_cannot_open_it_twice(place: Path) -> None:
    with opened(place):
        assert refused(place).fields["pid"] == os.getpid()
    opened(place).close()


def test_an_owner_that_has_not_signed_yet_is_another_process(place: Path, owner: subprocess.Popen[str]) -> None:
    assert owner.pid
    (place / ACME / "lock").write_bytes(b"")
    assert "another process" in refused(place).message


def test_another_program_that_has_the_database_open_is_an_owner_too(place: Path) -> None:
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(place / ACME / "factory.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        assert refused(place).code == "factory-in-use"
        process.kill()
    opened(place).close()


def can_write(database: Path) -> bool:
    """Whether another program can open the database for writing."""
    script = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('CREATE TABLE t (x INT)')"
    done = subprocess.run([sys.executable, "-c", script, str(database)], capture_output=True, text=True, check=False)
    return "Could not set lock" not in done.stderr


def test_duckdb_keeps_its_lock_through_backups_and_checks(place: Path, tmp_path: Path) -> None:
    """POSIX: to close any descriptor of a file releases all locks that the process has on it."""
    database = place / ACME / "factory.duckdb"
    with opened(place) as factory:
        for number in range(2):
            factory.backup(tmp_path / f"backup-{number}")
            assert not can_write(database), f"after backup {number}"
        factory.groups.create("more", now=NOW)
        factory.backup(tmp_path / "backup-0")
        assert factory.check(now=NOW).sound
        list(factory._context.store.records())
        (place / "link").symlink_to(database)
        for read in (factory.devices.import_, factory.targets.import_):
            for source in (database, place / "link", str(database)):
                with pytest.raises(InputError) as caught:
                    read(source)
                assert caught.value.code == "bad-source"
        os.link(database, place / "hard-link")
        for source in (database, place / "hard-link"):
            for act in (
                lambda source=source: Fleet.read(source),
                lambda source=source: factory.waves.apply(source),
                lambda source=source: Factory.restore(source, place / "restored"),
                lambda source=source: factory.devices.fleet(now=NOW).write(source),
            ):
                with pytest.raises(InputError):
                    act()
        assert refused(place).code == "factory-in-use"
        assert not can_write(database)
    opened(place).close()
    assert code_of(lambda: Fleet.read(database)) == "not-a-table"


_IMPATIENT = """
import sys
from datetime import timedelta
from groundswell.cli import run
from groundswell.factory import factory
factory.DEFAULT_WAIT = timedelta(seconds=1)
sys.exit(run(sys.argv[1:]))
"""
"""The command line, which gives up after one second instead of ten."""


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_removing_the_lock_file_makes_no_second_owner(place: Path, how: str) -> None:
    with opened(place) as factory:
        (place / ACME / "lock").unlink()
        if how == "replaced":
            (place / ACME / "lock").touch(0o600)
        assert refused(place).fields["pid"] == os.getpid()
        done = subprocess.run(
            [sys.executable, "-c", _IMPATIENT, "-C", str(place / ACME), "check", "--repair"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.returncode == 4, done.stderr
        assert "in use by" in done.stderr
        factory.groups.create("more", now=NOW)
    facts = seen(place / ACME, check=True)
    assert facts is not None
    assert facts["faults"] == []


@pytest.mark.parametrize("what", ["link", "dangling link", "directory", "pipe"])
def test_a_lock_that_is_not_a_file_is_refused_and_nothing_is_written_through_it(place: Path, what: str) -> None:
    lock, other = place / ACME / "lock", place / "other"
    lock.unlink()
    if what == "link":
        other.write_bytes(b"precious")
    if what == "directory":
        lock.mkdir()
    elif what == "pipe":
        os.mkfifo(lock)
    else:
        lock.symlink_to(other)
    with pytest.raises(StorageError) as caught:
        opened(place)
    assert (caught.value.code, caught.value.exit_code) == ("unsafe-lock", 6)
    assert str(lock) in caught.value.message
    assert (other.read_bytes() if other.exists() else None) == (b"precious" if what == "link" else None)
    lock.rmdir() if what == "directory" else lock.unlink()
    opened(place).close()


@pytest.mark.parametrize(("bits", "sound"), [(0o002, False), (0o020, True)])
@pytest.mark.parametrize("part", ["", "keys", "audit.log", "factory.duckdb"])
def test_a_factory_that_others_can_write_to_is_reported(place: Path, part: str, bits: int, *, sound: bool) -> None:
    """By everyone: a fault, and a warning of `status`. By a group, as some people want it: a warning."""
    with opened(place) as factory:
        path = place / ACME / part
        path.chmod(path.stat().st_mode | bits)
        assert any(str(path) in warning and "chmod" in warning for warning in factory.status(now=NOW).warnings[:1])
        report = factory.check(now=NOW)
        assert report.sound == sound
        assert any(str(path) in fault for result in report.results for fault in result.faults) != sound
        path.chmod(path.stat().st_mode & ~bits)
        assert factory.check(now=NOW).sound
        assert not any("chmod" in warning for warning in factory.status(now=NOW).warnings)


def test_a_closed_factory_says_so(place: Path) -> None:
    factory = opened(place)
    factory.close()
    factory.close()
    for act in (factory.groups.list, lambda: factory.groups.create("late"), factory.check):
        with pytest.raises(StateError) as caught:
            act()
        assert caught.value.code == "factory-closed"


def test_threads_share_a_factory(tmp_path: Path) -> None:
    """Eight threads import, move, make, read and back up at once; nothing is lost, nothing done twice."""
    bare(tmp_path)
    workers, rounds = 8, 6 if profiles.PROFILE == "full" else 3
    with opened(tmp_path) as factory:
        factory.groups.create("shared", now=NOW)
        start = threading.Barrier(workers)

        def work(worker: int) -> None:
            start.wait()
            for turn in range(rounds):
                first = (worker * rounds + turn) * 10
                # Two devices of each import are everybody's.
                factory.devices.import_(table(first + 2, 8, group=f"group-{worker}", production=True), now=NOW)
                factory.devices.import_(table(0, 2, production=True), now=NOW)
                factory.devices.assign([uuid(first + 2)], "shared", now=NOW)
                fleet = factory.devices.fleet(now=NOW)
                assert len(fleet) >= 8
                assert len(list(factory.groups.list())) >= 2
                assert factory.groups.show(f"group-{worker}").devices <= 8 * rounds
                if turn == worker % rounds:
                    factory.backup(tmp_path / f"backup-{worker}")
                    assert [record.seq for record in factory._context.store.records()][:1] == [1]

        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(work, worker) for worker in range(workers)]:
                done.result()
        mine = {uuid(n) for n in range(workers * rounds * 10) if n % 10 >= 2}
        found = factory.devices.list(limit=10_000).devices
        assert {device.uuid for device in found} == mine | {uuid(0), uuid(1)}
        assert [device.ordinal for device in found] == list(range(len(found)))
        assert factory.groups.show("shared").devices == workers * rounds
        assert all(factory.groups.show(f"group-{w}").devices == 7 * rounds for w in range(workers))
        assert len(factory.devices.fleet(now=NOW)) == len(found)
    facts = seen(tmp_path / ACME, check=True)
    assert facts is not None
    assert facts["faults"] == []
    counted = Counter(lines(tmp_path / ACME))
    assert counted["devices group"] == workers * rounds
    assert counted["devices import"] == workers * rounds + 1
    for worker in range(workers):
        Factory.restore(tmp_path / f"backup-{worker}", tmp_path / f"restored-{worker}", user=USER, now=NOW)
