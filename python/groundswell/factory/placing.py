"""Letting a whole factory appear under its name, or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from groundswell.errors import StateError, StorageError
from groundswell.files import move_into_place, staging_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["placed", "refuse_taken"]

_TAKEN: Final = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


@contextlib.contextmanager
def placed(path: Path, refuse_taken: Callable[[Path], None]) -> Iterator[Path]:
    """Make a folder beside `path`, which takes its place when the block ends well.

    Whoever kills us leaves no half of a factory under the name.

    Args:
        path: the directory; it does not exist or is empty.
        refuse_taken: says why it cannot be had, where somebody else was quicker.

    Raises:
        StorageError: ``cannot-write``; nothing is there. ``outcome-unknown``: the disk failed at the very end.
    """
    target = Path(os.path.abspath(path))  # noqa: PTH100 - a link is not followed
    try:
        with staging_folder(target) as fresh:
            try:
                yield fresh
            except StorageError as error:
                if error.code != "outcome-unknown":
                    raise
                # Whatever it came to, it goes with the folder.
                raise _cannot_be_made(path, error.fields["reason"]) from error
            move_into_place(fresh, target)
    except OSError as error:
        if error.errno in _TAKEN:
            refuse_taken(path)
        raise _cannot_be_made(path, error.strerror or str(error)) from error


def _cannot_be_made(path: Path, reason: str) -> StorageError:
    return StorageError(
        "cannot-write",
        f"`{path}` cannot be made: {reason}",
        hint="nothing was changed; make its parent folder, free space, or get permission",
        fields={"path": str(path), "reason": reason},
    )


def refuse_taken(folder: Path) -> None:
    """Refuse a directory that cannot become a factory: it has files, or is one.

    Raises:
        StateError: ``factory-exists``, ``folder-not-empty``.
        StorageError: ``cannot-read``.
    """
    try:
        found = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise StateError(
            "folder-not-empty", f"`{folder}` is a file", hint="name another directory", fields={"path": str(folder)}
        ) from error
    except OSError as error:
        raise StorageError(
            "cannot-read",
            f"`{folder}` cannot be read: {error.strerror}",
            hint="get permission, or name another directory",
            fields={"path": str(folder), "reason": error.strerror or ""},
        ) from error
    if "audit.log" in found:
        raise StateError(
            "factory-exists",
            f"`{folder}` is a factory already",
            hint="open it, or name another directory",
            fields={"path": str(folder)},
        )
    if found:
        raise StateError(
            "folder-not-empty",
            f"the folder `{folder}` is not empty: it holds `{found[0]}`",
            hint="name a directory that is empty or does not exist",
            fields={"path": str(folder), "files": found[:100]},
        )
