"""Reads of groups, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.store.rows import GroupRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.store.duckdb.query_runner import QueryRunner
    from groundswell.store.port import Row

__all__ = ["GroupQueries"]


class GroupQueries:
    """As `groundswell.store.port.GroupReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def names(self) -> dict[int, str]:
        """The name of each group by its number, ascending."""
        return dict(self._run.rows("SELECT group_id, name FROM groups ORDER BY group_id"))

    def all(self) -> Sequence[GroupRow]:
        """Every group with the number of its devices, by name."""
        rows = self._run.rows(
            "SELECT g.group_id, g.name, g.description, g.created_at, g.created_by, g.updated_at, g.updated_by,"
            " count(d.ordinal), count(d.ordinal) FILTER (d.production)"
            " FROM groups g LEFT JOIN devices d ON d.group_id = g.group_id GROUP BY ALL ORDER BY g.name"
        )
        return [GroupRow(*row) for row in rows]

    def find(self, group_id: int) -> Row | None:
        """All columns of a group; None if there is none."""
        rows = self._run.mappings("SELECT * FROM groups WHERE group_id = ?", [group_id])
        return rows[0] if rows else None
