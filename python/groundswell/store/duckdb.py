"""The embedded store: one DuckDB file, and the audit log that it follows.

A transaction is made durable twice. First its line is written to the audit log, then it is applied to the database, in
one transaction there, together with the number of the line. So wherever a crash comes, opening the store finishes what
the log has and the database lacks; and what the log has not, never was.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import NotFoundError, StateError, StorageError
from groundswell.store.audit import GENESIS, AuditLog, Record
from groundswell.store.faults import cannot_write, damaged
from groundswell.store.lock import OwnerLock
from groundswell.store.schema import KEYS, Migration, migrations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from groundswell.store.changes import Change, Entry

__all__ = [
    "AUDIT_LOG",
    "DATABASE",
    "LOCK",
    "DuckDBStore",
    "InterruptedAfterCommitError",
    "ordered",
    "replay",
    "require_factory",
    "tables_of",
]

DATABASE: Final = "factory.duckdb"
AUDIT_LOG: Final = "audit.log"
LOCK: Final = "lock"

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "storage_compatibility_version": "v1.5.0",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "python_enable_replacements": False,
}
_SETTINGS: Final = "SET TimeZone = 'UTC'; SET arrow_lossless_conversion = true;"
_CHANGES: Final = "groundswell_changes"


class InterruptedAfterCommitError(KeyboardInterrupt):
    """Ctrl-C came while a transaction was being made durable: the change is made, what would have followed is not."""


class DuckDBStore:
    """The store of one factory. Threads may share it; its methods take turns.

    Made by `create` or `open`, which take the factory's lock; `close` lets it go.
    """

    def __init__(self, folder: Path, lock: OwnerLock) -> None:
        """Open what is in a folder whose lock is held; callers use `open`."""
        self.folder: Final = folder
        self._path: Final = folder / DATABASE
        self._lock = lock
        self._turn = threading.RLock()
        self._log = AuditLog(folder / AUDIT_LOG)
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._changed_at: dict[str, int] = {}
        try:
            self._connection = _connect(self._path)
            _private(self._path)
            self._migrate()
            self.revision, self._head = self._position()
            self._catch_up()
        except BaseException:
            self._disconnect()
            raise

    @classmethod
    def create(cls, folder: Path, *, owner: str, entry: Entry, changes: Sequence[Change]) -> DuckDBStore:
        """Begin a store in a folder that exists and is empty; the caller makes the folder appear as a whole.

        Raises:
            StorageError: ``cannot-write``.
        """
        lock = OwnerLock.acquire(folder / LOCK, owner=owner, wait=0)
        try:
            store = cls(folder, lock)
        except BaseException:
            lock.release()
            raise
        try:
            store.commit(entry, changes)
            # From here on the tables themselves can't be lost with a torn write-ahead log.
            store.checkpoint()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, folder: Path, *, owner: str, wait: float) -> DuckDBStore:
        """Open a store, waiting for whoever has it.

        Raises:
            NotFoundError: ``no-factory``.
            StateError: ``factory-in-use``, ``newer-factory``.
            StorageError: ``store-damaged``, ``cannot-write``.
        """
        require_factory(folder)
        lock = OwnerLock.acquire(folder / LOCK, owner=owner, wait=wait)
        try:
            _require_database(folder / DATABASE)
            return cls(folder, lock)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Close the store and let its lock go. Twice is once."""
        with self._turn:
            self._disconnect()
            self._lock.release()

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None
        self._log.close()

    # --- reading

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._turn, self._faults():
            return self._connected().execute(sql, list(parameters)).fetchall()

    def table(self, sql: str, parameters: Sequence[Any] = (), **views: pa.Table) -> pa.Table:
        """The rows of a query as an Arrow table; UUIDs as 16 bytes. `views` are Arrow tables that the query names."""
        with self._turn, self._faults(), self._views(views):
            return _plain(self._connected().sql(sql, params=list(parameters)).to_arrow_table())

    @contextlib.contextmanager
    def _views(self, views: dict[str, pa.Table]) -> Iterator[None]:
        connection = self._connected()
        for name, rows in views.items():
            connection.register(name, rows)
        try:
            yield
        finally:
            for name in views:
                connection.unregister(name)

    def records(self) -> Iterator[Record]:
        """The lines of the audit log, oldest first."""
        return self._log.records()

    # --- writing

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other threads out, from what a change is worked out of to its commit."""
        with self._turn:
            yield

    def commit(self, entry: Entry, changes: Sequence[Change]) -> int:
        """Make changes, all of them or none; they are durable when this returns.

        Args:
            entry: what the audit log says of them.
            changes: rows of any number of tables; none at all is a transaction too, one that only is told of.

        Returns:
            The new revision of the store.

        Raises:
            StorageError: ``cannot-write``, ``store-damaged``; nothing was changed.
            InterruptedAfterCommitError: Ctrl-C; the changes were made.

        Cost: a line and the changed rows in the audit log, and the same in the database; two syncs of each.
        """
        with self._turn, _interrupts_held():
            # A checkpoint in the middle of a commit could fail after the commit; DuckDB does them when it is closed.
            appended = self._log.append(entry, changes, seq=self.revision + 1, previous=self._head)
            try:
                with self._faults():
                    self._apply(changes, self.revision + 1, appended.head)
            except BaseException:
                try:
                    appended.take_back()
                except OSError as error:
                    raise StorageError(
                        "outcome-unknown",
                        f"the disk of `{self.folder}` failed while a change was being made",
                        hint="look after the disk; the next command either finishes the change or has nothing of it",
                        fields={"path": str(self.folder), "revision": self.revision + 1},
                    ) from error
                raise
            self.revision += 1
            self._head = appended.head
            self._changed_at |= dict.fromkeys((change.table for change in changes), self.revision)
            return self.revision

    def changed_at(self, *tables: str) -> int:
        """The revision that last changed one of these tables; 0 if none has since the store was opened."""
        with self._turn:
            return max(self._changed_at.get(table, 0) for table in tables)

    def _apply(self, changes: Sequence[Change], revision: int, head: str) -> None:
        _apply(self._connected(), changes, revision, head)

    def checkpoint(self) -> None:
        """Bring everything into the one database file: before it is copied."""
        with self._turn, self._faults():
            self._connected().execute("CHECKPOINT")
            _private(self._path)

    # --- opening

    def _connected(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise StateError(
                "factory-closed",
                f"the factory `{self.folder}` is closed",
                hint="open it again, or do all the work inside its `with` block",
                fields={"path": str(self.folder)},
            )
        return self._connection

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise _told(self._path, error) from error

    def _migrate(self) -> None:
        connection, known = self._connected(), migrations()
        with self._faults():
            tables = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta'").fetchall()
            found = 0
            if tables[0][0]:
                rows = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchall()
                if not rows:
                    raise damaged(self._path, "it does not tell its format")
                found = int(rows[0][0])
            elif self._log.last() is not None:
                raise damaged(self._path, "it has no tables")
            if found > known[-1].number:
                raise StateError(
                    "newer-factory",
                    f"the factory `{self.folder}` has format {found}, and this groundswell knows {known[-1].number}",
                    hint="use the newer version of groundswell that wrote it",
                    fields={"path": str(self.folder), "format": found, "known": known[-1].number},
                )
            for migration in known[found:]:
                _migrate(connection, migration)

    def _position(self) -> tuple[int, str]:
        with self._faults():
            meta = dict(self._connected().execute("SELECT key, value FROM meta").fetchall())
        return int(meta.get("revision", "0")), meta.get("audit_head", GENESIS)

    def _catch_up(self) -> None:
        """Finish the transactions that the log has and the database lacks: a crash came between the two."""
        last = self._log.last()
        seq, head = (last.seq, last.head) if last is not None else (0, GENESIS)
        if (seq, head) == (self.revision, self._head):
            return
        if seq <= self.revision:
            raise damaged(
                self._log.path,
                f"it ends at line {seq}, and the store has seen line {self.revision}",
                hint="restore a backup, or the log from one",
            )
        follows = self._head
        for record in self._log.records():
            if record.seq <= self.revision:
                follows = record.head
                continue
            if record.seq == self.revision + 1 and (record.previous != self._head or follows != self._head):
                raise damaged(self._log.path, f"line {record.seq} does not follow what the store has seen")
            with self._faults():
                self._apply(self._log.changes(record), record.seq, record.head)
            self.revision, self._head = record.seq, record.head


def _plain(table: pa.Table) -> pa.Table:
    """With truth values as Arrow's own: a lossless conversion makes an extension of bytes of them."""
    import pyarrow as pa

    for at, field in enumerate(table.schema):
        if isinstance(field.type, pa.Bool8Type):
            chunks = [chunk.storage.cast(pa.bool_()) for chunk in table.column(at).chunks]
            table = table.set_column(at, field.name, pa.chunked_array(chunks, pa.bool_()))
    return table


@contextlib.contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        with contextlib.suppress(Exception):
            connection.rollback()
        raise


def _migrate(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    with _transaction(connection):
        connection.execute(migration.sql)
        _set_meta(connection, {"format": str(migration.number)})


def _apply(connection: duckdb.DuckDBPyConnection, changes: Sequence[Change], revision: int, head: str) -> None:
    with _transaction(connection):
        for change in changes:
            _apply_change(connection, change)
        _set_meta(connection, {"revision": str(revision), "audit_head": head})


def replay(folder: Path, database: Path) -> int:
    """Make a database out of a factory's audit log.

    Returns:
        The revision that was reached: the number of the log's last line.

    Raises:
        StorageError: ``store-damaged`` where the log does not hold together, or is not there.
    """
    if not (folder / AUDIT_LOG).exists():
        raise damaged(folder / AUDIT_LOG, "the file is not there", hint="restore a backup")
    log, revision = AuditLog(folder / AUDIT_LOG), 0
    connection = _connect(database)
    try:
        for migration in migrations():
            _migrate(connection, migration)
        for record in log.records():
            _apply(connection, log.changes(record), record.seq, record.head)
            revision = record.seq
        if revision == 0:
            raise damaged(log.path, "it is empty", hint="restore a backup")
        connection.execute("CHECKPOINT")
    finally:
        connection.close()
        log.close()
    _private(database)
    return revision


def tables_of(database: Path) -> dict[str, pa.Table]:
    """All tables of a database that nobody has open, each in the order of its keys."""
    connection = _connect(database)
    try:
        return {table: _plain(connection.sql(ordered(table)).to_arrow_table()) for table in KEYS}
    finally:
        connection.close()


def ordered(table: str) -> str:
    """The query for all rows of a table, in the order of their keys."""
    keys = ", ".join(f'"{key}"' for key in KEYS[table])
    return f'SELECT * FROM "{table}" ORDER BY {keys}'


def _apply_change(connection: duckdb.DuckDBPyConnection, change: Change) -> None:
    keys = " AND ".join(f't."{key}" = c."{key}"' for key in KEYS[change.table])
    connection.register(_CHANGES, change.rows)
    try:
        if change.kind != "add":
            connection.execute(f'DELETE FROM "{change.table}" t USING {_CHANGES} c WHERE {keys}')
        if change.kind != "remove":
            connection.execute(f'INSERT INTO "{change.table}" BY NAME SELECT * FROM {_CHANGES}')
    finally:
        connection.unregister(_CHANGES)


def _set_meta(connection: duckdb.DuckDBPyConnection, values: dict[str, str]) -> None:
    for key, value in values.items():
        connection.execute("DELETE FROM meta WHERE key = ?", [key])
        connection.execute("INSERT INTO meta VALUES (?, ?)", [key, value])


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    try:
        connection = duckdb.connect(str(path), config=_CONFIG)
        connection.execute(_SETTINGS)
    except duckdb.Error as error:
        raise _told(path, error) from error
    return connection


def _told(path: Path, error: Exception) -> StorageError | Exception:
    """What an error of DuckDB means to a person; an error in our own SQL stays what it is: a bug."""
    text = str(error).partition("\n")[0]
    folded = text.lower()
    if any(word in folded for word in ("no space", "disk full", "permission denied", "read-only", "file too large")):
        return cannot_write(path, error)
    if any(word in folded for word in ("could not write", "could not fsync", "cannot open file", "quota")):
        return cannot_write(path, error)
    import duckdb

    broken = ("corrupt", "not a valid duckdb", "checksum", "replaying wal", "serialization", "deserializ")
    internal = (duckdb.IOException, duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException)
    if any(word in folded for word in broken) or isinstance(error, internal):
        return damaged(path, text)
    return error


def _private(path: Path) -> None:
    for file in (path, path.with_name(path.name + ".wal")):
        with contextlib.suppress(FileNotFoundError):
            os.chmod(file, 0o600)  # noqa: PTH101 - beside its kin


def _require_database(path: Path) -> None:
    if not path.exists():
        raise damaged(path, "the file is not there")


def require_factory(folder: Path) -> None:
    """Refuse a folder that is no factory.

    Raises:
        NotFoundError: ``no-factory``.
    """
    try:
        found = {LOCK, DATABASE, AUDIT_LOG} & {path.name for path in folder.iterdir()}
    except OSError:
        found = set()
    if DATABASE not in found and AUDIT_LOG not in found:
        there = "there is no folder" if not folder.exists() else "no factory is in"
        raise NotFoundError(
            "no-factory",
            f"{there} `{folder}`",
            hint="name the factory with -C DIR or GROUNDSWELL_FACTORY, or make one: groundswell init DIR --name NAME",
            fields={"path": str(folder)},
        )


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until a commit is over, so that what a command says of it is true."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def hold(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of signal handlers
        nonlocal came
        came = True

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
    if came:
        raise InterruptedAfterCommitError
