"""What protects a release from a slip: tags that are typos, downgrades, caps. domain.md, "Wave life"."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.errors import GroundswellError, InputError, StateError
from groundswell.factory.devices.tag_facts import near_tags
from support import factories
from support.factories import AT, NOW, later
from support.served import served_to
from support.wave_factories import CANARY, OTHER_TAG, TEST_DEVICES, cells, uuid

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.wave_factories import Release


def refused(release: Release, act: Callable[[], object]) -> GroundswellError:
    before = release.factory.revision
    with pytest.raises(GroundswellError) as caught:
        act()
    assert release.factory.revision == before
    assert caught.value.hint
    return caught.value


# --- tags ----------------------------------------------------------------------------------------------------------

names = st.text(string.ascii_lowercase[:3], min_size=1, max_size=6)


def edited(word: str) -> set[str]:
    """All that one edit makes of a word."""
    letters = string.ascii_lowercase[:3]
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    gone = {a + b[1:] for a, b in cuts if b}
    added = {a + one + b for a, b in cuts for one in letters}
    replaced = {a + one + b[1:] for a, b in cuts if b for one in letters}
    return gone | added | replaced | {word}


@given(tag=names, known=st.sets(names, max_size=8))
def test_near_tags_are_those_that_two_edits_make(tag: str, known: set[str]) -> None:
    within = {twice for once in edited(tag) for twice in edited(once)}
    assert set(near_tags(tag, known)) == known & within


def test_a_tag_that_is_probably_a_typo_is_refused(release: Release) -> None:
    for tag in ("mian", "man", "mains", "Main", "ma", "betta"):
        error = refused(release, lambda tag=tag: release.init(tag=tag))  # type: ignore[misc]
        assert (type(error), error.code) == (StateError, "tag-without-devices"), tag
        assert error.fields["nearest"] == ["beta" if tag == "betta" else "main"]
        assert f"`{error.fields['nearest'][0]}`" in error.message
    assert refused(release, lambda: release.init(tag="mian", dry_run=True)).code == "tag-without-devices"
    made = release.init(tag="mian", new_tag=True)
    assert "no production device listens to the tag mian yet" in made.warnings


def test_a_tag_without_devices_that_is_near_to_none_is_only_warned_of(release: Release) -> None:
    made = release.init(tag="production")
    assert "no production device listens to the tag production yet" in made.warnings


def test_only_production_devices_count_for_a_tag(release: Release) -> None:
    # Tags of test devices and of deleted ones are no reason for a refusal, nor against one.
    release.check_in(TEST_DEVICES, tag="stagings")
    release.factory.devices.delete([uuid(n) for n in OTHER_TAG], now=AT)
    assert release.init("a", tag="staging").wave.tag == "staging"
    assert release.init("b", tag="bet").wave.tag == "bet"
    release.check_in(TEST_DEVICES, tag="maim")
    assert refused(release, lambda: release.init("c", tag="maim")).code == "tag-without-devices"


# --- warnings of a new wave ------------------------------------------------------------------------------------------


def test_a_new_wave_warns_of_later_versions_and_of_hardware_without_a_target(release: Release) -> None:
    release.check_in([1, 2], target_version=44)
    release.check_in([3], target_version=43)
    release.check_in([31, 21], target_version=45)
    release.check_in([5, 6, 7], hardware_id="x86")
    release.check_in([31], hardware_id="arm")
    for made in (release.init(dry_run=True), release.init()):
        assert "3 devices report a later version than 42: 43 (1), 44 (2)" in made.warnings
        assert "no target is for the hardware of 3 devices: x86 (3)" in made.warnings
    assert "3 devices report a later version than 42: 43 (1), 44 (2)" in release.waves.status("w", now=AT).warnings


def test_a_warning_of_static_deltas_says_how_to_make_them(release: Release) -> None:
    (warning,) = [one for one in release.init().warnings if "static deltas" in one]
    assert "ostree static-delta generate" in warning
    with_deltas = factories.target(50)
    with_deltas["pi-lmp-50"]["custom"]["delta-stats"] = {"size": 1, "sha256": "0" * 64}
    release.factory.targets.import_(factories.plain(with_deltas), now=AT)
    release.waves.cancel("w", now=AT)
    assert not [one for one in release.init("v", 50).warnings if "static deltas" in one]


# --- downgrades ------------------------------------------------------------------------------------------------------


def test_no_device_is_offered_a_version_below_its_own(wave: Release) -> None:
    wave.check_in([1, 2], target_version=44)
    wave.check_in([21, 31], target_version=45)
    wave.check_in([41], tag=None, target_version=45)
    error = refused(wave, lambda: wave.waves.complete("w", now=AT))
    assert (type(error), error.code) == (StateError, "would-downgrade")
    assert (error.fields["devices"], error.fields["versions"]) == (2, {"44": 2})
    assert wave.waves.would_downgrade("w") == {44: 2}
    wave.waves.complete("w", allow_downgrade=True, now=AT)
    *_, last = wave.factory._context.store.records()
    assert last.entry.details["allow_downgrade"] is True
    assert last.entry.details["downgraded"] == {"44": 2}


def test_devices_on_the_version_of_a_canceled_wave_are_protected(release: Release) -> None:
    release.init("v44", 44)
    release.rollout(uuids=[1, 2], wave="v44")
    release.check_in([1, 2], target_version=44)
    release.waves.cancel("v44", now=AT)
    release.init("v45", 45, "beta")
    release.waves.cancel("v45", now=AT)
    release.init()
    # What another tag's wave brought protects nobody here.
    release.check_in([3], target_version=45)
    assert refused(release, lambda: release.waves.complete("w", now=AT)).fields["versions"] == {"45": 1}
    seen = cells([UUID(uuid(3))], target_version=42, last_seen=NOW + 60)
    release.factory.devices.import_(seen, now=later(hours=1))
    assert release.waves.complete("w", now=AT).wave.state == "complete"
    # They are served what they run, as the law has it.
    device = release.factory.devices.show(uuid(1))
    assert "v44" in str(served_to(release.factory, device))


def test_a_canceled_wave_that_was_never_signed_protects_nobody(strict: Release) -> None:
    strict.init("v44", 44)
    strict.check_in([1], target_version=44)
    strict.waves.cancel("v44", now=AT)
    strict.init()
    strict.waves.sign("w", keys=strict.second_keys, now=AT)
    assert refused(strict, lambda: strict.waves.complete("w", now=AT)).code == "would-downgrade"


def test_nothing_is_recorded_of_a_downgrade_that_nobody_allowed(wave: Release) -> None:
    wave.waves.complete("w", now=AT)
    *_, last = wave.factory._context.store.records()
    assert "allow_downgrade" not in last.entry.details


# --- whole groups ----------------------------------------------------------------------------------------------------


def test_a_whole_group_beyond_the_cap_is_refused_in_every_way(wave: Release) -> None:
    plan = wave.rollout(group="canary", whole_group=True, dry_run=True).plan
    wave.factory.settings.set_max_whole_group(3, now=AT)
    wave.reopen()
    assert wave.factory.settings.max_whole_group == 3
    acts: list[Callable[[], object]] = [
        lambda: wave.rollout(group="canary", whole_group=True),
        lambda: wave.rollout(group="canary", whole_group=True, dry_run=True),
        lambda: wave.rollout(group="canary", whole_group=True, request_id="k"),
        lambda: wave.waves.apply(plan, now=AT),
    ]
    for act in acts:
        error = refused(wave, act)
        assert (type(error), error.code) == (StateError, "whole-group-too-large")
        assert (error.fields["devices"], error.fields["max_whole_group"]) == (len(CANARY), 3)
    assert wave.rollout("100%", group="field").number == 1
    wave.factory.settings.set_max_whole_group(None, now=AT)
    assert wave.rollout(group="canary", whole_group=True).number == 2
    wave.factory.settings.set_max_whole_group(1, now=AT)
    assert wave.rollout(group="canary", whole_group=True).repeated
    assert wave.factory.check(now=AT).sound


@pytest.mark.parametrize("devices", [0, -1, 2**63])
def test_a_cap_is_a_count(wave: Release, devices: int) -> None:
    error = refused(wave, lambda: wave.factory.settings.set_max_whole_group(devices))
    assert (type(error), error.code) == (InputError, "bad-setting")
