"""A strategy as the simulation reads it: whole seconds, thousandths of a percent, windows as intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from groundswell.values import Limit

__all__ = ["Least", "ResolvedStep", "ResolvedStrategy"]

_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Least:
    """A minimum: thousandths of a percent, or a count."""

    thousandths: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class ResolvedStep:
    """One step; durations in seconds. The extension reads it by its attributes."""

    group: str | None = None
    uuids: npt.NDArray[np.uint8] | None = None
    limit: Limit | None = None
    draw: str = "active"
    soak: int = _DAY
    reported: Least = field(default=Least(thousandths=60_000))
    settled: Least = field(default=Least(thousandths=98_000))
    prove: float | None = None
    approve: bool = False
    not_before: int = 0
    deadline: int | None = None


@dataclass(frozen=True, slots=True)
class ResolvedStrategy:
    """A strategy; durations in seconds, rates from 0 to 1. The extension reads it by its attributes."""

    name: str
    steps: tuple[ResolvedStep, ...]
    failure: float | None = None
    by: str | None = None
    silence: bool = True
    lost: float | None = None
    devices: int | None = None
    alpha: float = 0.05
    cancel: bool = False
    patience: int = _DAY
    attempts: int = 1
    concurrent: int | None = None
    complete: bool = False
    windows: tuple[tuple[int, int], ...] | None = None
