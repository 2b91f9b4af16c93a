"""What a factory knows of the devices that an import names: looked up once, for flips and for merging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundswell.factory.incoming import uuid_column

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.factory.context import Context

__all__ = ["Known", "in_order", "known_devices"]


@dataclass(frozen=True, slots=True)
class Known:
    """Devices that an import names and the factory has heard of.

    Args:
        rows: as they are stored, by ordinal; without the uuid.
        positions: for each, the number of the import's row that names it.
    """

    rows: pa.Table
    positions: npt.NDArray[np.int64]


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
        incoming=pa.table({"position": pa.array(np.arange(len(column))), "uuid": column}),
    )
    found = in_order(found)
    return Known(found.drop_columns(["position"]), found.column("position").to_numpy())


def in_order(rows: pa.Table) -> pa.Table:
    """Rows of devices by their ordinals; a join gives them in any order, but mostly in a few runs that are in order."""
    import numpy as np
    import pyarrow as pa

    ordinals = rows.column("ordinal").to_numpy()
    begins = np.concatenate(([0], np.flatnonzero(ordinals[1:] < ordinals[:-1]) + 1))
    if len(begins) == 1:
        return rows
    ends = np.append(begins[1:], len(ordinals))
    runs = ordinals[begins].argsort()
    if (ordinals[ends[runs[:-1]] - 1] < ordinals[begins[runs[1:]]]).all():
        # Whole runs change places without being copied.
        return pa.concat_tables([rows.slice(begins[run], ends[run] - begins[run]) for run in runs])
    # Rows in one piece are found twice as fast.
    return rows.combine_chunks().take(ordinals.argsort())
