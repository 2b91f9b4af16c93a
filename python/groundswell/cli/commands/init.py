"""``groundswell init``: create a factory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundswell.cli.base import ExamplesCommand
from groundswell.cli.output.render import printable, say
from groundswell.cli.params.factory_option import now_option, user_of
from groundswell.cli.params.texts import DIRECTORY, TEXT
from groundswell.cli.work import current_run

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["init"]


@click.command(cls=ExamplesCommand)
@click.argument("directory", metavar="DIR", type=DIRECTORY)
@click.option("--name", required=True, type=TEXT, help="The factory's name: up to 64 letters, digits and _ . + -")
@now_option
def init(directory: str, *, name: str, now: datetime | None) -> None:
    """Make a factory in DIR, which must be empty or not exist.

    The factory gets online keys and its first roots. Back the whole directory up with `groundswell backup`.
    """
    from groundswell.factory import Factory

    current_run().creates(Path(directory))
    with Factory.create(directory, name=name, user=user_of(), now=now) as factory:
        say(f"made the factory {factory.name} in {printable(directory)}")
    say(
        "next: groundswell keys init --root-keys root.keys.tgz --targets-keys targets.only.key.tgz;"
        " then groundswell devices import FILE",
    )
