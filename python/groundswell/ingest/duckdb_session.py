"""DuckDB as the reading engine: a database in memory for each read, that is gone when the read is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from groundswell.ingest.progress import run_beside, run_query

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    import duckdb
    import pyarrow as pa

    from groundswell.ingest.progress import ProgressBar

__all__ = ["Session", "identifier", "literal"]

_Result = TypeVar("_Result")

# No extension is fetched behind the user's back, and no variable of the caller is taken for a table.
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
# A timestamp without an offset is UTC; UUIDs come over as 16 bytes, text with 64-bit offsets.
# DuckDB counts progress only while its bar is on; we draw it ourselves.
_SETTINGS: Final = """
    SET TimeZone = 'UTC'; SET preserve_insertion_order = true;
    SET arrow_lossless_conversion = true; SET arrow_large_buffer_size = true;
    SET enable_progress_bar = true; SET enable_progress_bar_print = false; SET progress_bar_time = 0;
"""


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """The name of a table or column as SQL."""
    return '"' + name.replace('"', '""') + '"'


class Session:
    """One read's own DuckDB."""

    def __init__(self, meter: ProgressBar) -> None:
        import duckdb

        self.meter = meter
        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(":memory:", config=_CONFIG)
        self._connection.execute(_SETTINGS)
        self._tables = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def register(self, table: pa.Table, name: str | None = None) -> str:
        """Make an Arrow table known, under a name of its own unless one is given; the name as SQL."""
        self._tables += 1
        name = name or f"groundswell_{self._tables}"
        self._connection.register(name, table)
        return identifier(name)

    def describe(self, relation: str) -> list[tuple[str, str]]:
        """The names and types of a relation's columns, in order."""
        found = self._connection.sql(f"SELECT * FROM {relation}")
        return list(zip(found.columns, map(str, found.types), strict=True))

    def fetch(self, sql: str) -> pa.Table | None:
        """Run a query to its end, with progress and Ctrl-C; None for a statement that has no rows."""

        def run() -> pa.Table | None:
            found = self._connection.sql(sql)
            return None if found is None else found.to_arrow_table()

        return run_query(self._connection, run, self.meter)

    def run(self, work: Callable[[], _Result], *, done: Callable[[], float], stop: Callable[[], None]) -> _Result:
        """Run work that is not a query, with progress and Ctrl-C; see `run_beside`."""
        return run_beside(work, self.meter, done=done, stop=stop)

    def rows(self, sql: str) -> pa.Table:
        """The rows of a query of our own, which always has some."""
        found = self.fetch(sql)
        assert found is not None, sql  # noqa: S101  (our own queries are SELECTs)
        return found
