"""What is measured: works, their contenders, and the turns that contenders take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ONE_THREAD", "OURS", "TURNS", "Case", "Suite", "Task", "Work", "cases"]

OURS: Final = "groundswell"
"""The contender that the others are compared with, called as its users call it: it takes as many threads as pay, two at
most."""
ONE_THREAD: Final = f"{OURS}, 1 thread"
TURNS: Final = 5
"""Contenders take turns this many times: a shared machine is twice as fast in one minute as in the next."""


@dataclass(frozen=True)
class Task:
    """What is measured of one contender.

    Args:
        run: takes nothing, gives the answer; this is what the clock sees.
        setup: what must happen before each run, outside the clock.
        warm: whether to run it once before its first turn; not where that takes many seconds and changes nothing.
        facts: what is to be known of the last run beside its time, asked after it.
    """

    run: Callable[[], object]
    setup: Callable[[], object] | None = None
    warm: bool = True
    facts: Callable[[], dict[str, float]] | None = None


@dataclass(frozen=True)
class Work:
    """One table cell's worth of work, at one size, and who does it.

    Args:
        heading: the table that it stands in.
        column: the column of that table.
        size: devices, or values of a list.
        contenders: how to prepare each; preparing is not measured.
        not_run: contenders that cannot do it, and why.
        amount: how much is done in a run, of what; the page shows amounts a second.
    """

    heading: str
    column: str
    size: int
    contenders: Mapping[str, Callable[[], Task]]
    not_run: Mapping[str, str] = field(default_factory=dict)
    amount: tuple[float, str] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the other works of its size."""
        return self.heading, self.column


@dataclass(frozen=True)
class Case:
    """One contender's turn at one work."""

    work: Work
    contender: str
    turn: int

    def __str__(self) -> str:
        return f"{self.work.heading} / {self.work.column} / {self.turn} / {self.contender}"


def cases(works: list[Work]) -> list[Case]:
    """Every turn of every contender, in the order in which they are taken."""
    return [Case(work, name, turn) for work in works for turn in range(TURNS) for name in work.contenders]


class Suite(Protocol):
    """A module `bench_….py`."""

    SIZES: tuple[int, ...]
    """The sizes of `make bench`."""
    FULL_SIZES: tuple[int, ...]
    """Those that `make bench-full` adds."""

    def works(self, size: int) -> list[Work]:
        """What it measures at a size; nothing is prepared yet."""
