"""Converts fleets to Arrow tables and to frozen Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.outputs import output_file
from groundswell.unknown_values import UNKNOWN, filled, known_instants, known_names, known_versions

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = [
    "FROZEN_AT_KEY",
    "FROZEN_FORMAT",
    "FROZEN_FORMAT_KEY",
    "as_numpy",
    "codes_and_names",
    "combine_chunks",
    "combine_text",
    "dictionary_encode",
    "fleet_table",
    "present_rows",
    "take_rows",
    "uuid_strings",
    "write_frozen",
]

FROZEN_FORMAT_KEY: Final = b"groundswell.fleet"
"""Metadata key that marks a Parquet file as a frozen fleet; its value is `FROZEN_FORMAT`."""
FROZEN_FORMAT: Final = b"1"
FROZEN_AT_KEY: Final = b"groundswell.now"
"""Metadata key of the instant that the fleet was read at, in seconds since 1970: ages were checked against it."""

_UUID_TEXT: Final = 36
_MIN_LARGE_STRING_BYTES: Final = 2**31
"""Text columns of this size or more use 64-bit offsets (`large_string`): 32-bit offsets would overflow."""


def as_numpy(array: pa.Array) -> npt.NDArray[Any]:
    """Convert an array of numbers or booleans without nulls to a read-only numpy array."""
    return filled(array, UNKNOWN)


def fleet_table(
    columns: dict[str, Any],
    names: pa.Array | pa.ChunkedArray | None,
    hardware_ids: pa.Array | None,
    present: frozenset[str],
) -> pa.Table:
    """An Arrow table with the columns that the fleet's source had: one row per ordinal, deleted devices included."""
    import pyarrow as pa

    every = {
        "uuid": uuid_strings(columns["uuids"]),
        "name": names,
        "group": known_names(columns["groups"], columns["group_names"]).cast(pa.string()),
        "tag": known_names(columns["tags"], columns["tag_names"]).cast(pa.string()),
        "production": pa.array(columns["production"]),
        "last_seen": known_instants(columns["last_seen"].astype("int64")).cast(pa.timestamp("s", tz="UTC")),
        "target_version": known_versions(columns["target_versions"]),
        "hardware_id": None if hardware_ids is None else hardware_ids.cast(pa.string()),
    }
    return pa.table({name: column for name, column in every.items() if name in present})


def present_rows(table: pa.Table, columns: dict[str, Any]) -> pa.Table:
    """Remove the rows of deleted devices from a fleet's table."""
    import pyarrow as pa

    present = columns["present"]
    return table if present is None else table.filter(pa.array(present))


def uuid_strings(uuids: npt.NDArray[np.uint8]) -> pa.Array:
    """Format UUIDs (uint8, shape (n, 16)) as a column of strings in lower case with hyphens."""
    import numpy as np
    import pyarrow as pa

    lines = np.frombuffer(_core.format_uuids(uuids), dtype=np.uint8).reshape(-1, _UUID_TEXT + 1)
    text = np.ascontiguousarray(lines[:, :_UUID_TEXT])
    offsets = np.arange(0, (len(uuids) + 1) * _UUID_TEXT, _UUID_TEXT, dtype=np.int64)
    column = pa.LargeStringArray.from_buffers(len(uuids), pa.py_buffer(offsets), pa.py_buffer(text))
    return column if column.nbytes >= _MIN_LARGE_STRING_BYTES else column.cast(pa.string())


def combine_chunks(column: pa.ChunkedArray) -> pa.Array:
    """Concatenate the chunks of a column. Text too large for 32-bit offsets becomes `large_string`."""
    import pyarrow as pa

    wide = pa.types.is_string(column.type) and column.nbytes >= _MIN_LARGE_STRING_BYTES
    return (column.cast(pa.large_string()) if wide else column).combine_chunks()


def take_rows(rows: pa.Table, order: npt.NDArray[Any]) -> pa.Table:
    """Take rows by row number, in the given order; `order` has no duplicates.

    Chunks are combined first, because `take` on one chunk is twice as fast as on many.
    """
    import pyarrow as pa

    row_numbers = pa.array(order)
    columns = [combine_chunks(column).take(row_numbers) for column in rows.columns]
    return pa.table(columns, names=rows.column_names)


def combine_text(column: pa.Array | pa.ChunkedArray | None) -> pa.Array | None:
    """Combine the chunks of a string column; None stays None."""
    import pyarrow as pa

    return combine_chunks(column) if isinstance(column, pa.ChunkedArray) else column


def dictionary_encode(column: pa.ChunkedArray | None) -> pa.DictionaryArray | None:
    """Dictionary-encode a string column with few distinct values, and combine its chunks; None stays None."""
    return None if column is None else column.dictionary_encode().combine_chunks()


def codes_and_names(column: pa.DictionaryArray | None) -> tuple[npt.NDArray[np.int32] | None, list[str]]:
    """Split a dictionary-encoded column into codes (`UNKNOWN` for null) and their names; None becomes (None, [])."""
    import numpy as np
    import pyarrow.compute as pc

    if column is None:
        return None, []
    indices = column.indices
    if not len(indices):
        return np.empty(0, np.int32), column.dictionary.to_pylist()
    values = np.frombuffer(indices.buffers()[1], indices.type.to_pandas_dtype())
    codes = values[indices.offset : indices.offset + len(indices)].astype(np.int32)
    if indices.null_count:
        codes[~as_numpy(pc.is_valid(indices))] = UNKNOWN
    return codes, column.dictionary.to_pylist()


def write_frozen(table: pa.Table, path: Path, *, read_at: int) -> None:
    """Write a frozen fleet: a Parquet file with the read instant in its metadata."""
    import pyarrow.parquet as pq

    marked = table.replace_schema_metadata({FROZEN_FORMAT_KEY: FROZEN_FORMAT, FROZEN_AT_KEY: str(read_at).encode()})
    with output_file(path) as file:
        pq.write_table(marked, file, compression="zstd")
