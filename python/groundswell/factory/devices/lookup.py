"""What a factory knows of the devices that an import or a list names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundswell.factory.devices.staging import uuid_column
from groundswell.fleet.uuid_list import UuidList

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.factory.context import Context

__all__ = ["Known", "known_devices", "stored_rows"]


@dataclass(frozen=True, slots=True)
class Known:
    """Devices that a list or an import names and the factory has heard of, deleted ones included.

    Args:
        rows: as they are stored, by ordinal; without the uuid.
        positions: for each, its number in the list or the import.
    """

    rows: pa.Table
    positions: npt.NDArray[np.uint32]


def known_devices(context: Context, uuids: npt.NDArray[np.uint8] | pa.ChunkedArray) -> Known:
    """Look devices up.

    Args:
        context: the factory's.
        uuids: each once: one for each row of an import, or a list of devices.

    Cost: a join by uuid, and the stored rows of those that are found.
    """
    import pyarrow as pa

    column: Any = uuids if isinstance(uuids, pa.ChunkedArray) else uuid_column(uuids)
    found = context.store.devices.by_uuid(column)
    return Known(found.drop_columns(["position"]), found.column("position").to_numpy())


def stored_rows(
    context: Context, devices: UuidList, wanted: Callable[[pa.Table], pa.ChunkedArray]
) -> tuple[pa.Table, list[str]]:
    """The whole rows of listed devices.

    Args:
        context: the factory's.
        devices: the list.
        wanted: says for each row whether it is wanted.

    Returns:
        The wanted rows by ordinal; the devices of the list that have none, in its order.
    """
    import numpy as np
    import pyarrow as pa

    known = known_devices(context, devices.array)
    which = wanted(known.rows)
    rows, positions = known.rows.filter(which), known.positions[np.asarray(which)]
    missing = np.ones(len(devices), np.bool_)
    missing[positions] = False
    whole = rows.add_column(1, "uuid", uuid_column(devices.array).take(pa.array(positions)))
    return whole, UuidList(devices.array[missing]).uuids if missing.any() else []
