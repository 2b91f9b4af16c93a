"""Moving devices between groups, and deleting them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from groundswell.factory.devices.finding import require_devices
from groundswell.factory.devices.leaving import LeavingDevices, Moved
from groundswell.factory.devices.staging import uuid_rows
from groundswell.fleet.uuid_list import UuidList
from groundswell.store import put
from groundswell.text import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from groundswell.factory.context import Context

    Leaving = Callable[[UuidList], tuple[LeavingDevices, ...]]

__all__ = ["assign_devices", "delete_devices"]


def assign_devices(
    context: Context, devices: UuidList, group: str | None, group_id: int | None, *, leaving: Leaving, at: int
) -> Moved:
    """See `groundswell.factory.devices.devices.Devices.assign`; the caller is in `changing`.

    Args:
        context: the factory's.
        devices: the devices.
        group: the group; None for no group.
        group_id: its number.
        leaving: counts the scheduled ones of some devices that leave an active wave.
        at: the instant for the audit log, in seconds since 1970.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = require_devices(context, devices)
    column = rows.column("group_id")
    elsewhere = pc.is_valid(column) if group_id is None else pc.fill_null(pc.not_equal(column, group_id), True)  # noqa: FBT003
    moved = rows.filter(elsewhere)
    if moved.num_rows == 0:
        return Moved(0)
    leaves = leaving(UuidList(uuid_rows(moved.column("uuid"))))
    now_in = pa.repeat(pa.scalar(group_id, pa.uint32()), moved.num_rows)
    moved = moved.set_column(moved.schema.get_field_index("group_id"), "group_id", now_in)
    into = f"into the group {group}" if group is not None else "out of their groups"
    context.commit(
        "devices group",
        f"moved {count(moved.num_rows, 'device')} {into}",
        [put("devices", moved)],
        at=at,
        details={"group": group, "devices": moved.num_rows, "leaves": [asdict(one) for one in leaves]},
    )
    return Moved(moved.num_rows, leaves)


def delete_devices(context: Context, devices: UuidList, *, leaving: Leaving, at: int) -> Moved:
    """See `groundswell.factory.devices.devices.Devices.delete`; arguments as for `assign_devices`."""
    import pyarrow as pa

    rows = require_devices(context, devices, allowed=True)
    number = rows.num_rows
    leaves = leaving(devices)
    kept = {name: rows.column(name) for name in ("ordinal", "uuid", "name")}
    no, yes = pa.repeat(False, number), pa.repeat(True, number)  # noqa: FBT003 - cells
    flags = {"production": no, "deleted": yes, "allowed": no}
    context.commit(
        "devices delete",
        f"deleted {count(number, 'device')}",
        [put("devices", pa.table({**kept, **flags}))],
        at=at,
        details={"devices": number, "leaves": [asdict(one) for one in leaves]},
    )
    return Moved(number, leaves)
