"""The promises of selection.md on a fleet that is large enough for every path.

Threads really share the work here, sets are put off, thresholds are guessed. The instructions are those of
GROUNDSWELL_KERNEL; `make test-kernels` runs this file with all that the CPU has.

The judge is algorithm 1 once more, in numpy's integers and its own logarithm, on every candidate: no threshold, no
guess, no chunks. Nothing here is left to chance: fleet and seeds are fixed, so no alarm is false.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pytest
from pyroaring import BitMap

from groundswell import Fleet, Selection, merge_selections
from support import fleets

if TYPE_CHECKING:
    import numpy.typing as npt

    U64 = npt.NDArray[np.uint64]

pytestmark = pytest.mark.slow

# Threads take turns of four chunks of 65,536 devices: here are nine chunks, three turns.
SIZE: Final = 9 * 65_536 - 1_000
NOW: Final = fleets.NOW
THREADS: Final = (1, 2, 3, 7)
LIMITS: Final = (1, 10, 1_000, SIZE // 100, SIZE // 3)
THRESHOLD, HALF_LIFE = 4 * 3600, 24 * 3600
M32: Final = np.uint64(0xFFFF_FFFF)


# --- the judge -----------------------------------------------------------------------------------------------------


def fmix64(x: U64) -> U64:
    for multiplier in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        x = (x ^ (x >> np.uint64(33))) * np.uint64(multiplier)
    return x ^ (x >> np.uint64(33))


def mix(p: U64, q: U64, k: list[int]) -> U64:
    """32 bits in 64, cut after every step."""
    first, second, third = (np.uint64(word) for word in k)
    t = ((p ^ first) * np.uint64(0x9E3779B1)) & M32
    t ^= t >> np.uint64(15)
    t = (t + (q ^ second)) & M32
    t ^= t >> np.uint64(16)
    t = (t * np.uint64(0x7FEB352D)) & M32
    t ^= t >> np.uint64(15)
    t = ((t + third) * np.uint64(0x846CA68B)) & M32
    return t ^ (t >> np.uint64(16))


def words_of(seed: int) -> list[int]:
    """Six 32-bit words from three outputs of SplitMix64."""
    mask = 2**64 - 1

    def finish(z: int, shifts: tuple[int, int, int], multipliers: tuple[int, int]) -> int:
        z = ((z ^ (z >> shifts[0])) * multipliers[0]) & mask
        z = ((z ^ (z >> shifts[1])) * multipliers[1]) & mask
        return z ^ (z >> shifts[2])

    state = finish(seed ^ 0x5851F42D4C957F2D, (33, 33, 33), (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53))
    words = []
    for _ in range(3):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = finish(state, (30, 27, 31), (0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
        words += [z & 0xFFFF_FFFF, z >> 32]
    return words


def keys_of(uuids: npt.NDArray[np.uint8], last_seen: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.float64]:
    halves = uuids.view(">u8").astype(np.uint64)
    a, b = halves[:, 0], halves[:, 1]
    identity = fmix64((b ^ np.uint64(0xE7037ED1A0B428DB)) + fmix64(a ^ np.uint64(0xA0761D6478BD642F)))
    low, high = identity & M32, identity >> np.uint64(32)
    words = words_of(seed)
    variate = (mix(low, high, words[:3]) << np.uint64(32)) + mix(high, low, words[3:])
    u = (2 * (variate >> np.uint64(12)).astype(np.float64) + 1) * 2.0**-53
    age = np.maximum(0, NOW - last_seen) - THRESHOLD
    steps = np.where(last_seen == 0, 80, np.clip(-(-age * 8 // HALF_LIFE), 0, 80))
    return -np.log1p(-u) * 2.0 ** (steps / 8)


class Made:
    """A fleet, and its columns for the judge."""

    def __init__(self) -> None:
        chance = np.random.default_rng(7)
        self.uuids = np.frombuffer(chance.bytes(16 * SIZE), np.uint8).reshape(SIZE, 16)
        self.last_seen = np.where(chance.random(SIZE) < 0.2, 0, NOW - chance.integers(-100, 900_000, SIZE))
        self.groups = chance.integers(0, 4, SIZE)
        self.production = chance.random(SIZE) < 0.95
        self.versions = chance.integers(38, 43, SIZE)
        self.staged = np.flatnonzero(chance.random(SIZE) < 0.02)

    def table(self) -> pa.Table:
        names = np.array(["a", "b", "c", "d"])
        return pa.table(
            {
                "uuid": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), SIZE, [None, pa.py_buffer(self.uuids)]),
                "last_seen": pa.array(self.last_seen, mask=self.last_seen == 0).cast(pa.timestamp("s", "UTC")),
                "group": names[self.groups],
                "production": self.production,
                "target_version": self.versions.astype(np.int32),
            }
        )

    def expected(self, seed: int, *, group: int | None = None, staged: bool = False) -> npt.NDArray[np.intp]:
        """All candidates in key order."""
        candidates = self.production & (self.versions < 42)
        if group is not None:
            candidates &= self.groups == group
        if staged:
            candidates[self.staged] = False
        rows = np.flatnonzero(candidates)
        return rows[np.argsort(keys_of(self.uuids[rows], self.last_seen[rows], seed), kind="stable")]


@pytest.fixture(scope="module")
def made() -> Made:
    return Made()


@pytest.fixture(scope="module")
def fleet(made: Made) -> Fleet:
    return Fleet.read(made.table(), now=fleets.instant(NOW))


def select(fleet: Fleet, limit: int, seed: int, **more: object) -> Selection:
    said: dict[str, object] = {"not_updated": 42, "now": fleets.instant(NOW)} | more
    return fleet.select(limit, seed=seed, **said)  # type: ignore[arg-type]


# --- the promises --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("group", [None, 2])
@pytest.mark.parametrize("staged", [False, True])
def test_exact_repeatable_and_nested(
    made: Made, fleet: Fleet, threads: int, group: int | None, *, staged: bool
) -> None:
    more: dict[str, object] = {"threads": threads}
    if group is not None:
        more["group"] = "abcd"[group]
    if staged:
        more["exclude"] = BitMap(made.staged)
    for seed in (0, 2**64 - 1):
        expected = made.expected(seed, group=group, staged=staged)
        for limit in LIMITS:
            found = select(fleet, limit, seed, **more)
            assert np.array_equal(found.ordinals, expected[:limit]), (seed, limit)
            assert found.candidates == len(expected)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_selects_the_same(fleet: Fleet) -> None:
    # The threads that stand by are not there after a fork: a child that waited for them would wait for ever.
    picked = select(fleet, 1_000, 5, threads=3).ordinals
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=lambda: answers.put(select(fleet, 1_000, 5, threads=3).ordinals.tobytes()))
    child.start()
    child.join(timeout=60)
    if child.is_alive():
        child.kill()
    assert child.exitcode == 0
    assert answers.get() == picked.tobytes()
    assert (select(fleet, 1_000, 5, threads=3).ordinals == picked).all()


def test_threads_of_the_caller_select_at_once(fleet: Fleet) -> None:
    expected = {seed: select(fleet, 1_000, seed, threads=1).ordinals.tobytes() for seed in range(8)}
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            found = pool.map(lambda seed: select(fleet, 1_000, seed, threads=3).ordinals.tobytes(), expected)
            assert list(found) == list(expected.values())


@pytest.mark.parametrize("threads", THREADS)
def test_minimal_change(made: Made, fleet: Fleet, threads: int) -> None:
    before = select(fleet, 500, 3, threads=threads).ordinals
    out = before[[0, 250, 499]]
    passed_over = made.expected(3)[500:503]
    after = select(fleet, 500, 3, threads=threads, exclude=BitMap(out)).ordinals
    assert after.tolist() == [*(o for o in before.tolist() if o not in out), *passed_over]


@pytest.mark.parametrize("threads", THREADS)
def test_shard_invariant_over_random_splits(made: Made, fleet: Fleet, threads: int) -> None:
    table, chance = made.table(), np.random.default_rng(threads)
    shard_of = chance.choice(3, SIZE, p=[0.55, 0.44, 0.01])
    shards = [
        Fleet.read(table.take(chance.permutation(np.flatnonzero(shard_of == shard))), now=fleets.instant(NOW))
        for shard in range(3)
    ]
    parts = [select(shard, 2_000, 11, with_keys=True, threads=threads) for shard in shards]
    merged = merge_selections(parts, 2_000)
    whole = select(fleet, 2_000, 11, threads=threads, with_keys=True)
    assert merged.uuids == whole.uuids
    assert np.array_equal(merged.keys, whole.keys)
    assert merged.candidates == whole.candidates


def test_the_judge_would_find_out_a_weight_that_is_one_step_off(made: Made, fleet: Fleet) -> None:
    rows = made.expected(5)[:1_000]
    shifted = Made()
    shifted.last_seen = np.where(made.last_seen == 0, 0, made.last_seen - HALF_LIFE // 8)
    assert not np.array_equal(shifted.expected(5)[:1_000], rows)
    assert np.array_equal(select(fleet, 1_000, 5).ordinals, rows)
