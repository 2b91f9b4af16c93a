"""An in-memory DuckDB database for each read; it is closed after the read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from groundswell.ingest.progress import run_in_thread, run_query

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    import duckdb
    import pyarrow as pa

    from groundswell.ingest.progress import ProgressBar

__all__ = ["Session", "identifier", "literal"]

_Result = TypeVar("_Result")

# Never download extensions, and never resolve table names to Python variables of the caller.
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
# A timestamp without an offset is UTC. UUIDs are exported to Arrow as 16 bytes, text with 64-bit offsets.
# DuckDB computes progress only if its progress bar is enabled; we draw the bar ourselves.
_SETTINGS: Final = """
    SET TimeZone = 'UTC'; SET preserve_insertion_order = true;
    SET arrow_lossless_conversion = true; SET arrow_large_buffer_size = true;
    SET enable_progress_bar = true; SET enable_progress_bar_print = false; SET progress_bar_time = 0;
"""


def literal(text: str) -> str:
    """Quote a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Quote the name of a table or column as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


class Session:
    """The in-memory DuckDB database of one read."""

    def __init__(self, progress_bar: ProgressBar) -> None:
        import duckdb

        self.progress_bar = progress_bar
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
        """Register an Arrow table under a name (default: a new one), and return the quoted name."""
        self._tables += 1
        name = name or f"groundswell_{self._tables}"
        self._connection.register(name, table)
        return identifier(name)

    def describe(self, relation: str) -> list[tuple[str, str]]:
        """(name, type) of each column of a relation, in order."""
        found = self._connection.sql(f"SELECT * FROM {relation}")
        return list(zip(found.columns, map(str, found.types), strict=True))

    def fetch(self, sql: str) -> pa.Table | None:
        """Run a query with a progress bar, interruptible by Ctrl-C. None for a statement that returns no result."""

        def run() -> pa.Table | None:
            found = self._connection.sql(sql)
            return None if found is None else found.to_arrow_table()

        return run_query(self._connection, run, self.progress_bar)

    def run(self, work: Callable[[], _Result], *, done: Callable[[], float], stop: Callable[[], None]) -> _Result:
        """Run work that is not a query with a progress bar, interruptible by Ctrl-C; see `run_in_thread`."""
        return run_in_thread(work, self.progress_bar, done=done, stop=stop)

    def rows(self, sql: str) -> pa.Table:
        """The result of an internal query, which is always a SELECT."""
        found = self.fetch(sql)
        assert found is not None, sql  # noqa: S101  (our own queries are SELECTs)
        return found
