"""Opens the files of a store, and recovers what a crash left: the base of `DuckDBStore`.

The audit log is the redo log. Opening a store applies the lines that the database lacks: a crash came between the two.
Where nothing can be written, the store is read in place, or from a copy that is brought up to date.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from groundswell.errors import StateError, StorageError
from groundswell.input_files import open_databases
from groundswell.store.audit.log import GENESIS, AuditLog, Record
from groundswell.store.duckdb.database import (
    SETTINGS,
    checkpoints,
    connect,
    faults_told,
    keep_private,
    migrate,
    missing_migrations,
    position,
)
from groundswell.store.duckdb.readers import Exclusion, ThreadState
from groundswell.store.duckdb.replay import replay
from groundswell.store.duckdb.wal_check import differing_table
from groundswell.store.faults import RESTORE, cannot_read, cannot_write, damaged
from groundswell.store.folder import AUDIT_LOG, DATABASE, require_file, write_ahead_log
from groundswell.store.process import Connections, Descriptor, Home, forked, guard, inherited
from groundswell.store.schema import KEYS
from groundswell.store.second_name import SecondName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

    from groundswell.store.audit.lines import Checkpoint
    from groundswell.store.changes import Change
    from groundswell.store.lock import OwnerLock

__all__ = ["OpenStore"]

_IN_A_COPY: Final = "it can only be read in a copy, because it has to be brought up to date"
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


class OpenStore:
    """The open files of a store: its lock, its audit log, and its connections to the database."""

    def __init__(self, folder: Path, lock: OwnerLock, *, begin: bool = False, read_only: OSError | None = None) -> None:
        """Open what is in a folder whose lock is held, or begin it; callers use `open` and `create`.

        Args:
            folder: the factory.
            lock: its lock, which is held.
            begin: whether to make the files.
            read_only: why nothing can be written there, if so.
        """
        self.folder: Final = folder
        self.read_only: Final = read_only
        self.home: Final = Home(folder)
        self._path = folder / DATABASE
        self._scratch: Path | None = None
        self._second_name: SecondName | None = None
        self._open_database: tuple[int, int] | None = None
        self._lock: Final = lock
        self._writing: Final = threading.RLock()
        self._exclusion: Final = Exclusion()
        self._idle: Final[list[duckdb.DuckDBPyConnection]] = []
        self._mine: Final = ThreadState()
        self._closed = False
        self._log: AuditLog | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._broken = False
        self._connections: Final = Connections()
        self._reader: Descriptor | None = None
        self._revision, self._head = 0, GENESIS
        # The revision that the database file has without its write-ahead log; it may have seen more.
        self._stored, self._replayed = 0, False
        self._kept: tuple[int, ...] = ()
        self._checkpoint: Checkpoint | None = None
        self._payload_bytes = 0
        self._compact_above = 0
        self._changed_at: Mapping[str, int] = dict.fromkeys(KEYS, 0)
        self._history: Mapping[int, Mapping[str, int]] = {}
        self._open_files(begin=begin)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied.

        Raises:
            StateError: ``forked-factory``.
        """
        raise forked(self.folder, f"the factory `{self.folder}` belongs to its process and cannot be pickled or copied")

    def close(self) -> None:
        """Close the store and let its lock go. Twice is once.

        Raises:
            StateError: ``forked-factory``.
        """
        if self._closed:
            return
        self.home.require()
        with self._writing:
            self._closed = True
            self._close_files()
            self._lock.release()

    def require_open(self) -> None:
        """Refuse to go on once the store is closed, and in a forked process.

        Raises:
            StateError: ``factory-closed``, ``forked-factory``.
        """
        self.home.require()
        if self._closed:
            raise StateError(
                "factory-closed",
                f"the factory `{self.folder}` is closed",
                hint="open it again, or do all the work inside its `with` block",
                fields={"path": str(self.folder)},
            )

    def require_writable(self) -> None:
        """Refuse to go on where nothing can be written; a caller that writes other files first asks this before.

        Raises:
            StateError: ``factory-closed``, ``forked-factory``.
            StorageError: ``cannot-write``.
        """
        self.require_open()
        if self.read_only is not None:
            raise cannot_write(self.folder, self.read_only) from self.read_only

    def _settled(self) -> None:
        """Open the files anew where a failing disk left it unknown what is in them. The caller is the one writer."""
        self.require_open()
        if self._broken:
            self._disconnect()
        if self._connection is None or self._log is None:
            self._open_files()

    def _ready(self) -> None:
        """As `_settled`, for readers."""
        if self._closed or self._broken or self._connection is None or self._log is None:
            with self._writing:
                self._settled()

    def _open_log(self) -> AuditLog:
        assert self._log is not None  # noqa: S101 - it is open while the store is settled
        return self._log

    @contextlib.contextmanager
    def _using(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection that writes."""
        import duckdb

        self.home.require()
        with self._writing, faults_told(self._path, reading=self.read_only is not None):
            self._settled()
            assert self._connection is not None  # noqa: S101 - it is open while the store is settled
            try:
                yield self._connection
            except (duckdb.FatalException, duckdb.InternalException):
                # DuckDB does nothing more on such a connection.
                self._disconnect()
                raise

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of this thread alone: that of `reading`, else one that sees what is committed now."""
        import duckdb

        self.home.require()
        if self._mine.snapshot is not None:
            with faults_told(self._path, reading=True):
                yield self._mine.snapshot.cursor
            return
        self._ready()
        with self._exclusion.shared(), faults_told(self._path, reading=self.read_only is not None):
            if self._connection is None:  # the database was closed, or its disk failed, since
                self.require_open()
                raise cannot_read(self._path, "the disk failed meanwhile")
            cursor = self._take_cursor(self._connection)
            try:
                yield cursor
            except (duckdb.FatalException, duckdb.InternalException):
                self._broken = True  # whoever comes next opens the database anew
                raise
            finally:
                self._idle.append(cursor)

    def _take_cursor(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        with guard:
            cursor = connection.cursor()
            if self._connections.current is not None:
                self._connections.current[0].append(cursor)
        cursor.execute(SETTINGS)
        return cursor

    def _open_files(self, *, begin: bool = False) -> None:
        self._close_files()
        try:
            self._log = AuditLog(self.folder / AUDIT_LOG, begin=begin, read_only=self.read_only is not None)
            if not begin:
                require_file(self._path)
            if self.read_only is None:
                if inherited(self._path):
                    self._take_second_name()
                connection = self._connect()
                keep_private(self._path)
                self._bring_up_to_date(connection, self._log, begin=begin)
                self._drop_old_logs(connection)
                self._log.tidy(last=self._revision, kept=self._kept)
                self._payload_bytes = self._log.payload_bytes()
            else:
                self._open_to_read(self._log)
            self._changed_at = dict.fromkeys(KEYS, self._revision)
            self._history = {self._revision: self._changed_at}
        except BaseException:
            self._close_files()
            raise

    def _connect(self) -> duckdb.DuckDBPyConnection:
        in_place = self.read_only is not None and self._path.parent == self.folder
        wal = write_ahead_log(self._path)
        self._replayed = wal.exists() and wal.stat().st_size > 0
        # A fork in another thread waits: its child must find the connection that is being made.
        with guard:
            connection = connect(self._path, read_only=in_place, scratch=self._scratch)
            self._connections.current = [connection], os.path.realpath(self._path)
        self._connection, self._broken = connection, False
        about = self._path.stat()
        self._open_database = about.st_dev, about.st_ino
        open_databases.add(self._open_database)
        return connection

    def _take_second_name(self) -> None:
        try:
            self._second_name = SecondName(self._path)
        except OSError as error:
            if error.errno in _NO_LINKS:
                return  # `connect` refuses the first name
            raise cannot_write(self.folder, error) from error
        self._path = self._second_name.path

    def _drop_old_logs(self, connection: duckdb.DuckDBPyConnection) -> None:
        if self._second_name is not None:
            with faults_told(self._path):
                connection.execute("CHECKPOINT")
            try:
                self._second_name.drop_old_logs()
            except OSError as error:
                raise cannot_write(self.folder, error) from error

    def _bring_up_to_date(self, connection: duckdb.DuckDBPyConnection, log: AuditLog, *, begin: bool = False) -> None:
        with faults_told(self._path):
            migrate(connection, self._path, new=begin)
            self._find_position(connection)
            last = log.last()
            self._check_end(log, last)
            self._stored = self._revision
            if self._replayed and last is not None:
                self._stored = last.stored or 0
                self._check_replayed_rows(connection, log)
            self._catch_up(connection, log)

    def _find_position(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            self._revision, self._head = position(connection)
            self._kept = checkpoints(connection)
        except ValueError as error:
            raise damaged(self._path, "its revision is not a number") from error

    def _check_replayed_rows(self, connection: duckdb.DuckDBPyConnection, log: AuditLog) -> None:
        """Refuse rows that a damaged write-ahead log brought into the database.

        Raises:
            StorageError: ``store-damaged``.
        """
        after = max(self._stored, self._kept[0] if len(self._kept) > 1 else 0)
        lines = [(record, log.changes(record)) for record in log.records_after(after) if record.seq <= self._revision]
        table = differing_table(connection, lines)
        if table is not None:
            which = f"lines {lines[0][0].seq} to {lines[-1][0].seq}"
            raise damaged(self._path, f"its write-ahead log does not hold the rows of `{table}` that {which} wrote")

    def _open_to_read(self, log: AuditLog) -> None:
        """Open a database that may not be written: as it is, or a copy of one that lacks something."""
        try:
            self._scratch = Path(tempfile.mkdtemp(prefix="groundswell-"))
        except OSError:
            self._scratch = None  # what is read has to fit into memory
        in_place = not write_ahead_log(self._path).exists() and not inherited(self._path)
        if in_place and self._is_up_to_date(log):
            return
        self._disconnect()
        copy = self._copied()
        self._path = copy
        self._bring_up_to_date(self._connect(), log)

    def _is_up_to_date(self, log: AuditLog) -> bool:
        connection = self._connect()
        with faults_told(self._path, reading=True):
            if missing_migrations(connection, self._path, new=False):
                return False
            self._find_position(connection)
            self._stored = self._revision
        last = log.last()
        self._check_end(log, last)
        return last is None or last.seq == self._revision

    def _copied(self) -> Path:
        """A copy of the database and of its write-ahead log, in a folder that goes when the store is closed."""
        if self._scratch is None:
            raise cannot_read(self._path, f"{_IN_A_COPY}, and no folder for temporary files can be written")
        copy = self._scratch / DATABASE
        try:
            # Nobody has the file open in this process, so that no lock of DuckDB is lost.
            for source in (self._path, write_ahead_log(self._path)):
                if source.exists():
                    shutil.copyfile(source, copy.with_name(source.name))
        except OSError as error:
            raise cannot_read(self._path, f"{_IN_A_COPY}, and that failed: {error.strerror}") from error
        return copy

    def _close_files(self) -> None:
        self._disconnect()
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch, self._path = None, self.folder / DATABASE
        if self._second_name is not None:
            self._second_name.remove()
            self._second_name, self._path = None, self.folder / DATABASE

    def _disconnect(self) -> None:
        with self._exclusion.alone():
            self._disconnect_alone()

    def _disconnect_alone(self) -> None:
        self._idle.clear()
        if self._connections.current is not None:
            for cursor in self._connections.current[0][1:]:
                with contextlib.suppress(Exception):
                    cursor.close()  # type: ignore[attr-defined]  # process.py knows no DuckDB
        if self._connection is not None:
            # Closing brings the write-ahead log into the database file; where that fails, the next who opens it does.
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = self._connections.current = None
            if self._open_database is not None:
                open_databases.discard(self._open_database)
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _catch_up(self, connection: duckdb.DuckDBPyConnection, log: AuditLog) -> None:
        """Finish the transactions that the log has and the database lacks: a crash came between the two."""
        known = self._head

        def missing() -> Iterator[tuple[Record, list[Change]]]:
            for record in log.records_after(self._revision):
                if record.seq == self._revision + 1 and record.previous != known:
                    raise damaged(log.path, f"line {record.seq} does not follow what the store has seen", hint=RESTORE)
                try:
                    yield record, log.changes(record)
                except StorageError as error:
                    if error.code != "store-damaged" or not any(log.chain().checkpoints):
                        raise
                    what = f"it lacks line {record.seq}, and a checkpoint has replaced the rows of that line"
                    raise damaged(self._path, what) from error

        last = replay(connection, missing())
        if last is not None:
            self._revision, self._head = last.seq, last.head
            self._kept = checkpoints(connection)

    def _check_end(self, log: AuditLog, last: Record | None) -> None:
        """Refuse a log that ends before what the database has seen, or with something else."""
        seq, head = (last.seq, last.head) if last is not None else (0, GENESIS)
        if seq < self._revision:
            cut = ", and the beginning of a line" if log.torn else ""
            what = f"it ends with line {seq}{cut}, and the store has seen line {self._revision}"
            raise damaged(log.path, what, hint=RESTORE)
        if seq == self._revision and head != self._head:
            raise damaged(log.path, f"its line {seq} is not the one that the store has seen", hint=RESTORE)
