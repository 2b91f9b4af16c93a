"""``groundswell users``: add, list and disable the users of the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import count, say
from groundswell.cli.output.tables import instant_text, print_json, print_lines, table
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.options import json_option
from groundswell.cli.params.texts import NAME

if TYPE_CHECKING:
    from groundswell.factory.access.users import User

__all__ = ["add", "disable", "list_users", "users"]


@click.group(cls=ExamplesGroup)
def users() -> None:
    """Add, list and disable the users of the API."""


@users.command()
@click.argument("name", type=NAME)
@directory_option
def add(name: str, *, directory: str | None) -> None:
    """Add a user. The user can do nothing until you create a token for them."""
    with open_factory(directory) as factory:
        user = factory.users.add(name)
    say(f"added the user {user.name}")


@users.command("list")
@json_option
@directory_option
def list_users(*, as_json: bool, directory: str | None) -> None:
    """List all users, in the order in which they were added."""
    with open_factory(directory) as factory:
        found = factory.users.list()
    if as_json:
        print_json({"users": [_data(user) for user in found]})
        return
    rows = [[user.name, instant_text(user.created_at), instant_text(user.disabled_at) or ""] for user in found]
    print_lines(table(["user", "added", "disabled"], rows))
    say(count(len(found), "user"))


def _data(user: User) -> dict[str, Any]:
    return asdict(user) | {
        "created_at": instant_text(user.created_at),
        "disabled_at": instant_text(user.disabled_at),
    }


@users.command()
@click.argument("name", type=NAME)
@directory_option
def disable(name: str, *, directory: str | None) -> None:
    """Refuse all tokens of a user from now on."""
    with open_factory(directory) as factory:
        factory.users.disable(name)
    say(f"disabled the user {name}")
