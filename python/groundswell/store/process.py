"""A factory belongs to the process that opened it: what happens to it in a forked child.

The child has copies of the parent's file descriptors and of the memory of its DuckDB connection, but none of its
threads. It closes the descriptors at once, so that the parent's lock ends with the parent. It never uses or destroys
the connection: a destructor would wait for threads that do not exist, or write to the parent's file. Whoever reaches
the store, its files or its lock asks its `Home` first.

A program that forks in C (uWSGI, an extension) may run only some of Python's hooks or none: then the child does all
that as soon as it asks.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from groundswell import _core
from groundswell.errors import StateError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Connections", "Descriptor", "Home", "forked", "guard", "inherited", "notice_fork", "owners"]


class _Generation:
    """Identifies a process. A pid alone does not: a grandchild may get the one of an ancestor that has ended."""


_generation = _Generation()
_pid = os.getpid()
guard: Final = threading.RLock()
"""Held while a descriptor is opened or closed, so that a fork in another thread finds a complete list of them."""
owners: Final[dict[tuple[int, int], dict[str, object]]] = {}
"""Who has a directory open in this process, by its device and inode: some file systems cannot lock a directory."""
_descriptors: Final[WeakSet[Descriptor]] = WeakSet()
_connections: Final[WeakSet[Connections]] = WeakSet()
_inherited: Final[set[str]] = set()


class Home:
    """The process that opened a factory.

    Args:
        path: the factory's directory, for messages.
    """

    __slots__ = ("_generation", "_path", "_pid")

    def __init__(self, path: Path) -> None:
        notice_fork()
        self._path: Final = path
        self._generation: Final = _generation
        self._pid: Final = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this is that process."""
        notice_fork()
        return self._generation is _generation

    def require(self) -> None:
        """Refuse in any other process.

        Raises:
            StateError: ``forked-factory``.
        """
        if not self.is_here:
            raise forked(self._path, f"the factory `{self._path}` belongs to process {self._pid}, which opened it")


def forked(path: Path, message: str) -> StateError:
    """The error for a factory that another process opened."""
    return StateError(
        "forked-factory",
        message,
        hint="a forked process cannot use it: open the factory after the fork, in one process;"
        " fleets, selections, lists and plans work anywhere",
        fields={"path": str(path), "pid": os.getpid()},
    )


class Descriptor:
    """A file descriptor of this process alone: a forked child closes its copy at once.

    Args:
        path: what to open.
        flags: as for `os.open`; a program that is executed never inherits it.
        mode: the permissions of a new file.

    Raises:
        OSError: as it comes.
    """

    __slots__ = ("__weakref__", "_number")

    def __init__(self, path: Path, flags: int, mode: int = 0o600) -> None:
        self._number = -1
        with guard:
            self._number = os.open(path, flags | os.O_CLOEXEC, mode)
            _descriptors.add(self)

    def __del__(self) -> None:
        self.close()

    def fileno(self) -> int:
        """The number of the descriptor; -1 once it is closed."""
        return self._number

    def close(self) -> None:
        """Close it. A second call does nothing."""
        with guard:
            number, self._number = self._number, -1
            if number >= 0:
                os.close(number)

    def _left_behind(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            with contextlib.suppress(OSError):
                os.close(number)


class Connections:
    """The DuckDB connection of a store and its cursors, as a forked child finds them.

    Attributes:
        current: the connection, then its cursors, and the file that they have open; None while there is none.
    """

    def __init__(self) -> None:
        self.current: tuple[list[object], str] | None = None
        self._pid: Final = os.getpid()
        _connections.add(self)

    def __del__(self) -> None:
        # A process that was forked off without Python's hooks must not destroy the connection either.
        if self._pid != os.getpid():
            self._left_behind()

    def _left_behind(self) -> None:
        if self.current is not None:
            connections, path = self.current
            self.current = None
            for connection in connections:
                _core.leak(connection)
            _inherited.add(path)


def inherited(path: Path) -> bool:
    """Whether an ancestor had a database file open when this process was forked off.

    DuckDB keeps one instance per file and process, and would hand out the ancestor's.
    """
    return bool(_inherited) and os.path.realpath(path) in _inherited


def notice_fork() -> None:
    """Leave behind what an ancestor had open, if this process was forked off without Python's hooks."""
    if _pid != os.getpid():
        _leave_behind()


def _leave_behind() -> None:
    global _generation, _pid
    _generation, _pid = _Generation(), os.getpid()
    for descriptor in list(_descriptors):
        descriptor._left_behind()  # noqa: SLF001 - a part of this module
    for connections in list(_connections):
        connections._left_behind()  # noqa: SLF001 - a part of this module
    _descriptors.clear()
    _connections.clear()
    owners.clear()


def _after_in_child() -> None:
    try:
        _leave_behind()
    finally:
        # uWSGI runs this hook without the one before the fork, so that nobody holds the guard.
        with contextlib.suppress(RuntimeError):
            guard.release()


os.register_at_fork(before=guard.acquire, after_in_parent=guard.release, after_in_child=_after_in_child)
