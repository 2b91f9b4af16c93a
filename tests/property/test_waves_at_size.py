"""Waves over large fleets: nobody is chosen twice, nobody is lost, and the end is everyone. No cap anywhere."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from groundswell import _core
from reference.selection import Draw, Rollout
from support import waves
from support.fleets import NOW

if TYPE_CHECKING:
    import numpy.typing as npt

LIST = 10_000
GROUP = "eu-emea"


@dataclass
class World:
    """A fleet of production devices on one tag, most of them in one group, and the wave on its way through them."""

    fleet: _core.Fleet
    uuids: npt.NDArray[np.uint8]
    in_group: npt.NDArray[np.bool_]
    wave: _core.Wave
    chosen: npt.NDArray[np.bool_]
    draws: int = 0

    def roll_out(self, rollout: Rollout, listed: npt.NDArray[np.int64] | None = None) -> _core.Staging:
        """Apply a rollout, and see to it that it takes nobody twice and nobody whom it was not asked for."""
        self.draws += 1
        staging = waves.stage(
            self.wave, self.fleet, rollout, Draw(self.draws, NOW), listed=None if listed is None else self.uuids[listed]
        )
        taken = staging.ordinals()
        assert np.unique(taken).size == taken.size
        assert not self.chosen[taken].any(), "chosen twice"
        allowed = self.in_group.copy() if rollout.group is not None else np.ones(len(self.uuids), np.bool_)
        if listed is not None:
            allowed &= np.isin(np.arange(len(self.uuids)), listed)
        assert allowed[taken].all()
        open_to_it = int(np.count_nonzero(allowed & ~self.chosen))
        assert staging.candidates == open_to_it
        assert len(staging) == min(open_to_it, staging.wanted)
        self.chosen[taken] = True
        self.wave = self.wave.after(staging)
        return staging


def world(devices: int) -> World:
    chance = np.random.default_rng(devices)
    uuids = chance.integers(0, 256, (devices, 16), np.uint8)
    codes = np.where(chance.random(devices) < 0.9, 0, -1).astype(np.int32)
    fleet = _core.Fleet(
        uuids=uuids,
        last_seen=(NOW - chance.integers(0, 10 * 86_400, devices)).astype(np.uint32),
        groups=codes,
        group_names=[GROUP],
        tags=np.zeros(devices, np.int32),
        tag_names=["main"],
        production=np.ones(devices, np.bool_),
        target_versions=np.full(devices, 41, np.int32),
    )
    nobody = _core.DeviceSet.from_ordinals(np.array([], np.uint32))
    wave = _core.Wave(target_version=42, tag="main", staged=nobody, whole_groups=[])
    return World(fleet, uuids, codes == 0, wave, np.zeros(devices, np.bool_))


@pytest.mark.parametrize("devices", [110_000, pytest.param(1_000_000, marks=pytest.mark.slow)], ids=["100 k", "1 M"])
def test_a_group_rolled_out_by_lists_samples_and_percentages_is_exact(devices: int) -> None:
    at = world(devices)
    members = np.flatnonzero(at.in_group)
    random.Random(1).shuffle(members)  # type: ignore[arg-type]  # an array is a sequence
    lists = [members[start : start + LIST] for start in range(0, len(members), LIST)]
    canary = members[:: max(1, len(members) // 20)]

    assert at.roll_out(Rollout(group=GROUP), listed=canary).kind == "listed"
    for place, listed in enumerate(lists):
        within = replace(Rollout(group=GROUP), limit=100)
        assert len(at.roll_out(within, listed=listed)) == 100
        if place % 3 == 0:
            sample = at.roll_out(Rollout(limit="0.5%"))
            assert len(sample) == -(-devices * 5 // 1000)
        if place % 4 == 1:
            tenth = at.roll_out(Rollout(group=GROUP, limit="10%", percent_of="remaining"))
            assert len(tenth) == -(-tenth.candidates // 10)
        if place % 5 == 2:
            whole_list = at.roll_out(Rollout(group=GROUP), listed=listed)
            assert at.chosen[listed].all()
            assert len(whole_list) + len(whole_list.already()) == LIST or place == len(lists) - 1

    before = int(np.count_nonzero(at.in_group & ~at.chosen))
    rest = at.roll_out(Rollout(group=GROUP, whole_group=True))
    assert (len(rest), rest.repeated) == (before, False)
    assert at.roll_out(Rollout(group=GROUP, whole_group=True)).repeated
    assert np.array_equal(np.sort(members), np.flatnonzero(at.chosen & at.in_group))
    last = at.roll_out(Rollout(limit=devices))
    assert len(last) == last.candidates
    assert at.chosen.all()
    assert len(at.wave.covered(at.fleet)) == devices
    end = at.roll_out(Rollout(limit=1))
    assert (len(end), end.shortage) == (0, "all-covered")
