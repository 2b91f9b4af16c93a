"""Law: every `--help` has examples, and each example is a command line that its command accepts."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click
import pytest

from groundswell.cli import cli
from groundswell.cli.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.commands import Ran

    Run = Callable[..., Ran]


def commands(command: click.Command, name: str = "") -> Iterator[str]:
    """The words of each command and each group of commands."""
    yield name
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from commands(found, f"{name} {child}".strip())


COMMANDS = sorted(commands(cli))


def command_lines(lines: tuple[str, ...]) -> list[str]:
    """Lines, each joined with those that continue it."""
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def parse(words: list[str]) -> str:
    """Parse a command line without running it; the words of its command.

    Raises:
        click.UsageError: if the command does not accept it.
    """
    command: click.Command = cli
    context: click.Context | None = None
    names: list[str] = []
    while True:
        context = command.make_context(command.name or "groundswell", list(words), parent=context)
        words = [*context._protected_args, *context.args]
        if not isinstance(command, click.Group):
            assert words == []
            return " ".join(names)
        name, found, words = command.resolve_command(context, words)
        assert name is not None
        assert found is not None
        names.append(name)
        command = found


def words_of(line: str) -> list[str]:
    """The words that a shell gives to groundswell: the last program of a pipe, without what is redirected."""
    words = shlex.split(line.rsplit(" | ", maxsplit=1)[-1].partition(" > ")[0])
    assert words[0] == "groundswell", line
    return words[1:]


def test_every_command_has_examples() -> None:
    assert sorted(EXAMPLES) == COMMANDS, "write the examples of a new command into groundswell/cli/examples.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_parse_and_are_about_their_command(name: str) -> None:
    lines = command_lines(EXAMPLES[name])
    assert lines
    for line in lines:
        assert parse(words_of(line)).startswith(name), line


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_the_examples(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = run(*name.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    shown = ran.out.partition("\nExamples:\n")[2].splitlines()
    assert shown == [f"  {line}" for line in EXAMPLES[name]]
    assert max(map(len, shown)) <= 80


def test_an_alias_has_the_examples_of_its_command(run: Run) -> None:
    assert run("wave", "sign", "--help").out.endswith(f"Examples:\n  {EXAMPLES['waves sign'][0]}\n")


def test_the_judge_can_say_no() -> None:
    with pytest.raises(click.UsageError):
        parse(["devices", "list", "--colour"])
    with pytest.raises(click.UsageError):
        parse(["waves", "sign", "v2.0"])
