"""Mapping columns on the command line: what is printed, what is kept, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from support.commands import Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

UUID = "00000000-0000-4000-8000-000000000001"
THINGS = {"things": [{"thingName": "pump-1", "attributes": {"ring": "canary"}, "seen": 1795392000000, "x\x1b[2J": 1}]}
OPTIONS = ["--rows-at", "things", "--column", "uuid=thingName", "--column", "tag=attributes.ring", "--uuid5", "dns"]


@pytest.fixture
def things(tmp_path: Path) -> Path:
    path = tmp_path / "things.json"
    path.write_text(json.dumps(THINGS))
    return path


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_an_import_shows_where_each_column_came_from(acme: Run, things: Path, dry: list[str]) -> None:
    ran = acme("devices", "import", things, *OPTIONS, "--column", "production==true", *dry)
    assert ran.code == 0
    lines = ran.err.splitlines()
    begun = lines.index("column          read from")
    assert lines[begun + 1 :] == [
        "uuid            thingName",
        "name            thingName",
        "group           -",
        "tag             attributes.ring",
        "production      =true",
        "last_seen       -",
        "target_version  -",
        "hardware_id     -",
        "not used: seen, x\\x1b[2J",
    ]


def test_the_json_report_has_the_columns(acme: Run, things: Path) -> None:
    data = acme("devices", "import", things, *OPTIONS, "--dry-run", "--json").data
    assert data["columns"] == {"uuid": "thingName", "name": "thingName", "tag": "attributes.ring"}
    assert data["unused"] == ["seen", "x\x1b[2J"]


def test_a_mapping_is_saved_used_shown_and_deleted(acme: Run, things: Path) -> None:
    assert acme("devices", "import", things, *OPTIONS, "--save-mapping", "iot", "--dry-run").code == 0
    assert acme("devices", "mappings", "list", "--json").data == {"mappings": []}
    ran = acme("devices", "import", things, *OPTIONS, "--save-mapping", "iot")
    assert "saved the mapping iot\n" in ran.err
    ran = acme("devices", "import", things, "--mapping", "iot", "--column", "last_seen=seen:ms")
    assert (ran.code, "0 new, 1 changed, 0 unchanged" in ran.err) == (0, True)
    assert acme("devices", "show", "pump-1", "--json").data["last_seen"] == "2026-11-23T00:00:00Z"
    (listed,) = acme("devices", "mappings", "list", "--json").data["mappings"]
    shown = acme("devices", "mappings", "show", "iot", "--json").data
    assert shown == listed
    assert (shown["columns"], shown["rows_at"]) == ({"uuid": "thingName", "tag": "attributes.ring"}, "things")
    assert "--column   tag=attributes.ring" in acme("devices", "mappings", "show", "iot").out
    assert acme("devices", "mappings", "delete", "iot").code == 0
    ran = acme("devices", "import", things, "--mapping", "iot")
    assert (ran.code, ran.slug) == (3, "unknown-mapping")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--column", "tag"], "bad-mapping"),
        (["--column", "=x"], "bad-mapping"),
        (["--column", "tag="], "bad-mapping"),
        (["--column", ""], "bad-mapping"),
        (["--column", "tag=a", "--column", "tag=b"], "bad-mapping"),
        (["--column", "colour=x"], "bad-column"),
        (["--column", "tag=nowhere", "--column", "uuid=thingName"], "unknown-source-column"),
        (["--rows-at", ""], "empty-text"),
        (["--rows-at", "thing"], "no-rows-at"),
        (["--uuid5", ""], "empty-text"),
        (["--uuid5", "dnss"], "bad-namespace"),
    ],
)
@pytest.mark.parametrize("command", [["devices", "import"], ["select"], ["fleet", "show"]])
def test_what_is_refused_wherever_a_source_is_read(
    acme: Run, things: Path, command: list[str], options: list[str], code: str
) -> None:
    found = [] if "--rows-at" in options else ["--rows-at", "things"]
    ran = acme(*command, things, *found, *options)
    assert (ran.code, ran.slug) == (2, code)


@pytest.mark.parametrize("option", ["--mapping", "--save-mapping"])
def test_an_empty_name_of_a_mapping_is_refused(acme: Run, things: Path, option: str) -> None:
    assert acme("devices", "import", things, option, "").slug == "empty-text"


def test_select_and_show_map_columns_too(run: Run, things: Path) -> None:
    ran = run("select", things, *OPTIONS, "--column", "production==true", "-t", "canary", "--names")
    assert (ran.code, ran.out) == (0, "pump-1\n")
    data = run("fleet", "show", things, *OPTIONS, "--json").data
    assert data["read"]["columns"]["tag"] == "attributes.ring"
    assert "tag             attributes.ring" in run("fleet", "show", things, *OPTIONS).lines


def test_an_array_elsewhere_is_told_with_its_option(run: Run, things: Path) -> None:
    assert "give --rows-at things" in run("fleet", "show", things).err
