"""The memory of a process that has loaded a fleet."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benches.fleets import LARGEST_SYNTH, base_columns, folder
from benches.results import HERE
from benches.work import OURS, Case, Task, Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZES: Final = (10_000_000,)
FULL_SIZES: Final = (100_000_000,)


GIGA: Final = 1e9


@cache
def _base() -> Path:
    """Write the columns that larger fleets repeat, so that the process only needs numpy to build them."""
    path = folder() / "base.npz"
    np.savez(path, **base_columns(LARGEST_SYNTH))
    return path


def _measure(size: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benches.loaded_process", str(_base()), str(size)]
    ran = subprocess.run(command, cwd=HERE.parent, check=True, capture_output=True, text=True)
    facts: dict[str, Any] = json.loads(ran.stdout)
    return facts


def _load(size: int) -> Task:
    _base()
    last: dict[str, Any] = {}

    def facts() -> dict[str, float]:
        return {
            "resident, GB": last["VmRSS"] / GIGA,
            "resident, bytes a device": last["VmRSS"] / size,
            "resident before there were any devices, GB": last["before"] / GIGA,
            "peak, GB": last["VmHWM"] / GIGA,
            "seconds to make the fleet of its columns": last["seconds"],
        }

    return Task(lambda: last.update(_measure(size)), facts=facts)


def works(size: int) -> list[Work]:
    return [
        Work("Memory of a loaded fleet, and the process that says so", f"{size:,}", size, {OURS: partial(_load, size)})
    ]


def test_the_process_has_all_devices() -> None:
    assert _measure(10_000)["devices"] == 10_000


def test_memory(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
