"""Segments: files that hold the small payloads of many lines, one after another.

A segment begins with the first line after a checkpoint, so that a later checkpoint makes whole segments disposable. A
payload is on the disk before its line is written. What a crash leaves behind the last payload is never referred to.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from groundswell.files import sync_folder
from groundswell.store.audit.lines import segment_name, sequence_of
from groundswell.store.faults import cannot_write
from groundswell.store.process import Descriptor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Segments"]

_MAX_SEGMENT: Final = 64 << 20
"""Bytes after which the next line begins a new segment."""


class Segments:
    """Appends payloads to the newest segment of a folder. The caller is the one writer."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._file: Descriptor | None = None
        self._name = ""
        self._size = 0
        self._before: int | None = None
        self._floor = 0

    def append(self, payloads: Sequence[bytes], *, seq: int) -> tuple[str, list[int]]:
        """Write the payloads of a line, and have them on the disk when this returns.

        Returns:
            The name of the segment, and the offset of each payload.

        Raises:
            StorageError: ``cannot-write``.
        """
        self._before = None
        try:
            file = self._opened(seq)
            self._size = begin = os.fstat(file).st_size
            self._before = begin
            offsets = []
            for payload in payloads:
                offsets.append(self._size)
                _write_all(file, payload)
                self._size += len(payload)
            os.fsync(file)
        except OSError as error:
            self.take_back()
            raise cannot_write(self._folder / (self._name or segment_name(seq)), error) from error
        return self._name, offsets

    def take_back(self) -> None:
        """Remove what was appended last, as far as the disk allows: no line refers to it."""
        if self._before is not None and self._file is not None and self._file.fileno() >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), self._before)
                self._size = self._before
        self._before = None

    def begin_after(self, revision: int) -> None:
        """Append no more to segments that a checkpoint of this revision makes disposable."""
        if revision > self._floor:
            self.close()
            self._floor = revision

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._name, self._before = "", None

    def _opened(self, seq: int) -> int:
        if self._file is None:
            starts = [start for one in _names(self._folder) if (start := sequence_of(one, ".segment")) is not None]
            self._open(segment_name(max((start for start in starts if self._floor < start <= seq), default=seq)))
        elif self._size > _MAX_SEGMENT:
            self._open(segment_name(seq))
        assert self._file is not None  # noqa: S101 - `_open` opened it
        return self._file.fileno()

    def _open(self, name: str) -> None:
        self.close()
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700)
            sync_folder(self._folder.parent)
        path = self._folder / name
        new = not path.exists()
        file = Descriptor(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        if new:
            sync_folder(self._folder)
        self._file, self._name = file, name


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
