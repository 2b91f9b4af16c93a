"""Readers of a store: they run alongside its writer, and only reopening the database makes them wait.

Each read has a cursor of its own, and sees what was committed when it began. A cursor that stayed open would keep the
database open, so whoever closes the database waits until no other thread reads.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

__all__ = ["Exclusion", "Snapshot", "ThreadState"]


class Exclusion:
    """Many threads inside, or one alone. A thread that is inside may enter again, also to be alone."""

    def __init__(self) -> None:
        self._condition: Final = threading.Condition()
        self._inside: Final[dict[int, int]] = {}
        self._alone: int | None = None

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Be inside with others; waits for a thread that is alone, or is about to be."""
        me = threading.get_ident()
        with self._condition:
            # A thread that is inside already must not wait: the one that wants to be alone waits for it.
            while self._alone not in {None, me} and me not in self._inside:
                self._condition.wait()
            self._inside[me] = self._inside.get(me, 0) + 1
        try:
            yield
        finally:
            with self._condition:
                self._inside[me] -= 1
                if not self._inside[me]:
                    del self._inside[me]
                    self._condition.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Be inside without others. The callers take turns: they hold the lock of writers."""
        me = threading.get_ident()
        with self._condition:
            nested = self._alone == me
            self._alone = me
            try:
                while any(thread != me for thread in self._inside):
                    self._condition.wait()
            except BaseException:
                self._leave(nested=nested)
                raise
        try:
            yield
        finally:
            with self._condition:
                self._leave(nested=nested)

    def _leave(self, *, nested: bool) -> None:
        if not nested:
            self._alone = None
            self._condition.notify_all()


class Snapshot(NamedTuple):
    """One state of the store, as `reading` sees it."""

    cursor: duckdb.DuckDBPyConnection
    revision: int
    changed_at: Mapping[str, int]


class ThreadState(threading.local):
    """What a thread does: the snapshot that it reads, and in how many blocks of `changing` it is."""

    snapshot: Snapshot | None = None
    changing: int = 0
