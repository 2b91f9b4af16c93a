"""Which factory a command means: ``-C DIR``, else GROUNDSWELL_FACTORY, else the working directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click

from groundswell.cli.options import INSTANT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from groundswell.factory import Factory

    Command = TypeVar("Command", bound=Callable[..., object])

__all__ = ["DIRECTORY_VARIABLE", "directory_option", "now_option", "open_factory", "user_of"]

DIRECTORY_VARIABLE: Final = "GROUNDSWELL_FACTORY"
_USER_VARIABLE: Final = "GROUNDSWELL_USER"


def directory_option(command: Command) -> Command:
    """Add ``-C DIR``."""
    return click.option(
        "-C",
        "directory",
        metavar="DIR",
        help=f"The factory; {DIRECTORY_VARIABLE}, or else the working directory, unless given.",
    )(command)


def now_option(command: Command) -> Command:
    """Add ``--now T``."""
    return click.option("--now", type=INSTANT, help="The instant of the command; the clock's unless given.")(command)


def user_of() -> str | None:
    """Who is at work: GROUNDSWELL_USER; None leaves it to the login name."""
    return os.environ.get(_USER_VARIABLE) or None


def open_factory(directory: str | None) -> Factory:
    """Open the factory that the command line means; to be used in a ``with`` block.

    Raises:
        NotFoundError: ``no-factory``.
        StateError: ``factory-in-use``, ``newer-factory``.
        StorageError: ``store-damaged``, ``cannot-write``.
    """
    from groundswell.factory import Factory

    context = click.get_current_context()
    outer = context.find_root().params.get("directory")
    path = directory or outer or os.environ.get(DIRECTORY_VARIABLE) or "."
    return Factory.open(path, user=user_of(), owner=context.command_path)
