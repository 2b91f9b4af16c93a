"""The denied list: deleted devices, which no import brings back until they are allowed.

A device is denied if its row is `deleted` and not `allowed`. `allow` leaves the row deleted: the next import that names
the device brings it back as a new registration, with its ordinal and its name. So a device that was imported wrongly as
a test device is deleted, allowed and imported again.

Source: domain.md, "Deleted means denied".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from groundswell.errors import InputError, NotFoundError
from groundswell.factory.devices.lookup import Known
from groundswell.factory.devices.staging import uuid_column
from groundswell.factory.names import storable
from groundswell.fleet.uuid_list import UuidList
from groundswell.ingest.cells import cropped
from groundswell.store import put
from groundswell.text import count, joined, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from groundswell.factory.context import Context

__all__ = ["DENIED", "DeniedDevice", "Skipped", "allow_devices", "denied_devices", "find_denied", "skip_denied"]

DENIED: Final = "(deleted AND NOT allowed)"
"""The condition in SQL."""
_MAX_LISTED: Final = 100_000


@dataclass(frozen=True, slots=True)
class DeniedDevice:
    """A device on the denied list.

    Args:
        uuid: lower case, hyphenated.
        name: the name that it had; None if it had none, or was deleted by a version that did not keep names.
    """

    uuid: str
    name: str | None


class Skipped(NamedTuple):
    """The denied devices that an import names.

    Args:
        total: how many.
        first: the first 100 000 of them, in the order of the import.
    """

    total: int
    first: tuple[DeniedDevice, ...]


def denied_devices(context: Context) -> Sequence[DeniedDevice]:
    """All denied devices, by ordinal."""
    rows = context.store.rows(f"SELECT CAST(uuid AS VARCHAR), name FROM devices WHERE {DENIED} ORDER BY ordinal")
    return [DeniedDevice(uuid, name) for uuid, name in rows]


def find_denied(context: Context, name: str) -> str:
    """The uuid of the denied device of this name; see `groundswell.factory.devices.devices.Devices.find_denied`."""
    rows = context.store.rows(
        "SELECT CAST(uuid AS VARCHAR), allowed FROM devices WHERE deleted AND name = ? ORDER BY ordinal",
        [storable(name)],
    )
    denied = [uuid for uuid, allowed in rows if not allowed] or [uuid for uuid, _ in rows]
    if not denied:
        raise NotFoundError(
            "not-denied",
            f"no device of the name `{cropped(name)}` is on the denied list",
            hint="nothing was changed; `devices.denied` lists them",
            fields={"not_denied": [name]},
        )
    if len(denied) > 1:
        raise InputError(
            "ambiguous-name",
            f"{len(denied)} deleted devices are named `{cropped(name)}`",
            hint=f"name one by its uuid: {joined(denied[:3], more=len(denied) - 3)}",
            fields={"name": name, "count": len(denied), "uuids": denied},
        )
    return str(denied[0])


def skip_denied(context: Context, incoming: pa.Table, known: Known | None) -> tuple[pa.Table, Known | None, Skipped]:
    """Leave out the rows of an import that name denied devices.

    Args:
        context: the factory's.
        incoming: the rows.
        known: those of them that the factory has heard of.

    Returns:
        The other rows, those of them that the factory has heard of, and what was left out.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    nothing = Skipped(0, ())
    if known is None:
        return incoming, known, nothing
    denied = pc.and_not(known.rows.column("deleted"), known.rows.column("allowed"))
    if not pc.any(denied).as_py():
        return incoming, known, nothing
    flags = denied.to_numpy()
    skipped = np.sort(known.positions[flags])
    kept = np.ones(incoming.num_rows, np.bool_)
    kept[skipped] = False
    places = (np.cumsum(kept) - 1).astype(np.uint32)
    others = Known(known.rows.filter(pc.invert(denied)), places[known.positions[~flags]])
    first = incoming.take(pa.array(skipped[:_MAX_LISTED])).select(["uuid"])
    rows = context.store.table(
        "SELECT CAST(d.uuid AS VARCHAR) AS uuid, d.name FROM"
        " (SELECT uuid, row_number() OVER () AS place FROM skipped) s JOIN devices d ON d.uuid = s.uuid ORDER BY place",
        skipped=first,
    )
    listed = tuple(DeniedDevice(row["uuid"], row["name"]) for row in rows.to_pylist())
    return incoming.filter(pa.array(kept)), others, Skipped(len(skipped), listed)


def allow_devices(context: Context, devices: UuidList, *, at: int) -> int:
    """Take devices off the denied list; see `groundswell.factory.devices.devices.Devices.allow`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    with context.store.changing():
        rows = context.store.table(
            "SELECT d.* FROM wanted w JOIN devices d ON d.uuid = w.uuid WHERE d.deleted ORDER BY d.ordinal",
            wanted=pa.table({"uuid": uuid_column(devices.array)}),
        )
        if rows.num_rows < len(devices):
            raise _not_denied(context, devices)
        rows = rows.filter(pc.invert(rows.column("allowed")))
        number = rows.num_rows
        if number:
            place = rows.schema.get_field_index("allowed")
            context.commit(
                "devices allow",
                f"took {count(number, 'device')} off the denied list",
                [put("devices", rows.set_column(place, "allowed", pa.repeat(True, number)))],  # noqa: FBT003 - a cell
                at=at,
                details={"devices": number},
            )
        return int(number)


def _not_denied(context: Context, devices: UuidList) -> NotFoundError:
    import pyarrow as pa

    found = context.store.table(
        "SELECT d.uuid FROM wanted w JOIN devices d ON d.uuid = w.uuid WHERE d.deleted",
        wanted=pa.table({"uuid": uuid_column(devices.array)}),
    )
    deleted = set() if not found.num_rows else set(UuidList.of(_bytes(found)).uuids)
    others = [uuid for uuid in devices.uuids if uuid not in deleted]
    are = "1 listed device is" if len(others) == 1 else f"{len(others)} listed devices are"
    return NotFoundError(
        "not-denied",
        f"{are} not on the denied list: {named(others)}",
        hint="nothing was changed; `devices.denied` lists them",
        fields={"not_denied": others},
    )


def _bytes(rows: pa.Table) -> list[bytes]:
    return [uuid for chunk in rows.column("uuid").chunks for uuid in chunk.storage.to_pylist()]
