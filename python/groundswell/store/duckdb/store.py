"""The embedded store: one DuckDB file, and the audit log that it follows.

A transaction is made durable twice. The database takes its rows in without committing them; then its line is written to
the audit log, and is on the disk before the database commits, in one transaction with the number of the line. So
wherever a crash comes, opening the store finishes what the log has and the database lacks; and what the log has not,
never was. Rows too large for a line are written beside the log while the database takes them in.

A transaction whose rows the database refuses leaves no line. One that fails later is looked up there before its line is
taken back: a disk that failed late may have kept it. Where even that cannot be found out, the caller is told so, and
the store opens its files anew before it does anything else.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from groundswell.errors import GroundswellError, StorageError
from groundswell.files import remove_leftovers, sync_folder
from groundswell.store.audit.lines import snapshot_name
from groundswell.store.audit.snapshots import write_snapshot
from groundswell.store.audit.verify import has_damaged_snapshot
from groundswell.store.changes import Compaction, Entry
from groundswell.store.duckdb.database import apply, faults_told, keep_private, position
from groundswell.store.duckdb.reading import ReadableStore
from groundswell.store.duckdb.replay import dump_tables
from groundswell.store.faults import outcome_unknown
from groundswell.store.folder import AUDIT, LOCK, require_factory, write_ahead_log, write_refusal
from groundswell.store.interrupts import InterruptedAfterCommitError, interrupts_held
from groundswell.store.lock import OwnerLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from groundswell.store.audit.lines import Checkpoint
    from groundswell.store.audit.log import Appended
    from groundswell.store.audit.payloads import Payloads
    from groundswell.store.changes import Change

__all__ = ["DuckDBStore"]

_HISTORY: Final = 16
"""Of how many revisions the store knows which tables they changed; a reader of an older one caches nothing."""
_CHECKPOINT_ABOVE: Final = 16 << 20
"""Bytes of write-ahead log after which it is brought into the database file."""
_PAYLOADS_TO_STORE: Final = 2
_COMPACT_ABOVE: Final = 8 << 20
"""The store compacts itself if payloads have more bytes than this, and more than twice those of the database."""


class DuckDBStore(ReadableStore):
    """The store of one factory. Threads may share it: one writes at a time, and others read meanwhile.

    Made by `create` or `open`, which take the factory's lock; `close` lets it go.
    """

    @classmethod
    def create(cls, folder: Path, *, owner: str, entry: Entry, changes: Sequence[Change]) -> DuckDBStore:
        """Begin a store in a folder that exists and is empty; the caller makes the folder appear as a whole.

        Raises:
            StorageError: ``cannot-write``.
        """
        lock = OwnerLock.acquire(folder / LOCK, owner=owner, wait=0, staged=True)
        try:
            store = cls(folder, lock, begin=True)
        except BaseException:
            lock.release()
            raise
        try:
            store.commit(entry, changes)
            # From here on the tables themselves can't be lost with a torn write-ahead log.
            store.checkpoint()
            sync_folder(folder)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, folder: Path, *, owner: str, wait: float, staged: bool = False) -> DuckDBStore:
        """Open a store, waiting for whoever has it.

        Where nothing may be written it is open for reading, from a copy if it has to be brought up to date.

        Args:
            folder: the factory.
            owner: as for `OwnerLock.acquire`.
            wait: as for `OwnerLock.acquire`.
            staged: as for `OwnerLock.acquire`.

        Raises:
            NotFoundError: ``no-factory``.
            StateError: ``factory-in-use``, ``forked-factory``, ``newer-factory``.
            StorageError: ``store-damaged``, ``unsafe-lock``, ``cannot-read``, ``cannot-write``.
        """
        require_factory(folder)
        lock = OwnerLock.acquire(folder / LOCK, owner=owner, wait=wait, staged=staged)
        try:
            store = cls(folder, lock, read_only=write_refusal(folder))
        except BaseException:
            lock.release()
            raise
        try:
            for below in (folder, folder / AUDIT) if store.read_only is None else ():
                remove_leftovers(below)
        except BaseException:
            store.close()
            raise
        return store

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Keep other writers out, from what a change is worked out of to its commit. Readers go on.

        Raises:
            InterruptedAfterCommitError: Ctrl-C came after a commit of the block.
        """
        self.home.require()
        assert self._mine.snapshot is None, "a change is worked out of the newest state, not of a snapshot"  # noqa: S101
        with self._writing:
            self._mine.changing += 1
            before = self._revision
            try:
                yield
            except InterruptedAfterCommitError:
                raise
            except KeyboardInterrupt as error:
                if self._revision > before:
                    raise InterruptedAfterCommitError from error
                raise
            finally:
                self._mine.changing -= 1

    def commit(self, entry: Entry, changes: Sequence[Change]) -> int:
        """Make changes, all of them or none; they are durable when this returns.

        Args:
            entry: what the audit log says of them.
            changes: rows of any number of tables; none at all is a transaction too, one that only is told of.

        Returns:
            The new revision of the store.

        Raises:
            StateError: ``forked-factory``, ``factory-closed``.
            StorageError: ``cannot-write``, ``store-damaged``; nothing was changed. ``outcome-unknown``: the disk failed
                so that the change may be made or not; the store finds out before it does anything else.
            InterruptedAfterCommitError: Ctrl-C; the changes were made.

        Cost: a line and the changed rows in the audit log, and the same in the database; two syncs of each.
        """
        self.require_writable()
        with self.changing():
            seq = self._commit(entry, changes)
            self._compact_at_times(entry)
            return seq

    def _commit(self, entry: Entry, changes: Sequence[Change], checkpoint: Checkpoint | None = None) -> int:
        with interrupts_held():
            self._settled()
            seq = self._revision + 1
            changed_at = {**self._changed_at, **dict.fromkeys((change.table for change in changes), seq)}
            # A reader may see the commit before this thread knows of it.
            recent = [(number, then) for number, then in self._history.items() if number < seq]
            self._history = dict([*recent[-_HISTORY:], (seq, changed_at)])
            self._checkpoint = checkpoint
            try:
                head = self._written(entry, changes, seq)
            except GroundswellError as error:
                if error.code == "outcome-unknown":
                    self._close_files()
                raise
            self._changed_at, self._revision, self._head = changed_at, seq, head
            if checkpoint is not None:
                self._kept = (*self._kept, checkpoint.revision)[-2:]
            self._checkpoint_at_times()
            return seq

    def changed_at(self, *tables: str) -> int:
        """The revision that last changed one of these tables, or that the store was opened at.

        Whoever keeps what was read asks this before using it again: a store that has to find out first what became of
        a change does so here.
        """
        self.home.require()
        snapshot = self._mine.snapshot
        if snapshot is None:
            self._ready()
        changed_at = self._changed_at if snapshot is None else snapshot.changed_at
        return max(changed_at[table] for table in tables)

    def _written(self, entry: Entry, changes: Sequence[Change], seq: int) -> str:
        """Write a transaction to the log and the database; the digest of its line."""
        log, checkpoint = self._open_log(), self._checkpoint
        rows = log.begin(changes, seq=seq)
        lines: list[Appended] = []

        def line() -> str:
            lines.append(
                log.append(
                    entry, rows, seq=seq, previous=self._head, stored=min(self._stored, seq - 1), checkpoint=checkpoint
                )
            )
            return lines[0].head

        try:
            with self._using() as connection:
                apply(connection, changes, seq, line, checkpoint=checkpoint.revision if checkpoint else None)
        except BaseException as error:
            if lines:
                return self._decided(lines[0], rows, seq, error)
            self._disconnect()
            # A line that could not be taken back may refer to the rows; else nothing does, and nothing will.
            if getattr(error, "code", None) != "outcome-unknown":
                rows.remove()
            raise
        self._payload_bytes += rows.size
        return lines[0].head

    def _decided(self, appended: Appended, rows: Payloads, seq: int, error: BaseException) -> str:
        """Find out whether a transaction that failed after its line came about; the digest of the line if it did."""
        try:
            made = self._look_up()
        except GroundswellError:
            raise outcome_unknown(self.folder, error) from error
        if made == (seq, appended.head):
            return appended.head
        if made != (self._revision, self._head):
            raise outcome_unknown(self.folder, error) from error
        appended.take_back()
        rows.remove()
        raise error

    def _look_up(self) -> tuple[int, str]:
        """Where the database is, as whoever opens it next will find it."""
        self._disconnect()
        connection = self._connect()
        with faults_told(self._path):
            return position(connection)

    def checkpoint(self) -> None:
        """Bring everything into the one database file: before it is copied.

        Raises:
            StorageError: ``cannot-write``; nothing was lost.
        """
        if not self._checkpoint_beside_readers():
            # Some reads count as writers, such as one that makes a temporary view. Wait until nobody reads.
            with self._exclusion.alone():
                self._checkpoint_beside_readers()

    def _checkpoint_beside_readers(self) -> bool:
        """Bring everything into the database file; False where a reader kept DuckDB from it."""
        import duckdb

        with self._using() as connection:
            if self.read_only is not None and self._path.parent == self.folder:
                return True
            try:
                connection.execute("CHECKPOINT")
            except duckdb.TransactionException:
                return False
            self._stored = self._revision
            keep_private(self._path)
            return True

    def _checkpoint_at_times(self) -> None:
        try:
            if write_ahead_log(self._path).stat().st_size > _CHECKPOINT_ABOVE:
                self.checkpoint()
        except (OSError, StorageError):
            # What was committed is in the write-ahead log, and stays there until a checkpoint succeeds.
            return

    def compact(self, *, at: int, by: str) -> Compaction:
        """Write checkpoints until two snapshots include all changes made so far; then remove their payloads.

        Each checkpoint is an entry of the audit log, with the digest of its snapshot. Where nothing was changed since
        the last compaction, nothing is done.

        Args:
            at: the instant of the entries, in seconds since 1970.
            by: the user.

        Raises:
            StateError: ``forked-factory``, ``factory-closed``.
            StorageError: ``cannot-write``, ``cannot-read``, ``store-damaged``, ``outcome-unknown``; no payload was
                removed.

        Cost: reads all tables twice, and writes them compressed. Readers go on.
        """
        self.require_writable()
        with self.changing():
            self._settled()
            self.checkpoint()
            return self._compacted(at, by)

    def _compacted(self, at: int, by: str) -> Compaction:
        if self._kept != (self._revision - 2, self._revision - 1) or has_damaged_snapshot(self._open_log()):
            for _ in range(2):
                self._write_checkpoint(at, by)
        log = self._open_log()
        freed = log.tidy(last=self._revision, kept=self._kept)
        self._payload_bytes = log.payload_bytes()
        return Compaction(self._revision, tuple(snapshot_name(one) for one in self._kept), freed, self._payload_bytes)

    def _write_checkpoint(self, at: int, by: str) -> None:
        folder = self._open_log().folder
        with self._cursor() as cursor:
            checkpoint = write_snapshot(folder, self._revision, self._head, dump_tables(cursor))
        details = {"revision": checkpoint.revision, "snapshot": checkpoint.file, "bytes": checkpoint.size}
        summary = f"wrote a checkpoint of revision {checkpoint.revision}"
        try:
            self._commit(Entry(at, by, "compact", summary, details), [], checkpoint)
        except StorageError as error:
            if error.code != "outcome-unknown":
                (folder / checkpoint.file).unlink(missing_ok=True)
            raise

    def _compact_at_times(self, entry: Entry) -> None:
        """Compact where the payloads are large beside the store. The change is made, so a refusal is not an error."""
        try:
            files = [self._path, write_ahead_log(self._path)]
            stored = sum(file.stat().st_size for file in files if file.exists())
            if self._payload_bytes <= max(_PAYLOADS_TO_STORE * stored, _COMPACT_ABOVE, self._compact_above):
                return
            self._compact_above = 0
            if self._checkpoint_beside_readers():
                self._compacted(entry.at, entry.by)
        except (OSError, StorageError):
            self._compact_above = self._payload_bytes * 5 // 4
