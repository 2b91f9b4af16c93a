"""Scheduled devices that leave an active wave are counted (domain.md, "The sets"), and are those that left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundswell.factory.devices.leaving import LeavingDevices
from support.factories import AT
from support.wave_factories import uuid

if TYPE_CHECKING:
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
