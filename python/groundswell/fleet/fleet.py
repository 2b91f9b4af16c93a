"""A frozen fleet: read from any source, select devices, and write it to a file for later recomputation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, SupportsIndex

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.errors import InputError
from groundswell.fleet.device_table import DeviceTable
from groundswell.fleet.devices import as_uuid_list
from groundswell.fleet.html import SHOWN_ROWS, as_html
from groundswell.fleet.selection import Selection, SelectionRequest
from groundswell.fleet.uuid_list import UuidList
from groundswell.values import (
    Denominator,
    as_integer,
    epoch_seconds,
    instant,
    parse_limit,
    parse_seed,
    whole_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self
    from uuid import UUID

    import numpy as np
    import numpy.typing as npt

    from groundswell.fleet.devices import Devices, Excluded
    from groundswell.fleet.summary import FleetSummary

__all__ = ["DEFAULT_HALF_LIFE", "DEFAULT_ONLINE_THRESHOLD", "Fleet", "as_uuid_list", "checked_target_version"]

DEFAULT_ONLINE_THRESHOLD: Final = timedelta(hours=4)
DEFAULT_HALF_LIFE: Final = timedelta(hours=24)
_MAX_THREADS: Final = 256


@checks_arguments
class Fleet(DeviceTable):
    """A frozen set of devices. Immutable and thread-safe; selections run without the GIL.

    Create one with `Fleet.read` or `Fleet.query`. A device's ordinal is its row number in the source, from 0, not
    counting rows that repeat an earlier one.

    >>> import pyarrow as pa
    >>> table = pa.table({"uuid": [f"{i:032x}" for i in range(1, 51)], "production": [True] * 50, "group": ["a"] * 50})
    >>> fleet = Fleet.read(table)
    >>> len(fleet), fleet.groups
    (50, {'a': 50})
    >>> fleet.select(limit=5, group="a", seed=42).uuids == fleet.select(limit=10, group="a", seed=42).uuids[:5]
    True
    """

    @classmethod
    def read(
        cls,
        source: Any,
        *,
        now: datetime | None = None,
        rejects: str | Path | None = None,
        progress: bool = False,
        columns: Mapping[str, str] | None = None,
        rows_at: str | None = None,
        uuid5: str | UUID | None = None,
    ) -> Self:
        """Read a fleet. A bad row makes the whole read fail (see `rejects`).

        Args:
            source: a path of a CSV, Parquet, JSON, NDJSON or Arrow file; ``sqlite:///FILE#TABLE`` or
                ``postgresql://…#TABLE``; or a table in memory: Arrow tables and streams, pandas and polars frames,
                DuckDB relations. ``groundswell.ingest.spellings`` lists the accepted column names.
            now: the read instant, an aware datetime (default: now). A ``last_seen`` up to 24 h after it is replaced by
                it; a later one makes the row bad.
            rejects: write bad rows to this path, each with its reason, and read the good rows.
            progress: draw a progress bar on the terminal if the read takes long.
            columns: sources of columns whose names are not recognised: column → a column of the source, a path in JSON
                (``tags[0]``, ``attributes[name=mac].value``), or a constant (``=true``); for ``last_seen`` with a unit
                if numbers are not seconds (``polled:ms``).
            rows_at: the path of the array of devices in a JSON object (default: ``devices``).
            uuid5: for ids that are not UUIDs: derive UUIDs of version 5 (RFC 9562) from the column ``uuid`` in this
                name space: a UUID, ``dns``, ``url``, ``oid`` or ``x500``. The id becomes the name, unless `columns` has
                a name.

        Returns:
            The fleet; its attribute ``report`` describes the read.

        Raises:
            InputError: no uuid column, a bad row, the same uuid twice with different data, not a table, no devices;
                ``bad-column``, ``bad-mapping``, ``bad-rows-at``, ``bad-namespace``, ``unknown-source-column`` and
                ``no-rows-at`` for a wrong mapping.
            NotFoundError: the file or table does not exist.
            StorageError: the file cannot be read.

        Cost: one pass over the source; memory for its eight columns, and for JSON also for the whole text.

        >>> import pyarrow as pa
        >>> table = pa.table({"serial": ["a-1", "a-2"], "ring": ["canary", "main"]})
        >>> fleet = Fleet.read(table, columns={"uuid": "serial", "tag": "ring", "production": "=true"}, uuid5="dns")
        >>> fleet.tags, fleet.names.to_pylist()
        ({'canary': 1, 'main': 1}, ['a-1', 'a-2'])
        """
        from groundswell.ingest.mapping import ColumnMapping
        from groundswell.ingest.read import read_fleet

        mapping = ColumnMapping.of(columns, rows_at=rows_at, uuid5=uuid5)
        read = read_fleet(source, now=_seconds(now), rejects=_path(rejects), progress=progress, mapping=mapping)
        return cls(read)

    @classmethod
    def query(
        cls,
        sql: str,
        *,
        now: datetime | None = None,
        rejects: str | Path | None = None,
        progress: bool = False,
        **tables: Any,
    ) -> Self:
        """Read a fleet from the result of a DuckDB query, which may rename, filter and join the rows of its sources.

        Args:
            sql: a SELECT that returns the columns of a fleet. Files are tables: ``SELECT … FROM 'devices.parquet'``.
            now: as for `read`.
            rejects: as for `read`.
            progress: as for `read`.
            tables: name in the query → table in memory.

        Raises:
            InputError: ``bad-sql`` if DuckDB refuses the query, and as for `read`.

        >>> import pyarrow as pa
        >>> devices = pa.table({"id": ["c" * 32], "stage": ["prod"]})
        >>> len(Fleet.query("SELECT id AS uuid, stage = 'prod' AS production FROM devices", devices=devices))
        1
        """
        from groundswell.ingest.read import query_fleet

        columns = query_fleet(sql, tables=tables, now=_seconds(now), rejects=_path(rejects), progress=progress)
        return cls(columns)

    def __repr__(self) -> str:
        return f"<Fleet of {len(self)} devices, {self.production_devices} of them production devices>"

    def _repr_html_(self) -> str:
        """The fleet as HTML, for notebooks: counts, and the largest groups and tags."""
        rows = [("devices", "", len(self)), ("production devices", "", self.production_devices)]
        for word, counts in (("group", self.groups), ("tag", self.tags)):
            largest = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:SHOWN_ROWS]
            rows += [(word, name, devices) for name, devices in largest]
            if len(counts) > SHOWN_ROWS:
                rest = sum(counts.values()) - sum(devices for _, devices in largest)
                rows.append((word, f"{len(counts) - SHOWN_ROWS} others", rest))
        return as_html(repr(self)[1:-1], ["", "name", "devices"], rows)

    def __contains__(self, uuid: str | UUID | bytes) -> bool:
        return int(self.ordinals(UuidList.of([uuid]))[0]) != _core.NO_ORDINAL

    def ordinals(self, uuids: Devices) -> npt.NDArray[np.uint32]:
        """The ordinals of devices: uint32, in the given order; `groundswell._core.NO_ORDINAL` for unknown devices."""
        return self._core.ordinals(as_uuid_list(uuids, "uuids").array)

    def select(
        self,
        limit: SupportsIndex | str | None = None,
        *,
        group: str | None = None,
        tag: str | None = None,
        uuids: Devices | None = None,
        exclude: Excluded | None = None,
        not_updated: SupportsIndex | None = None,
        include_test: bool = False,
        seed: SupportsIndex | None = None,
        now: datetime | None = None,
        online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
        half_life: timedelta = DEFAULT_HALF_LIFE,
        percent_of: Denominator = "matching",
        skip_mismatched: bool = False,
        with_keys: bool = False,
        threads: int | None = None,
    ) -> Selection:
        """Pick devices at random, with a preference for recently active ones.

        - matching = production ∩ tag? ∩ group? ∩ uuids?
        - candidates = matching − { target version ≥ `not_updated` } − exclude
        - picked = the `limit` candidates with the smallest exponentially distributed keys, in key order

        The same fleet, limit, seed, now and settings give the same devices on every machine.

        Args:
            limit: a count, or a percentage such as ``"2.5%"``, which is rounded up (default: all candidates).
            group: only devices of this group.
            tag: only devices that listen to this tag.
            uuids: only these devices; each is checked: known, production, on the tag, in the group.
            exclude: never pick these devices; the fleet may not have them. Ordinals, as a `Selection` from this fleet
                or a `pyroaring.BitMap`, are used directly; UUIDs are looked up.
            not_updated: exclude devices that report this target version or a later one. Unknown versions are older.
            include_test: include test devices.
            seed: 0 to 2⁶⁴ − 1 (default: random, from the operating system).
            now: compute ages at this instant, an aware datetime (default: now).
            online_threshold: up to this age a device has the weight 1.
            half_life: beyond the threshold the weight halves with each half-life, down to 2⁻¹⁰ (also for never-seen
                devices).
            percent_of: the denominator of a percentage: ``matching`` devices, ``remaining`` ones (the candidates), or
                ``online`` ones (matching and seen within the threshold).
            skip_mismatched: skip listed devices that fail their check, instead of refusing the selection.
            with_keys: compute the keys now; `merge_selections` needs them.
            threads: number of threads (default: 1 or 2, depending on the amount of work). It never changes the result.

        Returns:
            The selection. It has fewer devices than the limit if there are fewer candidates; see `why_short`.

        Raises:
            InputError: ``bad-limit``, ``empty-list``, ``bad-uuid``, ``mismatched-devices``, ``missing-column``,
                ``bad-seed``, ``bad-instant``, ``bad-duration``, ``bad-setting``, ``bad-version``, ``bad-threads``,
                ``bad-device-set``.
            NotFoundError: ``unknown-group``, ``unknown-tag``.

        Cost: one pass over the candidates' identity hashes, and sorting the picks. The GIL is released.

        Source: successive sampling by exponential keys; Efraimidis & Spirakis (2006), Cohen & Kaplan (2007).

        >>> import pyarrow as pa
        >>> fleet = Fleet.read(pa.table({"uuid": [f"{i:032x}" for i in range(1, 1001)], "production": [True] * 1000}))
        >>> first = fleet.select(limit=10)
        >>> second = fleet.select(limit="2.5%", exclude=first)
        >>> len(second), second.candidates, second.matching
        (25, 990, 1000)
        """
        wanted = parse_limit(limit, percent_of)
        listed = as_uuid_list(uuids, "uuids") if uuids is not None else None
        excluded, excluded_set = self._excluded(exclude)
        self._require("production", needed=not include_test, hint="include_test=True selects from all devices")
        self._require("group", needed=group is not None, hint="omit `group`, or add the column")
        self._require("tag", needed=tag is not None, hint="omit `tag`, or add the column")
        self._require(
            "target_version",
            needed=not_updated is not None,
            hint="omit `not_updated`, or add the column",
        )
        at = _seconds(now)
        asked = SelectionRequest(
            limit=wanted,
            group=group,
            tag=tag,
            listed=len(listed) if listed is not None else None,
            not_updated=checked_target_version(not_updated),
            include_test=bool(include_test),
            seed=parse_seed(seed),
            now=instant(at),
            online_threshold=online_threshold,
            half_life=half_life,
            percent_of=percent_of,
        )
        request: dict[str, Any] = {
            "group": group,
            "tag": tag,
            "listed": listed.array if listed is not None else None,
            "excluded": excluded.array if excluded is not None else None,
            "excluded_set": excluded_set,
            "not_updated": asked.not_updated,
            "include_test": asked.include_test,
            "skip_mismatched": bool(skip_mismatched),
            "limit": wanted,
            "seed": asked.seed,
            "now": at,
            "online_threshold": whole_seconds(online_threshold, "online_threshold"),
            "half_life": whole_seconds(half_life, "half_life"),
            "threads": _threads(threads),
        }
        selection = Selection(self._core.select(**request), self, asked, request)
        if with_keys:
            _ = selection.keys
        return selection

    def _excluded(self, exclude: Excluded | None) -> tuple[UuidList | None, _core.DeviceSet | bytes | None]:
        """The excluded devices: a UUID list, or a set of ordinals if the caller gave ordinals."""
        if exclude is None:
            return None, None
        if isinstance(exclude, Selection) and exclude.fleet.core.has_the_ordinals_of(self._core):
            return None, _core.DeviceSet.from_ordinals(exclude.ordinals)
        # Compare the type's name: importing pyroaring for an isinstance check would slow down every caller.
        if type(exclude).__module__.startswith("pyroaring") and hasattr(exclude, "serialize"):
            return None, exclude.serialize()
        return as_uuid_list(exclude, "exclude"), None  # type: ignore[arg-type]  # bitmaps are handled above

    def _require(self, column: str, *, needed: bool, hint: str) -> None:
        if needed and column not in self.columns:
            raise InputError(
                "missing-column",
                f"the source has no `{column}` column",
                hint=hint,
                fields={"column": column, "columns": sorted(self.columns)},
            )

    def summary(
        self, *, now: datetime | None = None, online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD
    ) -> FleetSummary:
        """Count the fleet's devices: totals, and by group, tag, target version and activity.

        Args:
            now: compute ages at this instant, an aware datetime (default: now).
            online_threshold: a device last seen within this time is online.

        Raises:
            InputError: ``bad-instant``, ``bad-duration``.

        Cost: a few passes over all devices.

        >>> import pyarrow as pa
        >>> fleet = Fleet.read(pa.table({"uuid": ["a" * 32, "b" * 32], "group": ["canary", None]}))
        >>> summary = fleet.summary()
        >>> summary.groups[0].name, summary.groupless, summary.never_seen
        ('canary', 1, 2)
        """
        from groundswell.fleet.summary import summarise

        return summarise(self, now=_seconds(now), online_threshold=online_threshold)


def _seconds(now: datetime | None) -> int:
    return epoch_seconds(datetime.now(UTC) if now is None else now)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _threads(threads: SupportsIndex | None) -> int | None:
    if threads is None:
        return None
    number = as_integer(threads)
    if number is None or not 1 <= number <= _MAX_THREADS:
        raise InputError(
            "bad-threads",
            f"the number of threads `{threads}` is not an integer between 1 and {_MAX_THREADS}",
            hint="omit it to use the best number of threads",
            fields={"threads": str(threads)},
        )
    return number


def checked_target_version(version: SupportsIndex | None) -> int | None:
    """Check a target version, and convert it to an int; None stays None.

    Raises:
        InputError: ``bad-version``.
    """
    if version is None:
        return None
    number = as_integer(version)
    if number is None or not 0 <= number <= _core.MAX_VERSION:
        raise InputError(
            "bad-version",
            f"the target version `{version}` is not an integer between 0 and {_core.MAX_VERSION}",
            hint="give the build number of a target, such as 42",
            fields={"target_version": str(version)},
        )
    return number
