"""The text of a UUID list: read within a bound, and brought to an encoding that the core reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Final

from groundswell.errors import InputError
from groundswell.input_files import read_file, read_text, utf_16_encoding

__all__ = ["list_text", "read_list"]

MAX_LIST_BYTES: Final = 4 << 30
"""Maximum size of a file or text that is read as a list: 115 million UUIDs."""
MAX_STREAM_BYTES: Final = 1 << 29
"""Maximum size of a list in a pipe, which may be endless: 14 million UUIDs."""


def list_text(source: str | bytes | bytearray | memoryview | os.PathLike[str], name: str) -> tuple[bytes, str]:
    """Get the text of a list in an encoding that the core reads, and the list's name in messages.

    Args:
        source: a path, or the text itself.
        name: the name; the path if it is empty.

    Raises:
        InputError: ``bad-argument``; ``is-a-folder``; ``list-too-large``.
        NotFoundError: ``file-not-found``.
        StorageError: ``cannot-read``.
    """
    if isinstance(source, os.PathLike):
        path = Path(source)
        name = name or str(path)
        data = read_file(path, read=lambda file: read_list(file, name))
    elif isinstance(source, str):
        # A lone surrogate (a command-line byte that is not UTF-8) is encoded to bytes that the core refuses.
        data = source.encode("utf-8", "surrogatepass")
    else:
        try:
            data = source if isinstance(source, bytes) else bytes(memoryview(source))
        except TypeError:
            raise InputError(
                "bad-argument",
                f"the argument `source` is `{ascii(source)[:60]}`, not a text, bytes or a path",
                hint="give the text of the list; `UuidList.of` takes a Python list",
                fields={"argument": "source", "type": type(source).__name__},
            ) from None
    if len(data) > MAX_LIST_BYTES:
        raise _too_large(name, MAX_LIST_BYTES)
    return _as_core_text(data), name


def read_list(file: IO[bytes], name: str) -> bytes:
    """Read the text of a list from an open file or a pipe.

    Args:
        file: the list.
        name: its name in messages.

    Raises:
        InputError: ``list-too-large``.
    """
    return read_text(
        file,
        file_limit=MAX_LIST_BYTES,
        stream_limit=MAX_STREAM_BYTES,
        too_large=lambda limit: _too_large(name, limit),
    )


def _too_large(name: str, limit: int) -> InputError:
    hint = "check that it is the right list"
    if limit == MAX_STREAM_BYTES:
        hint += f"; a file given by its path may have up to {MAX_LIST_BYTES} bytes"
    return InputError(
        "list-too-large",
        f"the list `{name}` is larger than {limit} bytes",
        hint=hint,
        fields={"list": name, "max_bytes": limit},
    )


def _as_core_text(data: bytes) -> bytes:
    """Convert UTF-16 without a byte-order mark to UTF-8; return any other data unchanged."""
    encoding = utf_16_encoding(data[:64])
    if encoding is None or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data
    if len(data) % 2:
        return data  # an odd number of bytes: the core refuses the zero bytes
    # A lone surrogate is encoded to bytes that are not UTF-8, which the core refuses.
    return data.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
