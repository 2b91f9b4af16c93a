"""Arrow's IPC format from outside: bounded before it is read, and validated in full before anything works on it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MAX_RATIO", "BrokenArrowError", "most_unpacked", "read_ipc", "validated"]

FILE_MAGIC: Final = b"ARROW1"
MAX_RATIO: Final = 50
"""How many times larger than a file its unpacked content may be: exports of devices stay far below."""
_MIN_UNPACKED: Final = 1 << 26
_CONTINUATION: Final = 0xFFFF_FFFF
_DICTIONARY_BATCH: Final = 2
_RECORD_BATCH: Final = 3
_FILE_START: Final = 8
_BUFFER: Final = 16
_LENGTH: Final = 8


def most_unpacked(size: int) -> int:
    """How many bytes a file of so many bytes may unpack to.

    >>> most_unpacked(0), most_unpacked(10**9)
    (67108864, 50000000000)
    """
    return max(_MIN_UNPACKED, size * MAX_RATIO)


class BrokenArrowError(ValueError):
    """What is not Arrow, or damaged Arrow; the text says what, and reads on from the file."""


def read_ipc(data: bytes) -> pa.Table:
    """Read a stream or a file of Arrow's IPC format.

    Raises:
        BrokenArrowError: it is cut off, damaged, or would unpack to more than 50 times its size (and 64 MiB).

    Cost: that of reading it, and of a look at every value.
    """
    import pyarrow as pa

    is_file = data.startswith(FILE_MAGIC)
    if is_file and not data.endswith(FILE_MAGIC):
        raise BrokenArrowError("is cut off or damaged")
    try:
        claimed = _unpacked_size(data, _FILE_START if is_file else 0)
    except (struct.error, IndexError, OverflowError, ValueError) as error:
        raise BrokenArrowError("is cut off or damaged") from error
    most = most_unpacked(len(data))
    if claimed > most:
        raise BrokenArrowError(f"says that it unpacks to more than {MAX_RATIO} times its size")
    try:
        table = (pa.ipc.open_file(data) if is_file else pa.ipc.open_stream(data)).read_all()
        repeated = _repeated_bytes(table)
        # To look at every value would take as long as the unpacked text is.
        found = table if repeated > most else validated(table)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise BrokenArrowError("is cut off or damaged") from error
    if repeated > most:
        raise BrokenArrowError(f"unpacks to more than {MAX_RATIO} times its size")
    return found


def _repeated_bytes(table: pa.Table) -> int:
    """Size in bytes of the columns that keep a text once and refer to it from many rows. They may be damaged."""
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


def validated(table: pa.Table) -> pa.Table:
    """The table, after a look at every value: offsets, indexes and lengths are within their buffers.

    A column of text that is not UTF-8 comes back as a column of bytes.

    Raises:
        pyarrow.ArrowInvalid: something is not.
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
    """How many bytes the compressed buffers of all messages say that they unpack to."""
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
            total += _of_batch(batch.table(1) if kind == _DICTIONARY_BATCH else batch, data, at + size, body_size)
        at += size + body_size
    return total


def _of_batch(batch: _Table | None, data: bytes, body: int, body_size: int) -> int:
    if batch is None or batch.place(3) is None:  # not compressed
        return 0
    total, start = 0, batch.vector(2)
    (count,) = struct.unpack_from("<I", data, start)
    if count * _BUFFER > batch.end - start:
        raise ValueError(count)
    for number in range(count):
        offset, length = struct.unpack_from("<qq", data, start + 4 + number * _BUFFER)
        if length >= _LENGTH and 0 <= offset <= body_size - length:
            total += max(0, struct.unpack_from("<q", data, body + offset)[0])
    return total


class _Table:
    """A table of a flatbuffer (https://flatbuffers.dev/internals): fields are found through its vtable."""

    def __init__(self, data: bytes, at: int, begun: int, end: int) -> None:
        self._data = data
        self._at = at
        self._begun = begun
        self.end = end
        self._check(at)
        self._vtable = at - struct.unpack_from("<i", data, at)[0]
        self._check(self._vtable)

    def _check(self, at: int) -> None:
        if not self._begun <= at <= self.end - 4:
            raise ValueError(at)

    def place(self, field: int) -> int | None:
        """Where a field is; None for one that has its default."""
        (size,) = struct.unpack_from("<H", self._data, self._vtable)
        if 4 + 2 * field + 2 > size:
            return None
        (offset,) = struct.unpack_from("<H", self._data, self._vtable + 4 + 2 * field)
        return self._at + offset if offset else None

    def number(self, field: int, kind: str) -> Any:
        """A number."""
        place = self.place(field)
        return 0 if place is None else struct.unpack_from(kind, self._data, place)[0]

    def vector(self, field: int) -> int:
        """Where a vector, or a table, begins."""
        place = self.place(field)
        if place is None:
            raise ValueError(field)
        at: int = place + struct.unpack_from("<I", self._data, place)[0]
        self._check(at)
        return at

    def table(self, field: int) -> _Table:
        """A table inside this one."""
        return _Table(self._data, self.vector(field), self._begun, self.end)
