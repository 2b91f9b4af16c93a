"""Retries are safe: keys, plans that were applied before, and revisions. domain.md, "Retries are safe"."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from groundswell.errors import GroundswellError, InputError, StateError
from groundswell.factory import Factory
from support import profiles
from support.factories import AT, later
from support.wave_factories import STRANGER, Release, numbers, uuid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from groundswell.waves.plan_rollout import RolloutResult

REQUESTS: dict[str, dict[str, Any]] = {
    "whole-group": {"group": "canary", "whole_group": True},
    "sample": {"limit": 5},
    "sample of a group": {"limit": "50%", "group": "field", "percent_of": "remaining"},
    "listed": {"uuids": [9, 3, 12]},
    "listed with strangers": {"uuids": [9, 31, STRANGER, 3], "skip_mismatched": True},
    "sample-within-list": {"limit": 2, "uuids": [9, 3, 12]},
    "nobody": {"uuids": [31], "skip_mismatched": True},
}
every_request = pytest.mark.parametrize("words", REQUESTS.values(), ids=REQUESTS)


def facts(result: RolloutResult) -> dict[str, Any]:
    """All that a result says; the fleet is the factory's, and the wave's role may be signed anew."""
    left_out = {"fleet", "replayed", "wave", "parts"}
    found = {field.name: getattr(result, field.name) for field in fields(result) if field.name not in left_out}
    wave = (result.wave.name, result.wave.revision, result.wave.state)
    return found | {"wave": wave, "breakdown": result.breakdown}


def refused(act: Callable[[], object]) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        act()
    assert caught.value.hint
    return caught.value


@every_request
def test_a_repeated_call_returns_the_first_result_whatever_came_since(wave: Release, words: dict[str, Any]) -> None:
    first = wave.rollout(**words, request_id="k")
    assert not first.replayed
    history = wave.waves.history("w")
    wave.rollout(uuids=[14])
    wave.check_in([3, 9, 12], target_version=44)
    wave.factory.groups.rename("field", "fields", now=AT)
    wave.reopen()
    before = wave.factory.revision
    again = wave.rollout(**words, request_id="k", now=later(hours=5))
    assert again.replayed
    # Its plan is equal in every part: the devices in their order, the seed, the instant, the counts.
    assert facts(again) == facts(first)
    wave.waves.cancel("w", now=AT)
    assert facts(wave.rollout(**words, request_id="k")) == facts(first)
    assert wave.factory.revision == before + 1
    assert wave.waves.history("w")[: len(history)] == history
    assert wave.factory.check(now=AT).sound


def test_a_deleted_device_stays_in_the_result_without_its_name(wave: Release) -> None:
    first = wave.rollout(uuids=[9, 3], request_id="k")
    assert first.names == ["device-9", "device-3"]
    wave.factory.devices.delete([uuid(9)], now=AT)
    again = wave.rollout(uuids=[9, 3], request_id="k")
    assert (again.uuids, again.names) == (first.uuids, [None, "device-3"])


def test_a_list_in_another_order_or_spelling_is_the_same_request(wave: Release) -> None:
    first = wave.rollout(uuids=[9, 3, 12], request_id="k")
    spelled = ", ".join(uuid(n).upper() for n in (12, 12, 3, 9))
    assert wave.rollout(uuids=spelled, request_id="k").uuids == first.uuids
    assert wave.rollout("05", request_id="j").uuids == wave.rollout(5, request_id="j").uuids


@pytest.mark.parametrize(
    "other",
    [
        {"limit": 6},
        {"limit": "5%"},
        {"limit": 5, "group": "canary"},
        {"limit": 5, "uuids": [9, 3]},
        {"limit": 5, "seed": 1},
        {"limit": 5, "percent_of": "remaining"},
        {"limit": 5, "half_life": later(hours=1) - AT},
        {"limit": 5, "wave": "v"},
        {"uuids": [9, 3]},
        {"group": "canary", "whole_group": True},
    ],
    ids=str,
)
def test_the_same_key_for_another_request_is_refused(wave: Release, other: dict[str, Any]) -> None:
    wave.init("v", 43, "beta")
    wave.rollout(5, request_id="k")
    before = wave.factory.revision
    error = refused(lambda: wave.rollout(**other, request_id="k"))
    assert (type(error), error.code, error.fields["reason"]) == (StateError, "request-id-used", "other-request")
    assert wave.factory.revision == before


def test_the_key_of_another_user_is_refused(wave: Release) -> None:
    wave.rollout(5, request_id="k")
    wave.factory.close()
    wave.factory = Factory.open(wave.folder / "acme", user="bob")
    error = refused(lambda: wave.rollout(5, request_id="k"))
    assert (error.code, error.fields["made_by"]) == ("request-id-used", "alice")


def test_a_refused_request_and_a_dry_run_keep_no_key(wave: Release) -> None:
    before = wave.factory.revision
    assert refused(lambda: wave.rollout(uuids=[31], request_id="k")).code == "mismatched-devices"
    assert refused(lambda: wave.rollout(5, request_id="k", if_revision=2)).code == "revision-changed"
    looked = wave.rollout(5, request_id="k", dry_run=True)
    assert (wave.factory.revision, wave.waves.request_known("k"), looked.replayed) == (before, False, False)
    assert wave.rollout(3, request_id="k").number == 1
    # A dry run ignores the key, used or not.
    assert not wave.rollout(5, request_id="k", dry_run=True).replayed


@pytest.mark.parametrize("key", ["", " ", "a\nb", " k", "k" * 256, "ä" * 128, "\ud800"])
def test_a_key_has_a_form(wave: Release, key: Any) -> None:
    error = refused(lambda: wave.rollout(5, request_id=key))
    assert (type(error), error.code) == (InputError, "bad-request-id")


@pytest.mark.parametrize("key", ["k", "k" * 255, "ä" * 127, "a key with blanks", "';--"])
def test_any_printable_text_is_a_key(wave: Release, key: str) -> None:
    assert wave.rollout(5, request_id=key).number == 1
    assert wave.rollout(5, request_id=key).replayed


def test_a_plan_is_applied_once_and_its_rollout_is_named_after_that(wave: Release) -> None:
    plan = wave.rollout(3, dry_run=True).plan
    first = wave.waves.apply(plan, now=AT)
    wave.rollout(2)
    wave.reopen()
    before = wave.factory.revision
    again = wave.waves.apply(plan, now=AT)
    assert (again.replayed, again.number, facts(again)) == (True, 1, facts(first))
    wave.waves.complete("w", now=AT)
    assert wave.waves.apply(plan, now=AT).number == 1
    assert wave.factory.revision == before + 1


def test_the_same_devices_by_another_plan_are_not_that_plan(wave: Release) -> None:
    plans = [wave.rollout(uuids=[9, 3], dry_run=True).plan for _ in range(2)]
    assert plans[0].digest == plans[1].digest
    wave.waves.apply(plans[0], now=AT)
    assert refused(lambda: wave.waves.apply(plans[1], now=AT)).code == "stale-plan"
    direct = wave.rollout(uuids=[12], dry_run=True, seed=7).plan
    wave.rollout(uuids=[12], seed=7)
    assert refused(lambda: wave.waves.apply(direct, now=AT)).code == "stale-plan"


def test_a_plan_may_bring_a_request_id(wave: Release) -> None:
    plan, other = (wave.rollout(limit, dry_run=True).plan for limit in (3, 4))
    first = wave.waves.apply(plan, now=AT, request_id="k")
    assert facts(wave.waves.apply(plan, now=AT, request_id="k")) == facts(first)
    assert refused(lambda: wave.waves.apply(other, now=AT, request_id="k")).code == "request-id-used"
    assert refused(lambda: wave.rollout(3, request_id="k")).code == "request-id-used"
    # A key that comes with a plan that was applied before is answered, so it is used.
    assert wave.waves.apply(plan, now=AT, request_id="late").number == 1
    assert refused(lambda: wave.rollout(3, request_id="late")).code == "request-id-used"
    assert wave.factory.check(now=AT).sound


def test_a_revision_is_required_after_keys_and_plans(wave: Release) -> None:
    plan = wave.rollout(3, dry_run=True, if_revision=1).plan
    error = refused(lambda: wave.rollout(3, if_revision=2))
    assert (error.code, error.fields["revision"], error.fields["if_revision"]) == ("revision-changed", 1, 2)
    assert "revision 1" in error.message
    assert "revision 2" in error.message
    assert refused(lambda: wave.waves.apply(plan, now=AT, if_revision=2)).code == "revision-changed"
    assert wave.waves.apply(plan, now=AT, if_revision=1).number == 1
    assert wave.waves.apply(plan, now=AT, if_revision=1).replayed
    assert wave.rollout(2, request_id="k", if_revision=2).number == 2
    assert wave.rollout(2, request_id="k", if_revision=2).replayed
    assert refused(lambda: wave.rollout(2, if_revision="2")).code == "bad-argument"


def test_the_audit_log_names_the_key(wave: Release) -> None:
    wave.rollout(2, request_id="k")
    wave.rollout(uuids=[31], skip_mismatched=True, request_id="nobody")
    *_, applied, kept = wave.factory._context.store.records()
    assert applied.entry.details["request_id"] == "k"
    assert (kept.entry.details["request_id"], kept.entry.details["rollout"]) == ("nobody", None)
    assert len(wave.waves.history("w")) == 1


# --- the same laws in any order --------------------------------------------------------------------------------------


class Retries(RuleBasedStateMachine):
    """Calls with keys, beside a dictionary of what was answered under which key."""

    model: Path
    release: Release

    @initialize()
    def begin(self) -> None:
        self.answered: dict[str, tuple[tuple[str, dict[str, Any]], dict[str, Any]]] = {}
        self.staged: set[int] = set()
        self.plans: list[tuple[Any, dict[str, Any] | None]] = []
        type(self).names += 1
        self.wave = f"w{type(self).names}"
        for active in self.release.waves.list(state="active"):
            self.release.waves.cancel(active.name, now=AT)
        self.release.init(self.wave)

    names = 0
    keys = st.sampled_from(["a", "b", "c"])

    @rule(key=keys, limit=st.integers(1, 3), group=st.sampled_from([None, "canary"]))
    def a_request_comes(self, key: str, limit: int, group: str | None) -> None:
        key, asked = f"{self.wave} {key}", ("rollout", {"limit": limit, "group": group})
        before = self.release.factory.revision
        try:
            result = self.release.rollout(limit, wave=self.wave, group=group, request_id=key)
        except StateError as error:
            assert error.code == "request-id-used"  # noqa: PT017 - a refusal is one of two right outcomes
            assert self.answered[key][0] != asked
            assert self.release.factory.revision == before
            return
        if key in self.answered:
            assert (self.answered[key], result.replayed) == ((asked, facts(result)), True)
            assert self.release.factory.revision == before
        else:
            self.took(result)
            self.answered[key] = asked, facts(result)

    @rule(limit=st.integers(1, 3))
    def a_plan_is_made(self, limit: int) -> None:
        self.plans.append((self.release.rollout(limit, wave=self.wave, dry_run=True).plan, None))

    @rule(data=st.data())
    def a_plan_is_applied(self, data: st.DataObject) -> None:
        if not self.plans:
            return
        at = data.draw(st.integers(0, len(self.plans) - 1))
        plan, applied = self.plans[at]
        try:
            result = self.release.waves.apply(plan, now=AT)
        except StateError as error:
            assert (error.code, applied) == ("stale-plan", None)  # noqa: PT017 - as above
            return
        assert result.replayed == (applied is not None)
        if applied is not None:
            assert facts(result) == applied
        elif len(result):
            self.took(result)
            self.plans[at] = plan, facts(result)

    @rule()
    def the_factory_is_opened_again(self) -> None:
        self.release.reopen()

    def took(self, result: RolloutResult) -> None:
        assert not result.replayed
        assert self.staged.isdisjoint(numbers(result.uuids)), "chosen twice"
        self.staged |= set(numbers(result.uuids))

    @invariant()
    def history_has_each_device_once(self) -> None:
        if hasattr(self, "staged"):
            history = self.release.waves.history(self.wave)
            assert sum(one.device_count for one in history) == len(self.staged)


@pytest.fixture(scope="module")
def shared(stocked_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    import shutil

    folder = tmp_path_factory.mktemp("retries") / "place"
    shutil.copytree(stocked_folder, folder)
    release = Release(Factory.open(folder / "acme", user="alice"), folder)
    yield release
    release.factory.close()


def test_no_order_of_calls_stages_anything_twice(shared: Release) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    Retries.release = shared
    run_state_machine_as_test(
        Retries,
        settings=settings(
            max_examples=profiles.examples(12),
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
