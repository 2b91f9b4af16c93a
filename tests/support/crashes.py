"""Killing commands: `crash_scenes` has them, `crash_server` is the process that forks, this is what tests use."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from support import profiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TESTS = Path(__file__).parents[1]
T = TypeVar("T")

WORKERS = 2
ROOM = 1 << 30


class Server:
    """A process that forks children to be killed."""

    def __init__(self, folder: Path, library: Path) -> None:
        environment = os.environ | {
            "LD_PRELOAD": str(library),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")])),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(TESTS / "support/crash_server.py"), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def ask(self, do: str, scene: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, "scene": scene} | arguments) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the server has ended with {self._process.wait(timeout=30)}"
        answer = json.loads(line)
        assert "failed" not in answer, answer["failed"]
        return answer["answer"]

    def close(self) -> None:
        self._process.communicate(timeout=30)


class Servers:
    """Several of them, each asked by one thread at a time."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._all = [Server(folder, library) for _ in range(WORKERS)]
        self._free: queue.Queue[Server] = queue.Queue()
        for server in self._all:
            self._free.put(server)
        self._rehearsed: dict[str, Any] = {}

    def rehearsed(self, scene: str) -> Any:
        """What a command comes to when nobody kills it; found out once."""
        if scene not in self._rehearsed:
            with self._taken() as server:
                self._rehearsed[scene] = server.ask("rehearse", scene)
        return self._rehearsed[scene]

    def ask_all(self, do: str, scene: str, requests: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Any]]:
        """The answers to requests, in their order."""

        def one(request: dict[str, Any]) -> tuple[dict[str, Any], Any]:
            with self._taken() as server:
                return request, server.ask(do, scene, **request)

        with ThreadPoolExecutor(WORKERS) as pool:
            yield from pool.map(one, list(requests))

    @contextlib.contextmanager
    def _taken(self) -> Iterator[Server]:
        server = self._free.get()
        try:
            yield server
        finally:
            self._free.put(server)

    def close(self) -> None:
        for server in self._all:
            server.close()


@contextlib.contextmanager
def running() -> Iterator[Servers]:
    """Two servers, or a test that is skipped where there can't be any.

    They work in memory where that can be had: a killed process leaves what it has written there as on a disk, and a
    disk that others use, too, would keep them waiting.
    """
    if sys.platform != "linux":
        pytest.skip("LD_PRELOAD and /proc are Linux's")
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler to build tests/recovery/faults.c with")
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    with tempfile.TemporaryDirectory(dir=memory if roomy else None) as name:
        servers = Servers(Path(name), build_faults(Path(name)))
        try:
            yield servers
        finally:
            servers.close()


def build_faults(folder: Path) -> Path:
    """Compile the library that stands between a process and its disk."""
    library = folder / "faults.so"
    source = TESTS / "recovery" / "faults.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def drawn(moments: Sequence[T], kinds: Sequence[str] | None = None, *, share: float = 1 / 12) -> list[T]:
    """The moments that this run tries: the first of each kind and a random share of the others; others next time.

    The profile `full` and ``GROUNDSWELL_TEST_MOMENTS=all`` try all of them. A number in that variable repeats the draw
    that a failing run printed.

    Args:
        moments: all moments.
        kinds: the kind of each (default: they are all of one kind).
        share: how many of the others are tried.
    """
    chosen = os.environ.get("GROUNDSWELL_TEST_MOMENTS", "")
    if chosen == "all" or (not chosen and profiles.PROFILE == "full"):
        return list(moments)
    seed = int(chosen) if chosen else random.SystemRandom().randrange(1 << 32)
    print(f"GROUNDSWELL_TEST_MOMENTS={seed} repeats this draw")  # noqa: T201 - pytest shows it where a test fails
    chances = random.Random(seed)
    seen: set[str] = set()
    found = []
    for moment, kind in zip(moments, kinds or [""] * len(moments), strict=True):
        if chances.random() < share or kind not in seen:
            found.append(moment)
        seen.add(kind)
    return found
