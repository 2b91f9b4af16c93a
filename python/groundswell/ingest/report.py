"""The result of reading a fleet: its columns and a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["NO_PRODUCTION_COLUMN", "FleetColumns", "ReadReport"]

NO_PRODUCTION_COLUMN: Final = "no-production-column"
"""The code of the note (a `Notice`) that a source has no column that says which devices are production devices."""


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A report on the read of a fleet.

    Args:
        rows: rows of the source, without the header line.
        devices: devices of the fleet.
        repeated_rows: rows that were dropped because an earlier row has the same uuid and data.
        future_rows: devices whose `last_seen` was up to 24 h in the future and was replaced by now.
        rejected_rows: bad rows that were written to the rejects file.
        ignored_columns: unused columns of the source.
        notes: sentences for a person, the most important first.
        columns: canonical name → the source column that it was read from, as the source or the mapping spells it.
        more_ignored_columns: whether there are more ignored columns than `ignored_columns` lists (JSON: up to 1000).
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
    """The columns of a fleet, with one entry for each device, in the order of the source.

    A factory's fleet has a row for each ordinal that it ever assigned, deleted devices included; see `present_rows`.

    Args:
        uuids: uint8 (n, 16).
        last_seen: uint32, seconds since 1970, 0 for never.
        groups: int32 codes into `group_names`, -1 for none.
        tags: int32 codes into `tag_names`, -1 for none.
        production: bool.
        production_said: bool, true where the source has a `production` value; other devices count as test devices.
        target_versions: int32, -1 for unknown.
        names: strings, null where unknown, with any chunking; None if the source has no such column.
        hardware_ids: as `names`.
        present: canonical names of the columns that the source has.
        now: the instant against which ages were checked, in seconds since 1970: the later one of the caller's
            instant and the frozen fleet's.
        report: the report on the read.
        present_rows: bool, false for the rows of deleted devices; None if no device is deleted.
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
