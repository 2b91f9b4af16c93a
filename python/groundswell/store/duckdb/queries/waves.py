"""Reads of waves, rollouts and requests, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.store.duckdb.query_runner import QueryRunner
    from groundswell.store.port import Row

__all__ = ["WaveQueries"]


class WaveQueries:
    """As `groundswell.store.port.WaveReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def all(self) -> Sequence[Row]:
        """Every wave, in the order in which they were made."""
        return self._run.mappings("SELECT * FROM waves ORDER BY wave_id")

    def active_tags(self) -> Sequence[str]:
        """The tags that have an active wave, in the order in which these were made."""
        rows = self._run.rows("SELECT tag FROM waves WHERE state = 'active' ORDER BY wave_id")
        return [tag for (tag,) in rows]

    def rollouts_after(self, wave_id: int, number: int) -> Sequence[Row]:
        """The rollouts of a wave with a higher number, ascending."""
        return self._run.mappings(
            "SELECT * FROM rollouts WHERE wave_id = ? AND number > ? ORDER BY number", [wave_id, number]
        )

    def request(self, kind: str, key: str) -> Row | None:
        """The answered request of this kind and key; None if there was none."""
        rows = self._run.mappings("SELECT * FROM requests WHERE kind = ? AND key = ?", [kind, key])
        return rows[0] if rows else None
