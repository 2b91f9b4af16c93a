"""The options that map the columns of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from groundswell.cli.output.render import printable
from groundswell.cli.params.texts import NAME
from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    Command = TypeVar("Command", bound=Callable[..., object])

__all__ = ["columns_of", "mapping_options"]

_MAX_NAME: Final = 40


def mapping_options(command: Command) -> Command:
    """Add ``--column``, ``--rows-at`` and ``--uuid5``."""
    for option in (
        click.option(
            "--uuid5",
            metavar="NAMESPACE",
            type=NAME,
            help="Derive UUIDs from ids that are not UUIDs, in this name space: a UUID, or dns, url, oid or x500.",
        ),
        click.option("--rows-at", metavar="PATH", type=NAME, help="The path of the array of devices in a JSON object."),
        click.option(
            "--column",
            metavar="NAME=SOURCE",
            multiple=True,
            help="Read the column NAME from SOURCE: a column, a path in JSON, or a constant such as =true.",
        ),
    ):
        command = option(command)
    return command


def columns_of(options: Sequence[str]) -> dict[str, str]:
    """Parse the values of ``--column``: column → source.

    Raises:
        InputError: ``bad-mapping`` for a value that is not NAME=SOURCE, and for a repeated NAME.

    >>> columns_of(["tag=Release Tag", "production==true"])
    {'tag': 'Release Tag', 'production': '=true'}
    """
    columns: dict[str, str] = {}
    for text in options:
        name, equals, source = text.partition("=")
        name = name.strip()
        if not equals or not name or name in columns:
            raise InputError(
                "bad-mapping",
                f"`--column {printable(text[:_MAX_NAME])}` "
                + ("repeats a column" if name in columns else "is not NAME=SOURCE"),
                hint='write it like --column "tag=Release Tag"; give each name at most once',
                fields={"option": "column", "value": text[:200]},
            )
        columns[name] = source
    return columns
