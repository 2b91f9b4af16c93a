"""Checks hints for their two surfaces: a shell (commands and options must exist) and Python."""

from __future__ import annotations

import re
import shlex

import click

from groundswell.cli import cli

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
PYTHON = re.compile(
    r"\b[a-z_]+=(True|False|None|[\"'(\[])|\b(True|False|None)\b|\b[A-Za-z_.]+\(|\b(Factory|Fleet|UuidList|Plan)\.[a-z]"
    r"|`(devices|groups|keys|metadata|targets|waves)\.[a-z_]+`|\b(timedelta|datetime|pyroaring|numpy)\b"
)
"""Syntax that only makes sense in Python: keyword arguments, calls, classes with methods."""
COMMAND = re.compile(r"`groundswell ([^`]*)`|(?:^|: )groundswell ([^`;]*)")
SHELL = re.compile(rf"{OPTION.pattern}|(?<![\w`-])-[a-zA-Z](?![\w-])|\bgroundswell [a-z]+ ?[a-z]*`|@(?:FILE|-)")


def _options(command: click.Command) -> set[str]:
    found = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    return found | {"--help", "--version"}


def _all_options(command: click.Command) -> set[str]:
    found = _options(command)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found |= _all_options(child)
    return found


ALL_OPTIONS = _all_options(cli)


def check_command_line(text: str) -> None:
    """Check a command line in a sentence: the command exists and has the options."""
    command: click.Command = cli
    known = _options(command)
    words = shlex.split(text)
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, f"there is no command `groundswell {text}`"
        command = found
        known |= _options(command)
    for option in OPTION.findall(" ".join(words)):
        assert option in known, f"`groundswell {text}` has no option {option}"


def check_shell_text(text: str) -> None:
    """Check a sentence for a shell: it has no Python syntax, and its commands and options exist."""
    assert not PYTHON.search(text), f"a shell user reads Python: {text}"
    for quoted, bare in COMMAND.findall(text):
        check_command_line(quoted or bare)
    for option in OPTION.findall(text):
        assert option in ALL_OPTIONS, f"no command has the option {option}: {text}"
    rollouts = [line for pair in COMMAND.findall(text) for line in pair if line.startswith("waves rollout")]
    for line in rollouts:
        assert re.search(r"--(limit|uuids|apply|to|dry-run|help)\b|-l\b", line), f"a whole group as advice: {text}"
