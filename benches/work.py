"""The units of measurement: works, their contenders, and turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ONE_THREAD", "OURS", "TURNS", "Case", "Suite", "Task", "Work", "cases"]

OURS: Final = "groundswell"
"""The contender that the others are compared with, called as users call it: with one or two threads,
as it chooses."""
ONE_THREAD: Final = f"{OURS}, 1 thread"
TURNS: Final = 5
"""Number of turns. Contenders alternate, because the speed of a shared machine may double within a minute."""


@dataclass(frozen=True)
class Task:
    """The task of one contender.

    Args:
        run: the measured function; it returns the result.
        setup: called before each run; not measured.
        warm: whether to run it once before its first turn; not if that takes many seconds without effect.
        facts: returns other values of the last run, such as memory.
    """

    run: Callable[[], object]
    setup: Callable[[], object] | None = None
    warm: bool = True
    facts: Callable[[], dict[str, float]] | None = None


@dataclass(frozen=True)
class Work:
    """The work of one table cell, at one size, and its contenders.

    Args:
        heading: its table.
        column: the column of that table.
        size: devices, or values of a list.
        contenders: functions that prepare the tasks; not measured.
        not_run: contenders that do not support it, and the reason.
        amount: amount per run, and its unit; the page shows amounts per second.
    """

    heading: str
    column: str
    size: int
    contenders: Mapping[str, Callable[[], Task]]
    not_run: Mapping[str, str] = field(default_factory=dict)
    amount: tuple[float, str] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Identifies it among the works of its size."""
        return self.heading, self.column


@dataclass(frozen=True)
class Case:
    """One turn of one contender at one work."""

    work: Work
    contender: str
    turn: int

    def __str__(self) -> str:
        return f"{self.work.heading} / {self.work.column} / {self.turn} / {self.contender}"


def cases(works: list[Work]) -> list[Case]:
    """Every turn of every contender, in order."""
    return [Case(work, name, turn) for work in works for turn in range(TURNS) for name in work.contenders]


class Suite(Protocol):
    """A module `bench_….py`."""

    SIZES: tuple[int, ...]
    """The sizes of `make bench`."""
    FULL_SIZES: tuple[int, ...]
    """Additional sizes of `make bench-full`."""

    def works(self, size: int) -> list[Work]:
        """The works at a size; nothing is prepared yet."""
