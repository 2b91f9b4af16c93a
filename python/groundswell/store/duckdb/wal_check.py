"""Compares what DuckDB replayed from its write-ahead log with the audit log.

DuckDB's checksums miss some damage: zeroed bytes of a write-ahead log were read as rows with zeros. The payloads of the
audit log have SHA-256 digests. So the lines that the write-ahead log may hold are applied once more, to a copy of the
rows that they touch: that must change nothing.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from groundswell.store.changes import Change
from groundswell.store.duckdb.database import apply_change, in_memory, plain, transaction
from groundswell.store.duckdb.replay import replay
from groundswell.store.schema import KEYS, same_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import pyarrow as pa

    from groundswell.store.audit.lines import Record

__all__ = ["differing_table"]

_TOUCHED: Final = "groundswell_touched"


def differing_table(connection: duckdb.DuckDBPyConnection, lines: Sequence[tuple[Record, list[Change]]]) -> str | None:
    """The first table whose rows are not what these lines leave; None if all are.

    Args:
        connection: to a database that has seen these lines, and none after them.
        lines: consecutive lines with their changes.

    Cost: reads the rows that the lines touch, and the keys of their tables.
    """
    import pyarrow as pa

    touched: dict[str, list[pa.Table]] = {}
    for _, changes in lines:
        for change in changes:
            touched.setdefault(change.table, []).append(change.rows.select(KEYS[change.table]))
    keys = {table: pa.concat_tables(found, promote_options="permissive") for table, found in touched.items()}
    with in_memory() as scratch:
        before = {table: _rows(connection, table, found) for table, found in keys.items()}
        with transaction(scratch):
            for table, rows in before.items():
                if rows.num_rows:
                    apply_change(scratch, Change(table, "add", rows))
        replay(scratch, lines, again=True)
        for table, found in keys.items():
            named = ", ".join(f'"{key}"' for key in KEYS[table])
            again = f'SELECT 1 FROM "{table}" GROUP BY {named} HAVING count(*) > 1 LIMIT 1'
            if scratch.execute(again).fetchall() or not _rows(scratch, table, found).equals(before[table]):
                return table
    return None


def _rows(connection: duckdb.DuckDBPyConnection, table: str, keys: pa.Table) -> pa.Table:
    """The rows of a table with these keys, in the order of their keys."""
    named = ", ".join(f'"{key}"' for key in KEYS[table])
    connection.register(_TOUCHED, keys)
    try:
        found = connection.sql(
            f'SELECT * FROM "{table}" t WHERE EXISTS (FROM {_TOUCHED} c WHERE {same_row(table)}) ORDER BY {named}'
        )
        return plain(found.to_arrow_table())
    finally:
        with contextlib.suppress(Exception):
            connection.unregister(_TOUCHED)
