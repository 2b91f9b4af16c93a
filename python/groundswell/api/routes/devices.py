"""Devices, groups of devices, the denied list (wire.md 2.5, 2.6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations

from groundswell.api.access import Call
from groundswell.api.bodies import Body, required, text
from groundswell.api.problems import RefusedError
from groundswell.api.shapes.devices import denied_shape, device_page, device_shape, group_shape
from groundswell.api.state import body_of, json_answer, let_in, page_numbers
from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell import Device
    from groundswell.factory import Factory
    from groundswell.factory.devices.device import DeviceFilters, Sort

__all__ = [
    "allow_device",
    "change_device",
    "change_group",
    "create_group",
    "delete_device",
    "delete_group",
    "list_denied",
    "list_devices",
    "list_groups",
    "list_updates",
    "router",
    "show_device",
]

router: Final = APIRouter(tags=["devices"])

_D: Final = "/ota/devices"
_F: Final = "/ota/factories/{factory}"
_LIMITS: Final = frozenset((10, 20, 30, 40, 50, 100, 200, 500, 1000))
_SORTS: Final[dict[str, Sort]] = {
    "name": "name", "-name": "-name", "last_seen": "last-seen", "-last_seen": "-last-seen",
}  # fmt: skip
_VERSION: Final = re.compile(r"(?:.*-)?([0-9]{1,10})")

Reader = Annotated[Call, let_in("read")]
Writer = Annotated[Call, let_in("devices")]


@router.get(_D + "/")
def list_devices(request: Request, call: Reader) -> Response:
    """List devices: a page of those that meet every condition."""
    limit, page = page_numbers(request, default=500, allowed=_LIMITS.__contains__)
    query = request.query_params
    if query.get("mine") == "1":  # devices have no owners yet
        return json_answer(device_page([], total=0, page=page, pages=1, limit=limit, following=None))
    found = call.factory.devices.list(**_filters(request), limit=limit, page=page)
    following = str(request.url.include_query_params(page=page + 1)) if page < found.pages else None
    shown = _shapes(call.factory, found.devices)
    return json_answer(
        device_page(shown, total=found.total, page=page, pages=found.pages, limit=limit, following=following)
    )


@router.get(_D + "/{device}/")
def show_device(call: Reader, device: str) -> Response:
    """Show a device, by its name, or with ``by-uuid=1`` by its UUID."""
    found = call.factory.devices.show(device)
    (shape,) = _shapes(call.factory, [found])
    # A list has the name of the group, a device the group itself.
    shape["group"] = None if found.group is None else group_shape(call.factory.groups.show(found.group))
    return json_answer(shape)


@router.patch(_D + "/{device}/")
def change_device(call: Writer, device: str, body: Annotated[Body, body_of()]) -> Response:
    """Rename a device, or put it into a group; an empty group takes it out of its group."""
    asked = body.parse()
    name, group = text(asked, "name"), text(asked, "group")
    if "owner" in asked:
        raise InputError("bad-body", "devices have no owners", hint="leave the member `owner` out")
    if name is None and group is None:
        raise InputError("bad-body", "the body changes nothing", hint="give `name` or `group`")
    found = call.factory.devices.show(device)
    if group is not None:
        call.factory.devices.assign([found.uuid], group or None)
    if name is not None:
        call.factory.devices.rename(found.uuid, name)
    (shape,) = _shapes(call.factory, [call.factory.devices.show(found.uuid)])
    return json_answer(shape)


@router.delete(_D + "/{device}/")
def delete_device(call: Writer, device: str) -> Response:
    """Delete a device, and put it on the denied list."""
    call.factory.devices.delete([call.factory.devices.show(device).uuid])
    return json_answer({})


@router.get(_D + "/{device}/updates/")
def list_updates(call: Reader, device: str) -> Response:
    """List the updates of a device. Devices do not report events yet, so the list is empty."""
    call.factory.devices.show(device)
    return json_answer({"updates": [], "total": 0, "next": None})


@router.get(_F + "/denied-devices/")
def list_denied(request: Request, call: Reader) -> Response:
    """List the devices that were deleted and not allowed since."""
    limit, page = page_numbers(request, default=500, allowed=lambda number: number <= 1000)  # noqa: PLR2004
    denied = call.factory.devices.denied()
    shown = denied[(page - 1) * limit : page * limit]
    pages = max(-(-len(denied) // limit), 1)
    following = str(request.url.include_query_params(page=page + 1)) if page < pages else None
    devices = [denied_shape(one.uuid, one.name, factory=call.factory.name) for one in shown]
    return json_answer(
        device_page(devices, total=len(denied), page=page, pages=pages, limit=limit, following=following)
    )


@router.delete(_F + "/denied-devices/{uuid}/")
def allow_device(call: Writer, uuid: str) -> Response:
    """Take a device off the denied list."""
    call.factory.devices.allow([uuid])
    return json_answer({})


@router.get(_F + "/device-groups/")
def list_groups(call: Reader) -> Response:
    """List all groups, by name."""
    return json_answer({"groups": [group_shape(group) for group in call.factory.groups.list()]})


@router.post(_F + "/device-groups/")
def create_group(call: Writer, body: Annotated[Body, body_of()]) -> Response:
    """Make a group without devices."""
    asked = body.parse()
    made = call.factory.groups.create(required(asked, "name"), text(asked, "description") or "")
    return json_answer(group_shape(made), 201)


@router.patch(_F + "/device-groups/{group}/")
def change_group(call: Writer, group: str, body: Annotated[Body, body_of()]) -> Response:
    """Change the name of a group, its description, or both."""
    asked = body.parse()
    changed = call.factory.groups.update(group, new_name=text(asked, "name"), description=text(asked, "description"))
    return json_answer(group_shape(changed))


@router.delete(_F + "/device-groups/{group}/")
def delete_group(call: Writer, group: str) -> Response:
    """Delete a group that has no devices."""
    call.factory.groups.delete(group)
    return json_answer({})


def _filters(request: Request) -> DeviceFilters:
    """The filters of a list. Empty parameters are absent ones; fioctl omits them."""
    query = {name: value for name, value in request.query_params.items() if value}
    filters: DeviceFilters = {"sort": _sort(query.get("sortby"))}
    if "group" in query:
        filters["group"] = query["group"]
    if "match_tag" in query:
        filters["tag"] = query["match_tag"]
    if "uuid" in query:
        filters["uuid_prefix"] = query["uuid"].lower()
    if "name" in query:
        filters["name"] = query["name"]
    if "prod" in query:
        filters["production"] = query["prod"] == "1"
    if "target_name" in query:
        version = _VERSION.fullmatch(query["target_name"])
        if version is None:
            raise RefusedError(
                400,
                "bad-version",
                f"the target name `{query['target_name'][:64]}` has no version",
                "give NAME-VERSION",
            )
        filters["target_version"] = int(version[1])
    return filters


def _sort(text: str | None) -> Sort:
    if text is None:
        return "name"
    if text not in _SORTS:
        raise RefusedError(
            400, "bad-sort", f"devices cannot be sorted by `{text[:40]}`", f"use one of {', '.join(_SORTS)}"
        )
    return _SORTS[text]


def _shapes(factory: Factory, devices: Sequence[Device]) -> list[dict[str, Any]]:
    """The shapes of devices, with the names of the targets that they report."""
    names = {(target.target_version, target.hardware_id): target.name for target in factory.targets.list()}
    latest: dict[tuple[bool, str | None], int | None] = {}
    for tag in factory.status().tags:
        latest[tag.production, tag.tag] = tag.latest_target
    covered = [
        factory.waves.devices_in_state(wave.name, "covered")
        for wave in factory.waves.list(state="active")
        if any(device.production and device.tag == wave.tag for device in devices)
    ]
    shapes = []
    for device in devices:
        version, newest = device.target_version, latest.get((device.production, device.tag))
        name = names.get((version, device.hardware_id)) if version is not None else None  # type: ignore[arg-type]
        shapes.append(
            device_shape(
                device,
                factory=factory.name,
                target_name=name or ("" if version is None else str(version)),
                in_wave=any(device.ordinal in one for one in covered),
                latest=version is not None and newest is not None and version >= newest,
            )
        )
    return shapes
