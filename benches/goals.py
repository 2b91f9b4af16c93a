"""The performance goals, and their comparison with the results. A goal that was not measured is marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benches.work import ONE_THREAD, OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from benches.results import Result

__all__ = ["GOALS", "Cell", "Goal", "Judged", "judged", "limit_of"]

MILLION: Final = 1_000_000
LARGE: Final = 10 * MILLION
HUGE: Final = 100 * MILLION
CLASS_SAMPLER: Final = "pyroaring: "
MEMORY_READ: Final = "8 bytes a device, "


@dataclass(frozen=True)
class Cell:
    """One measured number that a goal is about.

    Args:
        name: the table cell, and the contender that it is compared with.
        value: the measured value.
        target: the target value.
        at_least: whether the target is a minimum; otherwise it is a maximum.
        unit: the unit of the numbers.
    """

    name: str
    value: float
    target: float
    at_least: bool
    unit: str

    @property
    def met(self) -> bool:
        """Whether the value meets the target."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def margin(self) -> float:
        """Factor by which the value is better than the target; less than 1 if the target is not met."""
        return self.value / self.target if self.at_least else self.target / self.value


@dataclass(frozen=True)
class Goal:
    """One goal: the work, the requirement, and the numbers that decide it."""

    work: str
    asks: str
    cells: Callable[[Sequence[Result]], Iterable[Cell]]
    needs: str = "`make bench`"
    """The command that measures it, shown if it was not measured."""


@dataclass(frozen=True)
class Judged:
    """A goal and its measured cells."""

    goal: Goal
    cells: tuple[Cell, ...]

    @property
    def met(self) -> bool | None:
        """Whether it is met in every cell; None if nothing was measured."""
        return all(cell.met for cell in self.cells) if self.cells else None

    @property
    def worst(self) -> Cell | None:
        """The cell with the smallest margin."""
        return min(self.cells, key=lambda cell: cell.margin, default=None)

    def as_data(self) -> dict[str, Any]:
        """Serialise for results.json."""
        cells = [
            {"cell": cell.name, "value": float(f"{cell.value:.4g}"), "target": cell.target, "met": cell.met}
            for cell in self.cells
        ]
        return {"work": self.goal.work, "goal": self.goal.asks, "met": self.met, "cells": cells}


def judged(results: Sequence[Result]) -> list[Judged]:
    """Compare every goal with the results."""
    measured = [one for one in results if one.not_run is None]
    return [Judged(goal, tuple(goal.cells(measured))) for goal in GOALS]


# --- access to results ---------------------------------------------------------------------------------------------


def _works(results: Sequence[Result], heading: str) -> Iterator[tuple[Result, list[Result]]]:
    """Each work under headings with this prefix: our result and the others."""
    for ours in results:
        if ours.heading.startswith(heading) and ours.contender == OURS:
            key = (ours.heading, ours.column)
            others = [one for one in results if (one.heading, one.column) == key and one.contender != OURS]
            yield ours, others


def _name(ours: Result, other: Result | None = None) -> str:
    beside = f", beside {other.contender}" if other is not None else ""
    return f"{ours.heading}, {ours.column}{beside}"


def _fastest(others: Iterable[Result]) -> Result | None:
    return min(others, key=lambda one: one.ratio, default=None)


def limit_of(column: str) -> int:
    """Parse the limit from the name of a column.

    >>> limit_of("k = 10,000 (1%)")
    10000
    """
    return int(column.removeprefix("k = ").split()[0].replace(",", ""))


def _is_array(one: Result) -> bool:
    return not one.contender.startswith((OURS, CLASS_SAMPLER, MEMORY_READ))


# --- selecting -----------------------------------------------------------------------------------------------------


def _arrays(scope: str, target: Callable[[Result], float]) -> Callable[[Sequence[Result]], Iterator[Cell]]:
    def cells(results: Sequence[Result]) -> Iterator[Cell]:
        for ours, others in _works(results, f"Select {scope}, "):
            best = _fastest(filter(_is_array, others))
            if best is not None and ours.size <= LARGE:
                yield Cell(_name(ours, best), best.ratio, target(ours), at_least=True, unit="×")

    return cells


def _wide_target(ours: Result) -> float:
    if ours.size < LARGE:
        return 4
    return 10 if "1%" in ours.column else 12


def _narrow_target(ours: Result) -> float:
    return 3 if ours.size < LARGE else 10


_CLASS_TARGETS: Final = {10: 1, 1_000: 1.8, 10_000: 7}


def _class_sampler(results: Sequence[Result]) -> Iterator[Cell]:
    for ours, others in _works(results, "Select "):
        best = _fastest(one for one in others if one.contender.startswith(CLASS_SAMPLER))
        target = _CLASS_TARGETS.get(limit_of(ours.column))
        if best is not None and target is not None and ours.size <= LARGE:
            yield Cell(_name(ours, best), best.ratio, target, at_least=True, unit="×")


def _scan(results: Sequence[Result]) -> Iterator[Cell]:
    for ours, others in _works(results, "Select wide, "):
        fastest = _fastest(one for one in others if one.contender.startswith(MEMORY_READ))
        alone = _one_thread(others)
        if fastest is not None and alone is not None and limit_of(ours.column) <= 1_000:
            target = 1.25 if ours.size >= HUGE else 1.5
            yield Cell(_name(alone, fastest), alone.ratio / fastest.ratio, target, at_least=False, unit="×")


def _threads(results: Sequence[Result]) -> Iterator[Cell]:
    for ours, others in _works(results, "Select wide, "):
        alone = _one_thread(others)
        if alone is not None and limit_of(ours.column) <= 1_000 and ours.size >= LARGE:
            yield Cell(_name(ours), alone.ratio, 1.35, at_least=True, unit="×")


def _one_thread(others: Iterable[Result]) -> Result | None:
    return next((one for one in others if one.contender == ONE_THREAD), None)


def _proportion(results: Sequence[Result]) -> Iterator[Cell]:
    """A group of a large fleet may take twice the time of a fleet of only that group."""
    for ours, others in _works(results, "From one group, "):
        alone = next((one for one in others if one.contender == f"{OURS}, a fleet of that group alone"), None)
        if alone is not None:
            yield Cell(_name(ours, alone), 1 / alone.ratio, 2, at_least=False, unit="×")


# --- everything else -----------------------------------------------------------------------------------------------


def _ratio_to(
    heading: str, target: float, *, peers: str = "", at_most: bool = False
) -> Callable[[Sequence[Result]], Iterator[Cell]]:
    """Ratio of the best peer's time to ours, at least the target; with `at_most` ours to theirs, at most the target."""

    def cells(results: Sequence[Result]) -> Iterator[Cell]:
        for ours, others in _works(results, heading):
            best = _fastest(one for one in others if one.contender.startswith(peers))
            if best is not None:
                value = 1 / best.ratio if at_most else best.ratio
                yield Cell(_name(ours, best), value, target, at_least=not at_most, unit="×")

    return cells


def _rate(heading: str, target: float, unit: str, size: int) -> Callable[[Sequence[Result]], Iterator[Cell]]:
    def cells(results: Sequence[Result]) -> Iterator[Cell]:
        for ours, _ in _works(results, heading):
            if ours.size == size:
                yield Cell(_name(ours), ours.rate, target, at_least=True, unit=unit)

    return cells


def _time(heading: str, targets: dict[int, float], unit: str) -> Callable[[Sequence[Result]], Iterator[Cell]]:
    def cells(results: Sequence[Result]) -> Iterator[Cell]:
        for ours, _ in _works(results, heading):
            if ours.size in targets:
                value = ours.ms / (1 if unit == "ms" else 1000)
                yield Cell(_name(ours), value, targets[ours.size], at_least=False, unit=unit)

    return cells


def _memory(results: Sequence[Result]) -> Iterator[Cell]:
    for ours, _ in _works(results, "Memory"):
        if ours.size == HUGE:
            yield Cell(_name(ours), ours.facts["resident, GB"], 4, at_least=False, unit="GB")


_FULL: Final = "`make bench-full`"

GOALS: Final = (
    Goal(
        "select k of n, wide, against the best of numpy, pandas, polars, DuckDB",
        "≥ 4× in every cell; at 10 M ≥ 12× (1%: ≥ 10×)",
        _arrays("wide", _wide_target),
    ),
    Goal(
        "select k of n, narrow (one group ∩ tag), against the same",
        "≥ 3× in every cell; at 10 M ≥ 10×",
        _arrays("narrow", _narrow_target),
    ),
    Goal(
        "select against a class sampler by hand on pyroaring, the faster of two",
        "≥ 1× at k = 10, ≥ 1.8× at 1,000, ≥ 7× at 10,000",
        _class_sampler,
    ),
    Goal(
        "select wide, k ≤ 1,000, one thread, against reading 8 bytes a device",
        "≤ 1.5× at 10 M, ≤ 1.25× at 100 M",
        _scan,
    ),
    Goal("select wide, k ≤ 1,000, two threads against one", "≥ 1.35× faster", _threads),
    Goal(
        "a narrow selection in proportion to its group",
        "in proportion to the group, not to the fleet: at most twice the time of a fleet that is that group alone",
        _proportion,
    ),
    Goal("parse a UUID list, mixed separators", "≥ 60× the best Python way", _ratio_to("Read a list as people", 60)),
    Goal("parse a clean UUID list of 1 M", "≥ 5 GB/s", _rate("Read a clean list", 5, "GB/s", MILLION)),
    Goal("uuid → ordinal against dict", "≥ 20×", _ratio_to("Look up", 20, peers="dict")),
    Goal("uuid → ordinal against a polars join", "≥ 8×", _ratio_to("Look up", 8, peers="polars")),
    Goal(
        "import into a factory, against DuckDB alone reading and upserting the same rows",
        "≤ 1.5×",
        _ratio_to("Import ", 1.5, peers="DuckDB", at_most=True),
    ),
    Goal(
        "open a factory of 1 M / 10 M devices ready to select",
        "≤ 0.5 s / 4 s",
        _time("Open a factory", {MILLION: 0.5, LARGE: 4}, "s"),
    ),
    Goal(
        "a whole rollout of 10,000 out of 1 M through Factory",
        "< 25 ms",
        _time("Roll out 10,000", {MILLION: 25}, "ms"),
    ),
    Goal("a whole group of 1 M through Factory", "< 100 ms", _time("Roll out a whole group", {MILLION: 100}, "ms")),
    Goal("memory, 100 M devices loaded", "≤ 4 GB resident, 3.5 the stretch", _memory, needs=_FULL),
    Goal("`groundswell --help`, whole process", "< 0.15 s", _time("`groundswell --help`", {0: 0.15}, "s")),
    Goal(
        "`waves status` on 100 k devices, whole process",
        "< 0.6 s",
        _time("`groundswell waves status`", {100_000: 0.6}, "s"),
    ),
    Goal(
        "LiveFleet: check-ins in batches through Python, at most 1% change version",
        "≥ 5 M a second",
        _rate("Check in", 5, "M a second", MILLION),
    ),
    Goal(
        "LiveFleet: check-ins in Rust, which those through Python are not quicker than",
        "≥ 15 M a second",
        _rate("Check in", 15, "M a second", MILLION),
    ),
)
"""All goals, in the order of the results page."""
