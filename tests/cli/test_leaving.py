"""Devices that leave an active wave: moves and deletions ask first, imports report it (domain.md, "The sets")."""

from __future__ import annotations

import json
import re
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from groundswell.factory import Factory
from groundswell.values import instant
from support import releases, terminals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.commands import Ran

GROUPS: dict[str | None, int] = {"canary": 5, "field": 9, None: 3}
NOW = instant(releases.NOW)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factory with an active wave that was rolled out to the whole group ``canary``, and a list of its devices."""
    folder = tmp_path_factory.mktemp("leaving")
    with Factory.open(releases.make_factory(folder, releases.devices(GROUPS, test_devices=2))) as factory:
        factory.waves.init("v42", 42, releases.TAG, keys=folder / "targets.tgz", now=NOW)
        factory.waves.rollout("v42", group="canary", whole_group=True, now=NOW)
        members = [*factory.devices.list_uuids(group="canary")]
    (folder / "members.lst").write_text("\n".join(members))
    (folder / "moved.csv").write_text("uuid,group\n" + "".join(f"{one},field\n" for one in members[:2]))
    (folder / "retagged.csv").write_text("uuid,tag\n" + "".join(f"{one},other\n" for one in members[:1]))
    return folder


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(model, tmp_path / "work")


def state(folder: Path) -> tuple[int, int]:
    """How many devices the wave schedules, and the revision of the factory."""
    with Factory.open(folder / "acme") as factory:
        found = factory.waves.status("v42", now=NOW + timedelta(days=1))
        return found.progress.scheduled, factory.status().revision


ANSWERS = [
    (b"\n", 4, "nothing was changed: the answer was no"),
    (b"\x04", 4, "the input ended without an answer"),
    (b"\x03", 130, "interrupted"),
    (b"n\n", 4, "nothing was changed: the answer was no"),
]
COMMANDS = [
    ("devices", "group", "@members.lst", "field"),
    ("devices", "group", "--unset", "@members.lst"),
    ("devices", "delete", "@members.lst"),
    ("groups", "delete", "canary", "--ungroup"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_on_a_terminal_the_command_asks_before_devices_leave(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(folder)
    before = state(folder)
    assert before[0] == 5
    for answer, code, said in ANSWERS if command[0] == "groups" else ANSWERS[-1:]:
        found, seen = terminals.run(folder / "acme", *command, answer=answer)
        assert "5 scheduled devices would leave the wave v42. Go on? [y/N]" in seen
        assert (found, said in seen, "Traceback" in seen) == (code, True, False), seen
        assert state(folder) == before
    code, seen = terminals.run(folder / "acme", *command, answer=b"y\n")
    assert (code, state(folder)) == (0, (0, before[1] + 1)), seen


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_terminal_it_requires_yes(
    run: Callable[..., Ran], folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(folder)
    before = state(folder)
    ran = run("-C", "acme", *command)
    assert (ran.code, ran.slug, state(folder)) == (2, "confirmation-required", before)
    assert "5 scheduled devices would leave the wave v42" in ran.err
    assert "--yes" in ran.err
    ran = run("-C", "acme", *command, "--yes")
    assert (ran.code, state(folder)[0]) == (0, 0)
    assert "5 scheduled devices would leave the wave v42" in ran.err


def test_an_import_that_moves_devices_only_reports_it(run: Callable[..., Ran], folder: Path) -> None:
    planned = run("-C", folder / "acme", "devices", "import", folder / "moved.csv", "--dry-run")
    assert planned.code == 0
    assert re.search("2 SCHEDULED DEVICES WOULD LEAVE THE WAVE `v42`", planned.err)
    ran = run("-C", folder / "acme", "devices", "import", folder / "moved.csv", "--json")
    assert (ran.code, json.loads(ran.out)["leaves"]) == (0, [{"wave": "v42", "devices": 2}])
    assert "2 SCHEDULED DEVICES LEAVE THE WAVE `v42`" in ran.err
    ran = run("-C", folder / "acme", "devices", "import", folder / "retagged.csv")
    assert "LEAVE" not in ran.err, "it left the wave with its group already"
    assert state(folder)[0] == 3


def test_an_import_on_a_terminal_does_not_ask(folder: Path) -> None:
    code, seen = terminals.run(folder / "acme", "devices", "import", str(folder / "retagged.csv"), answer=b"")
    assert (code, "[y/N]" in seen) == (0, False)
    assert "1 SCHEDULED DEVICE LEAVES THE WAVE `v42`" in seen.replace("\r\n", " ")
