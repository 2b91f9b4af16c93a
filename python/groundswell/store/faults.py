"""What the disk and the store can say, told to a person."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from groundswell.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["cannot_write", "damaged"]

_RESORT: Final = "run `groundswell check --repair` to rebuild it from the audit log, or restore a backup"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def damaged(path: Path, what: str, *, hint: str = _RESORT) -> StorageError:
    """The error for a file that does not hold what was written to it."""
    return StorageError(
        "store-damaged",
        f"`{path}` is damaged: {what}",
        hint=f"nothing was changed; {hint}",
        fields={"path": str(path), "reason": what},
    )


def cannot_write(path: Path, error: BaseException) -> StorageError:
    """The error for a disk that refuses: full, read-only, failing."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error).partition("\n")[0]
    full = isinstance(error, OSError) and error.errno in _FULL
    return StorageError(
        "cannot-write",
        f"`{path}` cannot be written: {reason}",
        hint="nothing was changed; "
        + ("free space on its disk" if full else "get permission, or free space on its disk"),
        fields={"path": str(path), "reason": reason},
    )
