"""Plans bind: exactly the devices that were looked at, or a refusal that names what has changed. domain.md, "Plans"."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell import InputError, NotFoundError, StateError
from groundswell.errors import GroundswellError
from groundswell.factory import Factory
from groundswell.values import Limit
from groundswell.waves import Plan, Recency, RolloutSelector
from support import profiles
from support.factories import AT, NOW, later
from support.wave_factories import CANARY, MATCHING, STRANGER, numbers, raise_threshold, small_fleet, uuid

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.wave_factories import Release

SELECTORS: dict[str, dict[str, Any]] = {
    "whole-group": {"group": "canary", "whole_group": True},
    "sample": {"limit": 5},
    "sample of a group": {"limit": "50%", "group": "field", "percent_of": "remaining"},
    "listed": {"uuids": [9, 3, 12]},
    "listed in a group": {"uuids": [9, 12, 1], "group": "field", "skip_mismatched": True},
    "sample-within-list": {"limit": 2, "uuids": [9, 3, 12, STRANGER], "skip_mismatched": True},
}
every_kind = pytest.mark.parametrize("words", SELECTORS.values(), ids=SELECTORS)


# --- looking, and staging just that --------------------------------------------------------------------------------


@every_kind
def test_a_dry_run_changes_nothing_and_its_plan_says_all(wave: Release, words: dict[str, Any]) -> None:
    before = wave.factory.revision
    looked = wave.rollout(**words, dry_run=True)
    assert (wave.factory.revision, wave.covered(), wave.waves.history("w")) == (before, [], ())
    plan = looked.plan
    assert (looked.number, looked.dry_run, plan.uuids) == (None, True, looked.uuids)
    assert (plan.factory, plan.wave, plan.wave_revision, plan.target_version, plan.tag) == ("acme", "w", 1, 42, "main")
    assert (plan.now, plan.online_threshold, plan.half_life, plan.algorithm) == (NOW, 4 * 3600, 24 * 3600, 1)
    assert plan.digest == hashlib.sha256(b"".join(sorted(UUID(one).bytes for one in plan.uuids))).hexdigest()


@every_kind
@pytest.mark.parametrize("through", ["memory", "file", "another process"])
def test_applying_a_plan_stages_exactly_its_devices(
    wave: Release, tmp_path: Path, words: dict[str, Any], through: str
) -> None:
    plan: Plan | Path = wave.rollout(**words, dry_run=True).plan
    assert isinstance(plan, Plan)
    planned = plan
    if through != "memory":
        plan = tmp_path / "plan.json"
        planned.write(plan)
        assert Plan.read(plan) == planned
    if through == "another process":
        wave.reopen()
    done = wave.waves.apply(plan, now=later(hours=1))
    assert (done.uuids, done.digest, done.number, done.dry_run) == (planned.uuids, planned.digest, 1, False)
    assert wave.covered() == sorted(numbers(planned.uuids))
    (kept,) = wave.waves.history("w")
    assert (kept.kind, kept.applied_at, kept.selected_at) == (planned.kind, later(hours=1), NOW)
    assert (kept.seed, kept.digest, kept.candidates) == (planned.seed, planned.digest, planned.candidates)
    assert sorted(wave.waves.rollout_uuids("w", 1)) == sorted(planned.uuids)


@every_kind
def test_a_rollout_and_the_plan_of_its_dry_run_leave_the_same_history(wave: Release, words: dict[str, Any]) -> None:
    looked = wave.rollout(**words, dry_run=True, seed=7)
    done = wave.rollout(**words, seed=7)
    assert (done.uuids, done.plan) == (looked.uuids, looked.plan)


# --- what makes a plan stale, and what does not --------------------------------------------------------------------


@every_kind
def test_check_ins_alone_never_make_a_plan_stale(wave: Release, words: dict[str, Any]) -> None:
    plan = wave.rollout(**words, dry_run=True).plan
    wave.check_in(range(1, 19), last_seen=NOW, target_version=44, hardware_id="x86")
    wave.factory.devices.import_(small_fleet(), now=AT)
    assert wave.waves.apply(plan, now=AT).uuids == plan.uuids


def other_rollout(release: Release) -> None:
    release.rollout(1)


def other_whole_group(release: Release) -> None:
    release.factory.groups.create("empty", now=AT)
    release.rollout(group="empty", whole_group=True)


@every_kind
@pytest.mark.parametrize("change", [other_rollout, other_whole_group])
def test_another_rollout_makes_a_plan_stale_and_is_named(
    wave: Release, words: dict[str, Any], change: Callable[[Release], None]
) -> None:
    plan = wave.rollout(**words, dry_run=True).plan
    change(wave)
    error = refused(wave, plan, StateError, "stale-plan")
    assert (error.fields["plan_revision"], error.fields["wave_revision"]) == (1, 2)
    assert error.fields["rollouts_since"] == [1]
    assert "rollout 1 by alice" in error.message


def refused(release: Release, plan: Plan | Path, family: type[GroundswellError], code: str) -> GroundswellError:
    before = release.factory.revision
    with pytest.raises(GroundswellError) as caught:
        release.waves.apply(plan, now=AT)
    assert release.factory.revision == before
    assert (type(caught.value), caught.value.code) == (family, code)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_a_plan_of_a_wave_that_is_finished_is_refused(wave: Release, end: str) -> None:
    plan = wave.rollout(3, dry_run=True).plan
    getattr(wave.waves, end)("w", now=AT)
    refused(wave, plan, StateError, "wave-finished")


def deleted(release: Release) -> None:
    release.factory.devices.delete([uuid(9)], now=AT)


def on_another_tag(release: Release) -> None:
    release.check_in([9], tag="beta")


def on_no_tag(release: Release) -> None:
    release.check_in([9], tag=None)


def in_another_group(release: Release) -> None:
    release.factory.devices.assign([uuid(9)], "canary", now=AT)


def in_no_group(release: Release) -> None:
    release.factory.devices.assign([uuid(9)], None, now=AT)


def come_back_as_a_test_device(release: Release) -> None:
    release.factory.devices.delete([uuid(9)], now=AT)
    release.factory.devices.allow([uuid(9)], now=AT)
    release.check_in([9], tag="main", group="field", production="false")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (deleted, "unknown"),
        (on_another_tag, "wrong-tag"),
        (on_no_tag, "wrong-tag"),
        (in_another_group, "wrong-group"),
        (in_no_group, "wrong-group"),
        (come_back_as_a_test_device, "test"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        {"group": "field", "whole_group": True},
        {"group": "field", "limit": "100%"},
        {"group": "field", "uuids": [9, 10]},
        {"group": "field", "uuids": [9, 10], "limit": 2},
    ],
    ids=["whole", "sample", "listed", "within"],
)
def test_a_device_that_matches_no_longer_is_named_with_its_reason(
    wave: Release, words: dict[str, Any], change: Callable[[Release], None], reason: str
) -> None:
    plan = wave.rollout(**words, dry_run=True).plan
    change(wave)
    error = refused(wave, plan, StateError, "plan-mismatch")
    assert error.fields["offenders"] == [{"uuid": uuid(9), "reason": reason}]
    assert f"1 {reason} (`{uuid(9)}`)" in error.message


def test_a_device_that_moved_matters_only_where_its_group_was_asked_for(wave: Release) -> None:
    plan = wave.rollout(uuids=[9, 10], dry_run=True).plan
    in_another_group(wave)
    assert wave.waves.apply(plan, now=AT).uuids == plan.uuids


def test_a_device_that_went_and_came_back_matches_again(wave: Release) -> None:
    plan = wave.rollout(uuids=[9, 10], dry_run=True).plan
    deleted(wave)
    wave.factory.devices.allow([uuid(9)], now=AT)
    wave.check_in([9], tag="main", production="true")
    assert wave.waves.apply(plan, now=AT).uuids == plan.uuids


def test_a_group_that_is_gone_is_named_even_if_another_has_its_name(wave: Release) -> None:
    plan = wave.rollout(group="canary", limit=2, dry_run=True).plan
    wave.factory.groups.delete("canary", ungroup=True, now=AT)
    assert refused(wave, plan, StateError, "stale-plan").fields["group"] == "canary"
    wave.factory.groups.create("canary", now=AT)
    wave.factory.devices.assign([uuid(n) for n in CANARY], "canary", now=AT)
    assert "the group `canary`" in refused(wave, plan, StateError, "stale-plan").message


def test_a_group_that_was_renamed_is_the_same_group(wave: Release) -> None:
    plan = wave.rollout(group="canary", whole_group=True, dry_run=True).plan
    wave.factory.groups.rename("canary", "canaries", now=AT)
    assert wave.waves.apply(plan, now=AT).uuids == plan.uuids
    assert wave.covered() == list(CANARY)


def test_devices_that_joined_a_whole_group_are_named(wave: Release) -> None:
    plan = wave.rollout(group="canary", whole_group=True, dry_run=True).plan
    wave.factory.devices.assign([uuid(9), uuid(16)], "canary", now=AT)
    error = refused(wave, plan, StateError, "plan-mismatch")
    assert error.fields["joined"] == [uuid(9), uuid(16)]
    assert "2 devices have joined the group `canary`" in error.message


def test_a_device_that_came_into_the_wave_by_its_group_is_named(wave: Release) -> None:
    wave.rollout(group="canary", whole_group=True)
    plan = wave.rollout(uuids=[9, 10], dry_run=True).plan
    in_another_group(wave)
    assert wave.covered() == [*CANARY, 9]
    error = refused(wave, plan, StateError, "plan-mismatch")
    assert error.fields["covered"] == [uuid(9)]
    assert uuid(9) in error.message


def test_a_plan_of_nobody_leaves_no_history(wave: Release) -> None:
    wave.rollout("100%")
    plan = wave.rollout(5, dry_run=True).plan
    before = wave.factory.revision
    assert wave.waves.apply(plan, now=AT).number is None
    assert wave.factory.revision == before


def test_the_plan_of_a_group_that_was_whole_already_leaves_no_history(wave: Release) -> None:
    wave.rollout(group="canary", whole_group=True)
    looked = wave.rollout(group="canary", whole_group=True, dry_run=True)
    before = wave.factory.revision
    done = wave.waves.apply(looked.plan, now=AT)
    assert (done.repeated, done.number, done.why_short) == (True, None, looked.why_short)
    assert wave.factory.revision == before


def test_a_plan_of_another_factory_is_refused(wave: Release, tmp_path: Path) -> None:
    plan = wave.rollout(3, dry_run=True).plan
    with Factory.create(tmp_path / "other", name="other", now=AT) as other, pytest.raises(NotFoundError) as none:
        other.waves.apply(plan)
    assert none.value.code == "unknown-wave"
    text = json.loads(plan.dumps()) | {"factory": "emca"}
    error = refused(wave, Plan.loads(sealed(text)), InputError, "other-factory")
    assert error.fields == {"plan": "emca", "factory": "acme"}


def test_a_plan_of_another_wave_of_the_name_is_refused(wave: Release) -> None:
    text = json.loads(wave.rollout(3, dry_run=True).plan.dumps())
    refused(wave, Plan.loads(sealed(text | {"target_version": 41})), StateError, "stale-plan")
    refused(wave, Plan.loads(sealed(text | {"tag": "beta"})), StateError, "stale-plan")
    refused(wave, Plan.loads(sealed(text | {"wave": "v"})), NotFoundError, "unknown-wave")


def test_a_plan_needs_the_signatures_of_its_wave(wave: Release) -> None:
    plan = wave.rollout(3, dry_run=True).plan
    raise_threshold(wave.factory, wave.folder / "root.tgz", 3)
    with pytest.raises(GroundswellError) as caught:
        wave.waves.apply(plan, now=AT)
    assert caught.value.code == "signatures-missing"


# --- plans that cannot be true, sealed by somebody who knows how -----------------------------------------------------

LIMITED = {"limit": 5}
LISTED = {"uuids": [9, 3, 12]}
WITHIN = {"limit": 2, "uuids": [9, 3, 12], "skip_mismatched": True}
WHOLE = {"group": "canary", "whole_group": True}
PERCENT = {"limit": "50%", "group": "field", "percent_of": "remaining"}

FORGERIES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (LIMITED, {"limit": "3"}),
    (LIMITED, {"limit": "6"}),
    (LIMITED, {"limit": "100%"}),
    (LIMITED, {"wanted": 4}),
    (LIMITED, {"wanted": 6, "limit": "6"}),
    (LIMITED, {"candidates": 4}),
    (LIMITED, {"candidates": 19}),
    (LIMITED, {"matching": 4}),
    (LIMITED, {"matching": 10**9, "candidates": 10**9}),
    (LIMITED, {"devices": [*range(1, 7)]}),
    (LIMITED, {"devices": [1, 2, 3, 4]}),
    (LIMITED, {"limit": "3", "devices": [*MATCHING]}),
    (LIMITED, {"algorithm": 2}),
    (LIMITED, {"algorithm": 0}),
    (LIMITED, {"half_life": 0}),
    (LIMITED, {"half_life": 2**62}),
    (LIMITED, {"online_threshold": 2**62}),
    (LIMITED, {"now": f"{AT + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"}),
    (LIMITED, {"kind": "listed"}),
    (LIMITED, {"kind": "whole-group"}),
    (LIMITED, {"group": "canary"}),
    (LIMITED, {"group_id": 1}),
    (LIMITED, {"tag": "no tag"}),
    (LIMITED, {"whole_groups": ["canary"]}),
    (LIMITED, {"whole_groups": ["nowhere"]}),
    (LIMITED, {"whole_groups": ["a\x1b[2J"]}),
    (PERCENT, {"limit": "40%"}),
    (PERCENT, {"limit": "100%"}),
    (PERCENT, {"percent_of": "matching", "matching": 12}),
    (PERCENT, {"group": "canary"}),
    (PERCENT, {"group": "canary", "devices": [1, 2, 3, 4, 5]}),
    (PERCENT, {"group": "never"}),
    (PERCENT, {"group_id": 1, "devices": [1, 2, 3, 4]}),
    (WHOLE, {"group": "field"}),
    (WHOLE, {"group": "field", "group_id": 2}),
    (WHOLE, {"devices": [1, 2, 3]}),
    (WHOLE, {"devices": []}),
    (WHOLE, {"wanted": 5}),
    (WHOLE, {"matching": 3, "wanted": 3}),
    (WHOLE, {"kind": "listed"}),
    (LISTED, {"devices": [9, 3, 13]}),
    (LISTED, {"devices": [9, 3, 12, 13]}),
    (LISTED, {"devices": [9, 3]}),
    (LISTED, {"devices": []}),
    (LISTED, {"listed": [9, 3]}),
    (LISTED, {"listed": [9, 3, 12, 13]}),
    (LISTED, {"listed": [9, 3, 12, 13], "skip_mismatched": True}),
    (LISTED, {"listed": [9, 3, 12, 77], "skip_mismatched": True}),
    (LISTED, {"matching": 2, "wanted": 2}),
    (LISTED, {"candidates": 4}),
    (WITHIN, {"devices": [1, 2]}),
    (WITHIN, {"listed": [9]}),
    (WITHIN, {"matching": 4}),
    (WITHIN, {"listed": [9, 3, 12, 99]}),
]


@pytest.mark.parametrize(("words", "forged"), FORGERIES, ids=lambda one: repr(one) if isinstance(one, dict) else None)
def test_a_plan_that_cannot_be_true_is_refused_whatever_its_seal(
    wave: Release, words: dict[str, Any], forged: dict[str, Any]
) -> None:
    words = words | ({"uuids": [uuid(n) for n in words["uuids"]]} if "uuids" in words else {})
    text = forge(wave.rollout(**words, dry_run=True).plan, **forged)
    before = wave.factory.revision
    with pytest.raises(GroundswellError) as caught:
        wave.waves.apply(Plan.loads(text), now=AT)
    assert caught.value.code in {"contradictory-plan", "plan-mismatch"}
    assert (caught.value.code == "contradictory-plan") == isinstance(caught.value, InputError)
    assert (wave.factory.revision, wave.waves.history("w")) == (before, ())


SELF_CONSISTENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"limit": "50%"}, {"matching": 10, "candidates": 10, "wanted": 5, "devices": [1, 2, 3, 4, 5]}),
    ({"limit": "50%"}, {"candidates": 10}),
    ({"limit": "50%"}, {"devices": [*range(1, 10)]}),
    (LIMITED, {"devices": [14, 15, 16, 17, 18]}),
    (LIMITED, {"limit": "2", "wanted": 2, "devices": [1, 2]}),
    (LIMITED, {"matching": 19}),
    (LIMITED, {"seed": "8"}),
    ({"to": "50%"}, {"candidates": 16, "wanted": 7, "devices": [*range(1, 8)]}),
    ({"limit": 5, "online_only": True}, {"devices": [1, 2]}),
    (WHOLE, {"matching": 5, "wanted": 5}),
    (LISTED, {"candidates": 2}),
    (WITHIN, {"candidates": 2}),
    (WITHIN, {"devices": [12, 9]}),
]


@pytest.mark.parametrize(("words", "forged"), SELF_CONSISTENT, ids=repr)
@pytest.mark.parametrize("plan_format", [2, 3])
def test_a_plan_that_agrees_with_itself_and_not_with_its_request_is_refused(
    wave: Release, words: dict[str, Any], forged: dict[str, Any], plan_format: int
) -> None:
    plan = wave.rollout(**words, seed=7, dry_run=True).plan
    document = json.loads(forge(plan, **forged))
    if plan_format == 2:
        document = {name: value for name, value in document.items() if name in as_format_2(plan)} | {"now": plan.now}
    error = refused(wave, Plan.loads(sealed(document, plan_format)), InputError, "contradictory-plan")
    assert wave.waves.history("w") == ()
    assert "its request" in error.message


@pytest.mark.parametrize("made_at", [0, 1, "now", "later"])
def test_an_older_revision_gains_no_more_than_what_has_changed_since(wave: Release, made_at: Any) -> None:
    """One device has changed since the wave was made, so each count may differ by one, and one pick may be another."""
    wave.check_in([18], target_version=42)
    plan = wave.rollout("50%", seed=7, dry_run=True).plan
    now = wave.factory.revision
    revision = {"now": now, "later": now + 1}.get(made_at, made_at)
    forged = forge(
        plan, factory_revision=revision, matching=16, candidates=14, wanted=8, devices=plan_numbers(plan)[:8]
    )
    refused(wave, Plan.loads(forged), InputError, "contradictory-plan")
    others = [n for n in range(1, 18) if n not in plan_numbers(plan)]
    exchanged = [*others[:2], *plan_numbers(plan)[2:]]
    refused(
        wave, Plan.loads(forge(plan, factory_revision=revision, devices=exchanged)), InputError, "contradictory-plan"
    )


def plan_numbers(plan: Plan) -> list[int]:
    return numbers(plan.uuids)


@every_kind
def test_changes_of_other_devices_leave_a_plan_as_it_is(wave: Release, words: dict[str, Any]) -> None:
    """Every kind of change that the log tells of: check-ins, moves, deletions, groups, other waves."""
    plan = wave.rollout(**words, dry_run=True).plan
    wave.check_in([16, 17], target_version=43, last_seen=NOW)
    wave.factory.devices.delete([uuid(21)], now=AT)
    wave.factory.devices.allow([uuid(21)], now=AT)
    wave.check_in([21], tag="main", production="false")
    wave.factory.groups.create("later", now=AT)
    wave.factory.groups.rename("later", "latest", now=AT)
    wave.factory.groups.delete("latest", now=AT)
    wave.init("v", 43, "beta")
    wave.waves.rollout("v", 1, now=AT)
    wave.reopen()
    assert wave.waves.apply(plan, now=AT).uuids == plan.uuids


def forge(plan: Plan, **parts: Any) -> str:
    """A sealed file that says other things than the plan; devices by their numbers, with the digest that they have."""
    document = json.loads(plan.dumps())
    if "devices" in parts:
        document["uuids"] = [uuid(n) for n in parts.pop("devices")]
        binary = sorted(UUID(one).bytes for one in document["uuids"])
        document["digest"] = hashlib.sha256(b"".join(binary)).hexdigest()
    if "listed" in parts:
        document["listed"] = [uuid(n) for n in parts.pop("listed")]
    return sealed(document | parts)


def test_a_plan_in_memory_is_looked_at_like_a_file(wave: Release) -> None:
    plan = wave.rollout(5, dry_run=True).plan
    other_limit = replace(plan.request, limit=Limit(count=3))
    for wrong in (replace(plan, request=other_limit), replace(plan, digest="0" * 64), replace(plan, algorithm=7)):
        refused(wave, wrong, InputError, "contradictory-plan")


@pytest.mark.parametrize(
    "wrong",
    [
        {"request": None},
        {"request": {"limit": "many"}},
        {"request": {"limit": Limit(count=0)}},
        {"request": {"limit": Limit(count=5, thousandths=5)}},
        {"request": {"seed": "7"}},
        {"request": {"seed": None}},
        {"request": {"seed": 2**64}},
        {"request": {"draw": "first"}},
        {"request": {"selector": None}},
        {"request": {"selector": RolloutSelector(uuids=[1])}},  # type: ignore[arg-type]  # is what is tested
        {"request": {"recency": Recency(now=None)}},  # type: ignore[arg-type]  # is what is tested
        {"request": {"recency": Recency(now=AT, half_life=None)}},  # type: ignore[arg-type]  # is what is tested
        {"request": {"recency": Recency(now=AT, half_life=timedelta(0))}},
        {"devices": []},
        {"whole_groups": None},
        {"kind": "all"},
        {"kind": "listed"},
        {"group_id": 1},
        {"matching": -1},
        {"factory_revision": None},
    ],
    ids=repr,
)
def test_a_plan_that_was_made_by_hand_has_parts_of_the_right_kind(wave: Release, wrong: dict[str, Any]) -> None:
    plan, before = wave.rollout(5, dry_run=True).plan, wave.factory.revision
    if isinstance(wrong.get("request"), dict):
        wrong = {"request": replace(plan.request, **wrong["request"])}
    with pytest.raises(InputError) as caught:
        wave.waves.apply(replace(plan, **wrong), now=AT)
    assert caught.value.code in {"not-a-plan", "contradictory-plan"}
    with pytest.raises(InputError) as caught:
        wave.waves.apply(7)  # type: ignore[arg-type]  # is what is tested
    assert caught.value.code == "bad-argument"
    assert wave.factory.revision == before


@pytest.mark.parametrize("count", [2, 9])
def test_an_error_counts_devices_by_reason_and_names_five_of_each(wave: Release, count: int) -> None:
    plan = wave.rollout(uuids=[*range(5, 5 + count), 1], dry_run=True).plan
    wave.check_in(range(5, 5 + count), tag="beta")
    wave.factory.devices.delete([uuid(1)], now=AT)
    error = refused(wave, plan, StateError, "plan-mismatch")
    assert error.fields["reasons"] == {"wrong-tag": count, "unknown": 1}
    assert len(error.fields["offenders"]) == count + 1
    assert error.message.count("`") == 2 * (min(count, 5) + 1)


@every_kind
def test_what_a_dry_run_makes_contradicts_itself_never(wave: Release, words: dict[str, Any]) -> None:
    wave.rollout(group="canary", whole_group=True)
    wave.check_in([5, 6], target_version=43)
    wave.rollout(2)
    looked = wave.rollout(**words, dry_run=True)
    assert Plan.loads(looked.plan.dumps()) == looked.plan
    assert wave.waves.apply(looked.plan, now=AT).uuids == looked.uuids


def test_groups_that_were_renamed_or_deleted_since_are_no_contradiction(wave: Release) -> None:
    wave.factory.groups.create("gone", now=AT)
    wave.rollout(group="gone", whole_group=True)
    wave.rollout(group="canary", whole_group=True)
    plan = wave.rollout(3, group="field", dry_run=True).plan
    assert plan.whole_groups == ("gone", "canary")
    wave.factory.groups.delete("gone", now=AT)
    wave.factory.groups.rename("canary", "canaries", now=AT)
    wave.factory.groups.rename("canaries", "birds", now=AT)
    wave.factory.groups.rename("field", "fields", now=AT)
    # The names that they had belong to others now.
    wave.factory.groups.create("field", now=AT)
    wave.factory.groups.create("canary", now=AT)
    assert wave.waves.apply(plan, now=AT).uuids == plan.uuids


def test_a_plan_hides_no_group_that_was_rolled_out_whole(wave: Release) -> None:
    wave.rollout(group="canary", whole_group=True)
    text = forge(wave.rollout(3, dry_run=True).plan, whole_groups=[])
    refused(wave, Plan.loads(text), InputError, "contradictory-plan")


def test_listed_devices_that_were_deleted_since_were_known_once(wave: Release) -> None:
    plan = wave.rollout(2, uuids=[9, 10, 11, 31], skip_mismatched=True, dry_run=True).plan
    gone = next(n for n in (9, 10, 11) if uuid(n) not in plan.uuids)
    wave.factory.devices.delete([uuid(gone), uuid(31)], now=AT)
    assert wave.waves.apply(plan, now=AT).uuids == plan.uuids


def test_a_file_without_an_end_is_refused_after_its_bound(wave: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundswell.waves.plan.MAX_BYTES", 1 << 20)
    refused(wave, Path("/dev/zero"), InputError, "not-a-plan")


# --- files -----------------------------------------------------------------------------------------------------------


def sealed(document: dict[str, Any], plan_format: int = 3) -> str:
    """A plan whose seal fits what it says: the work of somebody who knows how."""
    said = {name: value for name, value in document.items() if name not in {"groundswell-plan", "seal"}}
    data = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps({"groundswell-plan": plan_format} | said | {"seal": hashlib.sha256(data).hexdigest()})


def unreadable(text: str | bytes) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        Plan.loads(text, "p.json")
    assert "p.json" in caught.value.message
    return caught.value


def as_format_2(plan: Plan) -> dict[str, Any]:
    """What a program that knew formats 1 and 2 only wrote of a plan."""
    document = json.loads(plan.dumps())
    return {
        name: plan.now if name == "now" else value
        for name, value in document.items()
        if name not in {"groundswell-plan", "seal", "factory_revision", "whole_group"}
    }


@every_kind
def test_a_plan_of_the_second_format_is_read_and_keeps_its_seal(wave: Release, words: dict[str, Any]) -> None:
    planned = wave.rollout(**words, dry_run=True).plan
    text = sealed(as_format_2(planned), plan_format=2)
    plan = Plan.loads(text)
    # Keys of applied plans are seals, so a plan that an older program applied must keep its seal.
    assert (plan.seal, json.loads(plan.dumps())) == (json.loads(text)["seal"], json.loads(text))
    assert replace(plan, plan_format=3, factory_revision=planned.factory_revision) == planned
    assert wave.waves.apply(plan, now=AT).uuids == planned.uuids
    assert wave.waves.apply(Plan.loads(text), now=AT).replayed
    assert unreadable(sealed(as_format_2(planned) | {"now": 2**62}, plan_format=2)).code == "contradictory-plan"


def test_instants_in_a_plan_are_iso(wave: Release) -> None:
    document = json.loads(wave.rollout(3, dry_run=True).plan.dumps())
    assert document["now"] == f"{AT:%Y-%m-%dT%H:%M:%SZ}"
    for wrong in (NOW, "2026-11-18", "2026-11-18T11:06:40", "2026-11-18T11:06:40+01:00", f"{document['now']} ", None):
        assert unreadable(sealed(document | {"now": wrong})).code == "not-a-plan"


def test_a_plan_of_the_first_format_is_one_under_rule_1(wave: Release) -> None:
    document = as_format_2(wave.rollout(4, group="field", dry_run=True).plan)
    old = {name: value for name, value in document.items() if name not in {"candidates_rule", "to", "online_only"}}
    plan = Plan.loads(sealed(old, plan_format=1))
    assert (plan.candidates_rule, plan.to, plan.online_only) == (1, None, False)
    assert sorted(wave.waves.apply(plan, now=AT).uuids) == sorted(document["uuids"])
    assert wave.waves.history("w")[0].candidates_rule == 1
    assert wave.waves.apply(plan, now=AT).replayed
    for mixed in (sealed(old, plan_format=2), sealed(document, plan_format=1), sealed(document), sealed(old)):
        assert unreadable(mixed).code == "not-a-plan"


def test_an_edited_plan_is_told_whatever_was_edited(wave: Release) -> None:
    text = wave.rollout(4, group="field", dry_run=True).plan.dumps()
    document = json.loads(text)
    for name, value in document.items():
        edited = value + 1 if isinstance(value, int) else [*value, STRANGER] if isinstance(value, list) else "x"
        code = unreadable(json.dumps(document | {name: edited})).code
        assert code == ("newer-plan" if name == "groundswell-plan" else "edited-plan"), name
        left = {other: said for other, said in document.items() if other != name}
        assert unreadable(json.dumps(left)).code in {"not-a-plan", "edited-plan"}, name
    reversed_list = document | {"uuids": document["uuids"][::-1]}
    assert unreadable(json.dumps(reversed_list)).code == "edited-plan"
    # What stands between the parts says nothing.
    assert Plan.loads(json.dumps(document)) == Plan.loads(text.encode()) == Plan.loads(json.dumps(document, indent=8))


def test_devices_that_do_not_fit_the_digest_are_told(wave: Release) -> None:
    document = json.loads(wave.rollout(4, group="field", dry_run=True).plan.dumps())
    for uuids in (document["uuids"][1:], [*document["uuids"], STRANGER], [*document["uuids"], document["uuids"][0]]):
        error = unreadable(sealed(document | {"uuids": uuids}))
        assert error.code == "edited-plan"
    assert unreadable(sealed(document | {"uuids": ["no uuid"]})).code == "edited-plan"
    assert unreadable(sealed(document | {"digest": "0" * 64})).code == "edited-plan"


NO_PLANS = (
    "",
    " ",
    "no json",
    "[]",
    "null",
    "3",
    "{}",
    '{"uuids": []}',
    "[" * 100_000,
    '{"groundswell-plan": 1}',
    b"\xff",
)


@pytest.mark.parametrize("text", NO_PLANS, ids=range(len(NO_PLANS)))
def test_what_is_no_plan_is_said_to_be_none(text: str | bytes) -> None:
    error = unreadable(text)
    assert (type(error), error.code) == (InputError, "not-a-plan")


@pytest.mark.parametrize("found", [4, 0, True, "1", None, {"a": 1}])
def test_a_plan_of_another_format_is_for_another_version(found: object) -> None:
    error = unreadable(json.dumps({"groundswell-plan": found}))
    assert (type(error), error.code) == (StateError, "newer-plan")


@pytest.mark.parametrize("name", ["nowhere.json", "."])
def test_a_plan_that_cannot_be_read_is_an_error_of_the_file(wave: Release, tmp_path: Path, name: str) -> None:
    with pytest.raises(GroundswellError) as caught:
        wave.waves.apply(tmp_path / name)
    assert caught.value.code in {"file-not-found", "is-a-folder"}


WRONG: list[Any] = [None, True, -1, 2**63, 1.5, "", "x", [], ["x"], [1], {}, "1" * 5000]


@every_kind
def test_a_part_of_the_wrong_kind_gives_an_error_or_a_plan_even_if_it_is_sealed(
    wave: Release, words: dict[str, Any]
) -> None:
    """Whoever seals by hand never gets a traceback, and no rollout that cannot be read any more."""
    applied = 0
    document = json.loads(wave.rollout(**words, dry_run=True).plan.dumps())
    for name, value in itertools.product(set(document) - {"groundswell-plan", "seal"}, WRONG):
        try:
            wave.waves.apply(Plan.loads(sealed(document | {name: value})), now=AT)
        except GroundswellError:
            continue
        applied += 1
        wave.reopen()
        assert all(one.digest_holds for one in wave.waves.verify(fleet=wave.factory.devices.fleet()))
        assert wave.waves.status(now=AT).progress.covered == len(document["uuids"])
        wave.waves.cancel(now=AT)
        wave.init(f"w{applied}")
        document = json.loads(wave.rollout(**words, wave=f"w{applied}", dry_run=True).plan.dumps())


@settings(max_examples=profiles.examples(200), deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_json_makes_reading_fail_in_another_way(value: object) -> None:
    assert unreadable(json.dumps({"groundswell-plan": 1, "uuids": value})).code in {"not-a-plan", "edited-plan"}
