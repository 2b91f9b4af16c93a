"""Narrow selections: the cost of a selection from a group should depend on the group's size, not the fleet's."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from benches.fleets import NOW, bitmap, columns, fleet_of, new_uuids, staged, staged_bitmap
from benches.select_scope import VERSION
from benches.work import OURS, Case, Task, Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyroaring import BitMap

    from groundswell import Fleet

SIZES: Final = (10_000_000,)
FULL_SIZES: Final = ()
LIMIT: Final = 1_000
ALONE: Final = "groundswell, a fleet of that group alone"
SHARES: Final = {"one": 0.01, "ten": 0.1, "fifty": 0.5}
"""Groups and their shares of the fleet; the remaining devices are in one other group."""


@cache
def _fleet(size: int) -> Fleet:
    chance = np.random.default_rng(7)
    groups = np.searchsorted(np.cumsum(list(SHARES.values())), chance.random(size), side="right").astype(np.int32)
    held = columns(size) | {"groups": groups, "group_names": [*SHARES, "rest"]}
    return fleet_of(new_uuids(size), held)


@cache
def _alone(size: int, group: str) -> tuple[Fleet, BitMap]:
    """Make a fleet of only a group's devices, and the set of its staged devices."""
    devices = _fleet(size).core.group(group)
    assert devices is not None
    rows = devices.to_ordinals()
    held = {name: column[rows] if isinstance(column, np.ndarray) else column for name, column in columns(size).items()}
    is_staged = np.zeros(size, np.bool_)
    is_staged[staged(size)] = True
    return fleet_of(new_uuids(size)[rows], held), bitmap(np.flatnonzero(is_staged[rows]))


def _alone_task(size: int, group: str) -> Task:
    devices, exclude = _alone(size, group)
    return Task(
        lambda: devices.select(LIMIT, exclude=exclude, not_updated=VERSION, now=NOW, threads=1).ordinals,
    )


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
                ALONE: partial(_alone_task, size, group),
                "groundswell, the whole fleet": partial(_task, size, None),
            },
        )
        for group, share in SHARES.items()
    ]


@pytest.mark.parametrize("group", SHARES)
def test_the_groups_have_their_shares(size: int, group: str) -> None:
    assert _fleet(size).groups[group] == pytest.approx(SHARES[group] * size, rel=0.05)
    assert len(_alone(size, group)[0]) == _fleet(size).groups[group]


def test_select_from_groups(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
