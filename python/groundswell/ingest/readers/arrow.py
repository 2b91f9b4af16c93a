"""Tables in memory, and Arrow files: whatever is, or becomes, one Arrow table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.arrow_ipc import BrokenArrowError, read_ipc, validate_table
from groundswell.errors import InputError
from groundswell.ingest.columns import match_columns
from groundswell.ingest.mapping import NO_MAPPING
from groundswell.ingest.readers.source import Rows

if TYPE_CHECKING:
    import pyarrow as pa

    from groundswell.errors import GroundswellError
    from groundswell.ingest.duckdb_session import Session
    from groundswell.ingest.mapping import ColumnMapping
    from groundswell.ingest.readers.source_file import SourceFile

__all__ = ["TableSource", "arrow_table", "first_sentence", "read_arrow_file"]

ARROW_FILE: Final = b"ARROW1"


class TableSource:
    """An Arrow table, and the file that it came from if there is one."""

    frozen_at = None

    def __init__(
        self, table: pa.Table, label: str, file: SourceFile | None = None, *, mapping: ColumnMapping = NO_MAPPING
    ) -> None:
        self._table = table
        self._file = file
        self._mapping = mapping
        self.label = label

    def rows(self, session: Session) -> Rows:
        """The rows of the table; their places are their numbers."""
        import duckdb

        names = [str(name) for name in self._table.column_names]
        match = match_columns(names, self.label, self._mapping)
        # Columns are numbered, since DuckDB takes `UUID` and `uuid` for the same.
        numbered = self._table.rename_columns([f"c{i}" for i in range(len(names))])
        try:
            sql = session.register(numbered)
        except duckdb.Error:
            # Some types of Arrow are unknown to DuckDB; that matters only in the columns that are used.
            used = sorted({position for position in match.used.values() if position >= 0})
            numbered, names = numbered.select(used), [names[i] for i in used]
            try:
                sql = session.register(numbered)
            except duckdb.Error as error:
                raise self.failure(error) from error
        return Rows(sql, names, session.describe(sql))

    def failure(self, error: Exception) -> GroundswellError:
        """A column whose type cannot be read."""
        return InputError(
            "bad-source",
            f"a column of {self.label} has a type that cannot be read",
            hint=f"turn it into text first ({first_sentence(error)})",
            fields={"source": self.label},
        )

    def check(self) -> None:
        """Make sure that the file held still, if there is one."""
        if self._file is not None:
            self._file.check()


def arrow_table(source: Any, label: str) -> pa.Table:
    """Anything with ``__arrow_c_stream__`` as a table; a stream is consumed.

    Raises:
        InputError: ``bad-source`` where a column mixes types.
    """
    import pyarrow as pa

    try:
        return validate_table(pa.RecordBatchReader.from_stream(source).read_all())
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(
            "bad-source",
            f"{label} does not turn into an Arrow table: {first_sentence(error)}",
            hint="give each column one type",
            fields={"source": label},
        ) from error


def read_arrow_file(file: SourceFile, mapping: ColumnMapping = NO_MAPPING) -> TableSource:
    """An Arrow IPC file or stream.

    Raises:
        InputError: ``not-a-table`` if it is cut off or damaged.
    """
    from groundswell.ingest.readers.source_file import most_rows, not_a_table, unpacks_to_too_much

    with file.open() as (unzipped, _):
        data = unzipped.read()
    try:
        table = read_ipc(data)
    except BrokenArrowError as error:
        raise not_a_table(file.label, f"is Arrow that {error}", "write or fetch it again") from error
    size = file.stamp[0]
    if table.num_rows > most_rows(size):
        raise unpacks_to_too_much(file.label)
    return TableSource(table, file.label, file, mapping=mapping)


def first_sentence(error: Exception) -> str:
    """The first sentence of what a library said."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].partition(". ")[0].strip()
