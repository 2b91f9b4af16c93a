"""Files that are read: what is said when one is not there or cannot be read."""

from __future__ import annotations

import codecs
import contextlib
import itertools
import os
import stat
from typing import IO, TYPE_CHECKING, Final

from groundswell import _core
from groundswell.errors import InputError, NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "file_not_found",
    "open_databases",
    "read_file",
    "read_text",
    "refuse_open_database",
    "utf_16_encoding",
]

open_databases: Final[set[tuple[int, int]]] = set()
"""The databases that stores of this process have open, by device and inode."""

_HEAD: Final = 1 << 16
_PIECE: Final = 1 << 26
_MAX_UTF_16_UNITS: Final = 16
"""How many UTF-16 units are examined where there is no byte-order mark."""
_MIN_UTF_16_UNITS: Final = 4
_ASCII_TEXT: Final = frozenset(b"\t\n\r" + bytes(range(32, 127)))
_NEIGHBOURS: Final = 10_000
"""How many names of a folder are compared with one that is not there."""


def read_file(path: Path, *, at_most: int | None = None, read: Callable[[IO[bytes]], bytes] | None = None) -> bytes:
    """Read a file whole.

    Args:
        path: the file.
        at_most: how many bytes are enough; None for all of them. What is longer is cut there.
        read: reads the open file instead, by bounds of its own.

    Raises:
        NotFoundError: ``file-not-found``, with the nearest name of the folder as a hint.
        InputError: ``is-a-folder``; ``bad-source`` for the database of an open factory.
        StorageError: ``cannot-read``: no permission, an error of the disk.

    >>> from pathlib import Path
    >>> read_file(Path("no/such/file"))
    Traceback (most recent call last):
    groundswell.errors.NotFoundError: there is no file `no/such/file`
    """
    refuse_open_database(path)
    try:
        with path.open("rb") as file:
            if read is not None:
                return read(file)
            return file.read() if at_most is None else _read_up_to(file, at_most)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        # ValueError: a name with a NUL in it, which no file has.
        raise file_not_found(path) from error
    except IsADirectoryError as error:
        raise InputError(
            "is-a-folder", f"`{path}` is a folder", hint="name a file", fields={"path": str(path)}
        ) from error
    except OSError as error:
        raise StorageError(
            "cannot-read",
            f"`{path}` cannot be read: {error.strerror or error}",
            hint="get permission to read it, or copy it to where you have it",
            fields={"path": str(path), "reason": error.strerror or str(error)},
        ) from error


def refuse_open_database(path: Path) -> None:
    """Refuse to read a database that a store of this process has open, under any name.

    To close a descriptor of the file would release DuckDB's lock on it.

    Raises:
        InputError: ``bad-source``.
    """
    if not open_databases:
        return
    with contextlib.suppress(OSError, ValueError):  # what cannot be found is told when it is read
        about = path.stat()
        if (about.st_dev, about.st_ino) in open_databases:
            raise InputError(
                "bad-source",
                f"`{path}` is the database of a factory that is open",
                hint="name another file; a backup copies a factory",
                fields={"path": str(path)},
            )


def read_text(file: IO[bytes], *, file_limit: int, stream_limit: int, too_large: Callable[[int], Exception]) -> bytes:
    """Read a text whole, within one limit for regular files and another for what may be endless.

    What holds a NUL and is not UTF-16 is not text: the rest of it is not read.

    Args:
        file: the text: a regular file, a pipe, a device, or an object without a file descriptor.
        file_limit: the most bytes of a regular file, which is refused by its size before it is read.
        stream_limit: the most bytes of anything else.
        too_large: makes the error for a text that is larger than the limit, which it is told.

    Returns:
        The text; what is not text is cut after the NUL.

    >>> import io
    >>> read_text(io.BytesIO(b"abc"), file_limit=9, stream_limit=3, too_large=ValueError)
    b'abc'
    """
    size = _size_of(file)
    limit = stream_limit if size is None else file_limit
    if size is not None and size > limit:
        raise too_large(limit)
    head = file.read(min(_HEAD, limit + 1))
    is_text = b"\0" not in head or utf_16_encoding(head) is not None
    if size is not None and is_text:
        # At once: pieces would be in memory twice. A hole of a sparse file is NULs, and is not read.
        file.seek(-len(head), os.SEEK_CUR)
        pieces = [file.read(min(size, _length_before_hole(file)) + 1)]
    else:
        pieces = [head]
    total = len(pieces[0])
    while is_text and total <= limit and (piece := file.read(min(_PIECE, limit + 1 - total))):
        pieces.append(piece)
        total += len(piece)
        is_text = b"\0" not in piece or utf_16_encoding(head) is not None
    if total > limit:
        raise too_large(limit)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _size_of(file: IO[bytes]) -> int | None:
    """How many bytes of a regular file are left to read; None for what has no size, such as a pipe."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_size:  # files of /proc have the size 0
            return max(0, status.st_size - file.tell())
    return None


def _length_before_hole(file: IO[bytes]) -> int:
    """The offset of the first hole of a sparse file, or of the end of the file."""
    descriptor = file.fileno()
    at = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        return os.lseek(descriptor, 0, os.SEEK_HOLE)
    except (OSError, AttributeError):  # the system or the file system does not tell
        return os.fstat(descriptor).st_size
    finally:
        os.lseek(descriptor, at, os.SEEK_SET)  # what `file` has in its buffer ends there


def _read_up_to(file: IO[bytes], at_most: int) -> bytes:
    """Read so many bytes at most; memory is taken for what is there, not for what may be read."""
    pieces: list[bytes] = []
    while at_most > 0 and (piece := file.read(min(at_most, _PIECE))):
        pieces.append(piece)
        at_most -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def file_not_found(path: Path) -> NotFoundError:
    """The error for a file that is not there; its hint names the nearest file of the folder, if one is near."""
    near: list[str] = []
    with contextlib.suppress(OSError, ValueError):
        names = [entry.name for entry in itertools.islice(path.parent.iterdir(), _NEIGHBOURS)]
        near = [str(path.with_name(name)) for name in _core.nearest(path.name, names, at_most=1)]
    return NotFoundError(
        "file-not-found",
        f"there is no file `{path}`",
        hint=f"did you mean `{near[0]}`?" if near else "check the name and the folder",
        fields={"path": str(path), "nearest": near},
    )


def utf_16_encoding(head: bytes) -> str | None:
    """The encoding of text in UTF-16: by its byte-order mark, or by the zero bytes next to ASCII characters.

    Args:
        head: the beginning of a file.

    Returns:
        ``utf-16-le`` or ``utf-16-be``; None for anything else. Without a mark, 4 ASCII characters are
        required.

    >>> utf_16_encoding("uuid".encode("utf-16-be")), utf_16_encoding(b"uuid")
    ('utf-16-be', None)
    """
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        # Two zero bytes after the mark make it that of UTF-32.
        if head.startswith(mark) and head[2:4] != b"\0\0":
            return encoding
    start = head[: 2 * _MAX_UTF_16_UNITS]
    for zeros, others, encoding in ((start[1::2], start[::2], "utf-16-le"), (start[::2], start[1::2], "utf-16-be")):
        if len(zeros) >= _MIN_UTF_16_UNITS and not any(zeros) and all(c in _ASCII_TEXT for c in others):
            return encoding
    return None
