"""What of a strategy can never be met, on a fleet whose counts are known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from groundswell import Fleet, gate
from groundswell.decide import Strategy, check_strategy
from support.factories import AT, NOW

if TYPE_CHECKING:
    from groundswell.decide import StrategyCheck

DAY = 86_400


def fleet(**columns: Any) -> Fleet:
    """1 000 devices on main: 50 in canary, 950 in field; 10 are updated; 100 were last seen 100 days ago."""
    table = {
        "uuid": [f"{number:032x}" for number in range(1, 1011)],
        "group": ["canary"] * 50 + ["field"] * 950 + ["canary"] * 10,
        "tag": ["main"] * 1000 + ["next"] * 10,
        "production": [True] * 1010,
        "last_seen": [NOW] * 900 + [NOW - 100 * DAY] * 100 + [NOW] * 10,
        "target_version": [42] * 10 + [41] * 1000,
        "hardware_id": ["pi"] * 990 + ["x86"] * 20,
    }
    return Fleet.read(pa.table(table | columns), now=AT)


def checked(text: str, **words: Any) -> StrategyCheck:
    said: dict[str, Any] = {"fleet": fleet(), "tag": "main", "now": AT}
    return check_strategy(Strategy.parse(text), **(said | words))


def problem(text: str, **words: Any) -> str:
    return "\n".join(checked(text, **words).problems)


def test_the_devices_of_each_step() -> None:
    text = '[stop]\nfailure = "2%"\nsilence = false\n[[step]]\ngroup = "canary"\n[[step]]\nlimit = "5%"\n'
    text += '[[step]]\nto = "50%"\n'
    text += '[[step]]\ngroup = "field"\nlimit = 7\n[[step]]\nto = "100%"\n'
    found = checked(text, target_version=42)
    assert found.matching == 1000
    # The group has 50 devices, 10 of which are updated; 5% more; until 500 are covered or updated; 7 more; all.
    assert [step.devices for step in found.steps] == [40, 50, 400, 7, 493]
    assert [step.covered for step in found.steps] == [50, 100, 500, 507, 1000]
    assert found.problems == ()
    assert found.steps[0].noticed == pytest.approx(gate.noticed_rate("2%", 40))
    assert found.steps[0].disproved == pytest.approx(gate.bounds(40, 0)[1])


def test_alpha_is_shared() -> None:
    def noticed(stop: str) -> float | None:
        return checked(f'[stop]\nfailure = "2%"\n{stop}\n[[step]]\nlimit = 100\n').steps[0].noticed

    assert noticed("silence = false") == pytest.approx(gate.noticed_rate("2%", 100))
    assert noticed("") == pytest.approx(gate.noticed_rate("2%", 100, alpha=0.025))
    assert noticed('lost = "5%"\nby = "group"') == pytest.approx(gate.noticed_rate("2%", 100, alpha=0.05 / 3 / 2))
    assert noticed('silence = false\nconfidence = "99%"') == pytest.approx(gate.noticed_rate("2%", 100, alpha=0.01))


STEP = "[[step]]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (STEP + 'group = "canari"\n', "step 1: no group is named `canari`"),
        (
            STEP + 'limit = 50\nprove = "1%"\n',
            "step 1: 50 devices of which none fails prove a rate below 6.2%, not below 1%",
        ),
        ("concurrent = 40\n" + STEP + "limit = 50\n", "step 1 has 50 devices, and `concurrent` allows 40"),
        (STEP + 'to = "100%"\nreported = "91%"\n', "`reported` requires 910 of its 1000 devices, and 900 were seen"),
        (STEP + 'uuids = "00000000-0000-0000-0000-00000000ffff"\n', "step 1: 1 listed device does not match"),
        ('holidays = ["2026-01-01/2029-01-01"]\n' + STEP + "limit = 1\n", "no step can start within a year"),
    ],
)
def test_what_can_never_be_met(text: str, told: str) -> None:
    assert told in problem(text)


def test_a_first_step_without_devices() -> None:
    everyone = fleet().core.tag("main")
    assert "the run would be held at once" in problem(STEP + "limit = 5\n", covered=everyone)
    assert "no production device listens to tag" in problem(
        STEP + "limit = 5\n", fleet=fleet(production=[False] * 1010)
    )


def test_a_group_without_matching_devices() -> None:
    lonely = fleet(group=["field"] * 1000 + ["canary"] * 10)
    assert "step 1: the group `canary` has no device that matches" in problem(STEP + 'group = "canary"\n', fleet=lonely)


def test_what_a_person_should_know() -> None:
    warned = "\n".join(checked(STEP + 'group = "canary"\nreported = 60\n' + STEP + 'to = "100%"\n').warnings)
    assert "`reported` requires all of them" in warned
    assert "step 1 takes in all of its devices, so silence is not tested" in warned
    assert "step 1 does not test 1 group: field" in warned
    assert "step 1 does not test 1 hardware id: x86" in warned
    never = fleet(last_seen=pa.nulls(1010, pa.int64()))
    unknown = checked(STEP + "limit = 5\n", fleet=never)
    assert "no device was ever seen" in "\n".join(unknown.warnings)
    assert unknown.problems == ()  # unknown is not impossible


@pytest.mark.parametrize("draw", ["active", "even"])
def test_devices_that_a_sample_reaches_are_not_called_untested(draw: str) -> None:
    """All are online, so that all have one weight, although half of them were seen two hours before the others."""
    half = {"last_seen": [NOW, NOW - 7200] * 505, "hardware_id": ["pi", "x86"] * 505}
    found = checked(f'draw = "{draw}"\n{STEP}limit = 100\n', fleet=fleet(**half))
    assert not any("hardware id" in warning for warning in found.warnings)


def test_the_file_alone() -> None:
    found = check_strategy(Strategy.parse(STEP + "limit = 5\n"), now=AT + timedelta(days=1))
    assert (found.matching, found.steps, found.problems) == (None, (), ())
    assert found.to_data()["steps"] == ()


def test_a_sample_of_active_devices_does_not_test_the_others() -> None:
    """100 of the 1 000 devices were last seen 100 days ago: their weight is 1/1024 of the others'."""
    warned = "\n".join(checked(STEP + "limit = 20\n").warnings)
    assert "step 1 does not test 1 recency band: more than 30 d" in warned


def test_a_step_without_controls() -> None:
    warned = "\n".join(checked(STEP + 'to = "96%"\n' + STEP + 'to = "100%"\n').warnings)
    assert "step 1 leaves 40 devices to compare with: silence is not tested" in warned
    assert "step 2 leaves 0 devices to compare with: silence is not tested" in warned
