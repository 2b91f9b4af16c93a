"""Counts of a fleet's devices by group, tag, target version and activity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.unknown_values import NEVER_SEEN
from groundswell.values import instant, whole_seconds

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import numpy as np
    import numpy.typing as npt

    from groundswell.fleet.device_table import DeviceTable

__all__ = ["ActivityCount", "FleetSummary", "NameCount", "VersionDevices", "summarise"]

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_WITHIN: Final = (_HOUR, 4 * _HOUR, _DAY, 7 * _DAY, 30 * _DAY)


@dataclass(frozen=True, slots=True)
class NameCount:
    """Counts of a group or tag: devices, production devices among them, and online devices among them."""

    name: str
    devices: int
    production: int
    online: int


@dataclass(frozen=True, slots=True)
class VersionDevices:
    """The number of devices that report a target version."""

    target_version: int
    devices: int


@dataclass(frozen=True, slots=True)
class ActivityCount:
    """The number of devices last seen at most `within` seconds ago but not in a shorter span; None: all older ones."""

    within: int | None
    devices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSummary:
    """Counts of a fleet's devices.

    Attributes:
        now: the instant at which ages were computed.
        online_threshold: a device last seen within this time is online.
        devices: all devices: production + test.
        production: production devices.
        test: test devices.
        online: devices seen within the online threshold.
        never_seen: devices that were never seen.
        groupless: devices without a group.
        tagless: devices without a tag.
        unknown_version: devices that report no target version.
        groups: each group that has devices, largest first; ties by name.
        tags: each tag that devices listen to, in the same order.
        target_versions: each reported target version, latest first.
        activity: devices by the time since they were last seen; their sum plus `never_seen` is `devices`.
    """

    now: datetime
    online_threshold: timedelta
    devices: int
    production: int
    test: int
    online: int
    never_seen: int
    groupless: int
    tagless: int
    unknown_version: int
    groups: tuple[NameCount, ...]
    tags: tuple[NameCount, ...]
    target_versions: tuple[VersionDevices, ...]
    activity: tuple[ActivityCount, ...]


def summarise(fleet: DeviceTable, *, now: int, online_threshold: timedelta) -> FleetSummary:
    """Count a fleet's devices; the arguments are described at `Fleet.summary`.

    Raises:
        InputError: ``bad-duration``.
    """
    import numpy as np

    core = fleet._core  # noqa: SLF001 - the other half of Fleet
    columns = _of_present_devices(core.columns())
    production: npt.NDArray[np.bool_] = columns["production"]
    last_seen: npt.NDArray[np.uint32] = columns["last_seen"]

    seen = last_seen != NEVER_SEEN
    ages = np.maximum(now - last_seen.astype(np.int64), 0)
    online = last_seen >= _core.online_since(now, whole_seconds(online_threshold, "online_threshold"))
    seen_within = [0, *(int(np.count_nonzero(seen & (ages <= within))) for within in _WITHIN)]
    all_seen = int(np.count_nonzero(seen))
    versions = [VersionDevices(version, devices) for version, devices in reversed(core.version_counts())]
    return FleetSummary(
        now=instant(now),
        online_threshold=online_threshold,
        devices=len(fleet),
        production=core.production_count,
        test=len(fleet) - core.production_count,
        online=int(np.count_nonzero(online)),
        never_seen=len(fleet) - all_seen,
        groupless=int(np.count_nonzero(columns["groups"] < 0)),
        tagless=int(np.count_nonzero(columns["tags"] < 0)),
        unknown_version=len(fleet) - sum(version.devices for version in versions),
        groups=_by_name(columns["groups"], columns["group_names"], production, online),
        tags=_by_name(columns["tags"], columns["tag_names"], production, online),
        target_versions=tuple(versions),
        activity=(
            *map(ActivityCount, _WITHIN, np.diff(seen_within).tolist()),
            ActivityCount(None, all_seen - seen_within[-1]),
        ),
    )


def _of_present_devices(columns: dict[str, Any]) -> dict[str, Any]:
    there = columns["present"]
    if there is None:
        return columns
    by_device = ("production", "last_seen", "groups", "tags")
    return columns | {name: columns[name][there] for name in by_device}


def _by_name(
    codes: npt.NDArray[np.int32],
    names: list[str],
    production: npt.NDArray[np.bool_],
    online: npt.NDArray[np.bool_],
) -> tuple[NameCount, ...]:
    import numpy as np

    named = codes >= 0
    devices, producing, live = (
        np.bincount(codes[among], minlength=len(names)).tolist()
        for among in (named, named & production, named & online)
    )
    counts = [NameCount(*count) for count in zip(names, devices, producing, live, strict=True) if count[1]]
    return tuple(sorted(counts, key=lambda count: (-count.devices, count.name)))
