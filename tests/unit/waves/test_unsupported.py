"""Hardware without a target: never sampled, an offender in a list, covered by a whole group, counted by itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pytest

from groundswell import Fleet, InputError, StateError
from groundswell.factory import Factory
from groundswell.store import put
from groundswell.waves import RolloutRequest
from support import factories
from support.factories import AT, NOW
from support.wave_factories import CANARY, FIELD, MATCHING, numbers, uuid, uuids

if TYPE_CHECKING:
    from support.wave_factories import Release

OTHERS = range(5, 9)
"""Devices of the group ``field`` whose hardware has no target."""
STATES = (
    *("matching", "online", "on-version", "newer", "older", "updated"),
    *("covered", "staged", "scheduled", "silent", "unsupported", "unscheduled"),
)


@pytest.fixture
def mixed(release: Release) -> Release:
    """The wave ``w``; four devices of the group ``field`` are of hardware without a target."""
    release.check_in(OTHERS, hardware_id="x86")
    release.init()
    return release


def those(release: Release, state: Any, **words: Any) -> list[int]:
    """The numbers of the devices behind a count."""
    found = release.waves.devices_in_state("w", state, **({"now": AT} | words))
    fleet = release.factory.devices.fleet(now=AT)
    rows = fleet.core.uuids(found.to_ordinals())
    return sorted(numbers(str(UUID(bytes=row.tobytes())) for row in rows))


# --- rollouts ------------------------------------------------------------------------------------------------------


def test_the_case_of_wrong_hardware(release: Release) -> None:
    """100 devices of hardware A, 100 of B; the wave has a target for A alone."""
    devices = [factories.device(number) for number in range(1000, 1200)]
    rows = {"uuid": devices, "hardware_id": ["a"] * 100 + ["b"] * 100, "tag": ["lab"] * 200, "production": [True] * 200}
    release.factory.devices.import_(pa.table(rows), now=AT)
    release.factory.targets.import_(factories.plain(factories.target(50, "a")), now=AT)
    made = release.init("lab", 50, "lab")
    assert any("the hardware of 100 devices: b (100)" in warning for warning in made.warnings)
    result = release.rollout(20, wave="lab")
    assert len(result) == 20
    assert set(result.uuids) <= set(devices[:100])
    assert (result.matching, result.candidates, result.unsupported) == (200, 100, 100)
    done = release.waves.complete("lab", now=AT)
    assert done.without_target == {"b": 100}
    assert any("100 devices have no target" in warning for warning in done.warnings)
    progress = release.waves.status("lab", now=AT).progress
    assert (progress.unsupported, progress.scheduled, progress.unscheduled, progress.covered) == (100, 100, 0, 200)


def test_a_sample_never_picks_hardware_without_a_target(mixed: Release) -> None:
    result = mixed.rollout(1000)
    assert sorted(numbers(result.uuids)) == sorted(set(MATCHING) - set(OTHERS))
    assert result.plan.candidates_rule == 2
    again = mixed.rollout(1000)
    assert (len(again), again.number) == (0, None)
    assert again.why_short == (
        "no candidate is left among the 18 matching devices: 14 in the wave, 4 of hardware without a target"
    )
    alone = mixed.rollout(5, uuids=[5, 6], skip_mismatched=True)
    assert alone.why_short == "the wave has no target for the hardware of any matching device"


def test_unknown_hardware_is_supported(mixed: Release) -> None:
    mixed.check_in([5], hardware_id=None)
    assert 5 in numbers(mixed.rollout(1000).uuids)


def test_a_percentage_counts_devices_without_a_target_among_those_that_match(mixed: Release) -> None:
    assert mixed.rollout("50%", dry_run=True).wanted == 9
    assert mixed.rollout("50%", group="field", dry_run=True).wanted == 5
    assert mixed.rollout("50%", group="field", percent_of="remaining", dry_run=True).wanted == 3


def test_a_listed_device_without_a_target_is_an_offender(mixed: Release) -> None:
    alternatives: list[dict[str, Any]] = [{}, {"limit": 2}]
    for words in alternatives:
        with pytest.raises(InputError) as caught:
            mixed.rollout(uuids=[1, 5, 9, 6], **words)
        assert caught.value.fields["offenders"] == [
            {"uuid": uuid(number), "reason": "no-target-for-hardware"} for number in (5, 6)
        ]
        assert mixed.waves.history("w") == ()
    result = mixed.rollout(uuids=[1, 5, 9, 6], skip_mismatched=True)
    assert numbers(result.uuids) == [1, 9]
    assert [one["reason"] for one in result.skipped] == ["no-target-for-hardware"] * 2
    nobody = mixed.rollout(uuids=[5, 6], skip_mismatched=True)
    assert (len(nobody), nobody.number, len(nobody.skipped)) == (0, None, 2)
    assert nobody.why_short is not None


def test_a_listed_device_that_is_covered_or_updated_is_no_offender(mixed: Release) -> None:
    mixed.check_in([5], target_version=42)
    mixed.rollout(group="field", whole_group=True)
    result = mixed.rollout(uuids=[5, 6, 1])
    assert numbers(result.uuids) == [1]
    assert result.already == 2
    # An updated device that is not covered is staged all the same.
    mixed.check_in([2], hardware_id="x86", target_version=42)
    staged = mixed.rollout(uuids=[2])
    assert (numbers(staged.uuids), staged.already, staged.newly_scheduled) == ([2], 1, 0)


def test_a_whole_group_covers_devices_without_a_target_and_does_not_schedule_them(mixed: Release) -> None:
    result = mixed.rollout(group="field", whole_group=True)
    assert sorted(numbers(result.uuids)) == [*FIELD]
    assert result.newly_scheduled == 6
    assert result.without_target == {"x86": 4}
    progress = mixed.waves.status("w", now=AT).progress
    assert (progress.covered, progress.scheduled, progress.unsupported, progress.unscheduled) == (10, 6, 4, 8)


def test_an_error_counts_offenders_by_reason_and_names_five_of_each(mixed: Release) -> None:
    """The message fits a screen; as data the error has all offenders."""
    strangers = [f"{number:032x}" for number in range(1, 10)]
    listed = [*strangers, *uuids(OTHERS), uuid(21), uuid(1)]
    with pytest.raises(InputError) as caught:
        mixed.waves.rollout("w", uuids=listed, now=AT)
    message = caught.value.message
    assert message.startswith("14 of the 15 listed devices cannot be selected: not in the fleet: 9 (")
    assert "a test device: 1 (" in message
    assert "no target for its hardware: 4 (" in message
    assert message.count("`") == 2 * (5 + 1 + 4)
    assert len(caught.value.fields["offenders"]) == 14


# --- status --------------------------------------------------------------------------------------------------------


def test_a_covered_device_that_is_updated_counts_as_updated(mixed: Release) -> None:
    mixed.rollout(group="field", whole_group=True)
    mixed.check_in([5], target_version=42)
    mixed.check_in([6], target_version=43)
    status = mixed.waves.status("w", now=AT)
    field = next(one for one in status.rollout_groups if one.group == "field").progress
    for progress in (status.progress, field):
        assert (progress.updated, progress.scheduled, progress.unsupported) == (2, 6, 2)
        parts = progress.updated + progress.scheduled + progress.unsupported + progress.unscheduled
        assert progress.total == parts
    assert those(mixed, "unsupported") == [7, 8]
    assert those(mixed, "newer") == [6]


def test_counts_of_finished_waves_take_everyone_or_nobody_for_covered(mixed: Release) -> None:
    mixed.rollout(3, group="canary")
    mixed.rollout(group="field", whole_group=True)
    mixed.check_in([5, 15], target_version=42)
    mixed.waves.cancel("w", now=AT)
    progress = mixed.waves.status("w", now=AT).progress
    assert (progress.covered, progress.scheduled, progress.unsupported, progress.unscheduled) == (0, 0, 0, 16)
    assert those(mixed, "unscheduled") == sorted(set(MATCHING) - {5, 15})
    assert progress.versions == ()


def test_every_number_is_that_of_its_devices(mixed: Release) -> None:
    mixed.rollout(group="field", whole_group=True)
    mixed.rollout(5)
    mixed.check_in([5, 9, 1], target_version=42)
    mixed.check_in([10], target_version=44)
    for finish in (None, mixed.waves.complete):
        if finish is not None:
            finish("w", now=AT, allow_downgrade=True)
        progress = mixed.waves.status("w", now=AT).progress
        for state in STATES:
            name = {"matching": "total"}.get(state, state.replace("-", "_"))
            if state != "staged":
                assert len(those(mixed, state)) == getattr(progress, name), state
        assert those(mixed, "on-version") == [1, 5, 9]
        assert those(mixed, "newer") == [10]


def test_silent_devices_were_not_seen_since_their_rollout(mixed: Release) -> None:
    mixed.rollout(uuids=[1, 2, 3], at=AT - timedelta(hours=2))
    # Device n was last seen n hours ago.
    assert those(mixed, "silent") == [3]
    assert mixed.waves.status("w", now=AT).progress.silent == 1


def test_failures_are_unknown_and_words_that_are_no_state_are_refused(mixed: Release) -> None:
    with pytest.raises(StateError) as caught:
        mixed.waves.devices_in_state("w", "failed", now=AT)
    assert caught.value.code == "failures-unknown"
    with pytest.raises(InputError) as wrong:
        mixed.waves.devices_in_state("w", "lost", now=AT)  # type: ignore[arg-type]  # what a caller may get wrong
    assert wrong.value.code == "bad-state"


def test_why_says_that_the_hardware_has_no_target(mixed: Release) -> None:
    (report,) = mixed.waves.why([uuid(5)])
    assert (report.rule, report.in_wave, report.unsupported) == ("no-target-for-hardware", False, True)
    assert report.hardware_id == "x86"
    assert "x86" in report.reason
    mixed.rollout(group="field", whole_group=True)
    (report,) = mixed.waves.why([uuid(5)])
    assert (report.rule, report.in_wave, report.scheduled) == ("whole-group", True, False)
    assert "no target for its hardware x86" in report.reason


# --- goals ---------------------------------------------------------------------------------------------------------


def test_a_goal_takes_what_is_missing(mixed: Release) -> None:
    mixed.check_in([1, 2], target_version=42)
    mixed.rollout(uuids=[1, 3])
    # 1, 2 and 3 are covered or updated; half of 18 is 9.
    result = mixed.rollout(to="50%")
    assert (result.kind, result.goal, result.wanted, len(result)) == ("sample", 9, 6, 6)
    assert (result.plan.to, result.plan.limit) == ("50%", None)
    reached = mixed.rollout(to="50%")
    assert (len(reached), reached.number, reached.wanted) == (0, None, 0)
    assert reached.why_short == "9 of the 18 matching devices are covered or updated already; the goal is 9"
    assert mixed.rollout(to=12).wanted == 3
    kept = mixed.waves.history("w")[1].selector
    assert (kept["to"], kept["limit"]) == ("50%", None)


def test_a_goal_of_a_group_counts_the_group(mixed: Release) -> None:
    mixed.rollout(uuids=[1, 9])
    result = mixed.rollout(to="25%", group="field")
    assert (result.matching, result.goal, result.wanted) == (10, 3, 2)
    more = mixed.rollout(to=1000, group="field")
    assert (len(more), more.why_short) == (3, "only 3 candidates are left")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"limit": 5}, "bad-goal"),
        ({"uuids": [1]}, "bad-goal"),
        ({"percent_of": "matching"}, "bad-goal"),
        ({"percent_of": "online"}, "bad-goal"),
        ({"group": "canary", "whole_group": True}, "bad-whole-group"),
    ],
    ids=str,
)
def test_a_goal_goes_with_nothing_but_a_group(mixed: Release, words: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        mixed.rollout(to="25%", **words)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("goal", ["", " ", "0", 0, "0%", "101%", -1, "many", "0.0001%"])
def test_what_is_no_goal_is_refused(mixed: Release, goal: Any) -> None:
    with pytest.raises(InputError) as caught:
        mixed.rollout(to=goal)
    assert caught.value.code == "bad-limit"
    assert "the goal" in caught.value.message


# --- online devices only -------------------------------------------------------------------------------------------


def test_online_only_leaves_devices_beyond_the_threshold_out(mixed: Release) -> None:
    # Device n was last seen n hours ago, but for 3, which was never seen.
    mixed.check_in([3], last_seen=None)
    result = mixed.rollout(1000, online_only=True, dry_run=True)
    assert sorted(numbers(result.uuids)) == [1, 2, 4]
    assert (result.candidates, result.online_candidates) == (14, 3)
    assert result.why_short == "only 3 candidates are online"
    wide = mixed.rollout("100%", online_only=True, online_threshold=timedelta(hours=9), dry_run=True)
    assert sorted(numbers(wide.uuids)) == [1, 2, 4, 9]
    nobody = mixed.rollout(3, group="field", online_only=True)
    assert (len(nobody), nobody.number) == (0, None)
    assert nobody.why_short == "no candidate was seen within the online threshold"
    goal = mixed.rollout(to=2, online_only=True)
    assert set(numbers(goal.uuids)) <= {1, 2, 4}
    assert mixed.waves.history("w")[0].selector["online_only"] is True


@pytest.mark.parametrize("words", [{"uuids": [1]}, {"group": "canary", "whole_group": True}], ids=str)
def test_online_only_goes_with_a_sample(mixed: Release, words: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        mixed.rollout(online_only=True, **words)
    assert caught.value.code == "online-only-without-sample"


# --- what a sample consists of -------------------------------------------------------------------------------------


def test_a_breakdown_stands_next_to_the_candidates(mixed: Release) -> None:
    result = mixed.rollout(6, seed=3)
    found = result.breakdown
    for parts in (found.bands, found.groups, found.hardware):
        assert sum(part.picked for part in parts) == len(result) == 6
        assert sum(part.candidates for part in parts) == result.candidates == 14
    assert [part.name for part in found.bands] == ["4h", "1d", "7d", "30d", "more", "never"]
    assert [part.candidates for part in found.bands] == [4, 10, 0, 0, 0, 0]
    assert {part.name: part.candidates for part in found.groups} == {"canary": 4, "field": 6, None: 4}
    assert [(part.name, part.candidates) for part in found.hardware] == [("pi", 14)]
    picked = numbers(result.uuids)
    by_group = {part.name: part.picked for part in found.groups}
    assert by_group["canary"] == sum(number in CANARY for number in picked)


def test_a_plan_and_its_application_have_the_breakdown_of_the_dry_run(mixed: Release) -> None:
    looked = mixed.rollout(5, group="field", dry_run=True)
    mixed.factory.groups.rename("field", "meadow", now=AT)
    done = mixed.waves.apply(looked.plan, now=AT)
    assert done.breakdown.bands == looked.breakdown.bands
    assert [(part.picked, part.candidates) for part in done.breakdown.groups] == [(5, 6)]
    assert [part.name for part in done.breakdown.groups] == ["meadow"]


# --- history -------------------------------------------------------------------------------------------------------


def freeze(release: Release) -> Fleet:
    path = release.folder / "then.parquet"
    release.factory.devices.fleet(now=AT).write(path)
    return Fleet.read(path)


def test_each_rollout_is_verified_by_its_own_rule(mixed: Release) -> None:
    fleet = freeze(mixed)
    mixed.rollout(6, seed=3)
    mixed.rollout(to="80%")
    mixed.rollout(2, group="canary", online_only=True)
    # Rule 1 would have sampled the four devices without a target, too.
    wave = mixed.waves.show("w").wave
    core = mixed.factory.waves._book.core(wave)
    old = type(core)(target_version=42, tag="main", staged=core.staged(), whole_groups=[])
    staging = old.stage(mixed.factory.devices.fleet(now=AT).core, RolloutRequest.of(100, seed=7, now=AT).core())
    assert {5, 6, 7, 8} <= {int(o) + 1 for o in staging.ordinals().tolist()}
    keep(mixed, staging, number=len(mixed.waves.history("w")) + 1)
    found = mixed.waves.verify("w", fleet=fleet)
    assert [one.recomputed for one in found] == [True] * len(found)
    assert [one.candidates_rule for one in mixed.waves.history("w")][-1] == 1
    bare = Fleet.read(fleet.to_arrow().drop_columns(["hardware_id"]))
    assert [one.recomputed for one in mixed.waves.verify("w", fleet=bare, number=1)] in ([None], [True])


def keep(release: Release, staging: Any, *, number: int) -> None:
    """Keep a rollout as a program kept it that knew rule 1: its row has no column for the rule."""
    context = release.factory._context
    row = {
        "wave_id": release.waves.show("w").wave.wave_id,
        "number": number,
        "kind": "sample",
        "applied_at": NOW,
        "applied_by": "alice",
        "group_id": None,
        "selector": json.dumps(
            {"group": None, "limit": "100", "percent_of": "matching", "listed": None, "skip_mismatched": False}
        ),
        "listed": None,
        "whole_groups": "[]",
        "seed": "7",
        "selected_at": NOW,
        "online_threshold": 14_400,
        "half_life": 86_400,
        "algorithm": 1,
        "matching": staging.matching,
        "candidates": staging.candidates,
        "wanted": staging.wanted,
        "device_count": len(staging),
        "devices": staging.devices().to_portable(),
        "digest": staging.digest().hex(),
    }
    context.commit("waves rollout", "as an older program", [put("rollouts", [row], new=True)], at=NOW)


def test_an_old_audit_log_replays_and_its_rollouts_are_of_rule_1(mixed: Release) -> None:
    core = mixed.factory.waves._book.core(mixed.waves.show("w").wave)
    staging = core.stage(mixed.factory.devices.fleet(now=AT).core, RolloutRequest.of(2, seed=7, now=AT).core())
    keep(mixed, staging, number=1)
    mixed.rollout(1)
    mixed.factory.close()
    Factory.repair(mixed.folder / "acme")
    mixed.reopen()
    assert [one.candidates_rule for one in mixed.waves.history("w")] == [1, 2]
