"""Reads a store: snapshots, the named reads, and the audit log."""

from __future__ import annotations

import contextlib
import os
from itertools import islice
from typing import TYPE_CHECKING, Final

from groundswell.errors import StorageError
from groundswell.store.audit.verify import log_fault
from groundswell.store.duckdb.opening import OpenStore
from groundswell.store.duckdb.queries.access import AccessQueries
from groundswell.store.duckdb.queries.checks import CheckQueries
from groundswell.store.duckdb.queries.devices import DeviceQueries
from groundswell.store.duckdb.queries.facts import FactQueries
from groundswell.store.duckdb.queries.groups import GroupQueries
from groundswell.store.duckdb.queries.mappings import MappingQueries
from groundswell.store.duckdb.queries.tags import TagQueries
from groundswell.store.duckdb.queries.trust import TrustQueries
from groundswell.store.duckdb.queries.waves import WaveQueries
from groundswell.store.duckdb.query_runner import QueryRunner
from groundswell.store.duckdb.readers import Snapshot
from groundswell.store.faults import cannot_read
from groundswell.store.process import Descriptor
from groundswell.store.schema import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from groundswell.store.audit.log import Record
    from groundswell.store.lock import OwnerLock

__all__ = ["ReadableStore"]


class ReadableStore(OpenStore):
    """An open store that can be read. Threads may share it, and none of them waits for a writer."""

    def __init__(self, folder: Path, lock: OwnerLock, *, begin: bool = False, read_only: OSError | None = None) -> None:
        """As for `OpenStore`."""
        self._run: Final = QueryRunner(self._cursor)
        self.devices: Final = DeviceQueries(self._run)
        self.groups: Final = GroupQueries(self._run)
        self.tags: Final = TagQueries(self._run)
        self.waves: Final = WaveQueries(self._run)
        self.trust: Final = TrustQueries(self._run)
        self.facts: Final = FactQueries(self._run)
        self.mappings: Final = MappingQueries(self._run)
        self.access: Final = AccessQueries(self._run)
        self.checks: Final = CheckQueries(self._run)
        super().__init__(folder, lock, begin=begin, read_only=read_only)

    @property
    def revision(self) -> int:
        """The number of changes made so far: the last line of the audit log; inside `reading`, as of its snapshot."""
        self.home.require()
        snapshot = self._mine.snapshot
        return self._revision if snapshot is None else snapshot.revision

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """See one state of the store until the end of the block, whatever other threads commit meanwhile.

        A reader waits for no writer. Inside `changing` this does nothing: nobody else commits there.

        Raises:
            StateError: ``forked-factory``, ``factory-closed``.
            StorageError: ``cannot-read``, ``store-damaged``.

        Cost: a tenth of a millisecond.
        """
        self.home.require()
        mine = self._mine
        if mine.snapshot is not None or mine.changing:
            yield
            return
        with self._cursor() as cursor:
            cursor.begin()
            try:
                # What this thread knows of the store's revision may be older or newer than the snapshot.
                revision = int(cursor.execute("SELECT value FROM meta WHERE key = 'revision'").fetchall()[0][0])
                changed_at = self._history.get(revision) or dict.fromkeys(KEYS, revision)
                mine.snapshot = Snapshot(cursor, revision, changed_at)
                yield
            finally:
                mine.snapshot = None
                with contextlib.suppress(Exception):
                    cursor.rollback()

    def records(self) -> Iterator[Record]:
        """The lines of the audit log, oldest first."""
        self.home.require()
        self._ready()
        log, known = self._open_log(), self.revision
        # Another thread may be writing the next line.
        return islice(log.records(), known)

    def log_fault(self, digests: Mapping[str, str] | None = None) -> str | None:
        """What is wrong with the audit log: its chain, its payloads, its snapshots, or its last line.

        Args:
            digests: the SHA-256 of files by their path inside the factory (default: they are read).

        Returns:
            One sentence; None for a log that is valid.

        Raises:
            StorageError: ``cannot-read``.

        Cost: reads the whole log, and the payloads that no checkpoint has made disposable.
        """
        self.home.require()
        with self._writing:
            self._settled()
            try:
                return log_fault(self._open_log(), self._revision, self._head, digests=digests)
            except StorageError as error:
                if error.code != "store-damaged":
                    raise
                return error.message

    def database_file(self) -> int:
        """A descriptor of the database file for reading; before it, `checkpoint`.

        It stays open as long as the database does: to close any descriptor of the file would release the lock that
        DuckDB has on it, and other programs could open it.

        Raises:
            StorageError: ``cannot-read``.
        """
        with self._using():
            if self._reader is None:
                try:
                    self._reader = Descriptor(self._path, os.O_RDONLY)
                except OSError as error:
                    raise cannot_read(self._path, error) from error
            return self._reader.fileno()
