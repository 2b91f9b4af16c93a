"""Runs SQL for the named reads of the DuckDB store."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from groundswell.store.duckdb.database import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import duckdb
    import pyarrow as pa

__all__ = ["QueryRunner"]


class QueryRunner:
    """Runs each query on a cursor of the calling thread: the snapshot of `reading`, else the newest state."""

    def __init__(self, cursor: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]) -> None:
        self._cursor: Final = cursor

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._cursor() as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def mappings(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query by the names of their columns. Faster than `table` for few rows."""
        with self._cursor() as connection:
            found = connection.execute(sql, list(parameters))
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def table(self, sql: str, parameters: Sequence[Any] = (), **views: pa.Table) -> pa.Table:
        """The rows of a query as an Arrow table; UUIDs as 16 bytes. `views` are Arrow tables that the query names."""
        with self._cursor() as connection, _views(connection, views):
            return plain(connection.sql(sql, params=list(parameters)).to_arrow_table())


@contextlib.contextmanager
def _views(connection: duckdb.DuckDBPyConnection, views: dict[str, pa.Table]) -> Iterator[None]:
    for name, rows in views.items():
        connection.register(name, rows)
    try:
        yield
    finally:
        for name in views:
            with contextlib.suppress(Exception):
                connection.unregister(name)
