"""History verified: digests of stored sets, picks worked out again from a frozen fleet, tampering found by both."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

from groundswell import Fleet, NotFoundError, StorageError, _core
from groundswell.errors import GroundswellError
from support.factories import AT, NOW, later
from support.wave_factories import CANARY, FIELD, numbers, uuid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.waves.verify import Verified
    from support.wave_factories import Release


def freeze(release: Release) -> Fleet:
    path = release.folder / "then.parquet"
    release.factory.devices.fleet(now=AT).write(path)
    return Fleet.read(path)


def rolled_out_in_every_way(release: Release) -> None:
    release.rollout(group="canary", whole_group=True)
    release.rollout(3)
    release.rollout("25%", group="field", percent_of="remaining")
    release.rollout(uuids=[*FIELD, 1])
    release.rollout("50%", uuids=[15, 16, 17, 18, 21], skip_mismatched=True)


def told(found: Sequence[Verified]) -> list[tuple[bool, bool | None]]:
    return [(one.digest_holds, one.recomputed) for one in found]


def test_digests_of_all_rollouts_hold(wave: Release) -> None:
    rolled_out_in_every_way(wave)
    assert told(wave.waves.verify("w")) == [(True, None)] * 5
    # Whatever becomes of the devices.
    wave.factory.devices.delete([uuid(n) for n in (1, 5, 15)], now=AT)
    wave.factory.groups.delete("field", ungroup=True, now=AT)
    wave.check_in([6], tag="beta", target_version=44)
    wave.reopen()
    assert all(one.holds for one in wave.waves.verify("w"))


def test_a_frozen_fleet_yields_every_rollout_again(wave: Release) -> None:
    """Lists too: which of their devices were taken in depends on whom the wave covered."""
    fleet = freeze(wave)
    rolled_out_in_every_way(wave)
    found = wave.waves.verify("w", fleet=fleet)
    assert told(found) == [(True, True)] * 5
    assert [one.note for one in found] == [""] * 5


def test_a_frozen_fleet_has_ordinals_of_its_own(wave: Release) -> None:
    wave.factory.devices.delete([uuid(n) for n in (2, 21, 31)], now=AT)
    fleet = freeze(wave)
    rolled_out_in_every_way(wave)
    assert told(wave.waves.verify("w", fleet=fleet)) == [(True, True)] * 5


def test_the_picks_recompute_years_later_in_a_fleet_that_has_changed(wave: Release) -> None:
    fleet = freeze(wave)
    rolled_out_in_every_way(wave)
    wave.check_in(range(1, 19), target_version=42)
    wave.factory.devices.delete([uuid(n) for n in (1, 5, 15)], now=AT)
    wave.factory.groups.rename("canary", "field-2", now=AT)
    wave.waves.complete("w", now=later(days=400))
    wave.reopen()
    assert told(wave.waves.verify("w", fleet=fleet)) == [(True, True)] * 5
    assert told(wave.waves.verify("w", fleet=wave.factory.devices.fleet()))[1] == (True, False)


def test_groups_renamed_and_made_again_between_rollouts_do_not_spoil_it(wave: Release) -> None:
    """Each rollout is worked out with the whole groups as they were called in the fleet of its own moment."""
    wave.rollout(group="canary", whole_group=True)
    wave.factory.groups.rename("canary", "canaries", now=AT)
    wave.factory.groups.create("canary", now=AT)
    wave.factory.devices.assign([uuid(n) for n in (5, 6, 7)], "canary", now=AT)
    second = freeze(wave)
    wave.rollout(4)
    wave.factory.groups.delete("canaries", ungroup=True, now=AT)
    third = freeze(wave)
    wave.rollout("100%")
    assert told(wave.waves.verify("w", fleet=second, number=2)) == [(True, True)]
    assert told(wave.waves.verify("w", fleet=third, number=3)) == [(True, True)]
    assert {2, 3, 4} < set(numbers(wave.waves.rollout_uuids("w", 3))), "their rule went with their group"


def test_one_rollout_can_be_verified_by_the_fleet_of_its_moment(wave: Release) -> None:
    wave.rollout(3)
    wave.check_in(range(1, 19), last_seen=NOW)
    fleet = freeze(wave)
    wave.rollout(3)
    assert wave.waves.verify("w", fleet=fleet)[1].holds
    (second,) = wave.waves.verify("w", fleet=fleet, number=2)
    assert (second.number, second.recomputed) == (2, True)
    with pytest.raises(NotFoundError) as caught:
        wave.waves.verify("w", number=3)
    assert (caught.value.code, caught.value.fields["last"]) == ("unknown-rollout", 2)


def test_another_fleet_does_not_yield_it(wave: Release) -> None:
    wave.rollout(group="field", limit=3)
    wave.factory.devices.delete([uuid(n) for n in numbers(wave.waves.rollout_uuids("w", 1))], now=AT)
    (found,) = wave.waves.verify("w", fleet=freeze(wave))
    assert (found.digest_holds, found.recomputed, found.holds) == (True, False, False)
    assert "3 other ones" in found.note
    wave.factory.groups.delete("field", ungroup=True, now=AT)
    (found,) = wave.waves.verify("w", fleet=freeze(wave))
    assert "refuses it" in found.note


def test_an_unknown_rollout_is_not_found(wave: Release) -> None:
    for number in (0, 1, -1):
        with pytest.raises(NotFoundError) as caught:
            wave.waves.rollout_uuids("w", number)
        assert (caught.value.code, caught.value.hint) == ("unknown-rollout", "nothing was rolled out yet")


# --- tampering -------------------------------------------------------------------------------------------------------


def tamper(release: Release, sql: str, *parameters: Any) -> None:
    """Change the database behind the factory's back."""
    release.factory.close()
    with duckdb.connect(str(release.folder / "acme" / "factory.duckdb")) as connection:
        connection.execute(sql, list(parameters))
    release.reopen()


def bitmap(ordinals: Sequence[int]) -> bytes:
    return _core.DeviceSet.from_ordinals(np.array(ordinals, np.uint32)).to_portable()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("devices", bitmap([0, 1, 2])),
        ("devices", bitmap([])),
        ("devices", bitmap([0, 1, 4_000_000_000])),
        ("digest", "0" * 64),
        ("device_count", 4),
    ],
    ids=["other devices", "no devices", "devices that never were", "digest", "count"],
)
def test_a_stored_set_that_is_not_its_digests_is_found_without_any_fleet(
    wave: Release, column: str, value: object
) -> None:
    fleet = freeze(wave)
    rolled_out_in_every_way(wave)
    tamper(wave, f"UPDATE rollouts SET {column} = ? WHERE number = 2", value)
    found = wave.waves.verify("w")
    assert [one.number for one in found if not one.holds] == [2]
    assert not wave.waves.verify("w", fleet=fleet)[1].holds
    report = wave.factory.check(now=AT)
    names = {result.name for result in report.results if not result.sound}
    assert names >= {"rollouts hold the devices of their digests, and choose nobody twice"}
    assert "the audit log yields just this store" in names
    # What can be read of the wave can still be seen, and it can be ended.
    wave.waves.status("w", now=AT)
    wave.waves.cancel("w", now=AT)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("seed", "9"),
        ("selected_at", NOW - 86_400 * 365),
        ("half_life", 86_400),
        ("whole_groups", "[]"),
        ("selector", '{"group": null, "limit": "2", "percent_of": "matching", "listed": null}'),
    ],
)
def test_what_led_to_a_sample_cannot_be_changed_without_the_fleet_telling(
    wave: Release, column: str, value: object
) -> None:
    fleet = freeze(wave)
    wave.rollout(group="canary", whole_group=True)
    wave.rollout("100%", group="canary", skip_mismatched=True)
    wave.rollout(5, seed=3, half_life=timedelta(hours=1))
    tamper(wave, f"UPDATE rollouts SET {column} = ? WHERE number = 2", value)
    found = wave.waves.verify("w", fleet=fleet)
    assert [one.digest_holds for one in found] == [True, True]
    assert [one.holds for one in found] == [True, False], found[1]


def test_a_set_and_its_digest_exchanged_together_are_told_by_the_fleet(wave: Release) -> None:
    import hashlib
    from uuid import UUID

    fleet = freeze(wave)
    wave.rollout(uuids=[5, 6, 7])
    ordinals = wave.factory.devices.fleet().ordinals([uuid(n) for n in (5, 6, 8)])
    digest = hashlib.sha256(b"".join(sorted(UUID(uuid(n)).bytes for n in (5, 6, 8)))).hexdigest()
    tamper(wave, "UPDATE rollouts SET devices = ?, digest = ?", bitmap(ordinals.tolist()), digest)
    (found,) = wave.waves.verify("w", fleet=fleet)
    assert (found.digest_holds, found.recomputed) == (True, False)


@pytest.mark.parametrize("column", ["devices", "listed"])
def test_a_bitmap_that_is_none_is_damage_and_names_its_rollout(wave: Release, column: str) -> None:
    wave.rollout(2)
    wave.rollout(uuids=[5, 6])
    tamper(wave, f"UPDATE rollouts SET {column} = ? WHERE number = 2", b"rubbish")
    for act in (wave.waves.verify, wave.waves.history, wave.waves.status):
        with pytest.raises(StorageError) as caught:
            act("w")
        assert (caught.value.code, caught.value.fields["rollout"]) == ("store-damaged", 2)
    assert not wave.factory.check(now=AT).sound


def test_another_algorithm_is_not_recomputed(wave: Release) -> None:
    fleet = freeze(wave)
    wave.rollout(3)
    tamper(wave, "UPDATE rollouts SET algorithm = 2")
    (found,) = wave.waves.verify("w", fleet=fleet)
    assert (found.holds, found.recomputed, found.note) == (True, None, "it was picked by algorithm 2")


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE waves SET state = 'active', finished_at = NULL WHERE name = 'v'", "a tag has one active wave at most"),
        ("UPDATE waves SET name = 'w' WHERE name = 'v'", "names of waves are given once, and well formed"),
        ("UPDATE waves SET name = 'a b' WHERE name = 'v'", "names of waves are given once, and well formed"),
        (
            "UPDATE waves SET finished_at = NULL WHERE name = 'v'",
            "a wave is active, or it is complete or canceled and has an end",
        ),
        (
            "UPDATE waves SET state = 'paused' WHERE name = 'w'",
            "a wave is active, or it is complete or canceled and has an end",
        ),
        (
            "UPDATE waves SET target_version = 41 WHERE name = 'w'",
            "an active wave is above the production targets of its tag",
        ),
        ("DELETE FROM rollouts WHERE number = 1", "rollouts belong to a wave, and are 1, 2, 3 …"),
        ("UPDATE rollouts SET wave_id = 9", "rollouts belong to a wave, and are 1, 2, 3 …"),
        ("DELETE FROM rollouts WHERE number = 2", "a wave's revision counts its rollouts and its end"),
        ("UPDATE waves SET revision = 9", "a wave's revision counts its rollouts and its end"),
        (
            "UPDATE rollouts SET devices = (SELECT devices FROM rollouts WHERE number = 1)",
            "rollouts hold the devices of their digests, and choose nobody twice",
        ),
        (
            "DELETE FROM publications WHERE variant = 'wave w'",
            "production devices are served what waves and production targets say",
        ),
        (
            "UPDATE publications SET variant = 'wave v' WHERE variant = 'wave w'",
            "production devices are served what waves and production targets say",
        ),
    ],
)
def test_check_finds_what_no_rule_allows(release: Release, sql: str, fault: str) -> None:
    release.init("v", 41)
    release.waves.complete("v", now=AT)
    release.init("w", 42)
    release.rollout(2)
    release.rollout(3)
    assert release.factory.check(now=AT).sound
    tamper(release, sql)
    try:
        report = release.factory.check(now=AT)
    except GroundswellError as error:
        pytest.fail(error.message)
    assert fault in {result.name for result in report.results if not result.sound}


def test_a_restored_backup_has_the_whole_history(wave: Release) -> None:
    from groundswell.factory import Factory

    rolled_out_in_every_way(wave)
    devices = [wave.waves.rollout_uuids("w", number) for number in range(1, 6)]
    wave.factory.backup(wave.folder / "backup")
    wave.factory.close()
    shutil.rmtree(wave.folder / "acme")
    Factory.restore(wave.folder / "backup", wave.folder / "acme", now=AT)
    wave.reopen()
    assert [wave.waves.rollout_uuids("w", number) for number in range(1, 6)] == devices
    assert wave.covered() == sorted({*CANARY, *numbers([one for some in devices for one in some])})
    assert wave.factory.check(now=AT).sound
