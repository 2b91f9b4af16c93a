"""Reads of saved mappings, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["MappingQueries"]


class MappingQueries:
    """As `groundswell.store.port.MappingReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run
