"""What reading a fleet yields: its columns, and a report of what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["FleetColumns", "ReadReport"]


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What was found while a fleet was read.

    Args:
        rows: rows of the source, the header line not counted.
        devices: devices of the fleet.
        repeated_rows: rows that say again what an earlier row said.
        future_rows: devices whose `last_seen` lay up to 24 h in the future and was taken as now.
        rejected_rows: bad rows that were set aside.
        ignored_columns: columns of the source that mean nothing here.
        notes: sentences for a person, the most important first.
        columns: canonical name → the column of the source that it was read from, as the source or the user spells it.
        more_ignored_columns: whether there are more ignored columns than `ignored_columns` names (JSON keeps 1000).
    """

    rows: int
    devices: int
    repeated_rows: int = 0
    future_rows: int = 0
    rejected_rows: int = 0
    ignored_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    more_ignored_columns: bool = False


@dataclass(frozen=True, slots=True)
class FleetColumns:
    """The columns of a fleet, one entry a device, in the order of the source; every device once.

    A factory's fleet has a row for each ordinal that it ever gave, deleted devices included; `present_rows` tells them
    apart.

    Args:
        uuids: uint8 (n, 16).
        last_seen: uint32, seconds since 1970, 0 for never.
        groups: int32 codes into `group_names`, -1 for none.
        tags: int32 codes into `tag_names`, -1 for none.
        production: bool.
        production_said: bool, where the source says whether it is a production device; elsewhere it counts as test.
        target_versions: int32, -1 for unknown.
        names: strings, null where unknown, in chunks of any lengths; None if the source has no such column.
        hardware_ids: as `names`.
        present: canonical names of the columns that the source has.
        now: the instant that ages were checked against, in seconds since 1970: the caller's, or that of a frozen
            fleet if it is later.
        report: what was found.
        present_rows: bool, false for the rows of deleted devices; None if all devices are there.
    """

    uuids: npt.NDArray[np.uint8]
    last_seen: npt.NDArray[np.uint32]
    groups: npt.NDArray[np.int32]
    group_names: list[str]
    tags: npt.NDArray[np.int32]
    tag_names: list[str]
    production: npt.NDArray[np.bool_]
    production_said: npt.NDArray[np.bool_]
    target_versions: npt.NDArray[np.int32]
    names: pa.ChunkedArray | None
    hardware_ids: pa.ChunkedArray | None
    present: frozenset[str]
    now: int
    report: ReadReport
    present_rows: npt.NDArray[np.bool_] | None = None
