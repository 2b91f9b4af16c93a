"""Simulations through Python: results, pictures, and what is refused."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from groundswell import Fleet, _core
from groundswell.decide import simulator as simulator_module
from groundswell.decide.resolved import Least, ResolvedStep, ResolvedStrategy
from groundswell.decide.simulator import Simulator
from groundswell.errors import GroundswellError, InputError
from groundswell.values import instant, parse_goal

if TYPE_CHECKING:
    from pathlib import Path

    from groundswell.decide.results import SimulationResults

NOW = 1_795_478_400
DAY = 86400


def fleet_of(ages: list[int | None], **columns: Any) -> Fleet:
    table = {
        "uuid": [f"{i + 1:032x}" for i in range(len(ages))],
        "production": [True] * len(ages),
        "last_seen": pa.array([None if age is None else NOW - age for age in ages], pa.int64()),
        **columns,
    }
    return Fleet.read(pa.table(table), now=instant(NOW))


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    ages: list[int | None] = [(i * 37) % 20_000 if i % 10 else i * 400 for i in range(2_000)]
    hardware = ["small" if i % 20 == 0 else "large" for i in range(2_000)]
    return fleet_of(ages, hardware_id=hardware, group=["canary" if i % 7 == 0 else "main" for i in range(2_000)])


def strategy(name: str = "s", *goals: str, **options: Any) -> ResolvedStrategy:
    steps = tuple(ResolvedStep(limit=parse_goal(goal)) for goal in goals or ("10%", "100%"))
    return ResolvedStrategy(name, steps, **{"failure": 0.02, **options})


def simulated(fleet: Fleet, *, runs: int = 20, scenarios: list[Any] | None = None, **options: Any) -> SimulationResults:
    made = Simulator.of(fleet, seed=1, horizon=timedelta(days=20), **options)
    strategies = [strategy("two"), strategy("three", "5%", "50%", "100%", by="hardware_id")]
    return made.run(strategies, made.scenarios(scenarios, 0.02), runs=runs)


@pytest.fixture(scope="module")
def results(fleet: Fleet) -> SimulationResults:
    return simulated(fleet)


def test_the_default_suite_has_eight_scenarios_for_each_strategy(results: SimulationResults) -> None:
    names = [cell.scenario.name for cell in results.cells if cell.strategy == "two"]
    assert len(names) == 8
    assert names[0] == "healthy"
    assert "20% of small" in names
    assert [one.scenario.name for one in results.summaries if one.strategy == "three"] == names


def test_all_runs_are_in_the_table_and_summaries_agree_with_it(results: SimulationResults) -> None:
    table = results.to_arrow()
    assert table.num_rows == 2 * 8 * 20
    for summary in results.summaries:
        rows = [
            row
            for row in table.to_pylist()
            if (row["strategy"], row["scenario"]) == (summary.strategy, summary.scenario.name)
        ]
        stopped = [row for row in rows if row["end"] in {"failure", "failure-of-value", "lost", "silence", "devices"}]
        assert summary.stopped == len(stopped) / 20
        exposed = sorted(row["exposed"] for row in rows)
        assert (summary.exposed.p5, summary.exposed.p50, summary.exposed.p95) == (exposed[0], exposed[9], exposed[18])
        assert all(row["harmed"] <= row["exposed"] <= results.matching for row in rows)
        assert {row["value"] for row in rows} <= {None, "small", "large"}
        assert all((row["value"] is not None) == (row["end"] == "failure-of-value") for row in rows)


def test_equal_seeds_give_equal_results_for_any_number_of_threads(fleet: Fleet) -> None:
    made = Simulator.of(fleet, seed=5, horizon=timedelta(days=10))
    scenarios = made.scenarios(["x: defect=4%"], 0.02)
    tables = [made.run([strategy()], scenarios, runs=9, threads=threads).to_arrow() for threads in (1, 2, 5)]
    assert tables[0] == tables[1] == tables[2]
    other = Simulator.of(fleet, seed=6, horizon=timedelta(days=10))
    assert other.run([strategy()], other.scenarios(["x: defect=4%"], 0.02), runs=9).to_arrow() != tables[0]


def test_each_strategy_gets_one_sentence_and_each_cell_one_line(results: SimulationResults) -> None:
    assert [sentence.split()[0] for sentence in results.sentences] == ["two", "three"]
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in results.sentences)
    assert len(results.table().splitlines()) == 1 + 16
    assert results._repr_html_().count("<tr>") == 1 + 16


def test_data_for_json_has_the_seed_as_text_and_no_place_of_the_machine(results: SimulationResults) -> None:
    data = results.to_data()
    assert (data["seed"], data["runs"], data["complete"], len(data["results"])) == ("1", 20, True, 16)
    healthy = data["results"][0]
    assert healthy["false_stops"] == healthy["stopped"]
    assert healthy["misses"] is None
    at_the_limit = data["results"][1]
    assert at_the_limit["misses"] is None, "a strategy need not stop at its limit"


def test_equal_results_give_equal_pictures(results: SimulationResults, fleet: Fleet, tmp_path: Path) -> None:
    first = results.plot(tmp_path / "a")
    again = simulated(fleet).plot(tmp_path / "b")
    assert [path.name for path in first] == [
        f"{name}.{kind}" for name in ("updated", "exposed", "trade-off", "stopped") for kind in ("png", "svg")
    ]
    assert all(one.read_bytes() == two.read_bytes() for one, two in zip(first, again, strict=True))
    assert first[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in first[1].read_bytes()


def test_pictures_without_matplotlib_name_the_extra(
    results: SimulationResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError) as caught:
        results.plot(tmp_path)
    assert caught.value.code == "no-matplotlib"
    assert "groundswell[plots]" in caught.value.hint


def test_ctrl_c_keeps_the_finished_runs(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator_module, "_MAX_RUNS_PER_CALL", 4)
    made = Simulator.of(fleet, seed=1, horizon=timedelta(days=5))
    scenarios = made.scenarios(["x: defect=4%", "y:"], 0.02)
    calls = []

    def interrupt(done: float) -> None:
        calls.append(done)
        if len(calls) == 5:
            raise KeyboardInterrupt

    results = made.run([strategy()], scenarios, runs=40, progress=interrupt)
    assert (results.runs, results.wanted, results.is_complete) == (8, 40, False)
    whole = made.run([strategy()], scenarios, runs=8)
    assert results.to_arrow() == whole.to_arrow()
    calls[:] = [0.0] * 4
    with pytest.raises(KeyboardInterrupt):
        made.run([strategy()], scenarios, runs=40, progress=interrupt)


def refused(code: str, act: Any) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        act()
    assert caught.value.code == code, caught.value
    return caught.value


def test_what_means_nothing_is_refused(fleet: Fleet) -> None:
    made = Simulator.of(fleet, seed=1)
    refused("scenario-without-devices", lambda: made.scenarios(["x: defect=1% where hardware_id=tiny"], 0.02))
    refused("scenario-without-devices", lambda: made.scenarios(["x: defect=1% where away>400d"], 0.02))
    refused("repeated-scenario", lambda: made.scenarios(["x:", "x: defect=1%"], 0.02))
    refused("empty-list", lambda: made.scenarios([], 0.02))
    scenarios = made.scenarios(["x:"], 0.02)
    for runs in (0, -1, 1.5, 10**9):
        refused("bad-runs", lambda runs=runs: made.run([strategy()], scenarios, runs=runs))
    group = ResolvedStrategy("g", (ResolvedStep(group="nobody"),))
    refused("unknown-group", lambda: made.run([group], scenarios, runs=1))
    refused("unknown-tag", lambda: Simulator.of(fleet, tag="nowhere"))
    refused("bad-duration", lambda: Simulator.of(fleet, tick=timedelta(0)))
    refused("bad-duration", lambda: Simulator.of(fleet, tick=timedelta(seconds=1)))
    refused("bad-duration", lambda: Simulator.of(fleet, tick=timedelta(days=2), horizon=timedelta(days=1)))


def test_a_fleet_without_last_seen_has_no_habits() -> None:
    refused("no-habits", lambda: Simulator.of(fleet_of([None] * 5)))
    refused("no-habits", lambda: Simulator.of(fleet_of([100 * DAY]), now=instant(NOW)))


def test_now_is_the_latest_check_in_unless_it_is_given() -> None:
    assert Simulator.of(fleet_of([50, 90, None])).setup.now == instant(NOW - 50)
    assert Simulator.of(fleet_of([50, 90]), now=instant(NOW)).setup.now == instant(NOW)


def test_a_small_fleet_is_noted(fleet: Fleet) -> None:
    (note,) = Simulator.of(fleet_of([3600] * 3)).notes(3600)
    assert "60 min" in note
    assert Simulator.of(fleet).notes(3600) == []


def test_two_hundred_steps_run() -> None:
    fleet = fleet_of(list(range(500)))
    steps = tuple(
        ResolvedStep(limit=parse_goal(2 * (i + 1)), soak=900, reported=Least(count=0), settled=Least(count=0))
        for i in range(200)
    )
    made = Simulator.of(fleet, seed=1, horizon=timedelta(days=10))
    results = made.run([ResolvedStrategy("long", steps)], made.scenarios(["x: base=0%"], 0.02), runs=2)
    assert set(results.to_arrow()["end"].to_pylist()) == {"finished"}
    assert set(results.column(0, "step")) == {199}
    assert _core.RUN_ENDS[0] == "finished"
