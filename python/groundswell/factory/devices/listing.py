"""Lists of devices: filters become values that the store reads by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.arguments import refuse_empty
from groundswell.errors import InputError, NotFoundError
from groundswell.factory.context import Context, online_since, seconds
from groundswell.factory.devices.device import SORTS, DevicePage, device_of
from groundswell.factory.devices.groups import find_group
from groundswell.factory.names import storable
from groundswell.fleet.fleet import DEFAULT_ONLINE_THRESHOLD, checked_target_version
from groundswell.ingest.cells import cropped
from groundswell.store.rows import DeviceFilter

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from groundswell.factory.devices.device import Sort
    from groundswell.factory.devices.fleet_loader import FleetCache
    from groundswell.factory.devices.leaving import DevicesInState

__all__ = ["MAX_PER_PAGE", "list_devices"]

MAX_PER_PAGE: Final = 1_000_000
_MAX_PAGES: Final = 2**32
"""More than there can be devices."""


def list_devices(
    context: Context,
    fleets: FleetCache,
    devices_in_state: DevicesInState,
    *,
    group: str | None = None,
    no_group: bool = False,
    tag: str | None = None,
    no_tag: bool = False,
    production: bool | None = None,
    name: str | None = None,
    uuid_prefix: str | None = None,
    target_version: int | None = None,
    hardware_id: str | None = None,
    online: bool | None = None,
    online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
    wave: str | None = None,
    state: str | None = None,
    sort: Sort = "ordinal",
    limit: int = 50,
    page: int = 1,
    now: datetime | None = None,
) -> DevicePage:
    """See `groundswell.factory.devices.devices.Devices.list`."""
    limit, page = int(limit), int(page)  # numpy's, say
    _check_page(limit, page)
    if sort not in SORTS:
        raise InputError(
            "bad-sort",
            f"devices cannot be sorted by `{sort}`",
            hint=f"use one of {', '.join(SORTS)}",
            fields={"sort": str(sort), "sorts": list(SORTS)},
        )
    refuse_empty(group=group, tag=tag, uuid_prefix=uuid_prefix, hardware_id=hardware_id)
    refuse_empty(wave=wave, state=state)
    _refuse_both(group=group, no_group=no_group)
    _refuse_both(tag=tag, no_tag=no_tag)
    since = None if online is None else online_since(seconds(now), online_threshold)
    which = DeviceFilter(
        group_id=None if group is None else find_group(context, group),
        no_group=no_group,
        tag_id=None if tag is None else _find_tag(context, tag),
        no_tag=no_tag,
        production=production,
        name=None if name is None else storable(name),
        uuid_prefix=None if uuid_prefix is None else storable(uuid_prefix).lower(),
        target_version=None if target_version is None else checked_target_version(target_version),
        hardware_id=None if hardware_id is None else storable(hardware_id),
        seen_since=since if online else None,
        not_seen_since=None if online else since,
    )
    with context.store.reading():
        if wave is not None or state is not None:
            import pyarrow as pa

            asked, fleet = "matching" if state is None else state, fleets.fleet(now=now)
            devices = devices_in_state(wave, asked, fleet, now=seconds(now), online_threshold=online_threshold)
            which = replace(which, ordinals=pa.array(devices.to_ordinals(), pa.uint32()))
        total, found = context.store.devices.page(which, sort=sort, limit=limit, offset=(page - 1) * limit)
    return DevicePage(tuple(map(device_of, found)), total, page, max(1, -(-total // limit)))


def _refuse_both(**given: Any) -> None:
    """Refuse a filter together with its opposite."""
    (name, value), (opposite, excluded) = given.items()
    if value is not None and excluded:
        raise InputError(
            "bad-option",
            f"`{name}` is `{cropped(str(value))}`, and `{opposite}` excludes every {name}",
            hint=f"give `{name}` or `{opposite}`, not both",
            fields={"options": [name, opposite]},
        )


def _find_tag(context: Context, tag: str) -> int:
    ids = {name: number for number, name in context.store.tags.names().items()}
    if tag in ids:
        return int(ids[tag])
    near = _core.nearest(storable(tag), list(ids), at_most=3)
    raise NotFoundError(
        "unknown-tag",
        f"no device listens to tag `{cropped(tag)}`",
        hint=f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else "see the status of the factory",
        fields={"tag": tag, "nearest": near, "place": "factory"},
    )


def _check_page(limit: int, page: int) -> None:
    for name, value, most in (("limit", limit, MAX_PER_PAGE), ("page", page, _MAX_PAGES)):
        if not 1 <= value <= most:
            raise InputError(
                "bad-page",
                f"the {name} is `{value}`",
                hint=f"a page has 1 to {MAX_PER_PAGE} devices, and pages are counted from 1",
                fields={"limit": limit, "page": page},
            )
