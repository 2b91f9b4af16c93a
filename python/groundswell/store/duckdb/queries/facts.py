"""Reads of facts, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["FactQueries"]


class FactQueries:
    """As `groundswell.store.port.FactReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def get(self, key: str) -> str | None:
        """The value of a key; None if it was never set."""
        rows = self._run.rows("SELECT value FROM meta WHERE key = ?", [key])
        return str(rows[0][0]) if rows else None
