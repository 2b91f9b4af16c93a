"""Percentiles, shares and sentences of simulated runs, with their Monte Carlo error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from groundswell.decide.scenarios import Scenario

__all__ = ["CellSummary", "Percentiles", "duration_text", "sentence_of", "summarise"]

_NOT_REACHED: Final = 2**32 - 1
_STOPS: Final = frozenset({"failure", "failure-of-value", "lost", "silence", "devices"})
_LEVELS: Final = (50, 90, 99)
_SURE: Final = 1.96
"""Standard deviations of a 95% interval."""
_HOURS_TO_DAYS: Final = 72


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of a number over runs, with the uncertainty of the median. None means not reached."""

    p5: int | None
    p50: int | None
    p95: int | None
    p50_from: int | None
    """The 95% interval of the median, from the order statistics."""
    p50_to: int | None
    never: float
    """The share of runs that do not reach it."""

    def to_data(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {
            "p5": self.p5,
            "p50": self.p50,
            "p95": self.p95,
            "p50_interval": [self.p50_from, self.p50_to],
            "never": round(self.never, 6),
        }


@dataclass(frozen=True, slots=True)
class CellSummary:
    """The runs of one strategy in one scenario. Durations are seconds since the start of the run."""

    strategy: str
    scenario: Scenario
    limit: float | None
    """The failure limit of the strategy."""
    runs: int
    devices: int
    stopped: float
    """Share of runs that a stop rule ended: false alarms if the release is healthy."""
    stopped_error: float
    """The Monte Carlo standard error of `stopped`."""
    ends: dict[str, int]
    exposed: Percentiles
    harmed: Percentiles
    first_signal: Percentiles
    stop: Percentiles
    updated: dict[int, Percentiles]

    @property
    def is_faulty(self) -> bool:
        """Whether the strategy should stop: a defect, and not one that all devices have at a rate up to the limit."""
        scenario = self.scenario
        if scenario.is_healthy:
            return False
        rate = scenario.defect + (1 - scenario.defect) * scenario.base
        return scenario.is_narrow or scenario.brick or self.limit is None or rate > self.limit

    def row(self) -> tuple[str, ...]:
        """The cells of a line of the table."""
        exposed = [str(number) for number in (self.exposed.p5, self.exposed.p50, self.exposed.p95)]
        return (
            self.strategy,
            self.scenario.name,
            f"{100 * self.stopped:.1f}%",
            *exposed,
            str(self.harmed.p50),
            duration_text(self.stop.p50),
            duration_text(self.updated[90].p50),
        )

    def to_data(self) -> dict[str, Any]:
        """The summary, as values for JSON."""
        return {
            "strategy": self.strategy,
            "scenario": self.scenario.name,
            "defect": self.scenario.defect,
            "base": self.scenario.base,
            "runs": self.runs,
            "stopped": round(self.stopped, 6),
            "stopped_error": round(self.stopped_error, 6),
            "false_stops": round(self.stopped, 6) if self.scenario.is_healthy else None,
            "misses": round(1 - self.stopped, 6) if self.is_faulty else None,
            "ends": self.ends,
            "exposed": self.exposed.to_data() | {"p50_share": _share(self.exposed.p50, self.devices)},
            "harmed": self.harmed.to_data() | {"p50_share": _share(self.harmed.p50, self.devices)},
            "first_signal": self.first_signal.to_data(),
            "stop": self.stop.to_data(),
            "updated": {f"{level}%": self.updated[level].to_data() for level in _LEVELS},
        }


def summarise(
    strategy: str, scenario: Scenario, columns: dict[str, Any], *, devices: int, limit: float | None
) -> CellSummary:
    """Summarise the runs of one strategy in one scenario.

    Args:
        strategy: its name.
        scenario: what went wrong.
        columns: numpy arrays of the runs, at least one run.
        devices: matching devices.
        limit: the failure limit of the strategy.
    """
    import numpy as np

    names = np.array(_core.RUN_ENDS)[columns["end"]]
    is_stop = np.isin(names, sorted(_STOPS))
    share = float(is_stop.mean())
    stops = np.where(is_stop, columns["ended"], _NOT_REACHED)
    ends = {name: int((names == name).sum()) for name in _core.RUN_ENDS}
    runs = len(names)
    return CellSummary(
        strategy=strategy,
        scenario=scenario,
        limit=limit,
        runs=runs,
        devices=devices,
        stopped=share,
        stopped_error=(share * (1 - share) / runs) ** 0.5,
        ends={name: number for name, number in ends.items() if number},
        exposed=_percentiles(columns["exposed"]),
        harmed=_percentiles(columns["harmed"]),
        first_signal=_percentiles(columns["first_signal"]),
        stop=_percentiles(stops),
        updated={level: _percentiles(columns[f"updated_{level}"]) for level in _LEVELS},
    )


def _percentiles(numbers: npt.NDArray[np.uint32]) -> Percentiles:
    """Order statistics: the smallest number that at least p% of the runs do not exceed."""
    import numpy as np

    ordered = np.sort(numbers)
    runs = len(ordered)

    def at(rank: float) -> int | None:
        number = int(ordered[min(max(int(np.ceil(rank)) - 1, 0), runs - 1)])
        return None if number == _NOT_REACHED else number

    half = _SURE * (runs * 0.25) ** 0.5
    never = float((ordered == _NOT_REACHED).mean())
    return Percentiles(
        at(0.05 * runs), at(0.5 * runs), at(0.95 * runs), at(0.5 * runs - half), at(0.5 * runs + half), never
    )


def _share(number: int | None, devices: int) -> float | None:
    return None if number is None else round(number / devices, 6)


def duration_text(seconds: int | None) -> str:
    """A duration for people: ``26 h``, ``12.5 d``; ``never`` for None.

    >>> duration_text(93600), duration_text(1080000), duration_text(None)
    ('26 h', '12.5 d', 'never')
    """
    if seconds is None:
        return "never"
    hours = seconds / 3600
    return f"{hours:.3g} h" if hours < _HOURS_TO_DAYS else f"{hours / 24:.1f} d"


def sentence_of(name: str, cells: Sequence[CellSummary], *, devices: int) -> str:
    """One plain sentence about a strategy.

    Args:
        name: the strategy.
        cells: its summaries.
        devices: matching devices.
    """
    healthy = [cell for cell in cells if cell.scenario.is_healthy]
    faulty = [cell for cell in cells if cell.is_faulty]
    parts = []
    if healthy:
        parts.append(f"stops {100 * max(cell.stopped for cell in healthy):.1f}% of healthy releases")
    if faulty:
        sure = [cell for cell in faulty if cell.stopped >= 0.95]  # noqa: PLR2004 - what counts as sure
        missed = [cell for cell in faulty if cell.stopped < 0.95]  # noqa: PLR2004
        if sure:
            worst = max(sure, key=lambda cell: cell.exposed.p95 or 0)
            exposed = worst.exposed.p95 or 0
            parts.append(
                f"stops {len(sure)} of {len(faulty)} faulty ones in at least 95% of the runs, with {exposed} devices "
                f"exposed or fewer ({100 * exposed / devices:.1f}%) in 95% of them (worst: {worst.scenario.name})"
            )
        if missed:
            names = ", ".join(f"{cell.scenario.name} ({100 * cell.stopped:.0f}% stopped)" for cell in missed)
            parts.append(f"often misses {names}")
    if healthy:
        half, most = healthy[0].updated[50], healthy[0].updated[90]
        reaches = (
            f"half of the fleet in {duration_text(half.p50)}" if half.p50 is not None else "never half of the fleet"
        )
        if most.p50 is not None:
            reaches += f" and 90% in {duration_text(most.p50)}"
        parts.append(f"updates {reaches}" if half.p50 is not None else "never updates half of the fleet")
    return f"{name} " + "; it ".join(parts) + "."
