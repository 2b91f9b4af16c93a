"""Strategy files: what they mean, and where a mistake is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from groundswell import Strategy
from groundswell.decide.resolve import resolve
from groundswell.decide.resolved import Least
from groundswell.decide.windows import open_intervals, parse_holiday, parse_window
from groundswell.errors import InputError, NotFoundError

START = datetime(2026, 11, 24, tzinfo=UTC)
END = START + timedelta(days=30)
EXAMPLES = Path(__file__).parents[2] / "docs/examples"
PAGE = """
zone = "Europe/Berlin"
window = ["Mon-Thu 09:00-16:00"]
holidays = ["2026-12-24/2027-01-02"]
[stop]
failure = "2%"
by = "hardware_id"
[[step]]
group = "canary"
[[step]]
to = "1%"
soak = "48h"
[[step]]
to = "10%"
approve = true
[[step]]
to = "100%"
"""


def test_the_file_of_the_page_means_what_it_says() -> None:
    strategy = resolve(Strategy.parse(PAGE, "page"), START, END)
    canary, one, ten, all_of_them = strategy.steps
    assert (strategy.name, strategy.failure, strategy.by, strategy.alpha) == ("page", 0.02, "hardware_id", 0.05)
    assert (canary.group, canary.limit, canary.soak) == ("canary", None, 86400)
    assert one.limit is not None
    assert (one.limit.thousandths, one.limit.is_goal, one.soak) == (1000, True, 172_800)
    assert (ten.approve, all_of_them.approve) == (True, False)
    assert (one.reported, one.settled) == (Least(thousandths=60_000), Least(thousandths=98_000))
    assert strategy.windows is not None
    assert strategy.windows[0] == (8 * 3600, 15 * 3600), "Berlin is an hour ahead of UTC in November"


def test_the_top_level_has_defaults_of_steps() -> None:
    strategy = Strategy.parse(
        'soak = "0h"\nsettled = "0%"\nreported = 5\n[[step]]\nlimit = 3\n[[step]]\nto = 9\nsoak = "1h"'
    )
    first, second = resolve(strategy, START, END).steps
    assert (first.soak, first.settled, first.reported, second.soak) == (0, Least(thousandths=0), Least(count=5), 3600)


def test_dates_are_local() -> None:
    text = 'zone = "America/New_York"\n[[step]]\nto = "1%"\nnot_before = 2026-11-25T09:00:00'
    assert resolve(Strategy.parse(text), START, END).steps[0].not_before == (24 + 9 + 5) * 3600


def test_the_examples_are_strategies_that_differ_in_one_key() -> None:
    b, d, by = (resolve(Strategy.read(EXAMPLES / f"{name}.toml"), START, END) for name in ("b", "d", "by-hardware"))
    assert [step.settled.thousandths for step in (*b.steps, *d.steps)] == [0] * 4 + [98_000] * 4
    assert (d.by, by.by, by.steps) == (None, "hardware_id", d.steps)


STEP = '[[step]]\nto = "1%"\n'


@pytest.mark.parametrize(
    ("text", "place", "part"),
    [
        ("", "", "no `[[step]]`"),
        ("x = ", "line 1", "not TOML"),
        (f'soke = "1h"\n{STEP}', "line 1, column 1", "`soke` is not a key"),
        (f'[stop]\nfailure = "2%"\n  failur = "2%"\n{STEP}', "line 3, column 3", "`failur`"),
        (f'{STEP}[[step]]\nto = "2%"\nsoak = ""\n', "line 5, column 1", "`soak`"),
        (f'[stop]\nfailure = "0%"\n{STEP}', "line 2", "`failure` is `0%`"),
        (f'[stop]\nfailure = "51%"\n{STEP}', "line 2", "`failure`"),
        (f'[stop]\nfailure = "100%"\n{STEP}', "line 2", "`failure`"),
        (f"[stop]\nfailure = 2\n{STEP}", "line 2", "`failure`"),
        (f"[stop]\ndevices = 0\n{STEP}", "line 2", "`devices`"),
        (f"[stop]\ndevices = true\n{STEP}", "line 2", "`devices`"),
        (f'[stop]\nby = "group"\n{STEP}', "line 2", "requires `failure`"),
        (f'[stop]\nfailure = "1%"\nby = "colour"\n{STEP}', "line 3", "`hardware_id` or `group`"),
        (f'[stop]\nconfidence = "100%"\n{STEP}', "line 2", "`confidence`"),
        (f'patience = "0h"\n{STEP}', "line 1", "`patience`"),
        ('[[step]]\nto = "0%"', "line 2", "`to`"),
        ('[[step]]\nto = "101%"', "line 2", "`to`"),
        ('[[step]]\nsoak = "1h"', "step 1", "names no devices"),
        ('[[step]]\nto = "1%"\nlimit = 3', "line 2", "cannot be combined with `limit`"),
        ('[[step]]\ngroup = " "', "line 2", "`group`"),
        ('step = "all"', "", "`step` is not"),
        (f"window = []\n{STEP}", "line 1", "is empty"),
        (f'window = ["Mon 9-5"]\n{STEP}', "line 1", "`Mon 9-5`"),
        (f'holidays = ["2026-02-30"]\n{STEP}', "line 1", "`2026-02-30`"),
        (f'zone = "Europe/Berlino"\n{STEP}', "line 1", "not a time zone"),
        ('[[step]]\nto = "1%"\ndeadline = "0h"', "line 3", "`deadline`"),
        ('[[step]]\nto = "1%"\nprove = "60%"', "line 3", "`prove`"),
    ],
)
def test_a_mistake_is_refused_with_its_place(text: str, place: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        Strategy.parse(text)
    assert caught.value.code == "bad-strategy"
    assert place in caught.value.message
    assert part in caught.value.message, caught.value.message


@pytest.mark.parametrize("key", ["x", "draw", "soak", "stop", "step", "window"])
@pytest.mark.parametrize("depth", [10, 300, 900, 5_000])
def test_a_deeply_nested_value_is_a_mistake(key: str, depth: int) -> None:
    for text in (
        f"{key} = {'[' * depth}{']' * depth}\n",
        f"{key} = {'[' * depth}",
        f"{key} = {'{a=' * depth}1{'}' * depth}\n",
    ):
        with pytest.raises(InputError) as caught:
            Strategy.parse(text)
        assert caught.value.code == "bad-strategy"


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        Strategy.parse(f'[stop]\nfailur = "2%"\n{STEP}')
    assert "`failure`" in caught.value.hint


def test_files_that_are_not_there_or_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        Strategy.read(tmp_path / "no.toml")
    for data in (b"\xff\xfe", b"#" * (1 << 20) + b"\n"):
        (tmp_path / "bad.toml").write_bytes(data)
        with pytest.raises(InputError, match=r"UTF-8|larger"):
            Strategy.read(tmp_path / "bad.toml")


def test_a_list_of_devices_is_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{'a' * 32}\n{'b' * 32}\n")
    (tmp_path / "s.toml").write_text('[[step]]\nuuids = "@list"\n')
    found: Any = resolve(Strategy.read(tmp_path / "s.toml"), START, END).steps[0].uuids
    assert found.shape == (2, 16)


# --- windows --------------------------------------------------------------------------------------------------------

BERLIN = ZoneInfo("Europe/Berlin")


def opened(window: str, day: str, *, holidays: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """The open intervals of one UTC day, as texts."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    parsed = parse_window(window)
    assert parsed is not None
    closed = [found for text in holidays if (found := parse_holiday(text)) is not None]
    intervals = open_intervals([parsed], closed, BERLIN, start=start, end=start + timedelta(days=1))

    def shown(seconds: int) -> str:
        return (start + timedelta(seconds=seconds)).strftime("%H:%M")

    return [(shown(low), shown(high)) for low, high in intervals]


def test_windows_follow_the_local_clock_in_winter_and_in_summer() -> None:
    assert opened("09:00-16:00", "2026-12-01") == [("08:00", "15:00")]
    assert opened("09:00-16:00", "2026-07-01") == [("07:00", "14:00")]
    assert opened("Mon-Thu 09:00-16:00", "2026-12-04") == [], "a Friday"


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_starts() -> None:
    assert opened("Mon 22:00-04:00", "2026-12-01") == [("00:00", "03:00")], "Tuesday has the rest of Monday's"
    assert opened("Mon 22:00-04:00", "2026-11-30") == [("21:00", "00:00")]
    assert opened("22:00-04:00", "2026-12-01", holidays=("2026-11-30",)) == [("21:00", "00:00")]


def test_a_start_that_dst_skips_moves_to_the_first_instant_after() -> None:
    assert opened("02:30-04:00", "2026-03-29") == [("01:00", "02:00")]


def test_an_hour_that_occurs_twice_is_open_both_times() -> None:
    assert opened("02:00-03:00", "2026-10-25") == [("00:00", "02:00")]
    assert opened("02:10-02:30", "2026-10-25") == [("00:10", "00:30"), ("01:10", "01:30")]


@pytest.mark.parametrize("text", ["", "9:00-10:00", "Mon 25:00-26:00", "Foo 09:00-10:00", "Mon- 09:00-10:00"])
def test_texts_that_are_not_windows(text: str) -> None:
    assert parse_window(text) is None
    assert parse_holiday(text) is None
