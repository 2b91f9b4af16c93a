"""The promise *Exact*: sequences of picks follow successive sampling without replacement by weight.

Counts over many seeds are compared with probabilities worked out by enumeration (support/exact_probabilities.py), for
random, sequential and low-entropy UUIDs. Seeds are consecutive, the least random ones that a caller is likely to give,
and fixed, so each test is deterministic. Each comparison would raise a false alarm once in 10⁹ were its seeds random
(exact_probabilities.ALARM); there are fewer than 200 here, so the whole file would do so less than once in five million
runs.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reference.selection import Device
from support import exact_probabilities as chances
from support import fleets
from support.exact_probabilities import ALARM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    import groundswell

pytestmark = pytest.mark.slow

NOW = fleets.NOW
# Enough to find out a sampler whose weights are one step off, as the last tests show.
SEEDS = 20_000
ONLINE = timedelta(seconds=100)
# Eight steps to a half-life: with one of 8 s, a device is at step s when it was last seen s seconds past the threshold.
HALF_LIFE = timedelta(seconds=8)

MIXED = (0, 8, 16, 3, 25)
EXTREME = (0, 0, 80, 40, 80)
ALL_ONLINE = (0,) * 5
ALL_AT_FLOOR = (80,) * 5
STEPS = {"mixed": MIXED, "extreme": EXTREME, "all online": ALL_ONLINE, "all at the floor": ALL_AT_FLOOR}

kinds_of_uuids = pytest.mark.parametrize("kind", fleets.KINDS_OF_UUIDS)


def weights(steps: Iterable[int]) -> list[float]:
    return [0.5 ** (step / 8) for step in steps]


def fleet_at(uuids: Sequence[UUID], steps: Sequence[int]) -> groundswell.Fleet:
    """Make a fleet in which each device is at its step; those at the floor have never been seen."""
    seen = [None if step == 80 else NOW - 100 - step for step in steps]
    return fleets.read([Device(uuid, last_seen=at) for uuid, at in zip(uuids, seen, strict=True)])


def pick(fleet: groundswell.Fleet, k: int, seed: int) -> list[int]:
    """Pick k of the fleet: rows in the order of picking."""
    chosen = fleet.select(limit=k, seed=seed, now=fleets.instant(NOW), online_threshold=ONLINE, half_life=HALF_LIFE)
    rows: list[int] = chosen.ordinals.tolist()
    return rows


@dataclass(frozen=True)
class Tally:
    """What many selections of k picked."""

    picked: np.ndarray[tuple[int, int], np.dtype[np.bool_]]

    @classmethod
    def of(cls, fleet: groundswell.Fleet, size: int, k: int, seeds: Iterable[int]) -> Tally:
        rows = [pick(fleet, k, seed) for seed in seeds]
        picked = np.zeros((len(rows), size), dtype=np.bool_)
        for at, row in enumerate(rows):
            picked[at, row] = True
        return cls(picked)

    def of_class(self, members: slice) -> list[int]:
        """Count the picks among some devices, one count a selection."""
        counts: list[int] = self.picked[:, members].sum(axis=1).tolist()
        return counts

    def times(self, members: slice) -> list[int]:
        """Count the selections that picked each of some devices."""
        counts: list[int] = self.picked[:, members].sum(axis=0).tolist()
        return counts


# --- sequences, enumerated -----------------------------------------------------------------------------------------


@kinds_of_uuids
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_sequences_of_three_of_five_follow_successive_sampling(kind: str, steps: tuple[int, ...]) -> None:
    fleet = fleet_at(fleets.KINDS_OF_UUIDS[kind](5), steps)
    seen = Counter(tuple(pick(fleet, 3, seed)) for seed in range(SEEDS))
    assert chances.agreement(seen, chances.sequences(weights(steps), 3)) > ALARM


@kinds_of_uuids
def test_the_order_of_a_whole_fleet_follows_successive_sampling(kind: str) -> None:
    steps = (0, 12, 5, 30)
    fleet = fleet_at(fleets.KINDS_OF_UUIDS[kind](4), steps)
    seen = Counter(tuple(pick(fleet, 4, seed)) for seed in range(2**32 - SEEDS // 2, 2**32 + SEEDS // 2))
    assert chances.agreement(seen, chances.sequences(weights(steps), 4)) > ALARM


@pytest.mark.parametrize("stride", [2**16, 2**32, 2**49], ids=hex)
def test_seeds_that_differ_in_high_bits_only_follow_successive_sampling(stride: int) -> None:
    fleet = fleet_at(fleets.sequential_uuids(5), MIXED)
    seen = Counter(tuple(pick(fleet, 2, stride * at)) for at in range(SEEDS))
    assert chances.agreement(seen, chances.sequences(weights(MIXED), 2)) > ALARM


@pytest.mark.parametrize("steps", [(0, 8), (0, 1), (0, 79), (7, 9)], ids=str)
def test_a_device_is_preferred_to_another_by_the_ratio_of_their_weights(steps: tuple[int, int]) -> None:
    fleet = fleet_at(fleets.random_uuids(2, seed=2), steps)
    seen = Counter(tuple(pick(fleet, 1, seed)) for seed in range(SEEDS))
    assert chances.agreement(seen, chances.sequences(weights(steps), 1)) > ALARM


# --- classes and single devices of larger fleets -------------------------------------------------------------------


@kinds_of_uuids
def test_class_totals_and_devices_of_a_class_are_even_in_a_large_fleet(kind: str) -> None:
    sizes, class_steps, k = (1_000, 1_000), (0, 16), 150
    uuids = fleets.KINDS_OF_UUIDS[kind](sum(sizes))
    fleet = fleet_at(uuids, [step for step, size in zip(class_steps, sizes, strict=True) for _ in range(size)])
    tally = Tally.of(fleet, sum(sizes), k, range(1_500))

    first, second = slice(0, 1_000), slice(1_000, 2_000)
    totals: Counter[tuple[int, ...]] = Counter(zip(tally.of_class(first), tally.of_class(second), strict=True))
    assert chances.agreement(totals, chances.class_counts(sizes, weights(class_steps), k)) > ALARM
    for members in (first, second):
        assert chances.evenness(tally.times(members), tally.of_class(members)) > ALARM


def test_three_classes_compete_as_their_weights_say() -> None:
    sizes, class_steps, k = (20, 200, 2_000), (0, 20, 48), 20
    fleet = fleet_at(
        fleets.sequential_uuids(sum(sizes)),
        [step for step, size in zip(class_steps, sizes, strict=True) for _ in range(size)],
    )
    tally = Tally.of(fleet, sum(sizes), k, range(6_000))
    classes = (slice(0, 20), slice(20, 220), slice(220, 2_220))
    totals = Counter(zip(*(tally.of_class(members) for members in classes), strict=True))
    assert chances.agreement(totals, chances.class_counts(sizes, weights(class_steps), k)) > ALARM
    assert chances.evenness(tally.times(classes[0]), tally.of_class(classes[0])) > ALARM
    assert chances.evenness(tally.times(classes[1]), tally.of_class(classes[1])) > ALARM


@kinds_of_uuids
@pytest.mark.parametrize("step", [0, 80])
def test_devices_of_equal_weight_are_picked_evenly_and_independently(kind: str, step: int) -> None:
    size, k = 1_024, 100
    tally = Tally.of(fleet_at(fleets.KINDS_OF_UUIDS[kind](size), [step] * size), size, k, range(2_000))

    assert chances.evenness(tally.times(slice(None)), [k] * 2_000) > ALARM

    # Each bit of the row number, which is the UUID's counter for the two regular kinds, splits the fleet in halves.
    halves = chances.overlaps(size, size // 2, k)
    for bit in range(10):
        marked = [row >> bit & 1 == 1 for row in range(size)]
        assert chances.agreement(Counter(tally.picked[:, marked].sum(axis=1).tolist()), halves) > ALARM

    # Neighbours go together no more often than chance has it.
    together: list[int] = (tally.picked[:, 0::2] & tally.picked[:, 1::2]).sum(axis=1).tolist()
    assert chances.agreement(Counter(together), chances.whole_pairs(size // 2, k)) > ALARM

    # Nor do the picks of one seed and of the next: disjoint pairs of seeds, so that the overlaps are independent.
    common: list[int] = (tally.picked[0::2] & tally.picked[1::2]).sum(axis=1).tolist()
    assert chances.agreement(Counter(common), chances.overlaps(size, k, k)) > ALARM


def test_devices_seen_within_one_step_are_alike() -> None:
    # Seen at different seconds of one step of three hours: equal weights, and so equal chances.
    size, k = 300, 30
    devices = [
        Device(uuid, last_seen=NOW - 4 * 3600 - 3 * 3600 - 1 - 36 * at)
        for at, uuid in enumerate(fleets.random_uuids(size, seed=5))
    ]
    fleet = fleets.read(devices)
    times: Counter[int] = Counter()
    for seed in range(2_000):
        times.update(fleet.select(limit=k, seed=seed, now=fleets.instant(NOW)).ordinals.tolist())
    assert chances.evenness([times[row] for row in range(size)], [k] * 2_000) > ALARM


# --- the judge judged: samplers that are nearly right are found out ------------------------------------------------


def uniform_times_weight(chance: random.Random, weight: float) -> float:
    return -chance.random() * weight


def one_step_off(chance: random.Random, weight: float) -> float:
    return chance.expovariate(weight if weight == 1 else weight * 2 ** (1 / 8))


def a_half_life_off(chance: random.Random, weight: float) -> float:
    return chance.expovariate(weight if weight == 1 else weight / 2)


@pytest.mark.parametrize("wrong_key", [uniform_times_weight, one_step_off, a_half_life_off])
def test_a_sampler_with_another_key_would_be_found_out(wrong_key: Callable[[random.Random, float], float]) -> None:
    chance, rates = random.Random(1), weights(MIXED)
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(SEEDS):
        keys = [wrong_key(chance, rate) for rate in rates]
        seen[tuple(sorted(range(5), key=keys.__getitem__)[:3])] += 1
    assert chances.agreement(seen, chances.sequences(rates, 3)) < ALARM


def test_devices_that_are_picked_a_tenth_too_often_would_be_found_out() -> None:
    chance, size, k = random.Random(1), 1_024, 100
    rates = [1.1 if row % 2 else 1.0 for row in range(size)]
    times: Counter[int] = Counter()
    for _ in range(2_000):
        clocks = [(chance.expovariate(rate), row) for row, rate in enumerate(rates)]
        times.update(row for _, row in sorted(clocks)[:k])
    assert chances.evenness([times[row] for row in range(size)], [k] * 2_000) < ALARM


def test_successive_sampling_itself_is_found_right() -> None:
    chance, rates = random.Random(1), weights(MIXED)
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(SEEDS):
        left, sequence = list(range(5)), []
        for _ in range(3):
            (device,) = chance.choices(left, [rates[at] for at in left])
            left.remove(device)
            sequence.append(device)
        seen[tuple(sequence)] += 1
    assert chances.agreement(seen, chances.sequences(rates, 3)) > ALARM
