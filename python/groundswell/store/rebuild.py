"""Rebuilding a store from its audit log, and proving that the two agree."""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING

from groundswell.store.duckdb import DATABASE, LOCK, ordered, replay, require_factory, tables_of
from groundswell.store.faults import cannot_write
from groundswell.store.lock import OwnerLock
from groundswell.store.schema import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from groundswell.store.duckdb import DuckDBStore

__all__ = ["differing_tables", "rebuild"]


def rebuild(folder: Path, *, owner: str, wait: float) -> tuple[int, Path | None]:
    """Put a database in place that the audit log yields; the old one is kept beside it.

    Args:
        folder: the factory.
        owner: as for `OwnerLock.acquire`.
        wait: as for `OwnerLock.acquire`.

    Returns:
        The revision that was reached, and where the old database is now; None if there was none.

    Raises:
        StorageError: ``store-damaged`` where the log itself does not hold together; nothing was changed.
    """
    require_factory(folder)
    lock = OwnerLock.acquire(folder / LOCK, owner=owner, wait=wait)
    try:
        with _replayed(folder) as (fresh, revision):
            return revision, _swap(folder, fresh)
    finally:
        lock.release()


def _swap(folder: Path, fresh: Path) -> Path | None:
    old, kept = folder / DATABASE, None
    try:
        wal = old.with_name(old.name + ".wal")
        if old.exists():
            kept = folder / f"{DATABASE}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
            old.replace(kept)
        if wal.exists():
            # A log of the old database must not be replayed on the new one.
            wal.replace(kept.with_name(kept.name + ".wal") if kept else wal.with_name(wal.name + ".damaged"))
        fresh.replace(old)
    except OSError as error:
        raise cannot_write(old, error) from error
    return kept


@contextlib.contextmanager
def _replayed(folder: Path) -> Iterator[tuple[Path, int]]:
    fresh = folder / f".{DATABASE}.{secrets.token_hex(8)}"
    try:
        yield fresh, replay(folder, fresh)
    finally:
        fresh.unlink(missing_ok=True)
        fresh.with_name(fresh.name + ".wal").unlink(missing_ok=True)


def differing_tables(store: DuckDBStore) -> list[str]:
    """The tables in which an open store is not what its audit log yields; empty for a sound one.

    Raises:
        StorageError: ``store-damaged`` where the log does not hold together.

    Cost: replays the whole history.
    """
    with store.turn(), _replayed(store.folder) as (fresh, _):
        replayed = tables_of(fresh)
        return [table for table in KEYS if not store.table(ordered(table)).equals(replayed[table])]
