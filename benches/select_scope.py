"""What is asked of every contender of the select suite, and what is prepared for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from benches.material import HALF_LIFE, LAST_STEP, NOW_SECONDS, THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

VERSION: Final = 214
"""The wave's target version: who reports it or a later one is updated."""
WEIGHTS: Final = 2.0 ** (np.arange(LAST_STEP + 1) / -8)
"""The weight of each recency step."""


@dataclass(frozen=True)
class Scope:
    """Which devices: all production devices, or those of one group that listen to one tag."""

    name: str
    group: str | None = None
    tag: str | None = None


WIDE: Final = Scope("wide")
NARROW: Final = Scope("narrow", "us-east-1", "production")


class Peer(Protocol):
    """One way to select, with a fleet in the form that suits it."""

    def candidates(self, size: int, scope: Scope) -> int:
        """How many devices it would choose from."""

    def prepare(self, size: int, scope: Scope, limit: int) -> Callable[[], npt.NDArray[Any]]:
        """What selects: row numbers in the order of the draw."""


def steps_of(last_seen: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """The recency step of each device, which its weight follows from."""
    past = (NOW_SECONDS - THRESHOLD) - last_seen.astype(np.int64)
    steps: npt.NDArray[np.int64] = np.clip(-(-past * 8 // HALF_LIFE), 0, LAST_STEP)
    return steps
