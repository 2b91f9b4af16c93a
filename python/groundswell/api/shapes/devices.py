"""Devices and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundswell.api.shapes.common import change_meta, instant_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell import Device, Group

__all__ = ["denied_shape", "device_page", "device_shape", "group_shape"]


def device_shape(device: Device, *, factory: str, target_name: str, in_wave: bool, latest: bool) -> dict[str, Any]:
    """A device of a list.

    Args:
        device: the device.
        factory: the factory's name.
        target_name: the name of the target that it reports; empty where unknown.
        in_wave: whether it takes its updates from an active wave.
        latest: whether it reports what it is served, or a later version.
    """
    return {
        "uuid": device.uuid,
        # fioctl addresses devices by name; the UUID finds a device without one.
        "name": device.name or device.uuid,
        "owner": "",
        "factory": factory,
        "last-seen": instant_text(device.last_seen),
        "ostree-hash": "",
        "docker-apps": [],
        "tag": device.tag or "",
        "target-name": target_name,
        "status": "OK",
        "current-update": "",
        "up-to-date": latest,
        "public-key": "",
        "is-prod": device.production,
        "is-wave": in_wave,
        "device-group": device.group or "",
        "change-meta": {},
    }


def device_page(
    devices: Sequence[dict[str, Any]], *, total: int, page: int, pages: int, limit: int, following: str | None
) -> dict[str, Any]:
    """A page of devices."""
    return {
        "devices": list(devices),
        "total": total,
        "page": page,
        "pages": pages,
        "limit": limit,
        "next": following,
    }


def denied_shape(uuid: str, name: str | None, *, factory: str) -> dict[str, Any]:
    """A device of the denied list."""
    return {"uuid": uuid, "name": name or uuid, "factory": factory, "last-seen": "", "owner": "", "is-prod": False}


def group_shape(group: Group) -> dict[str, Any]:
    """A group."""
    return {
        "id": group.group_id,
        "name": group.name,
        "description": group.description,
        "change-meta": change_meta(group.created_at, group.created_by, group.updated_at, group.updated_by),
    }
