"""Snapshots: all tables of a store in one file, as the Arrow streams that a checkpoint lists.

Payloads of the lines that a snapshot includes are removed only after the file was written, synced and read back.
"""

from __future__ import annotations

import hashlib
import os
from typing import IO, TYPE_CHECKING, Final

from groundswell.errors import StorageError
from groundswell.files import replace_file, sync_folder
from groundswell.store.audit.lines import Checkpoint, Stream, snapshot_name
from groundswell.store.faults import RESTORE, cannot_read, cannot_write, damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa

__all__ = ["read_snapshot", "require_snapshot", "write_snapshot"]

_BLOCK: Final = 1 << 20


class _Counted:
    """A file that is written to, hashed and counted at once."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def write_snapshot(
    folder: Path, revision: int, head: str, tables: Iterable[tuple[str, pa.RecordBatchReader]]
) -> Checkpoint:
    """Write a snapshot, sync it, and read it back.

    Args:
        folder: the folder of the log's files.
        revision: the line that it is as of.
        head: the digest of that line.
        tables: the rows of each table, piece by piece.

    Raises:
        StorageError: ``cannot-write``, ``cannot-read``; ``store-damaged`` if the disk does not give back what was
            written. The file is gone in each case.
    """
    path = folder / snapshot_name(revision)
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            sync_folder(folder.parent)
        with replace_file(path, mode=0o600) as file:
            sink = _Counted(file)
            parts = tuple(_write_table(sink, table, rows) for table, rows in tables)
    except OSError as error:
        raise cannot_write(path, error) from error
    except StorageError as error:
        if error.code != "cannot-write":
            raise
        raise cannot_write(path, str(error.fields["reason"])) from error
    checkpoint = Checkpoint(revision, head, path.name, sink.size, sink.digest.hexdigest(), parts)
    try:
        _forget_cached(path)
        require_snapshot(folder, checkpoint)
    except StorageError:
        path.unlink(missing_ok=True)
        raise
    return checkpoint


def _write_table(sink: _Counted, table: str, rows: pa.RecordBatchReader) -> Stream:
    import pyarrow as pa

    at, count = sink.size, 0
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        for batch in rows:
            writer.write_batch(batch)
            count += batch.num_rows
    return Stream(table, count, at, sink.size - at)


def _forget_cached(path: Path) -> None:
    """Ask the system to read the file from the disk next time; it may refuse."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def require_snapshot(folder: Path, checkpoint: Checkpoint) -> None:
    """Refuse a snapshot that is not what its checkpoint says.

    Raises:
        StorageError: ``store-damaged``, ``cannot-read``.
    """
    path = folder / checkpoint.file
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except FileNotFoundError as error:
        raise damaged(path, "the file is not there", hint=RESTORE) from error
    except OSError as error:
        raise cannot_read(path, error) from error
    if (size, digest.hexdigest()) != (checkpoint.size, checkpoint.sha256):
        reason = f"it is not the snapshot of line {checkpoint.revision} that was written; a compaction replaces it"
        raise damaged(path, reason, hint=RESTORE)


def read_snapshot(folder: Path, checkpoint: Checkpoint) -> Iterator[tuple[str, pa.RecordBatchReader]]:
    """The rows of each table of a snapshot that `require_snapshot` accepts, piece by piece.

    Raises:
        StorageError: ``store-damaged``, ``cannot-read``.
    """
    import pyarrow as pa

    path = folder / checkpoint.file
    try:
        with pa.memory_map(str(path)) as file:
            for part in checkpoint.tables:
                file.seek(part.at)
                yield part.table, pa.ipc.open_stream(file.read_buffer(part.size))
    except pa.ArrowInvalid as error:
        raise damaged(path, "it does not hold tables", hint=RESTORE) from error
    except OSError as error:
        raise cannot_read(path, error) from error
