"""``groundswell settings``: settings for all clients of a factory."""

from __future__ import annotations

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import printable, say
from groundswell.cli.output.tables import facts, print_json, print_lines
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.options import json_option
from groundswell.errors import InputError

__all__ = ["max_whole_group", "settings", "show"]


@click.group(cls=ExamplesGroup)
def settings() -> None:
    """Show and change the settings of the factory."""


@settings.command()
@json_option
@directory_option
def show(*, as_json: bool, directory: str | None) -> None:
    """Show the settings."""
    with open_factory(directory) as factory:
        most = factory.settings.max_whole_group
    if as_json:
        print_json({"max_whole_group": most})
    else:
        print_lines(facts([("max-whole-group", "off" if most is None else str(most))]))


@settings.command("max-whole-group")
@click.argument("devices", metavar="N|off")
@directory_option
def max_whole_group(devices: str, *, directory: str | None) -> None:
    """Limit rollouts of a whole group to N devices.

    A larger one is refused, from any client.
    """
    most = _devices(devices)
    with open_factory(directory) as factory:
        factory.settings.set_max_whole_group(most)
    say(f"max-whole-group is {'off' if most is None else most}")


def _devices(text: str) -> int | None:
    if text == "off":
        return None
    if not (text.isascii() and text.isdigit()):
        raise InputError(
            "bad-setting",
            f"the setting max-whole-group cannot be `{printable(text[:40])}`",
            hint="give a count of devices, such as 1000, or the word off",
            fields={"setting": "max-whole-group", "value": text[:40]},
        )
    return int(text[:20])
