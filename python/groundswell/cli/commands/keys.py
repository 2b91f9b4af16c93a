"""``groundswell keys``: offline keys, rotation, and what the roots say."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import note, printable, say
from groundswell.cli.output.tables import facts, instant_text, print_json, print_lines, table
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.options import json_option
from groundswell.cli.params.texts import FILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from groundswell.factory.trust.keys import KeysView
    from groundswell.tuf.root import RoleName

    Command = TypeVar("Command", bound=Callable[..., object])

__all__ = ["add_targets", "init", "keys", "online", "root", "rotate", "show", "targets"]

_ONLINE_ROLES = ["targets", "snapshot", "timestamp"]


@click.group(cls=ExamplesGroup)
def keys() -> None:
    """Make, add and rotate keys; show what the roots say.

    Offline keys live in tarballs, as fioctl writes them, and are never stored in the factory.
    """


def _root_keys_option(command: Command) -> Command:
    return click.option(
        "--root-keys", metavar="FILE", type=FILE, required=True, help="The tarball of the offline root key."
    )(command)


def _targets_keys_option(command: Command) -> Command:
    return click.option(
        "--targets-keys", metavar="FILE", type=FILE, required=True, help="The tarball of the offline targets key."
    )(command)


@keys.command(short_help="Make the first offline keys.")
@_root_keys_option
@_targets_keys_option
@directory_option
def init(*, root_keys: str, targets_keys: str, directory: str | None) -> None:
    """Take the root offline: make the first offline root key and the first offline targets key.

    A tarball that does not exist is made; one that exists gives its key. Run again with the same tarballs it finishes
    what was interrupted, or changes nothing.
    """
    with open_factory(directory) as factory:
        before = factory.revision
        view = factory.keys.init(root_keys=root_keys, targets_keys=targets_keys)
        changed = factory.revision > before
    if not changed:
        note("these tarballs have done it before: nothing was changed")
    _told(view)
    note(f"keep {printable(root_keys)} off this machine, in a safe; {printable(targets_keys)} signs waves")


@keys.command()
@click.option("--production", is_flag=True, help="The production root instead of the CI root.")
@json_option
@directory_option
def show(*, production: bool, as_json: bool, directory: str | None) -> None:
    """Show the latest root: its keys, their owners, the thresholds."""
    with open_factory(directory) as factory:
        view = factory.keys.show(production=production)
    if as_json:
        print_json(
            {
                "repository": view.repository,
                "role_version": view.role_version,
                "expires": instant_text(view.expires),
                "thresholds": dict(view.thresholds),
                "keys": [asdict(key) for key in view.keys],
                "ready": view.ready,
                "root": json.loads(view.root),
            }
        )
        return
    print_lines(
        facts(
            [
                ("repository", view.repository),
                ("root version", str(view.role_version)),
                ("expires", instant_text(view.expires)),
                ("thresholds", ", ".join(f"{role} {number}" for role, number in view.thresholds.items())),
            ]
        )
    )
    rows = [
        [key.role, "online" if key.online else "offline", key.keyid, key.owner, key.created_at] for key in view.keys
    ]
    print_lines(["", *table(["role", "key", "keyid", "owner", "created"], rows)])


@keys.command("add-targets", short_help="Add another offline targets key.")
@_root_keys_option
@_targets_keys_option
@directory_option
def add_targets(*, root_keys: str, targets_keys: str, directory: str | None) -> None:
    """Add another offline targets key, such as a second person's; any of them can sign waves."""
    with open_factory(directory) as factory:
        before = factory.revision
        view = factory.keys.add_targets(root_keys=root_keys, targets_keys=targets_keys)
        changed = factory.revision > before
    if not changed:
        note(f"the key in {printable(targets_keys)} signs targets already: nothing was changed")
    _told(view)


@keys.group()
def rotate() -> None:
    """Replace a key; devices follow through the new roots."""


@rotate.command()
@_root_keys_option
@directory_option
def root(*, root_keys: str, directory: str | None) -> None:
    """Replace the offline root key. The tarball is rewritten with the new key beside the old one."""
    with open_factory(directory) as factory:
        view = factory.keys.rotate_root(root_keys=root_keys)
    _told(view)


@rotate.command()
@_root_keys_option
@_targets_keys_option
@directory_option
def targets(*, root_keys: str, targets_keys: str, directory: str | None) -> None:
    """Replace an offline targets key. What production devices are served is signed anew by the new key."""
    with open_factory(directory) as factory:
        view = factory.keys.rotate_targets(root_keys=root_keys, targets_keys=targets_keys)
    _told(view)


@rotate.command()
@_root_keys_option
@click.option(
    "--role",
    "roles",
    type=click.Choice(_ONLINE_ROLES),
    multiple=True,
    help="Whose online key; may be given several times. Default: all three.",
)
@directory_option
def online(*, root_keys: str, roles: tuple[str, ...], directory: str | None) -> None:
    """Replace online keys. The factory makes the new ones and removes the old ones."""
    with open_factory(directory) as factory:
        view = factory.keys.rotate_online(
            root_keys=root_keys, roles=cast("list[RoleName]", list(roles or _ONLINE_ROLES))
        )
    _told(view)


def _told(view: KeysView) -> None:
    say(f"the roots are at version {view.role_version} and expire {instant_text(view.expires)}")
