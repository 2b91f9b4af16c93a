"""The overview of a factory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundswell.api.shapes.common import version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.factory.status import FactoryStatus, TagStatus

__all__ = ["factory_status"]


def factory_status(status: FactoryStatus, outside: Sequence[TagStatus], inside: Sequence[TagStatus]) -> dict[str, Any]:
    """Test devices, production devices outside of active waves, and those in one; each device is counted once."""
    return {
        "total-devices": status.devices,
        "tags": [_tag(one) for one in status.tags if not one.production],
        "prod-tags": [_tag(one) for one in outside],
        "wave-tags": [_tag(one) for one in inside],
    }


def _tag(tag: TagStatus) -> dict[str, Any]:
    latest = tag.latest_target
    return {
        "name": tag.tag or "",
        "devices-total": tag.devices,
        "devices-online": tag.online,
        "devices-on-latest": tag.on_latest,
        "devices-on-orphan": sum(one.devices for one in tag.versions if one.is_orphan),
        "latest-target": version_of(latest),
        "targets": [
            {"version": version_of(one.target_version), "devices": one.devices, "is-orphan": one.is_orphan}
            for one in tag.versions
        ],
        "device-groups": [
            {
                "name": group.group or "",
                "devices-total": group.devices,
                "devices-online": group.online,
                "devices-on-latest": group.on_latest,
                "devices-on-orphan": group.on_orphan,
            }
            for group in tag.groups
        ],
    }
