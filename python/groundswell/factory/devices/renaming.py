"""Renaming a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.errors import InputError, StateError
from groundswell.factory.devices.device import Device, device_of
from groundswell.factory.devices.finding import show_device
from groundswell.factory.names import is_null_word, storable
from groundswell.ingest.cells import cropped
from groundswell.store import set_cells

if TYPE_CHECKING:
    from groundswell.factory.context import Context

__all__ = ["rename_device"]

_MAX_LENGTH: Final = 256


def rename_device(context: Context, uuid_or_name: str, new_name: str, *, at: int) -> Device:
    """See `groundswell.factory.devices.devices.Devices.rename`; the caller is in `changing`.

    Args:
        context: the factory's.
        uuid_or_name: the device.
        new_name: its new name.
        at: the instant for the audit log, in seconds since 1970.
    """
    _check_name(new_name)
    device = show_device(context, uuid_or_name)
    if device.name == new_name:
        return device
    others = [row for row in context.store.devices.named(new_name) if row.uuid != device.uuid]
    if others:
        raise StateError(
            "device-name-used",
            f"the name `{cropped(new_name)}` belongs to the device `{others[0].uuid}`",
            hint="choose another name",
            fields={"name": new_name, "uuid": others[0].uuid},
        )
    context.commit(
        "devices rename",
        f"renamed the device {device.uuid} to {new_name}",
        [set_cells("devices", [{"ordinal": device.ordinal, "name": new_name}])],
        at=at,
        details={"device": device.uuid, "name": device.name, "new_name": new_name},
    )
    row = context.store.devices.find(device.uuid)
    assert row is not None  # noqa: S101 - no other writer comes in between
    return device_of(row)


def _check_name(name: str) -> None:
    reason = None
    if not name.strip():
        reason = "is blank"
    elif len(name) > _MAX_LENGTH:
        reason = f"has {len(name)} characters"
    elif storable(name) != name or not name.isprintable():
        reason = "has characters that cannot be printed"
    elif name != name.strip() or is_null_word(name):
        reason = "would be read as another value by an import"
    if reason is not None:
        raise InputError(
            "bad-name",
            f"the device name `{cropped(name)}` {reason}",
            hint=f"a device name has up to {_MAX_LENGTH} printable characters",
            fields={"kind": "device", "name": name},
        )
