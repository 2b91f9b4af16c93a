"""Reads of devices, in SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from groundswell.store.duckdb.sort_rows import in_order
from groundswell.store.rows import DeletedDevice, DeviceCount, DeviceRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from groundswell.store.duckdb.query_runner import QueryRunner
    from groundswell.store.rows import DeviceFilter, DeviceSort

__all__ = ["DeviceQueries"]

_SELECT: Final = (
    "SELECT d.ordinal, CAST(d.uuid AS VARCHAR) AS uuid, d.name, g.name AS group_name, t.name AS tag_name, d.production,"
    " d.last_seen, d.target_version, d.hardware_id FROM devices d LEFT JOIN groups g ON g.group_id = d.group_id"
    " LEFT JOIN tags t ON t.tag_id = d.tag_id WHERE NOT d.deleted"
)
_ORDERS: Final[Mapping[DeviceSort, str]] = {
    "ordinal": "d.ordinal",
    "name": "d.name NULLS LAST, d.ordinal",
    "-name": "d.name DESC NULLS LAST, d.ordinal",
    "last-seen": "d.last_seen NULLS FIRST, d.ordinal",
    "-last-seen": "d.last_seen DESC NULLS LAST, d.ordinal",
    "uuid": "d.uuid",
}


class DeviceQueries:
    """As `groundswell.store.port.DeviceReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def count(self) -> int:
        """How many devices there are, without deleted ones."""
        return self._number("SELECT count(*) FROM devices WHERE NOT deleted")

    def registered(self) -> int:
        """How many ordinals were given: the number of rows, and the next ordinal."""
        return self._number("SELECT count(*) FROM devices")

    def _number(self, sql: str) -> int:
        ((number,),) = self._run.rows(sql)
        return int(number)

    def columns(self) -> pa.Table:
        """Every row by ordinal: the columns of a fleet."""
        return in_order(
            self._run.table(
                "SELECT ordinal, uuid, name, group_id, tag_id, production, last_seen, target_version, hardware_id,"
                " deleted FROM devices"
            )
        )

    def by_uuid(self, uuids: pa.Array | pa.ChunkedArray) -> pa.Table:
        """The rows of these devices, deleted ones included, by ordinal."""
        import numpy as np
        import pyarrow as pa

        # The side that is named last is put into a hash table: only uuids and numbers, no texts.
        found = self._run.table(
            "SELECT w.position, d.* EXCLUDE (uuid) FROM devices d JOIN wanted w ON w.uuid = d.uuid",
            wanted=pa.table({"position": pa.array(np.arange(len(uuids), dtype=np.uint32)), "uuid": uuids}),
        )
        return in_order(found)

    def in_group(self, group_id: int) -> pa.Table:
        """All columns of the rows of a group's devices, by ordinal."""
        return self._run.table("SELECT * FROM devices WHERE group_id = ? ORDER BY ordinal", [group_id])

    def find(self, uuid: str) -> DeviceRow | None:
        """The device of a uuid (lower case, hyphenated); None if there is none, or it is deleted."""
        rows = self._run.rows(f"{_SELECT} AND d.uuid = ?", [uuid])
        return DeviceRow(*rows[0]) if rows else None

    def named(self, name: str) -> Sequence[DeviceRow]:
        """The devices of this name, by ordinal, without deleted ones."""
        return [DeviceRow(*row) for row in self._run.rows(f"{_SELECT} AND d.name = ? ORDER BY d.ordinal", [name])]

    def page(
        self, which: DeviceFilter, *, sort: DeviceSort = "ordinal", limit: int, offset: int = 0
    ) -> tuple[int, Sequence[DeviceRow]]:
        """How many devices a filter leaves, and at most `limit` of them from `offset` on."""
        import pyarrow as pa

        conditions = _conditions(which)
        where = "".join(f" AND {sql}" for sql, _ in conditions)
        parameters = [value for _, values in conditions for value in values]
        views = {} if which.ordinals is None else {"listed": pa.table({"ordinal": which.ordinals})}
        counting = f"SELECT count(*) AS total FROM devices d WHERE NOT d.deleted{where}"
        listing = f"{_SELECT}{where} ORDER BY {_ORDERS[sort]} LIMIT ? OFFSET ?"
        ((total,),) = self._with(views, counting, parameters)
        found = self._with(views, listing, [*parameters, limit, offset])
        return int(total), [DeviceRow(*row) for row in found]

    def _with(self, views: Mapping[str, pa.Table], sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        if not views:
            return self._run.rows(sql, parameters)
        return [tuple(row.values()) for row in self._run.table(sql, parameters, **views).to_pylist()]

    def deleted(self, *, uuid: str | None = None, name: str | None = None) -> Sequence[DeletedDevice]:
        """Deleted devices by ordinal: all of them, or those that have this uuid or had this name."""
        where = "" if uuid is None and name is None else " AND (uuid = $1 OR name = $2)"
        rows = self._run.rows(
            f"SELECT CAST(uuid AS VARCHAR), name, allowed FROM devices WHERE deleted{where} ORDER BY ordinal",
            [uuid, name] if where else [],
        )
        return [DeletedDevice(*row) for row in rows]

    def counts(self, *, seen_since: int) -> Sequence[DeviceCount]:
        """Devices counted by production, tag, group and target version, in any order; deleted ones left out."""
        rows = self._run.rows(
            "SELECT d.production, t.name, g.name, d.target_version, count(*), count(*) FILTER (d.last_seen >= ?)"
            " FROM devices d LEFT JOIN tags t ON t.tag_id = d.tag_id LEFT JOIN groups g ON g.group_id = d.group_id"
            " WHERE NOT d.deleted GROUP BY ALL",
            [seen_since],
        )
        return [DeviceCount(*row) for row in rows]


def _conditions(which: DeviceFilter) -> list[tuple[str, list[Any]]]:
    """The conditions of a filter, each with its parameters."""
    equal = {
        "group_id": which.group_id,
        "tag_id": which.tag_id,
        "production": which.production,
        "target_version": which.target_version,
        "hardware_id": which.hardware_id,
    }
    found: list[tuple[str, list[Any]]] = [
        (f"d.{column} = ?", [value]) for column, value in equal.items() if value is not None
    ]
    if which.no_group:
        found.append(("d.group_id IS NULL", []))
    if which.no_tag:
        found.append(("d.tag_id IS NULL", []))
    if which.name is not None:
        found.append(("d.name LIKE ? ESCAPE '\\'", [_as_like(which.name)]))
    if which.uuid_prefix is not None:
        found.append(("starts_with(CAST(d.uuid AS VARCHAR), ?)", [which.uuid_prefix]))
    if which.seen_since is not None:
        found.append(("d.last_seen >= ?", [which.seen_since]))
    if which.not_seen_since is not None:
        found.append(("NOT coalesce(d.last_seen >= ?, false)", [which.not_seen_since]))
    if which.ordinals is not None:
        found.append(("d.ordinal IN (SELECT ordinal FROM listed)", []))
    return found


def _as_like(pattern: str) -> str:
    """A pattern of ``*`` and ``?`` for LIKE: GLOB matches bytes rather than characters, and has more wildcards."""
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return escaped.replace("*", "%").replace("?", "_")
