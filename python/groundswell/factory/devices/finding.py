"""Finding single devices, and devices by a list; what an error says of those that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

from groundswell.errors import InputError, NotFoundError
from groundswell.factory.devices.device import Device, device_of
from groundswell.factory.devices.lookup import stored_rows
from groundswell.factory.names import storable
from groundswell.fleet.uuid_list import UuidList
from groundswell.ingest.cells import cropped
from groundswell.text import count, named

if TYPE_CHECKING:
    import pyarrow as pa

    from groundswell.factory.context import Context

__all__ = ["find_device", "not_empty", "require_devices", "show_device"]


def find_device(context: Context, uuid: str) -> Device | None:
    """The device of a uuid; None if the factory does not have it."""
    try:
        UUID(uuid)
    except ValueError:
        return None
    found = context.store.devices.find(uuid)
    return None if found is None else device_of(found)


def show_device(context: Context, uuid_or_name: str) -> Device:
    """See `groundswell.factory.devices.devices.Devices.show`."""
    uuid = _as_uuid(uuid_or_name)
    device = None if uuid is None else find_device(context, uuid)
    return device or _named(context, uuid_or_name)


def _named(context: Context, name: str) -> Device:
    with context.store.reading():
        found = context.store.devices.named(storable(name))
        if not found:
            raise _unknown_device(name, deletion=_deletion(context, name))
    number = len(found)
    if number > 1:
        uuids = [row.uuid for row in found]
        raise InputError(
            "ambiguous-name",
            f"{number} devices are named `{cropped(name)}`",
            hint=f"name one by its uuid: {', '.join(uuids[:3])}{' …' if number > 3 else ''}",  # noqa: PLR2004
            fields={"name": name, "count": number, "uuids": uuids},
        )
    return device_of(found[0])


def _deletion(context: Context, text: str) -> Literal["denied", "allowed"] | None:
    """What became of a deleted device, named by its uuid or its name; None if there is none."""
    deleted = context.store.devices.deleted(uuid=_as_uuid(text), name=storable(text))
    if not deleted:
        return None
    return "allowed" if all(one.allowed for one in deleted) else "denied"


def _as_uuid(text: str) -> str | None:
    """The uuid that a text spells; None if it is a name."""
    try:
        return UuidList.of([text]).uuids[0]
    except InputError:
        return None


_DELETIONS: Final = {
    "denied": (
        "the device `{}` was deleted and is on the denied list",
        "take it off the list; the next import then brings it back",
    ),
    "allowed": (
        "the device `{}` was deleted, and allowed to come back",
        "the next import that names it brings it back, with its ordinal and its name",
    ),
    None: (
        "no device has the uuid or the name `{}`",
        "find it in the list of devices by a part of its name",
    ),
}


def _unknown_device(text: str, *, deletion: Literal["denied", "allowed"] | None) -> NotFoundError:
    message, hint = _DELETIONS[deletion]
    return NotFoundError(
        "unknown-device",
        message.format(cropped(text)),
        hint=hint,
        fields={"device": text, "denied": deletion == "denied", "allowed": deletion == "allowed"},
    )


def not_empty(devices: UuidList) -> UuidList:
    """Refuse an empty list.

    Raises:
        InputError: ``empty-list``.
    """
    if len(devices) == 0:
        raise InputError("empty-list", "the list of devices is empty", hint="name at least one device")
    return devices


def require_devices(context: Context, devices: UuidList, *, allowed: bool = False) -> pa.Table:
    """The rows of devices, by ordinal.

    Args:
        context: the factory's.
        devices: the devices.
        allowed: whether deleted devices that were allowed to come back count, too.

    Raises:
        InputError: ``empty-list``.
        NotFoundError: ``unknown-devices``.
    """
    import pyarrow.compute as pc

    def there(rows: pa.Table) -> pa.ChunkedArray:
        present = pc.invert(rows.column("deleted"))
        return pc.or_(present, rows.column("allowed")) if allowed else present

    rows, unknown = stored_rows(context, not_empty(devices), there)
    if unknown:
        raise NotFoundError(
            "unknown-devices",
            f"{count(len(unknown), 'listed device is', 'listed devices are')} not in the factory: {named(unknown)}",
            hint="nothing was changed; take them off the list, or import them first",
            fields={"unknown": unknown},
        )
    return rows
