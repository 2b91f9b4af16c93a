"""``groundswell fleet``: what it makes, what it says where, and what it refuses with which exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.commands import Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

NOW = "2026-11-24T00:00:00Z"


@pytest.fixture
def made(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "fleet.parquet"
    assert run("fleet", "synth", "--devices", 5000, "--seed", 1, "--now", NOW, path).code == 0
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- synth ---------------------------------------------------------------------------------------------------------


def test_synth_writes_the_file_and_leaves_stdout_empty(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    ran = run("fleet", "synth", "--devices", 1000, path)
    assert (ran.code, ran.out, ran.err) == (0, "", f"wrote 1000 devices to {path}\n")
    assert len(path.read_text().splitlines()) == 1001


def test_the_same_command_gives_the_same_file(run: Run, tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        run("fleet", "synth", "--devices", 1000, "--seed", 5, "--now", NOW, tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_within_the_hour_of_the_clock_the_file_is_the_same(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1_795_478_400 + 25 * 60
    for name, at in (("a.csv", clock), ("b.csv", clock + 30 * 60), ("c.csv", clock + 60 * 60)):
        monkeypatch.setattr("groundswell.cli.commands.fleet.time.time", lambda at=at: at + 0.5)
        run("fleet", "synth", "--devices", 100, tmp_path / name)
    first, second, next_hour = ((tmp_path / name).read_text() for name in ("a.csv", "b.csv", "c.csv"))
    assert first == second != next_hour


def test_another_seed_gives_another_fleet(run: Run, tmp_path: Path) -> None:
    for seed in (1, 2):
        run("fleet", "synth", "--devices", 100, "--seed", seed, "--now", NOW, tmp_path / f"{seed}.csv")
    assert (tmp_path / "1.csv").read_text() != (tmp_path / "2.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--devices", 0, "fleet.csv"), 2, "`0`"),
        (("--devices", -3, "fleet.csv"), 2, "`-3`"),
        (("--devices", 2**32 - 1, "fleet.csv"), 2, "`4294967295`"),
        (("--devices", 10, "fleet.xlsx"), 2, ".parquet"),
        (("--devices", 10, "--seed", "-1", "fleet.csv"), 2, "`-1`"),
        (("--devices", 10, "--now", "yesterday", "fleet.csv"), 2, "`yesterday`"),
        (("--devices", 10, "no-such-folder/fleet.csv"), 3, "no-such-folder"),
        (("fleet.csv",), 2, "--devices"),
    ],
)
def test_what_cannot_be_made_is_refused(
    run: Run, folder: Path, arguments: tuple[object, ...], code: int, said: str
) -> None:
    ran = run("fleet", "synth", *arguments)
    assert ran.code == code
    assert said in ran.err
    assert ran.out == ""
    assert list(folder.iterdir()) == []


# --- show ----------------------------------------------------------------------------------------------------------


def test_show_has_its_parts_in_order_on_stdout(run: Run, made: Path) -> None:
    ran = run("fleet", "show", made, "--now", NOW)
    assert (ran.code, ran.err) == (0, "")
    parts = [part.splitlines() for part in ran.out.rstrip("\n").split("\n\n")]
    assert [part[0].split("  ")[0] for part in parts] == [
        f"{made} at {NOW}",
        "devices",
        "group",
        "tag",
        "target version",
        "last seen",
        "read 5000 rows",
    ]
    assert [re.split(" {2,}", line)[0] for line in parts[1]] == [
        "devices",
        "production devices",
        "test devices",
        "online (seen within 4h)",
        "never seen",
        "without a group",
        "without a tag",
    ]
    assert [line[:11].rstrip() for line in parts[5][1:]] == [
        "within 1 h",
        "1 h to 4 h",
        "4 h to 1 d",
        "1 d to 1 w",
        "1 w to 30 d",
        "older",
        "never",
    ]
    assert not re.search(r"\x1b| $", ran.out, re.MULTILINE)


def test_json_has_every_number_that_the_text_has(run: Run, made: Path) -> None:
    text = run("fleet", "show", made, "--now", NOW)
    ran = run("fleet", "show", made, "--now", NOW, "--json")
    data = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert set(data) == {
        "source",
        "now",
        "online_threshold",
        "devices",
        "production",
        "test",
        "online",
        "never_seen",
        "groupless",
        "tagless",
        "unknown_version",
        "groups",
        "tags",
        "target_versions",
        "activity",
        "read",
    }
    assert (data["now"], data["online_threshold"], data["devices"]) == (NOW, 14400, 5000)
    assert data["read"]["rows"] == 5000
    for heading, one in (("group ", data["groups"][0]), ("tag ", data["tags"][0])):
        # The largest comes first.
        line = text.lines[next(n for n, line in enumerate(text.lines) if line.startswith(heading)) + 1]
        assert line.startswith(one["name"] + " ")
        shown = [word for word in line.split()[1:] if not word.endswith("%")]
        assert shown == [str(one[key]) for key in ("devices", "production", "online")]
    bars = text.lines[text.lines.index(next(line for line in text.lines if line.startswith("last seen"))) + 1 :]
    assert [int(line[11:].split()[0].replace(",", "")) for line in bars[:7]] == [
        *(one["devices"] for one in data["activity"]),
        data["never_seen"],
    ]


def test_twenty_groups_are_shown_and_the_rest_counted(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "fleet.parquet"
    groups = [f"group-{number:02}" for number in range(25) for _ in range(30 - number)]
    uuids = [f"{number:032x}" for number in range(len(groups))]
    pq.write_table(pa.table({"uuid": uuids, "group": groups, "production": [True] * len(groups)}), path)
    text = run("fleet", "show", path)
    shown = [line.split()[0] for line in text.lines if line.startswith("group-")]
    assert shown == [f"group-{number:02}" for number in range(20)]
    (more,) = [line for line in text.lines if line.startswith("and ")]
    assert more.split()[:4] == ["and", "5", "more", str(sum(30 - number for number in range(20, 25)))]
    data = json.loads(run("fleet", "show", path, "--json").out)
    assert [one["name"] for one in data["groups"]] == [f"group-{number:02}" for number in range(25)]


def test_the_threshold_decides_who_is_online(run: Run, made: Path) -> None:
    def online(threshold: str) -> int:
        ran = run("fleet", "show", made, "--now", NOW, "--json", "--online-threshold", threshold)
        return int(json.loads(ran.out)["online"])

    data = json.loads(run("fleet", "show", made, "--now", NOW, "--json").out)
    assert online("1h") == data["activity"][0]["devices"]
    assert online("1d") == sum(one["devices"] for one in data["activity"][:3])


def test_what_was_found_while_reading_is_told_on_stderr(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    path.write_text(f"uuid,owner\n{'a' * 32},x\n{'a' * 32},x\n{'b' * 32},y\n")
    ran = run("fleet", "show", path)
    assert ran.code == 0
    assert "note: " in ran.err
    assert "no production column" in ran.err.lower()
    assert ran.lines[-1] == "not used: owner"
    assert "read 3 rows; 1 row that repeats an earlier one" in ran.lines
    assert "uuid            uuid" in ran.lines


def test_names_obey_no_terminal(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "fleet\x1b[2J.csv"
    path.write_text(f"uuid,production\n{'a' * 32},true\n")
    assert "\x1b" not in run("fleet", "show", path).out


def test_a_file_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    ran = run("fleet", "show", tmp_path / "none.csv")
    assert ran.code == 3
    assert "none.csv" in ran.err
    assert ran.out == ""
