"""Reads untrusted Arrow IPC data: checks its unpacked size before reading, and validates every value after."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FILE_MAGIC", "MAX_RATIO", "BrokenArrowError", "max_unpacked_size", "read_ipc", "validate_table"]

FILE_MAGIC: Final = b"ARROW1"
MAX_RATIO: Final = 50
"""Maximum ratio of a file's unpacked size to its size. Device exports stay far below it."""
_MIN_UNPACKED: Final = 1 << 26
_CONTINUATION: Final = 0xFFFF_FFFF
_DICTIONARY_BATCH: Final = 2
_RECORD_BATCH: Final = 3
_FILE_START: Final = 8
_BUFFER_ENTRY_BYTES: Final = 16
_LENGTH_PREFIX_BYTES: Final = 8


def max_unpacked_size(size: int) -> int:
    """The maximum unpacked size, in bytes, of a file of `size` bytes.

    >>> max_unpacked_size(0), max_unpacked_size(10**9)
    (67108864, 50000000000)
    """
    return max(_MIN_UNPACKED, size * MAX_RATIO)


class BrokenArrowError(ValueError):
    """The data is not Arrow, or is damaged. The text continues a sentence that begins with the file's name."""


def read_ipc(data: bytes) -> pa.Table:
    """Read an Arrow IPC stream or file.

    Raises:
        BrokenArrowError: it is truncated, damaged, or would unpack to more than 50 times its size (and 64 MiB).

    Cost: reading it, and one pass over every value.
    """
    import pyarrow as pa

    is_file = data.startswith(FILE_MAGIC)
    if is_file and not data.endswith(FILE_MAGIC):
        raise BrokenArrowError("is truncated or damaged")
    try:
        claimed = _unpacked_size(data, _FILE_START if is_file else 0)
    except (struct.error, IndexError, OverflowError, ValueError) as error:
        raise BrokenArrowError("is truncated or damaged") from error
    limit = max_unpacked_size(len(data))
    if claimed > limit:
        raise BrokenArrowError(f"declares an unpacked size of more than {MAX_RATIO} times its size")
    try:
        table = (pa.ipc.open_file(data) if is_file else pa.ipc.open_stream(data)).read_all()
        repeated = _repeated_bytes(table)
        # Validation takes time proportional to the unpacked text, so skip it if the table is refused anyway.
        found = table if repeated > limit else validate_table(table)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise BrokenArrowError("is truncated or damaged") from error
    if repeated > limit:
        raise BrokenArrowError(f"unpacks to more than {MAX_RATIO} times its size")
    return found


def _repeated_bytes(table: pa.Table) -> int:
    """Expanded size in bytes of dictionary and view columns, where many rows share one text. They may be damaged."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    total = 0
    for column in table.columns:
        column.validate()
        for chunk in column.chunks:
            kind = chunk.type
            if pa.types.is_dictionary(kind) and _has_lengths(kind.value_type):
                lengths = pc.binary_length(chunk.dictionary).cast(pa.int64())
                total += pc.sum(lengths.take(chunk.indices.drop_null())).as_py() or 0
            elif kind in {pa.string_view(), pa.binary_view()}:
                lengths = np.frombuffer(chunk.buffers()[1] or b"", np.int32)[::4]
                total += int(lengths[chunk.offset : chunk.offset + len(chunk)].astype(np.int64).clip(0).sum())
    return total


def _has_lengths(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return kind in {pa.string(), pa.large_string(), pa.binary(), pa.large_binary()}


def validate_table(table: pa.Table) -> pa.Table:
    """Check that all offsets, indexes and lengths of a table are within their buffers.

    Returns:
        The table; a text column that is not UTF-8 becomes a binary column.

    Raises:
        pyarrow.ArrowInvalid: a value is out of bounds.
    """
    import pyarrow as pa

    for position, column in enumerate(table.columns):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            as_bytes = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}.get(column.type)
            if as_bytes is None:
                raise
            column.validate()
            found = pa.chunked_array([chunk.view(as_bytes) for chunk in column.chunks], as_bytes)
            found.validate(full=True)
            table = table.set_column(position, table.column_names[position], found)
    return table


def _unpacked_size(data: bytes, at: int) -> int:
    """Sum of the unpacked sizes that the compressed buffers of all messages declare."""
    total = 0
    while at + 4 <= len(data):
        (size,) = struct.unpack_from("<I", data, at)
        at += 4
        if size == _CONTINUATION:
            (size,) = struct.unpack_from("<I", data, at)
            at += 4
        if size == 0:
            break
        message = _Table(data, at + struct.unpack_from("<I", data, at)[0], at, at + size)
        kind, body_size = message.number(1, "<B"), message.number(3, "<q")
        if body_size < 0:
            raise ValueError(body_size)
        if kind in {_DICTIONARY_BATCH, _RECORD_BATCH}:
            batch = message.table(2)
            total += _unpacked_size_of_batch(
                batch.table(1) if kind == _DICTIONARY_BATCH else batch, data, at + size, body_size
            )
        at += size + body_size
    return total


def _unpacked_size_of_batch(batch: _Table, data: bytes, body: int, body_size: int) -> int:
    if batch.offset_of(3) is None:  # not compressed
        return 0
    total, start = 0, batch.vector(2)
    (count,) = struct.unpack_from("<I", data, start)
    if count * _BUFFER_ENTRY_BYTES > batch.end - start:
        raise ValueError(count)
    for number in range(count):
        offset, length = struct.unpack_from("<qq", data, start + 4 + number * _BUFFER_ENTRY_BYTES)
        if length >= _LENGTH_PREFIX_BYTES and 0 <= offset <= body_size - length:
            total += max(0, struct.unpack_from("<q", data, body + offset)[0])
    return total


class _Table:
    """A FlatBuffers table (https://flatbuffers.dev/internals), whose vtable has the offsets of its fields."""

    def __init__(self, data: bytes, at: int, start: int, end: int) -> None:
        self._data = data
        self._at = at
        self._start = start
        self.end = end
        self._check(at)
        self._vtable = at - struct.unpack_from("<i", data, at)[0]
        self._check(self._vtable)

    def _check(self, at: int) -> None:
        if not self._start <= at <= self.end - 4:
            raise ValueError(at)

    def offset_of(self, field: int) -> int | None:
        """Offset of a field in `data`; None if it has its default value."""
        (size,) = struct.unpack_from("<H", self._data, self._vtable)
        if 4 + 2 * field + 2 > size:
            return None
        (offset,) = struct.unpack_from("<H", self._data, self._vtable + 4 + 2 * field)
        return self._at + offset if offset else None

    def number(self, field: int, kind: str) -> Any:
        """Value of a number field in the `struct` format `kind`; 0 by default."""
        offset = self.offset_of(field)
        return 0 if offset is None else struct.unpack_from(kind, self._data, offset)[0]

    def vector(self, field: int) -> int:
        """Offset in `data` at which a vector or a nested table begins."""
        offset = self.offset_of(field)
        if offset is None:
            raise ValueError(field)
        at: int = offset + struct.unpack_from("<I", self._data, offset)[0]
        self._check(at)
        return at

    def table(self, field: int) -> _Table:
        """A nested table."""
        return _Table(self._data, self.vector(field), self._start, self.end)
