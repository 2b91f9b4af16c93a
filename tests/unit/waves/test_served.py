"""Metadata follows waves: after each command every device is served what domain.md says, and takes it.

Each device keeps a directory of what it was served last. After a command all devices are served anew, and the judge,
which shares no code with the signing side, decides as a device would: signatures, links, expiry, nothing goes back.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from groundswell.errors import GroundswellError
from groundswell.tuf.judge import judge_directory
from support import factories
from support.factories import AT, NOW, later
from support.served import publications, served_to
from support.wave_factories import CANARY, FIELD, HARDWARE, MATCHING, OTHER_TAG, TAG, TAGLESS, TEST_DEVICES, cells, uuid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from support.wave_factories import Release

NOTHING = None
CI = "ci"


@dataclass
class Fleet:
    """Some devices of a factory, each with what it was served last; `clock` moves on with every look."""

    release: Release
    clock: datetime = AT
    epochs: dict[str, int] = field(default_factory=dict)

    def look(self, audiences: dict[int, Any]) -> None:
        """Serve devices, and have each judge what it gets.

        Args:
            audiences: for each device the versions of the targets that it must be served, newest first; `CI` for
                those of its tag, `NOTHING` for none.
        """
        self.clock += timedelta(hours=1)
        for number, expected in audiences.items():
            self.device(number, expected)

    def device(self, number: int, expected: Any) -> None:
        mine = self.release.folder / "served" / str(number)
        fresh = mine.with_name(f"{number}.new")
        exported = self.release.factory.metadata.export(uuid(number), fresh, now=self.clock)
        verdict = judge_directory(
            fresh,
            now=self.clock,
            audience="ci" if number in TEST_DEVICES else "production",
            previous=mine if mine.exists() else None,
        )
        device = self.release.factory.devices.show(uuid(number))
        if expected is NOTHING:
            assert verdict.serves_nothing, number
            assert exported.why_none
            shutil.rmtree(fresh)
            return
        signed = json.loads((fresh / "targets.json").read_bytes())["signed"]
        found = sorted({int(target["custom"]["version"]) for target in signed["targets"].values()}, reverse=True)
        if expected == CI:
            assert exported.repository == "ci"
            assert len(found) > 1
        else:
            assert exported.repository == "production"
            assert found == list(expected), number
            assert verdict.targets_version == expected[0]
            assert all(target["custom"]["tags"] == [device.tag] for target in signed["targets"].values())
        epoch = verdict.timestamp_version or 0
        assert epoch == verdict.snapshot_version
        assert epoch >= self.epochs.get(exported.repository, 1)
        self.epochs[exported.repository] = epoch
        shutil.rmtree(mine, ignore_errors=True)
        fresh.rename(mine)


@pytest.fixture
def fleet(release: Release) -> Fleet:
    (release.folder / "served").mkdir()
    return Fleet(release)


def all_of(numbers: Iterable[int], expected: Any) -> dict[int, Any]:
    return dict.fromkeys(numbers, expected)


OUTSIDE = all_of(TEST_DEVICES, CI) | all_of([*OTHER_TAG, *TAGLESS], NOTHING)


def test_a_release_is_served_as_the_law_says_step_by_step(fleet: Fleet) -> None:
    release, clock = fleet.release, fleet
    fleet.look(OUTSIDE | all_of(MATCHING, NOTHING))

    release.init("v40", 40, now=clock.clock)
    fleet.look(OUTSIDE | all_of(MATCHING, NOTHING))
    release.rollout(uuids=[1, 2], wave="v40", now=clock.clock)
    fleet.look(OUTSIDE | all_of(MATCHING, NOTHING) | all_of([1, 2], [40]))
    release.waves.complete("v40", allow_downgrade=True, now=clock.clock)
    fleet.look(OUTSIDE | all_of(MATCHING, [40]))

    release.init("v42", 42, now=clock.clock)
    fleet.look(OUTSIDE | all_of(MATCHING, [40]))
    release.rollout(group="canary", whole_group=True, wave="v42", now=clock.clock)
    release.rollout(uuids=[5, 6], wave="v42", now=clock.clock)
    covered = [*CANARY, 5, 6]
    fleet.look(OUTSIDE | all_of(MATCHING, [40]) | all_of(covered, [42, 40]))

    # Devices that update by themselves get the wave's targets, in the wave or not: an agent that installs the highest
    # version in sight must not go back.
    release.check_in([1, 5, 9], target_version=42)
    fleet.look(all_of(MATCHING, [40]) | all_of([*covered, 9], [42, 40]))

    # Devices move between groups and tags, and back.
    release.factory.devices.assign([uuid(2)], "field", now=clock.clock)
    release.check_in([6], tag="beta")
    fleet.look({2: [40], 6: NOTHING})
    release.factory.devices.assign([uuid(2)], "canary", now=clock.clock)
    release.check_in([6], tag=TAG)
    fleet.look({2: [42, 40], 6: [42, 40]})

    release.waves.cancel("v42", now=clock.clock)
    fleet.look(OUTSIDE | all_of(MATCHING, [40]) | all_of([1, 5, 9], [42, 40]))
    seen = cells([UUID(uuid(1))], last_seen=NOW + 60, target_version=41)
    release.factory.devices.import_(seen, now=clock.clock)
    fleet.look({1: [40], 5: [42, 40]})

    # A wave below what a canceled one brought to a device does not take it back; one at or above it does.
    release.init("v43", 43, now=clock.clock, prune=[40])
    release.rollout(uuids=[5, 10], wave="v43", now=clock.clock)
    fleet.look(all_of(MATCHING, [40]) | {5: [43], 10: [43], 9: [42, 40]})
    release.waves.complete("v43", now=clock.clock)
    fleet.look(OUTSIDE | all_of(MATCHING, [43]))
    assert {one.variant for one in publications(release.factory, "production")} == {"tag"}


def test_a_canceled_wave_is_served_to_those_that_run_it_until_production_is_at_or_above_it(fleet: Fleet) -> None:
    release = fleet.release
    release.init("v40", 40)
    release.waves.complete("v40", allow_downgrade=True, now=AT)
    release.init("v44", 44)
    release.rollout("100%", wave="v44")
    release.check_in([1], target_version=44)
    release.waves.cancel("v44", now=AT)
    fleet.look({1: [44, 40], 2: [40]})
    # Through waves that stay below it, whatever becomes of them.
    release.init("v41", 41)
    release.rollout(group="canary", whole_group=True, wave="v41")
    fleet.look({1: [44, 40], 2: [41, 40]})
    release.waves.complete("v41", allow_downgrade=True, now=AT)
    fleet.look({1: [44, 40], 2: [41, 40]})
    release.init("v45", 45)
    fleet.look({1: [44, 40], 2: [41, 40]})
    release.rollout(uuids=[1], wave="v45")
    fleet.look({1: [45, 41, 40], 2: [41, 40]})
    release.waves.cancel("v45", now=AT)
    fleet.look({1: [44, 40], 2: [41, 40]})
    # Another wave of the same version, this time to the end.
    release.init("v44-again", 44)
    fleet.look({1: [44, 41, 40], 2: [41, 40]})
    release.waves.complete("v44-again", now=AT)
    fleet.look({1: [44, 41, 40], 2: [44, 41, 40]})


def test_waves_of_two_tags_do_not_meet(fleet: Fleet) -> None:
    release = fleet.release
    release.init("main42", 42)
    release.init("beta43", 43, "beta")
    release.rollout(group="canary", whole_group=True, wave="main42")
    fleet.look(all_of(CANARY, [42]) | all_of(OTHER_TAG, NOTHING))
    release.rollout(group="canary", whole_group=True, wave="beta43")
    fleet.look(all_of(CANARY, [42]) | all_of(OTHER_TAG, [43]))
    release.check_in([1], tag="beta", target_version=42)
    fleet.look({1: [43]})
    release.waves.cancel("beta43", now=AT)
    # A version that another tag's wave brought gives no right here.
    fleet.look({1: NOTHING, 31: NOTHING})
    release.check_in([1], tag=TAG)
    fleet.look({1: [42]})


def test_a_wave_without_its_signatures_is_served_to_nobody(strict: Release) -> None:
    (strict.folder / "served").mkdir()
    fleet = Fleet(strict)
    strict.init("v40", 40)
    strict.waves.sign("v40", keys=strict.second_keys, now=AT)
    strict.waves.complete("v40", allow_downgrade=True, now=AT)
    strict.init("v42", 42)
    # Device 1 reports the version, from wherever it has it: production is all that it can be served.
    strict.check_in([1], target_version=42)
    fleet.look({1: [40], 2: [40]})
    strict.waves.sign("v42", keys=strict.second_keys, now=AT)
    fleet.look({1: [42, 40], 2: [40]})
    strict.rollout(uuids=[2], wave="v42")
    fleet.look({1: [42, 40], 2: [42, 40]})
    strict.waves.complete("v42", allow_downgrade=True, now=AT)
    strict.init("v43", 43)
    strict.check_in([1], target_version=43)
    strict.waves.cancel("v43", now=AT)
    fleet.look({1: [42, 40]})


@pytest.mark.parametrize("rotate", ["targets", "second targets", "online", "root", "all"])
def test_rotated_keys_sign_active_and_canceled_waves_and_production_anew(fleet: Fleet, rotate: str) -> None:
    release, factory = fleet.release, fleet.release.factory
    root = release.folder / "root.tgz"
    release.init("v40", 40)
    release.waves.complete("v40", allow_downgrade=True, now=AT)
    release.init("v44", 44)
    release.rollout(uuids=[1], wave="v44")
    release.check_in([1], target_version=44)
    release.waves.cancel("v44", now=AT)
    release.init("v42", 42, keys=release.second_keys)
    release.rollout(uuids=[2], wave="v42")
    before = {1: [44, 40], 2: [42, 40], 3: [40]} | all_of(TEST_DEVICES, CI)
    fleet.look(before)
    acts: dict[str, Callable[[], object]] = {
        "targets": lambda: factory.keys.rotate_targets(root_keys=root, targets_keys=release.keys, now=AT),
        "second targets": lambda: factory.keys.rotate_targets(root_keys=root, targets_keys=release.second_keys, now=AT),
        "online": lambda: factory.keys.rotate_online(root_keys=root, now=AT),
        "root": lambda: factory.keys.rotate_root(root_keys=root, now=AT),
    }
    for act in acts.values() if rotate == "all" else [acts[rotate]]:
        act()
        fleet.look(before)
    assert release.waves.show("v42").signatures_missing == 0
    # The next command publishes everything anew: nobody may lose what was served.
    release.rollout(uuids=[4], wave="v42")
    fleet.look(before | {4: [42, 40]})
    release.waves.complete("v42", allow_downgrade=True, now=AT)
    fleet.look({1: [44, 40], 2: [42, 40], 3: [42, 40]})
    assert release.factory.check(now=fleet.clock).sound


def test_a_rotation_does_not_count_as_a_change_of_the_wave(wave: Release) -> None:
    plan = wave.rollout(2, dry_run=True).plan
    wave.factory.keys.rotate_targets(root_keys=wave.folder / "root.tgz", targets_keys=wave.keys, now=AT)
    assert wave.waves.apply(plan, now=AT).uuids == plan.uuids


def test_a_wave_that_waits_for_a_signature_is_re_signed_too(strict: Release) -> None:
    strict.init()
    root = strict.folder / "root.tgz"
    strict.factory.keys.rotate_targets(root_keys=root, targets_keys=strict.keys, now=AT)
    strict.factory.keys.rotate_online(root_keys=root, now=AT)
    assert strict.waves.show("w").signatures_missing == 1
    assert strict.waves.sign("w", keys=strict.second_keys, now=AT).signatures_missing == 0


def test_complete_publishes_the_waves_document_byte_for_byte(fleet: Fleet, tmp_path: Path) -> None:
    release = fleet.release
    release.init()
    release.rollout(uuids=[1])
    release.factory.metadata.export(uuid(1), tmp_path / "before", now=AT)
    release.waves.complete("w", now=AT)
    release.factory.metadata.export(uuid(9), tmp_path / "after", now=AT)
    before, after = ((tmp_path / name / "targets.json").read_bytes() for name in ("before", "after"))
    assert before == after == release.waves.show("w").wave.document


def test_a_rollout_changes_no_targets_document(wave: Release, tmp_path: Path) -> None:
    wave.rollout(uuids=[1])
    wave.factory.metadata.export(uuid(1), tmp_path / "one", now=AT)
    wave.rollout(uuids=[2])
    wave.factory.metadata.export(uuid(1), tmp_path / "two", now=AT)
    assert (tmp_path / "one" / "targets.json").read_bytes() == (tmp_path / "two" / "targets.json").read_bytes()
    assert (tmp_path / "one" / "timestamp.json").read_bytes() != (tmp_path / "two" / "timestamp.json").read_bytes()


def test_every_command_that_changes_who_gets_what_has_an_epoch_of_its_own(strict: Release) -> None:
    def epoch(repository: str = "production") -> int:
        return int(strict.factory._context.meta(f"epoch_{repository}", "0"))

    acts: list[Any] = [
        strict.init,
        lambda: strict.waves.sign("w", keys=strict.second_keys, now=AT),
        lambda: strict.rollout(2),
        lambda: strict.rollout(group="canary", whole_group=True),
        lambda: strict.waves.apply(strict.rollout(2, dry_run=True).plan, now=AT),
        lambda: strict.waves.complete("w", now=AT),
        lambda: strict.init("x", 43),
        lambda: strict.waves.cancel("x", now=AT),
    ]
    ci = epoch("ci")
    for act in acts:
        before = epoch()
        act()
        assert epoch() == before + 1
    assert epoch("ci") == ci, "test devices are none of its business"


def test_dry_runs_and_refusals_serve_nothing_new(wave: Release, tmp_path: Path) -> None:
    wave.rollout(uuids=[1])
    wave.factory.metadata.export(uuid(1), tmp_path / "before", now=AT)
    wave.rollout(5, dry_run=True)
    wave.rollout(uuids=[1])
    for act in (lambda: wave.rollout(0), lambda: wave.init("w", 43), lambda: wave.waves.sign("w", keys=wave.keys)):
        try:
            act()
        except GroundswellError:
            continue
    wave.factory.metadata.export(uuid(1), tmp_path / "after", now=AT)
    for name in ("targets.json", "snapshot.json", "timestamp.json"):
        assert (tmp_path / "before" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()


def test_one_publication_serves_all_devices_of_a_variant(wave: Release, tmp_path: Path) -> None:
    wave.rollout(uuids=[*FIELD])
    written = []
    for number in FIELD:
        wave.factory.metadata.export(uuid(number), tmp_path / str(number), now=AT)
        written.append((tmp_path / str(number) / "timestamp.json").read_bytes())
    assert len(set(written)) == 1


def test_a_device_that_is_deleted_is_served_nothing(wave: Release) -> None:
    wave.rollout(uuids=[1])
    device = wave.factory.devices.show(uuid(1))
    assert served_to(wave.factory, device)[1] is not None
    wave.factory.devices.delete([uuid(1)], now=AT)
    assert served_to(wave.factory, device)[1] is None


def test_devices_sleep_past_the_life_of_a_timestamp(fleet: Fleet) -> None:
    release = fleet.release
    release.init()
    release.rollout(uuids=[1])
    fleet.look({1: [42]})
    fleet.clock = later(days=30)
    fleet.look({1: [42], 2: NOTHING})
    release.waves.complete("w", now=fleet.clock)
    fleet.look({1: [42], 2: [42]})


def test_two_hardware_ids_get_their_targets_from_one_role(release: Release, tmp_path: Path) -> None:
    release.factory.targets.import_(
        factories.plain(factories.target(50, HARDWARE), factories.target(50, "x86")), now=AT
    )
    release.init("w", 50)
    release.rollout(uuids=[1])
    release.factory.metadata.export(uuid(1), tmp_path / "x", now=AT)
    verdict = judge_directory(tmp_path / "x", now=AT, audience="production", tag=TAG)
    assert verdict.targets == ("pi-lmp-50", "x86-lmp-50")
