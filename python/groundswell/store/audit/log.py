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

import errno
import json
import os
import re
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.store import changes as codec
from groundswell.store.audit.sidecars import Sidecars
from groundswell.store.changes import Change, Entry
from groundswell.store.faults import RESTORE, cannot_read, cannot_write, damaged, outcome_unknown
from groundswell.store.process import Descriptor, Home
from groundswell.store.schema import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from groundswell.errors import StorageError

__all__ = ["GENESIS", "SIDECARS", "Appended", "AuditLog", "Record"]

GENESIS: Final = "0" * 64
"""What stands for the line before the first."""

SIDECARS: Final = "audit"
"""The folder of the rows that are too large for a line."""

_BLOCK: Final = 1 << 16
_SEAL: Final = b',"sha256":"'
_KINDS: Final = ("put", "add", "set", "remove")
_SCARCE: Final = (errno.EMFILE, errno.ENFILE)
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
        self.folder = path.parent / SIDECARS
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
        try:
            line = self._last_line()
        except OSError as error:
            raise cannot_read(self.path, error) from error
        return self._parse(line, "its last line") if line else None

    def _last_line(self) -> bytes:
        # The last line's own line break is not the one that is looked for.
        end = self._end - 1
        while end > 0:
            begin = max(0, end - _BLOCK)
            found = os.pread(self._descriptor, end - begin, begin).rfind(b"\n")
            if found >= 0:
                end = begin + found + 1
                break
            end = begin
        return os.pread(self._descriptor, self._end - end, end) if self._end else b""

    def records(self) -> Iterator[Record]:
        """All lines, oldest first, each checked to follow the one before.

        Raises:
            StateError: ``forked-factory``.
            StorageError: ``store-damaged``, with the number of the line; ``cannot-read``.
        """
        seq, head = 0, GENESIS
        for line in self._lines():
            if not line.endswith(b"\n"):
                return  # a crash cut it off: it never was
            record = self._parse(line, f"line {seq + 1}")
            if record.seq != seq + 1 or record.previous != head:
                raise damaged(self.path, f"line {seq + 1} does not follow the line before it", hint=RESTORE)
            seq, head = record.seq, record.head
            yield record

    def _lines(self) -> Iterator[bytes]:
        self._home.require()
        try:
            with self.path.open("rb") as file:
                while line := file.readline():
                    yield line
                    # A forked child shares the position in the file.
                    self._home.require()
        except OSError as error:
            raise cannot_read(self.path, error) from error

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

        import pyarrow as pa

        path = self.path
        try:
            if "data" in raw:
                data = base64.b64decode(raw["data"], validate=True)
            else:
                path = self._sidecar(record, raw)
                data = path.read_bytes()
        except FileNotFoundError as error:
            raise damaged(path, "the file is not there", hint=RESTORE) from error
        except OSError as error:
            raise cannot_read(path, error) from error
        except (ValueError, TypeError) as error:
            raise _not_of_the_form(path, record) from error
        if codec.digest(data) != raw.get("sha256"):
            raise damaged(path, f"the rows of line {record.seq} do not agree with their digest", hint=RESTORE)
        try:
            rows = codec.decode(data)
            rows.validate(full=True)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
            raise _not_of_the_form(path, record) from error
        table: object = raw.get("table")
        kind: Any = raw.get("kind")
        known = isinstance(table, str) and table in KEYS and kind in _KINDS
        if not known or not set(KEYS[str(table)]) <= set(rows.column_names):
            raise _not_of_the_form(path, record)
        return Change(str(table), kind, rows)

    def fault(self, digests: Mapping[str, str], seq: int, head: str) -> str | None:
        """What is wrong with the log; None if nothing is.

        Args:
            digests: the SHA-256 of each file of rows, by its path inside the factory.
            seq: the number of the line that should be the last.
            head: its digest.

        Raises:
            StorageError: ``store-damaged``, which is what is wrong; ``cannot-read``.
        """
        last, last_head = 0, GENESIS
        for record in self.records():
            if record.seq > seq:
                break
            last, last_head = record.seq, record.head
            for raw in record.raw_changes:
                if "data" in raw:
                    self._change(record, raw)
                    continue
                path = self._sidecar(record, raw)
                if digests.get(f"{SIDECARS}/{path.name}") != raw.get("sha256"):
                    return f"`{path}` is not there, or is not what was written"
        if (last, last_head) != (seq, head):
            return f"`{self.path}` ends with line {last}, and the store has seen line {seq}"
        return None

    def _sidecar(self, record: Record, raw: dict[str, Any]) -> Path:
        """The file in which the rows of a change are.

        Raises:
            StorageError: ``store-damaged`` for a name that no file of the log has.
        """
        name = raw.get("file")
        if not isinstance(name, str) or not _SIDECAR.fullmatch(name):
            raise _not_of_the_form(self.path, record)
        return self.folder / name


def _not_of_the_form(path: Path, record: Record) -> StorageError:
    return damaged(path, f"the rows of line {record.seq} are not of the form of rows", hint=RESTORE)


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
