"""Devices as callers have them: a list, a selection, a file, text or single UUIDs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from groundswell.errors import InputError
from groundswell.fleet.selection import Selection
from groundswell.fleet.uuid_list import UuidList

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    import pyroaring

    Devices: TypeAlias = UuidList | Selection | str | bytes | Path | Iterable[str | UUID | bytes]
    Excluded: TypeAlias = Devices | pyroaring.BitMap

__all__ = ["as_uuid_list"]


def as_uuid_list(devices: Devices, name: str = "devices") -> UuidList:
    """Convert devices in any accepted form to a UUID list.

    Args:
        devices: the devices.
        name: the name of the argument, for the message of ``bad-argument``.

    Raises:
        InputError: ``bad-argument``, ``bad-uuid``, ``empty-list``, ``not-text``.
    """
    if isinstance(devices, UuidList):
        return devices
    if isinstance(devices, Selection):
        return devices.uuid_list
    if isinstance(devices, str | bytes | Path):
        return UuidList.parse(devices)
    if not hasattr(devices, "__iter__"):
        raise InputError(
            "bad-argument",
            f"the argument `{name}` is of the type {type(devices).__name__}, not a list of UUIDs",
            hint="give a UuidList, a Selection, a path, a text, or an iterable of UUIDs",
            fields={"argument": name, "type": type(devices).__name__},
        )
    return UuidList.of(devices)
