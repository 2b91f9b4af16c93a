"""What a transaction changes: rows that are put in (new or in place of others) and rows that are taken out.

Changes are kept as rows, not as the command that led to them: whoever reads the audit log can replay it without
knowing a rule of the program that wrote it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

__all__ = ["INLINE_LIMIT", "Change", "Entry", "decode", "digest", "encode", "inline", "put", "remove"]

INLINE_LIMIT: Final = 64 * 1024
"""Rows that take more bytes than this are kept in a file beside the audit log."""


@dataclass(frozen=True, slots=True)
class Change:
    """Rows of one table.

    Args:
        table: its name.
        kind: ``put``: the rows take the place of those with the same key; ``add``: there are none with the same key;
            ``remove``: the rows, of which only the key is given, go.
        rows: an Arrow table.
    """

    table: str
    kind: Literal["put", "add", "remove"]
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


def put(table: str, rows: pa.Table | list[dict[str, Any]], *, new: bool = False) -> Change:
    """Rows that take the place of those with the same key; `new` where there are none: that is quicker."""
    return Change(table, "add" if new else "put", _as_table(rows))


def remove(table: str, keys: pa.Table | list[dict[str, Any]]) -> Change:
    """Rows that go; only their keys are given."""
    return Change(table, "remove", _as_table(keys))


def _as_table(rows: pa.Table | list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(rows) if isinstance(rows, list) else rows


def encode(rows: pa.Table) -> bytes:
    """An Arrow stream, compressed."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(rows)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def decode(data: bytes) -> pa.Table:
    """What `encode` wrote."""
    import pyarrow as pa

    return pa.ipc.open_stream(data).read_all()


def inline(data: bytes) -> str:
    """Bytes as JSON text."""
    return base64.b64encode(data).decode("ascii")


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
