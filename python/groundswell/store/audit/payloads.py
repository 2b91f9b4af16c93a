"""The payloads of a transaction, written and read: in a segment, or in a file each where they are large."""

from __future__ import annotations

import base64
import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final

from groundswell.files import replace_file, sync_folder
from groundswell.store import changes as codec
from groundswell.store.audit.lines import sidecar_name
from groundswell.store.changes import INLINE_LIMIT, Change
from groundswell.store.faults import RESTORE, cannot_read, damaged
from groundswell.store.folder import AUDIT
from groundswell.store.schema import KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from groundswell.errors import StorageError
    from groundswell.store.audit.lines import Record
    from groundswell.store.audit.segments import Segments

__all__ = ["Payloads", "read_change"]

_KINDS: Final = ("put", "add", "set", "remove")
_LARGE: Final = 1 << 20
"""Rows of more bytes than this, before they are compressed, are not tried for a segment."""


class Payloads:
    """The changes of one transaction. A thread writes them while the database takes the same rows in."""

    def __init__(self, folder: Path, segments: Segments, seq: int, changes: Sequence[Change]) -> None:
        """Begin to write.

        Args:
            folder: where files go.
            segments: where small payloads go.
            seq: the number of the line that will refer to them.
            changes: the rows.
        """
        self._folder: Final = folder
        self._segments: Final = segments
        self._seq: Final = seq
        self._changes: Final = changes
        self._raw: list[dict[str, Any]] = []
        self._files: list[Path] = []
        self._appended = False
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self.size = 0
        if changes:
            self._thread = threading.Thread(target=self._attempt, name="groundswell-audit", daemon=True)
            self._thread.start()

    def raw(self) -> list[dict[str, Any]]:
        """The changes as they stand in the line; their payloads are on the disk when this returns.

        Raises:
            OSError, StorageError: what the thread was refused.
        """
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self._raw

    def remove(self) -> None:
        """Remove the payloads: no line refers to them.

        What cannot be removed takes space and does no other harm. Files go when the store is opened.
        """
        if self._thread is not None:
            self._thread.join()
        if self._appended:
            self._segments.take_back()
        for path in self._files:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _attempt(self) -> None:
        try:
            self._write()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asks for the rows
            self._error = error

    def _write(self) -> None:
        small: list[tuple[dict[str, Any], bytes]] = []
        for number, change in enumerate(self._changes):
            raw = {"table": change.table, "kind": change.kind, "rows": change.rows.num_rows}
            data = codec.encode(change.rows) if change.rows.nbytes <= _LARGE else None
            if data is not None and len(data) <= INLINE_LIMIT:
                raw |= {"sha256": codec.digest(data), "size": len(data)}
                small.append((raw, data))
                self.size += len(data)
            else:
                raw |= self._beside(change, number)
            self._raw.append(raw)
        if small:
            name, offsets = self._segments.append([data for _, data in small], seq=self._seq)
            self._appended = True
            for (raw, _), at in zip(small, offsets, strict=True):
                raw |= {"segment": name, "at": at}

    def _beside(self, change: Change, number: int) -> dict[str, Any]:
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700)
            sync_folder(self._folder.parent)
        path = self._folder / sidecar_name(self._seq, number, change.table)
        self._files.append(path)
        with replace_file(path, mode=0o600) as file:
            digest = codec.write(change.rows, file)
        self.size += path.stat().st_size
        return {"sha256": digest, "file": path.name}


def read_change(log: Path, record: Record, raw: dict[str, Any]) -> Change:
    """A change of a line of the log, with its rows.

    Raises:
        StorageError: ``store-damaged`` where the payload is gone, or is not what the line says; ``cannot-read``.
    """
    import pyarrow as pa

    path, data = _payload(log, record, raw)
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


def _payload(log: Path, record: Record, raw: dict[str, Any]) -> tuple[Path, bytes]:
    """Where the payload of a change is, and its bytes."""
    path = log
    try:
        if "data" in raw:
            return path, base64.b64decode(raw["data"], validate=True)
        path = log.parent / AUDIT / str(raw.get("file", raw.get("segment")))
        with path.open("rb") as file:
            file.seek(raw.get("at", 0))
            return path, file.read(raw.get("size", -1))
    except FileNotFoundError as error:
        raise damaged(path, "the file is not there", hint=RESTORE) from error
    except OSError as error:
        raise cannot_read(path, error) from error
    except (ValueError, TypeError) as error:
        raise _not_of_the_form(path, record) from error


def _not_of_the_form(path: Path, record: Record) -> StorageError:
    return damaged(path, f"the rows of line {record.seq} are not Arrow rows of a table", hint=RESTORE)
