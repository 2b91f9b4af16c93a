"""Devices as lists show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypedDict, get_args

from groundswell.store.rows import DeviceSort as Sort
from groundswell.values import instant

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from groundswell.store.rows import DeviceRow

__all__ = ["SORTS", "Device", "DeviceFilters", "DevicePage", "Sort", "device_of"]

SORTS: Final[tuple[Sort, ...]] = get_args(Sort)
"""The orders of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a factory knows of a device.

    Args:
        ordinal: its number in this factory: given once, never reused, never changed.
        uuid: lower case, hyphenated.
        name, group, tag, target_version, hardware_id: None where unknown.
        production: a production device; otherwise a test device.
        last_seen: None for a device that was never seen.
    """

    ordinal: int
    uuid: str
    name: str | None
    group: str | None
    tag: str | None
    production: bool
    last_seen: datetime | None
    target_version: int | None
    hardware_id: str | None


@dataclass(frozen=True, slots=True)
class DevicePage:
    """A page of a list of devices.

    Args:
        devices: those of the page, in order.
        total: how many the filters leave, on all pages.
        page: its number, from 1.
        pages: how many there are, at least 1.
    """

    devices: tuple[Device, ...]
    total: int
    page: int
    pages: int


class DeviceFilters(TypedDict, total=False):
    """The keywords of `Devices.list` that say which devices, and in which order."""

    group: str | None
    no_group: bool
    tag: str | None
    no_tag: bool
    production: bool | None
    name: str | None
    uuid_prefix: str | None
    target_version: int | None
    hardware_id: str | None
    online: bool | None
    online_threshold: timedelta
    wave: str | None
    state: str | None
    sort: Sort
    now: datetime | None


def device_of(row: DeviceRow) -> Device:
    """A device from its row."""
    return Device(
        ordinal=row.ordinal,
        uuid=row.uuid,
        name=row.name,
        group=row.group,
        tag=row.tag,
        production=row.production,
        last_seen=None if row.last_seen is None else instant(row.last_seen),
        target_version=row.target_version,
        hardware_id=row.hardware_id,
    )
