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
    from collections.abc import Callable, Iterator

__all__ = ["refuse_overwriting", "replace_file", "sync_folder"]

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
def replace_file(path: Path, *, mode: int | None = None) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes the place of `path` when the block ends without an error.

    The bytes are on the disk before the name changes, so that a crash at any instant leaves the old file or the new
    one. A link is followed. What is no regular file (a pipe, /dev/null) is written to directly.

    Args:
        path: the file.
        mode: its permissions from the first byte on, such as 0o600 for a secret; None keeps those of an existing
            file and lets the umask decide for a new one.

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
        with _temporary_beside(target, mode) as file:
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
def _temporary_beside(target: Path, mode: int | None) -> Iterator[IO[bytes]]:
    temporary = target.with_name(f".{target.name[:_NAME_KEPT]}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb", opener=_with_permissions(mode)) as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            elif target.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _with_permissions(mode: int | None) -> Callable[[str, int], int]:
    """What opens a new file: a secret is never readable by others, not even while it is empty."""
    return lambda name, flags: os.open(name, flags, 0o666 if mode is None else mode)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk: a renamed file is only then where it is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
