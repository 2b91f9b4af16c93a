"""Fleets as Arrow tables, and as frozen Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.outputs import output_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = [
    "FROZEN_AT_KEY",
    "FROZEN_FORMAT",
    "FROZEN_FORMAT_KEY",
    "coded_text",
    "codes_and_names",
    "fleet_table",
    "in_one_piece",
    "numbers",
    "present_rows",
    "taken",
    "uuid_strings",
    "whole_text",
    "write_frozen",
]

FROZEN_FORMAT_KEY: Final = b"groundswell.fleet"
"""The key of a Parquet file's metadata that tells a frozen fleet; its value is `FROZEN_FORMAT`."""
FROZEN_FORMAT: Final = b"1"
FROZEN_AT_KEY: Final = b"groundswell.now"
"""The key under which the instant of reading is kept, in seconds since 1970: ages were checked against it."""

_UUID_TEXT: Final = 36
_REACH: Final = 2**31
"""Bytes of a column that the 32-bit offsets of a string cannot be sure to reach."""


def numbers(array: pa.Array) -> npt.NDArray[Any]:
    """An array of numbers or truth values without nulls, as numpy has it: not to be written to.

    `to_numpy` would do, but where pandas is installed it imports it: a tenth of a second for every command.
    """
    import numpy as np
    import pyarrow as pa

    if pa.types.is_boolean(array.type):
        return np.from_dlpack(array.cast(pa.uint8())).view(np.bool_)
    return np.from_dlpack(array)


def fleet_table(
    columns: dict[str, Any],
    names: pa.Array | pa.ChunkedArray | None,
    hardware_ids: pa.Array | None,
    present: frozenset[str],
) -> pa.Table:
    """The columns of a fleet that its source had, as an Arrow table: a row for each ordinal, deleted devices too."""
    import pyarrow as pa

    last_seen, versions = columns["last_seen"], columns["target_versions"]
    every = {
        "uuid": uuid_strings(columns["uuids"]),
        "name": names,
        "group": _named_column(columns["groups"], columns["group_names"]),
        "tag": _named_column(columns["tags"], columns["tag_names"]),
        "production": pa.array(columns["production"]),
        "last_seen": pa.array(last_seen.astype("int64"), mask=last_seen == _core.NEVER_SEEN).cast(
            pa.timestamp("s", tz="UTC")
        ),
        "target_version": pa.array(versions, mask=versions < 0),
        "hardware_id": None if hardware_ids is None else hardware_ids.cast(pa.string()),
    }
    return pa.table({name: column for name, column in every.items() if name in present})


def present_rows(table: pa.Table, columns: dict[str, Any]) -> pa.Table:
    """Leave the rows of deleted devices out of a fleet's table."""
    import pyarrow as pa

    there = columns["present"]
    return table if there is None else table.filter(pa.array(there))


def uuid_strings(uuids: npt.NDArray[np.uint8]) -> pa.Array:
    """UUIDs, uint8 of shape (n, 16), as a column of strings, lower case and hyphenated."""
    import numpy as np
    import pyarrow as pa

    lines = np.frombuffer(_core.format_uuids(uuids), dtype=np.uint8).reshape(-1, _UUID_TEXT + 1)
    text = np.ascontiguousarray(lines[:, :_UUID_TEXT])
    offsets = np.arange(0, (len(uuids) + 1) * _UUID_TEXT, _UUID_TEXT, dtype=np.int64)
    column = pa.LargeStringArray.from_buffers(len(uuids), pa.py_buffer(offsets), pa.py_buffer(text))
    return column if column.nbytes >= _REACH else column.cast(pa.string())


def _named_column(codes: npt.NDArray[np.int32], names: list[str]) -> pa.Array:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(names, pa.string())).cast(
        pa.string()
    )


def in_one_piece(column: pa.ChunkedArray) -> pa.Array:
    """A column without its chunks; text that 32-bit offsets do not reach has 64-bit ones."""
    import pyarrow as pa

    wide = pa.types.is_string(column.type) and column.nbytes >= _REACH
    return (column.cast(pa.large_string()) if wide else column).combine_chunks()


def taken(rows: pa.Table, order: npt.NDArray[Any]) -> pa.Table:
    """Rows by their numbers, in that order, each once at most.

    Rows in one piece are found twice as fast as those in many.
    """
    import pyarrow as pa

    numbers_of_rows = pa.array(order)
    columns = [in_one_piece(column).take(numbers_of_rows) for column in rows.columns]
    return pa.table(columns, names=rows.column_names)


def whole_text(column: pa.Array | pa.ChunkedArray | None) -> pa.Array | None:
    """A column of strings, if there is one, in one piece."""
    import pyarrow as pa

    return in_one_piece(column) if isinstance(column, pa.ChunkedArray) else column


def coded_text(column: pa.ChunkedArray | None) -> pa.DictionaryArray | None:
    """A column of strings, few of which differ, in one piece."""
    return None if column is None else column.dictionary_encode().combine_chunks()


def codes_and_names(column: pa.DictionaryArray | None) -> tuple[npt.NDArray[np.int32] | None, list[str]]:
    """A column of coded text as codes and the names that they stand for; −1 for none. No codes for no column."""
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
        codes[~numbers(pc.is_valid(indices))] = -1
    return codes, column.dictionary.to_pylist()


def write_frozen(table: pa.Table, path: Path, *, read_at: int) -> None:
    """Write a frozen fleet: Parquet, with the instant of reading in its metadata."""
    import pyarrow.parquet as pq

    marked = table.replace_schema_metadata({FROZEN_FORMAT_KEY: FROZEN_FORMAT, FROZEN_AT_KEY: str(read_at).encode()})
    with output_file(path) as file:
        pq.write_table(marked, file, compression="zstd")
