"""A wave through a random life beside the reference: rollouts between devices that come, go, move and update."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import groundswell
from groundswell import _core
from reference import selection as reference
from reference.selection import Device, Draw, State, Wave
from support import fleets, profiles, waves
from support.fleets import GROUPS, NOW, TAGS

if TYPE_CHECKING:
    from uuid import UUID

FINISHED: tuple[State, ...] = ("complete", "canceled")
HOUR = 3600
COUNTS = ("total", "online", "updated", "older", "covered", "staged", "scheduled", "silent")


class LifeOfAWave(RuleBasedStateMachine):
    """The engine's wave lives on by `after`; the reference's by plain sets. After every step they agree."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Device] = []
        self.deleted: set[UUID] = set()
        self.state: State = "active"
        self.wave = Wave(42, TAGS[0], hardware=frozenset({fleets.HARDWARE[0]}))
        self.ours = waves.core_wave([], self.wave)
        self.acts: list[reference.Act] = []
        self.plan: tuple[str | None, list[UUID]] | None = None
        self.hours = 0

    # --- the world -------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return NOW + self.hours * HOUR

    @property
    def devices(self) -> list[Device]:
        return [device for device in self.rows if device.uuid not in self.deleted]

    @property
    def fleet(self) -> _core.Fleet:
        return waves.core_fleet(self.rows, self.deleted)

    @initialize(devices=fleets.some_devices(min_size=5, max_size=25))
    def begin(self, devices: list[Device]) -> None:
        self.rows = [replace(d, target_version=41, tag=d.tag or TAGS[0]) for d in devices]

    @rule(device=fleets.some_devices(min_size=1, max_size=1))
    def a_device_is_registered(self, device: list[Device]) -> None:
        if device[0].uuid not in {known.uuid for known in self.rows}:
            self.rows.append(device[0])

    def change(self, data: st.DataObject, **columns: object) -> None:
        row = data.draw(st.integers(0, len(self.rows) - 1))
        self.rows[row] = replace(self.rows[row], **columns)  # type: ignore[arg-type]  # columns of a device

    @rule(data=st.data(), group=st.sampled_from((*GROUPS, None)))
    def a_device_changes_its_group(self, data: st.DataObject, group: str | None) -> None:
        self.change(data, group=group)

    @rule(data=st.data(), tag=st.sampled_from((*TAGS, None)))
    def a_device_changes_its_tag(self, data: st.DataObject, tag: str | None) -> None:
        self.change(data, tag=tag)

    @rule(data=st.data(), version=st.sampled_from((40, 41, 42, 42, 43)))
    def a_device_checks_in(self, data: st.DataObject, version: int) -> None:
        self.change(data, target_version=version, last_seen=self.now)

    @rule(data=st.data())
    def a_device_is_deleted_or_comes_back(self, data: st.DataObject) -> None:
        self.deleted ^= {data.draw(st.sampled_from(self.rows)).uuid}

    @rule(hours=st.integers(1, 100))
    def time_passes(self, hours: int) -> None:
        self.hours += hours

    # --- the wave --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.state == "active")
    @rule(data=st.data(), seed=fleets.seeds)
    def a_rollout_is_applied(self, data: st.DataObject, seed: int) -> None:
        rollout, draw = data.draw(waves.some_rollouts(self.devices, self.wave)), Draw(seed, self.now)
        try:
            expected = reference.roll_out(self.devices, GROUPS, self.wave, rollout, draw)
        except reference.RefusedError as refusal:
            try:
                waves.stage(self.ours, self.fleet, rollout, draw)
            except groundswell.GroundswellError as error:
                assert error.code in refusal.codes  # noqa: PT017 - whatever is raised is compared
                return
            raise AssertionError(refusal) from refusal
        staging = waves.stage(self.ours, self.fleet, rollout, draw)
        taken = [self.rows[ordinal].uuid for ordinal in staging.ordinals().tolist()]
        assert taken == expected.taken
        assert not self.wave.staged.intersection(taken), "chosen twice"
        self.wave, self.ours = expected.wave, self.ours.after(staging)
        if staging.kind == "whole-group":
            if not staging.repeated:
                self.acts.append((rollout.group, self.now))
        else:
            self.acts.append((frozenset(taken), self.now))

    @precondition(lambda self: self.state == "active")
    @rule(data=st.data(), seed=fleets.seeds)
    def a_plan_is_made(self, data: st.DataObject, seed: int) -> None:
        group = data.draw(st.sampled_from((None, *GROUPS)))
        staging = waves.stage(self.ours, self.fleet, reference.Rollout(group=group, limit=5), Draw(seed, self.now))
        self.plan = (group, [self.rows[ordinal].uuid for ordinal in staging.ordinals().tolist()])

    @precondition(lambda self: self.plan is not None)
    @rule()
    def the_plan_is_looked_at_again(self) -> None:
        assert self.plan is not None
        group, planned = self.plan
        check = self.ours.check_plan(self.fleet, waves.as_array(planned), group=group)
        asked = replace(reference.meant(self.wave), group=group, uuids=tuple(planned))
        assert check.offenders == [(str(u), reason) for u, reason in reference.offenders(self.devices, asked)]

    @precondition(lambda self: self.state == "active" and len(self.acts) > 2)
    @rule(state=st.sampled_from(FINISHED))
    def the_wave_is_finished(self, state: State) -> None:
        self.state = state
        if state == "complete":
            self.acts.append((None, self.now))

    # --- what holds after every step -------------------------------------------------------------------------------

    @invariant()
    def the_sets_are_those_of_the_reference(self) -> None:
        assert self.ours == waves.core_wave(self.rows, self.wave)
        fleet, devices = self.fleet, self.devices
        assert waves.uuids_of(self.rows, self.ours.covered(fleet)) == reference.covered(devices, self.wave)
        for state in get_args(State):
            scheduled = waves.uuids_of(self.rows, self.ours.scheduled(fleet, state=state))
            assert scheduled == reference.scheduled(devices, self.wave, state)

    @invariant()
    def the_counts_add_up(self) -> None:
        coverings = [
            (waves.device_set(self.rows, reach) if isinstance(reach, frozenset) else reach, at)
            for reach, at in self.acts
        ]
        rolled_out = list(self.wave.whole_groups)
        status = self.ours.status(
            self.fleet,
            state=self.state,
            rolled_out=rolled_out,
            coverings=coverings,
            now=self.now,
            online_threshold=4 * HOUR,
        )
        parts = [counts for _, counts in (*status.rolled_out, *status.others)] + [status.groupless]
        for name in (*COUNTS, "unsupported", "unscheduled"):
            assert getattr(status.tag, name) == sum(getattr(counts, name) for counts in parts), name
        for counts in (status.tag, *parts):
            assert counts.total == counts.updated + counts.scheduled + counts.unsupported + counts.unscheduled
        assert status.tag.total == len(reference.matching(self.devices, reference.meant(self.wave)))
        assert status.tag.scheduled == len(reference.scheduled(self.devices, self.wave, self.state))
        assert status.tag.silent == len(reference.silent(self.devices, self.wave, self.state, self.acts))


TestLifeOfAWave = LifeOfAWave.TestCase
TestLifeOfAWave.settings = settings(max_examples=profiles.examples(40), stateful_step_count=25, deadline=None)
