"""A file that devices are read from: is it there, what is it, and did it hold still."""

from __future__ import annotations

import contextlib
import gzip
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from groundswell.errors import InputError, StorageError
from groundswell.fleet.engine import literal
from groundswell.input_files import file_not_found

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SourceFile", "empty_fleet", "not_a_table", "open_file"]

HEAD: Final = 1 << 16
"""How many bytes are looked at before a long read is begun."""
LONGEST_HEADER: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was when it was opened.

    Args:
        path: where the bytes are: the file itself, or a copy of a pipe.
        label: what the caller called it.
        head: the first 64 KiB, uncompressed; up to 1 MiB if no line ends before.
        gzipped: whether the bytes are compressed.
    """

    path: Path
    label: str
    head: bytes
    gzipped: bool
    stamp: tuple[int, int, int]

    @property
    def sql(self) -> str:
        """The path as DuckDB's SQL: absolute, since ``~`` has a meaning there, and with its wildcards disarmed."""
        return literal("".join(f"[{c}]" if c in "*?[" else c for c in os.path.abspath(self.path)))  # noqa: PTH100

    @property
    def compression(self) -> str:
        """The same for DuckDB's option."""
        return "'gzip'" if self.gzipped else "'none'"

    @property
    def suffix(self) -> str:
        """The ending of the name, in lower case, that of the compression left out."""
        name = self.label.lower()
        return Path(name.removesuffix(".gz") if self.gzipped else name).suffix

    @contextlib.contextmanager
    def open(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Open for reading: the uncompressed bytes, and the file itself, whose position tells the progress."""
        with _reading(self.path, self.label), self.path.open("rb") as raw:
            if not self.gzipped:
                yield raw, raw
                return
            with gzip.GzipFile(fileobj=raw) as unzipped:
                yield unzipped, raw  # type: ignore[misc]  # a GzipFile is all that is asked of an IO[bytes]

    def check(self) -> None:
        """Make sure that the file is what it was when it was opened.

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
                hint="read it again when nothing writes to it any more, or read a copy",
                fields={"source": self.label},
            )


def open_file(path: Path, cleanup: contextlib.ExitStack) -> SourceFile:
    """Look at a file before it is read.

    Args:
        path: its path; a pipe is copied first, since rows may have to be read twice.
        cleanup: removes that copy in the end.

    Raises:
        NotFoundError: ``file-not-found``.
        InputError: ``is-a-folder``; ``empty-fleet`` for an empty file; ``not-a-table`` for broken compression.
        StorageError: ``cannot-read``.
    """
    label = str(path)
    with _reading(path, label):
        if path.exists() and not path.is_file() and not path.is_dir():
            path = _copied(path, label, cleanup)
        with path.open("rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            gzipped = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            head = _head(gzip.GzipFile(fileobj=file) if gzipped else file)
    if not head:
        raise InputError(
            "empty-fleet", f"`{label}` is empty", hint="give a file that has devices", fields={"source": label}
        )
    return SourceFile(path, label, head, gzipped, stamp)


def not_a_table(label: str, what: str, hint: str) -> InputError:
    """The error for a file that cannot hold devices; `what` reads on from the file."""
    return InputError("not-a-table", f"`{label}` {what}", hint=hint, fields={"source": label})


def empty_fleet(label: str) -> InputError:
    """The error for a file that is an export of no devices."""
    return InputError(
        "empty-fleet", f"`{label}` has no devices", hint="give a file that has some", fields={"source": label}
    )


def _head(file: IO[bytes] | gzip.GzipFile) -> bytes:
    head = file.read(HEAD)
    return head if b"\n" in head or b"\r" in head else head + file.read(LONGEST_HEADER - HEAD)


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


def _copied(path: Path, label: str, cleanup: contextlib.ExitStack) -> Path:
    """Copy what is no regular file, unless its beginning shows that it is no table (and may never end)."""
    copy = tempfile.NamedTemporaryFile(prefix="groundswell-")  # noqa: SIM115  (`cleanup` closes it)
    cleanup.enter_context(copy)
    with path.open("rb") as pipe:
        # read1, not read: one call into the system at a time, between which Ctrl-C is heard.
        head = pipe.read1(HEAD)
        if b"\0" in head and not head.startswith((_GZIP, b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")):
            raise not_a_table(label, "is no table", "give a CSV, Parquet, JSON, NDJSON or Arrow file")
        copy.write(head)
        while piece := pipe.read1(LONGEST_HEADER):
            copy.write(piece)
    copy.flush()
    return Path(copy.name)


@contextlib.contextmanager
def _reading(path: Path, label: str) -> Iterator[None]:
    """Say in the user's words what went wrong while a file was read."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise file_not_found(path) from error
    except IsADirectoryError as error:
        raise InputError("is-a-folder", f"`{label}` is a folder", hint="name a file", fields={"path": label}) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise not_a_table(label, "is cut off or damaged: it does not unzip", "fetch the file again") from error
    except OSError as error:
        raise StorageError(
            "cannot-read",
            f"`{label}` cannot be read: {error.strerror or error}",
            hint="get permission to read it, or copy it to where you have it",
            fields={"path": label, "reason": error.strerror or str(error)},
        ) from error
