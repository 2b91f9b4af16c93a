"""Select k devices by weight without replacement, from production ∩ group? ∩ tag? − staged − updated.

Every contender has the fleet in memory in the form that suits it best, gets the staged devices as a mask or a bitmap,
and returns row numbers in the order of the draw. Filtering, weights and the draw are measured.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest

from benches.fleets import MEMORY_READS, NOW, fleet, staged, staged_bitmap
from benches.goals import limit_of
from benches.select_arrays import ARRAYS, CANDIDATES, numpy_rows
from benches.select_classes import CLASSES, classes_candidates
from benches.select_scope import NARROW, VERSION, WIDE, Scope
from benches.work import ONE_THREAD, OURS, Case, Task, Work

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Prepare = Callable[[int, Scope, int], Callable[[], npt.NDArray[Any]]]

SIZES: Final = (100_000, 1_000_000, 10_000_000)
FULL_SIZES: Final = (100_000_000,)
SCANS_FROM: Final = 10_000_000
"""From this size on a fleet does not fit into a CPU cache, and a scan is compared with reading memory."""
THREADS_FROM: Final = 800_000
"""Below this size a second thread is not used."""


def ours(size: int, scope: Scope, limit: int, threads: int | None = None) -> Callable[[], npt.NDArray[Any]]:
    devices, exclude = fleet(size), staged_bitmap(size)
    return lambda: (
        devices.select(
            limit, group=scope.group, tag=scope.tag, exclude=exclude, not_updated=VERSION, now=NOW, threads=threads
        ).ordinals
    )


def _limits(size: int) -> dict[int, str]:
    """Limit → name of its column; 1% of the fleet may equal one of the others."""
    limits = {limit: f"k = {limit:,}" for limit in (10, 1_000, 10_000)}
    part = size // 100
    return limits | {part: f"k = {part:,} (1%)"}


def _prepare(prepare: Prepare, size: int, scope: Scope, limit: int) -> Task:
    return Task(prepare(size, scope, limit))


def _read(read: Callable[[int], Callable[[], object]], size: int) -> Task:
    return Task(read(size))


def _work(size: int, scope: Scope, limit: int, column: str) -> Work:
    contenders: dict[str, Prepare] = {OURS: ours}
    if size >= THREADS_FROM:
        contenders[ONE_THREAD] = partial(ours, threads=1)
    contenders |= {**ARRAYS, **CLASSES}
    tasks = {name: partial(_prepare, prepare, size, scope, limit) for name, prepare in contenders.items()}
    if scope is WIDE and size >= SCANS_FROM:
        tasks |= {f"8 bytes a device, {name}": partial(_read, read, size) for name, read in MEMORY_READS.items()}
    return Work(f"Select {scope.name}, {size:,} devices", column, size, tasks)


def works(size: int) -> list[Work]:
    return [_work(size, scope, *limit) for scope in (WIDE, NARROW) for limit in _limits(size).items()]


@pytest.mark.parametrize("scope", [WIDE, NARROW], ids=lambda scope: scope.name)
def test_every_contender_selects_from_the_same_candidates(size: int, scope: Scope) -> None:
    wanted = fleet(size).select(
        1, group=scope.group, tag=scope.tag, exclude=staged_bitmap(size), not_updated=VERSION, now=NOW
    )
    for name, counted in {**CANDIDATES, "pyroaring": classes_candidates}.items():
        assert counted(size, scope) == wanted.candidates, name
    candidates = np.zeros(size, dtype=bool)
    candidates[numpy_rows(size, scope)()] = True
    assert not candidates[staged(size)].any()
    for work in works(size):
        # At larger sizes one limit is enough: the others take minutes.
        if work.heading.startswith(f"Select {scope.name}") and (size < SCANS_FROM or work.column == "k = 1,000"):
            for name, prepare in work.contenders.items():
                if not name.startswith("8 bytes"):
                    picked = np.asarray(prepare().run())
                    assert len(np.unique(picked)) == len(picked) == limit_of(work.column), name
                    assert candidates[picked].all(), name


def test_select(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
