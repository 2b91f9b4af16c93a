"""Instants are ISO everywhere, also in JSON: every command with ``--json`` is run, and every value looked at."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import click
import pyarrow as pa
import pytest

from groundswell.cli import cli
from groundswell.factory import Factory
from groundswell.values import instant
from support import releases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.commands import Ran

NOW = instant(releases.NOW)
# Seconds since 1970 of 2001 and later; milliseconds and microseconds are above.
LEAST_EPOCH = 1_000_000_000
INSTANT_KEYS = re.compile(r".*_at|now|expires|last_seen|since")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DURATION_KEYS = {"online_threshold", "half_life"}

SHA = ("--sha256", "a" * 64)
COMMANDS: dict[str, list[tuple[str, ...]]] = {
    "audit head": [()],
    "audit list": [(), ("--after", "1", "-n", "2")],
    "audit verify": [()],
    "check": [()],
    "compact": [()],
    "devices allow": [("@denied.lst",)],
    "devices delete": [("@list.lst", "--yes")],
    "devices denied": [()],
    "devices group": [("@list.lst", "canary", "--yes")],
    "devices import": [("fleet.csv",), ("fleet.csv", "--dry-run")],
    "devices list": [(), ("--wave", "v42", "--state", "silent")],
    "devices mappings list": [()],
    "devices mappings show": [("nightly",)],
    "devices show": [("device-000001",)],
    "fleet show": [("fleet.csv",)],
    "groups list": [()],
    "keys show": [(), ("--production",)],
    "metadata export": [("out", "--device", "device-000001")],
    "metadata verify": [("served", "--now", str(releases.NOW))],
    "select": [("fleet.csv", "-l", "3"), ("fleet.csv", "-l", "3", "--not-updated", "42")],
    "settings show": [()],
    "status": [()],
    "strategies check": [("all.toml", "--fleet", "fleet.csv"), ("all.toml", "--wave", "v42")],
    "strategies simulate": [("all.toml", "--fleet", "fleet.csv", "--runs", "2", "--seed", "1", "--horizon", "1d")],
    "targets add": [("t-50", "--version", "50", "--hardware-id", "x", "--tag", "main", *SHA)],
    "targets import": [("targets.json",)],
    "targets list": [()],
    "targets show": [("41",)],
    "tokens create": [("--user", "bob", "--scope", "read", "--expires", "2090-01-01T00:00:00Z")],
    "tokens list": [()],
    "uuids check": [("@list.lst",)],
    "users list": [()],
    "waves history": [("v42",), ("v42", "--verify"), ("v42", "--rollout", "1", "--print-uuids")],
    "waves list": [()],
    "waves rollout": [("v42", "-l", "2"), ("v42", "-l", "2", "--dry-run"), ("v42", "--apply", "plan.json")],
    "waves show": [("v42",), ("v42", "--show-targets"), ("v41",)],
    "waves status": [("v42",), ("v41",), ()],
    "waves why": [("device-000001",), ("@list.lst",)],
}
REFUSED: dict[str, list[tuple[str, ...]]] = {
    "devices import": [("bad.csv",)],
    "waves rollout": [("v42", "-l", "2", "--if-revision", "99"), ("v41", "-l", "2")],
    "waves status": [("v99",)],
}


def commands_with_json(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands_with_json(command, (*path, name))
        elif any("--json" in param.opts for param in command.params):
            yield " ".join((*path, name))


def test_every_command_with_json_is_walked() -> None:
    assert set(commands_with_json(cli)) == COMMANDS.keys()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("instants")
    table = releases.devices({"canary": 5, "field": 9, None: 3}, test_devices=2)
    with Factory.open(releases.make_factory(folder, table)) as factory:
        factory.waves.init("v41", 41, releases.TAG, keys=folder / "targets.tgz", now=NOW)
        factory.waves.rollout("v41", 2, now=NOW)
        factory.waves.complete("v41", now=NOW)
        factory.waves.init("v42", 42, releases.TAG, keys=folder / "targets.tgz", now=NOW)
        factory.waves.rollout("v42", group="canary", whole_group=True, now=NOW)
        factory.waves.rollout("v42", "10%", now=NOW)
        factory.devices.export(folder / "fleet.csv")
        members = [*factory.devices.list_uuids(group="field")]
        factory.devices.import_(
            pa.table({"id": members[:1], "place": ["field"]}),
            columns={"uuid": "id", "group": "place"},
            save_mapping="nightly",
            now=NOW,
        )
        factory.devices.delete(members[-1:], now=NOW)
        factory.waves.rollout("v42", 1, dry_run=True, now=NOW).plan.write(folder / "plan.json")
        factory.metadata.export(members[0], folder / "served", now=NOW)
        factory.users.add("bob", now=NOW)
        factory.tokens.create("bob", ["read"], now=NOW)
    (folder / "targets.json").write_text(json.dumps(releases.target(44)))
    (folder / "all.toml").write_text('[[step]]\nto = "100%"\n')
    (folder / "list.lst").write_text("\n".join(members[:2]))
    (folder / "denied.lst").write_text(members[-1])
    (folder / "bad.csv").write_text(f"uuid,last_seen\n{members[0]},45000\n")
    return folder


def wrong(value: Any, key: str = "") -> Iterator[str]:
    """What looks like seconds since 1970, and what stands for an instant and is not RFC 3339."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name != "columns":  # names of columns by name
                yield from wrong(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from wrong(item, key)
    elif value is not None and not isinstance(value, bool) and is_wrong(value, key):
        yield f"{key}: {value}"


def is_wrong(value: float | str, key: str) -> bool:
    if isinstance(value, str):
        return INSTANT_KEYS.fullmatch(key) is not None and not RFC_3339.fullmatch(value)
    if key in DURATION_KEYS:
        return not 0 <= value < LEAST_EPOCH
    return value >= LEAST_EPOCH or INSTANT_KEYS.fullmatch(key) is not None


def test_the_judge_finds_what_it_looks_for() -> None:
    assert [*wrong({"now": 5, "a": [{"b": releases.NOW}], "half_life": 60, "created_at": "yesterday"})] == [
        "now: 5",
        f"b: {releases.NOW}",
        "created_at: yesterday",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_instants_in_json_are_iso(
    run: Callable[..., Ran], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for number, arguments in enumerate(COMMANDS[command]):
        folder = shutil.copytree(model, tmp_path / str(number))
        monkeypatch.chdir(folder)
        monkeypatch.setenv("GROUNDSWELL_FACTORY", "acme")
        ran = run(*command.split(), *arguments, "--json")
        assert ran.code == 0, ran.err
        printed = (
            ran.out if command != "select" else ran.err.splitlines()[-1] if not ran.out.startswith("{") else ran.out
        )
        assert [*wrong(json.loads(printed))] == []


@pytest.mark.parametrize("command", REFUSED)
def test_instants_in_the_fields_of_errors_are_iso(
    run: Callable[..., Ran], model: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(model)
    monkeypatch.setenv("GROUNDSWELL_FACTORY", "acme")
    for arguments in REFUSED[command]:
        ran = run(*command.split(), *arguments, "--json")
        assert ran.code > 1
        assert [*wrong(ran.error)] == []
