"""Reads while an import commits: how long they wait, next to the time of the commit itself."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from benches.factories import bare, copy
from benches.fleets import NOW, file
from benches.work import OURS, Case, Task, Work
from groundswell import Factory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from groundswell.store import Change, Entry

SIZES: Final = (200_000,)
FULL_SIZES: Final = ()
MS: Final = 1e3


class _Readers:
    """An open factory, and a thread that reads while another one imports."""

    def __init__(self, size: int) -> None:
        self._source = file(size, "parquet")
        self._name = f"waiting-reads-{size}"
        self._factory = Factory.open(copy(bare(), self._name))
        self._reads: list[tuple[float, float]] = []
        self._commit = (0.0, 0.0)

    def setup(self) -> None:
        self._factory.close()
        self._factory = Factory.open(copy(bare(), self._name))
        store = self._factory._context.store  # noqa: SLF001 - the commit of an import has no other handle
        commit = store.commit

        def timed(entry: Entry, changes: Sequence[Change]) -> int:
            begun = time.perf_counter()
            revision = commit(entry, changes)
            self._commit = begun, time.perf_counter()
            return revision

        store.commit = timed  # type: ignore[method-assign]  # measures it

    def run(self) -> int:
        done = threading.Event()
        self._reads = []

        def read() -> None:
            while not done.is_set():
                begun = time.perf_counter()
                self._factory.devices.list(limit=10)
                self._reads.append((begun, time.perf_counter()))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            return self._factory.devices.import_(self._source, now=NOW).new
        finally:
            done.set()
            reader.join()

    def facts(self) -> dict[str, float]:
        """Values of the last run: reads that overlapped the commit, and the commit."""
        begun, ended = self._commit
        waited = [end - begin for begin, end in self._reads if end > begun and begin < ended] or [0.0]
        return {
            "reads during the commit": len(waited),
            "read, p50 in ms": float(np.percentile(waited, 50)) * MS,
            "read, p99 in ms": float(np.percentile(waited, 99)) * MS,
            "read, longest in ms": max(waited) * MS,
            "commit in ms": (ended - begun) * MS,
        }


def ours(size: int) -> Task:
    readers = _Readers(size)
    return Task(readers.run, readers.setup, warm=False, facts=readers.facts)


def works(size: int) -> list[Work]:
    return [Work("Reads while an import commits", f"{size:,}", size, {OURS: partial(ours, size)})]


def test_reads_and_the_commit_are_timed(size: int) -> None:
    few = min(size, 10_000)
    readers = _Readers(few)
    readers.setup()
    assert readers.run() == few
    facts = readers.facts()
    assert facts["read, longest in ms"] >= facts["read, p50 in ms"] >= 0
    assert facts["commit in ms"] > 0


def test_waiting_reads(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
