"""Compaction: checkpoints of the audit log, which make the payloads of older entries disposable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundswell.errors import StorageError
from groundswell.factory.context import seconds
from groundswell.store import DuckDBStore, differing_tables

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.factory.context import Context

__all__ = ["CompactReport", "compact_factory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactReport:
    """What a compaction came to.

    Args:
        revision: the revision of the factory after it.
        snapshots: the names of the two snapshots that are kept, the older one first.
        freed_bytes: the bytes of payloads and older snapshots that were removed.
        payload_bytes: the bytes of payloads that are left.
    """

    revision: int
    snapshots: tuple[str, ...]
    freed_bytes: int
    payload_bytes: int


def compact_factory(context: Context, *, now: datetime | None) -> CompactReport:
    """Write checkpoints; see `groundswell.factory.Factory.compact`."""
    store = context.store
    assert isinstance(store, DuckDBStore)  # noqa: S101 - only an embedded store has an audit log of its own
    store.require_writable()
    with store.changing():
        # A snapshot of damaged tables would replace the payloads that can still repair them.
        for table in differing_tables(store, newest=False):
            raise StorageError(
                "store-damaged",
                f"the table `{table}` of the factory `{store.folder}` is not what the audit log says",
                hint="nothing was changed; rebuild the store from the audit log, or restore a backup",
                fields={"path": str(store.folder), "reason": f"the table {table} differs", "remedy": "repair"},
            )
        done = store.compact(at=seconds(now), by=context.user)
    return CompactReport(
        revision=done.revision, snapshots=done.snapshots, freed_bytes=done.freed, payload_bytes=done.payloads
    )
