"""``groundswell groups``: make, list, rename, describe and delete groups."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import count, say
from groundswell.cli.output.tables import instant_text, print_json, print_lines, table
from groundswell.cli.params.completion import complete_groups
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.options import json_option, yes_option
from groundswell.cli.params.texts import NAME, TEXT
from groundswell.cli.questions import ask_leaving

if TYPE_CHECKING:
    from groundswell.factory import Group

__all__ = ["create", "delete", "describe", "groups", "list_groups", "rename"]


@click.group(cls=ExamplesGroup)
def groups() -> None:
    """Make, list, rename, describe and delete groups of devices."""


@groups.command()
@click.argument("name", type=NAME)
@click.option("--description", default="", type=TEXT, help="Free text.")
@directory_option
def create(name: str, *, description: str, directory: str | None) -> None:
    """Make a group without devices."""
    with open_factory(directory) as factory:
        made = factory.groups.create(name, description)
    say(f"made the group {made.name}")


@groups.command("list")
@json_option
@directory_option
def list_groups(*, as_json: bool, directory: str | None) -> None:
    """List all groups, by name."""
    with open_factory(directory) as factory:
        found = factory.groups.list()
    if as_json:
        print_json({"groups": [_data(group) for group in found]})
        return
    header = ["group", "devices", "production", "description"]
    rows = [[group.name, group.devices, group.production_devices, group.description] for group in found]
    print_lines(table(header, rows))
    say(count(len(found), "group"))


def _data(group: Group) -> dict[str, Any]:
    return asdict(group) | {
        "created_at": instant_text(group.created_at),
        "updated_at": instant_text(group.updated_at),
    }


@groups.command(short_help="Rename a group.")
@click.argument("name", type=NAME, shell_complete=complete_groups)
@click.argument("new_name", type=NAME)
@directory_option
def rename(name: str, new_name: str, *, directory: str | None) -> None:
    """Rename a group. Its devices, and the rules that refer to it, are kept."""
    with open_factory(directory) as factory:
        factory.groups.rename(name, new_name)
    say(f"renamed the group {name} to {new_name}")


@groups.command()
@click.argument("name", type=NAME, shell_complete=complete_groups)
@click.argument("description", type=TEXT)
@directory_option
def describe(name: str, description: str, *, directory: str | None) -> None:
    """Change the description of a group."""
    with open_factory(directory) as factory:
        factory.groups.describe(name, description)
    say(f"described the group {name}")


@groups.command()
@click.argument("name", type=NAME, shell_complete=complete_groups)
@click.option("--ungroup", is_flag=True, help="Also delete a group that has devices, and leave them without a group.")
@yes_option
@directory_option
def delete(name: str, *, ungroup: bool, yes: bool, directory: str | None) -> None:
    """Delete a group. A new group with the same name inherits nothing from it.

    If scheduled devices leave an active wave, the command asks first; without a terminal it requires --yes.
    """
    with open_factory(directory) as factory:
        if ungroup:
            ask_leaving("groups delete", factory.groups.would_leave(name), yes=yes)
        members = factory.groups.delete(name, ungroup=ungroup)
    left = f"; {count(members, 'device is', 'devices are')} now without a group" if members else ""
    say(f"deleted the group {name}{left}")
