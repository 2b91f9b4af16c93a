"""How far a wave has come: for its tag and for each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundswell.factory.rollouts import hardware_without_target
from groundswell.fleet.quantities import instant, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from groundswell import _core
    from groundswell.factory.wave_book import WaveBook
    from groundswell.factory.waves import WaveDetail
    from groundswell.fleet import Fleet
    from groundswell.waves.records import Rollout, Wave

__all__ = ["GroupProgress", "Progress", "VersionShare", "WaveStatus", "wave_status"]


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
    """Counts of matching devices: total = updated + scheduled + unscheduled.

    Args:
        total: all of them.
        online: seen within the online threshold.
        on_version, newer, older: by the version that they report, against the wave's; unknown counts as older.
        updated: on_version + newer.
        covered: in the wave now, updated or not.
        scheduled: yet to be updated by this wave.
        unscheduled: neither updated nor scheduled.
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
        without_target: hardware ids for which the wave has no target, with the numbers of devices that it covers.
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
    detail: WaveDetail,
    book: WaveBook,
    fleet: Fleet,
    *,
    known_versions: set[int],
    expiring: Sequence[str],
    now: int,
    online_threshold: timedelta,
) -> WaveStatus:
    """Count; see `groundswell.factory.waves.Waves.status`."""
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

    def progress(tally: _core.Tally) -> Progress:
        return _progress(tally, known_versions if wave.active else None)

    groups = [
        GroupProgress(group=name, rolled_out_at=first[name], whole=name in whole, progress=progress(tally))
        for name, tally in counted.rolled_out
    ]
    others = [
        GroupProgress(group=name, rolled_out_at=None, whole=False, progress=progress(tally))
        for name, tally in counted.others
    ]
    if counted.groupless.total:
        tally = progress(counted.groupless)
        others.append(GroupProgress(group=None, rolled_out_at=None, whole=False, progress=tally))
    scheduled = core.scheduled(fleet.core, state=wave.state).to_ordinals()
    without = hardware_without_target(wave, scheduled, fleet)
    warnings = [*detail.warnings, *expiring]
    if without:
        named = ", ".join(f"{hardware} ({devices:,} devices)" for hardware, devices in without.items())
        warnings.insert(0, f"no target for hardware that is scheduled: {named}")
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


def _first_rollouts(rollouts: Sequence[Rollout], book: WaveBook) -> dict[str, datetime]:
    """When each group that still exists was asked for first, in that order."""
    found: dict[str, datetime] = {}
    for rollout in rollouts:
        for name in book.names([rollout.group_id]):
            found.setdefault(name, rollout.applied_at)
    return found


def _coverings(
    wave: Wave, rollouts: Sequence[Rollout], book: WaveBook
) -> list[tuple[_core.DeviceSet | str | None, int]]:
    """The acts that scheduled devices, in their order, each with its instant."""
    found: list[tuple[_core.DeviceSet | str | None, int]] = []
    for rollout in rollouts:
        at = int(rollout.applied_at.timestamp())
        if rollout.whole:
            found += [(name, at) for name in book.names([rollout.group_id])]
        else:
            found.append((rollout.devices, at))
    if wave.state == "complete" and wave.finished_at is not None:
        found.append((None, int(wave.finished_at.timestamp())))
    return found


def _progress(tally: _core.Tally, known: set[int] | None) -> Progress:
    versions = () if known is None else tuple(
        VersionShare(version, devices, version is not None and version not in known)
        for version, devices in tally.by_version
    )  # fmt: skip
    return Progress(
        total=tally.total,
        online=tally.online,
        on_version=tally.on_version,
        newer=tally.newer,
        older=tally.older,
        updated=tally.updated,
        covered=tally.covered,
        scheduled=tally.scheduled,
        unscheduled=tally.unscheduled,
        silent=tally.silent,
        failed=None,
        versions=versions,
    )
