"""Files that are replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from groundswell.errors import InputError, NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["refuse_overwriting", "replace_file"]

# A name may have 255 bytes, and a character up to four of them.
_NAME_KEPT: Final = 50


def refuse_overwriting(source: object, target: Path) -> None:
    """Refuse a target that is the file that is read: a registry export is not lost to a slip of the fingers.

    Raises:
        InputError: ``would-overwrite``.

    >>> refuse_overwriting("fleet.csv", Path("batch.lst"))
    """
    if not isinstance(source, str | Path):
        return
    with contextlib.suppress(OSError, ValueError):  # what is not there is not overwritten
        if Path(source).is_file() and Path(source).samefile(target):
            raise InputError(
                "would-overwrite",
                f"`{target}` is the source itself, which would be overwritten",
                hint="name another file",
                fields={"path": str(target)},
            )


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes the place of `path` when the block ends without an error.

    The bytes are on the disk before the name changes, so that a crash at any instant leaves the old file or the new
    one. A link is followed; the permissions of an existing file are kept. What is no regular file (a pipe, /dev/null)
    is written to directly.

    Raises:
        NotFoundError: ``folder-not-found``.
        InputError: ``is-a-folder``.
        StorageError: ``cannot-write``: no permission, no space, an error of the disk.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "list"
    ...     with replace_file(path) as file:
    ...         _ = file.write(b"new")
    ...     path.read_bytes()
    b'new'
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError("is-a-folder", f"`{path}` is a folder", hint="name a file", fields={"path": str(path)})
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        with _temporary_beside(target) as file:
            yield file
    except FileNotFoundError as error:
        raise NotFoundError(
            "folder-not-found",
            f"there is no folder `{path.parent}` to write `{path.name}` to",
            hint="make the folder, or name another",
            fields={"path": str(path)},
        ) from error
    except OSError as error:
        raise StorageError(
            "cannot-write",
            f"`{path}` cannot be written: {error.strerror or error}",
            hint="nothing was changed; free space, get permission, or name another file",
            fields={"path": str(path), "reason": error.strerror or str(error)},
        ) from error


@contextlib.contextmanager
def _temporary_beside(target: Path) -> Iterator[IO[bytes]]:
    temporary = target.with_name(f".{target.name[:_NAME_KEPT]}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            if target.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
