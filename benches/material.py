"""What every contender works on: made-up fleets in the form that suits each best, prepared outside the clock."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from groundswell import Fleet, UuidList
from groundswell.fleet.quantities import epoch_seconds
from groundswell.fleet.synth import synth
from groundswell.fleet.synth_files import write_synth

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

SIZES: Final = (100_000, 1_000_000)
NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
SEED: Final = 1
THRESHOLD: Final = 4 * 3600
HALF_LIFE: Final = 24 * 3600
OURS: Final = "groundswell"
PASSES: Final = 5
"""Contenders take turns this many times: a shared machine is twice as fast in one minute as in the next."""

Run = Callable[[], object]
"""What is measured: takes nothing, gives the answer."""


@dataclass(frozen=True)
class Case:
    """One contender's turn at one work and size. `prepare` is not measured; what it returns is."""

    work: str
    size: int
    turn: int
    contender: str
    prepare: Callable[[], Run]

    def __str__(self) -> str:
        return f"{self.work} / {self.size} / {self.turn} / {self.contender}"

    @property
    def facts(self) -> dict[str, str | int]:
        """What is kept beside the measured times."""
        return {"work": self.work, "size": self.size, "turn": self.turn, "contender": self.contender}


@cache
def table(size: int) -> pa.Table:
    """Make the fleet as a table."""
    return synth(size, seed=SEED, now=epoch_seconds(NOW))


@cache
def fleet(size: int) -> Fleet:
    """Make the fleet as we hold it."""
    return Fleet.read(table(size), now=NOW)


@cache
def columns(size: int) -> dict[str, Any]:
    """Give the fleet as numpy columns: codes, epoch seconds, −1 for unknown."""
    return fleet(size)._core.columns()  # noqa: SLF001 - the same bytes for everybody


@cache
def covered(size: int) -> npt.NDArray[np.uint32]:
    """Draw the ordinals of one device in a hundred: those that earlier rollouts have chosen."""
    chosen = np.random.default_rng(SEED).choice(size, size // 100, replace=False)
    return chosen.astype(np.uint32)


@cache
def covered_list(size: int) -> UuidList:
    """Give the same devices as a list of UUIDs, which is what our `exclude` takes."""
    return UuidList.of(columns(size)["uuids"][covered(size)])


@cache
def covered_mask(size: int) -> npt.NDArray[np.bool_]:
    """Give the same devices as a mask, which is what array libraries like best."""
    mask = np.zeros(size, dtype=bool)
    mask[covered(size)] = True
    return mask


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="groundswell-bench-")


@cache
def file(size: int, ending: str) -> Path:
    """Write the fleet to a file; it is in the page cache afterwards."""
    path = Path(_folder().name) / f"{size}.{ending}"
    write_synth(path, devices=size, seed=SEED, now=epoch_seconds(NOW))
    path.read_bytes()
    return path
