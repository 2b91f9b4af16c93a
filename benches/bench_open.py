"""Opening a factory, until it is ready to select."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from benches.fleets import NOW, file, folder
from benches.work import OURS, Case, Task, Work
from groundswell import Factory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZES: Final = (1_000_000,)
FULL_SIZES: Final = (10_000_000,)


def _made(size: int) -> Path:
    path = folder() / f"open-{size}"
    if not path.exists():
        with Factory.create(path, name="acme", now=NOW) as factory:
            factory.devices.import_(file(size, "parquet"), now=NOW)
    return path


def _open(size: int) -> Task:
    path = _made(size)

    def run() -> int:
        with Factory.open(path) as factory:
            return len(factory.devices.fleet(now=NOW))

    return Task(run)


def works(size: int) -> list[Work]:
    return [Work("Open a factory, ready to select", f"{size:,}", size, {OURS: partial(_open, size)})]


def test_the_whole_fleet_is_there(size: int) -> None:
    assert _open(size).run() == size


def test_open(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
