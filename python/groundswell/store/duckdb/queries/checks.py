"""Reads that find faults, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["CheckQueries"]


class CheckQueries:
    """As `groundswell.store.port.CheckReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run
