"""Scenarios as text: what they mean, and what is refused."""

from __future__ import annotations

import pytest

from groundswell.decide.scenarios import Scenario, parse_scenario, parse_scenarios
from groundswell.errors import InputError

DAY = 86400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("healthy:", Scenario("healthy")),
        ("5%: defect=5%", Scenario("5%", defect=0.05)),
        ("late: defect=5% after 36h", Scenario("late", defect=0.05, after=36 * 3600)),
        ("bricks: brick defect=1% base=0%", Scenario("bricks", defect=0.01, base=0.0, brick=True)),
        ("x: defect=20% where hardware_id=jetson", Scenario("x", defect=0.2, hardware_id="jetson")),
        ("x: defect=1% where group='field trial'", Scenario("x", defect=0.01, group="field trial")),
        (
            "x: defect=1% where target_version<40 and away>7d",
            Scenario("x", defect=0.01, below=40, away=7 * DAY),
        ),
        ("slow: install=20m..2h", Scenario("slow", install=(1200, 7200))),
        ("fast: install=90s", Scenario("fast", install=(90, 90))),
        ("group names may have an equals sign: defect=1% where group=a=b", Scenario("", group="a=b", defect=0.01)),
    ],
)
def test_a_text_means_its_scenario(text: str, expected: Scenario) -> None:
    found = parse_scenario(text)
    assert found == Scenario(**{**{f: getattr(expected, f) for f in Scenario.__slots__}, "name": found.name})
    assert found.name == text.partition(":")[0]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("defect=5%", "no name"),
        (": defect=5%", "no name"),
        ("x: defekt=5%", "unknown word `defekt=5%`"),
        ("x: defect=5", "not a percentage"),
        ("x: defect=101%", "not a percentage"),
        ("x: defect=-1%", "not a percentage"),
        ("x: defect=5% defect=6%", "`defect` twice"),
        ("x: brick brick defect=1%", "`brick` twice"),
        ("x: brick", "`brick` but no `defect=`"),
        ("x: base=1% after 3h", "`after` but no `defect=`"),
        ("x: defect=0% where group=a", "`where` but no `defect=`"),
        ("x: defect=5% after", "not a duration"),
        ("x: defect=5% after soon", "not a duration"),
        ("x: defect=5% after=3h", "unknown word"),
        ("x: defect=5% where", "where a condition is expected"),
        ("x: defect=5% where colour=red", "where a condition is expected"),
        ("x: defect=5% where group<a", "not one of the four"),
        ("x: defect=5% where target_version<-1", "not one of the four"),
        ("x: defect=5% where group=a and group=b", "two conditions on `group`"),
        ("x: defect=5% where group=a and group=a", "two conditions on `group`"),
        ("x: defect=5% and group=b", "unknown word `and`"),
        ("x: install=2h..20m", "ends before it starts"),
        ("x: defect=5% where group='a", "quotation mark"),
        ("x" * 61 + ":", "no name"),
    ],
)
def test_a_text_that_means_nothing_is_refused(text: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_scenario(text)
    assert caught.value.code == "bad-scenario"
    assert part in caught.value.message
    assert caught.value.hint


def test_an_unknown_word_names_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        parse_scenario("x: brik defect=1%")
    assert "`brick`" in caught.value.hint


def test_a_file_has_a_scenario_a_line_and_errors_have_the_line() -> None:
    assert [one.name for one in parse_scenarios(["# two", "", "a:", " b: defect=1% "])] == ["a", "b"]
    with pytest.raises(InputError, match="in line 2"):
        parse_scenarios(["a:", "b"])
