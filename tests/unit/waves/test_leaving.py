"""Scheduled devices that leave an active wave are counted (domain.md, "The sets"), and are those that left."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from groundswell.factory.devices.leaving import LeavingDevices
from support.factories import AT
from support.wave_factories import CANARY, FIELD, GROUPLESS, cells, uuid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from groundswell.factory import ImportReport
    from support.wave_factories import Release


def scheduled(wave: Release) -> int:
    return wave.waves.status("w", now=AT).progress.scheduled


def a_group(wave: Release) -> str:
    """A group that has matching devices that are yet to be updated."""
    covers = {
        group.name: len(wave.waves.rollout("w", group=group.name, whole_group=True, dry_run=True, now=AT))
        for group in wave.factory.groups.list()
    }
    return max(covers, key=lambda name: covers[name])


def test_devices_that_leave_a_whole_group_leave_the_wave(wave: Release) -> None:
    group = a_group(wave)
    wave.rollout(group=group, whole_group=True)
    members = wave.factory.devices.list_uuids(group=group)
    before = scheduled(wave)
    assert before > 0
    told = wave.factory.devices.would_leave(members)
    assert told == wave.factory.groups.would_leave(group) == (LeavingDevices("w", before),)
    # Where they are already they stay.
    assert wave.factory.devices.would_leave(members, group) == ()
    moved = wave.factory.devices.assign(members, None, now=AT)
    assert (moved, moved.leaves, scheduled(wave)) == (len(members), told, 0)


def test_a_staged_device_stays_wherever_it_is_moved_and_leaves_when_it_is_deleted(wave: Release) -> None:
    group = a_group(wave)
    wave.rollout(2, group=group, seed=1)
    members = wave.factory.devices.list_uuids(group=group)
    before = scheduled(wave)
    assert before == 2
    assert wave.factory.devices.would_leave(members) == wave.factory.groups.would_leave(group) == ()
    told = wave.factory.devices.would_leave(members, deleted=True)
    assert told == (LeavingDevices("w", 2),)
    deleted = wave.factory.devices.delete(members, now=AT)
    assert (deleted.leaves, scheduled(wave)) == (told, 0)


def test_the_deletion_of_a_whole_group_takes_its_devices_out(wave: Release) -> None:
    group = a_group(wave)
    wave.rollout(group=group, whole_group=True)
    before = scheduled(wave)
    deleted = wave.factory.groups.delete(group, ungroup=True, now=AT)
    assert deleted.leaves == (LeavingDevices("w", before),)
    assert scheduled(wave) == 0


def test_a_finished_wave_and_unknown_devices_have_nobody_who_leaves(wave: Release) -> None:
    group = a_group(wave)
    wave.rollout(group=group, whole_group=True)
    members = wave.factory.devices.list_uuids(group=group)
    assert wave.factory.devices.would_leave([uuid(9999)], deleted=True) == ()
    wave.waves.cancel("w", now=AT)
    assert wave.factory.devices.would_leave(members, deleted=True) == ()


# --- imports (domain.md: "An import that moves devices only reports it")


def import_cells(wave: Release, numbers: Iterable[int], *, dry_run: bool = False, **columns: object) -> ImportReport:
    rows = cells([UUID(uuid(n)) for n in numbers], **columns)
    return wave.factory.devices.import_(rows, now=AT, dry_run=dry_run)


def test_an_import_reports_who_leaves_a_wave_by_a_group(wave: Release) -> None:
    wave.rollout(group="field", whole_group=True)
    before = scheduled(wave)
    planned = import_cells(wave, FIELD[:3], group="canary", dry_run=True)
    assert planned.leaves == (LeavingDevices("w", 3),)
    assert planned.notes[0].startswith("3 SCHEDULED DEVICES WOULD LEAVE THE WAVE `w`")
    assert scheduled(wave) == before
    report = import_cells(wave, FIELD[:3], group="canary")
    assert (report.changed, report.leaves, scheduled(wave)) == (3, (LeavingDevices("w", 3),), before - 3)
    assert report.notes[0].startswith("3 SCHEDULED DEVICES LEAVE THE WAVE `w`")
    # The same rows again change nothing, so nobody leaves.
    assert import_cells(wave, FIELD[:3], group="canary").leaves == ()


def test_an_import_reports_who_leaves_a_wave_by_a_tag(wave: Release) -> None:
    wave.rollout(group="field", whole_group=True)
    wave.rollout(uuids=[*CANARY])
    before = scheduled(wave)
    report = import_cells(wave, [*FIELD[:2], CANARY[0], GROUPLESS[0]], tag="beta")
    # A device that is staged leaves, too; one that the wave does not cover does not.
    assert (report.leaves, scheduled(wave)) == ((LeavingDevices("w", 3),), before - 3)


def test_an_import_does_not_report_devices_that_stay(wave: Release) -> None:
    wave.rollout(group="field", whole_group=True)
    wave.rollout(uuids=[*CANARY])
    before = scheduled(wave)
    # Staged devices stay wherever they move; an import of other cells moves nobody; neither do new devices.
    assert import_cells(wave, CANARY, group="elsewhere").leaves == ()
    assert import_cells(wave, FIELD, hardware_id="pi", tag="main", group="field").leaves == ()
    assert import_cells(wave, FIELD, last_seen=int(AT.timestamp())).leaves == ()
    assert import_cells(wave, [70, 71], group="field").leaves == ()
    assert scheduled(wave) == before
    wave.waves.cancel("w", now=AT)
    assert import_cells(wave, FIELD, group="elsewhere").leaves == ()
