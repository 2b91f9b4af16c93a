"""What the disk and the store can say, told to a person."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from groundswell.errors import StateError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RESTORE", "cannot_read", "cannot_write", "damaged", "outcome_unknown", "translate_error"]

RESTORE: Final = "restore a backup"
"""The way out where the audit log itself is damaged: nothing is left to rebuild it from."""

_RESORT: Final = "rebuild the store from the audit log, or restore a backup"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SCARCE: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
_MEMORY: Final = "not enough memory"
_HELP: Final = {
    os.strerror(errno.EMFILE): "close files, or raise the limit of open files (`ulimit -n`)",
    os.strerror(errno.ENFILE): "close files: the system has no room for more open ones",
    os.strerror(errno.ENOMEM): "free memory",
    _MEMORY: "free memory",
    os.strerror(errno.EROFS): "it can be read there; to change it, use it where its disk can be written",
}


def damaged(path: Path, what: str, *, hint: str = _RESORT) -> StorageError:
    """The error for a file that does not hold what was written to it."""
    return StorageError(
        "store-damaged",
        f"`{path}` is damaged: {what}",
        hint=f"nothing was changed; {hint}",
        fields={"path": str(path), "reason": what, "remedy": "restore" if hint == RESTORE else "repair"},
    )


def cannot_read(path: Path, error: OSError | str) -> StorageError:
    """The error for a file that cannot be read now, which says nothing about what is in it."""
    reason = error if isinstance(error, str) else error.strerror or str(error)
    return StorageError(
        "cannot-read",
        f"`{path}` cannot be read: {reason}",
        hint="nothing was changed; " + _HELP.get(reason, "get permission to read it, or look after its disk"),
        fields={"path": str(path), "reason": reason},
    )


def cannot_write(path: Path, error: OSError | str) -> StorageError:
    """The error for a disk that refuses: full, read-only, failing."""
    reason = error if isinstance(error, str) else error.strerror or str(error)
    full = reason in {os.strerror(number) for number in _FULL}
    return StorageError(
        "cannot-write",
        f"`{path}` cannot be written: {reason}",
        hint="nothing was changed; "
        + (
            "free space on its disk"
            if full
            else _HELP.get(reason, "get permission to write there, or look after its disk")
        ),
        fields={"path": str(path), "reason": reason},
    )


def outcome_unknown(folder: Path, error: BaseException) -> StorageError:
    """The error for a disk that fails so that a change can neither be finished nor taken back."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error).partition("\n")[0]
    return StorageError(
        "outcome-unknown",
        f"the disk of `{folder}` failed while a change was being made: {reason}",
        hint="look after the disk; the next command that can write to it finishes the change, or finds nothing of it",
        fields={"path": str(folder), "reason": reason},
    )


_REFUSED: Final = tuple(
    os.strerror(number)
    for number in (*_FULL, *_SCARCE, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ESTALE)
)
_SCARCITY: Final = tuple(os.strerror(number) for number in _SCARCE)
_UNWRITTEN: Final = ("could not write", "could not fsync", "fsync failed", "could not truncate", "cannot open file")
_BROKEN: Final = ("corrupt", "not a valid duckdb", "checksum", "replaying wal", "serializ")
_LOCKED: Final = "could not set lock"


def translate_error(path: Path, error: Exception, *, reading: bool = False) -> Exception:
    """What an error of DuckDB means to a person; an error in our own SQL stays what it is: a bug.

    A disk that refuses to be read, a process without memory or descriptors: none of them is damage.

    Args:
        path: the database file.
        error: the error.
        reading: whether nothing was to be written.
    """
    import duckdb

    text = str(error).partition("\n")[0]
    folded = text.lower()
    if _LOCKED in folded:
        return StateError(
            "factory-in-use",
            f"the factory `{path.parent}` is in use by another program, which has `{path.name}` open",
            hint="close it there: a factory has one owner at a time",
            fields={"path": str(path.parent), "owner": "another program", "pid": 0, "since": ""},
        )
    reason = next((reason for reason in _REFUSED if reason.lower() in folded), None)
    if reason is not None:
        unread = reading or "could not read" in folded or reason in _SCARCITY
        return cannot_read(path, reason) if unread else cannot_write(path, reason)
    if isinstance(error, duckdb.OutOfMemoryException):
        return cannot_read(path, _MEMORY)
    if any(word in folded for word in _UNWRITTEN):
        return cannot_write(path, "its disk refused")
    internal = (duckdb.IOException, duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException)
    if any(word in folded for word in _BROKEN) or isinstance(error, internal):
        return damaged(path, text)
    return error
