"""Waves of a factory through a random life beside `reference_waves`: after every command all that can be seen agrees.

Random commands: waves for two tags, signatures, rollouts of all kinds, plans applied at once, late, or edited; devices
that are registered, check in, move between tags and groups, are deleted and come back; groups that are renamed, deleted
and made again under their names; completion, cancellation; and the factory is closed and opened now and then. Compared
are every set, every rollout of history, every count of status, what each device is served, and which refusal is raised.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from groundswell.errors import GroundswellError
from groundswell.factory import Factory
from groundswell.waves import Plan
from reference import selection as reference
from reference.selection import Device, Draw, RefusedError, Rollout
from reference.waves import Planned, Releases
from support import fleets, profiles, wave_factories, waves
from support.fleets import GROUPS, NOW, TAGS
from support.served import publications, served_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from groundswell.waves.plan_rollout import RolloutResult
    from reference.waves import Life

HOUR = 3600
THRESHOLD = 4 * HOUR
NAMES = ("one", "two", "three", "v4.0+x", "5", "six", "7.0", "eight")
KEYS = ("targets.tgz", "second.tgz")
COUNTS = (
    "total",
    "online",
    "on_version",
    "newer",
    "older",
    "updated",
    "covered",
    "scheduled",
    "silent",
    "unsupported",
    "unscheduled",
)

COMMANDS = (
    *["the_world_changes"] * 5,
    *["a_rollout_is_applied"] * 6,
    *["a_plan_is_made_and_applied"] * 3,
    *["a_plan_is_made"] * 1,
    *["a_plan_is_applied_late"] * 1,
    *["an_edited_plan_is_refused"] * 1,
    *["devices_take_what_they_are_served"] * 2,
    *["a_wave_is_made"] * 3,
    *["a_wave_is_signed"] * 1,
    *["a_wave_is_finished"] * 1,
    *["the_factory_is_closed_and_opened"] * 1,
)


def same_refusal(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[Any, Any] | None:
    """Let both do it; what they give, or None if both refuse, for a reason that the reference allows."""
    refusal = None
    try:
        expected = theirs()
    except RefusedError as error:
        refusal = error
    if refusal is None:
        return ours(), expected
    with pytest.raises(GroundswellError) as caught:
        ours()
    found = caught.value
    assert found.code in refusal.codes, (found, refusal.codes)
    assert found.hint
    if found.code == "mismatched-devices":
        offenders = [(UUID(one["uuid"]), one["reason"]) for one in found.fields["offenders"]]
        assert offenders == refusal.offenders
    return None


class LifeOfAFactory(RuleBasedStateMachine):
    """`factory` is ours, `law` the reference's."""

    ready: dict[int, Path]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="groundswell-"))
        self.factory: Factory | None = None
        self.law = Releases(2, frozenset())
        self.plans: list[tuple[Plan, Planned]] = []
        self.applied: dict[str, int] = {}
        self.gone: dict[UUID, Device] = {}
        self.now = NOW
        self.seen: dict[str, int] = {}
        self.epoch = 0

    def teardown(self) -> None:
        if self.factory is not None:
            for life in self.law.waves:
                self.compare_history(life, len(life.history))
            assert [one for one in self.factory.check(now=self.at).results if not one.sound] == []
            self.factory.close()
        shutil.rmtree(self.folder)

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.now, tz=UTC)

    @property
    def open(self) -> Factory:
        assert self.factory is not None
        return self.factory

    @initialize(
        needed=st.sampled_from((2, 2, 3)),
        devices=fleets.some_devices(min_size=8, max_size=25),
        completed=st.booleans(),
    )
    def begin(self, needed: int, devices: list[Device], *, completed: bool) -> None:
        shutil.copytree(self.ready[needed], self.folder, dirs_exist_ok=True)
        self.factory = Factory.open(self.folder / "acme", user="alice")
        self.law = Releases(needed, frozenset(wave_factories.VERSIONS))
        for name in GROUPS:
            self.factory.groups.create(name, now=self.at)
            self.law.make_group(name)
        # Most of a random fleet would be of no concern to any wave.
        self.take_in(
            [replace(d, tag=d.tag or TAGS[0], target_version=40 + (d.target_version or 0) % 3) for d in devices]
        )
        if completed:
            self.make_wave("zero", 40, TAGS[0])
            self.open.waves.complete(now=self.at, allow_downgrade=True)
            self.law.finish(None, "complete", self.now, allow_downgrade=True)
        self.make_wave("first", 42, TAGS[0])

    def make_wave(self, name: str, version: int, tag: str) -> None:
        """A wave with all of its signatures."""
        self.open.waves.init(name, version, tag, keys=self.folder / KEYS[0], now=self.at, new_tag=True)
        self.law.init(name, version, tag, KEYS[0])
        if self.law.needed > 2:
            self.open.waves.sign(name, keys=self.folder / KEYS[1], now=self.at)
            self.law.sign(name, KEYS[1])

    def take_in(self, devices: list[Device]) -> None:
        devices = [replace(d, last_seen=None if d.last_seen is None else min(d.last_seen, self.now)) for d in devices]
        self.open.devices.import_(wave_factories.table(devices), now=self.at)
        self.law.take_in(devices)

    # --- devices and groups ----------------------------------------------------------------------------------------

    def some(self, data: st.DataObject, most: int = 4) -> list[UUID]:
        return data.draw(st.lists(st.sampled_from(list(self.law.devices)), min_size=1, max_size=most, unique=True))

    def change(self, uuids: list[UUID], **columns: Any) -> None:
        for uuid in uuids:
            self.law.devices[uuid] = replace(self.law.devices[uuid], **columns)

    @rule(data=st.data(), command=st.sampled_from(COMMANDS))
    def step(self, data: st.DataObject, command: str) -> None:
        """One of `COMMANDS`; as rules of their own, many a command would be missing from most lives."""
        getattr(self, command)(data)

    def the_world_changes(self, data: st.DataObject) -> None:
        self.now += data.draw(st.sampled_from((0, 0, 1, 5, 60))) * HOUR
        changes = [self.devices_are_registered, self.groups_change]
        if self.law.devices:
            changes += [self.devices_check_in, self.devices_check_in, self.devices_change_their_tag]
            changes += [self.devices_change_their_group, self.devices_change_their_group]
        if len(self.law.devices) > 3:
            changes.append(self.devices_are_deleted)
        if self.gone:
            changes.append(self.a_device_comes_back)
        data.draw(st.sampled_from(changes))(data)

    def devices_are_registered(self, data: st.DataObject) -> None:
        devices = data.draw(fleets.some_devices(min_size=1, max_size=3))
        self.take_in([d for d in devices if d.uuid not in self.law.devices and d.uuid not in self.gone])

    def devices_check_in(self, data: st.DataObject) -> None:
        uuids, version = self.some(data), data.draw(st.sampled_from((40, 41, 42, 43, 44, 46)))
        # Of two reports in the same second the greater version would win.
        self.now += 1
        rows = wave_factories.cells(uuids, last_seen=self.now, target_version=version)
        self.open.devices.import_(rows, now=self.at)
        self.change(uuids, last_seen=self.now, target_version=version)

    def devices_change_their_tag(self, data: st.DataObject) -> None:
        uuids, tag = self.some(data), data.draw(st.sampled_from((*TAGS, None)))
        self.open.devices.import_(wave_factories.cells(uuids, tag=tag), clear=["tag"], now=self.at)
        self.change(uuids, tag=tag)

    def devices_change_their_group(self, data: st.DataObject) -> None:
        uuids, group = self.some(data), data.draw(st.sampled_from((None, *self.law.groups.values())))
        self.open.devices.assign(list(map(str, uuids)), group, now=self.at)
        self.change(uuids, group=group)

    def devices_are_deleted(self, data: st.DataObject) -> None:
        uuids = self.some(data, most=2)
        self.open.devices.delete(list(map(str, uuids)), now=self.at)
        self.gone |= {uuid: self.law.devices.pop(uuid) for uuid in uuids}

    def a_device_comes_back(self, data: st.DataObject) -> None:
        uuid = data.draw(st.sampled_from(list(self.gone)))
        device = self.gone.pop(uuid)
        self.open.devices.allow([str(uuid)], now=self.at)
        group = data.draw(st.sampled_from((device.group, None, *self.law.groups.values())))
        self.take_in([replace(device, group=group)])

    def groups_change(self, data: st.DataObject) -> None:
        """Rename a group, delete it, or make one: most of all one of a name that a rule once referred to."""
        known = list(self.law.groups.values())
        free = [name for name in (*GROUPS, "renamed") if name not in known]
        how = data.draw(st.sampled_from(("rename", "delete", "make") if free and known else ("make",)))
        if how == "make":
            name = data.draw(st.sampled_from(free or known))
            same_refusal(lambda: self.open.groups.create(name, now=self.at), lambda: self.law.make_group(name))
            return
        old = data.draw(st.sampled_from(known))
        if how == "delete":
            self.open.groups.delete(old, ungroup=True, now=self.at)
            self.law.delete_group(old)
        else:
            new = data.draw(st.sampled_from((*free, *known)))
            same_refusal(
                lambda: self.open.groups.rename(old, new, now=self.at), lambda: self.law.rename_group(old, new)
            )

    def devices_take_what_they_are_served(self, data: st.DataObject) -> None:
        if not self.law.devices:
            return
        self.now += 1
        for uuid in self.some(data):
            kind, name = self.law.served(self.law.devices[uuid])
            if kind == "wave":
                version = self.law.find(name).target_version
                rows = wave_factories.cells([uuid], last_seen=self.now, target_version=version)
                self.open.devices.import_(rows, now=self.at)
                self.change([uuid], last_seen=self.now, target_version=version)

    # --- waves -----------------------------------------------------------------------------------------------------

    def a_wave_is_made(self, data: st.DataObject) -> None:
        busy = {wave.tag for wave in self.law.waves if wave.state == "active"}
        tag = data.draw(st.sampled_from(TAGS) if busy >= set(TAGS) else st.sampled_from((*set(TAGS) - busy, *TAGS)))
        version = data.draw(st.sampled_from((40, 41, 42, 42, 43, 43, 44, 45, 99)))
        fresh = [name for name in NAMES if name not in {wave.name for wave in self.law.waves}]
        name, key = data.draw(st.sampled_from((*fresh, NAMES[0]))), data.draw(st.sampled_from(KEYS))
        have = sorted(self.law.production.get(tag, (0, frozenset[int]()))[1])
        prune = frozenset(data.draw(st.sets(st.sampled_from([*have, version]), max_size=1)))
        words: dict[str, Any] = {"keys": self.folder / key, "prune": prune, "now": self.at, "new_tag": True}
        dry = same_refusal(
            lambda: self.open.waves.init(name, version, tag, dry_run=True, **words),
            lambda: replace(self.law, waves=list(self.law.waves)).init(name, version, tag, key, prune),
        )
        both = same_refusal(
            lambda: self.open.waves.init(name, version, tag, **words),
            lambda: self.law.init(name, version, tag, key, prune),
        )
        assert (dry is None) == (both is None)
        if both is not None:
            assert both[0].signatures_missing == self.law.needed - 2

    def a_wave_is_signed(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(KEYS))
        name = data.draw(st.sampled_from([wave.name for wave in self.law.waves]))
        both = same_refusal(
            lambda: self.open.waves.sign(name, keys=self.folder / key, now=self.at), lambda: self.law.sign(name, key)
        )
        if both is not None:
            life = self.law.find(name)
            assert both[0].signatures_missing == max(0, self.law.needed - len(life.signatures))

    def some_wave(self, data: st.DataObject) -> Life:
        # Mostly one that can be rolled out.
        ready = [wave for wave in self.law.waves if wave.state == "active" and self.law.signed(wave)]
        return data.draw(st.sampled_from([*ready * 6, *self.law.waves]))

    def words(self, rollout: Rollout, draw: Draw) -> dict[str, Any]:
        return {
            "limit": rollout.limit,
            "group": rollout.group,
            "uuids": None if rollout.uuids is None else list(map(str, rollout.uuids)),
            "whole_group": rollout.whole_group,
            "to": rollout.to,
            "online_only": rollout.online_only,
            # A goal is a part of the matching devices, so a denominator is refused beside it.
            "percent_of": rollout.percent_of if rollout.to is None else None,
            "skip_mismatched": rollout.skip_mismatched,
            "seed": draw.seed,
            "now": self.at,
        }

    def asked(self, data: st.DataObject) -> tuple[str, Rollout, Draw]:
        life = self.some_wave(data)
        rollout = data.draw(waves.some_rollouts(self.law.fleet, self.law.sets(life)))
        return life.name, rollout, Draw(data.draw(fleets.seeds), self.now)

    def a_rollout_is_applied(self, data: st.DataObject) -> None:
        name, rollout, draw = self.asked(data)
        dry_first = data.draw(st.booleans())
        dry: RolloutResult | None = None
        words = self.words(rollout, draw)
        if dry_first:
            looked = same_refusal(
                lambda: self.open.waves.rollout(name, dry_run=True, **words),
                lambda: self.law.work_out(name, rollout, draw),
            )
            dry = None if looked is None else looked[0]
        both = same_refusal(
            lambda: self.open.waves.rollout(name, **words),
            lambda: self.law.roll_out(name, rollout, draw, self.now),
        )
        if both is None:
            assert dry is None
            return
        result, (life, widened, recorded) = both
        assert [UUID(uuid) for uuid in result.uuids] == widened.taken
        assert (result.kind, result.wanted) == (widened.kind, widened.wanted)
        assert (result.matching, result.candidates) == (len(widened.matching), len(widened.candidates))
        assert result.already == len(widened.already)
        assert result.newly_scheduled == len(set(widened.taken) & widened.candidates)
        assert [(UUID(one["uuid"]), one["reason"]) for one in result.skipped] == widened.skipped
        assert (result.number is not None) == recorded
        assert result.wave.revision == life.revision
        assert (result.why_short is not None) or widened.taken
        if dry is not None:
            assert (dry.uuids, dry.digest, dry.plan) == (result.uuids, result.digest, result.plan)
            assert dry.number is None

    def a_plan_is_made(self, data: st.DataObject) -> None:
        name, rollout, draw = self.asked(data)
        both = same_refusal(
            lambda: self.open.waves.rollout(name, dry_run=True, **self.words(rollout, draw)).plan,
            lambda: self.law.plan(name, rollout, draw),
        )
        if both is not None:
            plan, planned = both
            self.plans.append((Plan.loads(plan.dumps()) if data.draw(st.booleans()) else plan, planned))

    def a_plan_is_made_and_applied(self, data: st.DataObject) -> None:
        """At once, or after devices and groups have changed: the revision alone does not tell."""
        before = len(self.plans)
        self.a_plan_is_made(data)
        if data.draw(st.booleans()):
            self.the_world_changes(data)
        if len(self.plans) > before:
            self.apply(*self.plans[-1])

    def a_plan_is_applied_late(self, data: st.DataObject) -> None:
        if not self.plans:
            return
        # The latest one mostly: an old one is refused for its revision.
        at = data.draw(st.sampled_from((-1, -1, -1, *range(len(self.plans)))))
        self.apply(*self.plans[at])

    def apply(self, plan: Plan, planned: Planned) -> None:
        before = None if planned.wave not in self.seen else self.law.find(planned.wave).revision
        if plan.seal in self.applied:
            # Whatever has become of the wave: applied before, as that rollout.
            again = self.open.waves.apply(plan, now=self.at)
            assert (again.replayed, again.number) == (True, self.applied[plan.seal])
            return
        both = same_refusal(lambda: self.open.waves.apply(plan, now=self.at), lambda: self.law.apply(planned, self.now))
        if both is not None:
            result, recorded = both
            assert [UUID(uuid) for uuid in result.uuids] == list(planned.taken)
            assert (result.number is not None) == recorded
            if result.number is not None:
                self.applied[plan.seal] = result.number
            assert result.repeated == (planned.kind == "whole-group" and not recorded)
        elif before is not None:
            assert self.law.find(planned.wave).revision == before

    def an_edited_plan_is_refused(self, data: st.DataObject) -> None:
        plans = [plan for plan, _ in self.plans if len(plan)]
        if not plans:
            return
        plan = data.draw(st.sampled_from(plans))
        document = json.loads(plan.dumps())
        field = data.draw(st.sampled_from(sorted(set(document) - {"groundswell-plan"})))
        value = document[field]
        document[field] = value + 1 if isinstance(value, int) else value[:-1] if value else ["x"]
        with pytest.raises(GroundswellError) as caught:
            self.open.waves.apply(Plan.loads(json.dumps(document)), now=self.at)
        assert caught.value.code in {"edited-plan", "not-a-plan"}

    def a_wave_is_finished(self, data: st.DataObject) -> None:
        state: Any = data.draw(st.sampled_from(("complete", "canceled")))
        name = data.draw(st.sampled_from([None, *(wave.name for wave in self.law.waves)]))
        said: dict[str, Any] = {"allow_downgrade": data.draw(st.booleans())} if state == "complete" else {}
        act = self.open.waves.complete if state == "complete" else self.open.waves.cancel
        both = same_refusal(
            lambda: act(name, now=self.at, **said), lambda: self.law.finish(name, state, self.now, **said)
        )
        if both is not None:
            assert (both[0].wave.name, both[0].wave.state) == (both[1].name, state)

    def the_factory_is_closed_and_opened(self, data: st.DataObject) -> None:  # noqa: ARG002 - as all commands
        self.open.close()
        self.factory = Factory.open(self.folder / "acme", user="alice")

    # --- what holds after every command ----------------------------------------------------------------------------

    @invariant()
    def waves_are_those_of_the_law(self) -> None:
        if self.factory is None:
            return
        found = {wave.name: wave for wave in self.open.waves.list()}
        assert list(reversed(found)) == [life.name for life in self.law.waves]
        for life in self.law.waves:
            wave = found[life.name]
            assert (wave.target_version, wave.tag, wave.state) == (life.target_version, life.tag, life.state)
            assert wave.revision == life.revision
            grown = len(life.history) - self.seen.get(life.name, 0)
            self.seen[life.name] = len(life.history)
            self.compare_history(life, grown)
            self.compare_status(life)

    def compare_history(self, life: Life, last: int) -> None:
        history = self.open.waves.history(life.name)
        assert [one.number for one in history] == list(range(1, len(life.history) + 1))
        kept = zip(history, life.history, strict=True)
        for one, expected in list(kept)[len(history) - last :]:
            assert (one.kind, one.group_id, one.device_count) == (expected.kind, expected.group, len(expected.taken))
            uuids = self.open.waves.rollout_uuids(life.name, one.number)
            assert len(uuids) == len(expected.taken)
            assert {UUID(uuid) for uuid in uuids} == expected.taken
        chosen = [uuid for one in life.history if one.kind != "whole-group" for uuid in one.taken]
        assert len(chosen) == len(set(chosen)), "chosen twice"
        assert all(one.holds for one in self.open.waves.verify(life.name))

    def compare_status(self, life: Life) -> None:
        status = self.open.waves.status(life.name, now=self.at, online_threshold=timedelta(seconds=THRESHOLD))
        expected = self.law.status(life, self.now, THRESHOLD)

        def told(progress: Any) -> dict[str, Any]:
            versions = {one.target_version: (one.devices, one.is_orphan) for one in progress.versions}
            return {name: getattr(progress, name) for name in COUNTS} | {"versions": versions}

        assert told(status.progress) == expected["tag"]
        assert [(one.group, told(one.progress)) for one in status.rollout_groups] == expected["rolled out"]
        assert {one.group: told(one.progress) for one in status.other_groups} == expected["others"]
        assert None not in [one.group for one in status.other_groups[:-1]]
        assert status.progress.failed is None

    @invariant()
    def devices_are_served_what_the_law_says(self) -> None:
        if self.factory is None:
            return
        production = {(one.tag, one.variant): one for one in publications(self.open, "production")}
        ci = {one.tag for one in publications(self.open, "ci")}
        known = {one.uuid: one for one in self.open.devices.list(limit=1000).devices}
        assert set(known) == set(map(str, self.law.devices))
        reports = self.open.waves.why(list(known)) if known else []
        for report in reports:
            device = self.law.devices[UUID(report.uuid)]
            kind, name = self.law.served(device)
            ours = served_to(self.open, known[report.uuid])
            match kind:
                case "nothing":
                    assert ours[1] is None
                    assert report.served.startswith("nothing")
                case "ci":
                    assert ours[0] == "ci"
                    assert (ours[1] is not None) == (name in ci)
                    assert report.served == f"the CI targets of tag {name}"
                case "production":
                    assert ours == ("production", production[name, "tag"])
                    assert report.served == f"the production targets of tag {name}"
                case "wave":
                    assert ours == ("production", production[self.law.find(name).tag, f"wave {name}"])
                    assert report.served == f"the targets of wave {name}"
            self.compare_why(report, device)
        epoch = max((one.epoch for one in production.values()), default=self.epoch)
        assert epoch >= self.epoch
        self.epoch = epoch

    def compare_why(self, report: Any, device: Device) -> None:
        own = [wave for wave in self.law.waves if wave.tag == device.tag]
        life = next((wave for wave in own if wave.state == "active"), own[-1] if own else None)
        assert report.wave == (None if life is None else life.name)
        if life is None or not device.production:
            assert not report.in_wave
            return
        wave = self.law.sets(life)
        covered = reference.covered([device], wave)
        assert report.in_wave == bool(covered or life.state == "complete")
        assert report.updated == bool(reference.updated([device], wave))
        assert report.scheduled == bool(reference.scheduled([device], wave, life.state))
        by = [
            number
            for number, one in enumerate(life.history, start=1)
            if (
                device.group is not None and self.law.groups.get(one.group or 0) == device.group
                if one.kind == "whole-group"
                else device.uuid in one.taken
            )
        ]
        assert report.rollout == (by[0] if by else None)


def test_waves_live_by_the_law(tmp_path_factory: pytest.TempPathFactory) -> None:
    LifeOfAFactory.ready = {
        needed: wave_factories.make(tmp_path_factory.mktemp(f"needs-{needed}"), needed=needed) for needed in (2, 3)
    }
    run_state_machine_as_test(
        LifeOfAFactory,
        settings=settings(
            max_examples=profiles.examples(25),
            stateful_step_count=30,
            deadline=None,
            # Each step is a transaction on the disk, and that takes its time.
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
