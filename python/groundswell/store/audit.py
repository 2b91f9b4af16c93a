"""The audit log: every transaction, one line each, durable before the store is touched.

A line is a JSON object: ``seq`` from 1, ``at``, ``by``, ``action``, ``summary``, ``details``, the ``changes`` as
rows, ``previous``, the SHA-256 of the line before, and last ``sha256``, that of what stands before it in the line. So
the log is at once the history that auditors read, the redo log that finishes a transaction after a crash, and what a
damaged store is rebuilt from. Rows that are large stand in a file of their own, whose digest is in the line. A line
without its line break is one that a crash cut off: it never was.

What an append left when it failed is taken back. Where the disk refuses even that, nobody can tell whether the line
will stand there after all: the store opens the log anew before it goes on.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.store import changes as codec
from groundswell.store.changes import Change, Entry
from groundswell.store.faults import RESTORE, cannot_write, damaged, outcome_unknown
from groundswell.store.sidecars import Sidecars

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["GENESIS", "SIDECARS", "Appended", "AuditLog", "Record"]

GENESIS: Final = "0" * 64
"""What stands for the line before the first."""

SIDECARS: Final = "audit"
"""The folder of the rows that are too large for a line."""

_BLOCK: Final = 1 << 16
_SEAL: Final = b',"sha256":"'
_SIDECAR: Final = re.compile(r"(?P<seq>[0-9]{8,})-[0-9]+-[a-z_]+\.arrow")


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the log.

    Args:
        seq: its number, from 1: the revision of the store after it.
        entry: who, when, what.
        head: the SHA-256 of the line.
        previous: that of the line before.
        raw_changes: the changes as they stand in the line; `AuditLog.changes` reads them.
    """

    seq: int
    entry: Entry
    head: str
    previous: str
    raw_changes: Sequence[dict[str, Any]]


class AuditLog:
    """An open log; its owner holds the factory's lock."""

    def __init__(self, path: Path, *, begin: bool = False) -> None:
        """Open a log, or with `begin` make an empty one; a line that a crash cut off is passed over.

        Raises:
            StorageError: ``store-damaged`` where it is not there; ``cannot-write``.
        """
        self.path = path
        self.folder = path.parent / SIDECARS
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if begin else 0)
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError as error:
            raise damaged(path, "the file is not there", hint=RESTORE) from error
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            self._end = self._end_of_last_line()
        except OSError as error:
            self.close()
            raise damaged(path, f"it cannot be read: {error.strerror}", hint=RESTORE) from error

    def close(self) -> None:
        """Close the log."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def torn(self) -> bool:
        """Whether there is a beginning of a line behind the last whole one."""
        return os.fstat(self._descriptor).st_size > self._end

    def _end_of_last_line(self) -> int:
        end = os.fstat(self._descriptor).st_size
        while end > 0:
            begin = max(0, end - _BLOCK)
            found = os.pread(self._descriptor, end - begin, begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            end = begin
        return 0

    def tidy(self, *, last: int) -> None:
        """Remove what a crash left: the beginning of a line, and files of rows that no line came to refer to.

        Args:
            last: the number of the last line, which the caller knows to be what the store has seen.

        Raises:
            StorageError: ``cannot-write``.
        """
        try:
            if self.torn:
                os.ftruncate(self._descriptor, self._end)
                os.fsync(self._descriptor)
            for path in self.folder.iterdir() if self.folder.is_dir() else ():
                match = _SIDECAR.fullmatch(path.name)
                if match and int(match["seq"]) > last:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def begin(self, changes: Sequence[Change], *, seq: int) -> Sidecars:
        """Begin to write the rows of the line `seq`, which is to follow with `append`."""
        return Sidecars(self.folder, seq, changes)

    def append(self, entry: Entry, rows: Sidecars, *, seq: int, previous: str) -> Appended:
        """Write a line, and have it on the disk when this returns; before it its rows.

        Raises:
            StorageError: ``cannot-write``; the log is as it was. ``outcome-unknown`` where the disk refuses even that.
        """
        size = self._end
        try:
            line = {"seq": seq, **asdict(entry), "changes": rows.raw(), "previous": previous}
            data = _sealed(line)
            _write_all(self._descriptor, data)
            os.fsync(self._descriptor)
        except BaseException as error:
            self._undo(size)
            if isinstance(error, OSError):
                raise cannot_write(self.path, error) from error
            raise
        self._end = size + len(data)
        return Appended(self, size, codec.digest(data))

    def _undo(self, size: int) -> None:
        try:
            if os.fstat(self._descriptor).st_size > size:
                os.ftruncate(self._descriptor, size)
                os.fsync(self._descriptor)
        except OSError as error:
            raise outcome_unknown(self.path.parent, error) from error
        self._end = size

    def last(self) -> Record | None:
        """The last whole line; None of an empty log.

        Raises:
            StorageError: ``store-damaged``.
        """
        # The last line's own line break is not the one that is looked for.
        end = self._end - 1
        while end > 0:
            begin = max(0, end - _BLOCK)
            found = os.pread(self._descriptor, end - begin, begin).rfind(b"\n")
            if found >= 0:
                end = begin + found + 1
                break
            end = begin
        return self._parse(os.pread(self._descriptor, self._end - end, end), "its last line") if self._end else None

    def records(self) -> Iterator[Record]:
        """All lines, oldest first, each checked to follow the one before.

        Raises:
            StorageError: ``store-damaged``, with the number of the line.
        """
        seq, head = 0, GENESIS
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return  # a crash cut it off: it never was
                record = self._parse(line, f"line {seq + 1}")
                if record.seq != seq + 1 or record.previous != head:
                    raise damaged(self.path, f"line {seq + 1} does not follow the line before it", hint=RESTORE)
                seq, head = record.seq, record.head
                yield record

    def _parse(self, line: bytes, which: str) -> Record:
        said, seal, digest = line.rpartition(_SEAL)
        if not seal or digest != f'{codec.digest(said)}"}}\n'.encode():
            raise damaged(self.path, f"{which} is not what was written", hint=RESTORE)
        try:
            data = json.loads(said + b"}")
        except (ValueError, RecursionError) as error:
            raise damaged(self.path, f"{which} is not JSON", hint=RESTORE) from error
        wrong = _wrong_member(data)
        if wrong is not None:
            raise damaged(self.path, f"{which} has no proper `{wrong}`", hint=RESTORE)
        entry = Entry(data["at"], data["by"], data["action"], data["summary"], data["details"])
        return Record(data["seq"], entry, codec.digest(line), data["previous"], data["changes"])

    def changes(self, record: Record) -> list[Change]:
        """The rows that a line's transaction changed.

        Raises:
            StorageError: ``store-damaged`` where they do not agree with their digest.
        """
        return [self._change(record, raw) for raw in record.raw_changes]

    def _change(self, record: Record, raw: dict[str, Any]) -> Change:
        import base64

        if "data" in raw:
            path, data = self.path, base64.b64decode(raw["data"])
        else:
            path = self.folder / raw["file"]
            try:
                data = path.read_bytes()
            except OSError as error:
                raise damaged(path, f"it cannot be read: {error.strerror}", hint=RESTORE) from error
        if codec.digest(data) != raw["sha256"]:
            raise damaged(path, f"the rows of line {record.seq} do not agree with their digest", hint=RESTORE)
        return Change(raw["table"], raw["kind"], codec.decode(data))


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


def _wrong_member(data: Any) -> str | None:
    """The first member of a line that is missing or of the wrong type; None if all are right.

    The seal of a line shows that it is as it was written, not that this program wrote it.
    """
    if not isinstance(data, dict):
        return "seq"
    for name, kind in _MEMBERS.items():
        if not isinstance(data.get(name), kind) or isinstance(data[name], bool):
            return name
    for change in data["changes"]:
        parts = [change.get(part) for part in ("table", "kind", "sha256")] if isinstance(change, dict) else [None]
        place = (change.get("data"), change.get("file")) if isinstance(change, dict) else (None, None)
        if not all(isinstance(part, str) for part in parts) or sum(isinstance(one, str) for one in place) != 1:
            return "changes"
        if isinstance(place[1], str) and not _SIDECAR.fullmatch(place[1]):
            return "changes"
    return None


@dataclass(frozen=True, slots=True)
class Appended:
    """A line that has been written and can still be taken back."""

    log: AuditLog
    size_before: int
    head: str

    def take_back(self) -> None:
        """Remove the line: its transaction did not come about.

        Raises:
            StorageError: ``outcome-unknown``.
        """
        self.log._undo(self.size_before)  # noqa: SLF001 - a part of the log


def _sealed(line: dict[str, Any]) -> bytes:
    data = json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode()[:-1]
    return data + _SEAL + f'{codec.digest(data)}"}}\n'.encode()


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
