"""The directory of a factory: the names of its files, and whether it can be written."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from groundswell.errors import NotFoundError, StorageError
from groundswell.store.faults import damaged

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "AUDIT",
    "AUDIT_LOG",
    "DATABASE",
    "LOCK",
    "require_factory",
    "require_file",
    "write_ahead_log",
    "write_refusal",
]

DATABASE: Final = "factory.duckdb"
AUDIT_LOG: Final = "audit.log"
AUDIT: Final = "audit"
"""The folder of the payloads and the snapshots of the audit log."""
LOCK: Final = "lock"


def write_ahead_log(path: Path) -> Path:
    """The file in which DuckDB keeps what it has not written to the database file yet."""
    return path.with_name(f"{path.name}.wal")


def write_refusal(folder: Path) -> OSError | None:
    """Why a factory cannot be changed where it is; None if it can."""
    wal = write_ahead_log(folder / DATABASE)
    for path in (folder, folder / DATABASE, wal, folder / AUDIT_LOG, folder / AUDIT, folder / LOCK):
        access = os.W_OK | (os.X_OK if path == folder else 0)
        if path.exists() and not os.access(path, access, effective_ids=os.access in os.supports_effective_ids):
            mounted = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
            number = errno.EROFS if mounted else errno.EACCES
            return OSError(number, os.strerror(number), str(path))
    return None


def require_file(path: Path) -> None:
    """Refuse a factory without one of its files.

    Raises:
        StorageError: ``store-damaged``.
    """
    if not path.exists():
        raise damaged(path, "the file is not there")


def require_factory(folder: Path) -> None:
    """Refuse a folder that is no factory.

    Raises:
        NotFoundError: ``no-factory``.
        StorageError: ``cannot-read``.
    """
    try:
        found = {path.name for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        found = set()
    except OSError as error:
        raise StorageError(
            "cannot-read",
            f"the folder `{folder}` cannot be read: {error.strerror}",
            hint="get permission, or name another folder",
            fields={"path": str(folder), "reason": error.strerror or ""},
        ) from error
    if DATABASE not in found and AUDIT_LOG not in found:
        there = "there is no folder" if not folder.exists() else "no factory is in"
        raise NotFoundError(
            "no-factory",
            f"{there} `{folder}`",
            hint="name the directory of a factory, or make one",
            fields={"path": str(folder)},
        )
