"""``groundswell strategies``: what it prints where, and what it refuses with which exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from support.commands import Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

STRATEGY = '[stop]\nfailure = "2%"\n[[step]]\nto = "10%"\n[[step]]\nto = "100%"\n'
OPTIONS = ("--runs", "8", "--seed", "1", "--horizon", "10d", "--scenario", "healthy:", "--scenario", "bad: defect=30%")


@pytest.fixture
def files(tmp_path: Path, run: Run) -> tuple[str, str]:
    fleet, strategy = tmp_path / "fleet.csv", tmp_path / "slow.toml"
    assert run("fleet", "synth", "--devices", "2000", "--now", "2026-11-24T00:00:00Z", str(fleet)).code == 0
    strategy.write_text(STRATEGY)
    return str(strategy), str(fleet)


def test_a_table_a_sentence_and_all_runs(files: tuple[str, str], run: Run, tmp_path: Path) -> None:
    strategy, fleet = files
    out = tmp_path / "runs.parquet"
    ran = run(
        "strategies", "simulate", strategy, "--fleet", fleet, *OPTIONS, "-o", str(out), "--plot", str(tmp_path / "p")
    )
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].split()[:3] == ["strategy", "scenario", "stopped"]
    assert lines[-1].startswith("slow stops ")
    assert "--seed 1" in ran.err
    assert pq.read_table(out).num_rows == 16
    assert len(list((tmp_path / "p").iterdir())) == 8


def test_json_is_the_same_for_one_and_two_threads(files: tuple[str, str], run: Run) -> None:
    strategy, fleet = files
    command = ("strategies", "simulate", strategy, "--fleet", fleet, *OPTIONS, "--json")
    one, two = (run(*command, "--threads", threads) for threads in ("1", "2"))
    assert one.out == two.out
    data = json.loads(one.out)
    assert [(row["strategy"], row["scenario"]) for row in data["results"]] == [("slow", "healthy"), ("slow", "bad")]
    assert data["results"][1]["stopped"] == 1
    assert data["now"].startswith("2026-11-23T23:5"), "the latest check-in"


def test_scenarios_come_from_a_file_too(files: tuple[str, str], run: Run, tmp_path: Path) -> None:
    strategy, fleet = files
    (tmp_path / "scenarios").write_text("# one\nbad: defect=30%\n")
    options = ("--runs", "2", "--seed", "1", "--scenario", f"@{tmp_path / 'scenarios'}", "--json")
    ran = run("strategies", "simulate", strategy, "--fleet", fleet, *options)
    assert [row["scenario"] for row in json.loads(ran.out)["results"]] == ["bad"]


@pytest.mark.parametrize(
    ("options", "code", "part"),
    [
        (("--scenario", "bad: defect=30% where group=nobody"), 2, "scenario-without-devices"),
        (("--scenario", "bad"), 2, "bad-scenario"),
        (("--runs", "0"), 2, "bad-runs"),
        (("--tag", "nowhere"), 3, "unknown-tag"),
        (("--tick", "0s"), 2, "bad-duration"),
    ],
)
def test_what_is_refused(files: tuple[str, str], run: Run, options: tuple[str, ...], code: int, part: str) -> None:
    strategy, fleet = files
    ran = run("strategies", "simulate", strategy, "--fleet", fleet, "--json", *options)
    assert (ran.code, ran.out) == (code, "")
    assert part in ran.err


def test_a_bad_strategy_is_refused_before_the_fleet_is_read(tmp_path: Path, run: Run) -> None:
    (tmp_path / "bad.toml").write_text("[stop]\nfailur = 1\n")
    ran = run("strategies", "simulate", str(tmp_path / "bad.toml"), "--fleet", str(tmp_path / "missing.csv"))
    assert ran.code == 2
    assert "line 2, column 1" in ran.err


def test_check_says_what_can_never_be_met(files: tuple[str, str], run: Run, tmp_path: Path) -> None:
    strategy, fleet = files
    good = run("strategies", "check", strategy, "--fleet", fleet)
    assert good.code == 0
    assert good.lines[0].split() == ["step", "devices", "covered", "notices", "can", "prove"]
    assert "the strategy slow can run" in good.err
    bad = tmp_path / "bad.toml"
    bad.write_text('concurrent = 1\n[[step]]\ngroup = "no-such-group"\n[[step]]\nto = "10%"\n')
    refused = run("strategies", "check", str(bad), "--fleet", fleet)
    assert refused.code == 2
    assert "never: step 1: no group is named `no-such-group`" in refused.lines
    assert "can run" not in refused.err
    alone = run("strategies", "check", str(bad))
    assert (alone.code, alone.out) == (0, "")
    assert "--fleet checks it on devices" in alone.err
    assert run("strategies", "check", strategy, "--fleet", fleet, "--wave", "w").code == 2
