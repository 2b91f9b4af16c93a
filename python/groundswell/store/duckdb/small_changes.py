"""Changes of few rows, which most are, as parameters of statements.

To hand DuckDB an Arrow table and to join with it takes longer than all else that such a change does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.store.schema import KEYS, same_row

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from groundswell.store.changes import Change

__all__ = ["apply_few", "is_plain"]

_FEW: Final = 32
_ONE_BY_ONE: Final = 2
"""Up to so many rows, a statement for each takes less time than one that joins them."""

_COLUMNS: Final[dict[str, frozenset[str]]] = {}
"""Of each table that was asked for: a store is brought into the newest shape before anything is changed but `meta`, to
which every migration writes its number. One that changes the shape of `meta` has to clear this."""


def apply_few(connection: duckdb.DuckDBPyConnection, change: Change) -> bool:
    """Make a change of few rows, inside a transaction; False where this is none, and nothing was done."""
    rows, table = change.rows, change.table
    types = _types(rows)
    if types is None or not 0 < rows.num_rows <= _FEW or not _fits(change):
        return False
    said, cells = _values(rows, types), [cell for row in rows.to_pylist() for cell in row.values()]
    if change.kind == "put":
        return _put(connection, table, rows, said, cells)
    if change.kind == "set":
        _update(connection, table, rows, said, cells)
    elif change.kind == "remove":
        connection.execute(f'DELETE FROM "{table}" t USING {said} WHERE {same_row(table)}', cells)
    else:
        row = f"({', '.join('?' * rows.num_columns)})"
        values = ", ".join([row] * rows.num_rows)
        connection.execute(f'INSERT INTO "{table}" ({_listed(rows)}) VALUES {values}', cells)
    return True


def is_plain(rows: pa.Table) -> bool:
    """Whether all columns have types that survive the way through Python's own."""
    return _types(rows) is not None


def _put(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, said: str, cells: list[Any]) -> bool:
    if set(rows.column_names) != _columns_of(connection, table):
        # Columns that are not given go back to their defaults, which an update would not do.
        return False
    if _update(connection, table, rows, said, cells) < rows.num_rows:
        missing = f'SELECT * FROM {said} WHERE NOT EXISTS (FROM "{table}" t WHERE {same_row(table)})'
        connection.execute(f'INSERT INTO "{table}" BY NAME {missing}', cells)
    return True


def _fits(change: Change) -> bool:
    """Whether each row has a key of its own, and something beside it: what an update needs."""
    keys = KEYS[change.table]
    if change.kind in {"put", "set"} and len(keys) == change.rows.num_columns:
        return False
    named = list(zip(*(change.rows.column(key).to_pylist() for key in keys), strict=True))
    return len(set(named)) == len(named)


def _values(rows: pa.Table, types: list[str]) -> str:
    """Rows as a table of parameters."""
    row = f"({', '.join(f'?::{kind}' for kind in types)})"
    return f"(VALUES {', '.join([row] * rows.num_rows)}) c({_listed(rows)})"


def _listed(rows: pa.Table) -> str:
    return ", ".join(f'"{name}"' for name in rows.column_names)


def _update(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, said: str, cells: list[Any]) -> int:
    """Let the rows take the place of those with the same key. Returns how many of these there were."""
    keys = KEYS[table]
    others = [name for name in rows.column_names if name not in keys]
    if rows.num_rows > _ONE_BY_ONE:
        sets = ", ".join(f'"{name}" = c."{name}"' for name in others)
        updated = [
            connection.execute(f'UPDATE "{table}" t SET {sets} FROM {said} WHERE {same_row(table)}', cells).fetchall()
        ]
    else:
        sets, same = ", ".join(f'"{name}" = ?' for name in others), " AND ".join(f'"{key}" = ?' for key in keys)
        updated = [
            connection.execute(
                f'UPDATE "{table}" SET {sets} WHERE {same}', [row[name] for name in (*others, *keys)]
            ).fetchall()
            for row in rows.to_pylist()
        ]
    return sum(count for ((count,),) in updated)


def _columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> frozenset[str]:
    if table not in _COLUMNS:
        found = connection.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [table]).fetchall()
        _COLUMNS[table] = frozenset(name for (name,) in found)
    return _COLUMNS[table]


def _types(rows: pa.Table) -> list[str] | None:
    """What DuckDB calls the types of the columns; None if one of them is not among the plain ones."""
    import pyarrow as pa

    names = {
        pa.null(): "VARCHAR",
        pa.bool_(): "BOOLEAN",
        pa.int64(): "BIGINT",
        pa.float64(): "DOUBLE",
        pa.string(): "VARCHAR",
        pa.binary(): "BLOB",
    }
    types = [names.get(field.type) for field in rows.schema]
    return [kind for kind in types if kind is not None] if None not in types else None
