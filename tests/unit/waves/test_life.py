"""The life of a wave: init, sign, complete, cancel; each rule of domain.md, "Wave life", and each refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import InputError, NotFoundError, StateError, TrustError
from groundswell.errors import GroundswellError
from groundswell.tuf import PrivateKey, signer_of
from groundswell.tuf.tarball import read_tarball
from support import factories
from support.factories import AT, later
from support.wave_factories import HARDWARE, TAG

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.factory.waves.waves import WaveDetail
    from support.wave_factories import Release


def role_of(detail: WaveDetail) -> Any:
    return json.loads(detail.wave.document)["signed"]


def versions_of(detail: WaveDetail) -> list[int]:
    return sorted(int(target["custom"]["version"]) for target in role_of(detail)["targets"].values())


# --- init ----------------------------------------------------------------------------------------------------------


def test_init_retags_the_ci_targets_of_the_version_one_for_each_hardware(release: Release) -> None:
    release.factory.targets.add(*factories.target(42, "x86", ("devel", "main")).popitem(), now=AT)
    made = release.init(tag="beta")
    assert made.targets == ("pi-lmp-42", "x86-lmp-42")
    signed = role_of(made)
    assert (signed["_type"], signed["version"]) == ("Targets", 42)
    assert {name: target["custom"]["tags"] for name, target in signed["targets"].items()} == {
        "pi-lmp-42": ["beta"],
        "x86-lmp-42": ["beta"],
    }
    wave = made.wave
    assert (wave.name, wave.target_version, wave.tag, wave.state, wave.revision) == ("w", 42, "beta", "active", 1)
    assert (wave.created_at, wave.created_by, wave.finished_at) == (AT, "alice", None)
    assert (made.rollouts, made.signatures_missing) == (0, 0)


def test_a_source_tag_chooses_among_the_targets_of_the_version(release: Release) -> None:
    release.factory.targets.add(*factories.target(42, "x86", ("devel",)).popitem(), now=AT)
    assert release.init(source_tag="devel", dry_run=True).targets == ("x86-lmp-42",)
    with pytest.raises(NotFoundError) as caught:
        release.init(source_tag="nightly")
    assert (caught.value.code, caught.value.fields["tags"]) == ("no-source-targets", ["devel", "main"])


def test_the_role_has_the_production_targets_of_the_tag_less_what_is_pruned(release: Release) -> None:
    for name, version in (("a", 40), ("b", 41)):
        release.init(name, version)
        release.waves.complete(name, allow_downgrade=True, now=AT)
    assert versions_of(release.init("c", 42, dry_run=True)) == [40, 41, 42]
    assert versions_of(release.init("c", 42, dry_run=True, prune=[40])) == [41, 42]
    assert versions_of(release.init("c", 42, tag="beta", dry_run=True)) == [42], "production of another tag"
    assert versions_of(release.init("c", 42, prune=[40, 41])) == [42]
    release.waves.complete("c", now=AT)
    assert [target.target_version for target in release.factory.targets.list_production(TAG).targets] == [42]


def test_a_wave_is_signed_by_the_offline_key_and_the_online_one(release: Release) -> None:
    made = release.init(keys=release.second_keys)
    (second,) = [key.public.keyid for key in read_tarball(release.second_keys).keys if key.private]
    online = next(key.keyid for key in release.factory.keys.show(production=True).keys if key.role == "targets")
    assert set(made.signed_by) == {second, online}
    assert release.init("hsm", 42, "beta", keys=signer_in(release)).signatures_missing == 0


def signer_in(release: Release) -> Any:
    (entry,) = [entry for entry in read_tarball(release.keys).keys if entry.private]
    assert entry.private is not None
    return signer_of(entry.private)


def test_a_role_expires_in_a_year_or_when_it_is_told_to(release: Release) -> None:
    assert release.init(dry_run=True).expires == later(days=365)
    assert release.init(dry_run=True, expires=later(days=30)).expires == later(days=30)
    # To the second, as every agent reads it.
    assert release.init(expires=later(days=30, microseconds=999_999)).expires == later(days=30)


def test_a_dry_run_shows_the_signed_role_and_makes_nothing(release: Release) -> None:
    before = release.factory.revision
    looked = release.init(dry_run=True)
    assert len(looked.signed_by) == 2
    assert (release.factory.revision, list(release.waves.list())) == (before, [])
    made = release.init()
    assert made.wave.document == looked.wave.document


def refused(release: Release, *arguments: Any, **words: Any) -> GroundswellError:
    before = release.factory.revision
    errors = []
    for dry_run in (True, False):
        with pytest.raises(GroundswellError) as caught:
            release.init(*arguments, dry_run=dry_run, **words)
        errors.append(caught.value)
    assert release.factory.revision == before
    assert errors[0].code == errors[1].code
    assert errors[1].hint
    return errors[1]


def test_an_unknown_version_is_refused_and_the_nearest_is_named(release: Release) -> None:
    error = refused(release, "w", 46)
    assert (type(error), error.code) == (NotFoundError, "unknown-version")
    assert "45" in error.hint


@pytest.mark.parametrize("version", [0, -1, 2**31, 10**30])
def test_a_version_that_no_target_can_have_is_unknown(release: Release, version: int) -> None:
    assert refused(release, "w", version).code == "unknown-version"


def test_a_tag_with_an_active_wave_is_busy_and_the_wave_is_named(release: Release) -> None:
    release.init("first")
    error = refused(release, "second", 43)
    assert (type(error), error.code, error.fields["wave"]) == (StateError, "tag-busy", "first")
    assert "`first`" in error.message
    release.init("second", 43, "beta")
    release.waves.cancel("first", now=AT)
    release.init("third", 43)


@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_a_name_is_never_used_again(release: Release, end: str) -> None:
    release.init()
    assert refused(release, "w", 43, tag="beta").code in {"wave-name-used", "tag-busy"}
    getattr(release.waves, end)("w", now=AT)
    assert refused(release, "w", 43).code == "wave-name-used"
    assert release.init("W", 43).wave.name == "W", "names differ by their case"


@pytest.mark.parametrize("version", [42, 41, 40])
def test_a_version_must_be_above_the_production_targets_of_the_tag(release: Release, version: int) -> None:
    release.init("first", 42)
    release.waves.complete("first", now=AT)
    error = refused(release, "second", version)
    assert (type(error), error.code) == (StateError, "version-not-above")
    assert error.fields == {"target_version": version, "production_version": 42, "tag": TAG}
    assert release.init("second", version, tag="beta").wave.tag == "beta"


def test_a_version_may_come_back_after_a_cancel(release: Release) -> None:
    release.init("first", 42)
    release.waves.cancel("first", now=AT)
    assert release.init("again", 42).wave.target_version == 42
    release.waves.cancel("again", now=AT)
    assert release.init("below", 41).wave.target_version == 41


def test_a_key_that_is_none_of_the_root_or_of_another_role_is_refused(release: Release) -> None:
    stranger = PrivateKey.generate()
    error = refused(release, keys=signer_of(stranger))
    assert (type(error), error.code) == (TrustError, "no-such-key")
    assert error.fields["holds"] == [stranger.public.keyid]
    assert refused(release, keys=release.folder / "root.tgz").code == "wrong-role-key"
    assert refused(release, keys=release.folder / "nowhere.tgz").code == "file-not-found"
    (release.folder / "torn.tgz").write_bytes(release.keys.read_bytes()[:50])
    assert refused(release, keys=release.folder / "torn.tgz").code == "bad-tarball"


def test_the_online_key_alone_signs_no_wave(release: Release) -> None:
    keyring = release.factory._internals.keyring
    (online,) = [
        key for key in release.factory._internals.roots.root("production").keys_of("targets") if keyring.has(key.keyid)
    ]
    assert refused(release, keys=keyring.signer(online)).code == "no-such-key"


@pytest.mark.parametrize("expires", [AT, later(seconds=-1), later(days=-365)])
def test_an_expiry_that_is_not_to_come_is_refused(release: Release, expires: datetime) -> None:
    error = refused(release, expires=expires)
    assert (type(error), error.code) == (InputError, "expired-role")


def test_an_expiry_without_a_time_zone_is_refused(release: Release) -> None:
    assert refused(release, expires=later(days=3).replace(tzinfo=None)).code == "bad-instant"


@pytest.mark.parametrize(
    ("prune", "code"), [([42], "bad-prune"), ([39], "unknown-version"), ([41, 39, 38], "unknown-version")]
)
def test_only_versions_in_production_can_be_pruned_and_not_the_new_one(
    release: Release, prune: list[int], code: str
) -> None:
    assert refused(release, prune=[40]).code == "unknown-version", "before there is any production"
    release.init("first", 41)
    release.waves.complete("first", now=AT)
    assert refused(release, "second", 42, prune=prune).code == code


@pytest.mark.parametrize(
    "name", ["", " ", "-x", ".x", "$active$", "a/b", "a b", "wéve", "w\n", "x" * 65, "'; DROP TABLE waves"]
)
def test_names_that_cannot_travel_in_urls_are_refused(release: Release, name: str) -> None:
    assert refused(release, name).code == "bad-name"
    assert refused(release, "w", 42, tag=name).code == "bad-name"


@pytest.mark.parametrize("name", ["0", "v1.0", "A-b_c.d+e", "x" * 64])
def test_all_other_names_will_do(release: Release, name: str) -> None:
    release.init(name, tag=name)
    release.rollout(1, wave=name)
    assert release.waves.status(name, now=AT).wave.tag == name


def test_a_factory_without_offline_keys_makes_no_wave(release: Release) -> None:
    from groundswell.factory import Factory

    with Factory.create(release.folder / "young", name="young", now=AT) as young:
        young.targets.import_(factories.plain(factories.target(42)), now=AT)
        with pytest.raises(StateError) as caught:
            young.waves.init("w", 42, TAG, keys=release.keys)
        assert caught.value.code == "keys-not-initialised"


def test_a_target_that_production_has_by_its_name_is_refused(release: Release) -> None:
    """Somebody built it anew under a higher number and kept the name."""
    release.init("first", 41)
    release.waves.complete("first", now=AT)
    release.factory.targets.prune([41], now=AT)
    release.factory.targets.add(*factories.target(50, HARDWARE, name="pi-lmp-41").popitem(), now=AT)
    assert refused(release, "second", 50).code == "target-in-production"


# --- warnings --------------------------------------------------------------------------------------------------------


def test_targets_without_static_deltas_are_warned_of_at_init_and_by_show_and_not_by_every_status(
    release: Release,
) -> None:
    deltas: dict[str, Any] = {"delta-stats": {"sha256": "0" * 64, "size": 1}}
    release.factory.targets.import_(
        factories.plain(factories.target(50, HARDWARE), factories.target(50, "x86", **deltas)), now=AT
    )
    (warning,) = release.init("w", 50).warnings
    assert "pi-lmp-50" in warning
    assert "x86-lmp-50" not in warning
    assert release.waves.show("w").warnings == (warning,)
    assert release.waves.status("w", now=AT).warnings == ()
    release.waves.complete("w", now=AT)
    assert release.waves.show("w").warnings == ()


def test_covered_devices_whose_hardware_has_no_target_are_warned_of_in_plan_result_and_status(release: Release) -> None:
    release.check_in([5, 6, 7], hardware_id="x86")
    release.check_in([8], hardware_id="riscv")
    release.check_in([9], hardware_id=None)
    release.init()
    assert release.waves.status("w", now=AT).without_target == {}
    looked = release.rollout(group="field", whole_group=True, dry_run=True)
    done = release.waves.apply(looked.plan, now=AT)
    assert looked.without_target == done.without_target == {"x86": 3, "riscv": 1}
    # An updated device is counted, too: the next target of its hardware is missing.
    release.check_in([5], target_version=42)
    status = release.waves.status("w", now=AT)
    assert status.without_target == {"x86": 3, "riscv": 1}
    assert "x86 (3 devices), riscv (1 device)" in status.warnings[0]
    release.waves.complete("w", now=AT)
    assert release.waves.status("w", now=AT).without_target == {"x86": 3, "riscv": 1}


def test_a_canceled_wave_brings_nothing_so_no_hardware_lacks_a_target(release: Release) -> None:
    release.check_in([5], hardware_id="x86")
    release.init()
    release.rollout(group="field", whole_group=True)
    release.waves.cancel("w", now=AT)
    assert release.waves.status("w", now=AT).without_target == {}


# --- signatures ------------------------------------------------------------------------------------------------------


def test_a_wave_that_lacks_signatures_is_neither_rolled_out_nor_completed_until_it_is_signed(strict: Release) -> None:
    made = strict.init()
    assert made.signatures_missing == 1
    assert "1 more signature is needed" in made.warnings[0]
    assert strict.waves.status("w", now=AT).warnings[0] == made.warnings[0]
    acts: list[Any] = [
        lambda: strict.rollout(3),
        lambda: strict.rollout(3, dry_run=True),
        lambda: strict.rollout(group="canary", whole_group=True),
        lambda: strict.waves.complete("w", now=AT),
    ]
    before = strict.factory.revision
    for act in acts:
        with pytest.raises(TrustError) as caught:
            act()
        assert (caught.value.code, caught.value.fields["missing"]) == ("signatures-missing", 1)
        assert "1 of its signatures" in caught.value.message
    assert strict.waves.sign("w", keys=strict.keys, now=AT).signatures_missing == 1, "the same key again"
    assert strict.factory.revision == before
    signed = strict.waves.sign("w", keys=strict.second_keys, now=later(hours=1))
    assert (signed.signatures_missing, len(signed.signed_by), signed.warnings[0].startswith("no static")) == (
        0,
        3,
        True,
    )
    assert len(strict.rollout(3)) == 3
    strict.waves.complete("w", now=AT)


def test_a_canceled_wave_needs_no_signature(strict: Release) -> None:
    strict.init()
    assert strict.waves.cancel("w", now=AT).wave.state == "canceled"


def test_a_plan_needs_the_signatures_when_it_is_applied(strict: Release) -> None:
    strict.init()
    strict.waves.sign("w", keys=strict.second_keys, now=AT)
    plan = strict.rollout(3, dry_run=True).plan
    # The root asks for one more from now on.
    from support.wave_factories import raise_threshold

    raise_threshold(strict.factory, strict.folder / "root.tgz", 4)
    with pytest.raises(TrustError) as caught:
        strict.waves.apply(plan, now=AT)
    assert caught.value.code == "signatures-missing"


def test_a_signature_more_than_is_needed_is_kept_and_moves_no_revision(wave: Release) -> None:
    plan = wave.rollout(3, dry_run=True).plan
    before = wave.waves.show("w")
    signed = wave.waves.sign("w", keys=wave.second_keys, now=AT)
    assert len(signed.signed_by) == 3
    assert signed.wave.revision == before.wave.revision == 1
    assert json.loads(signed.wave.document)["signed"] == json.loads(before.wave.document)["signed"]
    assert wave.waves.apply(plan, now=AT).uuids == plan.uuids


def test_a_wave_is_signed_by_keys_of_the_root_alone(wave: Release) -> None:
    for keys, code in (
        (wave.folder / "root.tgz", "wrong-role-key"),
        (signer_of(PrivateKey.generate()), "no-such-key"),
        (wave.folder / "nowhere.tgz", "file-not-found"),
    ):
        with pytest.raises(GroundswellError) as caught:
            wave.waves.sign("w", keys=keys)
        assert caught.value.code == code


# --- the end ---------------------------------------------------------------------------------------------------------


def test_complete_makes_the_waves_role_the_production_targets_byte_for_byte(wave: Release) -> None:
    document = wave.waves.show("w").wave.document
    wave.rollout(3)
    done = wave.waves.complete("w", now=later(hours=1))
    assert (done.wave.state, done.wave.finished_at, done.wave.finished_by) == ("complete", later(hours=1), "alice")
    role = wave.factory.targets.list_production(TAG)
    assert (role.role_version, role.document) == (42, document)


def test_a_wave_may_be_completed_that_was_never_rolled_out(wave: Release) -> None:
    assert wave.waves.complete(now=AT).wave.revision == 2


def test_cancel_leaves_production_as_it_was(wave: Release) -> None:
    wave.rollout(3)
    wave.waves.cancel("w", now=AT)
    with pytest.raises(NotFoundError) as caught:
        wave.factory.targets.list_production(TAG)
    assert caught.value.code == "no-production-targets"


@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_a_finished_wave_never_changes_again(wave: Release, end: str) -> None:
    plan = wave.rollout(2, dry_run=True).plan
    getattr(wave.waves, end)("w", now=AT)
    before, revision = wave.waves.show("w"), wave.factory.revision
    acts: list[Any] = [
        lambda: wave.rollout(1),
        lambda: wave.rollout(1, dry_run=True),
        lambda: wave.rollout(group="canary", whole_group=True),
        lambda: wave.waves.apply(plan, now=AT),
        lambda: wave.waves.sign("w", keys=wave.second_keys, now=AT),
        lambda: wave.waves.complete("w", now=AT),
        lambda: wave.waves.cancel("w", now=AT),
    ]
    for act in acts:
        with pytest.raises(StateError) as caught:
            act()
        assert caught.value.code == "wave-finished"
        assert before.wave.state in caught.value.message
    assert (wave.waves.show("w"), wave.factory.revision) == (before, revision)


# --- names that may be left out --------------------------------------------------------------------------------------


def test_the_only_active_wave_need_not_be_named(wave: Release) -> None:
    wave.rollout(2)
    waves = wave.waves
    assert waves.show().wave.name == "w"
    assert waves.status(now=AT).wave.name == "w"
    assert len(waves.history()) == 1
    assert len(waves.rollout_uuids(None, 1)) == 2
    assert waves.verify()[0].holds
    wave.init("other", 42, "beta")
    with pytest.raises(StateError) as caught:
        waves.cancel(now=AT)
    assert (caught.value.code, caught.value.fields["waves"]) == ("several-active-waves", ["w", "other"])
    assert "`w` (tag main), `other` (tag beta)" in caught.value.message
    waves.cancel("other", now=AT)
    assert waves.complete(now=AT).wave.name == "w"
    with pytest.raises(NotFoundError) as none:
        waves.status()
    assert none.value.code == "no-active-wave"


def test_an_unknown_wave_names_its_neighbour(wave: Release) -> None:
    wave.init("v2.0-update", 42, "beta")
    for act in (wave.waves.show, wave.waves.status, wave.waves.history, wave.waves.complete, wave.waves.verify):
        with pytest.raises(NotFoundError) as caught:
            act("v2.0-updaet")
        assert (caught.value.code, caught.value.fields["nearest"]) == ("unknown-wave", ["v2.0-update"])
    with pytest.raises(NotFoundError) as listed:
        wave.rollout(1, wave="'; DROP TABLE waves")
    assert listed.value.code == "unknown-wave"


def test_any_number_of_waves_may_be_active_one_for_each_tag(release: Release) -> None:
    for number in range(5):
        release.init(f"w{number}", 42, f"tag{number}")
    release.check_in([1, 2], tag="tag3")
    assert len(release.rollout(1, wave="w3")) == 1
    assert len(release.rollout(1, wave="w2")) == 0
    assert [wave.name for wave in release.waves.list(state="active")] == ["w4", "w3", "w2", "w1", "w0"]
    assert [wave.name for wave in release.waves.list(tag="tag1")] == ["w1"]
    assert release.factory.check(now=AT).sound


def test_a_revision_counts_rollouts_and_the_end(wave: Release) -> None:
    revisions = [wave.waves.show("w").wave.revision]
    wave.rollout(2, dry_run=True)
    revisions += [wave.rollout(limit).wave.revision for limit in (2, 3)]
    wave.rollout(uuids=list(range(1, 19)))
    revisions.append(wave.waves.complete("w", now=AT).wave.revision)
    assert revisions == [1, 2, 3, 5]
