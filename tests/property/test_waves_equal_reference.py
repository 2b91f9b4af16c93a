"""The engine's waves and tests/reference on random fleets: the same sets, rollouts, counts and refusals."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import groundswell
from groundswell import _core
from groundswell.values import instant
from groundswell.waves import RolloutRequest
from reference import selection as reference
from reference.selection import Device, Draw, Rollout, State, Wave
from support import fleets, profiles, waves
from support.fleets import DRAW, NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

STATES: tuple[State, ...] = get_args(State)
HOUR = 3600


def left(rows: Sequence[Device], deleted: frozenset[UUID]) -> list[Device]:
    return [device for device in rows if device.uuid not in deleted]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Device], frozenset[UUID], Wave]:
    """Draw rows of devices, those of them that were deleted, and a wave."""
    rows = draw(fleets.some_devices(min_size=draw(st.sampled_from((0, 10, 20))), max_size=30))
    uuids = [device.uuid for device in rows]
    deleted = frozenset(draw(st.sets(st.sampled_from(uuids), max_size=5)) if uuids else ())
    return rows, deleted, draw(waves.some_waves(rows))


# --- sets ----------------------------------------------------------------------------------------------------------


@settings(max_examples=profiles.examples(100), deadline=None)
@given(worlds())
def test_the_sets_of_a_wave_are_those_of_the_reference(world: tuple[list[Device], frozenset[UUID], Wave]) -> None:
    rows, deleted, wave = world
    devices, fleet, ours = left(rows, deleted), waves.core_fleet(rows, deleted), waves.core_wave(rows, wave)
    assert waves.uuids_of(rows, ours.matching(fleet)) == reference.matching(devices, reference.meant(wave))
    assert waves.uuids_of(rows, ours.updated(fleet)) == reference.updated(devices, wave)
    assert waves.uuids_of(rows, ours.covered(fleet)) == reference.covered(devices, wave)
    assert waves.uuids_of(rows, ours.unsupported(fleet)) == reference.unsupported(devices, wave)
    for state in STATES:
        assert waves.uuids_of(rows, ours.scheduled(fleet, state=state)) == reference.scheduled(devices, wave, state)


@settings(max_examples=profiles.examples(60), deadline=None)
@given(worlds())
def test_where_a_device_stands_is_its_place_in_the_sets(world: tuple[list[Device], frozenset[UUID], Wave]) -> None:
    rows, deleted, wave = world
    devices, fleet, ours = left(rows, deleted), waves.core_fleet(rows, deleted), waves.core_wave(rows, wave)
    matching, updated = reference.matching(devices, reference.meant(wave)), reference.updated(devices, wave)
    covered = reference.covered(devices, wave)
    for ordinal, device in enumerate(rows):
        for state in STATES:
            told = ours.membership(fleet, device.uuid.bytes, state=state)
            if device.uuid in deleted:
                assert told is None
                continue
            assert told is not None
            assert (told.ordinal, told.group, told.target_version) == (ordinal, device.group, device.target_version)
            assert (told.mismatch is None) == (device.uuid in matching)
            assert told.staged == (device.uuid in wave.staged)
            assert told.whole_group == (device.group in wave.whole_groups)
            assert told.covered == (device.uuid in covered)
            assert told.updated == (device.uuid in updated)
            assert told.unsupported == (device.uuid in reference.unsupported(devices, wave))
            assert told.hardware_id == device.hardware_id
            assert told.scheduled == (device.uuid in reference.scheduled(devices, wave, state))
    assert ours.membership(fleet, UUID(int=2**128 - 1, version=4).bytes, state="active") is None


# --- rollouts ------------------------------------------------------------------------------------------------------


def assert_same(
    rows: Sequence[Device], deleted: frozenset[UUID], wave: Wave, rollout: Rollout, draw: Draw
) -> Wave | None:
    """Let both roll out, and compare all that the law fixes; give the wave afterwards, None if it was refused."""
    devices, fleet, ours = left(rows, deleted), waves.core_fleet(rows, deleted), waves.core_wave(rows, wave)
    try:
        expected = reference.roll_out(devices, fleets.GROUPS, wave, rollout, draw)
    except reference.RefusedError as refusal:
        codes, offenders = refusal.codes, [(str(uuid), reason) for uuid, reason in refusal.offenders]
        with pytest.raises(groundswell.GroundswellError) as caught:
            waves.stage(ours, fleet, rollout, draw)
        error = caught.value
        assert_refused(error, codes, offenders)
        return None
    staging = waves.stage(ours, fleet, rollout, draw)
    assert [rows[ordinal].uuid for ordinal in staging.ordinals().tolist()] == expected.taken
    assert np.array_equal(staging.uuids(), waves.as_array(expected.taken))
    assert waves.uuids_of(rows, staging.devices()) == frozenset(expected.taken)
    assert len(staging) == len(expected.taken)
    assert staging.digest() == sha256(b"".join(sorted(uuid.bytes for uuid in expected.taken))).digest()
    assert (staging.kind, staging.group) == (expected.kind, rollout.group)
    assert staging.wanted == expected.wanted
    assert staging.matching == len(expected.matching)
    assert staging.candidates == len(expected.candidates)
    assert staging.updated == len(expected.matching & reference.updated(devices, wave))
    assert staging.matching == staging.updated + staging.covered + staging.unsupported + staging.candidates
    in_reach = reference.covered(devices, wave) | reference.updated(devices, wave)
    assert staging.unsupported == len((expected.matching & reference.unsupported(devices, wave)) - in_reach)
    assert staging.newly_scheduled == len(set(expected.taken) & expected.candidates)
    assert waves.uuids_of(rows, staging.already()) == expected.already
    assert staging.skipped == [(str(uuid), reason) for uuid, reason in expected.skipped]
    assert staging.repeated == (expected.kind == "whole-group" and rollout.group in wave.whole_groups)
    if not expected.taken:
        assert staging.shortage is not None
    after = ours.after(staging)
    assert after == waves.core_wave(rows, expected.wave)
    return expected.wave


def assert_refused(
    error: groundswell.GroundswellError, codes: frozenset[str], offenders: list[tuple[str, reference.Reason]]
) -> None:
    assert error.code in codes
    assert isinstance(error, groundswell.NotFoundError if error.code == "unknown-group" else groundswell.InputError)
    assert error.hint
    if error.code == "mismatched-devices":
        assert [(entry["uuid"], entry["reason"]) for entry in error.fields["offenders"]] == offenders


@settings(max_examples=profiles.examples(150), deadline=None)
@given(worlds(), st.data())
def test_rollouts_are_those_of_the_reference(
    world: tuple[list[Device], frozenset[UUID], Wave], data: st.DataObject
) -> None:
    rows, deleted, wave = world
    for _ in range(data.draw(st.integers(1, 4))):
        rollout = data.draw(waves.some_rollouts(rows, wave))
        wave = assert_same(rows, deleted, wave, rollout, data.draw(fleets.draws())) or wave


@settings(max_examples=profiles.examples(50), deadline=None)
@given(worlds(), st.data())
def test_candidates_are_what_a_sample_of_all_takes(
    world: tuple[list[Device], frozenset[UUID], Wave], data: st.DataObject
) -> None:
    rows, deleted, wave = world
    rollout = replace(
        data.draw(waves.some_rollouts(rows, wave)),
        limit=1000,
        whole_group=False,
        skip_mismatched=True,
        to=None,
        online_only=False,
    )
    if rollout.group == "unheard-of" or rollout.uuids == ():
        return
    fleet, ours = waves.core_fleet(rows, deleted), waves.core_wave(rows, wave)
    listed = None if rollout.uuids is None else waves.as_array(rollout.uuids)
    found = ours.candidates(fleet, group=rollout.group, listed=listed)
    expected = reference.roll_out(left(rows, deleted), fleets.GROUPS, wave, rollout, DRAW)
    assert waves.uuids_of(rows, found) == expected.candidates == frozenset(expected.taken)


@settings(max_examples=profiles.examples(40), deadline=None)
@given(worlds(), st.integers(1, 30), st.integers(0, 2**32))
def test_a_sample_does_not_depend_on_ordinals(
    world: tuple[list[Device], frozenset[UUID], Wave], limit: int, seed: int
) -> None:
    rows, deleted, wave = world
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    found = []
    for order in (rows, shuffled):
        ours, fleet = waves.core_wave(order, wave), waves.core_fleet(order, deleted)
        staging = waves.stage(ours, fleet, Rollout(limit=limit), DRAW)
        found.append((staging.uuids().tolist(), staging.digest(), fleet.digest(staging.devices())))
    assert found[0] == found[1]
    assert found[0][1] == found[0][2]


def test_the_digest_of_a_stored_set_counts_deleted_devices_and_refuses_strangers() -> None:
    rows = [Device(uuid) for uuid in fleets.random_uuids(5)]
    fleet = waves.core_fleet(rows, {rows[1].uuid})
    held = waves.device_set(rows, [rows[1].uuid, rows[3].uuid])
    assert fleet.digest(held) == sha256(b"".join(sorted((rows[1].uuid.bytes, rows[3].uuid.bytes)))).digest()
    with pytest.raises(IndexError):
        fleet.digest(_core.DeviceSet.from_ordinals(np.array([5], np.uint32)))


@pytest.mark.parametrize(
    ("rollout", "code"),
    [
        (Rollout(), "nothing-asked"),
        (Rollout(skip_mismatched=True, percent_of="online"), "nothing-asked"),
        (Rollout(group="alpha"), "whole-group-unsaid"),
        (Rollout(whole_group=True), "bad-whole-group"),
        (Rollout(group="alpha", limit=5, whole_group=True), "bad-whole-group"),
        (Rollout(group="alpha", uuids=(UUID(int=1),), whole_group=True), "bad-whole-group"),
        (Rollout(group="alhpa", whole_group=True), "unknown-group"),
        (Rollout(group="alhpa", limit=5), "unknown-group"),
        (Rollout(uuids=()), "empty-list"),
        (Rollout(group="alpha", uuids=()), "empty-list"),
        (Rollout(group="alpha", uuids=(), whole_group=True), "empty-list"),
        (Rollout(limit=0), "bad-limit"),
        (Rollout(group="alpha", limit=0), "bad-limit"),
        (Rollout(group="alpha", limit=0, whole_group=True), "bad-limit"),
        (Rollout(uuids=(UUID(int=99),)), "mismatched-devices"),
        (Rollout(uuids=(UUID(int=99),), limit=5), "mismatched-devices"),
        (Rollout(to=0), "bad-limit"),
        (Rollout(to=5, limit=5), "bad-goal"),
        (Rollout(to=5, uuids=(UUID(int=1),)), "bad-goal"),
        (Rollout(to=5, group="alpha", whole_group=True), "bad-whole-group"),
        (Rollout(online_only=True), "nothing-asked"),
        (Rollout(online_only=True, uuids=(UUID(int=1),)), "online-only-without-sample"),
        (Rollout(online_only=True, group="alpha", whole_group=True), "online-only-without-sample"),
    ],
    ids=str,
)
def test_what_is_absent_empty_or_zero_never_means_more_devices(rollout: Rollout, code: str) -> None:
    rows = [Device(UUID(int=1), group="alpha", tag="main")]
    wave = waves.core_wave(rows, Wave(42, "main"))
    with pytest.raises(groundswell.GroundswellError) as caught:
        waves.stage(wave, waves.core_fleet(rows), rollout, DRAW)
    assert caught.value.code == code
    assert caught.value.hint


def test_a_rollout_of_nothing_points_to_complete_and_an_unknown_group_to_its_neighbour() -> None:
    wave, fleet = waves.core_wave([], Wave(42, "main")), waves.core_fleet([])
    with pytest.raises(groundswell.InputError) as caught:
        waves.stage(wave, fleet, Rollout(), DRAW)
    assert "completing the wave" in caught.value.hint
    with pytest.raises(groundswell.NotFoundError) as missing:
        waves.stage(wave, fleet, Rollout(group="alhpa", limit=1), DRAW)
    assert "alpha" in missing.value.hint


# --- plans ---------------------------------------------------------------------------------------------------------


@settings(max_examples=profiles.examples(60), deadline=None)
@given(worlds(), st.data())
def test_a_plan_names_its_devices_that_match_no_longer(
    world: tuple[list[Device], frozenset[UUID], Wave], data: st.DataObject
) -> None:
    rows, deleted, wave = world
    known = st.sampled_from([device.uuid for device in rows]) if rows else st.nothing()
    planned = data.draw(st.lists(st.one_of(known, st.uuids(version=4)), unique=True, max_size=20))
    group = data.draw(st.sampled_from((None, *fleets.GROUPS)))
    check = waves.core_wave(rows, wave).check_plan(
        waves.core_fleet(rows, deleted), waves.as_array(planned), group=group
    )
    devices = left(rows, deleted)
    asked = replace(reference.meant(wave), group=group, uuids=tuple(planned))
    assert check.offenders == [(str(uuid), reason) for uuid, reason in reference.offenders(devices, asked)]
    matching = reference.matching(devices, asked)
    assert waves.uuids_of(rows, check.devices()) == matching
    assert check.covered == len(matching & reference.covered(devices, wave))


def test_a_plan_for_a_group_that_is_gone_is_refused() -> None:
    wave = _core.Wave(target_version=42, tag="main", staged=waves.device_set([], []), whole_groups=[])
    with pytest.raises(groundswell.NotFoundError) as caught:
        wave.check_plan(waves.core_fleet([]), waves.as_array([]), group="gone")
    assert caught.value.code == "unknown-group"


# --- status --------------------------------------------------------------------------------------------------------


def acts(devices: Sequence[Device]) -> st.SearchStrategy[list[reference.Act]]:
    uuids = [device.uuid for device in devices]
    sets = st.sets(st.sampled_from(uuids)).map(frozenset) if uuids else st.just(frozenset[UUID]())
    reach = st.one_of(sets, sets, st.sampled_from((*fleets.GROUPS, "gone")), st.none())
    return st.lists(st.tuples(reach, st.integers(-2, 400).map(lambda hours: NOW - hours * HOUR)), max_size=5)


@settings(max_examples=profiles.examples(100), deadline=None)
@given(worlds(), st.data())
def test_status_counts_what_plain_sets_count(
    world: tuple[list[Device], frozenset[UUID], Wave], data: st.DataObject
) -> None:
    rows, deleted, wave = world
    devices, fleet, ours = left(rows, deleted), waves.core_fleet(rows, deleted), waves.core_wave(rows, wave)
    history = data.draw(acts(rows))
    named = data.draw(st.permutations((*fleets.GROUPS, "gone")).map(lambda names: names[:2]))
    threshold = data.draw(st.sampled_from((0, 4 * HOUR)))
    coverings = [
        (waves.device_set(rows, reach) if isinstance(reach, frozenset) else reach, at) for reach, at in history
    ]
    for state in STATES:
        status = ours.status(
            fleet, state=state, rolled_out=named, coverings=coverings, now=NOW, online_threshold=threshold
        )
        assert [name for name, _ in status.rolled_out] == named
        parts = dict([*status.rolled_out, *status.others])
        assert {name for name, counts in parts.items() if counts.total} | set(named) == set(parts)
        for group in (None, *fleets.GROUPS, "gone"):
            part = [device for device in devices if device.group == group]
            counts = status.groupless if group is None else parts.get(group)
            expected = counted(part, wave, state, history, threshold)
            if counts is None:
                assert expected["total"] == 0
            else:
                assert told(counts) == expected
        assert told(status.tag) == counted(devices, wave, state, history, threshold)


def counted(
    devices: list[Device], wave: Wave, state: State, history: list[reference.Act], threshold: int
) -> dict[str, Any]:
    behind = reference.behind(devices, wave, state, history, now=NOW, threshold=threshold)
    versions = [device.target_version for device in devices if device.uuid in behind["matching"]]
    known = sorted(((v, n) for v, n in Counter(versions).items() if v is not None), reverse=True)
    counts = {name.replace("-", "_"): len(found) for name, found in behind.items() if name != "matching"}
    unknown = [(None, versions.count(None))] if None in versions else []
    return {"total": len(behind["matching"]), **counts, "by_version": [*known, *unknown]}


def told(counts: _core.Counts) -> dict[str, Any]:
    names = ("total", "online", "on_version", "newer", "older", "updated", "covered", "staged", "scheduled", "silent")
    return {name: getattr(counts, name) for name in (*names, "unsupported", "unscheduled", "by_version")}


@settings(max_examples=profiles.examples(60), deadline=None)
@given(worlds(), st.data())
def test_every_number_of_a_status_has_its_devices(
    world: tuple[list[Device], frozenset[UUID], Wave], data: st.DataObject
) -> None:
    rows, deleted, wave = world
    devices, fleet, ours = left(rows, deleted), waves.core_fleet(rows, deleted), waves.core_wave(rows, wave)
    history = data.draw(acts(rows))
    coverings = [
        (waves.device_set(rows, reach) if isinstance(reach, frozenset) else reach, at) for reach, at in history
    ]
    for state in STATES:
        for name, expected in reference.behind(devices, wave, state, history, now=NOW, threshold=4 * HOUR).items():
            found = ours.devices_in_state(
                fleet,
                name,  # type: ignore[arg-type]  # one of the words that it takes
                state=state,
                coverings=coverings,
                now=NOW,
                online_threshold=4 * HOUR,
            )
            assert waves.uuids_of(rows, found) == expected, name


# --- what a sample consists of -------------------------------------------------------------------------------------

BANDS = {"4h": 4 * HOUR + 1, "1d": 24 * HOUR, "7d": 7 * 24 * HOUR, "30d": 30 * 24 * HOUR}


def band(device: Device) -> str:
    if device.last_seen is None:
        return "never"
    age = max(0, NOW - device.last_seen)
    return next((name for name, end in BANDS.items() if age < end), "more")


@settings(max_examples=profiles.examples(60), deadline=None)
@given(worlds(), st.data())
def test_a_breakdown_counts_picks_and_candidates(
    world: tuple[list[Device], frozenset[UUID], Wave], data: st.DataObject
) -> None:
    rows, deleted, wave = world
    devices, fleet, ours = left(rows, deleted), waves.core_fleet(rows, deleted), waves.core_wave(rows, wave)
    group = data.draw(st.sampled_from((None, *fleets.GROUPS)))
    asked = Rollout(group=group, limit=data.draw(st.integers(1, 20)))
    expected = reference.roll_out(devices, fleets.GROUPS, wave, asked, DRAW)
    picked = waves.device_set(rows, expected.taken).to_ordinals()
    found = ours.breakdown(fleet, picked, RolloutRequest.of(1, group=group, now=instant(NOW)).core())
    by_uuid = {device.uuid: device for device in devices}
    for parts, of in (
        (found.bands, band),
        (found.groups, lambda device: device.group),
        (found.hardware, lambda device: device.hardware_id),
    ):
        picks = Counter(of(by_uuid[uuid]) for uuid in expected.taken)
        pool = Counter(of(by_uuid[uuid]) for uuid in expected.candidates)
        assert {name: (n, m) for name, n, m in parts if n or m} == {name: (picks[name], pool[name]) for name in pool}
    for parts in (found.groups, found.hardware):
        assert parts == sorted(parts, key=lambda part: (-part[1], -part[2], part[0] is not None, part[0]))


def test_a_negative_threshold_is_refused() -> None:
    wave = _core.Wave(target_version=42, tag="main", staged=waves.device_set([], []), whole_groups=[])
    with pytest.raises(groundswell.InputError) as caught:
        wave.status(waves.core_fleet([]), state="active", rolled_out=[], coverings=[], now=NOW, online_threshold=-1)
    assert caught.value.code == "bad-setting"


# --- what a device is served ---------------------------------------------------------------------------------------

CONDITIONS: tuple[tuple[State, bool], ...] = (
    ("active", True),
    ("active", False),
    ("complete", False),
    ("canceled", True),
)
WAVES = [(version, *condition) for version in (41, 42, 43) for condition in CONDITIONS]


def histories() -> list[list[tuple[int, State, bool]]]:
    """Give the waves that a tag may have had: two at most, one of them active at most."""
    two = itertools.product(WAVES, repeat=2)
    return [[], *([wave] for wave in WAVES), *([a, b] for a, b in two if (a[1], b[1]) != ("active", "active"))]


def test_what_a_device_is_served_is_what_the_reference_says() -> None:
    facts = itertools.product((True, False), ("main", None), (None, 40, 41, 42, 43), (None, 40, 41, 42), histories())
    for production, tag, version, production_version, history in facts:
        device = Device(UUID(int=1), production=production, tag=tag, target_version=version)
        expected = reference.served(device, history, production_version)
        found = _core.targets_variant(
            production=production,
            tagged=tag is not None,
            target_version=version,
            waves=history,
            production_version=production_version,
        )
        assert found == expected, (device, history, production_version)


def test_no_device_is_served_less_than_the_canceled_version_that_it_runs() -> None:
    for production_version, history in itertools.product((None, 40, 41), histories()):
        canceled = [wave for wave in history if wave[0] == 42 and wave[1] == "canceled"]
        if not canceled:
            continue
        found = _core.targets_variant(
            production=True, tagged=True, target_version=42, waves=history, production_version=production_version
        )
        assert isinstance(found, int)
        assert history[found][0] >= 42


def test_a_state_that_no_wave_is_in_is_a_mistake_of_the_caller() -> None:
    history: Any = [(1, "paused", True)]
    with pytest.raises(ValueError, match="paused"):
        _core.targets_variant(production=True, tagged=True, target_version=None, waves=history, production_version=None)
