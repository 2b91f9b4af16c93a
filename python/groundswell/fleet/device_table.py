"""The columns of a frozen fleet: what is known of its devices, without selecting any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.arrow_columns import codes_and_names, combine_text, dictionary_encode
from groundswell.unknown_values import NEVER_SEEN
from groundswell.values import instant

if TYPE_CHECKING:
    from typing import Self

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.ingest.read import FleetColumns, ReadReport

__all__ = ["DeviceTable"]


@checks_arguments
class DeviceTable:
    """The devices of a fleet, by column. Immutable; threads may share it. `Fleet` reads it and selects from it."""

    def __init__(self, columns: FleetColumns) -> None:
        """Build a fleet from checked columns. Callers use `read` or `query` instead."""
        self._hardware_ids: Final = dictionary_encode(columns.hardware_ids)
        hardware, hardware_names = codes_and_names(self._hardware_ids)
        self._core = _core.Fleet(
            uuids=columns.uuids,
            last_seen=columns.last_seen,
            groups=columns.groups,
            group_names=list(columns.group_names),
            tags=columns.tags,
            tag_names=list(columns.tag_names),
            production=columns.production,
            target_versions=columns.target_versions,
            present=columns.present_rows,
            hardware=hardware,
            hardware_names=hardware_names,
        )
        self._names: pa.Array | pa.ChunkedArray | None = columns.names
        self._read_at: Final = columns.now
        self.columns: frozenset[str] = columns.present
        """Canonical names of the columns that the source had."""
        self.report: Final[ReadReport] = columns.report
        """The report on the read."""

    def __len__(self) -> int:
        return len(self._core)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the columns; protocol 5 can pass them as out-of-band buffers. The copy has the same ordinals.

        Cost: a copy of the columns; unpickling builds the fleet again.
        """
        return _unpickle, (type(self), self._columns())

    def _columns(self) -> FleetColumns:
        import numpy as np
        import pyarrow as pa

        from groundswell.ingest.report import FleetColumns

        core: dict[str, Any] = self._core.columns()
        names, coded = self._names, self._hardware_ids
        return FleetColumns(
            uuids=core["uuids"],
            last_seen=core["last_seen"],
            groups=core["groups"],
            group_names=core["group_names"],
            tags=core["tags"],
            tag_names=core["tag_names"],
            production=core["production"],
            production_said=np.zeros(0, np.bool_),
            target_versions=core["target_versions"],
            names=names if names is None or isinstance(names, pa.ChunkedArray) else pa.chunked_array([names]),
            hardware_ids=None if coded is None else pa.chunked_array([coded]),
            present=self.columns,
            present_rows=core["present"],
            now=self._read_at,
            report=self.report,
        )

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table of `to_arrow` as an Arrow stream: for polars, pandas, DuckDB and pyarrow."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    @property
    def core(self) -> _core.Fleet:
        """The core's fleet object, for internal use by other packages."""
        return self._core

    @property
    def hardware_ids(self) -> pa.DictionaryArray | None:
        """The devices' hardware ids in ordinal order; None if the source had no such column."""
        return self._hardware_ids

    def hardware_counts(self, ordinals: npt.NDArray[np.uint32]) -> dict[str, int]:
        """Count devices by hardware id. Devices without a known hardware id are not counted.

        Args:
            ordinals: the devices, uint32; duplicates count repeatedly.
        """
        return dict(self._core.hardware_counts(ordinals))

    @property
    def production_devices(self) -> int:
        """The number of production devices."""
        return self._core.production_count

    @property
    def groups(self) -> dict[str, int]:
        """Group → number of devices, in the order of the first device of each."""
        return dict(self._core.group_counts())

    @property
    def tags(self) -> dict[str, int]:
        """Tag → number of devices, in the order of the first device of each."""
        return dict(self._core.tag_counts())

    @property
    def target_versions(self) -> dict[int, int]:
        """Reported target version → number of devices, ascending."""
        return dict(self._core.version_counts())

    @property
    def last_seen(self) -> npt.NDArray[np.uint32]:
        """When each device was last seen: seconds since 1970, 0 for never and for deleted ones; in ordinal order."""
        return self._core.columns()["last_seen"]  # type: ignore[return-value]  # the stub has one type for all columns

    def device(self, ordinal: int) -> dict[str, Any]:
        """The row of one device: column name → value.

        Raises:
            IndexError: for an unknown ordinal, or one whose device was deleted.
        """
        if not 0 <= ordinal < self._core.rows:
            raise IndexError(ordinal)
        group, tag, production, last_seen, target_version = self._core.device(ordinal)
        return {
            "name": self._names[ordinal].as_py() if self._names is not None else None,
            "group": group,
            "tag": tag,
            "production": production,
            "last_seen": None if last_seen == NEVER_SEEN else instant(last_seen),
            "target_version": target_version,
            "hardware_id": self._hardware_ids[ordinal].as_py() if self._hardware_ids is not None else None,
        }

    @property
    def names(self) -> pa.Array | None:
        """The devices' names by ordinal, deleted devices included; None if the source had no such column."""
        # Combine the chunks on first access: with 10 million devices this is slow, and many fleets never need it.
        self._names = combine_text(self._names)
        return self._names

    def as_of(self, core: _core.Fleet) -> Self:
        """The same devices with the `last_seen` and versions of a frozen state of a live fleet."""
        fleet = object.__new__(type(self))
        fleet.__dict__.update(self.__dict__)
        fleet._core = core
        # A check-in sets both columns, even if the source had neither.
        fleet.columns = self.columns | {"last_seen", "target_version"}
        return fleet

    def to_arrow(self, ordinals: npt.NDArray[np.uint32] | None = None) -> pa.Table:
        """Convert the fleet, or some of its devices, to an Arrow table. Deleted devices are not included.

        Args:
            ordinals: the devices, in the order of the result (default: all devices, in ordinal order).

        Returns:
            The columns that the source had: ``uuid`` (string), ``name``, ``group``, ``tag`` (string), ``production``
            (bool), ``last_seen`` (timestamp[s, UTC], null for never), ``target_version`` (int32, null if unknown),
            ``hardware_id`` (string).
        """
        from groundswell.arrow_columns import fleet_table, present_rows

        columns: dict[str, Any] = self._core.columns()
        if ordinals is None:
            table = fleet_table(columns, self._names, self._hardware_ids, self.columns)
            return present_rows(table, columns)
        # Take the rows before converting them to text, so that the cost depends on the batch, not on the fleet.
        columns = {n: c if n.endswith("_names") or c is None else c[ordinals] for n, c in columns.items()}
        names, hardware_ids = (None if c is None else c.take(ordinals) for c in (self.names, self._hardware_ids))
        return fleet_table(columns, names, hardware_ids, self.columns)

    def write(self, path: str | Path) -> None:
        """Write the fleet to a Parquet file (a frozen fleet), from which a selection can be recomputed years later.

        Reading the file gives the same devices in the same order, and the same ordinals unless devices were deleted.
        The file is replaced atomically.

        Raises:
            StorageError: the file cannot be written.
        """
        from groundswell.arrow_columns import write_frozen

        write_frozen(self.to_arrow(), Path(path), read_at=self._read_at)


def _unpickle(cls: type[DeviceTable], columns: FleetColumns) -> DeviceTable:
    return cls(columns)
