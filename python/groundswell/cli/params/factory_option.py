"""Opens the factory of a command: ``-C DIR``, else GROUNDSWELL_FACTORY, else the working directory."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import click

from groundswell.arguments import given_but_empty
from groundswell.cli.output.render import note
from groundswell.cli.params.options import INSTANT
from groundswell.cli.params.texts import DIRECTORY, require_text
from groundswell.cli.work import current_run
from groundswell.errors import InputError, StateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from groundswell.factory import Factory

    Command = TypeVar("Command", bound=Callable[..., object])

__all__ = ["DIRECTORY_VARIABLE", "directory_option", "now_option", "open_factory", "user_of", "waiting"]

_Result = TypeVar("_Result")

DIRECTORY_VARIABLE: Final = "GROUNDSWELL_FACTORY"
_USER_VARIABLE: Final = "GROUNDSWELL_USER"
_QUIET_WAIT: Final = timedelta(seconds=1)
"""How long to wait for another owner before a note is printed."""


def directory_option(command: Command) -> Command:
    """Add ``-C DIR``."""
    return click.option(
        "-C",
        "directory",
        metavar="DIR",
        type=DIRECTORY,
        help=f"The factory (default: {DIRECTORY_VARIABLE}, else the working directory).",
    )(command)


def now_option(command: Command) -> Command:
    """Add ``--now T``."""
    return click.option("--now", type=INSTANT, help="The instant of the command (default: now).")(command)


def user_of() -> str | None:
    """The user, from GROUNDSWELL_USER. None: use the login name.

    Raises:
        InputError: ``empty-variable``.
    """
    return _variable(_USER_VARIABLE)


def _variable(name: str) -> str | None:
    """Read an environment variable; None if it is not set. An empty one is an error: probably a mistake in a script."""
    value = os.environ.get(name)
    reason = None if value is None else given_but_empty(f"the variable `{name}`", value, verb="set")
    if reason is not None:
        raise InputError(
            "empty-variable",
            reason,
            hint=f"give it a value, or unset it: unset {name}",
            fields={"variable": name, "value": value},
        )
    return value


def waiting(directory: str | None, take: Callable[[str, timedelta], _Result]) -> _Result:
    """Call `take` for the factory of the command line. If another process has it, print a note and wait.

    Args:
        directory: the value of the command's own ``-C``.
        take: called with the directory and the maximum time to wait for its owner.

    Raises:
        StateError: ``factory-in-use`` after ten seconds.
    """
    from groundswell.factory.factory import DEFAULT_WAIT

    outer = click.get_current_context().find_root().params.get("directory")
    path = directory or outer or _directory_variable() or "."
    try:
        return take(path, _QUIET_WAIT)
    except StateError as error:
        if error.code != "factory-in-use":
            raise
        note(f"{error.message}; waiting for it")
    return take(path, DEFAULT_WAIT - _QUIET_WAIT)


def _directory_variable() -> str | None:
    value = _variable(DIRECTORY_VARIABLE)
    return None if value is None else require_text(value, name=DIRECTORY_VARIABLE)


def open_factory(directory: str | None) -> Factory:
    """Open the factory of the command line. Use it in a ``with`` block.

    Raises:
        NotFoundError: ``no-factory``.
        StateError: ``factory-in-use``, ``newer-factory``.
        StorageError: ``store-damaged``, ``cannot-write``.
    """
    from groundswell.factory import Factory

    owner = click.get_current_context().command_path
    factory = waiting(directory, lambda path, wait: Factory.open(path, user=user_of(), wait=wait, owner=owner))
    current_run().opened(factory)
    return factory
