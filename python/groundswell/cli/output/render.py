"""How results leave the program: readable without colour, data on stdout, the rest on stderr.

This module is the only one that writes to a terminal (tests/architecture checks it). Names of files, groups and
devices, arguments, and texts of exceptions come from outside, so every line is escaped here (`printable`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from groundswell.errors import InputError, StorageError
from groundswell.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groundswell.ingest.read import ReadReport

__all__ = [
    "ReaderGoneError",
    "clear_screen",
    "columns",
    "confirm",
    "count",
    "is_plain",
    "json_text",
    "note",
    "print_text",
    "printable",
    "say",
    "say_lines",
    "stdout_stream",
    "tell_report",
    "write_output",
]

_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\n]")


def is_plain() -> bool:
    """Whether the terminal wants text alone: ``NO_COLOR`` is set (no-color.org), or ``TERM`` is ``dumb``."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def columns() -> int | None:
    """How many characters fit on a line; None where nothing limits it.

    A terminal limits it, and so does ``COLUMNS``. In a pipe or a file nothing is cut off.
    """
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given[:9]) > 0:
        return int(given[:9])
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or not a terminal
        if sys.stdout.isatty():
            return os.get_terminal_size(sys.stdout.fileno()).columns or None
    return None


def clear_screen() -> None:
    """Clear a terminal that can; on one that cannot, begin a new paragraph."""
    if os.environ.get("TERM") == "dumb":
        click.echo()
    else:
        click.clear()


def say(text: str, *, label: str = "", color: str = "") -> None:
    """Write one line to stderr.

    Args:
        text: the line; what a terminal would obey is escaped, line breaks too.
        label: what stands before it, such as ``error:``.
        color: the color of the label on a terminal.
    """
    styled = click.style(label, fg=color, bold=True) if color and not is_plain() else label
    click.echo(f"{styled} {printable(text)}" if label else printable(text), err=True)


def say_lines(text: str) -> None:
    """Write some lines to stderr, each escaped."""
    for line in text.split("\n"):
        say(line)


def note(text: str) -> None:
    """Write a note to stderr."""
    say(text, label="note:")


def confirm(question: str) -> bool:
    """Ask a question on stderr; whether the answer is yes.

    Raises:
        click.Abort: if the input ends, or at Ctrl-C.
    """
    return click.confirm(printable(question), err=True)


def json_text(data: Any) -> str:
    r"""JSON for a terminal or a program: two spaces an indent; what a terminal would obey is escaped as JSON does.

    >>> json_text(["ü", "\x9b2J", "\u202e", "\ud800"])
    '[\n  "ü",\n  "\\u009b2J",\n  "\\u202e",\n  "\\ud800"\n]'
    """
    return _UNPRINTABLE.sub(_escaped, json.dumps(data, ensure_ascii=False, indent=2))


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def tell_report(report: ReadReport) -> None:
    """Tell on stderr what was found while a fleet was read."""
    for text in report.notes:
        note(text)


class ReaderGoneError(Exception):
    """Whoever read stdout has stopped reading, as ``head`` does."""


def _to_stdout(data: bytes) -> None:
    rest = memoryview(data)
    with _stdout_told():
        while rest:
            # Unbuffered (PYTHONUNBUFFERED), a write may take a part and say so by its number only.
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def _stdout_told() -> Iterator[None]:
    try:
        yield
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


@contextlib.contextmanager
def stdout_stream() -> Iterator[IO[bytes]]:
    """Stdout for bytes that are written piece by piece.

    Raises:
        InputError: ``is-a-terminal``.
        ReaderGoneError, StorageError: as `print_text`.
    """
    if sys.stdout.isatty():
        raise InputError(
            "is-a-terminal",
            "stdout is a terminal, and the output is not text",
            hint="name a file, or pipe it to a program",
            fields={"path": "stdout"},
        )
    with _stdout_told():
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Print a command's data on stdout: a reader that has gone, or a full disk, is no bug."""
    _to_stdout(text.encode())


def write_output(data: bytes, output: str | None) -> None:
    """Write a command's data to stdout, or to a file that is replaced as a whole."""
    if output is None:
        _to_stdout(data)
        return
    from groundswell.outputs import output_file

    with output_file(Path(output)) as file:
        file.write(data)
