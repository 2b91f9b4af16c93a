"""A factory's devices as a `Fleet`: straight from the store's columns, a row for each ordinal ever given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.factory.context import Context, seconds
from groundswell.factory.devices.staging import uuid_rows
from groundswell.fleet import Fleet
from groundswell.ingest.columns import COLUMNS
from groundswell.ingest.report import FleetColumns, ReadReport
from groundswell.unknown_values import NEVER_SEEN, UNKNOWN, filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.store.port import Store

__all__ = ["FleetCache", "load_fleet"]


class FleetCache:
    """The fleet of a factory, loaded when it is first used after a change, and shared until the next one."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._loaded: tuple[int, Fleet] | None = None

    def fleet(self, *, now: datetime | None = None) -> Fleet:
        """All devices; see `groundswell.factory.devices.devices.Devices.fleet`."""
        loaded, store = self._loaded, self._context.store
        if loaded is not None and loaded[0] == store.changed_at("devices", "groups", "tags"):
            return loaded[1]
        with store.reading():
            revision = store.changed_at("devices", "groups", "tags")
            fleet = load_fleet(store, now=seconds(now))
            if self._loaded is None or self._loaded[0] < revision:
                self._loaded = revision, fleet
            return fleet


def load_fleet(store: Store, *, now: int) -> Fleet:
    """Load all devices of a factory.

    Args:
        store: the factory's.
        now: the instant of loading, in seconds since 1970.

    Returns:
        A fleet whose ordinals are the factory's; deleted devices have a row in it and are in no set.

    Cost: one pass over the stored devices, and the index of their UUIDs; memory for their columns.
    """
    import numpy as np

    table = store.devices.columns()
    groups, group_names = _codes(table, "group_id", store.groups.names())
    tags, tag_names = _codes(table, "tag_id", store.tags.names())
    deleted = _numbers(table, "deleted", np.bool_, False)  # noqa: FBT003 - never unknown
    gone = int(deleted.sum())
    columns = FleetColumns(
        uuids=uuid_rows(table.column("uuid")),
        last_seen=_numbers(table, "last_seen", np.uint32, NEVER_SEEN),
        groups=groups,
        group_names=group_names,
        tags=tags,
        tag_names=tag_names,
        production=_numbers(table, "production", np.bool_, False),  # noqa: FBT003 - never unknown,
        production_said=np.ones(table.num_rows, np.bool_),
        target_versions=_numbers(table, "target_version", np.int32, UNKNOWN),
        names=table.column("name"),
        hardware_ids=table.column("hardware_id"),
        present=frozenset(COLUMNS),
        now=now,
        report=ReadReport(table.num_rows, table.num_rows - gone),
        present_rows=~deleted if gone else None,
    )
    return Fleet(columns)


def _placed(column: pa.ChunkedArray) -> Iterator[tuple[slice, pa.Array]]:
    """The chunks of a column, each with the rows that it holds."""
    begun = 0
    for chunk in column.chunks:
        yield slice(begun, begun + len(chunk)), chunk
        begun += len(chunk)


def _numbers(table: pa.Table, name: str, kind: type[Any], unknown: int) -> npt.NDArray[Any]:
    import numpy as np

    found = np.empty(table.num_rows, kind)
    for where, chunk in _placed(table.column(name)):
        found[where] = filled(chunk, unknown)
    return found


def _codes(table: pa.Table, name: str, known: Mapping[int, str]) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Codes into the names of groups or tags, which are in the order of their numbers; `UNKNOWN` for none."""
    import numpy as np

    # The store gives numbers from 1 on.
    lookup = np.full(max(known, default=0) + 1, UNKNOWN, np.int32)
    lookup[list(known)] = np.arange(len(known))
    codes = np.empty(table.num_rows, np.int32)
    for where, chunk in _placed(table.column(name)):
        codes[where] = lookup[filled(chunk, 0)]
    return codes, list(known.values())
