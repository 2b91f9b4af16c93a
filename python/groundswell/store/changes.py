"""What a transaction changes: rows that are put in (new or in place of others), cells, and rows that are taken out.

Changes are kept as rows, not as the command that led to them: whoever reads the audit log can replay it without
knowing a rule of the program that wrote it.
"""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, Literal, NamedTuple

from groundswell.arrow_ipc import read_ipc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

__all__ = [
    "INLINE_LIMIT",
    "PIECE",
    "Change",
    "Compaction",
    "Entry",
    "decode",
    "digest",
    "encode",
    "inline",
    "pieces",
    "put",
    "remove",
    "set_cells",
    "write",
]

INLINE_LIMIT: Final = 64 * 1024
"""Rows that take more bytes than this are kept in a file beside the audit log."""

PIECE: Final = 122_880
"""Rows that are worked on at once: as many as DuckDB stores in a piece, so that it need not cut and join them anew."""
_MAX_BATCH: Final = 2**30
"""Bytes: the 32-bit offsets of a column of strings reach twice as far."""


@dataclass(frozen=True, slots=True)
class Change:
    """Rows of one table.

    Args:
        table: its name.
        kind: ``put``: the rows take the place of those with the same key; ``add``: there are none with the same key;
            ``set``: there are rows with the same key, and they take on what these say; columns that are not given
            stay as they are. ``remove``: the rows, of which only the key is given, go.
        rows: an Arrow table.
    """

    table: str
    kind: Literal["put", "add", "set", "remove"]
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what, and when: what the audit log says of a transaction to a person.

    Args:
        at: the instant, in seconds since 1970.
        by: the user.
        action: the command, such as ``groups create``.
        summary: one sentence.
        details: the same facts as data (JSON types only).
    """

    at: int
    by: str
    action: str
    summary: str
    details: Mapping[str, Any] = field(default_factory=dict)


class Compaction(NamedTuple):
    """What a compaction came to.

    Args:
        revision: the revision after it.
        snapshots: the names of the two snapshots that are kept, the older one first.
        freed: the bytes of payloads and older snapshots that were removed.
        payloads: the bytes of payloads that are left.
    """

    revision: int
    snapshots: tuple[str, ...]
    freed: int
    payloads: int


def put(table: str, rows: pa.Table | list[dict[str, Any]], *, new: bool = False) -> Change:
    """Rows that take the place of those with the same key; `new` where there are none: that is quicker."""
    return Change(table, "add" if new else "put", _as_table(rows))


def set_cells(table: str, rows: pa.Table | list[dict[str, Any]]) -> Change:
    """Cells of rows that exist: the key and the columns that change. Saves writing the columns that stay."""
    return Change(table, "set", _as_table(rows))


def remove(table: str, keys: pa.Table | list[dict[str, Any]]) -> Change:
    """Rows that go; only their keys are given."""
    return Change(table, "remove", _as_table(keys))


def _as_table(rows: pa.Table | list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(rows) if isinstance(rows, list) else rows


def pieces(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    """The rows in batches of `PIECE` or, where a piece is too large to be one, less; however long their chunks are."""
    for begun in range(0, rows.num_rows, PIECE):
        yield from _batches(rows.slice(begun, PIECE))


def _batches(piece: pa.Table) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    if piece.nbytes > _MAX_BATCH and piece.num_rows > 1:
        half = piece.num_rows // 2
        yield from _batches(piece.slice(0, half))
        yield from _batches(piece.slice(half))
        return
    columns = [column.combine_chunks() for column in piece.columns]
    yield pa.RecordBatch.from_arrays(columns, schema=piece.schema)


_TOO_LITTLE: Final = 1024
"""Rows that take no more bytes than this are not compressed: it saves next to nothing and costs most of the time."""


def encode(rows: pa.Table) -> bytes:
    """An Arrow stream, compressed where that saves anything."""
    sink = io.BytesIO()
    write(rows, sink)
    return sink.getvalue()


def write(rows: pa.Table, file: IO[bytes]) -> str:
    """Write what `encode` makes to a file, piece by piece, so that it takes no more memory than a piece does.

    Returns:
        The SHA-256 of what was written, in hex.
    """
    import pyarrow as pa

    sink = _Hashed(file)
    compression = "zstd" if rows.nbytes > _TOO_LITTLE else None
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        for piece in pieces(rows):
            writer.write_batch(piece)
    return sink.digest.hexdigest()


class _Hashed:
    """A file that is written to and hashed at once."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def decode(data: bytes) -> pa.Table:
    """What `encode` wrote.

    Raises:
        BrokenArrowError: it did not write that.
    """
    return read_ipc(data)


def inline(data: bytes) -> str:
    """Bytes as JSON text."""
    return base64.b64encode(data).decode("ascii")


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
