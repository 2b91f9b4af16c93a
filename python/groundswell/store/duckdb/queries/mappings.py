"""Reads of saved mappings, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.store.rows import MappingRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["MappingQueries"]

_SELECT: Final = "SELECT name, mapping, saved_at, saved_by FROM mappings"


class MappingQueries:
    """As `groundswell.store.port.MappingReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def all(self) -> Sequence[MappingRow]:
        """Every mapping, by name."""
        return [MappingRow(*row) for row in self._run.rows(f"{_SELECT} ORDER BY name")]

    def find(self, name: str) -> MappingRow | None:
        """The mapping of this name; None if there is none."""
        rows = self._run.rows(f"{_SELECT} WHERE name = ?", [name])
        return MappingRow(*rows[0]) if rows else None
