"""Files and folders that appear as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import re
import secrets
import shutil
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from groundswell.errors import InputError, NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "LEFTOVER",
    "name_beside",
    "put_in_place",
    "refuse_overwriting",
    "remove_leftovers",
    "replace_file",
    "staging_folder",
    "sync_folder",
]

# A name may have 255 bytes, and a character up to four of them.
_NAME_KEPT: Final = 50
_TOKEN_BYTES: Final = 8
_NO_UNNAMED_FILES: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)
LEFTOVER: Final = re.compile(rf"\.(?P<name>.+)\.[0-9a-f]{{{2 * _TOKEN_BYTES}}}")
"""The name of what a crash left of a file or a folder that was to appear as `name`."""


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
    if path.is_dir():
        raise InputError("is-a-folder", f"`{path}` is a folder", hint="name a file", fields={"path": str(path)})
    try:
        if path.exists() and not path.is_file():
            # The path as it is: a pipe behind /dev/stdout has no other name.
            with path.open("wb") as file:
                yield file
            return
        target = Path(os.path.realpath(path))
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
    temporary = name_beside(target)
    try:
        with _unnamed_or_named(temporary, mode) as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            elif target.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not temporary.exists():
                _give_name(file.fileno(), temporary)
        temporary.replace(target)
        sync_folder(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _unnamed_or_named(temporary: Path, mode: int | None) -> IO[bytes]:
    """A new file, without a name where the file system can do that: a crash leaves nothing of it.

    A secret is never readable by others, not even while it is empty.
    """
    bits = 0o666 if mode is None else mode
    unnamed = getattr(os, "O_TMPFILE", 0)  # Linux only
    if unnamed:
        try:
            return os.fdopen(os.open(temporary.parent, unnamed | os.O_WRONLY | os.O_CLOEXEC, bits), "wb")
        except OSError as error:
            if error.errno not in _NO_UNNAMED_FILES:
                raise
    return open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, bits))


def _give_name(descriptor: int, path: Path) -> None:
    # With a folder to start from, even if it is not needed, the library makes the call that follows the link.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def name_beside(target: Path) -> Path:
    """A fresh name in the same folder, which `remove_leftovers` recognises."""
    return target.with_name(f".{target.name[:_NAME_KEPT]}.{secrets.token_hex(_TOKEN_BYTES)}")


@contextlib.contextmanager
def staging_folder(target: Path) -> Iterator[Path]:
    """Make a folder beside `target`, to be put in its place, or to be removed when the block ends.

    What a crash left of earlier ones of the same target is removed; those that another process is at work on are not.

    Raises:
        OSError: as it comes, for the caller to say what could not be made.
    """
    for found in target.parent.glob(f".{glob.escape(target.name[:_NAME_KEPT])}.*"):
        if LEFTOVER.fullmatch(found.name) and found.is_dir():
            _remove_unless_in_use(found)
    folder = name_beside(target)
    folder.mkdir(mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove what a crash left of files that were to appear in a folder; nobody else may be writing to it.

    Raises:
        StorageError: ``cannot-write``.
    """
    try:
        for found in folder.iterdir() if folder.is_dir() else ():
            if LEFTOVER.fullmatch(found.name):
                _remove_unless_in_use(found)
    except OSError as error:
        raise StorageError(
            "cannot-write",
            f"`{folder}` cannot be written: {error.strerror or error}",
            hint="get permission to write there",
            fields={"path": str(folder), "reason": error.strerror or str(error)},
        ) from error


def _remove_unless_in_use(leftover: Path) -> None:
    if not leftover.is_dir() or leftover.is_symlink():
        leftover.unlink(missing_ok=True)
        return
    descriptor = os.open(leftover, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(leftover)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)


def put_in_place(folder: Path, target: Path) -> None:
    """Let a finished folder appear under its name, and have the name on the disk; an empty folder gives way to it.

    Raises:
        OSError: as it comes; the folder is where it was.
        StorageError: ``outcome-unknown``: the disk failed so that it may be in its place or not.
    """
    sync_folder(folder)
    folder.rename(target)
    try:
        sync_folder(target.parent)
    except OSError as error:
        try:
            target.rename(folder)
        except OSError:
            raise StorageError(
                "outcome-unknown",
                f"the disk of `{target}` failed while it was being made: {error.strerror or error}",
                hint="look after the disk; it is there as a whole, or not at all",
                fields={"path": str(target), "reason": error.strerror or str(error)},
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk: a renamed file is only then where it is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
