"""How results look on a terminal: readable without colour, data on stdout, the rest on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundswell.errors import StorageError
from groundswell.wording import count

if TYPE_CHECKING:
    from groundswell.fleet.read import ReadReport

__all__ = ["ReaderGoneError", "count", "note", "print_text", "printable", "tell_report", "write_output"]


def printable(text: str) -> str:
    r"""A text from a fleet on one line, its control characters escaped: terminals obey them.

    >>> printable("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def note(text: str) -> None:
    """Tell something on stderr."""
    click.echo(f"note: {text}", err=True)


def tell_report(report: ReadReport) -> None:
    """Tell on stderr what was found while a fleet was read."""
    for text in report.notes:
        note(text)


class ReaderGoneError(Exception):
    """Whoever read stdout has stopped reading, as ``head`` does."""


def _to_stdout(data: bytes) -> None:
    rest = memoryview(data)
    try:
        while rest:
            # Unbuffered (PYTHONUNBUFFERED), a write may take a part and say so by its number only.
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        # Not left to click, which would make it a failure.
        raise ReaderGoneError from error
    except OSError as error:
        raise StorageError(
            "cannot-write",
            f"stdout cannot be written: {error.strerror or error}",
            hint="free space, or write to another file with -o",
            fields={"path": "stdout", "reason": error.strerror or str(error)},
        ) from error


def print_text(text: str) -> None:
    """Print a command's data on stdout: a reader that has gone, or a full disk, is no bug."""
    _to_stdout(text.encode())


def write_output(data: bytes, output: str | None) -> None:
    """Write a command's data to stdout, or to a file that is replaced as a whole."""
    if output is None:
        _to_stdout(data)
        return
    from groundswell.files import replace_file

    with replace_file(Path(output)) as file:
        file.write(data)
