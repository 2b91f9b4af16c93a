"""The one DuckDB file of a store: opening it, its shape, applying changes to it."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from groundswell.errors import StateError
from groundswell.store.audit.lines import GENESIS
from groundswell.store.changes import PIECE, pieces, put
from groundswell.store.duckdb.small_changes import apply_few
from groundswell.store.faults import cannot_write, damaged, translate_error
from groundswell.store.folder import write_ahead_log
from groundswell.store.process import forked, inherited
from groundswell.store.schema import KEYS, Migration, migrations, same_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from groundswell.store.changes import Change

__all__ = [
    "SETTINGS",
    "apply",
    "apply_change",
    "checkpoints",
    "connect",
    "connected",
    "faults_told",
    "in_memory",
    "keep_private",
    "migrate",
    "missing_migrations",
    "ordered",
    "plain",
    "position",
    "see_line",
    "transaction",
]

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "storage_compatibility_version": "v1.5.0",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "python_enable_replacements": False,
    # A checkpoint in the middle of a commit could fail after the commit; the store does them between commits.
    "checkpoint_threshold": "1 TB",
}
SETTINGS: Final = "SET TimeZone = 'UTC'; SET arrow_lossless_conversion = true;"
"""What each connection and each cursor is set to."""
_CHANGES: Final = "groundswell_changes"


def connect(path: Path, *, read_only: bool = False, scratch: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open a database file; one that does not exist is made.

    Args:
        path: the file.
        read_only: whether nothing is written to it or beside it.
        scratch: a folder for what does not fit into memory (default: beside the file).

    Raises:
        StorageError: ``store-damaged``, ``cannot-read``, ``cannot-write``.
        StateError: ``factory-in-use`` where another program has it open without minding the factory's lock;
            ``forked-factory`` where an ancestor of this process had it open under this name when it forked.
    """
    import duckdb

    if inherited(path):
        raise forked(path.parent, f"this process was forked while its parent had the factory `{path.parent}` open")
    config = _CONFIG if scratch is None else _CONFIG | {"temp_directory": str(scratch)}
    with faults_told(path, reading=read_only):
        connection = duckdb.connect(str(path), config=config, read_only=read_only)
        try:
            connection.execute(SETTINGS)
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def connected(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database file for the time of a block; as `connect`."""
    connection = connect(path, read_only=read_only)
    try:
        with faults_told(path, reading=read_only):
            yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of the newest shape in memory, for the time of a block."""
    import duckdb

    config = {name: value for name, value in _CONFIG.items() if name != "storage_compatibility_version"}
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute(SETTINGS)
        for migration in migrations():
            _migrate(connection, migration)
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def faults_told(path: Path, *, reading: bool = False) -> Iterator[None]:
    """Tell an error of DuckDB as one of ours; `reading` where nothing was to be written."""
    import duckdb

    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.Error as error:
        raise translate_error(path, error, reading=reading) from error
    except RuntimeError as error:
        # What becomes of Ctrl-C inside a query.
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


def keep_private(path: Path) -> None:
    """Let nobody else read a database file.

    Raises:
        StorageError: ``cannot-write``.
    """
    for file in (path, write_ahead_log(path)):
        try:
            if file.stat().st_mode & 0o077:
                os.chmod(file, 0o600)  # noqa: PTH101 - `Path.chmod` is the same
        except FileNotFoundError:
            continue
        except OSError as error:
            raise cannot_write(file, error) from error


def migrate(connection: duckdb.DuckDBPyConnection, path: Path, *, new: bool) -> None:
    """Bring a database into the newest shape; arguments and errors as for `missing_migrations`."""
    for migration in missing_migrations(connection, path, new=new):
        _migrate(connection, migration)


def missing_migrations(connection: duckdb.DuckDBPyConnection, path: Path, *, new: bool) -> list[Migration]:
    """What would bring a database into the newest shape.

    Args:
        connection: to it.
        path: where it is.
        new: whether it may be without tables.

    Raises:
        StateError: ``newer-factory``.
        StorageError: ``store-damaged``.
    """
    known = migrations()
    found = 0
    if connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta'").fetchall() != [(0,)]:
        rows = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchall()
        if not rows:
            raise damaged(path, "it does not tell its format")
        if not rows[0][0].isascii() or not rows[0][0].isdigit():
            raise damaged(path, "its format is not a number")
        found = int(rows[0][0])
    elif not new:
        raise damaged(path, "it has no tables")
    if found > known[-1].number:
        raise StateError(
            "newer-factory",
            f"the factory `{path.parent}` has format {found}, and this groundswell knows {known[-1].number}",
            hint="use the newer version of groundswell that wrote it",
            fields={"path": str(path.parent), "format": found, "known": known[-1].number},
        )
    return known[found:]


def _migrate(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    with transaction(connection):
        connection.execute(migration.sql)
        _set_meta(connection, {"format": str(migration.number)})


def position(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """The number and the digest of the last line of the audit log that the database has seen."""
    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    return int(meta.get("revision", "0")), meta.get("audit_head", GENESIS)


def checkpoints(connection: duckdb.DuckDBPyConnection) -> tuple[int, ...]:
    """The revisions of the last two checkpoints of the audit log, the older one first; fewer if there are fewer."""
    rows = connection.execute("SELECT value FROM meta WHERE key = 'checkpoints'").fetchall()
    return tuple(int(one) for one in rows[0][0].split()) if rows else ()


def see_line(connection: duckdb.DuckDBPyConnection, revision: int, head: str, *, checkpoint: int | None = None) -> None:
    """Note, inside a transaction, that the database has seen a line, and the checkpoint that the line writes."""
    values = {"revision": str(revision), "audit_head": head}
    if checkpoint is not None:
        kept = (*checkpoints(connection), checkpoint)[-2:]
        values["checkpoints"] = " ".join(str(one) for one in kept)
    _set_meta(connection, values)


def apply(
    connection: duckdb.DuckDBPyConnection,
    changes: Sequence[Change],
    revision: int,
    head: str | Callable[[], str],
    *,
    checkpoint: int | None = None,
) -> None:
    """Make the changes of a line of the audit log, all of them or none.

    Args:
        connection: to the database.
        changes: the rows.
        revision: the number of the line.
        head: the digest of the line; or what writes the line and gives its digest, which is called when the rows are
            in and before they are committed.
        checkpoint: the revision of the checkpoint that the line writes, if it does.
    """
    with transaction(connection):
        for change in changes:
            apply_change(connection, change)
        digest = head if isinstance(head, str) else head()
        see_line(connection, revision, digest, checkpoint=checkpoint)


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block does; roll it back if the block raises."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        with contextlib.suppress(Exception):
            connection.rollback()
        raise


def apply_change(connection: duckdb.DuckDBPyConnection, change: Change) -> None:
    """Make a change, inside a transaction."""
    if apply_few(connection, change):
        return
    table, rows, keys = change.table, change.rows, KEYS[change.table]
    same = same_row(table)
    if change.kind in {"put", "remove"}:
        with _registered(connection, rows.select(keys)):
            connection.execute(f'DELETE FROM "{table}" t USING {_CHANGES} c WHERE {same}')
    if change.kind in {"put", "add"}:
        with _registered(connection, rows):
            connection.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM {_CHANGES}')
    if change.kind == "set":
        cells = ", ".join(f'"{column}" = c."{column}"' for column in rows.column_names if column not in keys)
        with _registered(connection, rows):
            connection.execute(f'UPDATE "{table}" t SET {cells} FROM {_CHANGES} c WHERE {same}')


@contextlib.contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> Iterator[None]:
    import pyarrow as pa

    large = rows.num_rows > PIECE
    connection.register(_CHANGES, pa.RecordBatchReader.from_batches(rows.schema, pieces(rows)) if large else rows)
    try:
        yield
    finally:
        # After an error this fails, too, and would hide the reason.
        with contextlib.suppress(Exception):
            connection.unregister(_CHANGES)


def _set_meta(connection: duckdb.DuckDBPyConnection, values: dict[str, str]) -> None:
    apply_change(connection, put("meta", [{"key": key, "value": value} for key, value in values.items()]))


def ordered(table: str) -> str:
    """The query for all rows of a table, in the order of their keys."""
    keys = ", ".join(f'"{key}"' for key in KEYS[table])
    return f'SELECT * FROM "{table}" ORDER BY {keys}'


def plain(table: pa.Table) -> pa.Table:
    """With truth values as Arrow's own: a lossless conversion makes an extension of bytes of them."""
    import pyarrow as pa

    for at, field in enumerate(table.schema):
        if isinstance(field.type, pa.Bool8Type):
            chunks = [chunk.storage.cast(pa.bool_()) for chunk in table.column(at).chunks]
            table = table.set_column(at, field.name, pa.chunked_array(chunks, pa.bool_()))
    return table
