"""Importing devices: an upsert by uuid of whole files, in one transaction.

What a row says replaces what is known, cell by cell; an absent column or an empty cell keeps it. `last_seen` and
`target_version` travel as a pair: the pair that was seen later wins, and a row that does not say when counts as said
now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.factory.context import Context, seconds
from groundswell.factory.groups import group_row
from groundswell.fleet.coerce import BadCell
from groundswell.fleet.columns import COLUMNS
from groundswell.fleet.read import read_fleet
from groundswell.fleet.sources import name_of
from groundswell.store import Change, put
from groundswell.wording import count

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from groundswell.fleet.coerce import Devices
    from groundswell.fleet.read import FleetColumns

__all__ = ["CLEARABLE", "ImportReport", "import_devices", "uuid_column"]

CLEARABLE: Final = tuple(column for column in COLUMNS if column not in {"uuid", "production"})
"""The columns that ``--clear`` takes."""

_MERGED: Final = ("name", "group", "tag", "production", "last_seen", "target_version", "hardware_id")
_MOST_LISTED: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import came to.

    Args:
        rows: rows of the files, header lines not counted.
        devices: devices that the files name.
        new: devices that the factory had not heard of.
        returned: devices that had been deleted, and have their old ordinal again.
        changed: known devices of which something is different now.
        unchanged: known devices of which nothing is.
        outdated: devices whose row was seen before what is known: their last_seen and target_version were kept.
        groups_created: groups that did not exist, in the order of their first device.
        rejected_rows: bad rows that were set aside.
        test_by_default: new devices that count as test devices since no row said otherwise.
        notes: sentences for a person, the most important first.
        dry_run: whether nothing was stored.
    """

    rows: int
    devices: int
    new: int
    returned: int
    changed: int
    unchanged: int
    outdated: int
    groups_created: tuple[str, ...]
    rejected_rows: int
    test_by_default: int
    notes: tuple[str, ...]
    dry_run: bool


def import_devices(
    context: Context,
    sources: Sequence[Any],
    *,
    rejects: Path | None,
    clear: Collection[str],
    dry_run: bool,
    now: datetime | None,
    progress: bool,
) -> ImportReport:
    """Import devices; see `groundswell.factory.devices.Devices.import_`."""
    clear = [clear] if isinstance(clear, str) else clear
    _check_clear(clear)
    if not sources:
        raise InputError("no-source", "there is nothing to import", hint="name at least one file")
    if rejects is not None and len(sources) > 1:
        raise InputError(
            "bad-option",
            f"one file of rejects cannot serve `{len(sources)}` sources",
            hint="import the files one by one, each with its own --rejects",
            fields={"sources": len(sources)},
        )
    at = seconds(now)
    with context.store.turn():
        judge = _FlipJudge(context)
        read = [
            read_fleet(source, now=at, rejects=rejects, progress=progress, judge=judge.bad_cells) for source in sources
        ]
        incoming = _union(context, [(name_of(s), _incoming(columns)) for s, columns in zip(sources, read, strict=True)])
        merged = _Merge(context, incoming, frozenset(clear), at)
        report = merged.report(read, dry_run=dry_run)
        if not dry_run and merged.changes:
            context.commit(
                "devices import",
                f"imported {count(report.devices, 'device')}: {report.new:,} new, {report.changed:,} changed",
                merged.changes,
                at=at,
                details={
                    "sources": [name_of(source) for source in sources],
                    "new": report.new,
                    "returned": report.returned,
                    "changed": report.changed,
                    "unchanged": report.unchanged,
                    "cleared": sorted(clear),
                    "groups_created": list(report.groups_created),
                },
            )
        return report


def _check_clear(clear: Collection[str]) -> None:
    for column in clear:
        if column in CLEARABLE:
            continue
        fixed = column in COLUMNS
        near = _core.nearest(column, list(CLEARABLE), at_most=1)
        raise InputError(
            "bad-column",
            f"the column `{column}` cannot be cleared" if fixed else f"there is no column `{column}` to clear",
            hint=f"did you mean `{near[0]}`?" if near and not fixed else f"these can be: {', '.join(CLEARABLE)}",
            fields={"column": column, "clearable": list(CLEARABLE)},
        )


class _FlipJudge:
    """Finds rows that would make a production device of a known test device, or the reverse: no import may."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def bad_cells(self, devices: Devices) -> list[BadCell]:
        import numpy as np
        import pyarrow as pa

        said = np.flatnonzero(devices.production_said)
        if len(said) == 0:
            return []
        rows = pa.table(
            {
                "line": pa.array(said),
                "uuid": uuid_column(devices.uuids[said]),
                "production": pa.array(devices.production[said]),
            }
        )
        flips = self._context.store.table(
            "SELECT i.line, d.production FROM incoming i JOIN devices d ON d.uuid = i.uuid"
            " WHERE NOT d.deleted AND d.production <> i.production ORDER BY i.line",
            incoming=rows,
        )
        return [
            BadCell(line, "production", f"would flip a device that is registered as a {_kind(production)} device")
            for line, production in zip(*(column.to_pylist() for column in flips.columns), strict=True)
        ]


def _kind(production: bool) -> str:  # noqa: FBT001 - a cell
    return "production" if production else "test"


def uuid_column(uuids: Any) -> pa.Array:
    """UUIDs, uint8 of shape (n, 16), as an Arrow column that DuckDB takes for UUIDs."""
    import numpy as np
    import pyarrow as pa

    data = pa.py_buffer(np.ascontiguousarray(uuids))
    storage = pa.Array.from_buffers(pa.binary(16), len(uuids), [None, data])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def _incoming(columns: FleetColumns) -> pa.Table:
    """The columns of a source in SQL's terms: NULL where a row says nothing."""
    import numpy as np
    import pyarrow as pa

    number = len(columns.uuids)

    def named(codes: Any, names: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(names, pa.string()))

    def text(array: pa.Array | None) -> pa.Array:
        return pa.nulls(number, pa.string()) if array is None else array

    return pa.table(
        {
            "position": pa.array(np.arange(number)),
            "uuid": uuid_column(columns.uuids),
            "name": text(columns.names),
            "group": named(columns.groups, columns.group_names).cast(pa.string()),
            "tag": named(columns.tags, columns.tag_names).cast(pa.string()),
            "production": pa.array(columns.production, mask=~columns.production_said),
            "last_seen": pa.array(columns.last_seen, mask=columns.last_seen == _core.NEVER_SEEN),
            "target_version": pa.array(columns.target_versions, mask=columns.target_versions < 0),
            "hardware_id": text(columns.hardware_ids),
        }
    )


def _union(context: Context, tables: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """Several files as one: a device may stand in many of them, as long as they do not contradict each other."""
    (_, whole), *others = tables
    for label, other in others:
        _refuse_contradictions(context, label, whole, other)
        cells = ", ".join(f'coalesce(a."{column}", b."{column}") AS "{column}"' for column in ("uuid", *_MERGED))
        whole = context.store.table(
            "SELECT row_number() OVER (ORDER BY a.position NULLS LAST, b.position) - 1 AS position,"
            f" {cells} FROM a FULL JOIN b ON a.uuid = b.uuid ORDER BY position",
            a=whole,
            b=other,
        )
    return whole


def _refuse_contradictions(context: Context, label: str, whole: pa.Table, other: pa.Table) -> None:
    differs = " OR ".join(f'a."{column}" <> b."{column}"' for column in _MERGED)
    pairs = ", ".join(f'a."{column}" AS "a_{column}", b."{column}" AS "b_{column}"' for column in _MERGED)
    found = context.store.table(
        f"SELECT CAST(a.uuid AS VARCHAR) AS uuid, {pairs} FROM a JOIN b ON a.uuid = b.uuid WHERE {differs}"
        " ORDER BY b.position",
        a=whole,
        b=other,
    )
    if found.num_rows == 0:
        return
    conflicts: list[dict[str, Any]] = []
    for row in found.slice(0, _MOST_LISTED).to_pylist():
        columns = {
            column: [row[f"a_{column}"], row[f"b_{column}"]]
            for column in _MERGED
            if None not in (row[f"a_{column}"], row[f"b_{column}"]) and row[f"a_{column}"] != row[f"b_{column}"]
        }
        conflicts.append({"uuid": row["uuid"], "columns": columns})
    first = conflicts[0]
    values = ", ".join(f"{column} `{a}` and `{b}`" for column, (a, b) in first["columns"].items())
    raise InputError(
        "repeated-uuid",
        f"`{label}` and a file before it have the same uuid `{first['uuid']}` but different data: {values}"
        + (f" (the first of {found.num_rows} such devices)" if found.num_rows > 1 else ""),
        hint="import the files one after the other if the later one is to win",
        fields={"source": label, "total": found.num_rows, "repeated": conflicts},
    )


class _Merge:
    """What the store comes to with the incoming rows: the rows that change, and how many of which kind."""

    def __init__(self, context: Context, incoming: pa.Table, clear: frozenset[str], at: int) -> None:
        self._context = context
        self._at = at
        self._incoming = incoming
        self.groups_created, group_rows, next_group = self._new_groups()
        tag_rows = self._new_tags()
        self._merged = context.store.table(self._sql(clear), incoming=incoming, **self._names(group_rows, tag_rows))
        self.changes = self._changes(group_rows, tag_rows, next_group)

    def _new_names(self, column: str, table: str) -> list[str]:
        rows = self._context.store.table(
            f'SELECT "{column}" AS name FROM incoming WHERE "{column}" IS NOT NULL AND "{column}" NOT IN'
            f' (SELECT name FROM "{table}") GROUP BY ALL ORDER BY min(position)',
            incoming=self._incoming,
        )
        found: list[str] = rows.column("name").to_pylist()
        return found

    def _new_groups(self) -> tuple[list[str], list[dict[str, Any]], int]:
        names = self._new_names("group", "groups")
        first = int(self._context.meta("next_group_id", "1"))
        by = self._context.user
        rows = [dict(group_row(first + i, name, "", at=self._at, by=by)) for i, name in enumerate(names)]
        return names, rows, first + len(names)

    def _new_tags(self) -> list[dict[str, Any]]:
        names = self._new_names("tag", "tags")
        ((first,),) = self._context.store.rows("SELECT coalesce(max(tag_id), 0) + 1 FROM tags")
        return [{"tag_id": first + i, "name": name} for i, name in enumerate(names)]

    def _names(self, group_rows: list[dict[str, Any]], tag_rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
        import pyarrow as pa

        def table(key: str, source: str, rows: list[dict[str, Any]]) -> pa.Table:
            known = self._context.store.rows(f'SELECT {key}, name FROM "{source}"')
            pairs = [*known, *((row[key], row["name"]) for row in rows)]
            ids = pa.array([number for number, _ in pairs], pa.uint32())
            return pa.table({"id": ids, "name": pa.array([name for _, name in pairs], pa.string())})

        return {
            "group_names": table("group_id", "groups", group_rows),
            "tag_names": table("tag_id", "tags", tag_rows),
        }

    def _sql(self, clear: frozenset[str]) -> str:
        def kept(column: str, said: str, known: str) -> str:
            return said if column in clear else f"coalesce({said}, {known})"

        # A row that does not say when counts as said now; of two pairs of the same second the import's is the one.
        later = "(d.last_seen IS NULL OR i.last_seen IS NULL OR i.last_seen >= d.last_seen)"
        pair = {
            "last_seen": f"CASE WHEN {later} THEN {kept('last_seen', 'i.last_seen', 'd.last_seen')}"
            " ELSE d.last_seen END",
            "target_version": f"CASE WHEN {later} THEN {kept('target_version', 'i.target_version', 'd.target_version')}"
            " ELSE d.target_version END",
        }
        values = {
            "name": kept("name", "i.name", "d.name"),
            "group_id": kept("group", "g.id", "d.group_id"),
            "tag_id": kept("tag", "t.id", "d.tag_id"),
            "production": "CASE WHEN d.ordinal IS NULL OR d.deleted THEN coalesce(i.production, false)"
            " ELSE d.production END",
            **pair,
            "hardware_id": kept("hardware_id", "i.hardware_id", "d.hardware_id"),
        }
        differs = " OR ".join(f'm."{column}" IS DISTINCT FROM m."old_{column}"' for column in values)
        return (
            "WITH m AS (SELECT i.position, d.ordinal AS known, i.uuid, coalesce(d.deleted, false) AS returned,"
            f" NOT {later} AS outdated, i.production IS NULL AS unsaid, "
            + ", ".join(f'{value} AS "{column}"' for column, value in values.items())
            + ", "
            + ", ".join(f'd."{column}" AS "old_{column}"' for column in values)
            + " FROM incoming i LEFT JOIN devices d ON d.uuid = i.uuid"
            ' LEFT JOIN group_names g ON g.name = i."group" LEFT JOIN tag_names t ON t.name = i.tag)'
            " SELECT CAST(coalesce(known, (SELECT count(*) FROM devices)"
            " + row_number() OVER (PARTITION BY known IS NULL ORDER BY position) - 1) AS UINTEGER) AS ordinal, uuid, "
            + ", ".join(f'"{column}"' for column in values)
            + ", false AS deleted, known IS NULL AS new, returned, outdated, unsaid,"
            f" known IS NOT NULL AND NOT returned AND ({differs}) AS changed FROM m ORDER BY position"
        )

    def _changes(
        self, group_rows: list[dict[str, Any]], tag_rows: list[dict[str, Any]], next_group: int
    ) -> list[Change]:
        import pyarrow.compute as pc

        flags = ("new", "returned", "outdated", "unsaid", "changed")
        devices = self._merged.drop_columns(list(flags))
        new = devices.filter(self._merged.column("new"))
        touched = devices.filter(pc.or_(self._merged.column("returned"), self._merged.column("changed")))
        changes = []
        if group_rows:
            counter = {"key": "next_group_id", "value": str(next_group)}
            changes += [put("groups", group_rows, new=True), put("meta", [counter])]
        if tag_rows:
            changes.append(put("tags", tag_rows, new=True))
        if new.num_rows:
            changes.append(put("devices", new, new=True))
        if touched.num_rows:
            changes.append(put("devices", touched))
        return changes

    def report(self, read: Sequence[FleetColumns], *, dry_run: bool) -> ImportReport:
        import pyarrow.compute as pc

        def flagged(*flags: str) -> int:
            columns = [self._merged.column(flag) for flag in flags]
            both = columns[0]
            for column in columns[1:]:
                both = pc.and_(both, column)
            return int(pc.sum(both).as_py() or 0)

        total = self._merged.num_rows
        new, returned, changed, outdated = flagged("new"), flagged("returned"), flagged("changed"), flagged("outdated")
        unsaid = flagged("new", "unsaid") + flagged("returned", "unsaid")
        return ImportReport(
            rows=sum(columns.report.rows for columns in read),
            devices=total,
            new=new,
            returned=returned,
            changed=changed,
            unchanged=total - new - returned - changed,
            outdated=outdated,
            groups_created=tuple(self.groups_created),
            rejected_rows=sum(columns.report.rejected_rows for columns in read),
            test_by_default=unsaid,
            notes=tuple(self._notes(read, unsaid, outdated)),
            dry_run=dry_run,
        )

    @staticmethod
    def _notes(read: Sequence[FleetColumns], unsaid: int, outdated: int) -> list[str]:
        notes = []
        if unsaid:
            are, count_as = (
                ("IS A PRODUCTION DEVICE", "it counts as a test device")
                if unsaid == 1
                else ("ARE PRODUCTION DEVICES", "they count as test devices")
            )
            notes.append(
                f"NOTHING SAYS THAT {unsaid:,} OF THE NEW DEVICES {are}: {count_as}, and no later import can change"
                " that"
            )
        if outdated:
            rows = (
                "1 row is older than what is known: its"
                if outdated == 1
                else f"{outdated:,} rows are older than what is known: their"
            )
            notes.append(f"{rows} last_seen and target_version were not taken")
        # What reading alone says of a missing column is true of a file, not of a factory that knows its devices.
        notes += [note for columns in read for note in columns.report.notes if "NO PRODUCTION COLUMN" not in note]
        return notes
