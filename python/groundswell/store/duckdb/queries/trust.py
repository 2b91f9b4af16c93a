"""Reads of roots, targets and what is served, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["TrustQueries"]


class TrustQueries:
    """As `groundswell.store.port.TrustReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def ci_target_count(self) -> int:
        """How many CI targets there are."""
        ((number,),) = self._run.rows("SELECT count(*) FROM ci_targets")
        return int(number)
