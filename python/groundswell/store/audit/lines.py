"""The lines of the audit log: one entry each, as JSON, sealed with its own digest.

A line has the members ``seq`` (from 1), ``at``, ``by``, ``action``, ``summary``, ``details``, ``changes``, ``stored``,
``previous`` (the SHA-256 of the line before) and last ``sha256``, that of what stands before it in the line. A line
that writes a checkpoint also has ``checkpoint``.

A change names its table, its kind, the number of its rows, and the SHA-256 of their payload, an Arrow stream. The
payload is in a segment (``segment``, ``at``, ``size``) or in a file of its own (``file``). So the chain of lines
verifies also when payloads are gone. Lines of older versions hold small payloads themselves (``data``, in base64).
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.store import changes as codec
from groundswell.store.changes import Entry
from groundswell.store.faults import RESTORE, damaged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "FILE_NAME",
    "GENESIS",
    "Checkpoint",
    "Record",
    "Stream",
    "parse_line",
    "segment_name",
    "sequence_of",
    "sidecar_name",
    "snapshot_name",
    "write_line",
]

GENESIS: Final = "0" * 64
"""The digest that the first line has as its ``previous``."""

FILE_NAME: Final = re.compile(
    r"(?P<seq>[0-9]{8,})(?P<kind>-[0-9]+-[a-z_]+\.arrow|\.segment|\.snapshot)",
)
"""A file beside the log. The number is that of a line: the one whose rows a sidecar holds, the first one whose rows a
segment holds, the last one that a snapshot includes."""

_SEAL: Final = b',"sha256":"'
_MAX_PAYLOAD: Final = 1 << 20


def sidecar_name(seq: int, number: int, table: str) -> str:
    """The file of a large payload."""
    return f"{seq:08d}-{number}-{table}.arrow"


def segment_name(seq: int) -> str:
    """The file of the small payloads from a line on."""
    return f"{seq:08d}.segment"


def snapshot_name(revision: int) -> str:
    """The file of all tables as they were after a line."""
    return f"{revision:08d}.snapshot"


def sequence_of(name: str, kind: str) -> int | None:
    """The number in a file name; None for a name that does not end in `kind`, or is not one of ours."""
    match = FILE_NAME.fullmatch(name)
    return int(match["seq"]) if match and match["kind"].endswith(kind) else None


@dataclass(frozen=True, slots=True)
class Stream:
    """The rows of one table in a snapshot: an Arrow stream of `size` bytes at the offset `at`."""

    table: str
    rows: int
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A snapshot of all tables.

    Args:
        revision: the last line whose changes it includes.
        head: the digest of that line.
        file: its name in the folder of the log.
        size: its bytes.
        sha256: its digest.
        tables: its parts.
    """

    revision: int
    head: str
    file: str
    size: int
    sha256: str
    tables: tuple[Stream, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the log.

    Args:
        seq: its number, from 1: the revision of the store after it.
        entry: who, when, what.
        head: the SHA-256 of the line.
        previous: that of the line before.
        raw_changes: the changes as they stand in the line; `AuditLog.changes` reads them.
        stored: the revision that the database file had without its write-ahead log; None in lines of older versions.
        checkpoint: the checkpoint that it writes, if it does.
        begin: its offset in the file.
    """

    seq: int
    entry: Entry
    head: str
    previous: str
    raw_changes: Sequence[dict[str, Any]]
    stored: int | None = None
    checkpoint: Checkpoint | None = None
    begin: int = 0


def write_line(
    seq: int,
    entry: Entry,
    changes: Sequence[dict[str, Any]],
    *,
    previous: str,
    stored: int,
    checkpoint: Checkpoint | None,
) -> bytes:
    """A sealed line with its line break."""
    line: dict[str, Any] = {"seq": seq, **asdict(entry), "changes": changes, "stored": stored}
    if checkpoint is not None:
        line["checkpoint"] = asdict(checkpoint)
    line["previous"] = previous
    data = json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode()[:-1]
    return data + _SEAL + f'{codec.digest(data)}"}}\n'.encode()


def parse_line(line: bytes, path: Path, which: str, *, begin: int = 0) -> Record:
    """Read a line.

    Args:
        line: the line with its line break.
        path: the log, for messages.
        which: what to call the line in messages.
        begin: its offset in the log.

    Raises:
        StorageError: ``store-damaged``.
    """
    said, seal, digest = line.rpartition(_SEAL)
    if not seal or digest != f'{codec.digest(said)}"}}\n'.encode():
        raise damaged(path, f"{which} is not what was written", hint=RESTORE)
    try:
        data = json.loads(said + b"}")
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"{which} is not JSON", hint=RESTORE) from error
    wrong = _wrong_member(data)
    if wrong is not None:
        raise damaged(path, f"{which} has no proper `{wrong}`", hint=RESTORE)
    entry = Entry(data["at"], data["by"], data["action"], data["summary"], data["details"])
    checkpoint = _checkpoint(data["checkpoint"]) if "checkpoint" in data else None
    return Record(
        data["seq"],
        entry,
        codec.digest(line),
        data["previous"],
        data["changes"],
        stored=data.get("stored"),
        checkpoint=checkpoint,
        begin=begin,
    )


_MEMBERS: Final[dict[str, type | tuple[type, ...]]] = {
    "seq": int,
    "at": int,
    "by": str,
    "action": str,
    "summary": str,
    "details": dict,
    "previous": str,
    "changes": list,
}
_STREAM: Final[dict[str, type]] = {"table": str, "rows": int, "at": int, "size": int}
_CHECKPOINT: Final[dict[str, type]] = {"revision": int, "head": str, "file": str, "size": int, "sha256": str}


def _wrong_member(data: Any) -> str | None:
    """The first member of a line that is missing or of the wrong type; None if all are right.

    The seal of a line shows that it is as it was written, not that this program wrote it.
    """
    if not isinstance(data, dict):
        return "seq"
    for name, kind in _MEMBERS.items():
        if not isinstance(data.get(name), kind) or isinstance(data[name], bool):
            return name
    if not all(_is_change(change) for change in data["changes"]):
        return "changes"
    if "stored" in data and not (type(data["stored"]) is int and 0 <= data["stored"] < data["seq"]):
        return "stored"
    if "checkpoint" in data and not _is_checkpoint(data["checkpoint"], data["seq"]):
        return "checkpoint"
    return None


def _is_change(change: Any) -> bool:
    if not isinstance(change, dict) or not all(isinstance(change.get(one), str) for one in ("table", "kind", "sha256")):
        return False
    places = [name for name in ("data", "file", "segment") if isinstance(change.get(name), str)]
    if len(places) != 1:
        return False
    if places == ["file"]:
        return sequence_of(change["file"], ".arrow") is not None
    if places == ["segment"]:
        at, size = change.get("at"), change.get("size")
        named = sequence_of(change["segment"], ".segment") is not None
        return named and type(at) is int and type(size) is int and at >= 0 and 0 <= size <= _MAX_PAYLOAD
    return True


def _is_checkpoint(found: Any, seq: int) -> bool:
    if not _has(found, _CHECKPOINT) or not isinstance(found.get("tables"), list):
        return False
    if not all(_has(one, _STREAM) and min(one["rows"], one["at"], one["size"]) >= 0 for one in found["tables"]):
        return False
    return bool(found["revision"] == seq - 1 and found["file"] == snapshot_name(found["revision"]))


def _has(found: Any, members: dict[str, type]) -> bool:
    return isinstance(found, dict) and all(type(found.get(name)) is kind for name, kind in members.items())


def _checkpoint(found: dict[str, Any]) -> Checkpoint:
    parts = tuple(Stream(one["table"], one["rows"], one["at"], one["size"]) for one in found["tables"])
    return Checkpoint(found["revision"], found["head"], found["file"], found["size"], found["sha256"], parts)
