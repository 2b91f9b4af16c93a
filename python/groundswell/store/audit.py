"""The audit log: every transaction, one line each, durable before the store is touched.

A line is a JSON object: ``seq`` from 1, ``at``, ``by``, ``action``, ``summary``, ``details``, the ``changes`` as rows,
and ``previous``, the SHA-256 of the line before. So the log is at once the history that auditors read, the redo log
that finishes a transaction after a crash, and what a damaged store is rebuilt from. Rows that are large stand in a file
of their own, whose digest is in the line. A line without its line break is one that a crash cut off: it never was.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from groundswell.files import replace_file
from groundswell.store import changes as codec
from groundswell.store.changes import INLINE_LIMIT, Change, Entry
from groundswell.store.faults import cannot_write, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["GENESIS", "Appended", "AuditLog", "Record"]

GENESIS: Final = "0" * 64
"""What stands for the line before the first."""

_BLOCK: Final = 1 << 16
_RESTORE: Final = "restore a backup, or move the log away and keep it: the store itself may be sound"


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

    def __init__(self, path: Path) -> None:
        """Open a log, or begin one; a line that a crash cut off is removed.

        Raises:
            StorageError: ``cannot-write``.
        """
        self.path = path
        self.folder = path.parent / "audit"
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._cut_torn_line()
        except OSError as error:
            raise cannot_write(path, error) from error

    def close(self) -> None:
        """Close the log."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _cut_torn_line(self) -> None:
        size = os.fstat(self._descriptor).st_size
        end = size
        while end > 0:
            begin = max(0, end - _BLOCK)
            found = os.pread(self._descriptor, end - begin, begin).rfind(b"\n")
            if found >= 0:
                end = begin + found + 1
                break
            end = begin
        if end < size:
            os.ftruncate(self._descriptor, end)
            os.fsync(self._descriptor)

    def append(self, entry: Entry, changes: Sequence[Change], *, seq: int, previous: str) -> Appended:
        """Write a line, and have it on the disk when this returns.

        Raises:
            StorageError: ``cannot-write``; the log is as it was.
        """
        size = os.fstat(self._descriptor).st_size
        written: list[Path] = []
        try:
            raw = [self._written(change, seq, number, written) for number, change in enumerate(changes)]
            line = {"seq": seq, **asdict(entry), "changes": raw, "previous": previous}
            data = (json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n").encode()
            appended = Appended(self, size, written, codec.digest(data))
            _write_all(self._descriptor, data)
            os.fsync(self._descriptor)
        except BaseException as error:
            self._undo(size, written)
            if isinstance(error, OSError):
                raise cannot_write(self.path, error) from error
            raise
        return appended

    def _written(self, change: Change, seq: int, number: int, written: list[Path]) -> dict[str, Any]:
        data = codec.encode(change.rows)
        raw = {"table": change.table, "kind": change.kind, "rows": change.rows.num_rows, "sha256": codec.digest(data)}
        if len(data) <= INLINE_LIMIT:
            return raw | {"data": codec.inline(data)}
        self.folder.mkdir(mode=0o700, exist_ok=True)
        path = self.folder / f"{seq:08d}-{number}-{change.table}.arrow"
        written.append(path)
        with replace_file(path) as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
        return raw | {"file": path.name}

    def _undo(self, size: int, written: Sequence[Path]) -> None:
        os.ftruncate(self._descriptor, size)
        os.fsync(self._descriptor)
        for path in written:
            path.unlink(missing_ok=True)

    def last(self) -> Record | None:
        """The last line; None of an empty log."""
        size = end = os.fstat(self._descriptor).st_size
        if size == 0:
            return None
        while end > 0:
            begin = max(0, end - _BLOCK)
            # The last line's own line break is not the one that is looked for.
            found = os.pread(self._descriptor, min(end, size - 1) - begin, begin).rfind(b"\n")
            if found >= 0:
                return self._parse(os.pread(self._descriptor, size - begin - found - 1, begin + found + 1))
            end = begin
        return self._parse(os.pread(self._descriptor, size, 0))

    def records(self) -> Iterator[Record]:
        """All lines, oldest first, each checked to follow the one before.

        Raises:
            StorageError: ``store-damaged``, with the number of the line.
        """
        seq, head = 0, GENESIS
        with self._reader() as file:
            for line in file:
                record = self._parse(line)
                if record.seq != seq + 1 or record.previous != head:
                    raise damaged(self.path, f"line {seq + 1} does not follow the line before it", hint=_RESTORE)
                seq, head = record.seq, record.head
                yield record

    def _reader(self) -> IO[bytes]:
        return self.path.open("rb")

    def _parse(self, line: bytes) -> Record:
        try:
            data = json.loads(line)
            entry = Entry(data["at"], data["by"], data["action"], data["summary"], data["details"])
            return Record(data["seq"], entry, codec.digest(line), data["previous"], data["changes"])
        except (ValueError, KeyError, TypeError) as error:
            raise damaged(self.path, "a line is not what was written", hint=_RESTORE) from error

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
                raise damaged(path, f"it cannot be read: {error.strerror}", hint=_RESTORE) from error
        if codec.digest(data) != raw["sha256"]:
            raise damaged(path, f"the rows of line {record.seq} do not agree with their digest", hint=_RESTORE)
        return Change(raw["table"], raw["kind"], codec.decode(data))


@dataclass(frozen=True, slots=True)
class Appended:
    """A line that has been written and can still be taken back."""

    log: AuditLog
    size_before: int
    files: Sequence[Path]
    head: str

    def take_back(self) -> None:
        """Remove the line: its transaction did not come about."""
        self.log._undo(self.size_before, self.files)  # noqa: SLF001 - a part of the log


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
