"""One owner at a time: who has a factory open, and how long the next one waits.

Two things are locked: the file ``lock``, which says who the owner is, and the directory itself. So removing the file
while the factory is open does not admit a second owner.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import time
from typing import TYPE_CHECKING, Final

from groundswell.errors import StateError, StorageError
from groundswell.store.faults import cannot_write
from groundswell.store.process import Descriptor, Home, guard, notice_fork, owners

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["OwnerLock"]

_POLL: Final = 0.02
_OWNER_BYTES: Final = 2048
_MAX_OWNER: Final = 200
_READ_ONLY: Final = (errno.EROFS, errno.EACCES, errno.EPERM)
_NOT_A_FILE: Final = (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EMLINK)

_Key = tuple[int, int]


class _BusyError(Exception):
    """Somebody has the lock: as the owner signed, if it is this process."""

    def __init__(self, owner: dict[str, object] | None = None) -> None:
        super().__init__()
        self.owner = owner


class OwnerLock:
    """Advisory locks, which the kernel releases when their process ends, however it ends.

    The content of the file ``lock`` means something only while the file is locked.
    """

    def __init__(self, path: Path, key: _Key, descriptors: list[Descriptor]) -> None:
        """Take over descriptors that are locked; callers use `acquire`."""
        self.path = path
        self._home: Final = Home(path.parent)
        self._key: Final = key
        self._descriptors = descriptors

    @classmethod
    def acquire(cls, path: Path, *, owner: str, wait: float, staged: bool = False) -> OwnerLock:
        """Take the lock, or wait for it.

        Where nothing may be written, a lock file that exists is locked as it is, and nothing is written to it.

        Args:
            path: the lock file; made if it is not there.
            owner: what to call this owner, such as ``groundswell devices import``.
            wait: how long to wait, in seconds.
            staged: whether the caller has locked the directory already, because it makes it.

        Raises:
            StateError: ``factory-in-use``, with who holds it and since when.
            StorageError: ``cannot-write``; ``unsafe-lock`` for a link, a pipe or a directory in place of the file.
        """
        notice_fork()
        deadline = time.monotonic() + wait
        while True:
            try:
                return _take(path, owner, staged=staged)
            except _BusyError as busy:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise _in_use(path, busy.owner) from None
            time.sleep(min(_POLL, left))

    def release(self) -> None:
        """Release the lock. A second call does nothing; neither does one in a forked process."""
        if self._home.is_here and self._descriptors:
            _give_up(self._descriptors, self._key)


def _take(path: Path, owner: str, *, staged: bool) -> OwnerLock:
    """Take the lock if nobody has it.

    Raises:
        _BusyError: somebody has it.
    """
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    signature: dict[str, object] = {"pid": os.getpid(), "owner": owner[:_MAX_OWNER], "since": since}
    taken: list[Descriptor] = []
    key: _Key | None = None
    try:
        folder = _folder(path)
        if folder is not None:
            taken.append(folder)
        key = _claim(path, folder, signature)
        if folder is not None and not staged:
            _lock_folder(folder)
        file = _file(path)
        if file is not None:
            taken.append(file)
            _lock(path, file)
            _sign(file, signature)
        return OwnerLock(path, key, taken)
    except OSError as error:
        _give_up(taken, key)
        raise cannot_write(path, error) from error
    except BaseException:
        _give_up(taken, key)
        raise


def _claim(path: Path, folder: Descriptor | None, signature: dict[str, object]) -> _Key:
    about = path.parent.stat() if folder is None else os.fstat(folder.fileno())
    key = about.st_dev, about.st_ino
    with guard:
        if key in owners:
            raise _BusyError(owners[key])
        owners[key] = signature
    return key


def _give_up(taken: list[Descriptor], key: _Key | None) -> None:
    # The file goes last: until then others can read who the owner is.
    while taken:
        descriptor = taken.pop(0)
        # A child that another library forked off may still have a copy, which would keep the lock.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor.fileno(), fcntl.LOCK_UN)
        descriptor.close()
    if key is not None:
        with guard:
            owners.pop(key, None)


def _folder(path: Path) -> Descriptor | None:
    try:
        return Descriptor(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return None  # one may use a directory without reading it


def _lock_folder(folder: Descriptor) -> None:
    try:
        fcntl.flock(folder.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _BusyError from None
    except OSError:
        return  # a file system that cannot lock directories; the file is locked


def _file(path: Path) -> Descriptor | None:
    """Open the lock file; None where nothing may be written and it is missing or private."""
    safe = os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        try:
            descriptor = Descriptor(path, os.O_RDWR | os.O_CREAT | safe)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            descriptor = Descriptor(path, os.O_RDONLY | safe)
    except (FileNotFoundError, PermissionError):
        return None
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            raise _unsafe(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor.fileno()).st_mode):
        descriptor.close()
        raise _unsafe(path)
    return descriptor


def _lock(path: Path, file: Descriptor) -> None:
    try:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            # On a network file system, an exclusive lock needs a descriptor that can write.
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        # Somebody may have replaced the file between opening and locking it: then its lock excludes nobody.
        if not os.path.samestat(path.lstat(), os.fstat(file.fileno())):
            raise _BusyError
    except (BlockingIOError, FileNotFoundError):
        raise _BusyError from None


def _sign(file: Descriptor, signature: dict[str, object]) -> None:
    """Tell others who holds the lock; where the disk is full they are not told, and the lock holds all the same."""
    # Always of one size, so that it takes the place of the last owner's on a disk that has no room for more.
    with contextlib.suppress(OSError):
        os.pwrite(file.fileno(), json.dumps(signature).encode().ljust(_OWNER_BYTES), 0)


def _unsafe(path: Path) -> StorageError:
    kind = "a symbolic link" if path.is_symlink() else "a directory" if path.is_dir() else "a pipe or a device"
    return StorageError(
        "unsafe-lock",
        f"`{path}` is {kind}, not a lock file",
        hint="find out who put it there, then remove it: the next command makes the file",
        fields={"path": str(path)},
    )


def _in_use(path: Path, signature: dict[str, object] | None) -> StateError:
    try:
        held = json.loads(_signature(path)) if signature is None else signature
        who, since, pid = str(held["owner"]), str(held["since"]), int(str(held["pid"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # The owner has just taken the lock and not signed yet, or somebody has removed the file.
        who, since, pid = "another process", "just now", 0
    by = f"`{who}` (process {pid}) since {since}" if pid else who
    return StateError(
        "factory-in-use",
        f"the factory `{path.parent}` is in use by {by}",
        hint="a factory has one owner at a time: wait until it is done, or stop it",
        fields={"path": str(path.parent), "owner": who, "pid": pid, "since": since},
    )


def _signature(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, _OWNER_BYTES, 0)
    finally:
        os.close(descriptor)
