"""Kills commands. `crash_scenes` has the commands, `crash_server` forks; this is the interface for tests."""

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
    """A connection to a `crash_server` process."""

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
        assert line, f"the server has exited with {self._process.wait(timeout=30)}"
        answer = json.loads(line)
        assert "failed" not in answer, answer["failed"]
        return answer["answer"]

    def close(self) -> None:
        self._process.communicate(timeout=30)


class Servers:
    """A pool of servers; each is used by one thread at a time."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._all = [Server(folder, library) for _ in range(WORKERS)]
        self._free: queue.Queue[Server] = queue.Queue()
        for server in self._all:
            self._free.put(server)
        self._rehearsed: dict[str, Any] = {}

    def rehearsed(self, scene: str) -> Any:
        """The result of a scene without a kill; computed once."""
        if scene not in self._rehearsed:
            with self._taken() as server:
                self._rehearsed[scene] = server.ask("rehearse", scene)
        return self._rehearsed[scene]

    def ask_all(self, do: str, scene: str, requests: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Any]]:
        """The responses to requests, in order."""

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
    """Two servers; skips the test where they are not supported.

    They use a memory file system if there is one: it keeps the writes of a killed process like a disk, and is faster
    than a disk that other programs use.
    """
    if sys.platform != "linux":
        pytest.skip("LD_PRELOAD and /proc require Linux")
    if shutil.which("cc") is None:
        pytest.skip("no C compiler for tests/recovery/faults.c")
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    with tempfile.TemporaryDirectory(dir=memory if roomy else None) as name:
        servers = Servers(Path(name), build_faults(Path(name)))
        try:
            yield servers
        finally:
            servers.close()


def build_faults(folder: Path) -> Path:
    """Compile the library that intercepts disk operations."""
    library = folder / "faults.so"
    source = TESTS / "recovery" / "faults.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def drawn(moments: Sequence[T], kinds: Sequence[str] | None = None, *, share: float = 1 / 12) -> list[T]:
    """Sample the moments of this run: the first of each kind, and a random share of the others.

    The profile `full` and ``GROUNDSWELL_TEST_MOMENTS=all`` use all moments. A number in that variable reproduces the
    sample of a failed run, which printed it.

    Args:
        moments: all moments.
        kinds: the kind of each moment (default: all the same).
        share: the fraction of the others that is sampled.
    """
    chosen = os.environ.get("GROUNDSWELL_TEST_MOMENTS", "")
    if chosen == "all" or (not chosen and profiles.PROFILE == "full"):
        return list(moments)
    seed = int(chosen) if chosen else random.SystemRandom().randrange(1 << 32)
    print(f"GROUNDSWELL_TEST_MOMENTS={seed} repeats this draw")  # noqa: T201 - pytest shows it if the test fails
    chances = random.Random(seed)
    seen: set[str] = set()
    found = []
    for moment, kind in zip(moments, kinds or [""] * len(moments), strict=True):
        if chances.random() < share or kind not in seen:
            found.append(moment)
        seen.add(kind)
    return found
