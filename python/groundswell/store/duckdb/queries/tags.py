"""Reads of tags, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["TagQueries"]

_LISTENING: Final = "FROM devices d JOIN tags t ON t.tag_id = d.tag_id WHERE d.production AND NOT d.deleted"


class TagQueries:
    """As `groundswell.store.port.TagReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def names(self) -> dict[int, str]:
        """The name of each tag by its number, ascending."""
        return dict(self._run.rows("SELECT tag_id, name FROM tags ORDER BY tag_id"))

    def in_use(self) -> Sequence[str]:
        """The tags that a device ever had, or that a targets role or a wave has, by name."""
        rows = self._run.rows(
            "SELECT name FROM tags UNION SELECT tag FROM targets_roles UNION SELECT tag FROM waves ORDER BY 1"
        )
        return [name for (name,) in rows]

    def production_devices(self) -> dict[str, int]:
        """How many production devices listen to each tag, by name; tags without any are left out."""
        return dict(self._run.rows(f"SELECT t.name, count(*) {_LISTENING} GROUP BY t.name ORDER BY t.name"))

    def versions_above(self, tag: str, target_version: int) -> dict[int, int]:
        """How many production devices of a tag report each later version, ascending."""
        rows = self._run.rows(
            f"SELECT d.target_version, count(*) {_LISTENING} AND t.name = ? AND d.target_version > ?"
            " GROUP BY 1 ORDER BY 1",
            [tag, target_version],
        )
        return dict(rows)
