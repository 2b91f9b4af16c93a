"""A factory belongs to the process that opened it: a forked child can neither use nor harm it; values work anywhere."""

from __future__ import annotations

import ctypes
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

from groundswell import Fleet, Selection, UuidList
from groundswell.errors import StateError
from groundswell.factory import Factory
from groundswell.synth.devices import synth
from support.crash_scenes import ACME, NOW, USER, keyed, lines, opened, seen
from support.factories import embedded_store
from support.forking import code_of, in_child

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
    store, keyring = embedded_store(factory), factory._internals.keyring
    keyid = min(keyring.held())
    records = store.records()
    assert next(records).seq == 1

    def within_turn() -> None:
        with store.changing():
            pass

    acts = [
        within_turn,
        lambda: store._run.rows("SELECT 1"),
        lambda: store._run.table("SELECT 1"),
        lambda: store.facts.get("name"),
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

    with embedded_store(factory).changing():
        turn = embedded_store(factory).changing()
        turn.__enter__()
        assert in_child(act) == [FORKED, FORKED]
        turn.__exit__(None, None, None)
    factory.groups.create("late", now=NOW)
    factory.close()
    sound_after(place, "groups create")


def test_a_child_does_not_wait_for_a_lock_that_another_thread_of_the_parent_has(factory: Factory) -> None:
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        with embedded_store(factory).changing():
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
    for whole in (factory, factory.devices, factory.waves, embedded_store(factory)):
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


# --- a child opens what its parent has released


def change_and_read(place: Path, name: str) -> list[Any]:
    """Open the factory, make a group, and use what reaches its files in other ways."""
    with opened(place) as factory:
        factory.groups.create(name, now=NOW)
        factory.backup(place / f"backup-{name}")
        return [factory.check(now=NOW).sound, len(factory.devices.fleet(now=NOW))]


def test_a_child_opens_what_its_parent_has_closed_again_and_again(place: Path, factory: Factory) -> None:
    def work() -> list[Any]:
        found = [change_and_read(place, f"child-{number}") for number in range(2)]
        grandchild = in_child(lambda: change_and_read(place, "grandchild"))
        with opened(place) as mine:
            inside = in_child(lambda: [code_of(mine.groups.list), code_of(factory.groups.list)])
            mine.groups.create("last", now=NOW)
        return [*found, grandchild, inside, code_of(factory.groups.list), code_of(factory.close)]

    assert in_child(work, after=factory.close) == [[True, 6]] * 3 + [[FORKED, FORKED], FORKED, FORKED]
    names = ["child-0", "child-1", "grandchild", "last"]
    with opened(place) as again:
        assert [group.name for group in again.groups.list()] == sorted(["canary", "field", *names])
    sound_after(place, *["groups create"] * len(names))
    assert not [path.name for path in (place / ACME).iterdir() if path.name.startswith(".")]
    for name in names[:3]:
        Factory.restore(place / f"backup-{name}", place / f"restored-{name}", user=USER, now=NOW)


def test_a_child_waits_until_its_parent_has_closed(place: Path, factory: Factory) -> None:
    def after() -> None:
        assert code_of(lambda: Factory.open(place / ACME, wait=NOTHING)) == "factory-in-use"
        threading.Timer(0.1, factory.close).start()

    def work() -> str:
        with Factory.open(place / ACME, user=USER, wait=timedelta(seconds=30)) as mine:
            return mine.name

    assert in_child(work, after=after) == ACME


def test_two_children_take_turns_and_exclude_each_other(place: Path, factory: Factory) -> None:
    def work() -> list[Any]:
        with opened(place) as mine:
            mine.groups.create("one", now=NOW)
            other = "from pathlib import Path; import sys; from groundswell.factory import Factory\n"
            other += "from datetime import timedelta\nFactory.open(Path(sys.argv[1]), wait=timedelta(0))"
            refused = subprocess.run(
                [sys.executable, "-c", other, str(place / ACME)],
                capture_output=True,
                text=True,
                check=False,
                env=ENVIRONMENT,
            )
            writes = "import duckdb, sys; duckdb.connect(sys.argv[1])"
            duck = subprocess.run(
                [sys.executable, "-c", writes, str(place / ACME / "factory.duckdb")],
                capture_output=True,
                text=True,
                check=False,
            )
            return ["in use by" in refused.stderr, "Could not set lock" in duck.stderr]

    assert in_child(work, after=factory.close) == [True, True]
    sound_after(place, "groups create")


@pytest.mark.parametrize("end", ["killed", "closed"])
def test_a_child_takes_over_from_a_parent_that_died(place: Path, end: str) -> None:
    """The changes of the parent are in its write-ahead log. The child that takes over is killed as well, or closes."""
    script = (
        "import os, signal, sys; from pathlib import Path; from groundswell.factory import Factory\n"
        "factory = Factory.open(Path(sys.argv[1]), user='alice')\n"
        "factory.groups.create('parent')\n"
        "reader, writer = os.pipe()\n"
        "parent = os.getpid()\n"
        "if os.fork() == 0:\n"
        "    os.close(writer); os.read(reader, 1)\n"
        "    factory = Factory.open(Path(sys.argv[1]), user='alice')\n"
        "    factory.groups.create('child')\n"
        "    print(sorted(group.name for group in factory.groups.list()), flush=True)\n"
        "    if sys.argv[2] == 'killed': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    factory.close(); sys.exit()\n"
        "os.kill(parent, signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(place / ACME), end],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env=ENVIRONMENT,
        timeout=60,
    )
    groups = ["canary", "child", "field", "parent"]
    assert done.stdout == f"{groups}\n"
    with opened(place) as factory:
        assert [group.name for group in factory.groups.list()] == groups
    sound_after(place, "groups create", "groups create")
    assert not [path.name for path in (place / ACME).iterdir() if path.name.startswith(".")]


def test_a_child_repairs_what_its_parent_has_closed(place: Path, factory: Factory) -> None:
    factory.groups.create("before", now=NOW)

    def after() -> None:
        factory.close()
        (place / ACME / "factory.duckdb").write_bytes(b"damaged")

    def work() -> list[Any]:
        Factory.repair(place / ACME)
        return change_and_read(place, "child")

    assert in_child(work, after=after) == [True, 6]
    sound_after(place, "groups create", "groups create")


# --- forks that do not go through Python


def fork_of_c(hook: str) -> Callable[[], int]:
    """A fork of a program in C: one that runs no hook of Python, or as uWSGI only the one in the child."""

    def fork() -> int:
        child: int = ctypes.PyDLL(None).fork()
        if child == 0 and hook == "in the child":
            ctypes.pythonapi.PyOS_AfterFork_Child()
        return child

    return fork


@pytest.mark.parametrize("hook", ["none", "in the child"])
def test_a_child_of_a_program_in_c_is_refused_and_harms_nothing(
    place: Path, hook: str, capfd: pytest.CaptureFixture[str]
) -> None:
    held = [opened(place)]
    held[0].groups.create("before", now=NOW)

    def work() -> list[Any]:
        codes = [code_of(held[0].groups.list), code_of(held[0].close)]
        held.clear()
        gc.collect()
        return [*codes, code_of(lambda: Factory.open(place / ACME, wait=NOTHING))]

    assert in_child(work, fork=fork_of_c(hook)) == [FORKED, FORKED, "factory-in-use"]

    def drop() -> bool:
        held.clear()
        return gc.collect() >= 0

    assert in_child(drop, fork=fork_of_c(hook))
    held[0].groups.create("after", now=NOW)

    def takes_over() -> list[Any]:
        return change_and_read(place, "child")

    assert in_child(takes_over, after=held[0].close, fork=fork_of_c(hook)) == [True, 6]
    assert capfd.readouterr().err == ""
    sound_after(place, *["groups create"] * 3)


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
