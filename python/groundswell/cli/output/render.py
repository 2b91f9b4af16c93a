"""Writes to stdout (data) and stderr (everything else). Output is readable without colour.

No other module writes to a terminal (tests/architecture checks this). File names, device names, arguments and
exception texts are untrusted, so every line is escaped here (`printable`).
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
    "print_report",
    "print_text",
    "printable",
    "say",
    "say_lines",
    "stdout_stream",
    "write_output",
]

_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\n]")


def is_plain() -> bool:
    """Whether to print without colour: ``NO_COLOR`` is set (no-color.org), or ``TERM`` is ``dumb``."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def columns() -> int | None:
    """The number of characters per line; None for no limit.

    The width of the terminal, or ``COLUMNS``. In a pipe or a file nothing is cropped.
    """
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given[:9]) > 0:
        return int(given[:9])
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or not a terminal
        if sys.stdout.isatty():
            return os.get_terminal_size(sys.stdout.fileno()).columns or None
    return None


def clear_screen() -> None:
    """Clear the terminal. On a plain one, print an empty line instead."""
    if os.environ.get("TERM") == "dumb":
        click.echo()
    else:
        click.clear()


_MAX_ANSWER: Final = 1024


def say(text: str, *, label: str = "", color: str = "") -> None:
    """Write one line to stderr.

    Args:
        text: the line; control characters are escaped, line breaks included.
        label: a prefix, such as ``error:``.
        color: the color of the label on a terminal.
    """
    styled = click.style(label, fg=color, bold=True) if color and not is_plain() else label
    click.echo(f"{styled} {printable(text)}" if label else printable(text), err=True)


def say_lines(text: str) -> None:
    """Write several lines to stderr; each is escaped."""
    for line in text.split("\n"):
        say(line)


def note(text: str) -> None:
    """Write a note to stderr."""
    say(text, label="note:")


def confirm(question: str) -> bool:
    """Ask a question on stderr, and read the answer from the terminal. True if it is yes; an empty answer is no.

    Raises:
        EOFError: at the end of the input.
        KeyboardInterrupt: on Ctrl-C.
    """
    while True:
        click.echo(f"{printable(question)} [y/N]: ", nl=False, err=True)
        # Read bytes: an answer that is not UTF-8 is asked for again, too.
        line = sys.stdin.buffer.readline(_MAX_ANSWER).decode("utf-8", "replace")
        if not line:
            raise EOFError
        if "\x03" in line:  # a terminal that does not turn Ctrl-C into a signal
            raise KeyboardInterrupt
        answer = line.strip().lower()
        if answer in {"y", "yes", "n", "no", ""}:
            return answer.startswith("y")
        say("answer y or n")


def json_text(data: Any) -> str:
    r"""Serialise to JSON, indented by two spaces. Control and format characters are escaped as ``\uXXXX``.

    >>> json_text(["ü", "\x9b2J", "\u202e", "\ud800"])
    '[\n  "ü",\n  "\\u009b2J",\n  "\\u202e",\n  "\\ud800"\n]'
    """
    return _UNPRINTABLE.sub(_escaped, json.dumps(data, ensure_ascii=False, indent=2))


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def print_report(report: ReadReport) -> None:
    """Print the notes of a read report on stderr."""
    for text in report.notes:
        note(text)


class ReaderGoneError(Exception):
    """The reader of stdout has closed the pipe, as ``head`` does."""


def _to_stdout(data: bytes) -> None:
    rest = memoryview(data)
    with _stdout_errors():
        while rest:
            # With PYTHONUNBUFFERED a write may be partial: it returns the number of bytes written.
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def _stdout_errors() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        # Do not leave it to click, which would exit with an error.
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
    """Stdout as a binary stream.

    Raises:
        InputError: ``is-a-terminal``.
        ReaderGoneError, StorageError: as `print_text`.
    """
    if sys.stdout.isatty():
        raise InputError(
            "is-a-terminal",
            "stdout is a terminal, but the output is binary",
            hint="give a file, or pipe the output to a program",
            fields={"path": "stdout"},
        )
    with _stdout_errors():
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Print a command's data on stdout.

    Raises:
        ReaderGoneError: the reader has closed the pipe.
        StorageError: ``cannot-write``, for example because the disk is full.
    """
    _to_stdout(text.encode())


def write_output(data: bytes, output: str | None) -> None:
    """Write a command's data to stdout (None or ``-``), or to a file, which is replaced atomically."""
    if output is None or output == "-":
        _to_stdout(data)
        return
    from groundswell.outputs import output_file

    with output_file(Path(output)) as file:
        file.write(data)
