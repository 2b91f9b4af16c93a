"""Narrow selections: what a selection from a group costs should follow the group, not the fleet."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from benches.material import NOW, columns, fleet_of, new_uuids, staged_bitmap
from benches.select_scope import VERSION
from benches.work import OURS, Case, Task, Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from groundswell import Fleet

SIZES: Final = (10_000_000,)
FULL_SIZES: Final = ()
LIMIT: Final = 1_000
SHARES: Final = {"one": 0.01, "ten": 0.1, "fifty": 0.5}
"""Groups and their shares of the fleet; the rest is in a group of its own."""


@cache
def _fleet(size: int) -> Fleet:
    chance = np.random.default_rng(7)
    groups = np.searchsorted(np.cumsum(list(SHARES.values())), chance.random(size), side="right").astype(np.int32)
    held = columns(size) | {"groups": groups, "group_names": [*SHARES, "rest"]}
    return fleet_of(new_uuids(size), held)


def _task(size: int, group: str | None, *, with_staged: bool = True) -> Task:
    devices = _fleet(size)
    exclude = staged_bitmap(size) if with_staged else None

    def run() -> object:
        return devices.select(LIMIT, group=group, exclude=exclude, not_updated=VERSION, now=NOW, threads=1).ordinals

    return Task(run)


def works(size: int) -> list[Work]:
    return [
        Work(
            f"From one group, {size:,} devices",
            f"{share:.0%} of the fleet",
            size,
            {
                OURS: partial(_task, size, group),
                "groundswell, nothing staged": partial(_task, size, group, with_staged=False),
                "groundswell, the whole fleet": partial(_task, size, None),
            },
        )
        for group, share in SHARES.items()
    ]


@pytest.mark.parametrize("group", SHARES)
def test_the_groups_have_their_shares(size: int, group: str) -> None:
    assert _fleet(size).groups[group] == pytest.approx(SHARES[group] * size, rel=0.05)


def test_select_from_groups(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
