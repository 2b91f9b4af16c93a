"""Whole processes, from start to end."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benches.factories import TAG, ready, targets_keys
from benches.fleets import NOW
from benches.work import OURS, Case, Task, Work
from groundswell import Factory

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES: Final = (100_000,)
FULL_SIZES: Final = ()
COMMAND: Final = str(Path(sys.executable).parent / "groundswell")
PYTHON: Final = "python -c pass"
VERSION: Final = 217


ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The first run compiles Python's bytecode; a later one is measured."""


def _process(*words: str) -> Task:
    return Task(lambda: subprocess.run(words, check=True, capture_output=True, env=ENVIRONMENT).stdout)


def _with_wave(size: int) -> Path:
    path = ready(size)
    with Factory.open(path) as factory:
        if not factory.waves.list():
            factory.waves.init("spring", VERSION, TAG, keys=targets_keys(path), now=NOW)
            factory.waves.rollout("spring", group="canary", whole_group=True, now=NOW)
            factory.waves.rollout("spring", "5%", now=NOW)
    return path


def _status(size: int) -> Task:
    return _process(COMMAND, "-C", str(_with_wave(size)), "waves", "status")


def works(size: int) -> list[Work]:
    python = partial(_process, sys.executable, "-c", "pass")
    return [
        Work("`groundswell --help`", "whole process", 0, {OURS: partial(_process, COMMAND, "--help"), PYTHON: python}),
        Work("`groundswell waves status`", f"{size:,}", size, {OURS: partial(_status, size), PYTHON: python}),
    ]


def test_the_status_is_one(size: int) -> None:
    said = _status(size).run()
    assert isinstance(said, bytes)
    assert b"us-east-1" in said


def test_processes(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
