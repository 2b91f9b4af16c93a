"""The requests of the select suite, and data that all contenders share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from benches.fleets import HALF_LIFE, LAST_STEP, NOW_SECONDS, THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

VERSION: Final = 214
"""The wave's target version: devices that report it or a later one are updated."""
WEIGHTS: Final = 2.0 ** (np.arange(LAST_STEP + 1) / -8)
"""The weight of each recency step."""


@dataclass(frozen=True)
class Scope:
    """The devices to select from: all production devices, or those of one group and tag."""

    name: str
    group: str | None = None
    tag: str | None = None


WIDE: Final = Scope("wide")
NARROW: Final = Scope("narrow", "us-east-1", "production")


class Peer(Protocol):
    """One way to select, with a fleet in the form that suits it."""

    def candidates(self, size: int, scope: Scope) -> int:
        """The number of candidates."""

    def prepare(self, size: int, scope: Scope, limit: int) -> Callable[[], npt.NDArray[Any]]:
        """A function that selects; it returns row numbers in the order of the draw."""


def steps_of(last_seen: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """The recency step of each device, which determines its weight."""
    past = (NOW_SECONDS - THRESHOLD) - last_seen.astype(np.int64)
    steps: npt.NDArray[np.int64] = np.clip(-(-past * 8 // HALF_LIFE), 0, LAST_STEP)
    return steps
