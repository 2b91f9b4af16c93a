"""Applies lines of the audit log to a database: after a crash, to rebuild it, and to compare it with its log.

Small changes of many lines are merged before they are applied: of 400 rollouts the database then sees one statement
for each table, not 1600.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from groundswell.store.changes import PIECE, Change
from groundswell.store.duckdb.database import apply_change, ordered, plain, see_line, transaction
from groundswell.store.duckdb.small_changes import is_plain
from groundswell.store.schema import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb
    import pyarrow as pa

    from groundswell.store.audit.lines import Record

__all__ = ["dump_tables", "load_tables", "replay"]

_FEW: Final = 32
_MAX_MERGED: Final = 32 << 20
"""Bytes of merged changes after which they are applied."""
_MAX_TRANSACTION: Final = 256 << 20
"""Bytes of changes after which a transaction is committed."""
_GONE: Final = "remove"


def replay(
    connection: duckdb.DuckDBPyConnection, lines: Iterable[tuple[Record, list[Change]]], *, again: bool = False
) -> Record | None:
    """Apply lines in their order.

    Args:
        connection: to a database of the newest shape that has seen all earlier lines.
        lines: the lines, each with its changes.
        again: whether the database may have seen these lines, too: then new rows take the place of their like.

    Returns:
        The last line; None if there was none.

    Raises:
        StorageError: as `lines` raises it; the transaction that it came in is rolled back.
    """
    last: Record | None = None
    pending = iter(lines)
    while True:
        size, begun = 0, last
        with transaction(connection):
            merged = _Merged(connection, again=again)
            for record, changes in pending:
                for change in changes:
                    merged.add(change)
                    size += change.rows.nbytes
                if record.checkpoint is not None:
                    merged.flush()
                    see_line(connection, record.seq, record.head, checkpoint=record.checkpoint.revision)
                last = record
                if size > _MAX_TRANSACTION:
                    break
            merged.flush()
            if last is None or last is begun:
                return last
            see_line(connection, last.seq, last.head)


class _Merged:
    """Small changes, merged by the key of their row; a large one is applied at once, after those before it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, again: bool) -> None:
        self._connection: Final = connection
        self._again: Final = again
        self._rows: dict[str, dict[tuple[Any, ...], tuple[str, dict[str, Any]]]] = {}
        self._schemas: dict[str, list[pa.Schema]] = {}
        self._size = 0

    def add(self, change: Change) -> None:
        """Take a change."""
        keys = KEYS[change.table]
        named = change.rows.select(keys).to_pylist() if change.rows.num_rows <= _FEW else []
        once = len({tuple(row.values()) for row in named}) == change.rows.num_rows
        if not once or not is_plain(change.rows):
            self._flush_table(change.table)
            # `set` on rows that are put again, and `add` of rows that are there, come to the same as `put`.
            again = self._again and change.kind == "add"
            apply_change(self._connection, replace(change, kind="put") if again else change)
            return
        rows = self._rows.setdefault(change.table, {})
        self._schemas.setdefault(change.table, []).append(change.rows.schema)
        for row in change.rows.to_pylist():
            key = tuple(row[name] for name in keys)
            kind, before = rows.get(key, ("", {}))
            if change.kind == "remove":
                rows[key] = (_GONE, row)
            elif change.kind != "set":
                rows[key] = ("put", row)
            elif kind != _GONE:
                rows[key] = (kind or "set", before | row)
        self._size += change.rows.nbytes
        if self._size > _MAX_MERGED:
            self.flush()

    def flush(self) -> None:
        """Apply what was merged."""
        for table in list(self._rows):
            self._flush_table(table)
        self._size = 0

    def _flush_table(self, table: str) -> None:
        import pyarrow as pa

        merged = self._rows.pop(table, {})
        schemas = self._schemas.pop(table, [])
        if not merged:
            return
        fields = pa.unify_schemas(schemas, promote_options="permissive")
        alike: dict[tuple[str, frozenset[str]], list[dict[str, Any]]] = {}
        for kind, row in merged.values():
            alike.setdefault((kind, frozenset(row)), []).append(row)
        for (kind, names), rows in alike.items():
            schema = pa.schema([field for field in fields if field.name in names])
            apply_change(self._connection, Change(table, kind, pa.Table.from_pylist(rows, schema=schema)))  # type: ignore[arg-type]


def dump_tables(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, pa.RecordBatchReader]]:
    """All tables of a database, each in the order of its keys, piece by piece."""
    import pyarrow as pa

    for table in KEYS:
        reader = connection.sql(ordered(table)).to_arrow_reader(PIECE)
        first = plain(reader.schema.empty_table()).schema
        batches = (batch for piece in reader for batch in plain(pa.Table.from_batches([piece])).to_batches())
        yield table, pa.RecordBatchReader.from_batches(first, batches)


def load_tables(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[tuple[str, pa.RecordBatchReader]], revision: int, head: str
) -> None:
    """Put the rows of a snapshot into the empty tables of a database of the newest shape.

    The format of the database stays what it is. Columns that the snapshot lacks get their defaults.
    """
    with transaction(connection):
        for table, rows in tables:
            if table not in KEYS:
                continue
            connection.register("groundswell_snapshot", rows)
            try:
                condition = " WHERE key <> 'format'" if table == "meta" else ""
                connection.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM groundswell_snapshot{condition}')
            finally:
                with contextlib.suppress(Exception):
                    connection.unregister("groundswell_snapshot")
        see_line(connection, revision, head)
