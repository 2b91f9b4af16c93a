"""Writes device tables to CSV, Parquet, JSON, NDJSON and Arrow files, from which fleets can be read again."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Final

from groundswell.csv_cells import guarded_column
from groundswell.errors import InputError
from groundswell.outputs import output_file

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

__all__ = ["FORMATS", "with_instants_as_text", "write_rows", "write_table"]

_ROWS_PER_BATCH: Final = 50_000


def write_table(table: pa.Table, path: Path, *, raw: bool = False) -> None:
    """Write a table to a file; the extension of its name decides the format.

    Args:
        table: the rows; the column ``last_seen`` is optional.
        path: a name with the extension ``.csv``, ``.parquet``, ``.json``, ``.ndjson`` or ``.arrow``. The file is
            replaced atomically.
        raw: do not guard CSV cells that a spreadsheet would execute as a formula. By default such cells get an
            apostrophe, which reading the file removes again.

    Raises:
        InputError: ``unknown-ending``.
        StorageError: ``cannot-write``.

    Cost: linear. JSON and NDJSON are written row by row, the other formats column by column.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import pyarrow as pa
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "devices.csv"
    ...     write_table(pa.table({"uuid": ["a" * 32], "name": ['a "b", c']}), path)
    ...     path.read_text().splitlines()[1].endswith('"a ""b"", c"')
    True
    """
    format_ = path.suffix.lower().removeprefix(".")
    if format_ not in _WRITERS:
        endings = [f".{name}" for name in _WRITERS]
        raise InputError(
            "unknown-ending",
            f"`{path.name}` does not have the extension of a known format",
            hint=f"use one of the extensions {', '.join(endings)}",
            fields={"path": str(path), "endings": endings},
        )
    with output_file(path) as file:
        write_rows(table, file, format_, raw=raw)


def write_rows(table: pa.Table, file: IO[bytes], format_: str, *, raw: bool = False) -> None:
    """Write a table to an open file or a pipe.

    Args:
        table: as in `write_table`.
        file: where to write.
        format_: one of `FORMATS`.
        raw: as in `write_table`.
    """
    if format_ == "csv" and not raw:
        table = _guarded(table)
    _WRITERS[format_](file, table)


def _write_parquet(file: IO[bytes], table: pa.Table) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, file, compression="zstd")


def _write_arrow(file: IO[bytes], table: pa.Table) -> None:
    import pyarrow as pa

    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _guarded(table: pa.Table) -> pa.Table:
    for name in ("name", "hardware_id"):  # cells of the other columns never begin like a formula
        at = table.schema.get_field_index(name)
        if at >= 0:
            table = table.set_column(at, name, guarded_column(table.column(at)))
    return table


def _write_csv(file: IO[bytes], table: pa.Table) -> None:
    import pyarrow.csv

    options = pyarrow.csv.WriteOptions(quoting_style="needed", quoting_header="none")
    pyarrow.csv.write_csv(with_instants_as_text(table), file, write_options=options)


def _write_ndjson(file: IO[bytes], table: pa.Table) -> None:
    for batch in with_instants_as_text(table).to_batches(_ROWS_PER_BATCH):
        file.write("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in batch.to_pylist()).encode())


def _write_json(file: IO[bytes], table: pa.Table) -> None:
    before = "["
    for batch in with_instants_as_text(table).to_batches(_ROWS_PER_BATCH):
        for row in batch.to_pylist():
            file.write(f"{before}{json.dumps(row, ensure_ascii=False)}".encode())
            before = ",\n"
    file.write(b"]\n" if before != "[" else b"[]\n")


_WRITERS: Final = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "json": _write_json,
    "ndjson": _write_ndjson,
    "arrow": _write_arrow,
}

FORMATS: Final = tuple(_WRITERS)
"""The formats in which fleets are written; each is also the extension of its files."""


def with_instants_as_text(table: pa.Table) -> pa.Table:
    """Replace the column `last_seen`, if there is one, by text in RFC 3339."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at = table.schema.get_field_index("last_seen")
    if at < 0:
        return table
    # Arrow formats instants without a time zone 5 times as fast, but with a blank between date and time.
    text = table.column(at).cast(pa.timestamp("s")).cast(pa.string())
    text = pc.binary_join_element_wise(pc.utf8_replace_slice(text, 10, 11, "T"), "Z", "")
    return table.set_column(at, "last_seen", text)
