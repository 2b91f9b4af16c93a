"""What the parts of a factory share: the store, who is at work, and how an instant is taken."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from groundswell import _core
from groundswell.errors import InputError
from groundswell.factory.clock import Clock
from groundswell.store import AUDIT_LOG, DATABASE, Entry
from groundswell.values import epoch_seconds, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from groundswell.store import Change
    from groundswell.store.port import Store

__all__ = ["CachedQuery", "Context", "of_one_process", "online_since", "refuse_own_database", "seconds"]

T = TypeVar("T")
_Part = TypeVar("_Part")


def seconds(now: datetime | None) -> int:
    """An instant in seconds since 1970 (default: now)."""
    return int(time.time()) if now is None else epoch_seconds(now)


def online_since(at: int, threshold: timedelta) -> int:
    """The instant since which a device must have been seen to be online, in seconds since 1970, at least 1.

    Args:
        at: the instant that ages are counted to, in seconds since 1970.
        threshold: a device is online if its age is at most this.
    """
    return _core.online_since(at, whole_seconds(threshold, "online_threshold"))


@dataclass(slots=True)
class Context:
    """Passed to every part of an open factory.

    Args:
        store: where it lives.
        path: its directory, as the caller named it.
        user: who is at work: what the audit log and the metadata name.
    """

    store: Store
    path: Path
    user: str
    _name: str | None = field(default=None, init=False)
    _clock: Clock | None = field(default=None, init=False)

    def acting_as(self, user: str) -> Context:
        """The same factory for another user."""
        other = Context(self.store, self.path, user)
        other._name, other._clock = self._name, self.clock
        return other

    @property
    def factory(self) -> str:
        """The factory's name, which never changes."""
        if self._name is None:
            self._name = self.meta("name")
        return self._name

    @property
    def clock(self) -> Clock:
        """Tells whether an instant can be the present."""
        if self._clock is None:
            self._clock = Clock(self.store.folder / AUDIT_LOG)
        return self._clock

    def signing_seconds(self, now: datetime | None) -> int:
        """The instant of an act that signs; as `seconds`.

        Raises:
            StateError: ``clock-behind``.
        """
        at = seconds(now)
        self.store.require_open()
        self.clock.require(at)
        return at

    def commit(
        self,
        action: str,
        summary: str,
        changes: Sequence[Change],
        *,
        at: int,
        details: Mapping[str, Any] | None = None,
    ) -> int:
        """Make changes durable, all of them or none; the new revision."""
        return self.store.commit(Entry(at, self.user, action, summary, details or {}), changes)

    def meta(self, key: str, default: str = "") -> str:
        """A value of the store's own table of facts."""
        value = self.store.facts.get(key)
        return default if value is None else value


_CONTAINER: Final = ("__len__", "__contains__", "__iter__", "__getitem__")


def of_one_process(part: type[_Part]) -> type[_Part]:
    """Make the public methods and properties of a part of a factory refuse in a forked process before they do anything.

    The store refuses by itself; but a method may read or write other files before it reaches the store. The part has
    its `Context` as ``_context``. What closes it, if anything, has a rule of its own.

    Raises:
        StateError: ``forked-factory``, from each of them.
    """
    for name, found in list(vars(part).items()):
        if (name.startswith("_") and name not in _CONTAINER) or name == "close":
            continue
        if isinstance(found, property) and found.fget is not None:
            setattr(part, name, property(_refusing(found.fget), doc=found.__doc__))
        elif inspect.isfunction(found):
            setattr(part, name, _refusing(found))
    return part


def _refusing(method: Callable[..., T]) -> Callable[..., T]:
    @functools.wraps(method)
    def refusing(self: Any, *arguments: Any, **named: Any) -> T:
        self._context.store.home.require()  # a private name of the part that is decorated
        return method(self, *arguments, **named)

    return refusing


def refuse_own_database(context: Context, source: object) -> None:
    """Refuse to read a factory's own database as an input: to close it again would release DuckDB's lock on it.

    Raises:
        InputError: ``bad-source``.
    """
    database = context.store.folder / DATABASE
    if isinstance(source, str | os.PathLike):
        with contextlib.suppress(OSError, ValueError):  # what cannot be found is told when it is read
            if database.samefile(source):
                raise InputError(
                    "bad-source",
                    f"`{os.fspath(source)}` is the database of the factory itself",
                    hint="name a file of devices or targets; a backup copies a factory",
                    fields={"path": str(source)},
                )


class CachedQuery(Generic[T]):
    """What was worked out of some tables, until one of them changes. What it gives is shared: nobody may change it."""

    def __init__(self, context: Context, tables: Sequence[str], make: Callable[[], T]) -> None:
        self._context: Final = context
        self._tables: Final = tuple(tables)
        self._make: Final = make
        self._value: tuple[int, T] | None = None

    def get(self) -> T:
        """The value as of now."""
        # The revision is looked up first: a change that comes in between makes the value anew once more, never too old.
        revision, value = self._context.store.changed_at(*self._tables), self._value
        if value is None or value[0] != revision:
            value = self._value = revision, self._make()
        return value[1]
