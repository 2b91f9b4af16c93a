"""A cached property without a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["lazy"]

T_co = TypeVar("T_co", covariant=True)


class lazy(Generic[T_co]):  # noqa: N801 - a decorator
    """A property that is computed on first access and cached in the object.

    Same as `functools.cached_property` of Python 3.12. In 3.11 that has one lock for all objects: threads wait for each
    other, and a process that is forked while the lock is held deadlocks. Here, two threads may compute the same value
    at the same time.

    >>> class Circle:
    ...     @lazy
    ...     def area(self) -> float:
    ...         return 3.14
    >>> Circle().area
    3.14
    """

    def __init__(self, work: Callable[[Any], T_co]) -> None:
        self._work = work
        self.__doc__ = work.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Store the attribute's name."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T_co: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T_co:
        """Compute the value and cache it in the object."""
        if instance is None:
            return self
        found = instance.__dict__[self._name] = self._work(instance)
        return found
