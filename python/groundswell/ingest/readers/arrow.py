"""Reads tables in memory and Arrow files, through one Arrow table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from groundswell.arrow_ipc import FILE_MAGIC, BrokenArrowError, read_ipc, validate_table
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
    """An Arrow table, and the file that it was read from, if any."""

    frozen_at = None

    def __init__(
        self, table: pa.Table, label: str, file: SourceFile | None = None, *, mapping: ColumnMapping = NO_MAPPING
    ) -> None:
        self._table = table
        self._file = file
        self._mapping = mapping
        self.label = label

    def rows(self, session: Session) -> Rows:
        """The rows of the table; their places are row numbers."""
        import duckdb

        names = [str(name) for name in self._table.column_names]
        match = match_columns(names, self.label, self._mapping)
        # Number the columns, because DuckDB does not distinguish `UUID` from `uuid`.
        numbered = self._table.rename_columns([f"c{i}" for i in range(len(names))])
        try:
            sql = session.register(numbered)
        except duckdb.Error:
            # DuckDB does not support some Arrow types; that matters only in columns that are used.
            used = sorted({position for position in match.used.values() if position >= 0})
            numbered, names = numbered.select(used), [names[i] for i in used]
            try:
                sql = session.register(numbered)
            except duckdb.Error as error:
                raise self.failure(error) from error
        return Rows(sql, names, session.describe(sql))

    def failure(self, error: Exception) -> GroundswellError:
        """The error for a column whose type cannot be read."""
        return InputError(
            "bad-source",
            f"a used column of `{self.label}` has a type or a value that cannot be read",
            hint=f"convert it to text first ({first_sentence(error)})",
            fields={"source": self.label},
        )

    def check(self) -> None:
        """Check that the file, if any, did not change during the read."""
        if self._file is not None:
            self._file.check()


def arrow_table(source: Any, label: str) -> pa.Table:
    """Convert an object with ``__arrow_c_stream__`` to an Arrow table. A stream is consumed.

    Raises:
        InputError: ``bad-source``, for example if a column has values of several types.
    """
    import pyarrow as pa

    try:
        return validate_table(pa.RecordBatchReader.from_stream(source).read_all())
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(
            "bad-source",
            f"{label} cannot be converted to an Arrow table: {first_sentence(error)}",
            hint="give all values of a column the same type",
            fields={"source": label},
        ) from error


def read_arrow_file(file: SourceFile, mapping: ColumnMapping = NO_MAPPING) -> TableSource:
    """Read an Arrow IPC file or stream.

    Raises:
        InputError: ``not-a-table`` if it is truncated or damaged.
    """
    from groundswell.ingest.readers.source_file import (
        MAX_COLUMNS,
        max_rows,
        not_a_table,
        too_many_columns,
        unpacks_too_large,
    )

    with file.open() as (unzipped, raw):
        if file.head.startswith(FILE_MAGIC) and unzipped is raw:
            # Before all of it is read: a sparse file may be larger than the memory.
            unzipped.seek(-len(FILE_MAGIC), os.SEEK_END)
            if unzipped.read() != FILE_MAGIC:
                raise not_a_table(file.label, "is Arrow that is truncated or damaged", "create or fetch it again")
            unzipped.seek(0)
        data = unzipped.read()
    try:
        table = read_ipc(data)
    except BrokenArrowError as error:
        raise not_a_table(file.label, f"is Arrow that {error}", "create or fetch it again") from error
    if table.num_columns > MAX_COLUMNS:
        raise too_many_columns(file.label)
    size = file.stamp[0]
    if table.num_rows > max_rows(size):
        raise unpacks_too_large(file.label)
    return TableSource(table, file.label, file, mapping=mapping)


def first_sentence(error: Exception) -> str:
    """The first sentence of a library's error message."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].partition(". ")[0].strip()
