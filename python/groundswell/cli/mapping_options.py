"""The options that say where the columns of a source are, and how the report shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from groundswell.cli.render import printable
from groundswell.cli.tables import table
from groundswell.cli.texts import NAME
from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    Command = TypeVar("Command", bound=Callable[..., object])

__all__ = ["column_lines", "columns_of", "mapping_options"]

_COLUMNS: Final = ("uuid", "name", "group", "tag", "production", "last_seen", "target_version", "hardware_id")
_MAX_UNUSED: Final = 20
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
        click.option("--rows-at", metavar="PATH", type=NAME, help="Where the array of devices is in a JSON object."),
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
    """What ``--column`` says: name of a column → its source.

    Raises:
        InputError: ``bad-mapping`` for what is not NAME=SOURCE, and for a NAME that is given twice.

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
                hint='write it like --column "tag=Release Tag"; a name may be given once',
                fields={"option": "column", "value": text[:200]},
            )
        columns[name] = source
    return columns


def column_lines(columns: Mapping[str, str], unused: Sequence[str], *, more: bool) -> list[str]:
    """From which column of a source each column was read, and which were not used.

    >>> column_lines({"uuid": "Serial"}, ["owner", "rack"], more=False)[:3]
    ['column          read from', 'uuid            Serial', 'name            -']
    """
    rows: list[list[Any]] = [[column, _short(columns[column]) if column in columns else None] for column in _COLUMNS]
    lines = table(["column", "read from"], rows)
    if unused:
        shown = ", ".join(_short(name) for name in unused[:_MAX_UNUSED])
        left = len(unused) - _MAX_UNUSED
        rest = f" and {left}{' or' if more else ''} more" if left > 0 else ", and more" if more else ""
        lines.append(f"not used: {shown}{rest}")
    return lines


def _short(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _MAX_NAME else shown[: _MAX_NAME - 1] + "…"
