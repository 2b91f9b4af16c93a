"""How far a wave has come: for its tag and for each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from groundswell.errors import InputError, StateError
from groundswell.fleet.fleet import DEFAULT_ONLINE_THRESHOLD
from groundswell.text import count
from groundswell.values import epoch_seconds, instant, whole_seconds
from groundswell.waves.history import no_devices

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime, timedelta

    from groundswell import _core
    from groundswell.fleet import Fleet
    from groundswell.waves.history import WaveHistory
    from groundswell.waves.records import Wave

__all__ = [
    "STATES",
    "DeviceState",
    "GroupProgress",
    "Progress",
    "VersionShare",
    "WaveStatus",
    "devices_in_state",
    "no_target_for",
    "progress",
    "signatures_needed",
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


def progress(
    wave: WaveHistory,
    fleet: Fleet,
    *,
    now: datetime,
    online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
    known_versions: Collection[int] | None = None,
) -> WaveStatus:
    """How far a wave has come, for its tag and for each group.

    Args:
        wave: the wave with its rollouts.
        fleet: the devices, as they are now.
        now: ages are computed at this instant.
        online_threshold: devices seen within it are online.
        known_versions: the versions that devices of the tag can get; others are orphans (default: the wave's version).

    Raises:
        InputError: ``bad-instant``, ``bad-duration``.

    Cost: a few passes over the matching devices, and one over the sets of the rollouts.

    >>> import pyarrow as pa
    >>> from datetime import UTC, datetime
    >>> from groundswell import Fleet
    >>> from groundswell.waves import RolloutRequest, Wave, WaveHistory, plan_rollout
    >>> at = datetime(2026, 11, 24, tzinfo=UTC)
    >>> table = {"uuid": [f"{i:032x}" for i in range(9)], "production": [True] * 9, "tag": ["main"] * 9}
    >>> fleet = Fleet.read(pa.table(table), now=at)
    >>> wave = WaveHistory.of(Wave.begin("v42", 42, "main", at=at, by="alice"))
    >>> wave = wave.after(plan_rollout(wave, fleet, RolloutRequest.of(3, now=at)).plan, fleet, at=at, by="alice")
    >>> found = progress(wave, fleet, now=at).progress
    >>> found.total, found.updated, found.scheduled, found.unscheduled
    (9, 0, 3, 6)
    """
    core, record = wave.core, wave.wave
    first, whole = wave.first_rollouts(), set(core.whole_groups)
    counted = core.status(
        fleet.core,
        state=record.state,
        rolled_out=list(first),
        coverings=wave.coverings(),
        now=epoch_seconds(now),
        online_threshold=whole_seconds(online_threshold, "online_threshold"),
    )
    known = {record.target_version} if known_versions is None else set(known_versions)

    def shown(counts: _core.Counts) -> Progress:
        return _progress(counts, known if record.active else None)

    groups = [
        GroupProgress(group=name, rolled_out_at=first[name], whole=name in whole, progress=shown(counts))
        for name, counts in counted.rolled_out
    ]
    others = [
        GroupProgress(group=name, rolled_out_at=None, whole=False, progress=shown(counts))
        for name, counts in counted.others
    ]
    if counted.groupless.total:
        groupless = shown(counted.groupless)
        others.append(GroupProgress(group=None, rolled_out_at=None, whole=False, progress=groupless))
    without = dict(core.hardware_without_target(fleet.core, _reached(record, core, fleet)))
    return WaveStatus(
        wave=record,
        now=instant(epoch_seconds(now)),
        progress=shown(counted.tag),
        rollout_groups=tuple(groups),
        other_groups=tuple(others),
        rollouts=len(wave.rollouts),
        without_target=without,
        warnings=(f"in the wave, {no_target_for(without)}",) if without else (),
    )


def devices_in_state(
    wave: WaveHistory,
    fleet: Fleet,
    state: str,
    *,
    now: datetime,
    online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
) -> _core.DeviceSet:
    """The devices behind one count of `progress`, for the whole tag.

    Args:
        wave: the wave with its rollouts.
        fleet: the devices, as they are now.
        state: one of `STATES`.
        now: ages are computed at this instant.
        online_threshold: devices seen within it are online.

    Returns:
        Their ordinals.

    Raises:
        InputError: ``bad-state``, ``bad-instant``, ``bad-duration``.
        StateError: ``failures-unknown`` for ``failed``: devices do not report outcomes yet.

    Cost: a few passes over the matching devices.
    """
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
            fields={"wave": wave.wave.name, "state": state},
        )
    return wave.core.devices_in_state(
        fleet.core,
        state,
        state=wave.wave.state,
        coverings=wave.coverings(),
        now=epoch_seconds(now),
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
        return no_devices()
    return core.matching(fleet.core) if wave.state == "complete" else core.covered(fleet.core)


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
