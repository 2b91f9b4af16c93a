"""The page of results is made of results.json and nothing else, and every goal of the issue has a row in it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from benches import goals, page, results, run
from benches.work import OURS

PARTS = results.load()
MEASURED = [one for part in PARTS for one in part.results]
JUDGED = goals.judged(MEASURED)
KEPT = json.loads(results.RESULTS.read_text(encoding="utf-8"))


def test_the_page_is_made_of_the_results() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.render(PARTS, JUDGED)


def test_the_results_say_what_the_goals_came_to() -> None:
    assert KEPT["goals"] == [goal.as_data() for goal in JUDGED]


def test_every_goal_has_a_row_and_a_verdict() -> None:
    rows = page.render(PARTS, JUDGED).splitlines()
    for one in goals.GOALS:
        (row,) = [row for row in rows if row.startswith(f"| {one.work} | {one.asks} |")]
        assert "yes" in row or "**no**" in row or "not measured" in row


def test_every_suite_was_measured() -> None:
    assert {part.suite for part in PARTS} == set(run.SUITES)


def test_a_goal_is_met_where_every_cell_is() -> None:
    few = [("select k", 4.0, True), ("select k", 3.9, False)]
    for name, value, met in few:
        cell = goals.Cell(name, value, 4, at_least=True, unit="×")
        assert cell.met is met
        assert goals.Judged(goals.GOALS[0], (cell,)).met is met
    slow = goals.Cell("open", 0.6, 0.5, at_least=False, unit="s")
    fast = replace(slow, value=0.4)
    both = goals.Judged(goals.GOALS[0], (fast, slow))
    assert (both.met, both.worst) == (False, slow)
    assert goals.Judged(goals.GOALS[0], ()).met is None


def test_what_was_not_run_is_told_with_its_reason() -> None:
    ours = results.Result("Sort", "1", 1, OURS, [1.0], [1.0])
    other = results.Result("Sort", "1", 1, "pandas", not_run="takes too long")
    context = PARTS[0].context
    shown = page.render([results.Part("select", 1, context, [ours, other])], [])
    assert "| pandas | not run | |" in shown
    assert "Not run: takes too long." in shown


def test_ratios_are_of_the_same_turn() -> None:
    def turn(contender: str, number: int, seconds: float) -> dict[str, object]:
        told = {"heading": "Sort", "column": "1", "size": 1, "contender": contender, "turn": number}
        return {"extra_info": told | {"amount": None, "facts": {}}, "stats": {"median": seconds}}

    ours, other = results.results_of(
        [turn(OURS, 0, 1), turn("slow", 0, 3), turn(OURS, 1, 2), turn(OURS, 2, 4), turn("slow", 2, 8)]
    )
    assert ours.medians_ms == [1000, 2000, 4000]
    assert other.ratios == [3, 2]


def test_suites_that_there_are_not_are_refused() -> None:
    with pytest.raises(SystemExit, match="no such suite: selekt"):
        run.main(["--only", "selekt"])
