"""Reads input files, and raises helpful errors for files that do not exist or cannot be read."""

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
"""(st_dev, st_ino) of the databases that stores of this process have open."""

_HEAD_BYTES: Final = 1 << 16
_CHUNK_BYTES: Final = 1 << 26
_MAX_UTF_16_UNITS: Final = 16
"""How many UTF-16 code units are examined if there is no byte-order mark."""
_MIN_UTF_16_UNITS: Final = 4
_ASCII_TEXT: Final = frozenset(b"\t\n\r" + bytes(range(32, 127)))
_MAX_NAMES_COMPARED: Final = 10_000
"""How many names of a folder are compared with the name of a missing file."""


def read_file(path: Path, *, at_most: int | None = None, read: Callable[[IO[bytes]], bytes] | None = None) -> bytes:
    """Read a whole file.

    Args:
        path: the file.
        at_most: read at most this many bytes (default: all).
        read: a function that reads the open file instead, with its own limits.

    Raises:
        NotFoundError: ``file-not-found``; the hint is the most similar name in the folder.
        InputError: ``is-a-folder``; ``bad-source`` for the database of an open factory.
        StorageError: ``cannot-read``: no permission, or a disk error.

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
        # ValueError: the name contains NUL, so no such file can exist.
        raise file_not_found(path) from error
    except IsADirectoryError as error:
        raise InputError(
            "is-a-folder", f"`{path}` is a folder", hint="give a file", fields={"path": str(path)}
        ) from error
    except OSError as error:
        raise StorageError(
            "cannot-read",
            f"`{path}` cannot be read: {error.strerror or error}",
            hint="get permission to read it, or copy it to a folder that you can read",
            fields={"path": str(path), "reason": error.strerror or str(error)},
        ) from error


def refuse_open_database(path: Path) -> None:
    """Refuse to read a database that a store of this process has open, under any path (links included).

    Closing any descriptor of the file would release DuckDB's POSIX lock on it.

    Raises:
        InputError: ``bad-source``.
    """
    if not open_databases:
        return
    with contextlib.suppress(OSError, ValueError):  # reading the file reports these errors
        status = path.stat()
        if (status.st_dev, status.st_ino) in open_databases:
            raise InputError(
                "bad-source",
                f"`{path}` is the database of a factory that is open",
                hint="choose another file; to copy a factory, make a backup",
                fields={"path": str(path)},
            )


def read_text(file: IO[bytes], *, file_limit: int, stream_limit: int, too_large: Callable[[int], Exception]) -> bytes:
    """Read a whole text, with one size limit for regular files and another for streams, which may be endless.

    Data that contains NUL and is not UTF-16 is not text: reading stops there.

    Args:
        file: the text: a regular file, a pipe, a device, or an object without a file descriptor.
        file_limit: maximum size of a regular file in bytes; a larger one is refused before it is read.
        stream_limit: maximum size of anything else.
        too_large: called with the limit; makes the error for a text that exceeds it.

    Returns:
        The text. Data that is not text ends in the piece with the NUL.

    >>> import io
    >>> read_text(io.BytesIO(b"abc"), file_limit=9, stream_limit=3, too_large=ValueError)
    b'abc'
    """
    size = _size_of(file)
    limit = stream_limit if size is None else file_limit
    head = file.read(min(_HEAD_BYTES, limit + 1))
    is_text = b"\0" not in head or utf_16_encoding(head) is not None
    if is_text and size is not None and size > limit:
        raise too_large(limit)
    if size is not None and is_text:
        # One read: joining pieces would need the memory twice. Stop at a hole of a sparse file: it reads as NULs.
        file.seek(-len(head), os.SEEK_CUR)
        pieces = [file.read(min(size, _length_before_hole(file)) + 1)]
    else:
        pieces = [head]
    total = len(pieces[0])
    while is_text and total <= limit and (piece := file.read(min(_CHUNK_BYTES, limit + 1 - total))):
        pieces.append(piece)
        total += len(piece)
        is_text = b"\0" not in piece or utf_16_encoding(head) is not None
    if total > limit:
        raise too_large(limit)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _size_of(file: IO[bytes]) -> int | None:
    """How many bytes of a regular file are left to read; None if the size is unknown, as for a pipe."""
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
    except (OSError, AttributeError):  # no support by the system or the file system
        return os.fstat(descriptor).st_size
    finally:
        os.lseek(descriptor, at, os.SEEK_SET)  # the descriptor was at the end of the buffer of `file`


def _read_up_to(file: IO[bytes], at_most: int) -> bytes:
    """Read at most this many bytes. Allocates memory for the bytes that exist, not for `at_most`."""
    pieces: list[bytes] = []
    while at_most > 0 and (piece := file.read(min(at_most, _CHUNK_BYTES))):
        pieces.append(piece)
        at_most -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def file_not_found(path: Path) -> NotFoundError:
    """The error for a missing file; its hint is the most similar name in the folder, if one is similar enough."""
    near: list[str] = []
    if path.is_symlink():
        return NotFoundError(
            "file-not-found",
            f"there is no file `{path}`: it is a symbolic link to `{os.readlink(path)}`, which does not exist",  # noqa: PTH115
            hint="mend the link, or name the file itself",
            fields={"path": str(path), "nearest": near},
        )
    with contextlib.suppress(OSError, ValueError):
        names = [entry.name for entry in itertools.islice(path.parent.iterdir(), _MAX_NAMES_COMPARED)]
        near = [str(path.with_name(name)) for name in _core.nearest(path.name, names, at_most=1)]
    return NotFoundError(
        "file-not-found",
        f"there is no file `{path}`",
        hint=f"did you mean `{near[0]}`?" if near else "check the name and the folder",
        fields={"path": str(path), "nearest": near},
    )


def utf_16_encoding(head: bytes) -> str | None:
    """Detect UTF-16 by its byte-order mark, or by the zero bytes between ASCII characters.

    Args:
        head: the beginning of a file.

    Returns:
        ``utf-16-le`` or ``utf-16-be``; None for any other encoding. Without a byte-order mark, at least 4 ASCII
        characters are required.

    >>> utf_16_encoding("uuid".encode("utf-16-be")), utf_16_encoding(b"uuid")
    ('utf-16-be', None)
    """
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        # The little-endian mark followed by two zero bytes is the byte-order mark of UTF-32.
        if head.startswith(mark) and head[2:4] != b"\0\0":
            return encoding
    start = head[: 2 * _MAX_UTF_16_UNITS]
    for zeros, others, encoding in ((start[1::2], start[::2], "utf-16-le"), (start[::2], start[1::2], "utf-16-be")):
        if len(zeros) >= _MIN_UTF_16_UNITS and not any(zeros) and all(c in _ASCII_TEXT for c in others):
            return encoding
    return None
