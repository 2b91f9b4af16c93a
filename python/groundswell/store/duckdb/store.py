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
import errno
import os
import shutil
import tempfile
import threading
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from groundswell.errors import GroundswellError, NotFoundError, StateError, StorageError
from groundswell.files import remove_leftovers, sync_folder
from groundswell.input_files import open_databases
from groundswell.store.audit.log import GENESIS, SIDECARS, Appended, AuditLog, Record
from groundswell.store.duckdb.database import (
    DATABASE,
    SETTINGS,
    apply,
    connect,
    faults_told,
    keep_private,
    migrate,
    missing_migrations,
    position,
    write_ahead_log,
)
from groundswell.store.duckdb.queries.checks import CheckQueries
from groundswell.store.duckdb.queries.devices import DeviceQueries
from groundswell.store.duckdb.queries.facts import FactQueries
from groundswell.store.duckdb.queries.groups import GroupQueries
from groundswell.store.duckdb.queries.mappings import MappingQueries
from groundswell.store.duckdb.queries.tags import TagQueries
from groundswell.store.duckdb.queries.trust import TrustQueries
from groundswell.store.duckdb.queries.waves import WaveQueries
from groundswell.store.duckdb.query_runner import QueryRunner
from groundswell.store.duckdb.readers import Exclusion
from groundswell.store.faults import RESTORE, cannot_read, cannot_write, damaged, outcome_unknown
from groundswell.store.interrupts import InterruptedAfterCommitError, interrupts_held
from groundswell.store.lock import OwnerLock
from groundswell.store.process import Connections, Descriptor, Home, forked, guard, inherited
from groundswell.store.schema import KEYS
from groundswell.store.second_name import SecondName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb
    import pyarrow as pa

    from groundswell.store.audit.sidecars import Sidecars
    from groundswell.store.changes import Change, Entry

__all__ = ["AUDIT_LOG", "LOCK", "DuckDBStore", "require_factory", "write_refusal"]

AUDIT_LOG: Final = "audit.log"
LOCK: Final = "lock"

_IN_A_COPY: Final = "it can only be read in a copy, because it has to be brought up to date"
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
_HISTORY: Final = 16
"""Of how many revisions the store knows which tables they changed; a reader of an older one caches nothing."""
_CHECKPOINT_ABOVE: Final = 16 << 20
"""Bytes of write-ahead log after which it is brought into the database file."""


class DuckDBStore:
    """The store of one factory. Threads may share it: one writes at a time, and others read meanwhile.

    Made by `create` or `open`, which take the factory's lock; `close` lets it go.
    """

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
        self._mine: Final = _Thread()
        self._closed = False
        self._log: AuditLog | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._broken = False
        self._connections: Final = Connections()
        self._reader: Descriptor | None = None
        self._revision, self._head = 0, GENESIS
        self._changed_at: Mapping[str, int] = dict.fromkeys(KEYS, 0)
        self._history: Mapping[int, Mapping[str, int]] = {}
        self._run: Final = QueryRunner(self._cursor)
        self.devices: Final = DeviceQueries(self._run)
        self.groups: Final = GroupQueries(self._run)
        self.tags: Final = TagQueries(self._run)
        self.waves: Final = WaveQueries(self._run)
        self.trust: Final = TrustQueries(self._run)
        self.facts: Final = FactQueries(self._run)
        self.mappings: Final = MappingQueries(self._run)
        self.checks: Final = CheckQueries(self._run)
        self._open_files(begin=begin)

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
            for below in (folder, folder / SIDECARS) if store.read_only is None else ():
                remove_leftovers(below)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def revision(self) -> int:
        """The number of changes made so far: the last line of the audit log; inside `reading`, as of its snapshot."""
        self.home.require()
        snapshot = self._mine.snapshot
        return self._revision if snapshot is None else snapshot.revision

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

    # --- reading

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
                mine.snapshot = _Snapshot(cursor, revision, changed_at)
                yield
            finally:
                mine.snapshot = None
                with contextlib.suppress(Exception):
                    cursor.rollback()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query; goes when nothing above the store calls it."""
        return self._run.rows(sql, parameters)

    def table(self, sql: str, parameters: Sequence[Any] = (), **views: pa.Table) -> pa.Table:
        """The rows of a query as an Arrow table; goes when nothing above the store calls it."""
        return self._run.table(sql, parameters, **views)

    def records(self) -> Iterator[Record]:
        """The lines of the audit log, oldest first."""
        self.home.require()
        self._ready()
        log, known = self._open_log(), self.revision
        # Another thread may be writing the next line.
        return islice(log.records(), known)

    def log_fault(self, digests: Mapping[str, str]) -> str | None:
        """What is wrong with the audit log: its chain, its files of rows, or that it does not end at this revision.

        Args:
            digests: the SHA-256 of each file of rows, by its path inside the factory.

        Returns:
            One sentence; None for a log that is valid.

        Raises:
            StorageError: ``cannot-read``.

        Cost: reads the whole log, but not the files of rows.
        """
        self.home.require()
        with self._writing:
            self._settled()
            try:
                return self._open_log().fault(digests, self._revision, self._head)
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

    # --- writing

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
        with self.changing(), interrupts_held():
            self._settled()
            seq = self._revision + 1
            changed_at = {**self._changed_at, **dict.fromkeys((change.table for change in changes), seq)}
            # A reader may see the commit before this thread knows of it.
            recent = [(number, then) for number, then in self._history.items() if number < seq]
            self._history = dict([*recent[-_HISTORY:], (seq, changed_at)])
            try:
                head = self._written(entry, changes, seq)
            except GroundswellError as error:
                if error.code == "outcome-unknown":
                    self._close_files()
                raise
            self._changed_at, self._revision, self._head = changed_at, seq, head
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
        log = self._open_log()
        rows = log.begin(changes, seq=seq)
        lines: list[Appended] = []

        def line() -> str:
            lines.append(log.append(entry, rows, seq=seq, previous=self._head))
            return lines[0].head

        try:
            with self._using() as connection:
                apply(connection, changes, seq, line)
        except BaseException as error:
            if lines:
                return self._decided(lines[0], rows, seq, error)
            self._disconnect()
            # A line that could not be taken back may refer to the rows; else nothing does, and nothing will.
            if getattr(error, "code", None) != "outcome-unknown":
                rows.remove()
            raise
        return lines[0].head

    def _decided(self, appended: Appended, rows: Sidecars, seq: int, error: BaseException) -> str:
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
        import duckdb

        with self._using() as connection:
            if self.read_only is None or self._path.parent != self.folder:
                try:
                    connection.execute("CHECKPOINT")
                except duckdb.TransactionException:
                    # Some reads count as writers, such as one that makes a temporary view. Wait until nobody reads.
                    with self._exclusion.alone():
                        connection.execute("CHECKPOINT")
                keep_private(self._path)

    def _checkpoint_at_times(self) -> None:
        try:
            if write_ahead_log(self._path).stat().st_size > _CHECKPOINT_ABOVE:
                self.checkpoint()
        except (OSError, StorageError):
            # What was committed is in the write-ahead log, and stays there until a checkpoint succeeds.
            return

    # --- opening

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
                _require(self._path)
            if self.read_only is None:
                if inherited(self._path):
                    self._take_second_name()
                connection = self._connect()
                keep_private(self._path)
                self._bring_up_to_date(connection, self._log, begin=begin)
                self._drop_old_logs(connection)
                self._log.tidy(last=self._revision)
            else:
                self._open_to_read(self._log)
            self._changed_at = dict.fromkeys(KEYS, self._revision)
            self._history = {self._revision: self._changed_at}
        except BaseException:
            self._close_files()
            raise

    def _connect(self) -> duckdb.DuckDBPyConnection:
        in_place = self.read_only is not None and self._path.parent == self.folder
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
            self._revision, self._head = position(connection)
            self._catch_up(connection, log)

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
            self._revision, self._head = position(connection)
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
        last = log.last()
        self._check_end(log, last)
        if last is not None and last.seq > self._revision:
            follows = GENESIS
            for record in log.records():
                if record.seq <= self._revision:
                    follows = record.head
                    continue
                if follows != self._head:
                    raise damaged(log.path, f"line {record.seq} does not follow what the store has seen", hint=RESTORE)
                apply(connection, log.changes(record), record.seq, record.head)
                self._revision, self._head = record.seq, record.head
                follows = record.head

    def _check_end(self, log: AuditLog, last: Record | None) -> None:
        """Refuse a log that ends before what the database has seen, or with something else."""
        seq, head = (last.seq, last.head) if last is not None else (0, GENESIS)
        if seq < self._revision:
            cut = ", and the beginning of a line" if log.torn else ""
            raise damaged(log.path, f"it ends with line {seq}{cut}, and the store has seen line {self._revision}",
                          hint=RESTORE)  # fmt: skip
        if seq == self._revision and head != self._head:
            raise damaged(log.path, f"its line {seq} is not the one that the store has seen", hint=RESTORE)


class _Snapshot(NamedTuple):
    """One state of the store, as `reading` sees it."""

    cursor: duckdb.DuckDBPyConnection
    revision: int
    changed_at: Mapping[str, int]


class _Thread(threading.local):
    """What a thread is about: the snapshot that it reads, how many blocks of `changing` it is in."""

    snapshot: _Snapshot | None = None
    changing: int = 0


def _require(path: Path) -> None:
    if not path.exists():
        raise damaged(path, "the file is not there")


def write_refusal(folder: Path) -> OSError | None:
    """Why a factory cannot be changed where it is; None if it can."""
    wal = write_ahead_log(folder / DATABASE)
    for path in (folder, folder / DATABASE, wal, folder / AUDIT_LOG, folder / SIDECARS, folder / LOCK):
        access = os.W_OK | (os.X_OK if path == folder else 0)
        if path.exists() and not os.access(path, access, effective_ids=os.access in os.supports_effective_ids):
            mounted = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
            number = errno.EROFS if mounted else errno.EACCES
            return OSError(number, os.strerror(number), str(path))
    return None


def require_factory(folder: Path) -> None:
    """Refuse a folder that is no factory.

    Raises:
        NotFoundError: ``no-factory``.
        StorageError: ``cannot-read``.
    """
    try:
        found = {path.name for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        found = set()
    except OSError as error:
        raise StorageError(
            "cannot-read",
            f"the folder `{folder}` cannot be read: {error.strerror}",
            hint="get permission, or name another folder",
            fields={"path": str(folder), "reason": error.strerror or ""},
        ) from error
    if DATABASE not in found and AUDIT_LOG not in found:
        there = "there is no folder" if not folder.exists() else "no factory is in"
        raise NotFoundError(
            "no-factory",
            f"{there} `{folder}`",
            hint="name the directory of a factory, or make one with `Factory.create`",
            fields={"path": str(folder)},
        )
