"""How far a wave has come: for its tag and for each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from groundswell.errors import InputError, StateError
from groundswell.factory.waves.repository import nobody
from groundswell.text import count
from groundswell.values import epoch_seconds, instant, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from groundswell import _core
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.fleet import Fleet
    from groundswell.waves.records import Rollout, Wave

__all__ = [
    "STATES",
    "DeviceState",
    "GroupProgress",
    "Progress",
    "VersionShare",
    "WaveStatus",
    "devices_in_state",
    "no_target_for",
    "signatures_needed",
    "wave_status",
]

DeviceState = Literal[
    "matching",
    "online",
    "on-version",
    "newer",
    "older",
    "updated",
    "covered",
    "staged",
    "scheduled",
    "silent",
    "unsupported",
    "unscheduled",
    "failed",
]
_MAX_NAMED: Final = 5
STATES: Final[tuple[DeviceState, ...]] = get_args(DeviceState)
"""The counts of a status that can be turned into their devices; ``matching`` stands for the total."""


@dataclass(frozen=True, slots=True)
class VersionShare:
    """Devices that report a target version; None for those that report none.

    Args:
        target_version: the version.
        devices: how many report it.
        is_orphan: whether no known production target of the tag has it.
    """

    target_version: int | None
    devices: int
    is_orphan: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counts of matching devices: total = updated + scheduled + unsupported + unscheduled.

    In these counts, *covered* means all matching devices once the wave is complete, and none once it is canceled.

    Args:
        total: all of them.
        online: seen within the online threshold.
        on_version, newer, older: by the version that they report, against the wave's; unknown counts as older.
        updated: on_version + newer.
        covered: in the wave, updated or not.
        scheduled: yet to be updated by this wave: covered − updated − unsupported.
        unsupported: covered and not updated, and the wave has no target for their hardware.
        unscheduled: neither covered nor updated.
        silent: scheduled, and not seen since the rollout that covers them.
        failed: whose last installation of the wave's version failed; None as long as devices report no events.
        versions: by reported version, latest first; empty for finished waves.
    """

    total: int
    online: int
    on_version: int
    newer: int
    older: int
    updated: int
    covered: int
    scheduled: int
    unsupported: int
    unscheduled: int
    silent: int
    failed: int | None
    versions: tuple[VersionShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupProgress:
    """The progress of one group; None for devices without one.

    Args:
        group: its name.
        rolled_out_at: when a rollout asked for it first; None for the others.
        whole: whether it was rolled out whole.
        progress: the counts.
    """

    group: str | None
    rolled_out_at: datetime | None
    whole: bool
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveStatus:
    """How far a wave has come.

    Args:
        wave: the wave.
        now: the instant that ages were counted to; a finished wave is counted as of now, too.
        progress: of the whole tag.
        rollout_groups: groups that a rollout asked for, in the order of their first rollout.
        other_groups: the others that have matching devices; those without a group last.
        rollouts: how many were applied.
        without_target: hardware ids for which the wave has no target, with the numbers of devices that it
            covers; of a complete wave, that match. Updated devices are included, unlike in `progress.unsupported`.
        warnings: what wants attention.
    """

    wave: Wave
    now: datetime
    progress: Progress
    rollout_groups: tuple[GroupProgress, ...]
    other_groups: tuple[GroupProgress, ...]
    rollouts: int
    without_target: dict[str, int]
    warnings: tuple[str, ...]


def wave_status(
    wave: Wave,
    book: WaveRepository,
    fleet: Fleet,
    *,
    signatures_missing: int,
    known_versions: set[int],
    expiring: Sequence[str],
    now: int,
    online_threshold: timedelta,
) -> WaveStatus:
    """Count; see `groundswell.factory.waves.waves.Waves.status`."""
    rollouts = book.rollouts(wave)
    core = book.core(wave)
    first = _first_rollouts(rollouts, book)
    counted = core.status(
        fleet.core,
        state=wave.state,
        rolled_out=list(first),
        coverings=_coverings(wave, rollouts, book),
        now=now,
        online_threshold=whole_seconds(online_threshold, "online_threshold"),
    )
    whole = set(core.whole_groups)

    def progress(counts: _core.Counts) -> Progress:
        return _progress(counts, known_versions if wave.active else None)

    groups = [
        GroupProgress(group=name, rolled_out_at=first[name], whole=name in whole, progress=progress(counts))
        for name, counts in counted.rolled_out
    ]
    others = [
        GroupProgress(group=name, rolled_out_at=None, whole=False, progress=progress(counts))
        for name, counts in counted.others
    ]
    if counted.groupless.total:
        groupless = progress(counted.groupless)
        others.append(GroupProgress(group=None, rolled_out_at=None, whole=False, progress=groupless))
    without = dict(core.hardware_without_target(fleet.core, _reached(wave, core, fleet)))
    # What `show` warns of beside these was known when the wave was made.
    warnings = list(expiring)
    if without:
        warnings.insert(0, f"in the wave, {no_target_for(without)}")
    if signatures_missing:
        warnings.insert(0, signatures_needed(signatures_missing))
    return WaveStatus(
        wave=wave,
        now=instant(now),
        progress=progress(counted.tag),
        rollout_groups=tuple(groups),
        other_groups=tuple(others),
        rollouts=len(rollouts),
        without_target=without,
        warnings=tuple(warnings),
    )


def devices_in_state(
    wave: Wave, state: str, book: WaveRepository, fleet: Fleet, *, now: int, online_threshold: timedelta
) -> _core.DeviceSet:
    """The devices behind one count; see `groundswell.factory.waves.waves.Waves.devices_in_state`."""
    if state not in STATES:
        raise InputError(
            "bad-state",
            f"`{state}` is not a state of devices in a wave",
            hint=f"use one of {', '.join(STATES)}",
            fields={"state": str(state), "known": list(STATES)},
        )
    if state == "failed":
        raise StateError(
            "failures-unknown",
            "which devices `failed` is not known: devices do not report the outcome of updates yet",
            hint="`silent` gives the devices that were not seen since their rollout",
            fields={"wave": wave.name, "state": state},
        )
    return book.core(wave).devices_in_state(
        fleet.core,
        state,
        state=wave.state,
        coverings=_coverings(wave, book.rollouts(wave), book),
        now=now,
        online_threshold=whole_seconds(online_threshold, "online_threshold"),
    )


def no_target_for(hardware: Mapping[str, int]) -> str:
    """A warning: so many devices have no target, by hardware id."""
    named = [f"{name} ({count(devices, 'device')})" for name, devices in list(hardware.items())[:_MAX_NAMED]]
    more = f" and {len(hardware) - _MAX_NAMED} more hardware ids" if len(hardware) > _MAX_NAMED else ""
    total = count(sum(hardware.values()), "device has", "devices have")
    return f"{total} no target for their hardware: {', '.join(named)}{more}"


def signatures_needed(missing: int) -> str:
    """A warning about an active wave."""
    more = "1 more signature is" if missing == 1 else f"{missing} more signatures are"
    return f"{more} needed before the wave can be rolled out or completed"


def _reached(wave: Wave, core: _core.Wave, fleet: Fleet) -> _core.DeviceSet:
    """The devices that are to have the wave's targets."""
    if wave.state == "canceled":
        return nobody()
    return core.matching(fleet.core) if wave.state == "complete" else core.covered(fleet.core)


def _first_rollouts(rollouts: Sequence[Rollout], book: WaveRepository) -> dict[str, datetime]:
    """When each group that still exists was asked for first, in that order."""
    found: dict[str, datetime] = {}
    for rollout in rollouts:
        name = book.name(rollout.group_id)
        if name is not None:
            found.setdefault(name, rollout.applied_at)
    return found


def _coverings(
    wave: Wave, rollouts: Sequence[Rollout], book: WaveRepository
) -> list[tuple[_core.DeviceSet | str | None, int]]:
    """The acts that scheduled devices, in their order, each with its instant."""
    found: list[tuple[_core.DeviceSet | str | None, int]] = []
    for rollout in rollouts:
        at, name = epoch_seconds(rollout.applied_at), book.name(rollout.group_id)
        if not rollout.whole:
            found.append((rollout.devices, at))
        elif name is not None:
            found.append((name, at))
    if wave.state == "complete" and wave.finished_at is not None:
        found.append((None, epoch_seconds(wave.finished_at)))
    return found


def _progress(counts: _core.Counts, known: set[int] | None) -> Progress:
    versions = () if known is None else tuple(
        VersionShare(version, devices, version is not None and version not in known)
        for version, devices in counts.by_version
    )  # fmt: skip
    return Progress(
        total=counts.total,
        online=counts.online,
        on_version=counts.on_version,
        newer=counts.newer,
        older=counts.older,
        updated=counts.updated,
        covered=counts.covered,
        scheduled=counts.scheduled,
        unsupported=counts.unsupported,
        unscheduled=counts.unscheduled,
        silent=counts.silent,
        failed=None,
        versions=versions,
    )
