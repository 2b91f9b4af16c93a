"""What the parts of a factory share: the store, who is at work, and how an instant is taken."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundswell.fleet.quantities import epoch_seconds
from groundswell.store import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from groundswell.store import Change, DuckDBStore

__all__ = ["Context", "seconds"]


def seconds(now: datetime | None) -> int:
    """An instant in seconds since 1970; the clock's unless given."""
    return int(time.time()) if now is None else epoch_seconds(now)


@dataclass(slots=True)
class Context:
    """Passed to every part of an open factory.

    Args:
        store: where it lives.
        path: its directory, as the caller named it.
        user: who is at work: what the audit log and the metadata name.
    """

    store: DuckDBStore
    path: Path
    user: str

    def commit(
        self,
        action: str,
        summary: str,
        changes: Sequence[Change],
        *,
        at: int,
        details: Mapping[str, Any] | None = None,
    ) -> int:
        """Make changes durable, all of them or none; the new revision."""
        return self.store.commit(Entry(at, self.user, action, summary, details or {}), changes)

    def meta(self, key: str, default: str = "") -> str:
        """A value of the store's own table of facts."""
        rows = self.store.rows("SELECT value FROM meta WHERE key = ?", [key])
        return str(rows[0][0]) if rows else default
