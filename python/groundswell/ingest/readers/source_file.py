"""Opens a source file: copies pipes, decompresses, detects UTF-16, and checks that the file does not change."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import os
import re
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from groundswell.arrow_ipc import MAX_RATIO, max_unpacked_size
from groundswell.errors import InputError, StorageError
from groundswell.ingest.duckdb_session import literal
from groundswell.input_files import file_not_found, refuse_open_database, utf_16_encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MAX_COLUMNS",
    "SourceFile",
    "copy_to_file",
    "empty_fleet",
    "first_line",
    "max_rows",
    "not_a_table",
    "open_file",
    "too_many_columns",
    "unpacks_too_large",
]

HEAD: Final = 1 << 16
"""How many bytes are examined to detect the format."""
MAX_HEADER_LENGTH: Final = 1 << 20
MAX_COLUMNS: Final = 10_000
_GZIP: Final = b"\x1f\x8b"
_CHUNK_BYTES: Final = 1 << 20
_MIN_ROWS: Final = 1 << 20
"""A binary file may have this many rows, or as many rows as it has bytes if that is more."""
_MAX_PIPE: Final = 1 << 36
"""Maximum number of bytes copied from a pipe: five times an export of 100 million devices."""
_MIN_FREE: Final = 1 << 30
"""Copying a pipe leaves at least this many bytes free on the disk."""
_ARE_BYTES: Final = (b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")
_LINE_END: Final = re.compile(rb"[\r\n]")


class _Bounded:
    """Wraps a gzip file, and raises an error when more than `most` bytes are unpacked."""

    def __init__(self, unzipped: gzip.GzipFile, most: int, label: str) -> None:
        self._unzipped = unzipped
        self._most = most
        self._label = label
        self._done = 0

    def read(self, size: int = -1) -> bytes:
        left = self._most - self._done + 1
        data = self._unzipped.read(left if size < 0 else min(size, left))
        self._done += len(data)
        if self._done > self._most:
            raise unpacks_too_large(self._label)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unzipped, name)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source file, with its size and modification time when it was opened.

    Args:
        path: the file itself, or the copy of a pipe.
        label: the file's name in messages, as the caller wrote it.
        head: the first 64 KiB, uncompressed; up to 1 MiB if the first line is longer.
        gzipped: whether the file is compressed.
    """

    path: Path
    label: str
    head: bytes
    gzipped: bool
    stamp: tuple[int, int, int]

    @property
    def sql(self) -> str:
        """The path as an SQL literal for DuckDB: absolute (DuckDB expands ``~``), with wildcards escaped."""
        return literal("".join(f"[{c}]" if c in "*?[" else c for c in os.path.abspath(self.path)))  # noqa: PTH100

    @property
    def compression(self) -> str:
        """The value of DuckDB's option `compression`."""
        return "'gzip'" if self.gzipped else "'none'"

    @property
    def suffix(self) -> str:
        """The file extension in lower case, without that of the compression."""
        name = self.label.lower()
        return Path(name.removesuffix(".gz") if self.gzipped else name).suffix

    @contextlib.contextmanager
    def open(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Open for reading. Yields the uncompressed stream, and the file itself, whose position shows the progress."""
        with _reading(self.path, self.label), self.path.open("rb") as raw:
            if not self.gzipped:
                yield raw, raw
                return
            with gzip.GzipFile(fileobj=raw) as unzipped:
                yield _Bounded(unzipped, max_unpacked_size(self.stamp[0]), self.label), raw  # type: ignore[misc]  # implements the methods that are used

    def check(self) -> None:
        """Check that size and modification time are the same as when the file was opened.

        Raises:
            StorageError: ``file-changed``.
            NotFoundError: ``file-not-found``.
        """
        with _reading(self.path, self.label):
            now = _stamp(self.path.stat())
        if now != self.stamp:
            raise StorageError(
                "file-changed",
                f"`{self.label}` changed while it was being read",
                hint="read it again when no program writes to it, or read a copy",
                fields={"source": self.label},
            )


def open_file(path: Path, cleanup: contextlib.ExitStack) -> SourceFile:
    """Open a source file and read its beginning.

    Args:
        path: its path. A pipe is copied to a temporary file, because bad rows are read a second time.
        cleanup: removes the temporary file when it is closed.

    Raises:
        NotFoundError: ``file-not-found``.
        InputError: ``is-a-folder``; ``empty-fleet`` for an empty file; ``not-a-table`` for broken compression.
        StorageError: ``cannot-read``.
    """
    label = str(path)
    if "\0" in label:
        raise file_not_found(path)
    refuse_open_database(path)
    with _reading(path, label):
        if path.exists() and not path.is_file() and not path.is_dir():
            path = copy_to_file(path, label, cleanup)
        with path.open("rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            gzipped = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            head = _head(gzip.GzipFile(fileobj=file) if gzipped else file)
        source = SourceFile(path, label, head, gzipped, stamp)
        encoding = None if head.startswith(_ARE_BYTES) else utf_16_encoding(head)
        if encoding is not None:
            source = _in_utf_8(source, encoding, cleanup)
    if not source.head:
        raise InputError(
            "empty-fleet", f"`{label}` is empty", hint="give a file that has devices", fields={"source": label}
        )
    return source


def not_a_table(label: str, what: str, hint: str) -> InputError:
    """The error for a file that is not a table of devices; `what` continues the sentence “`FILE` …”."""
    return InputError("not-a-table", f"`{label}` {what}", hint=hint, fields={"source": label})


def too_many_columns(label: str) -> InputError:
    """The error for a file with more columns than `MAX_COLUMNS`."""
    return not_a_table(label, f"has more than {MAX_COLUMNS} columns", "export only the columns of a fleet")


def max_rows(size: int) -> int:
    """Maximum number of rows of a Parquet or Arrow file of `size` bytes."""
    return max(_MIN_ROWS, size)


def unpacks_too_large(label: str) -> InputError:
    """The error for a file whose unpacked size is too large for its file size."""
    return not_a_table(
        label,
        f"unpacks to more than {MAX_RATIO} times its size",
        "check that it is the right file, and unpack it first",
    )


def empty_fleet(label: str) -> InputError:
    """The error for a file without devices."""
    return InputError(
        "empty-fleet", f"`{label}` has no devices", hint="give a file that has some", fields={"source": label}
    )


def _in_utf_8(source: SourceFile, encoding: str, cleanup: contextlib.ExitStack) -> SourceFile:
    """Copy a UTF-16 file to UTF-8. Invalid UTF-16 becomes invalid UTF-8, and is reported later as a bad row."""
    copy = cleanup.enter_context(tempfile.NamedTemporaryFile(prefix="groundswell-"))  # noqa: SIM115 (`cleanup` closes it)
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    with source.open() as (text, _):
        rest = b""
        while piece := text.read(_CHUNK_BYTES):
            whole = len(rest) + len(piece) & ~1
            rest, piece = (rest + piece)[whole:], (rest + piece)[:whole]
            copy.write(decoder.decode(piece).encode("utf-8", "surrogatepass"))
        with contextlib.suppress(UnicodeDecodeError):
            copy.write(decoder.decode(b"", final=True).encode("utf-8", "surrogatepass"))
            rest = rest and b"\xff"
        copy.write(rest)
    copy.flush()
    source.check()
    copy.seek(0)
    return SourceFile(Path(copy.name), source.label, _head(copy), False, _stamp(os.stat(copy.name)))  # noqa: FBT003, PTH116


def first_line(head: bytes) -> bytes:
    """The first line of a text that is not empty."""
    return _LINE_END.split(head.lstrip(), 1)[0]


def _head(file: IO[bytes] | gzip.GzipFile) -> bytes:
    head = file.read(HEAD)
    return head if b"\n" in head or b"\r" in head else head + file.read(MAX_HEADER_LENGTH - HEAD)


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


def copy_to_file(path: Path, label: str, cleanup: contextlib.ExitStack) -> Path:
    """Copy a pipe or device to a temporary file. Refuse it if it does not begin like a table: it may never end."""
    copy = tempfile.NamedTemporaryFile(prefix="groundswell-")  # noqa: SIM115  (`cleanup` closes it)
    cleanup.enter_context(copy)
    with path.open("rb") as pipe:
        # Use read1, not read: it makes one system call at a time, and Ctrl-C takes effect between calls.
        head = pipe.read1(HEAD)
        is_text = _may_be_text(first_line(head)) or utf_16_encoding(head) is not None
        if not is_text and not head.startswith((_GZIP, *_ARE_BYTES)):
            raise not_a_table(
                label, "is not a table, or not in UTF-8", "give CSV, Parquet, JSON, NDJSON or Arrow, and text in UTF-8"
            )
        copy.write(head)
        done = len(head)
        while piece := pipe.read1(MAX_HEADER_LENGTH):
            done += len(piece)
            if done > _MAX_PIPE or shutil.disk_usage(copy.name).free < _MIN_FREE:
                raise _endless(label, done)
            copy.write(piece)
    copy.flush()
    return Path(copy.name)


def _may_be_text(line: bytes) -> bool:
    """Whether the first line has no NUL and is UTF-8; it may be cut off within a character."""
    if b"\0" in line:
        return False
    with contextlib.suppress(UnicodeDecodeError):
        codecs.getincrementaldecoder("utf-8")().decode(line)
        return True
    return False


def _endless(label: str, done: int) -> StorageError:
    return StorageError(
        "cannot-read",
        f"`{label}` did not end after {done >> 20} MiB, the most that can be copied",
        hint=f"a pipe is copied to a temporary file of at most {_MAX_PIPE >> 30} GiB, with {_MIN_FREE >> 30} GiB left"
        " free: set TMPDIR to a larger disk, or write it to a file and read that",
        fields={"path": label, "reason": "too large", "bytes": done},
    )


@contextlib.contextmanager
def _reading(path: Path, label: str) -> Iterator[None]:
    """Convert an OSError during a read to an error for the user."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise file_not_found(path) from error
    except IsADirectoryError as error:
        raise InputError("is-a-folder", f"`{label}` is a folder", hint="give a file", fields={"path": label}) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise not_a_table(
            label, "is truncated or damaged: it cannot be decompressed", "fetch the file again"
        ) from error
    except OSError as error:
        raise StorageError(
            "cannot-read",
            f"`{label}` cannot be read: {error.strerror or error}",
            hint="get permission to read it, or copy it to a folder that you can read",
            fields={"path": label, "reason": error.strerror or str(error)},
        ) from error
