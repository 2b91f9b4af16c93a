"""Reads a source of devices from stdin (``-`` or ``@-``), in any file format."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["is_stdin", "sources_of", "spooled_stdin"]

_STDIN: Final = "/dev/stdin"
_WORDS: Final = ("-", "@-")


def is_stdin(word: str | None) -> bool:
    """Whether an argument means stdin."""
    return word in (*_WORDS, _STDIN)


def sources_of(words: Sequence[str], lists: Sequence[str | None] = ()) -> list[str]:
    """The paths of sources; ``-`` and ``@-`` become the path of stdin.

    Args:
        words: the sources as typed.
        lists: the arguments that are lists of UUIDs, where ``@-`` is stdin, too.

    Raises:
        click.UsageError: several of them read stdin.
    """
    readers = sum(map(is_stdin, words)) + sum(one in {"@-", f"@{_STDIN}"} for one in lists)
    if readers > 1 and any(map(is_stdin, words)):
        raise click.UsageError("stdin can be read once: use a file for all but one of the arguments that read it")
    return [_STDIN if word in _WORDS else word for word in words]


@contextlib.contextmanager
def spooled_stdin(sources: Sequence[str]) -> Iterator[None]:
    """If a source is stdin, copy stdin to a temporary file before the command locks the factory.

    Otherwise a program that writes to our stdin and needs the same factory would deadlock.
    """
    path = Path(_STDIN)
    if _STDIN not in sources or not path.exists() or path.is_file():
        yield
        return
    from groundswell.ingest.readers.source_file import copy_to_file

    with contextlib.ExitStack() as cleanup:
        copy = copy_to_file(path, _STDIN, cleanup)
        with copy.open("rb") as file:
            os.dup2(file.fileno(), 0)
        yield
