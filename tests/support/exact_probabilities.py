"""Exact probabilities of successive sampling without replacement, by enumeration, and statistical tests against them.

Independent of algorithm 1. Each draw picks one of the remaining devices with a probability proportional to its weight;
all probabilities follow from that definition.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations
from math import comb
from typing import TYPE_CHECKING, TypeVar

import mpmath

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# False positive rate of one comparison if the seeds were random. The seeds are fixed, so a test that passes once always
# passes; the rate matters when a change of the algorithm makes one fail. With fewer than 500 comparisons, fewer than 1
# in 2 million runs of the suite with random seeds would fail by chance.
ALARM = 1e-9

Outcome = TypeVar("Outcome")


def sequences(weights: Sequence[float], k: int) -> dict[tuple[int, ...], float]:
    """Return the probability of every sequence of k devices."""
    chances = {}
    for sequence in permutations(range(len(weights)), k):
        left, chance = sum(weights), 1.0
        for device in sequence:
            chance *= weights[device] / left
            left -= weights[device]
        chances[sequence] = chance
    return chances


def class_counts(sizes: Sequence[int], weights: Sequence[float], k: int) -> dict[tuple[int, ...], float]:
    """Return the probability of every way in which k draws can fall on classes of devices of equal weight."""
    chances = {(0,) * len(sizes): 1.0}
    for _ in range(k):
        following: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for counts, chance in chances.items():
            rates = [(size - count) * weight for size, count, weight in zip(sizes, counts, weights, strict=True)]
            whole = sum(rates)
            for at, rate in enumerate(rates):
                following[(*counts[:at], counts[at] + 1, *counts[at + 1 :])] += chance * rate / whole
        chances = {counts: chance for counts, chance in following.items() if chance > 0}
    return chances


def overlaps(size: int, marked: int, k: int) -> dict[int, float]:
    """Return the probability of each number of marked devices among k drawn evenly (hypergeometric)."""
    at_least, at_most = max(0, k - (size - marked)), min(k, marked)
    return {m: comb(marked, m) * comb(size - marked, k - m) / comb(size, k) for m in range(at_least, at_most + 1)}


def whole_pairs(pairs: int, k: int) -> dict[int, float]:
    """Return the probability of each number of pairs of which both are among k drawn evenly from 2·pairs devices."""
    ways = {
        both: comb(pairs, both) * comb(pairs - both, k - 2 * both) * 2 ** (k - 2 * both)
        for both in range(k // 2 + 1)
        if k - both <= pairs
    }
    return {both: way / comb(2 * pairs, k) for both, way in ways.items()}


def p_value(chi_square: float, degrees: int) -> float:
    """Return the probability of a chi-square of at least this value."""
    return float(mpmath.gammainc(mpmath.mpf(degrees) / 2, mpmath.mpf(chi_square) / 2, regularized=True))


def agreement(seen: Mapping[Outcome, int], chances: Mapping[Outcome, float]) -> float:
    """Return the p-value of Pearson's chi-square of counts against probabilities that sum to one.

    Outcomes expected fewer than ten times are merged, the rarest first, until each cell expects ten; with fewer, the
    chi-square distribution is inaccurate in its tail. An impossible outcome gives 0.
    """
    if not seen.keys() <= {outcome for outcome, chance in chances.items() if chance > 0}:
        return 0.0
    assert abs(sum(chances.values()) - 1) < 1e-9
    total = sum(seen.values())
    cells: list[tuple[float, int]] = []
    expected, count = 0.0, 0
    for outcome in sorted(chances, key=lambda outcome: chances[outcome]):
        expected += chances[outcome] * total
        count += seen.get(outcome, 0)
        if expected >= 10:
            cells.append((expected, count))
            expected, count = 0.0, 0
    if cells:
        cells[-1] = (cells[-1][0] + expected, cells[-1][1] + count)
    assert len(cells) > 1, "too few observations"
    return p_value(sum((count - expected) ** 2 / expected for expected, count in cells), len(cells) - 1)


def evenness(times_picked: Sequence[int], picked_of_class: Sequence[int]) -> float:
    """Return the p-value of devices of one class being picked equally often, from how often each one was.

    Args:
        times_picked: for each device of the class, the number of selections that picked it.
        picked_of_class: for each selection, the number of devices of the class that it picked.

    If a selection picks m of n devices of equal weight, all subsets of size m are equally likely. So over many
    selections the counts are jointly normal with covariance v·(I - 1/n), v = Σ m(n - m) / (n(n - 1)), and the squared
    distance from their mean, in units of v, is chi-square with n - 1 degrees of freedom.
    """
    n = len(times_picked)
    assert sum(times_picked) == sum(picked_of_class)
    mean = sum(times_picked) / n
    variance = sum(m * (n - m) for m in picked_of_class) / (n * (n - 1))
    return p_value(sum((times - mean) ** 2 for times in times_picked) / variance, n - 1)
