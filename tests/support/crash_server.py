"""A process that forks children, which are then killed. Modules are imported once; DuckDB does not run before a fork.

`crashes.Server` starts it with `recovery/faults.c` preloaded. It reads requests from stdin and writes responses to
stdout, one line of JSON each.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.abc
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import crash_scenes
from support.crash_scenes import SCENES, Facts, Outcome, Scene, observe

if TYPE_CHECKING:
    from collections.abc import Callable

# Preload modules that commands import on first use.
WARM = (
    "duckdb",
    "pyarrow.compute",
    "groundswell.factory.backup",
    "groundswell.factory.checks.checks",
    "importlib.resources.readers",
    "groundswell.tuf.pkcs11",
    "securesystemslib.signer",
    "cryptography.hazmat.primitives.asymmetric.rsa",
)
MODES = {"count": 1, "kill": 2, "tear": 3, "fail once": 4, "fail on": 5, "fail writes": 6}
DONE = b"."


class WithoutPandas(importlib.abc.MetaPathFinder):
    """Hides pandas from pyarrow and DuckDB: it would double the memory that each fork copies."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:  # noqa: ARG002 - the signature is given
        if name == "pandas":
            raise ModuleNotFoundError(name)


class Faults:
    """The preloaded library that intercepts this process's disk operations."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.faults_step.restype = ctypes.c_char_p

    def arm(self, mode: str, step: int = 0, error: int = 0) -> None:
        self._library.faults_arm(MODES[mode], step, error)

    def disarm(self) -> list[str]:
        count = self._library.faults_disarm()
        return [self._library.faults_step(step).decode(errors="replace") for step in range(1, count + 1)]


class Child:
    """A forked process that writes its report to a pipe."""

    def __init__(self, work: Callable[[Callable[[bytes], None]], object]) -> None:
        reading, writing = os.pipe()
        self.started = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                work(lambda data: _write_all(writing, data))
                code = 0
            except BaseException:  # noqa: BLE001 - reported to the parent, then the process exits
                _write_all(writing, b"!" + traceback.format_exc().encode())
            finally:
                os._exit(code)
        os.close(writing)
        self._reading = reading

    def end(self, *, kill_after: float | None = None) -> tuple[bytes, bool, float]:
        """Its report, whether it was killed, and its run time."""
        data = b""
        while True:
            left = None if kill_after is None else max(0.0, self.started + kill_after - time.monotonic())
            if not select.select([self._reading], [], [], left)[0]:
                os.kill(self.pid, signal.SIGKILL)
                kill_after = None
                continue
            part = os.read(self._reading, 1 << 20)
            if not part:
                break
            data += part
        took = time.monotonic() - self.started
        os.close(self._reading)
        _, status = os.waitpid(self.pid, 0)
        return data, os.WIFSIGNALED(status), took


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def reported(work: Callable[[], Any]) -> Any:
    """Run a function in a forked process and return its result."""
    data, killed, _ = Child(lambda report: report(json.dumps(work()).encode())).end()
    if killed or data.startswith(b"!"):
        raise RuntimeError(data.decode(errors="replace") or "it was killed")
    return json.loads(data)


class Server:
    """Handles requests."""

    def __init__(self, folder: Path) -> None:
        self._prepared = folder / "prepared"
        self._prepared.mkdir(exist_ok=True)
        self._faults = Faults()
        self._case = folder / f"case-{os.getpid()}"

    def answer(self, request: dict[str, Any]) -> Any:
        handler = getattr(self, request.pop("do"))
        return handler(**request)

    def rehearse(self, scene: str) -> Facts:
        """Run a scene without a kill: observations before it and after each act, its steps, and its run time."""
        prepared = self._prepared / scene
        prepared.mkdir()
        reported(lambda: SCENES[scene].prepare(prepared))
        stages = [reported(lambda: observe(self._copy(scene), check=True))]
        stages += [
            reported(partial(_run_some, SCENES[scene], self._copy(scene), acts))
            for acts in range(1, max(len(SCENES[scene].acts), 1) + 1)
        ]
        place = self._copy(scene)
        steps = reported(lambda: self._counted(SCENES[scene], place))
        place = self._copy(scene)
        _, _, took = Child(lambda report: SCENES[scene].run(place, lambda: report(DONE))).end()
        shutil.rmtree(self._case)
        return {"stages": stages, "steps": steps, "took": took}

    def _counted(self, scene: Scene, place: Path) -> list[str]:
        self._faults.arm("count")
        scene.run(place, lambda: None)
        return self._faults.disarm()

    def crash(
        self,
        scene: str,
        *,
        mode: str | None = None,
        step: int = 0,
        kill_after: float | None = None,
        check: bool = False,
        resume: str | None = None,
        base: int = 0,
    ) -> Facts:
        """Kill a scene at a step or after a time, and observe the factory; with `resume` also run the remaining acts.

        These are the acts that were not ``acknowledged``, or whose changes were not ``made``; `base` is the revision at
        the beginning. With `check` the factory is checked at the end.
        """
        place = self._copy(scene)

        def work(report: Callable[[bytes], None]) -> None:
            if mode is not None:
                self._faults.arm(mode, step)
            SCENES[scene].run(place, lambda: report(DONE))
            self._faults.disarm()

        def aftermath() -> Facts:
            after: Facts = {"seen": observe(place, check=check and resume is None)}
            if resume is not None:
                made = resume == "made"
                done = after["seen"][crash_scenes.ACME]["revision"] - base if made else found["acknowledged"]
                SCENES[scene].run(place, lambda: None, first=done)
                after["seen after"] = observe(place, check=check)
            return after

        data, killed, _ = Child(work).end(kill_after=kill_after)
        found: Facts = {"killed": killed, "acknowledged": data.count(DONE), "error": data.partition(b"!")[2].decode()}
        found |= reported(aftermath)
        return found

    def refuse(self, scene: str, *, act: int, mode: str, step: int, error: int) -> Facts:
        """Let the disk fail at steps of one act; the result of the act, and observations after the disk works again."""
        place = self._copy(scene)

        def work(report: Callable[[bytes], None]) -> None:
            outcome, steps = Outcome(), []
            one = SCENES[scene]

            def faulty(run: Callable[[], object]) -> None:
                self._faults.arm(mode, step, error)
                outcome.take(run)
                steps.extend(self._faults.disarm())

            if one.alone is not None:
                faulty(partial(one.alone, place))
            else:
                with crash_scenes.opened(place) as factory:
                    for before in one.acts[:act]:
                        before(factory, place)
                    faulty(partial(one.acts[act], factory, place))
                    # The same factory object continues.
                    outcome.take(partial(factory.groups.create, "afterwards", now=crash_scenes.NOW))
            report(json.dumps({"errors": outcome.errors, "steps": steps}).encode())

        data, _, _ = Child(work).end()
        if data.startswith(b"!"):
            return {"bug": data.decode(errors="replace")}
        facts: Facts = json.loads(data)
        return facts | {"seen": reported(lambda: observe(place, check=True))}

    def _copy(self, scene: str) -> Path:
        shutil.rmtree(self._case, ignore_errors=True)
        shutil.copytree(self._prepared / scene, self._case)
        return self._case


class EnoughError(Exception):
    """The requested acts are done."""


def _run_some(scene: Scene, place: Path, acts: int) -> Facts:
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if done == acts:
            raise EnoughError

    with contextlib.suppress(EnoughError):
        scene.run(place, count)
    return observe(place, check=True)


def main() -> None:
    sys.meta_path.insert(0, WithoutPandas())
    for module in WARM:
        importlib.import_module(module)
    # Exclude existing objects from garbage collection, so that children do not copy their pages.
    gc.collect()
    gc.freeze()
    server = Server(Path(sys.argv[1]))
    for line in sys.stdin:
        try:
            answer = {"answer": server.answer(json.loads(line))}
        except Exception:  # noqa: BLE001 - reported to the client
            answer = {"failed": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
