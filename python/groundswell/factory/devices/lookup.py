"""What a factory knows of the devices that an import names: looked up once, for flips and for merging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundswell.factory.devices.sort_rows import in_order
from groundswell.factory.devices.staging import uuid_column

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.factory.context import Context

__all__ = ["Known", "known_devices"]


@dataclass(frozen=True, slots=True)
class Known:
    """Devices that an import names and the factory has heard of.

    Args:
        rows: as they are stored, by ordinal; without the uuid.
        positions: for each, the number of the import's row that names it.
    """

    rows: pa.Table
    positions: npt.NDArray[np.uint32]


def known_devices(context: Context, uuids: npt.NDArray[np.uint8] | pa.ChunkedArray) -> Known:
    """Look devices up.

    Args:
        context: the factory's.
        uuids: one for each row of an import.

    Cost: a join by uuid, and the stored rows of those that are found.
    """
    import numpy as np
    import pyarrow as pa

    column: Any = uuids if isinstance(uuids, pa.ChunkedArray) else uuid_column(uuids)
    # The side that is named last is put into a hash table: only uuids and numbers, no texts.
    found = context.store.table(
        "SELECT i.position, d.* EXCLUDE (uuid) FROM devices d JOIN incoming i ON i.uuid = d.uuid",
        incoming=pa.table({"position": pa.array(np.arange(len(column), dtype=np.uint32)), "uuid": column}),
    )
    found = in_order(found)
    return Known(found.drop_columns(["position"]), found.column("position").to_numpy())
