"""Verifies an audit log: its chain, its snapshots, and the payloads that no checkpoint has made disposable."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from groundswell.errors import StorageError
from groundswell.store.audit.lines import GENESIS
from groundswell.store.audit.payloads import read_change
from groundswell.store.audit.snapshots import require_snapshot
from groundswell.store.faults import cannot_read
from groundswell.store.folder import AUDIT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from groundswell.store.audit.log import AuditLog

__all__ = ["has_damaged_snapshot", "log_fault"]

_BLOCK: Final = 1 << 20


def log_fault(log: AuditLog, seq: int, head: str, *, digests: Mapping[str, str] | None = None) -> str | None:
    """What is wrong with a log, its snapshots or its payloads; None if nothing is.

    Args:
        log: the log.
        seq: the number of the line that should be the last.
        head: its digest.
        digests: the SHA-256 of files by their path inside the factory (default: they are read).

    Raises:
        StorageError: ``store-damaged``, which is what is wrong; ``cannot-read``.
    """
    _, checkpoints = log.chain()
    for one in checkpoints:
        assert one.checkpoint is not None  # noqa: S101 - that is what `chain` looks for
        if digests is None:
            require_snapshot(log.folder, one.checkpoint)
        elif digests.get(f"{AUDIT}/{one.checkpoint.file}") != one.checkpoint.sha256:
            return f"`{log.folder / one.checkpoint.file}` is not there, or is not what was written"
    last, last_head = 0, GENESIS
    for record in log.records(start=checkpoints[0] if len(checkpoints) > 1 else None):
        if record.seq > seq:
            break
        last, last_head = record.seq, record.head
        for raw in record.raw_changes:
            if "file" not in raw:
                read_change(log.path, record, raw)
            elif _digest_of(log.folder / raw["file"], digests) != raw["sha256"]:
                return f"`{log.folder / raw['file']}` is not there, or is not what was written"
    if (last, last_head) != (seq, head):
        return f"`{log.path}` ends with line {last}, and the store has seen line {seq}"
    return None


def has_damaged_snapshot(log: AuditLog) -> bool:
    """Whether one of the last two snapshots is not what was written.

    Raises:
        StorageError: ``cannot-read``; ``store-damaged`` for the log itself.
    """
    for record in log.chain().checkpoints:
        assert record.checkpoint is not None  # noqa: S101 - that is what `chain` looks for
        try:
            require_snapshot(log.folder, record.checkpoint)
        except StorageError as error:
            if error.code != "store-damaged":
                raise
            return True
    return False


def _digest_of(path: Path, digests: Mapping[str, str] | None) -> str | None:
    if digests is not None:
        return digests.get(f"{AUDIT}/{path.name}")
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot_read(path, error) from error
    return digest.hexdigest()
