"""What a cell may hold: the words of docs/fleets.md, judged by Python's datetime and by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.fleet import rules
from groundswell.fleet.rules import BadCellError

NOW = 1_795_478_400
DAY = 24 * 3600
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2105, 1, 1))  # noqa: DTZ001 (the zone is drawn apart)


@given(INSTANTS, st.integers(-23 * 60, 23 * 60), st.sampled_from("Tt "), st.booleans())
def test_an_instant_with_an_offset_is_that_of_datetime(
    naive: datetime,
    offset: int,
    separator: str,
    z: bool,  # noqa: FBT001 (hypothesis passes arguments by position)
) -> None:
    zone = UTC if z else timezone(timedelta(minutes=offset))
    when = naive.replace(tzinfo=zone)
    text = when.isoformat(separator)
    text = text.replace("+00:00", "Z") if z else text
    assert rules.last_seen(text) == int((when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-24T00:00:00", NOW),
        ("2026-11-24", NOW),
        ("2026-11-24T02:00:00+02", NOW),
        ("2026-11-24T02:00:00+0200", NOW),
        ("2026-11-24 00:00:00 Z", NOW),
        ("2026-11-24T00:00:00.999999999Z", NOW),
        (str(NOW), NOW),
        (f"{NOW}.999", NOW),
        ("0", 0),
        ("1969-12-31T23:59:59Z", -1),
    ],
)
def test_an_instant_is_cut_to_the_second(text: str, seconds: int) -> None:
    assert rules.last_seen(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("yesterday", "is no instant"),
        ("never", "is no instant"),
        ("11/24/2026", "is no instant"),
        ("2026-11-24 09:30", "is no instant"),
        ("1.7e9", "is no instant"),
        ("٣", "is no instant"),
        ("2026-02-30", "there is no such day"),
        ("2026-11-24T25:00:00Z", "there is no such day or time"),
        ("2026-11-24T23:59:60Z", "there is no such day or time"),
        ("2026-11-24T00:00:00+24:00", "there is no such day or time"),
        ("-5", "is negative"),
    ],
)
def test_what_is_no_instant_is_told(text: str, reason: str) -> None:
    with pytest.raises(BadCellError, match=reason):
        rules.last_seen(text)


def test_far_in_the_future_says_how_far_and_what_may_have_been_meant() -> None:
    assert "25 h in the future" in rules.too_far_ahead(NOW + 25 * 3600, NOW)
    assert "36 days in the future" in rules.too_far_ahead(NOW + 36 * DAY, NOW)
    for unit, factor in (("milliseconds", 1000), ("microseconds", 10**6), ("nanoseconds", 10**9)):
        assert unit in rules.too_far_ahead(NOW * factor, NOW)


@pytest.mark.parametrize(
    ("text", "version"), [("0", 0), ("42", 42), ("42.0", 42), ("0042", 42), ("2147483647", 2**31 - 1)]
)
def test_a_target_version_is_a_whole_number(text: str, version: int) -> None:
    assert rules.target_version(text) == version


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-1", "negative"),
        ("42.5", "no whole number"),
        ("lmp-42", "no whole number"),
        ("1e3", "no whole number"),
        ("2147483648", "above 2147483647"),
        ("9" * 5000, "above 2147483647"),
    ],
)
def test_another_target_version_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadCellError, match=reason):
        rules.target_version(text)


@pytest.mark.parametrize("text", ["true", "TRUE", "t", "yes", "Y", "1", "1.0"])
def test_production_is_true(text: str) -> None:
    assert rules.production(text) is True
    with pytest.raises(BadCellError):
        rules.production(text + "!")


@pytest.mark.parametrize("text", ["false", "F", "no", "N", "0", "0.0"])
def test_production_is_false(text: str) -> None:
    assert rules.production(text) is False


@pytest.mark.parametrize("name", ["a", "us-east-1", "0", "A.b_c+d-e", "x" * 64])
def test_a_name_is_itself(name: str) -> None:
    assert rules.name_of_group(name) == rules.name_of_tag(name) == name


@pytest.mark.parametrize("name", ["-a", "a b", "é", "a/b", "x" * 65, "a\u200b", "{", '{"name": "a b"}', "["])
def test_another_name_is_refused(name: str) -> None:
    for rule in (rules.name_of_group, rules.name_of_tag):
        with pytest.raises(BadCellError):
            rule(name)


def test_the_hosted_products_forms_of_groups_and_tags_are_read() -> None:
    assert rules.name_of_group('{"id": 1, "name": "canary", "description": "x y"}') == "canary"
    assert rules.name_of_group('{"id": 1, "name": null}') == ""
    assert rules.name_of_tag('["main", "devel"]') == "main"
    assert rules.name_of_tag("main , devel") == "main"
    assert rules.name_of_tag("[]") == ""


def test_a_cell_in_a_message_is_one_short_line() -> None:
    assert rules.cropped("a\nb\x1b[2J") == "a\\nb\\x1b[2J"
    assert rules.cropped("x" * 1000) == "x" * 60 + "…"
