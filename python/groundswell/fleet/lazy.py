"""What is worked out when it is first asked for, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["lazy"]

T_co = TypeVar("T_co", covariant=True)


class lazy(Generic[T_co]):  # noqa: N801 - a decorator
    """A property that is worked out once for each object.

    As `functools.cached_property` is from Python 3.12 on; before, it has one lock for all objects, so that threads wait
    for each other's selections, and a process that is forked off meanwhile waits for ever. Two threads that ask at once
    may both work it out, and come to the same.

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
        """Learn its name."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T_co: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T_co:
        """Work it out, and let the object have it from now on."""
        if instance is None:
            return self
        found = instance.__dict__[self._name] = self._work(instance)
        return found
