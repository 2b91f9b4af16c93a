"""`Waves.status` and `Waves.why`: each rule of domain.md, "Status", and each reason that a device can be given."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import GroundswellError
from support.factories import AT, NOW, later
from support.wave_factories import CANARY, HOUR, MATCHING, OTHER_TAG, STRANGER, TAGLESS, TEST_DEVICES, uuid, uuids

if TYPE_CHECKING:
    from groundswell.waves.progress import Progress, WaveStatus
    from support.wave_factories import Release


def status(release: Release, name: str = "w", **words: Any) -> WaveStatus:
    found = release.waves.status(name, **({"now": AT} | words))
    parts = [found.progress, *(one.progress for one in (*found.rollout_groups, *found.other_groups))]
    for progress in parts:
        assert progress.total == progress.updated + progress.scheduled + progress.unscheduled
        assert progress.updated == progress.on_version + progress.newer == progress.total - progress.older
        assert progress.silent <= progress.scheduled <= progress.older
    for column in ("total", "online", "updated", "covered", "scheduled", "unscheduled", "silent"):
        assert getattr(parts[0], column) == sum(getattr(part, column) for part in parts[1:])
    return found


def counts(progress: Progress) -> tuple[int, int, int, int]:
    return progress.total, progress.updated, progress.scheduled, progress.unscheduled


def test_all_counts_are_of_production_devices_on_the_tag(wave: Release) -> None:
    wave.rollout(uuids=[1, 5])
    assert counts(status(wave).progress) == (len(MATCHING), 0, 2, 16)
    # Devices that do not match are nowhere, whatever they report and wherever they are.
    wave.check_in([*TEST_DEVICES, *OTHER_TAG, *TAGLESS], target_version=42)
    assert counts(status(wave).progress) == (len(MATCHING), 0, 2, 16)


def test_updated_devices_count_wherever_they_are(wave: Release) -> None:
    wave.rollout(uuids=[1, 5])
    wave.check_in([1, 17], target_version=42)
    wave.check_in([9], target_version=43)
    wave.check_in([10], target_version=40)
    wave.check_in([11], target_version=None)
    found = status(wave).progress
    assert counts(found) == (18, 3, 1, 14)
    assert (found.on_version, found.newer, found.older, found.covered) == (2, 1, 15, 2)


def test_online_devices_were_seen_within_the_threshold(wave: Release) -> None:
    # Device n was seen n hours ago.
    assert status(wave).progress.online == 4
    assert status(wave, online_threshold=timedelta(hours=10)).progress.online == 10
    assert status(wave, online_threshold=timedelta(0)).progress.online == 0
    assert status(wave, now=later(hours=10)).progress.online == 0


def test_groups_that_were_rolled_out_come_first_in_the_order_of_their_first_rollout(wave: Release) -> None:
    factory = wave.factory
    factory.groups.create("zoo", now=AT)
    factory.groups.create("empty", now=AT)
    factory.devices.assign(uuids([17, 18]), "zoo", now=AT)
    wave.rollout(1, group="zoo", at=later(hours=1))
    wave.rollout(group="canary", whole_group=True, at=later(hours=2))
    wave.rollout(1, group="zoo", at=later(hours=3))
    found = status(wave)
    assert [(one.group, one.rolled_out_at, one.whole) for one in found.rollout_groups] == [
        ("zoo", later(hours=1), False),
        ("canary", later(hours=2), True),
    ]
    assert [one.group for one in found.other_groups] == ["field", None], "no group without devices, groupless last"
    wave.rollout(2)
    assert [one.group for one in status(wave).rollout_groups] == ["zoo", "canary"], "a factory-wide one names no group"
    assert found.rollouts == 3


def test_a_group_that_is_gone_is_not_listed_and_one_that_was_renamed_has_its_new_name(wave: Release) -> None:
    wave.rollout(group="canary", whole_group=True)
    wave.rollout(2, group="field", seed=1)
    wave.factory.groups.rename("canary", "canaries", now=AT)
    assert [one.group for one in status(wave).rollout_groups] == ["canaries", "field"]
    wave.factory.groups.delete("canaries", ungroup=True, now=AT)
    wave.factory.groups.create("canaries", now=AT)
    found = status(wave)
    assert [one.group for one in found.rollout_groups] == ["field"]
    assert found.progress.scheduled == 2


def test_a_rolled_out_group_without_devices_is_listed_with_zeros(wave: Release) -> None:
    wave.rollout(group="canary", whole_group=True)
    wave.factory.devices.assign(uuids(CANARY), None, now=AT)
    (found,) = status(wave).rollout_groups
    assert counts(found.progress) == (0, 0, 0, 0)


def test_versions_are_broken_down_and_those_in_no_known_targets_are_orphans(release: Release) -> None:
    release.init("first", 41)
    release.waves.complete("first", now=AT)
    release.init("second", 43)
    release.waves.cancel("second", now=AT)
    release.init()
    release.check_in([1, 2], target_version=42)
    release.check_in([3], target_version=43)
    release.check_in([4], target_version=39)
    release.check_in([5, 6, 7], target_version=None)
    found = status(release)
    assert [(one.target_version, one.devices, one.is_orphan) for one in found.progress.versions] == [
        (43, 1, True),
        (42, 2, False),
        (41, 11, False),
        (39, 1, True),
        (None, 3, False),
    ]
    canary = next(one for one in found.other_groups if one.group == "canary")
    assert {one.target_version: one.devices for one in canary.progress.versions} == {43: 1, 42: 2, 39: 1}


@pytest.mark.parametrize(
    ("end", "expected"), [("complete", (18, 2, 16, 0)), ("cancel", (18, 2, 0, 16))], ids=["complete", "canceled"]
)
def test_finished_waves_are_counted_as_of_now_without_versions(
    wave: Release, end: str, expected: tuple[int, int, int, int]
) -> None:
    wave.rollout(uuids=[1, 2, 5])
    wave.check_in([1], target_version=42)
    getattr(wave.waves, end)("w", now=AT)
    wave.check_in([2], target_version=44)
    found = status(wave)
    assert counts(found.progress) == expected
    assert found.progress.versions == ()
    wave.factory.devices.delete([uuid(3)], now=AT)
    assert status(wave).progress.total == 17


def test_silent_devices_were_not_seen_since_the_rollout_that_covers_them(wave: Release) -> None:
    wave.rollout(uuids=[1, 2, 3, 9], now=AT, at=later(hours=-2))
    # Devices 1 and 2 were seen at that very instant or after it.
    assert status(wave).progress.silent == 2
    wave.check_in([3], last_seen=NOW)
    assert status(wave).progress.silent == 1
    wave.check_in([9], last_seen=NOW, target_version=42)
    assert status(wave).progress.silent == 0, "an updated device is not waited for"
    assert status(wave).progress.failed is None, "unknown before devices report events"


def test_the_first_rollout_that_covers_a_device_counts(wave: Release) -> None:
    wave.rollout(uuids=[1], at=later(hours=-3))
    wave.rollout(group="canary", whole_group=True, at=AT)
    assert status(wave).progress.silent == 3, "1 was seen since the list, the others not since the group"
    wave.factory.devices.assign([uuid(9)], "canary", now=AT)
    assert status(wave).progress.silent == 4


def test_after_completion_the_rest_is_silent_since_then(wave: Release) -> None:
    wave.rollout(uuids=[1], at=later(hours=-3))
    wave.waves.complete("w", now=later(hours=-1, seconds=-1))
    assert status(wave).progress.silent == 17, "1 was seen since its rollout, the others not since the end"
    wave.check_in([2, 3], last_seen=NOW)
    assert status(wave).progress.silent == 15


def test_what_will_expire_is_told(wave: Release) -> None:
    assert status(wave).warnings == ()
    warned = status(wave, now=later(days=5)).warnings
    assert any("timestamp of tag main (wave w) expires" in warning for warning in warned)
    wave.factory.metadata.refresh(now=later(days=5))
    assert status(wave, now=later(days=5)).warnings == ()
    assert any("expired" in warning for warning in status(wave, now=later(days=800)).warnings)


# --- why -------------------------------------------------------------------------------------------------------------


def why(release: Release, number: int | str, wave: str | None = None) -> Any:
    (report,) = release.waves.why([number if isinstance(number, str) else uuid(number)], wave=wave, now=AT)
    return report


def test_each_rule_is_given_with_its_rollout(wave: Release) -> None:
    wave.rollout(uuids=[5], at=later(hours=-1))
    wave.rollout(group="canary", whole_group=True, at=later(minutes=-1))
    wave.check_in([9], target_version=42)
    found = {n: why(wave, n, "w") for n in (5, 1, 6, 9, TEST_DEVICES[0], OTHER_TAG[0], TAGLESS[0], STRANGER)}
    assert [one.rule for one in found.values()] == [
        "staged",
        "whole-group",
        "not-rolled-out",
        "updated",
        "test",
        "wrong-tag",
        "wrong-tag",
        "unknown",
    ]
    assert (found[5].rollout, found[5].since, found[5].by, found[5].in_wave) == (1, later(hours=-1), "alice", True)
    assert (found[1].rollout, found[1].since, found[1].group) == (2, later(minutes=-1), "canary")
    assert "its group canary was rolled out whole by rollout 2" in found[1].reason
    assert (found[6].rollout, found[6].in_wave, found[6].scheduled) == (None, False, False)
    assert (found[9].updated, found[9].scheduled, found[9].target_version) == (True, False, 42)


def test_the_first_rollout_that_covers_a_device_now_is_named(wave: Release) -> None:
    wave.rollout(group="canary", whole_group=True)
    wave.rollout(uuids=[9])
    wave.factory.devices.assign([uuid(9)], "canary", now=AT)
    assert why(wave, 9).rollout == 1
    wave.factory.groups.delete("canary", ungroup=True, now=AT)
    assert (why(wave, 9).rollout, why(wave, 9).rule) == (2, "staged")
    assert why(wave, 1).rule == "not-rolled-out"


def test_a_device_that_left_the_tag_is_told_that_it_was_chosen(wave: Release) -> None:
    wave.rollout(uuids=[5])
    wave.check_in([5], tag="beta")
    report = why(wave, 5, "w")
    assert (report.rule, report.in_wave) == ("wrong-tag", False)
    assert "a rollout had chosen it" in report.reason


def test_completion_brings_the_wave_to_everyone_and_cancelling_to_nobody(wave: Release) -> None:
    wave.rollout(uuids=[5])
    wave.waves.complete("w", now=AT)
    assert [(one.rule, one.in_wave, one.scheduled) for one in (why(wave, 5), why(wave, 6))] == [
        ("staged", True, True),
        ("completed", True, True),
    ]
    wave.init("next", 43)
    wave.rollout(uuids=[5], wave="next")
    wave.waves.cancel("next", now=AT)
    report = why(wave, 5)
    assert (report.wave, report.rule, report.scheduled) == ("next", "staged", False)
    assert "which was canceled since" in report.reason
    assert report.served == "the production targets of tag main"


def test_the_active_wave_of_its_tag_is_meant_or_else_the_latest(release: Release) -> None:
    assert (why(release, 1).wave, why(release, 1).rule) == (None, "no-wave")
    assert why(release, TAGLESS[0]).reason == "it has no tag"
    release.init("first", 41)
    release.init("other", 41, "beta")
    assert (why(release, 1).wave, why(release, OTHER_TAG[0]).wave) == ("first", "other")
    release.waves.cancel("first", now=AT)
    assert why(release, 1).wave == "first"
    release.init("second", 42)
    assert (why(release, 1).wave, why(release, 1, "first").wave) == ("second", "first")


def test_reports_come_in_the_order_of_the_list_and_bad_lists_are_refused(wave: Release) -> None:
    reports = wave.waves.why([uuid(9), STRANGER, uuid(1), uuid(9)])
    assert [one.uuid for one in reports] == [uuid(9), STRANGER, uuid(1)]
    for bad, code in (("", "empty-list"), ("no uuid", "bad-uuid"), ([b"x"], "bad-uuid")):
        with pytest.raises(GroundswellError) as caught:
            wave.waves.why(bad)
        assert caught.value.code == code
    with pytest.raises(GroundswellError) as caught:
        wave.waves.why([uuid(1)], wave="nowhere")
    assert caught.value.code == "unknown-wave"


def test_ages_are_counted_to_the_instant_that_is_asked_for(wave: Release) -> None:
    assert status(wave, now=later(seconds=-HOUR)).progress.online == 5
    assert status(wave).now == AT
