"""Rebuilding a store from its audit log, and proving that the two agree."""

from __future__ import annotations

import contextlib
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from groundswell.errors import GroundswellError, StateError, StorageError
from groundswell.files import remove_leftovers, staging_folder, sync_folder
from groundswell.store.audit.log import AuditLog
from groundswell.store.audit.snapshots import read_snapshot, require_snapshot
from groundswell.store.duckdb.database import (
    connected,
    keep_private,
    migrate,
    ordered,
    plain,
    position,
)
from groundswell.store.duckdb.replay import load_tables, replay
from groundswell.store.faults import RESTORE, cannot_write, damaged
from groundswell.store.folder import AUDIT_LOG, DATABASE, LOCK, require_factory, write_ahead_log, write_refusal
from groundswell.store.lock import OwnerLock
from groundswell.store.schema import KEYS
from groundswell.store.second_name import usable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from groundswell.store.audit.log import Record
    from groundswell.store.port import Store

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
        NotFoundError: ``no-factory``.
        StateError: ``factory-in-use``; ``newer-factory``.
        StorageError: ``store-damaged`` where the log itself does not hold together, or has lost lines that the database
            can still tell of; ``cannot-write``. Nothing was changed.
    """
    require_factory(folder)
    lock = OwnerLock.acquire(folder / LOCK, owner=owner, wait=wait)
    try:
        refusal = write_refusal(folder)
        if refusal is not None:
            raise cannot_write(folder, refusal)
        remove_leftovers(folder)
        with _staged(folder) as fresh:
            revision = _replay(folder, fresh, newest=False)
            _refuse_lost_lines(folder, revision)
            return revision, _swap(folder, fresh)
    finally:
        lock.release()


@contextlib.contextmanager
def _staged(folder: Path | None) -> Iterator[Path]:
    """A path for a database, in a folder that goes when the block ends: in `folder`, else among temporary files."""
    try:
        if folder is None:
            with tempfile.TemporaryDirectory(prefix="groundswell-") as name:
                yield Path(name) / DATABASE
            return
        with staging_folder(folder / DATABASE) as staging:
            yield staging / DATABASE
    except OSError as error:
        raise cannot_write(folder or Path(tempfile.gettempdir()), error) from error


def _refuse_lost_lines(folder: Path, revision: int) -> None:
    """Refuse to go back: a database that has seen more than the log tells is worth more than the log."""
    try:
        with (
            usable_name(folder / DATABASE) as database,
            connected(database, read_only=True) as connection,
        ):
            seen, _ = position(connection)
    except GroundswellError as error:
        if isinstance(error, StateError) or error.code != "store-damaged":
            raise
        return  # which is why it is rebuilt
    if seen > revision:
        raise damaged(
            folder / AUDIT_LOG, f"it ends with line {revision}, and the store has seen line {seen}", hint=RESTORE
        )


def _swap(folder: Path, fresh: Path) -> Path | None:
    old = folder / DATABASE
    try:
        kept = _free_name(old) if old.exists() else None
        if kept is not None:
            old.replace(kept)
        # A write-ahead log of the old database must not be replayed on the new one.
        if write_ahead_log(old).exists():
            write_ahead_log(old).replace(write_ahead_log(kept or _free_name(old)))
        fresh.replace(old)
        sync_folder(folder)
        for file in folder.glob(f"{DATABASE}.damaged-*"):
            keep_private(file)
    except OSError as error:
        raise cannot_write(old, error) from error
    return kept


def _free_name(path: Path) -> Path:
    for number in count(1):
        found = path.with_name(f"{path.name}.damaged-{number}")
        if not found.exists() and not write_ahead_log(found).exists():
            return found
    raise AssertionError  # pragma: no cover - numbers do not end


def _replay(folder: Path, database: Path, *, newest: bool, read_only: bool = False) -> int:
    """Make a database out of a factory's audit log: from a snapshot, and the lines after it.

    Args:
        folder: the factory.
        database: the new file.
        newest: whether to refuse if the newest snapshot is damaged; otherwise the one before it is used.
        read_only: whether the log may not be written.

    Returns:
        The revision that was reached: the number of the log's last line.

    Raises:
        StorageError: ``store-damaged`` where the log, a snapshot or a payload is damaged or is not there;
            ``cannot-write``.
    """
    log = AuditLog(folder / AUDIT_LOG, read_only=read_only)
    try:
        chain = log.chain()
        if chain.last is None:
            raise damaged(log.path, "it is empty", hint=RESTORE)
        with connected(database) as connection:
            migrate(connection, database, new=True)
            start = _usable_checkpoint(log, chain.checkpoints, newest=newest)
            if start is not None and start.checkpoint is not None:
                tables = read_snapshot(log.folder, start.checkpoint)
                load_tables(connection, tables, start.checkpoint.revision, start.checkpoint.head)
            replay(connection, ((record, log.changes(record)) for record in log.records(start=start)))
            connection.execute("CHECKPOINT")
    finally:
        log.close()
    keep_private(database)
    return chain.last.seq


def _usable_checkpoint(log: AuditLog, checkpoints: Sequence[Record], *, newest: bool) -> Record | None:
    """The line of the newest checkpoint whose snapshot is intact; None for a log whose payloads are all there."""
    fault: StorageError | None = None
    for record in reversed(checkpoints):
        assert record.checkpoint is not None  # noqa: S101 - that is what `chain` looks for
        try:
            require_snapshot(log.folder, record.checkpoint)
        except StorageError as error:
            if newest or error.code != "store-damaged":
                raise
            fault = error
        else:
            return record
    if fault is not None and len(checkpoints) > 1:
        raise fault  # their payloads are gone
    return None


def differing_tables(store: Store, *, newest: bool = True) -> list[str]:
    """The tables in which an open store is not what its audit log yields; empty for a sound one.

    Args:
        store: the store.
        newest: whether the newest snapshot has to be intact; otherwise the one before it is used.

    Raises:
        StorageError: ``store-damaged`` where the log does not hold together; ``cannot-write``.

    Cost: verifies the whole chain, and replays what was changed since the newest checkpoint.
    """
    with store.changing(), _staged(None if store.read_only is not None else store.folder) as fresh:
        _replay(store.folder, fresh, newest=newest, read_only=store.read_only is not None)
        replayed = _tables_of(fresh)
        return [table for table in KEYS if not store.checks.rows_of(table).equals(replayed[table])]


def _tables_of(database: Path) -> dict[str, pa.Table]:
    """All tables of a database that nobody has open, each in the order of its keys."""
    with connected(database) as connection:
        return {table: plain(connection.sql(ordered(table)).to_arrow_table()) for table in KEYS}
