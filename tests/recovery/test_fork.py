"""A factory belongs to the process that opened it: a forked child can neither use nor harm it; values work anywhere."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from crash_scenes import ACME, NOW, USER, keyed, lines, opened, seen
from forking import code_of, in_child
from groundswell import Fleet, Selection, UuidList
from groundswell.errors import StateError
from groundswell.factory import Factory
from groundswell.fleet.synth import synth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FORKED = "forked-factory"
NOTHING = timedelta(0)
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
PARTS = ("devices", "groups", "targets", "keys", "metadata", "waves")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("original")
    keyed(place)
    return place


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "place")
    return tmp_path / "place"


@pytest.fixture
def factory(place: Path) -> Iterator[Factory]:
    with opened(place) as factory:
        yield factory


def sound_after(place: Path, *actions: str) -> None:
    """The factory is sound, and the actions are all that happened to it."""
    facts = seen(place / ACME, check=True)
    assert facts is not None
    assert facts["faults"] == []
    found = lines(place / ACME)
    assert tuple(found[len(found) - len(actions) :]) == actions


def public_surface(whole: object) -> list[tuple[str, Any]]:
    return [(name, getattr(type(whole), name, None)) for name in dir(whole) if not name.startswith("_")]


def codes_of_surface(whole: object) -> dict[str, str | None]:
    """The code that each public method ends with when it is called, and each property when it is read."""
    codes = {}
    for name, found in public_surface(whole):
        if isinstance(found, property):
            codes[name] = code_of(partial(getattr, whole, name))
        elif callable(found) and not isinstance(vars(type(whole)).get(name), classmethod | staticmethod):
            codes[name] = code_of(getattr(whole, name))
    return codes


# --- every object that reaches the store, its files or its lock refuses


def test_a_child_that_makes_a_group_is_refused_and_the_parent_goes_on(place: Path, factory: Factory) -> None:
    assert in_child(lambda: code_of(lambda: factory.groups.create("from-child", now=NOW))) == FORKED
    factory.groups.create("from-parent", now=NOW)
    factory.close()
    sound_after(place, "groups create")


def test_all_that_is_public_refuses_before_it_looks_at_its_arguments(factory: Factory) -> None:
    """Each method is called without its arguments: it refuses all the same, so it has touched nothing before."""
    found = in_child(
        lambda: (
            {"factory": codes_of_surface(factory)} | {part: codes_of_surface(getattr(factory, part)) for part in PARTS}
        )
    )
    assert set(found) == {"factory", *PARTS}
    for part, codes in found.items():
        assert codes, part
        assert set(codes.values()) == {FORKED}, (part, codes)
    assert in_child(lambda: code_of(lambda: len(factory.devices))) == FORKED


def test_the_store_the_keys_and_the_lock_refuse(factory: Factory) -> None:
    store, keyring = factory._context.store, factory._keyring
    keyid = min(keyring.held())
    records = store.records()
    assert next(records).seq == 1

    def within_turn() -> None:
        with store.turn():
            pass

    acts = [
        within_turn,
        lambda: store.rows("SELECT 1"),
        lambda: store.table("SELECT 1"),
        lambda: store.mappings("SELECT 1"),
        lambda: store.changed_at("devices"),
        lambda: store.revision,
        store.database_file,
        lambda: list(store.records()),
        lambda: list(records),
        store.checkpoint,
        store.require_open,
        store.close,
        keyring.held,
        keyring.exposed,
        lambda: keyring.has(keyid),
        lambda: keyring.keep_only([]),
    ]
    assert in_child(lambda: [code_of(act) for act in acts]) == [FORKED] * len(acts)
    assert [record.seq for record in records] == list(range(2, store.revision + 1))
    assert keyring.has(keyid)


def test_a_thread_of_the_child_is_refused(factory: Factory) -> None:
    def in_thread() -> str | None:
        codes: list[str | None] = []
        worker = threading.Thread(target=lambda: codes.append(code_of(factory.groups.list)))
        worker.start()
        worker.join()
        return codes[0]

    assert in_child(in_thread) == FORKED


def test_a_turn_and_a_with_block_that_were_entered_before_the_fork_end_silently(place: Path) -> None:
    factory = opened(place)

    def act() -> list[str | None]:
        refusals = [code_of(lambda: factory.groups.create("late")), code_of(factory.close)]
        factory.__exit__(None, None, None)
        turn.__exit__(None, None, None)
        return refusals

    with factory._context.store.turn():
        turn = factory._context.store.turn()
        turn.__enter__()
        assert in_child(act) == [FORKED, FORKED]
        turn.__exit__(None, None, None)
    factory.groups.create("late", now=NOW)
    factory.close()
    sound_after(place, "groups create")


def test_a_child_does_not_wait_for_a_lock_that_another_thread_of_the_parent_has(factory: Factory) -> None:
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        with factory._context.store.turn():
            entered.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    acts: list[Callable[[], Any]] = [
        factory.groups.list,
        factory.close,
        factory.devices.fleet,
        lambda: factory.name,
    ]
    try:
        assert in_child(lambda: [code_of(act) for act in acts]) == [FORKED] * len(acts)
    finally:
        done.set()
        holder.join()


def test_the_garbage_collector_of_the_child_is_silent(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    factory = opened(place)
    held = [factory]

    def drop() -> int:
        nonlocal factory
        del factory
        held.clear()
        return len([1 for _ in range(3) if gc.collect() >= 0])

    assert in_child(drop) == 3
    factory = held[0]
    factory.groups.create("later", now=NOW)
    factory.close()
    assert capfd.readouterr().err == ""
    sound_after(place, "groups create")


def test_a_grandchild_is_refused_too(factory: Factory) -> None:
    assert in_child(lambda: in_child(lambda: code_of(factory.groups.list))) == FORKED


def test_a_factory_cannot_be_pickled_and_says_why(factory: Factory) -> None:
    for whole in (factory, factory.devices, factory.waves, factory._context.store):
        with pytest.raises(StateError) as caught:
            pickle.dumps(whole)
        assert caught.value.code == FORKED
        assert "pickled" in caught.value.message


# --- as programs fork

SCRIPT = """
import os, sys, time
from datetime import timedelta
from pathlib import Path
from groundswell.factory import Factory
from groundswell.errors import StateError
factory = Factory.open(Path(sys.argv[1]), user="alice", wait=timedelta(0))
factory.groups.create("before")
child = os.fork()
if child == 0:
    try:
        factory.groups.create("child")
    except StateError as error:
        print(error.code, flush=True)
    {end}
_, status = os.waitpid(child, 0)
print("status", os.waitstatus_to_exitcode(status), flush=True)
factory.groups.create("after")
factory.close()
"""


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("sys.exit(7)", 7),
        ("os._exit(7)", 7),
        ("del factory; sys.exit(7)", 7),
        ("factory.__exit__(None, None, None); sys.exit(7)", 7),
        ("from groundswell import Fleet; import pyarrow, duckdb; duckdb.sql('SELECT 1').fetchall(); sys.exit(7)", 7),
    ],
)
def test_the_child_exits_silently_however_it_exits(place: Path, end: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(end=end), str(place / ACME)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=ENVIRONMENT,
    )
    assert done.stdout.splitlines() == [FORKED, f"status {status}"]
    assert done.stderr == ""
    sound_after(place, "groups create", "groups create")


def _worker(_: int) -> list[Any]:
    assert SHARED is not None
    return [code_of(SHARED.groups.list), code_of(lambda: SHARED.groups.create("pool")), code_of(SHARED.close)]


SHARED: Factory | None = None


@pytest.mark.parametrize("kind", ["Pool", "ProcessPoolExecutor"])
def test_pools_of_forked_workers_do_not_hang(place: Path, factory: Factory, kind: str) -> None:
    global SHARED  # noqa: PLW0603 - what a forked worker finds
    SHARED = factory
    context = multiprocessing.get_context("fork")
    try:
        if kind == "Pool":
            with context.Pool(2) as pool:
                found = pool.map(_worker, range(4))
        else:
            with ProcessPoolExecutor(2, mp_context=context) as executor:
                found = list(executor.map(_worker, range(4)))
    finally:
        SHARED = None
    assert found == [[FORKED] * 3] * 4
    factory.groups.create("later", now=NOW)
    factory.close()
    sound_after(place, "groups create")


# --- the lock


@pytest.mark.parametrize("parent", ["closes", "dies"])
def test_a_child_does_not_keep_the_lock_of_its_parent_alive(place: Path, parent: str) -> None:
    """The parent prints the pid of a child that lives on; then others open the factory."""
    script = (
        "import os, signal, sys; from pathlib import Path; from groundswell.factory import Factory\n"
        "factory = Factory.open(Path(sys.argv[1]), user='alice')\n"
        "reader, writer = os.pipe()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os.close(1); os.write(writer, b'.'); signal.pause()\n"
        "os.read(reader, 1)\n"
        "print(child, flush=True)\n"
        "if sys.argv[2] == 'dies': os.kill(os.getpid(), signal.SIGKILL)\n"
        "factory.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(place / ACME), parent],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    child = int(done.stdout)
    try:
        os.kill(child, 0)
        with Factory.open(place / ACME, user=USER, wait=NOTHING) as factory:
            factory.groups.create("third", now=NOW)
    finally:
        os.kill(child, signal.SIGKILL)
    sound_after(place, "groups create")


def test_a_child_leaves_the_locks_of_its_parent_alone(place: Path, factory: Factory) -> None:
    """Neither ours nor DuckDB's is released by what the child closes."""
    in_child(lambda: code_of(factory.groups.list))
    script = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", script, str(place / ACME / "factory.duckdb")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Could not set lock" in done.stderr
    assert code_of(lambda: Factory.open(place / ACME, wait=NOTHING)) == "factory-in-use"
    assert in_child(lambda: code_of(lambda: Factory.open(place / ACME, wait=NOTHING))) == "factory-in-use"


def test_a_child_opens_what_was_closed_before_the_fork(place: Path) -> None:
    opened(place).close()

    def work() -> str:
        with opened(place) as factory:
            factory.groups.create("child", now=NOW)
            return factory.name

    assert in_child(work) == ACME
    sound_after(place, "groups create")


# --- values


def test_values_work_in_the_child(factory: Factory) -> None:
    """Also what is worked out only when it is asked for, and what takes several threads."""
    fleet = factory.devices.fleet(now=NOW)
    selection = fleet.select(limit=2, seed=1, now=NOW)
    uuids = fleet.select(limit="100%", seed=1, now=NOW).uuid_list
    page = factory.devices.list(limit=10)
    status = factory.status(now=NOW)

    def work() -> list[Any]:
        again = fleet.select(limit=2, seed=1, now=NOW)
        assert isinstance(fleet, Fleet)
        assert isinstance(again, Selection)
        assert isinstance(uuids, UuidList)
        same = [
            again.digest == selection.digest,
            again.uuids == selection.uuids,
            again.candidates == selection.candidates,
        ]
        return [*same, len(uuids & selection.uuid_list), page.total, status.devices, len(fleet)]

    assert in_child(work) == [True, True, True, 2, 6, 6, 6]


def test_a_large_fleet_selects_in_the_child_as_in_the_parent() -> None:
    """The threads of the core are not there in the child: it starts its own."""
    fleet = Fleet.read(synth(200_000, seed=3, now=int(NOW.timestamp())))
    before = fleet.select(limit="10%", seed=5, now=NOW)
    candidates = in_child(lambda: before.candidates)
    digest = before.digest
    assert in_child(lambda: fleet.select(limit="10%", seed=5, now=NOW).digest) == digest
    assert before.candidates == candidates
