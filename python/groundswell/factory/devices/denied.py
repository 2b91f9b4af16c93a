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
from groundswell.factory.devices.lookup import Known, stored_rows
from groundswell.factory.names import storable
from groundswell.ingest.cells import cropped
from groundswell.store import put
from groundswell.text import count, joined, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from groundswell.factory.context import Context
    from groundswell.fleet.uuid_list import UuidList

__all__ = ["DeniedDevice", "Skipped", "allow_devices", "denied_devices", "find_denied", "skip_denied"]

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
    return [DeniedDevice(one.uuid, one.name) for one in context.store.devices.deleted() if not one.allowed]


def find_denied(context: Context, name: str) -> str:
    """The uuid of the denied device of this name; see `groundswell.factory.devices.devices.Devices.find_denied`."""
    deleted = context.store.devices.deleted(name=storable(name))
    denied = [one.uuid for one in deleted if not one.allowed] or [one.uuid for one in deleted]
    if not denied:
        raise NotFoundError(
            "not-denied",
            f"no device of the name `{cropped(name)}` is on the denied list",
            hint="nothing was changed; the denied list names them",
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


def skip_denied(incoming: pa.Table, known: Known | None) -> tuple[pa.Table, Known | None, Skipped]:
    """Leave out the rows of an import that name denied devices.

    Args:
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
    positions = known.positions[flags]
    order = positions.argsort()
    kept = np.ones(incoming.num_rows, np.bool_)
    kept[positions] = False
    places = (np.cumsum(kept) - 1).astype(np.uint32)
    others = Known(known.rows.filter(pc.invert(denied)), places[known.positions[~flags]])
    first = order[:_MAX_LISTED]
    uuids = incoming.column("uuid").take(pa.array(positions[first])).to_pylist()
    names = known.rows.column("name").filter(denied).take(pa.array(first)).to_pylist()
    listed = tuple(DeniedDevice(str(uuid), name) for uuid, name in zip(uuids, names, strict=True))
    return incoming.filter(pa.array(kept)), others, Skipped(len(positions), listed)


def allow_devices(context: Context, devices: UuidList, *, at: int) -> int:
    """Take devices off the denied list; see `groundswell.factory.devices.devices.Devices.allow`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    with context.store.changing():
        rows, others = stored_rows(context, devices, lambda rows: rows.column("deleted"))
        if others:
            raise _not_denied(others)
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


def _not_denied(others: Sequence[str]) -> NotFoundError:
    are = "1 listed device is" if len(others) == 1 else f"{len(others)} listed devices are"
    return NotFoundError(
        "not-denied",
        f"{are} not on the denied list: {named(others)}",
        hint="nothing was changed; the denied list names them",
        fields={"not_denied": others},
    )
