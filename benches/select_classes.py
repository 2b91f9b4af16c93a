"""A class sampler on pyroaring: a bitmap for each recency step; draw the step, then the member by rank.

Drawing with replacement and skipping repeated members is exactly drawing without replacement, so a batch of draws needs
no bookkeeping. Drawn members are removed before the next batch; otherwise the last few would take too many draws.

The bitmaps of the steps are prepared outside the measurement, in favour of this peer, although they are valid for one
instant only.
"""

from __future__ import annotations

import random
from bisect import bisect
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pyroaring import BitMap

from benches.fleets import LAST_STEP, bitmap, columns, staged_bitmap
from benches.select_scope import VERSION, WEIGHTS, Scope, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Draw = Callable[[Sequence[BitMap], int], Sequence[int]]

_WEIGHTS: Final = WEIGHTS.tolist()
_CHUNK: Final = 10_000_000


@cache
def _classes(size: int) -> list[BitMap]:
    """A bitmap for each step, built in chunks, because the steps of 100 million devices take gigabytes."""
    classes = [BitMap() for _ in range(LAST_STEP + 1)]
    last_seen = columns(size)["last_seen"]
    for first in range(0, size, _CHUNK):
        steps = steps_of(last_seen[first : first + _CHUNK]).astype(np.uint8)
        order = np.argsort(steps, kind="stable")
        ends = np.cumsum(np.bincount(steps, minlength=LAST_STEP + 1))
        for step, rows in enumerate(np.split(order, ends[:-1])):
            classes[step] |= bitmap(rows + first)
    return classes


@cache
def _set(size: int, name: str, wanted: str | None) -> BitMap:
    held = columns(size)
    if name == "production":
        return bitmap(np.flatnonzero(held["production"]))
    if name == "updated":
        return bitmap(np.flatnonzero(held["target_versions"] >= VERSION))
    return bitmap(np.flatnonzero(held[f"{name}s"] == held[f"{name}_names"].index(wanted)))


def _candidates(size: int, scope: Scope) -> Callable[[], BitMap]:
    asked = [(name, wanted) for name, wanted in (("group", scope.group), ("tag", scope.tag)) if wanted is not None]
    narrowing = [_set(size, name, wanted) for name, wanted in asked]
    production, updated, staged = _set(size, "production", None), _set(size, "updated", None), staged_bitmap(size)

    def run() -> BitMap:
        return (
            BitMap.intersection(production, *narrowing) - updated - staged
            if narrowing
            else production - updated - staged
        )

    return run


def classes_candidates(size: int, scope: Scope) -> int:
    return len(_candidates(size, scope)())


def _one_at_a_time(members: Sequence[BitMap], wanted: int) -> Sequence[int]:
    """Plain Python: fast for a few."""
    counts = [len(one) for one in members]
    shares = list(accumulate(count * weight for count, weight in zip(counts, _WEIGHTS, strict=True)))
    total, chance, last = shares[-1], random.random, LAST_STEP
    drawn: dict[int, None] = {}
    for _ in range(wanted + wanted // 8 + 16):
        step = bisect(shares, chance() * total, 0, last)
        drawn[members[step][int(chance() * counts[step])]] = None
        if len(drawn) == wanted:
            break
    return list(drawn)


def _in_bulk(members: Sequence[BitMap], wanted: int) -> Sequence[int]:
    """Steps, ranks and repeated members in bulk with numpy; pyroaring looks up ranks one by one."""
    chance = np.random.default_rng()
    counts = np.array([len(one) for one in members])
    shares = np.cumsum(counts * WEIGHTS)
    draws = wanted + wanted // 8 + 16
    steps = np.searchsorted(shares[:-1], chance.random(draws) * shares[-1], side="right")
    ranks = (chance.random(draws) * counts[steps]).astype(np.int64)
    _, first = np.unique(steps << 32 | ranks, return_index=True)
    kept = np.sort(first)[:wanted]
    return [members[step][rank] for step, rank in zip(steps[kept].tolist(), ranks[kept].tolist(), strict=True)]


def _sampler(draw: Draw) -> Callable[[int, Scope, int], Callable[[], npt.NDArray[Any]]]:
    def prepare(size: int, scope: Scope, limit: int) -> Callable[[], npt.NDArray[Any]]:
        candidates, classes = _candidates(size, scope), _classes(size)

        def run() -> npt.NDArray[Any]:
            among = candidates()
            members = [among & one for one in classes]
            picked: list[int] = []
            while True:
                drawn = draw(members, limit - len(picked))
                picked.extend(drawn)
                if len(picked) == limit:
                    return np.array(picked, dtype=np.uint32)
                gone = BitMap(drawn)
                members = [one - gone for one in members]

        return run

    return prepare


CLASSES: Final = {
    "pyroaring: class sampler, one at a time": _sampler(_one_at_a_time),
    "pyroaring: class sampler, in bulk": _sampler(_in_bulk),
}
