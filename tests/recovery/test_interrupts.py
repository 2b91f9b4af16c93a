"""Ctrl-C changes nothing, or says that the change has been made: never one and the other in fact."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import StorageError
from groundswell.store import InterruptedAfterCommitError
from groundswell.store.audit.log import AuditLog
from groundswell.store.duckdb.database import apply
from support.crash_scenes import ACME, NOW, lines, opened, scattered, stocked, table, uuid
from support.crashes import TESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from groundswell.factory import Factory


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[Factory]:
    stocked(tmp_path)
    with opened(tmp_path) as factory:
        yield factory


def interrupted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, during which Ctrl-C is pressed."""

    def wrapped(*arguments: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return function(*arguments, **named)

    return wrapped


def test_before_a_commit_it_changes_nothing(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundswell.factory.devices.imports.read_fleet", interrupted(lambda *_, **__: None))
    before = factory.revision
    with pytest.raises(KeyboardInterrupt) as caught:
        factory.devices.import_(table(6, 4), now=NOW)
    assert type(caught.value) is KeyboardInterrupt
    assert (factory.revision, len(factory.devices)) == (before, 6)


@pytest.mark.parametrize("where", ["in the audit log", "in the database", "after both"])
def test_during_a_commit_and_after_it_the_change_is_made_and_told(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    before = factory.revision
    if where == "in the audit log":
        monkeypatch.setattr(AuditLog, "append", interrupted(AuditLog.append))
    elif where == "in the database":
        monkeypatch.setattr("groundswell.store.duckdb.store.apply", interrupted(apply))
    else:
        monkeypatch.setattr(factory.groups, "show", interrupted(factory.groups.show))
    with pytest.raises(InterruptedAfterCommitError):
        factory.groups.create("lab", now=NOW)
    monkeypatch.undo()
    assert factory.revision == before + 1
    assert factory.groups.show("lab").devices == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_the_commit_fails_that_is_told(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StorageError("cannot-write", "the disk is full")

    monkeypatch.setattr(AuditLog, "append", interrupted(full))
    before = factory.revision
    with pytest.raises(StorageError):
        factory.groups.create("lab", now=NOW)
    assert factory.revision == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_application_is_put_back(factory: Factory) -> None:
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        factory.groups.create("lab", now=NOW)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, mine)


def test_other_threads_commit_without_touching_signals(factory: Factory) -> None:
    done = []
    thread = threading.Thread(target=lambda: done.append(factory.groups.create("lab", now=NOW)))
    thread.start()
    thread.join()
    assert [group.name for group in done] == ["lab"]


IMPORT = """
import sys
from pathlib import Path
from support.crash_scenes import NOW, opened
from groundswell.store import InterruptedAfterCommitError
with opened(Path(sys.argv[1])) as factory:
    print("go", flush=True)
    try:
        factory.devices.import_(sys.argv[2], now=NOW)
    except InterruptedAfterCommitError:
        told = "made"
    except KeyboardInterrupt:
        told = "nothing"
    else:
        told = "done"
    print(told, flush=True)
"""


def test_a_long_import_can_be_interrupted_at_any_time(tmp_path: Path) -> None:
    """What the process says of it is what is there."""
    rows = tmp_path / "devices.csv"
    names = scattered(60_000)
    rows.write_text("uuid,name\n" + "".join(f"{uuid(100 + n)},{name}\n" for n, name in enumerate(names)))
    told = []
    for number, delay in enumerate((0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.9)):
        place = tmp_path / str(number)
        place.mkdir()
        stocked(place)
        with subprocess.Popen(
            [sys.executable, "-c", IMPORT, str(place), str(rows)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": str(TESTS)},
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            threading.Timer(delay, lambda process=process: process.send_signal(signal.SIGINT)).start()
            said = process.stdout.readline().strip()
            process.wait()
        told.append(said)
        imported = lines(place / ACME).count("devices import") == 2
        # Where it came after the last word, or before the first, the process ended without one.
        assert said in {"made", "done", ""} if imported else said in {"nothing", ""}, (delay, said)
    assert "nothing" in told
