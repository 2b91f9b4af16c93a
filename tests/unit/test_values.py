"""Limits, seeds, instants and durations: what is accepted, what is refused, and with which words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell import InputError
from groundswell.values import (
    ALL,
    Limit,
    epoch_seconds,
    instant,
    parse_limit,
    parse_seed,
    whole_seconds,
)


@pytest.mark.parametrize(
    ("given_limit", "count"),
    [
        (1, 1),
        (10_000, 10_000),
        ("7", 7),
        (" 7 ", 7),
        ("007", 7),
        (np.int64(5), 5),
        (10**30, 2**63 - 1),
        ("9" * 5000, 2**63 - 1),
    ],
)
def test_a_count_is_a_whole_number_of_1_or_more(given_limit: Any, count: int) -> None:
    assert parse_limit(given_limit) == Limit(count=count)


@pytest.mark.parametrize("text", ["0.001%", "0.5%", "1%", "2.5 %", "10.000%", "33.333%", "100%", "100.0%", "007%"])
def test_a_percentage_is_exact(text: str) -> None:
    exact = Fraction(Decimal(text.rstrip("% ")))
    limit = parse_limit(text)
    assert limit.thousandths is not None
    assert Fraction(limit.thousandths, 1000) == exact


@given(st.integers(1, 100_000))
def test_every_percentage_of_three_decimals_is_read_as_it_is_written(thousandths: int) -> None:
    assert parse_limit(f"{Decimal(thousandths) / 1000}%") == Limit(thousandths=thousandths)


@pytest.mark.parametrize(
    "bad",
    [
        0,
        -5,
        "0",
        "-5",
        "00",
        "",
        " ",
        "\t",
        "101%",
        "100.001%",
        "0%",
        "0.000%",
        "-1%",
        "0.0001%",
        "1e3",
        "1e3%",
        "ten",
        "%",
        "5%%",
        "٥",
        "５",
        "5_000",
        "1,000",
        "+5",
        "1.5",
        1.5,
        True,
        False,
        b"5",
        [],
        "0x10",
        "nan",
        "inf",
        "9" * 5000 + "%",
    ],
)
def test_anything_else_is_a_bad_limit_that_names_the_value(bad: Any) -> None:
    with pytest.raises(InputError) as caught:
        parse_limit(bad)
    assert caught.value.code == "bad-limit"
    assert f"`{str(bad)[:40]}" in caught.value.message
    assert caught.value.hint
    assert len(caught.value.message) < 120


def test_no_limit_is_all() -> None:
    assert parse_limit(None) is ALL


def test_a_limit_prints_as_it_is_typed() -> None:
    assert [str(parse_limit(text)) for text in ("10", "2.5%", "100%", None)] == ["10", "2.5%", "100%", "all"]


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1, np.uint64(2**64 - 1)])
def test_a_seed_is_any_64_bits(seed: Any) -> None:
    assert parse_seed(seed) == int(seed)


@pytest.mark.parametrize("seed", [-1, 2**64, "7", 1.0, True])
def test_other_seeds_are_refused(seed: Any) -> None:
    with pytest.raises(InputError, match="seed") as caught:
        parse_seed(seed)
    assert caught.value.code == "bad-seed"


def test_a_fresh_seed_is_another_each_time() -> None:
    assert len({parse_seed(None) for _ in range(100)}) == 100


def test_instants_are_counted_from_1970_in_whole_seconds() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert epoch_seconds(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert epoch_seconds(datetime(2026, 11, 18, 6, 6, 40, 999_999, tzinfo=eastern)) == 1_795_000_000
    assert epoch_seconds(datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)) == -1
    assert epoch_seconds(instant(1_795_000_000)) == 1_795_000_000


@pytest.mark.parametrize("bad", [datetime(2026, 1, 1), date(2026, 1, 1), 1_795_000_000, "2026-01-01"])  # noqa: DTZ001
def test_naive_instants_are_refused(bad: Any) -> None:
    with pytest.raises(InputError) as caught:
        epoch_seconds(bad)
    assert caught.value.code == "bad-instant"


def test_durations_are_whole_seconds() -> None:
    assert whole_seconds(timedelta(days=2), "half_life") == 172_800


@pytest.mark.parametrize("bad", [timedelta(seconds=-1), timedelta(milliseconds=1500), 4, "4h", None])
def test_other_durations_are_refused(bad: Any) -> None:
    with pytest.raises(InputError, match="half_life") as caught:
        whole_seconds(bad, "half_life")
    assert caught.value.code == "bad-duration"
