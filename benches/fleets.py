"""Data of the contenders: synthetic fleets in the form that suits each best, prepared outside the measurement."""

from __future__ import annotations

import tempfile
from array import array
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pyroaring import BitMap

from groundswell import Fleet
from groundswell.ingest.report import FleetColumns, ReadReport
from groundswell.synth.devices import synth
from groundswell.synth.files import write_synth
from groundswell.values import epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pyarrow as pa

NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
NOW_SECONDS: Final = epoch_seconds(NOW)
SEED: Final = 1
THRESHOLD: Final = 4 * 3600
HALF_LIFE: Final = 24 * 3600
LAST_STEP: Final = 80
LARGEST_SYNTH: Final = 1_000_000
"""Larger fleets repeat this one with other UUIDs, because generating devices takes longer than everything else."""
STAGED: Final = 100
"""One in this many devices is already staged."""

Columns = dict[str, Any]
_COLUMNS: Final = ("last_seen", "groups", "tags", "production", "target_versions")


@cache
def table(size: int) -> pa.Table:
    """Make the fleet as a table."""
    return synth(size, seed=SEED, now=NOW_SECONDS)


def new_uuids(size: int) -> npt.NDArray[np.uint8]:
    """Draw version 4 UUIDs."""
    halves = np.random.default_rng([SEED, size]).integers(0, 2**64, (size, 2), dtype=np.uint64)
    uuids = halves.view(np.uint8).reshape(size, 16)
    uuids[:, 6] &= 0x0F
    uuids[:, 6] |= 0x40
    uuids[:, 8] &= 0x3F
    uuids[:, 8] |= 0x80
    return uuids


def base_columns(size: int) -> Columns:
    """A synthetic fleet as numpy columns: codes, epoch seconds, −1 for unknown."""
    held = Fleet.read(table(size), now=NOW).core.columns()
    return {name: held[name] for name in (*_COLUMNS, "group_names", "tag_names")}


def repeated(base: Columns, size: int) -> Columns:
    """Repeat columns up to `size` devices."""
    times = -(-size // len(base["last_seen"]))
    names = {name: list(map(str, base[name])) for name in ("group_names", "tag_names")}
    return {name: np.tile(base[name], times)[:size] for name in _COLUMNS} | names


@cache
def columns(size: int) -> Columns:
    """The fleet as numpy columns, without its UUIDs, which may be gigabytes."""
    made = base_columns(min(size, LARGEST_SYNTH))
    return made if len(made["last_seen"]) == size else repeated(made, size)


def fleet_of(ids: npt.NDArray[np.uint8], held: Columns) -> Fleet:
    """Build our fleet from `columns`."""
    return Fleet(
        FleetColumns(
            uuids=ids,
            production_said=np.ones(len(ids), dtype=bool),
            names=None,
            hardware_ids=None,
            present=frozenset({"uuid", "group", "tag", "production", "last_seen", "target_version"}),
            now=NOW_SECONDS,
            report=ReadReport(rows=len(ids), devices=len(ids)),
            **held,
        )
    )


@cache
def fleet(size: int) -> Fleet:
    """Build our fleet."""
    return fleet_of(new_uuids(size), columns(size))


@cache
def staged(size: int) -> npt.NDArray[np.uint32]:
    """Draw the ordinals of the devices that earlier rollouts have chosen, ascending."""
    chosen = np.random.default_rng(SEED).choice(size, size // STAGED, replace=False, shuffle=False)
    return np.sort(chosen).astype(np.uint32)


@cache
def unstaged_mask(size: int) -> npt.NDArray[np.bool_]:
    """A mask of the devices that are not staged, the best form for array libraries."""
    mask = np.ones(size, dtype=bool)
    mask[staged(size)] = False
    return mask


def bitmap(ordinals: npt.NDArray[Any]) -> BitMap:
    """Make a bitmap of ordinals."""
    words = array("I")
    words.frombytes(np.ascontiguousarray(ordinals, dtype=np.uint32).tobytes())
    made = BitMap(words)
    made.run_optimize()
    return made


@cache
def staged_bitmap(size: int) -> BitMap:
    """The staged devices as a bitmap."""
    return bitmap(staged(size))


@cache
def folder() -> Path:
    """Create a temporary folder for this process; it is deleted when the process exits."""
    _folders.append(tempfile.TemporaryDirectory(prefix="groundswell-bench-"))
    return Path(_folders[-1].name)


_folders: list[tempfile.TemporaryDirectory[str]] = []


@cache
def file(size: int, ending: str) -> Path:
    """Write the fleet to a file; it is in the page cache afterwards."""
    path = folder() / f"{size}.{ending}"
    write_synth(path, devices=size, seed=SEED, now=NOW_SECONDS)
    path.read_bytes()
    return path


@cache
def _words(size: int) -> tuple[npt.NDArray[np.uint64], bytes]:
    words = np.ones(size, dtype=np.uint64)
    return words, words.tobytes()


MEMORY_READS: Final[dict[str, Callable[[int], Callable[[], object]]]] = {
    "numpy: sum": lambda size: _words(size)[0].sum,
    "numpy: xor": lambda size: lambda: np.bitwise_xor.reduce(_words(size)[0]),
    "bytes.find": lambda size: lambda: _words(size)[1].find(b"\xff"),
}
"""Ways to read 8 bytes per device from memory once; the fastest is the physical limit of a scan."""
