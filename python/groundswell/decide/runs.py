"""What the runs of a simulation share, and the runs of one strategy in one scenario."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.decide.scenarios import Scenario

__all__ = ["CellRuns", "SimulationSetup"]


@dataclass(frozen=True, slots=True)
class SimulationSetup:
    """What all runs of a simulation share; durations in seconds."""

    now: datetime
    seed: int
    tick: int
    horizon: int
    approve_after: int
    gone_after: int
    tag: str | None
    target_version: int | None


@dataclass(slots=True)
class CellRuns:
    """The runs of one strategy in one scenario, in columns."""

    strategy: str
    scenario: Scenario
    limit: float | None
    """The failure limit of the strategy."""
    values: list[str]
    """The values of `by`."""
    parts: list[dict[str, Any]] = field(default_factory=list)

    def add(self, part: dict[str, Any]) -> None:
        """Append the next runs."""
        self.parts.append(part)

    def columns(self, runs: int) -> dict[str, Any]:
        """The first `runs` runs as numpy arrays."""
        import numpy as np

        return {name: np.concatenate([part[name] for part in self.parts])[:runs] for name in self.parts[0]}
