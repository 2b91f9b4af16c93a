"""Reads of roots, targets and what is served, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.store.rows import PublicationRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from groundswell.store.duckdb.query_runner import QueryRunner
    from groundswell.store.port import Row

__all__ = ["TrustQueries"]


class TrustQueries:
    """As `groundswell.store.port.TrustReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def root_chain(self, repository: str) -> Sequence[bytes]:
        """The links of a root chain, oldest first: the first is version 1."""
        rows = self._run.rows("SELECT document FROM roots WHERE repository = ? ORDER BY role_version", [repository])
        return [bytes(document) for (document,) in rows]

    def latest_root(self, repository: str) -> bytes | None:
        """The last link of a root chain; None if there is none."""
        rows = self._run.rows(
            "SELECT document FROM roots WHERE repository = ? ORDER BY role_version DESC LIMIT 1", [repository]
        )
        return bytes(rows[0][0]) if rows else None

    def ci_targets(self) -> Sequence[Row]:
        """Every CI target, by version and name."""
        return self._run.mappings("SELECT * FROM ci_targets ORDER BY target_version, name")

    def ci_target_count(self) -> int:
        """How many CI targets there are."""
        ((number,),) = self._run.rows("SELECT count(*) FROM ci_targets")
        return int(number)

    def targets_roles(self, repository: str) -> Mapping[str, bytes]:
        """The targets roles of a repository by tag, ascending by tag."""
        rows = self._run.rows("SELECT tag, document FROM targets_roles WHERE repository = ? ORDER BY tag", [repository])
        return {tag: bytes(document) for tag, document in rows}

    def targets_role_rows(self) -> Sequence[Row]:
        """Every targets role, by repository and tag."""
        return self._run.mappings("SELECT * FROM targets_roles ORDER BY repository, tag")

    def publications(self, repository: str) -> Sequence[PublicationRow]:
        """The sets of documents that a repository serves, by tag and variant."""
        rows = self._run.rows(
            'SELECT tag, variant, epoch, targets, snapshot, "timestamp" FROM publications WHERE repository = ?'
            " ORDER BY tag, variant",
            [repository],
        )
        return [
            PublicationRow(tag, variant, epoch, bytes(targets), bytes(snapshot), bytes(timestamp))
            for tag, variant, epoch, targets, snapshot, timestamp in rows
        ]

    def served_targets(self, repository: str) -> Mapping[tuple[str, str], bytes]:
        """The targets documents that a repository serves, by tag and variant."""
        rows = self._run.rows(
            "SELECT tag, variant, targets FROM publications WHERE repository = ? ORDER BY tag, variant", [repository]
        )
        return {(tag, variant): bytes(targets) for tag, variant, targets in rows}
