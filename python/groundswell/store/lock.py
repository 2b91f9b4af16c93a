"""One owner at a time: who has a factory open, and how long the next one waits."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import TYPE_CHECKING, Final

from groundswell.errors import StateError
from groundswell.store.faults import cannot_write

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["OwnerLock"]

_POLL: Final = 0.02
_OWNER_BYTES: Final = 2048
_MOST_OWNER: Final = 200


class OwnerLock:
    """An advisory lock on a file, which the kernel lets go when its process ends, however it ends.

    The file tells who holds it: what stands there means something only while it is locked.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over a descriptor that is locked; callers use `acquire`."""
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, path: Path, *, owner: str, wait: float) -> OwnerLock:
        """Take the lock, or wait for it.

        Args:
            path: the lock file; made if it is not there.
            owner: what to call this owner, such as ``groundswell devices import``.
            wait: how long to wait, in seconds.

        Raises:
            StateError: ``factory-in-use``, with who holds it and since when.
            StorageError: ``cannot-write``.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise cannot_write(path, error) from error
        deadline = time.monotonic() + wait
        try:
            while not _locked(path, descriptor):
                _pause(path, descriptor, deadline - time.monotonic())
        except BaseException:
            os.close(descriptor)
            raise
        _sign(descriptor, owner)
        return cls(path, descriptor)

    def release(self) -> None:
        """Let the lock go. Twice is once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _locked(path: Path, descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise cannot_write(path, error) from error
    return True


def _pause(path: Path, descriptor: int, left: float) -> None:
    if left <= 0:
        raise _in_use(path, descriptor)
    time.sleep(min(_POLL, left))


def _sign(descriptor: int, owner: str) -> None:
    """Tell others who holds the lock; where the disk is full they are not told, and the lock holds all the same."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    text = json.dumps({"pid": os.getpid(), "owner": owner[:_MOST_OWNER], "since": since})
    # Always of one size, so that it takes the place of the last owner's on a disk that has no room for more.
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, text.encode().ljust(_OWNER_BYTES), 0)


def _in_use(path: Path, descriptor: int) -> StateError:
    try:
        held = json.loads(os.pread(descriptor, _OWNER_BYTES, 0))
        who, since, pid = str(held["owner"]), str(held["since"]), int(held["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        # The owner has just taken the lock and not signed yet.
        who, since, pid = "another process", "just now", 0
    by = f"`{who}` (process {pid}) since {since}" if pid else who
    return StateError(
        "factory-in-use",
        f"the factory `{path.parent}` is in use by {by}",
        hint="a factory has one owner at a time: wait until it is done, or stop it",
        fields={"path": str(path.parent), "owner": who, "pid": pid, "since": since},
    )
