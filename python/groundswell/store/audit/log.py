"""The audit log: every transaction, one line each, durable before the database commits.

The log is the history that auditors read, the redo log that finishes a transaction after a crash, and what a damaged
store is rebuilt from. Its lines stay for ever. The payloads that they name are beside it, until two newer snapshots
hold what they held (`lines`, `segments`, `snapshots`). A line without its line break was cut off by a crash: its
transaction was never acknowledged.

A failed append is rolled back. Where the disk refuses even that, it is unknown whether the line will be there: the
store opens the log again before it goes on.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from groundswell.store import changes as codec
from groundswell.store.audit.lines import (
    FILE_NAME,
    GENESIS,
    Checkpoint,
    Record,
    parse_line,
    snapshot_name,
    write_line,
)
from groundswell.store.audit.payloads import Payloads, read_change
from groundswell.store.audit.segments import Segments
from groundswell.store.faults import RESTORE, cannot_read, cannot_write, damaged, outcome_unknown
from groundswell.store.folder import AUDIT
from groundswell.store.process import Descriptor, Home

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from groundswell.store.changes import Change, Entry


__all__ = ["GENESIS", "Appended", "AuditLog", "Chain", "Record"]

_BLOCK: Final = 1 << 16
_SCARCE: Final = (errno.EMFILE, errno.ENFILE)
_SEQ: Final = re.compile(rb'\{"seq":([0-9]{1,18}),')


class Chain(NamedTuple):
    """What a pass over all lines found.

    Args:
        last: the last line; None for an empty log.
        checkpoints: the lines that write the last two checkpoints, the older one first.
    """

    last: Record | None
    checkpoints: tuple[Record, ...]


class AuditLog:
    """An open log; its owner holds the factory's lock."""

    def __init__(self, path: Path, *, begin: bool = False, read_only: bool = False) -> None:
        """Open a log; a line that a crash cut off is passed over.

        Args:
            path: the file.
            begin: whether to make an empty one.
            read_only: whether nothing is to be written, not even what `tidy` does.

        Raises:
            StorageError: ``store-damaged`` where it is not there, or is not a file; ``cannot-read``, ``cannot-write``.
        """
        self.path = path
        self.folder = path.parent / AUDIT
        self._segments: Final = Segments(self.folder)
        self._home: Final = Home(path.parent)
        access = os.O_RDONLY if read_only else os.O_RDWR | os.O_APPEND
        try:
            # A pipe in place of the file would otherwise wait for a reader.
            self._file = Descriptor(path, access | os.O_NONBLOCK | (os.O_CREAT if begin else 0))
        except FileNotFoundError as error:
            raise damaged(path, "the file is not there", hint=RESTORE) from error
        except OSError as error:
            raise (cannot_read if read_only or error.errno in _SCARCE else cannot_write)(path, error) from error
        try:
            is_file = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
            self._end = self._end_of_last_line() if is_file else 0
        except OSError as error:
            self.close()
            raise cannot_read(path, error) from error
        if not is_file:
            self.close()
            raise damaged(path, "it is not a file", hint=RESTORE)

    def close(self) -> None:
        """Close the log."""
        self._segments.close()
        self._file.close()

    @property
    def _descriptor(self) -> int:
        return self._file.fileno()

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

    def tidy(self, *, last: int, kept: Sequence[int]) -> int:
        """Remove what a crash left, and what two checkpoints have made disposable.

        These are the beginning of a line, payloads that no line refers to, payloads of lines that both kept snapshots
        include, and older snapshots.

        Args:
            last: the number of the last line, which is what the store has seen.
            kept: the revisions of the last two checkpoints, the older one first; fewer if there are fewer.

        Returns:
            The bytes that were freed beside the log.

        Raises:
            StorageError: ``cannot-write``.
        """
        self._segments.begin_after(max(kept, default=0))
        freed = 0
        try:
            if self.torn:
                os.ftruncate(self._descriptor, self._end)
                os.fsync(self._descriptor)
            # Snapshots that are gone, whatever the reason, make nothing disposable.
            there = len(kept) > 1 and all((self.folder / snapshot_name(one)).is_file() for one in kept)
            base = min(kept) if there else 0
            for path in self.folder.iterdir() if self.folder.is_dir() else ():
                match = FILE_NAME.fullmatch(path.name)
                if match is None:
                    continue
                seq = int(match["seq"])
                unwanted = seq not in kept if match["kind"] == ".snapshot" else seq > last or seq <= base
                if unwanted:
                    freed += path.stat().st_size
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        return freed

    def payload_bytes(self) -> int:
        """The bytes of all payloads beside the log; snapshots do not count.

        Raises:
            StorageError: ``cannot-read``.
        """
        try:
            files = list(self.folder.iterdir()) if self.folder.is_dir() else []
            found = [(FILE_NAME.fullmatch(path.name), path) for path in files]
            return sum(path.stat().st_size for match, path in found if match and match["kind"] != ".snapshot")
        except OSError as error:
            raise cannot_read(self.folder, error) from error

    def begin(self, changes: Sequence[Change], *, seq: int) -> Payloads:
        """Begin to write the payloads of the line `seq`, which `append` writes next."""
        return Payloads(self.folder, self._segments, seq, changes)

    def append(
        self,
        entry: Entry,
        rows: Payloads,
        *,
        seq: int,
        previous: str,
        stored: int,
        checkpoint: Checkpoint | None = None,
    ) -> Appended:
        """Write a line. Its payloads, and then the line, are on the disk when this returns.

        Raises:
            StorageError: ``cannot-write``; the log is as it was. ``outcome-unknown`` where the disk refuses even that.
        """
        size = self._end
        try:
            data = write_line(seq, entry, rows.raw(), previous=previous, stored=stored, checkpoint=checkpoint)
            _write_all(self._descriptor, data)
            os.fsync(self._descriptor)
        except BaseException as error:
            self._undo(size)
            if isinstance(error, OSError):
                raise cannot_write(self.path, error) from error
            raise
        self._end = size + len(data)
        if checkpoint is not None:
            self._segments.begin_after(checkpoint.revision)
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
        try:
            line = self._last_line()
        except OSError as error:
            raise cannot_read(self.path, error) from error
        return parse_line(line, self.path, "its last line") if line else None

    def _last_line(self) -> bytes:
        begin = self._begin_of_line(self._end) if self._end else 0
        return os.pread(self._descriptor, self._end - begin, begin)

    def _begin_of_line(self, end: int) -> int:
        """The offset of the line whose line break is before `end`."""
        end -= 1
        while end > 0:
            begin = max(0, end - _BLOCK)
            found = os.pread(self._descriptor, end - begin, begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            end = begin
        return 0

    def _end_of_line(self, begin: int) -> int:
        at = begin
        while at < self._end:
            found = os.pread(self._descriptor, min(_BLOCK, self._end - at), at).find(b"\n")
            if found >= 0:
                return at + found + 1
            at += _BLOCK
        return self._end

    def records(self, *, start: Record | None = None) -> Iterator[Record]:
        """The lines, oldest first, each checked to follow the one before.

        Args:
            start: the first line wanted (default: the first of the log).

        Raises:
            StateError: ``forked-factory``.
            StorageError: ``store-damaged``, with the number of the line; ``cannot-read``.
        """
        seq, head, begin = (0, GENESIS, 0) if start is None else (start.seq - 1, start.previous, start.begin)
        for line in self._lines(begin):
            if not line.endswith(b"\n"):
                return  # a crash cut it off
            record = parse_line(line, self.path, f"line {seq + 1}", begin=begin)
            if record.seq != seq + 1 or record.previous != head:
                raise damaged(self.path, f"line {seq + 1} does not follow the line before it", hint=RESTORE)
            seq, head, begin = record.seq, record.head, begin + len(line)
            yield record

    def records_after(self, seq: int) -> Iterator[Record]:
        """The lines with a higher number, as `records`; does not read the lines before them.

        Raises:
            StorageError: ``store-damaged``, ``cannot-read``.

        Cost: reads the log backward from its end to these lines.
        """
        begin = self._end
        try:
            while begin > 0:
                before = self._begin_of_line(begin)
                found = _SEQ.match(os.pread(self._descriptor, 32, before))
                if found is not None and int(found[1]) <= seq:
                    break
                begin = before
            line = os.pread(self._descriptor, self._end_of_line(begin) - begin, begin)
        except OSError as error:
            raise cannot_read(self.path, error) from error
        if line:
            yield from self.records(start=parse_line(line, self.path, f"line {seq + 1}", begin=begin))

    def chain(self) -> Chain:
        """Verify all lines.

        Raises:
            StorageError: ``store-damaged``, ``cannot-read``.

        Cost: reads the whole log, but neither payloads nor snapshots.
        """
        last: Record | None = None
        checkpoints: tuple[Record, ...] = ()
        for record in self.records():
            if record.checkpoint is not None:
                if last is None or record.checkpoint.head != last.head:
                    raise damaged(self.path, f"line {record.seq} writes a checkpoint of another log", hint=RESTORE)
                checkpoints = (*checkpoints[-1:], record)
            last = record
        return Chain(last, checkpoints)

    def _lines(self, begin: int) -> Iterator[bytes]:
        self._home.require()
        try:
            with self.path.open("rb") as file:
                file.seek(begin)
                while line := file.readline():
                    yield line
                    # A forked child shares the position in the file.
                    self._home.require()
        except OSError as error:
            raise cannot_read(self.path, error) from error

    def changes(self, record: Record) -> list[Change]:
        """The rows that a line's transaction changed.

        Raises:
            StorageError: ``store-damaged`` where they do not agree with their digest.
        """
        return [read_change(self.path, record, raw) for raw in record.raw_changes]


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


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
