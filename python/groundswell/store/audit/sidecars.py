"""The rows of a transaction as its line in the audit log refers to them: in the line, or in files beside the log."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final

from groundswell.files import replace_file, sync_folder
from groundswell.store import changes as codec
from groundswell.store.changes import INLINE_LIMIT, Change

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Sidecars"]

_LARGE: Final = 1 << 20
"""Rows of more bytes than this, before they are compressed, are not tried for a line."""
_BESIDE: Final = 1 << 18
"""Rows of more bytes than this are written in a thread of their own."""


class Sidecars:
    """The changes of one transaction on their way into the log.

    Large ones are written in a thread of their own, while the database takes the same rows in; small ones when they
    are asked for.
    """

    def __init__(self, folder: Path, seq: int, changes: Sequence[Change]) -> None:
        """Begin to write.

        Args:
            folder: where the files go.
            seq: the number of the line that is to refer to them.
            changes: the rows.
        """
        self._folder: Final = folder
        self._seq: Final = seq
        self._changes: Final = changes
        self._raw: list[dict[str, Any]] = []
        self._files: list[Path] = []
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        if any(change.rows.nbytes > _BESIDE for change in changes):
            self._thread = threading.Thread(target=self._attempt, name="groundswell-audit", daemon=True)
            self._thread.start()

    def raw(self) -> list[dict[str, Any]]:
        """The changes as they stand in the line; the files are on the disk when this returns.

        Raises:
            OSError, StorageError: what befell the files.
        """
        if self._thread is None:
            self._write()
        else:
            self._thread.join()
            if self._error is not None:
                raise self._error
        return self._raw

    def remove(self) -> None:
        """Remove the files: there is no line that refers to them.

        One that stays takes room and nothing else, and goes when the store is opened.
        """
        if self._thread is not None:
            self._thread.join()
        for path in self._files:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _attempt(self) -> None:
        try:
            self._write()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asks for the rows
            self._error = error

    def _write(self) -> None:
        self._raw += [self._written(change, number) for number, change in enumerate(self._changes)]

    def _written(self, change: Change, number: int) -> dict[str, Any]:
        raw = {"table": change.table, "kind": change.kind, "rows": change.rows.num_rows}
        if change.rows.nbytes <= _LARGE:
            data = codec.encode(change.rows)
            if len(data) <= INLINE_LIMIT:
                return raw | {"sha256": codec.digest(data), "data": codec.inline(data)}
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700)
            sync_folder(self._folder.parent)
        path = self._folder / f"{self._seq:08d}-{number}-{change.table}.arrow"
        self._files.append(path)
        with replace_file(path, mode=0o600) as file:
            digest = codec.write(change.rows, file)
        return raw | {"sha256": digest, "file": path.name}
