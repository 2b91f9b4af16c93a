"""Check-ins in batches: for each device, the later of the known and the reported `last_seen` wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benches.fleets import NOW_SECONDS, columns, fleet, new_uuids
from benches.work import OURS, Case, Task, Work
from groundswell import LiveFleet
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

SIZES: Final = (1_000_000,)
FULL_SIZES: Final = (10_000_000,)
BATCH: Final = 100_000
BATCHES: Final = 10
"""Batches per run."""
CHANGING: Final = 100
"""One in this many check-ins changes the target version."""
MILLION: Final = 1e6


@dataclass(frozen=True)
class Batch:
    """Check-ins: the devices, and the two versions that they report alternately. Each run sets the instants."""

    ordinals: npt.NDArray[np.uint32]
    uuids: npt.NDArray[np.uint8]
    versions: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]


@cache
def batches(size: int) -> list[Batch]:
    """Draw disjoint batches of devices in random order, so that one in a hundred changes its version in each run."""
    chance = np.random.default_rng(3)
    ids, known = new_uuids(size), columns(size)["target_versions"]
    chosen = chance.permutation(size)[: BATCH * BATCHES].reshape(BATCHES, -1).astype(np.uint32)
    made = []
    for ordinals in chosen:
        versions = np.maximum(known[ordinals], 1)
        others = versions.copy()
        others[chance.choice(len(ordinals), len(ordinals) // CHANGING, replace=False)] += 1
        made.append(Batch(ordinals, ids[ordinals], (versions, others)))
    return made


def _instants() -> Iterator[tuple[int, int]]:
    """Increasing instants of the runs, and which of the two versions is reported."""
    return ((NOW_SECONDS + number, number % 2) for number in count(1))


# --- ours ----------------------------------------------------------------------------------------------------------


def ours(size: int, *, threads: int, by_uuid: bool) -> Task:
    live, given, clock = LiveFleet(fleet(size)), batches(size), _instants()
    # All runs use the same receiver's clock; all check-ins are at least a day before it.
    now = instant(NOW_SECONDS + 86_400)

    def take(part: list[Batch], at: npt.NDArray[np.uint32], turn: int) -> int:
        applied = 0
        for batch in part:
            devices: Any = batch.uuids if by_uuid else batch.ordinals
            applied += live.check_in(devices, at, batch.versions[turn], now=now).applied
        return applied

    pool = ThreadPoolExecutor(threads)

    def run() -> int:
        seconds, turn = next(clock)
        at = np.full(len(given[0].ordinals), seconds, dtype=np.uint32)
        if threads == 1:
            return take(given, at, turn)
        return sum(pool.map(partial(take, at=at, turn=turn), [given[part::threads] for part in range(threads)]))

    return Task(run)


# --- the others ----------------------------------------------------------------------------------------------------


def dictionary(size: int, *, by_uuid: bool) -> Task:
    held, clock = columns(size), _instants()
    said = zip(held["last_seen"].tolist(), held["target_versions"].tolist(), strict=True)
    state = dict(zip(_keys(new_uuids(size)) if by_uuid else range(size), said, strict=True))
    given = [
        (
            _keys(batch.uuids) if by_uuid else batch.ordinals.tolist(),
            [versions.tolist() for versions in batch.versions],
        )
        for batch in batches(size)
    ]

    def run() -> int:
        seconds, turn = next(clock)
        applied = 0
        for devices, versions in given:
            for device, version in zip(devices, versions[turn], strict=True):
                known = state.get(device)
                if known is not None and seconds > known[0]:
                    state[device] = (seconds, version)
                    applied += 1
        return applied

    return Task(run)


def _keys(uuids: npt.NDArray[np.uint8]) -> list[bytes]:
    whole = uuids.tobytes()
    return [whole[at : at + 16] for at in range(0, len(whole), 16)]


def scatter(size: int) -> Task:
    """Correct only if no device occurs twice in a batch and no other thread reads meanwhile."""
    given, clock = batches(size), _instants()
    last_seen, versions = columns(size)["last_seen"].copy(), columns(size)["target_versions"].copy()

    def run() -> int:
        seconds, turn = next(clock)
        at = np.full(len(given[0].ordinals), seconds, dtype=np.uint32)
        applied = 0
        for batch in given:
            newer = at > last_seen[batch.ordinals]
            rows = batch.ordinals[newer]
            last_seen[rows] = at[newer]
            versions[rows] = batch.versions[turn][newer]
            applied += len(rows)
        return applied

    return Task(run)


# --- the same check-ins, and the clock -----------------------------------------------------------------------------


def works(size: int) -> list[Work]:
    amount = (min(size, BATCH * BATCHES) / MILLION, "M a second")
    threads = f"{OURS}, 2 threads"
    by_ordinal = {
        OURS: partial(ours, size, threads=1, by_uuid=False),
        threads: partial(ours, size, threads=2, by_uuid=False),
        "dict of tuples": partial(dictionary, size, by_uuid=False),
        "numpy: scatter": partial(scatter, size),
    }
    by_uuid = {
        OURS: partial(ours, size, threads=1, by_uuid=True),
        threads: partial(ours, size, threads=2, by_uuid=True),
        "dict of tuples": partial(dictionary, size, by_uuid=True),
    }
    return [
        Work("Check in by ordinal", f"{size:,}", size, by_ordinal, amount=amount),
        Work("Check in by UUID", f"{size:,}", size, by_uuid, amount=amount),
    ]


def test_all_apply_every_check_in(size: int) -> None:
    for work in works(size):
        for name, prepare in work.contenders.items():
            task = prepare()
            assert [task.run(), task.run()] == [min(size, BATCH * BATCHES)] * 2, name


def test_check_ins(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
