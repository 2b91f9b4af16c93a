"""Rollouts of a factory over large fleets: nobody twice, nobody lost, the end is everyone, and history says so."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from groundswell import UuidList
from groundswell.factory import Factory
from support import wave_factories
from support.factories import AT, NOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from groundswell.waves.plan_rollout import RolloutResult

GROUP = "eu-emea"


@dataclass
class World:
    """A factory, and in plain arrays by position: who is in the group, who was chosen, who has updated."""

    factory: Factory
    uuids: npt.NDArray[np.uint8]
    in_group: npt.NDArray[np.bool_]
    chosen: npt.NDArray[np.bool_]
    updated: npt.NDArray[np.bool_]
    places: dict[bytes, int] = field(default_factory=dict)
    rollouts: int = 0

    def roll_out(
        self, limit: Any = None, *, listed: npt.NDArray[np.int64] | None = None, **words: Any
    ) -> RolloutResult:
        """Apply a rollout, and see to it that it takes whom it may, as many as it should, and nobody again."""
        words |= {"seed": self.rollouts, "now": AT}
        if listed is not None:
            words["uuids"] = UuidList(self.uuids[listed])
        result = self.factory.waves.rollout("w", limit, **words)
        taken = np.array([self.places[row.tobytes()] for row in result.plan.devices.array], np.int64)
        allowed = self.in_group.copy() if "group" in words else np.ones(len(self.uuids), np.bool_)
        if listed is not None:
            allowed &= np.isin(np.arange(len(self.uuids)), listed)
        free = allowed & ~self.chosen & ~self.updated
        assert np.unique(taken).size == taken.size
        assert not self.chosen[taken].any(), "chosen twice"
        assert allowed[taken].all()
        assert result.matching == np.count_nonzero(allowed)
        assert result.candidates == np.count_nonzero(free)
        if limit is not None:
            assert free[taken].all()
            assert len(result) == min(result.wanted, result.candidates)
        else:
            assert set(taken.tolist()) == set(np.flatnonzero(allowed & ~self.chosen).tolist())
        self.chosen[taken] = True
        self.rollouts += len(result) > 0 or "whole_group" in words
        return result

    def check_in(self, positions: npt.NDArray[np.int64]) -> None:
        """Have devices report the wave's version."""
        self.updated[positions] = True
        self.factory.devices.import_(
            pa.table(
                {
                    "uuid": UuidList(self.uuids[positions]).uuids,
                    "last_seen": np.full(len(positions), NOW),
                    "target_version": np.full(len(positions), 42),
                }
            ),
            now=AT,
        )


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    devices: int = request.param
    chance = np.random.default_rng(devices)
    uuids = chance.integers(0, 256, (devices, 16), np.uint8)
    in_group = np.arange(devices) % 11 != 0
    table = pa.table(
        {
            "uuid": UuidList(uuids).uuids,
            "group": pa.array([GROUP if one else None for one in in_group], pa.string()),
            "tag": pa.array(["main"] * devices),
            "production": np.ones(devices, np.bool_),
            "last_seen": NOW - chance.integers(0, 10 * 86_400, devices),
            "target_version": np.full(devices, 41),
        }
    )
    wave_factories.make(tmp_path)
    nobody = np.zeros(devices, np.bool_)
    with Factory.open(tmp_path / "acme") as factory:
        factory.devices.import_(table, now=AT)
        factory.waves.init("w", 42, "main", keys=tmp_path / "targets.tgz", now=AT)
        places = {row.tobytes(): place for place, row in enumerate(uuids)}
        yield World(factory, uuids, in_group, nobody, nobody.copy(), places)


@pytest.mark.parametrize(
    ("world", "size"),
    [(110_000, 10_000), pytest.param(1_100_000, 100_000, marks=pytest.mark.slow)],
    ids=["100 k by lists of 10 k", "1 M by lists of 100 k"],
    indirect=["world"],
)
def test_a_group_by_lists_with_limits_percentages_and_samples_of_the_factory_is_exact(world: World, size: int) -> None:
    members = np.flatnonzero(world.in_group)
    random.Random(1).shuffle(members)  # type: ignore[arg-type]  # an array is a sequence
    lists = [members[start : start + size] for start in range(0, len(members), size)]
    assert len(lists) == 10
    world.roll_out(listed=members[:: size // 2], group=GROUP)
    for place, listed in enumerate(lists):
        within = world.roll_out(size // 100, listed=listed, group=GROUP)
        assert len(within) == size // 100
        if place % 3 == 0:
            devices = len(world.uuids)
            assert len(world.roll_out("0.5%")) == devices * 5 // 1000 + (devices * 5 % 1000 > 0)
        if place % 4 == 1:
            tenth = world.roll_out("10%", group=GROUP, percent_of="remaining")
            assert len(tenth) == -(-tenth.candidates // 10)
        if place % 4 == 2:
            world.check_in(np.flatnonzero(world.chosen & ~world.updated)[:50])
            world.check_in(np.flatnonzero(~world.chosen)[-50:])
        if place % 5 == 2:
            whole_list = world.roll_out(listed=listed, group=GROUP)
            assert world.chosen[listed].all()
            assert len(whole_list) + whole_list.already >= size
    world.roll_out(group=GROUP, whole_group=True)
    assert world.chosen[world.in_group].all(), "somebody of the group is lost"
    status = world.factory.waves.status("w", now=AT)
    assert status.progress.covered == np.count_nonzero(world.chosen)
    assert status.progress.updated == np.count_nonzero(world.updated)
    world.roll_out("100%")
    # Devices that had updated before anybody chose them are all that is left.
    assert (world.chosen | world.updated).all()
    end = world.roll_out(1)
    assert (len(end), end.number) == (0, None)
    world.roll_out(listed=np.arange(len(world.uuids)))
    assert world.chosen.all()
    assert world.factory.waves.status("w", now=AT).progress.covered == len(world.uuids)

    history = world.factory.waves.history("w")
    assert len(history) == world.rollouts
    assert sum(one.device_count for one in history) == len(world.uuids), "history has everyone once"
    assert all(one.holds for one in world.factory.waves.verify("w"))
