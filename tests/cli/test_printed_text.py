"""Text from outside is printed with what a terminal would obey escaped: control characters, bidi marks, bytes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click
import pytest

from groundswell.cli import cli
from groundswell.cli.output.render import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.commands import Ran

NASTY = "x\x1b]0;owned\x07\u202e\x9b31m\x7f\u2066\u061c\u200fy\nerror: forged"
"""A title of the terminal, a C1 control, marks that turn text around, a line of its own."""
BYTES = os.fsdecode(b"caf\xe9-\xff")
UUID = "00000000-0000-4000-8000-000000000001"


def is_clean(ran: Ran) -> bool:
    """Whether no character reached the terminal that it would obey, and no line that the program did not write."""
    text = ran.out + ran.err
    return all(c.isprintable() or c == "\n" for c in text) and "\nerror: forged" not in text


COMMANDS = [
    (NASTY,),
    ("--" + NASTY,),
    ("uuids", "check", NASTY),
    ("uuids", "check", "@" + NASTY),
    ("uuids", "check", "--clean", f"{UUID} {NASTY}"),
    ("uuids", NASTY),
    ("sets", "--union", NASTY, "a"),
    ("select", NASTY, "-l", "1"),
    ("select", "fleet.csv", "-l", NASTY),
    ("select", "fleet.csv", "-g", NASTY, "-l", "1"),
    ("select", "fleet.csv", "-l", "1", "-o", f"no/{NASTY}"),
    ("select", "fleet.csv", "-l", "1", "--seed", NASTY),
    ("select", "fleet.csv", "-l", "1", "--now", NASTY),
    ("select", "fleet.csv", "-l", "1", "--half-life", NASTY),
    ("fleet", "show", NASTY),
    ("fleet", "synth", "--devices", "5", f"no/{NASTY}.csv"),
    ("-C", NASTY, "status"),
    ("-C", "acme", "devices", "show", NASTY),
    ("-C", "acme", "devices", "list", "-g", NASTY),
    ("-C", "acme", "devices", "import", NASTY),
    ("-C", "acme", "devices", "export", f"no/{NASTY}.csv"),
    ("-C", "acme", "groups", "create", NASTY),
    ("-C", "acme", "groups", "delete", NASTY),
    ("-C", "acme", "targets", "import", NASTY),
    ("-C", "acme", "targets", "add", NASTY, "--version", "1", "--hardware-id", "pi", "--sha256", "00" * 32),
    ("-C", "acme", "targets", "show", NASTY),
    ("-C", "acme", "keys", "init", "--root-keys", NASTY, "--targets-keys", NASTY),
    ("-C", "acme", "metadata", "export", "--device", NASTY, "out"),
    ("metadata", "verify", NASTY),
    ("metadata", "verify", NASTY, "--audience", NASTY),
    ("-C", "acme", "waves", "show", NASTY),
    ("-C", "acme", "waves", "init", NASTY, "42", "main", "--keys", NASTY),
    ("-C", "acme", "waves", "rollout", "w", "--apply", NASTY),
    ("-C", "acme", "backup", f"no/{NASTY}"),
    ("restore", NASTY, "new"),
    ("init", f"no/no/{NASTY}", "--name", NASTY),
]


def leaves(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is not a group, with the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name))
        else:
            yield (*words, name), command


def spelled(command: click.Command, param: click.Parameter) -> list[str]:
    """Arguments of a command with `NASTY` for one parameter, and something plausible for those that it requires."""
    words = []
    for one in command.params:
        if one is param or one.required:
            value = NASTY if one is param else "x"
            words += [value] * max(1, one.nargs) if isinstance(one, click.Argument) else [one.opts[-1], value]
    return words


LEAVES = dict(leaves(cli))
assert len(LEAVES) > 40


@pytest.mark.parametrize("name", LEAVES, ids="-".join)
def test_every_parameter_of_every_command_is_escaped(
    run: Callable[..., Ran], shop: Path, monkeypatch: pytest.MonkeyPatch, name: tuple[str, ...]
) -> None:
    """A new command is part of it: the commands and parameters are those that click knows."""
    monkeypatch.chdir(shop)
    command = LEAVES[name]
    for param in command.params:
        if isinstance(param, click.Option) and (param.is_flag or param.count or param.hidden):
            continue
        words = spelled(command, param)
        for value in (NASTY, BYTES):
            ran = run("-C", "acme", *name, *(value if word == NASTY else word for word in words))
            assert is_clean(ran), (name, param.name, ran)
            assert ran.code in {0, 2, 3, 4, 5, 6}, (name, param.name, ran)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: ascii("-".join(words))[1:30])
def test_an_argument_is_escaped_in_errors(
    run: Callable[..., Ran], shop: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(shop)
    for spelled in (arguments, [word.replace(NASTY, BYTES) for word in arguments]):
        ran = run(*spelled)
        assert is_clean(ran), ran
        assert 2 <= ran.code <= 6, ran
        as_json = run(*spelled, "--json")
        assert is_clean(as_json), as_json
        assert 2 <= as_json.code <= 6, as_json
        assert json.loads(as_json.err.splitlines()[-1] if as_json.err else as_json.out)


def test_names_in_files_are_escaped(run: Callable[..., Ran], shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    rows = [{"uuid": UUID, "name": NASTY, "production": True, "hardware_id": NASTY, NASTY: 1}]
    (shop / NASTY).write_text(json.dumps(rows))
    for command in (
        ("fleet", "show", NASTY),
        ("select", NASTY, "-l", "1", "--names"),
        ("-C", "acme", "devices", "import", NASTY),
        ("-C", "acme", "devices", "show", UUID),
        ("-C", "acme", "devices", "list"),
        ("-C", "acme", "devices", "export", NASTY + ".csv"),
        ("-C", "acme", "backup", NASTY),
        ("restore", NASTY, NASTY + "-new"),
        ("-C", NASTY + "-new", "status"),
    ):
        ran = run(*command)
        assert ran.code == 0, ran
        assert is_clean(ran), ran


@pytest.mark.parametrize("text", [NASTY, BYTES, "\ud800", "\x80\x9f\xad", "\U000e0001\u2028"])
def test_json_keeps_the_text_and_prints_nothing_that_a_terminal_obeys(text: str) -> None:
    printed = json_text({text: [text, "ü"]})
    assert all(c.isprintable() or c == "\n" for c in printed)
    assert json.loads(printed) == {text: [text, "ü"]}


def test_a_directory_that_is_not_utf8_is_refused(process: Callable[..., Ran], tmp_path: Path) -> None:
    ran = process("init", BYTES, "--name", "x", cwd=tmp_path)
    assert ran.code == 2
    assert ran.err.startswith("error: `DIR` is `caf\\udce9-\\udcff`, which is not UTF-8")
    assert not list(tmp_path.iterdir())
    ran = process("status", cwd=tmp_path, env={"GROUNDSWELL_FACTORY": BYTES})
    assert ran.code == 2
    ran = process("fleet", "show", BYTES + ".csv", cwd=tmp_path)
    assert ran.code in {2, 3}
