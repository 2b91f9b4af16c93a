"""Reads Parquet files, including frozen fleets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.arrow_columns import FROZEN_AT_KEY, FROZEN_FORMAT, FROZEN_FORMAT_KEY
from groundswell.arrow_ipc import max_unpacked_size
from groundswell.errors import InputError
from groundswell.ingest.duckdb_session import identifier
from groundswell.ingest.readers.source import Rows
from groundswell.ingest.readers.source_file import (
    MAX_COLUMNS,
    max_rows,
    not_a_table,
    too_many_columns,
    unpacks_too_large,
)

if TYPE_CHECKING:
    from groundswell.errors import GroundswellError
    from groundswell.ingest.duckdb_session import Session
    from groundswell.ingest.readers.source_file import SourceFile

__all__ = ["ParquetSource"]

MAGIC: Final = b"PAR1"
_MAX_NODES: Final = 10 * MAX_COLUMNS
"""Of a schema: lists, structs and maps have several for each column."""


class ParquetSource:
    """A Parquet file; its rows are numbered from 1."""

    def __init__(self, file: SourceFile) -> None:
        """Check the magic bytes at the end of the file.

        Raises:
            InputError: ``not-a-table`` if the file is truncated.
        """
        self._file = file
        self.label = file.label
        self.frozen_at: int | None = None
        with file.open() as (unzipped, _):
            unzipped.seek(-len(MAGIC), 2)
            if unzipped.read() != MAGIC:
                raise not_a_table(self.label, "is a truncated Parquet file", "create or fetch it again")

    def rows(self, session: Session) -> Rows:
        """The rows in the order of the file."""
        import duckdb

        sql = f"read_parquet({self._file.sql}, hive_partitioning = false)"
        try:
            self.frozen_at = self._read_frozen_at(session)
            # DuckDB takes time with the square of their number.
            if (
                session.rows(f"SELECT count(*) AS n FROM parquet_schema({self._file.sql})").to_pylist()[0]["n"]
                > _MAX_NODES
            ):
                raise too_many_columns(self.label)
            columns = session.describe(sql)
            if len(columns) > MAX_COLUMNS:
                raise too_many_columns(self.label)
            self._check_size(session, sql, columns)
        except (duckdb.Error, RuntimeError) as error:  # RuntimeError: a column name is not UTF-8
            raise self.failure(error) from error
        return Rows(sql, [name for name, _ in columns], columns)

    def failure(self, error: Exception) -> GroundswellError:
        """The error for a file that DuckDB cannot read: it is damaged, or changed meanwhile."""
        self.check()
        del error
        return not_a_table(self.label, "is a damaged Parquet file", "create or fetch it again")

    def check(self) -> None:
        """See `SourceFile.check`."""
        self._file.check()

    def _check_size(self, session: Session, sql: str, columns: list[tuple[str, str]]) -> None:
        """Refuse a file whose unpacked size or number of rows is far too large for its file size.

        Cost: reads the metadata. Columns whose dictionaries could expand beyond the limit are read once more.
        """
        size = self._file.stamp[0]
        most = max_unpacked_size(size)
        # Sum in DOUBLE, so that forged sizes cannot overflow.
        chunks = session.rows(
            "SELECT path_in_schema AS path, sum(total_uncompressed_size)::DOUBLE AS bytes,"
            " sum(greatest(total_uncompressed_size, 0)::DOUBLE * greatest(num_values, 0)::DOUBLE) AS repeated,"
            " max(num_values) < 0 OR min(total_uncompressed_size) < 0 AS wrong, sum(num_values)::DOUBLE AS values"
            f" FROM parquet_metadata({self._file.sql}) GROUP BY path_in_schema"
        ).to_pylist()
        if any(chunk["wrong"] for chunk in chunks):
            raise not_a_table(self.label, "is a damaged Parquet file", "create or fetch it again")
        if sum(chunk["bytes"] for chunk in chunks) > most or any(chunk["values"] > max_rows(size) for chunk in chunks):
            raise unpacks_too_large(self.label)
        suspects = {chunk["path"] for chunk in chunks if chunk["repeated"] > most}
        measures = {"VARCHAR": "strlen", "BLOB": "octet_length"}
        texts = [
            f"{measures[kind]}({identifier(name)})" for name, kind in columns if name in suspects and kind in measures
        ]
        if texts:
            lengths = " + ".join(f"coalesce(sum({text}::DOUBLE), 0)" for text in texts)
            if session.rows(f"SELECT {lengths} AS bytes FROM {sql}").to_pylist()[0]["bytes"] > most:
                raise unpacks_too_large(self.label)

    def _read_frozen_at(self, session: Session) -> int | None:
        rows = session.rows(f"SELECT key, value FROM parquet_kv_metadata({self._file.sql})").to_pylist()
        found = {row["key"]: row["value"] for row in rows}
        if FROZEN_FORMAT_KEY not in found:
            return None
        if found[FROZEN_FORMAT_KEY] != FROZEN_FORMAT:
            raise InputError(
                "unknown-format",
                f"`{self.label}` is a frozen fleet of a format that this version does not know",
                hint="read it with a later version of Groundswell",
                fields={"source": self.label},
            )
        try:
            return int(found[FROZEN_AT_KEY])
        except (KeyError, ValueError) as error:
            raise not_a_table(self.label, "is a frozen fleet without its read instant", "create it again") from error
