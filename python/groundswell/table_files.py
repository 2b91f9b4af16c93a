"""Tables as files that fleets are read from, whole or not at all. Text of any kind is escaped as the format asks."""

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

_PIECE: Final = 50_000


def write_table(table: pa.Table, path: Path, *, raw: bool = False) -> None:
    """Write a table with a column ``last_seen`` (or without) to a file of the kind that its name's ending says.

    Args:
        table: the rows.
        path: ends in ``.csv``, ``.parquet``, ``.json``, ``.ndjson`` or ``.arrow``; replaced as a whole or not at all.
        raw: leave cells of CSV as they are that a spreadsheet would execute; otherwise they are guarded, and reading
            the file takes the guards off.

    Raises:
        InputError: ``unknown-ending``.
        StorageError: ``cannot-write``.

    Cost: linear; JSON is made row by row, the others column by column.

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
            f"the ending of `{path.name}` is not that of a format",
            hint=f"end it in one of {', '.join(endings)}",
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
    for name in ("name", "hardware_id"):  # the others hold nothing that begins like a formula
        at = table.schema.get_field_index(name)
        if at >= 0:
            table = table.set_column(at, name, guarded_column(table.column(at)))
    return table


def _write_csv(file: IO[bytes], table: pa.Table) -> None:
    import pyarrow.csv

    options = pyarrow.csv.WriteOptions(quoting_style="needed", quoting_header="none")
    pyarrow.csv.write_csv(with_instants_as_text(table), file, write_options=options)


def _write_ndjson(file: IO[bytes], table: pa.Table) -> None:
    for piece in with_instants_as_text(table).to_batches(_PIECE):
        file.write("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in piece.to_pylist()).encode())


def _write_json(file: IO[bytes], table: pa.Table) -> None:
    before = "["
    for piece in with_instants_as_text(table).to_batches(_PIECE):
        for row in piece.to_pylist():
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
"""The formats that fleets are written in; each is the ending of its files as well."""


def with_instants_as_text(table: pa.Table) -> pa.Table:
    """With `last_seen` in RFC 3339, as registries write it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at = table.schema.get_field_index("last_seen")
    if at < 0:
        return table
    # Without a time zone, Arrow writes instants five times as fast, and a blank between date and time.
    text = table.column(at).cast(pa.timestamp("s")).cast(pa.string())
    text = pc.binary_join_element_wise(pc.utf8_replace_slice(text, 10, 11, "T"), "Z", "")
    return table.set_column(at, "last_seen", text)
