"""Atomic creation and replacement of files and folders."""

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
    "move_into_place",
    "refuse_overwriting",
    "remove_leftovers",
    "replace_file",
    "staging_folder",
    "sync_folder",
    "temporary_path",
]

# A file name has at most 255 bytes; 50 characters of up to 4 bytes leave room for the token.
_MAX_NAME_PREFIX: Final = 50
_TOKEN_BYTES: Final = 8
_NO_UNNAMED_FILES: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)
LEFTOVER: Final = re.compile(rf"\.(?P<name>.+)\.[0-9a-f]{{{2 * _TOKEN_BYTES}}}")
"""Name of a temporary file or folder that a crash left behind; `name` is the name that it was written for."""


def refuse_overwriting(source: object, target: Path) -> None:
    """Refuse an output path that is the source file, so that a typing error does not overwrite a registry export.

    Raises:
        InputError: ``would-overwrite``.

    >>> refuse_overwriting("fleet.csv", Path("batch.lst"))
    """
    if not isinstance(source, str | Path):
        return
    with contextlib.suppress(OSError, ValueError):  # a file that does not exist cannot be overwritten
        if Path(source).is_file() and Path(source).samefile(target):
            raise InputError(
                "would-overwrite",
                f"`{target}` is the source itself, which would be overwritten",
                hint="choose another file",
                fields={"path": str(target)},
            )


@contextlib.contextmanager
def replace_file(path: Path, *, mode: int | None = None) -> Iterator[IO[bytes]]:
    """Open a temporary file for writing, and rename it to `path` when the block ends without an error.

    The bytes are synced to the disk before the rename, so a crash at any instant leaves the old file or the new one.
    A symbolic link is followed. A path that is not a regular file (a pipe, /dev/null) is written to directly.

    Args:
        path: the file.
        mode: its permissions from the first byte on, such as 0o600 for a secret; None keeps the permissions of an
            existing file, and applies the umask to a new one.

    Raises:
        NotFoundError: ``folder-not-found``.
        InputError: ``is-a-folder``.
        StorageError: ``cannot-write``: no permission, no space, or a disk error.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "list"
    ...     with replace_file(path) as file:
    ...         _ = file.write(b"new")
    ...     path.read_bytes()
    b'new'
    """
    # os.path: a name that is too long, or a folder that may not be searched, is an OSError from pathlib.
    if os.path.isdir(path):  # noqa: PTH112
        raise InputError("is-a-folder", f"`{path}` is a folder", hint="name a file", fields={"path": str(path)})
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
            # Do not resolve the path: a pipe behind /dev/stdout has no other name.
            with path.open("wb") as file:
                yield file
            return
        target = Path(os.path.realpath(path))
        with _temporary_file(target, mode) as file:
            yield file
    except FileNotFoundError as error:
        raise NotFoundError(
            "folder-not-found",
            f"there is no folder `{path.parent}` to write `{path.name}` to",
            hint="create the folder, or choose another",
            fields={"path": str(path)},
        ) from error
    except OSError as error:
        raise StorageError(
            "cannot-write",
            f"`{path}` cannot be written: {error.strerror or error}",
            hint="nothing was changed; free space, get permission, or choose another file",
            fields={"path": str(path), "reason": error.strerror or str(error)},
        ) from error


@contextlib.contextmanager
def _temporary_file(target: Path, mode: int | None) -> Iterator[IO[bytes]]:
    temporary = temporary_path(target)
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
    """Create a file, unnamed (O_TMPFILE) if the file system supports it, so that a crash leaves nothing behind.

    `mode` applies from creation on: others can never open a secret, not even while it is empty.
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
    # `os.link` follows the /proc link only if it gets a folder descriptor: then it calls linkat(AT_SYMLINK_FOLLOW).
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def temporary_path(target: Path) -> Path:
    """A random temporary name in the same folder, which `remove_leftovers` recognises."""
    return target.with_name(f".{target.name[:_MAX_NAME_PREFIX]}.{secrets.token_hex(_TOKEN_BYTES)}")


@contextlib.contextmanager
def staging_folder(target: Path) -> Iterator[Path]:
    """Create a locked temporary folder next to `target`. The block may move it to `target`; otherwise it is removed.

    Removes temporary folders of the same target that a crash left behind, unless another process holds their lock.

    Raises:
        OSError: unchanged; the caller says what could not be created.
    """
    for found in target.parent.glob(f".{glob.escape(target.name[:_MAX_NAME_PREFIX])}.*"):
        if LEFTOVER.fullmatch(found.name) and found.is_dir():
            _remove_unless_in_use(found)
    folder = temporary_path(target)
    folder.mkdir(mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that a crash left in a folder. No other process may be writing files there.

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


def move_into_place(folder: Path, target: Path) -> None:
    """Rename a finished folder to `target`, and sync the rename to the disk. An empty folder at `target` is replaced.

    Raises:
        OSError: unchanged; the folder still has its old name.
        StorageError: ``outcome-unknown``: the disk failed, and the folder may have either name.
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
                f"the disk failed while `{target}` was being created: {error.strerror or error}",
                hint="check the disk; the folder is either complete or does not exist",
                fields={"path": str(target), "reason": error.strerror or str(error)},
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to the disk; only then does a rename survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
