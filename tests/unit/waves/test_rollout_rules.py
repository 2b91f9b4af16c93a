"""Rollouts through `Factory.waves`: each row and each rule of domain.md, "Rollout: what each selector means"."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from groundswell import InputError, NotFoundError
from groundswell.errors import GroundswellError
from support.factories import AT, NOW, later
from support.served import expiring
from support.wave_factories import (
    CANARY,
    FIELD,
    GROUPLESS,
    MATCHING,
    OTHER_TAG,
    STRANGER,
    TAGLESS,
    TEST_DEVICES,
    numbers,
    uuid,
)

if TYPE_CHECKING:
    from support.wave_factories import Release


def refused(release: Release, *arguments: Any, **words: Any) -> GroundswellError:
    """A rollout that must be refused and must leave nothing behind."""
    before = release.factory.revision
    with pytest.raises(GroundswellError) as caught:
        release.rollout(*arguments, **words)
    assert release.factory.revision == before
    assert release.waves.history("w") == ()
    assert caught.value.hint
    return caught.value


# --- the table -----------------------------------------------------------------------------------------------------


def test_a_group_alone_is_a_standing_rule_for_those_that_join_later_too(wave: Release) -> None:
    result = wave.rollout(group="canary", whole_group=True)
    assert (result.kind, result.number, numbers(result.uuids)) == ("whole-group", 1, list(CANARY))
    assert wave.covered() == list(CANARY)
    wave.factory.devices.assign([uuid(5), uuid(15)], "canary", now=AT)
    wave.factory.devices.assign([uuid(1)], "field", now=AT)
    assert wave.covered() == [2, 3, 4, 5, 15]
    assert wave.waves.history("w")[0].device_count == len(CANARY), "history is of its time"


@pytest.mark.parametrize(("group", "pool"), [("field", FIELD), (None, MATCHING)])
def test_a_limit_takes_a_sample_of_the_group_or_of_the_fleet(wave: Release, group: str | None, pool: range) -> None:
    result = wave.rollout(3, group=group)
    assert (result.kind, len(result), result.wanted, result.candidates) == ("sample", 3, 3, len(pool))
    assert set(numbers(result.uuids)) <= set(pool)
    assert wave.covered() == sorted(numbers(result.uuids))
    rest = wave.rollout("100%", group=group)
    assert set(numbers(rest.uuids)) == set(pool) - set(numbers(result.uuids)), "nobody twice, nobody lost"


@pytest.mark.parametrize("group", ["field", None])
def test_a_list_takes_just_these_devices_in_its_order(wave: Release, group: str | None) -> None:
    result = wave.rollout(uuids=[9, 5, 12], group=group)
    assert (result.kind, numbers(result.uuids), result.wanted) == ("listed", [9, 5, 12], 3)
    assert wave.covered() == [5, 9, 12]


@pytest.mark.parametrize("group", ["field", None])
@pytest.mark.parametrize(("limit", "wanted"), [(2, 2), ("50%", 2), ("0.001%", 1)])
def test_a_list_with_a_limit_takes_a_sample_of_it(
    wave: Release, group: str | None, limit: int | str, wanted: int
) -> None:
    result = wave.rollout(limit, uuids=[9, 5, 12, 6], group=group)
    assert (result.kind, len(result), result.matching) == ("sample-within-list", wanted, 4)
    assert set(numbers(result.uuids)) < {9, 5, 12, 6}


def test_nothing_at_all_is_an_error_that_points_to_complete(wave: Release) -> None:
    error = refused(wave)
    assert error.code == "nothing-asked"
    assert "completing the wave" in error.hint


# --- absent is not empty -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "words", "code"),
    [
        (0, {}, "bad-limit"),
        ("0", {"group": "canary"}, "bad-limit"),
        ("0%", {"group": "canary"}, "bad-limit"),
        ("", {"group": "canary"}, "bad-limit"),
        (" \t", {"group": "canary"}, "bad-limit"),
        (None, {"uuids": ""}, "empty-list"),
        (None, {"uuids": " \n,;", "group": "canary"}, "empty-list"),
        (None, {"uuids": [], "group": "canary"}, "empty-list"),
        (5, {"uuids": [], "group": "canary"}, "empty-list"),
        (None, {"group": "canary"}, "whole-group-unsaid"),
        (None, {"whole_group": True}, "bad-whole-group"),
        (5, {"group": "canary", "whole_group": True}, "bad-whole-group"),
        (None, {"group": "canary", "whole_group": True, "uuids": [1]}, "bad-whole-group"),
        (None, {"group": "", "whole_group": True}, "empty-text"),
    ],
    ids=str,
)
def test_what_is_absent_empty_or_zero_never_means_more_devices(
    wave: Release, limit: Any, words: dict[str, Any], code: str
) -> None:
    assert refused(wave, limit, **words).code == code


@pytest.mark.parametrize(
    "limit", [-1, "-5", "101%", "100.001%", "-1%", "1e3", "ten", "½", "5 devices", "0.0001%", 1.5, True, "١٠"]
)
def test_a_limit_that_is_none_is_refused_at_the_edge(wave: Release, limit: Any) -> None:
    error = refused(wave, limit)
    assert error.code == "bad-limit"
    assert str(limit) in error.message


@pytest.mark.parametrize(
    ("words", "code", "family"),
    [
        ({"percent_of": "everyone"}, "bad-denominator", InputError),
        ({"seed": -1}, "bad-seed", InputError),
        ({"seed": 2**64}, "bad-seed", InputError),
        ({"half_life": timedelta(0)}, "bad-setting", InputError),
        ({"online_threshold": timedelta(seconds=-1)}, "bad-duration", InputError),
        ({"now": AT.replace(tzinfo=None)}, "bad-instant", InputError),
        ({"group": "cannary"}, "unknown-group", NotFoundError),
        ({"uuids": "6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a1"}, "bad-uuid", InputError),
    ],
    ids=str,
)
def test_every_other_word_is_checked_too(
    wave: Release, words: dict[str, Any], code: str, family: type[GroundswellError]
) -> None:
    error = refused(wave, 5, **words)
    assert (error.code, type(error)) == (code, family)


def test_an_unknown_group_names_its_neighbour(wave: Release) -> None:
    assert "canary" in refused(wave, 5, group="cannary").hint


@pytest.mark.parametrize("limit", [2**63, 2**64, "9" * 400])
def test_a_limit_beyond_any_fleet_is_everyone(wave: Release, limit: Any) -> None:
    assert len(wave.rollout(limit)) == len(MATCHING)
    wave.reopen()
    assert wave.waves.history("w")[0].device_count == len(MATCHING)


# --- listed devices are checked one by one ---------------------------------------------------------------------------

OFFENDERS: list[tuple[int | str, str]] = [
    (STRANGER, "unknown"),
    (TEST_DEVICES[0], "test"),
    (OTHER_TAG[0], "wrong-tag"),
    (TAGLESS[0], "wrong-tag"),
    (CANARY[0], "wrong-group"),
    (GROUPLESS[0], "wrong-group"),
]


@pytest.mark.parametrize("limit", [None, 2])
def test_one_offender_refuses_the_rollout_and_each_is_named_with_its_reason(wave: Release, limit: int | None) -> None:
    listed = [FIELD[0], *(device for device, _ in OFFENDERS), FIELD[1]]
    error = refused(wave, limit, group="field", uuids=listed)
    assert error.code == "mismatched-devices"
    named = [(one if isinstance(one, str) else uuid(one), reason) for one, reason in OFFENDERS]
    assert [(one["uuid"], one["reason"]) for one in error.fields["offenders"]] == named
    for device, _ in named:
        assert device in error.message


def test_of_many_offenders_five_of_a_reason_are_named_and_all_are_data(wave: Release) -> None:
    strangers = [str(UUID(int=1 << 100 | n)) for n in range(250)]
    error = refused(wave, uuids=[1, *strangers])
    assert sum(stranger in error.message for stranger in strangers) == 5
    assert [one["uuid"] for one in error.fields["offenders"]] == strangers


@pytest.mark.parametrize("limit", [None, 5])
def test_offenders_are_skipped_and_reported_where_that_is_asked_for(wave: Release, limit: int | None) -> None:
    listed = [FIELD[0], *(device for device, _ in OFFENDERS), FIELD[1]]
    result = wave.rollout(limit, group="field", uuids=listed, skip_mismatched=True)
    assert sorted(numbers(result.uuids)) == [FIELD[0], FIELD[1]]
    assert [one["reason"] for one in result.skipped] == [reason for _, reason in OFFENDERS]
    assert wave.covered() == [FIELD[0], FIELD[1]]


def test_if_all_are_skipped_nothing_is_staged_and_nothing_is_history(wave: Release) -> None:
    result = wave.rollout(uuids=[TEST_DEVICES[0], STRANGER], skip_mismatched=True)
    assert (len(result), result.number, result.why_short) == (0, None, "no device matches")
    assert (wave.covered(), wave.waves.history("w")) == ([], ())


def test_listed_devices_in_the_wave_or_updated_are_no_offenders_and_updated_ones_are_staged(wave: Release) -> None:
    wave.check_in([7, 8], target_version=42)
    wave.rollout(uuids=[5, 6])
    wave.rollout(group="canary", whole_group=True)
    result = wave.rollout(uuids=[1, 5, 7, 9])
    assert numbers(result.uuids) == [7, 9]
    assert result.already == 3, "1 by its group, 5 by a list, 7 since it is updated"
    assert (result.newly_scheduled, result.candidates) == (1, 1)
    # Whom a rollout staged is in the wave wherever the device goes, and whatever it reports.
    wave.check_in([7], target_version=41)
    assert wave.covered() == [1, 2, 3, 4, 5, 6, 7, 9]
    # A device that its group alone had covered leaves with its group.
    wave.factory.devices.assign([uuid(1)], None, now=AT)
    assert wave.covered() == [2, 3, 4, 5, 6, 7, 9]


def test_a_sample_takes_neither_covered_nor_updated_devices_of_a_list(wave: Release) -> None:
    wave.check_in([7], target_version=43)
    wave.rollout(uuids=[5])
    result = wave.rollout(9, uuids=[5, 7, 9])
    assert (numbers(result.uuids), result.already) == ([9], 2)
    assert result.why_short == "only 1 candidate is left"


# --- percentages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [("0.001%", 1), ("5.555%", 1), ("5.556%", 2), ("50%", 9), ("50.001%", 10), ("99.999%", 18), ("100%", 18)],
)
def test_a_percentage_is_of_all_that_match_and_rounded_up_exactly(wave: Release, limit: str, wanted: int) -> None:
    # 18 match: one is 5.5555…%.
    assert wave.rollout(limit, dry_run=True).wanted == wanted
    wave.rollout(4)
    assert wave.rollout(limit, dry_run=True).wanted == wanted, "participants are counted"


@pytest.mark.parametrize(
    ("percent_of", "wanted"),
    [("matching", 9), ("remaining", 7), ("online", 2)],
    ids=["matching", "remaining", "online"],
)
def test_another_denominator_can_be_chosen(wave: Release, percent_of: Any, wanted: int) -> None:
    wave.rollout(uuids=[11, 12, 13, 14])
    # Device n was seen n hours ago: four are online.
    result = wave.rollout("50%", percent_of=percent_of)
    assert (result.wanted, len(result)) == (wanted, wanted)
    assert result.plan.limit == "50%"
    (_, kept) = wave.waves.history("w")
    assert (kept.selector["limit"], kept.selector["percent_of"], kept.wanted) == ("50%", percent_of, wanted)


def test_a_percentage_of_a_group_or_a_list_is_of_these(wave: Release) -> None:
    assert wave.rollout("25%", group="canary").wanted == 1
    assert wave.rollout("50%", uuids=[5, 6, 7, 8, 9, 10]).wanted == 3


# --- fewer, and none -------------------------------------------------------------------------------------------------


def test_fewer_candidates_than_the_limit_are_all_taken(wave: Release) -> None:
    result = wave.rollout(100, group="canary")
    assert sorted(numbers(result.uuids)) == list(CANARY)
    assert (result.wanted, result.candidates, result.why_short) == (100, 4, "only 4 candidates are left")


def everyone_is_updated(release: Release) -> None:
    release.check_in(MATCHING, target_version=42)


def everyone_is_staged(release: Release) -> None:
    release.rollout("100%")


def half_is_updated_and_half_staged(release: Release) -> None:
    release.check_in(range(1, 10), target_version=44)
    release.rollout("100%")


def nobody_is_left(release: Release) -> None:
    release.factory.devices.delete([uuid(n) for n in MATCHING], now=AT)


def nobody_was_seen_lately(release: Release) -> None:
    release.factory.devices.delete([uuid(n) for n in range(1, 5)], now=AT)


@pytest.mark.parametrize(
    ("prepare", "words", "why"),
    [
        (everyone_is_updated, {"limit": 5}, "all matching devices are updated already"),
        (everyone_is_staged, {"limit": 5}, "all matching devices are in the wave already"),
        (half_is_updated_and_half_staged, {"limit": 5}, "all matching devices are updated or in the wave already"),
        (nobody_is_left, {"limit": 5}, "no device matches"),
        (nobody_was_seen_lately, {"limit": "50%", "percent_of": "online"}, "no matching device was seen within"),
        (everyone_is_staged, {"uuids": [1, 2]}, "all matching devices are in the wave already"),
        (everyone_is_staged, {"group": "canary", "limit": 1}, "all matching devices are in the wave already"),
    ],
    ids=["updated", "staged", "updated or staged", "none match", "none online", "listed", "in a group"],
)
def test_none_at_all_is_a_result_with_a_sentence_and_no_history(
    wave: Release, prepare: Any, words: dict[str, Any], why: str
) -> None:
    """A rollout widens a wave: one that widens nothing was none. It leaves no row, no revision and no new epoch."""
    prepare(wave)
    before = wave.factory.revision, len(wave.waves.history("w")), wave.waves.show("w").wave.revision
    result = wave.rollout(**words)
    assert (len(result), result.uuids, result.number) == (0, [], None)
    assert result.why_short is not None
    assert result.why_short.startswith(why)
    assert (wave.factory.revision, len(wave.waves.history("w")), wave.waves.show("w").wave.revision) == before


def test_a_whole_group_tells_whom_it_newly_covers_and_again_it_is_nothing(wave: Release) -> None:
    wave.rollout(uuids=[1])
    wave.check_in([2], target_version=42)
    first = wave.rollout(group="canary", whole_group=True)
    assert (numbers(first.uuids), first.newly_scheduled) == ([2, 3, 4], 2)
    before = wave.factory.revision
    again = wave.rollout(group="canary", whole_group=True)
    assert (again.repeated, again.number, len(again)) == (True, None, 0)
    assert again.why_short == "the group canary was rolled out whole before"
    assert wave.factory.revision == before
    # The rule is of the group, so it is none for one that is made later under its name.
    wave.factory.groups.delete("canary", ungroup=True, now=AT)
    wave.factory.groups.create("canary", now=AT)
    assert wave.rollout(group="canary", whole_group=True).number == 3


def test_an_empty_group_can_be_rolled_out_whole_for_those_to_come(wave: Release) -> None:
    wave.factory.groups.create("later", now=AT)
    result = wave.rollout(group="later", whole_group=True)
    assert (len(result), result.number, result.repeated) == (0, 1, False)
    wave.factory.devices.assign([uuid(6)], "later", now=AT)
    assert wave.covered() == [6]


# --- devices and groups change ---------------------------------------------------------------------------------------


def test_a_device_that_leaves_the_tag_keeps_its_place_and_is_covered_again_when_it_comes_back(wave: Release) -> None:
    wave.rollout(uuids=[5, 6])
    wave.check_in([5], tag="beta")
    assert wave.covered() == [6]
    assert wave.waves.status("w", now=AT).progress.total == len(MATCHING) - 1
    assert 5 not in numbers(wave.rollout("100%").uuids)
    wave.check_in([5], tag="main")
    assert wave.covered() == list(MATCHING)


def test_a_group_change_matters_to_whole_group_rules_alone(wave: Release) -> None:
    wave.rollout(2, group="field")
    staged = wave.covered()
    wave.factory.devices.assign([uuid(n) for n in staged], "canary", now=AT)
    assert wave.covered() == staged
    wave.rollout(group="canary", whole_group=True)
    wave.factory.devices.assign([uuid(n) for n in [*staged, 1]], None, now=AT)
    assert wave.covered() == sorted([2, 3, 4, *staged])


def test_a_deleted_device_leaves_every_set_and_comes_back_with_its_history(wave: Release) -> None:
    wave.rollout(uuids=[5, 6])
    wave.factory.devices.delete([uuid(5)], now=AT)
    assert wave.covered() == [6]
    assert wave.waves.rollout_uuids("w", 1) == [uuid(5), uuid(6)]
    wave.factory.devices.allow([uuid(5)], now=AT)
    wave.factory.devices.import_(wave_row(5), now=AT)
    assert wave.covered() == [5, 6]
    assert wave.rollout(uuids=[5]).already == 1


def wave_row(number: int) -> Any:
    from support.wave_factories import small_fleet

    table = small_fleet()
    return table.slice(table.column("uuid").to_pylist().index(uuid(number)), 1)


def test_a_rule_follows_its_group_to_another_name_and_goes_with_it(wave: Release) -> None:
    wave.rollout(group="canary", whole_group=True)
    wave.factory.groups.rename("canary", "canaries", now=AT)
    wave.factory.groups.create("canary", now=AT)
    wave.factory.devices.assign([uuid(6)], "canary", now=AT)
    assert wave.covered() == list(CANARY)
    wave.factory.groups.delete("canaries", ungroup=True, now=AT)
    assert wave.covered() == []
    wave.factory.groups.create("canaries", now=AT)
    wave.factory.devices.assign([uuid(n) for n in CANARY], "canaries", now=AT)
    assert wave.covered() == [], "a new group of the name inherits no rule"


# --- history ---------------------------------------------------------------------------------------------------------


def test_history_keeps_who_when_what_and_the_exact_set_for_ever(wave: Release) -> None:
    result = wave.rollout(
        "30%",
        group="field",
        seed=2**64 - 1,
        now=later(hours=-1),
        at=later(minutes=5),
        online_threshold=timedelta(hours=2),
        half_life=timedelta(hours=12),
    )
    wave.reopen()
    (kept,) = wave.waves.history("w")
    assert (kept.number, kept.kind, kept.applied_by, kept.applied_at) == (1, "sample", "alice", later(minutes=5))
    assert (kept.selected_at, kept.online_threshold, kept.half_life) == (NOW - 3600, 7200, 43_200)
    assert (kept.seed, kept.algorithm) == (2**64 - 1, 1)
    assert (kept.matching, kept.candidates, kept.wanted, kept.device_count) == (10, 10, 3, 3)
    assert kept.selector == {
        "group": "field",
        "limit": "30%",
        "percent_of": "matching",
        "listed": None,
        "skip_mismatched": False,
        "to": None,
        "online_only": False,
    }
    assert kept.candidates_rule == 2
    assert sorted(wave.waves.rollout_uuids("w", 1)) == sorted(result.uuids)
    digest = hashlib.sha256(b"".join(sorted(UUID(one).bytes for one in result.uuids))).hexdigest()
    assert kept.digest == result.digest == digest


def test_the_present_is_not_what_ages_are_counted_to(wave: Release) -> None:
    """What is signed lives from the act on: an old `now` must not serve devices what has expired."""
    wave.rollout(1, now=later(days=-30), at=AT)
    assert expiring(wave.factory, now=AT) == []
    (kept,) = wave.waves.history("w")
    assert (kept.applied_at, kept.selected_at) == (AT, NOW - 30 * 86_400)


def test_a_seed_is_fresh_each_time_and_reported(wave: Release) -> None:
    seeds = {wave.rollout(1, dry_run=True).seed for _ in range(10)}
    assert len(seeds) == 10


def test_names_come_in_the_order_of_the_devices(wave: Release) -> None:
    result = wave.rollout(uuids=[9, 5])
    assert result.names == ["device-9", "device-5"]
    assert wave.rollout(group="canary", whole_group=True).names == [f"device-{n}" for n in CANARY]
