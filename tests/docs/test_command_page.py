"""Every command and option is on the page of commands, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundswell.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[2] / "docs/commands.md").read_text(encoding="utf-8")


def leaves(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for child in command.list_commands(context):
        found = command.get_command(context, child)
        assert found is not None
        yield from leaves(found, f"{name} {child}".strip())


LEAVES = dict(leaves(cli, ""))


def section(name: str) -> str:
    found = re.search(rf"^## `groundswell {re.escape(name)}[ `].*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section for `groundswell {name}`"
    return found[0]


def test_every_command_and_option_has_its_line() -> None:
    for name, command in LEAVES.items():
        text = section(name)
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                for longest in (max(parameter.opts, key=len), *parameter.secondary_opts):
                    assert f"`{longest}" in text or f", {longest}" in text, f"{longest} of `{name}` is not on the page"


def test_every_option_on_the_page_is_there() -> None:
    for name, command in LEAVES.items():
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
        rows = re.findall(r"^\| `([^|]*?)` \|", section(name), re.MULTILINE)
        for row in rows:
            for option in re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", row):
                assert option in known, f"`{name}` has no {option}"


def test_no_section_is_about_a_command_that_is_gone() -> None:
    for heading in re.findall(r"^## `groundswell ([^`]+)`", PAGE, re.MULTILINE):
        assert any(f"{heading} ".startswith(f"{name} ") for name in LEAVES), heading
