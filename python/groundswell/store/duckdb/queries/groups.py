"""Reads of groups, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["GroupQueries"]


class GroupQueries:
    """As `groundswell.store.port.GroupReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run
