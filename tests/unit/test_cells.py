"""What a cell may hold: the words of docs/fleets.md, judged by Python's datetime and by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell import _core
from groundswell.ingest import cells as rules

NOW = 1_795_478_400
LAST = 2**32 - 1
DAY = 24 * 3600
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2105, 1, 1))  # noqa: DTZ001 (the zone is drawn apart)


class BadCellError(ValueError):
    """A cell is bad; the reason in words."""


def one(found: tuple[Any, ...], now: int = NOW) -> Any:
    """The value of a column of one cell."""
    *values, (rows, codes, details) = found
    if len(rows):
        raise BadCellError(rules.reason(int(codes[0]), int(details[0]), now))
    return values[0].tolist()[0]


def cells(text: str | bytes) -> tuple[Any, Any]:
    data = text.encode() if isinstance(text, str) else text
    return np.array([0, len(data)]), np.frombuffer(data, np.uint8)


def last_seen(text: str, now: int = LAST) -> Any:
    return one(_core.read_instants(*cells(text), now), now)


def target_version(text: str) -> Any:
    return one(_core.read_versions(*cells(text)))


def production(text: str) -> Any:
    return one(_core.read_truths(*cells(text)))


def name_of(kind: str, text: str) -> str | None:
    reader = _core.NameReader(kind)
    code = one(reader.read(*cells(text)))
    return None if code < 0 else reader.take_names()[code]


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
    assert last_seen(text) == int((when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))


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
        ("0.0", 0),
        ("100000000", 100_000_000),
    ],
)
def test_an_instant_is_cut_to_the_second(text: str, seconds: int) -> None:
    assert last_seen(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("yesterday", "is not an instant"),
        ("1969-12-31T23:59:59Z", "is before 1970"),
        ("11/24/2026", "is not an instant"),
        ("2026-11-24 09:30", "is not an instant"),
        ("1.7e9", "is not an instant"),
        ("٣", "is not an instant"),
        ("2026-02-30", "this day or time of day does not exist"),
        ("2026-11-24T25:00:00Z", "this day or time of day does not exist"),
        ("2026-11-24T23:59:60Z", "this day or time of day does not exist"),
        ("2026-11-24T00:00:00+24:00", "this day or time of day does not exist"),
        ("-5", "is negative"),
    ],
)
def test_what_is_no_instant_is_told(text: str, reason: str) -> None:
    with pytest.raises(BadCellError, match=reason):
        last_seen(text)


NEVER = [
    *("never", "NEVER", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "0001-01-01 00:00:00", "0001-01-01"),
    *("0001-01-01T00:00:00.0000000Z", "0001-01-01T00:00:00+00:00", "0001-01-01T02:00:00+02:00"),
    *("0001-01-01T00:00:00+05:30", "0000-12-31T19:03:58-04:56", "0001-01-01 00:00:00 +0000 UTC"),
    *("01/01/0001 00:00:00", "1/1/0001 12:00:00 AM", "-62135596800", "1754-08-30T22:43:41.128654848Z"),
]


@pytest.mark.parametrize("text", NEVER)
def test_the_zero_times_of_go_and_dotnet_mean_never(text: str) -> None:
    assert last_seen(text, NOW) == last_seen(f" {text}\t", NOW) == 0
    # Two days later is not the zero time.
    with pytest.raises(BadCellError, match="before 1970"):
        last_seen("0001-01-03T00:00:00Z", NOW)


@pytest.mark.parametrize("word", ["null", "NULL", "None", "nil", "NaN", "n/a", "N/A", "#N/A", " null ", "", "\t"])
def test_a_word_for_nothing_is_absent(word: str) -> None:
    assert last_seen(word) == 0
    assert target_version(word) == production(word) == -1
    assert name_of("group", word) is name_of("tag", word) is None
    with pytest.raises(BadCellError, match="is empty"):
        one(_core.read_uuids(*cells(word), are_bytes=False))


@pytest.mark.parametrize("word", ["NA", "na", "nul", "nulls", "nan1", "undefined"])
def test_another_word_is_a_name(word: str) -> None:
    assert name_of("group", word) == name_of("tag", word) == word


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("46349.8333", "spreadsheet's date, 2026-11-23"),
        ("46349", "spreadsheet's date, 2026-11-23"),
        ("0.8333", "spreadsheet's time of day"),
        ("20261123", "the date 2026-11-23"),
        ("20261123.0", "the date 2026-11-23"),
        ("99999999", "before March 1973"),
        ("7", "too small"),
    ],
)
def test_a_number_that_can_only_be_a_date_is_told(text: str, hint: str) -> None:
    with pytest.raises(BadCellError, match=hint):
        last_seen(text, NOW)


def test_far_in_the_future_says_how_far_and_what_may_have_been_meant() -> None:
    def too_far_ahead(seconds: int) -> str:
        with pytest.raises(BadCellError) as caught:
            last_seen(str(seconds), NOW)
        return str(caught.value)

    assert "25 h in the future" in too_far_ahead(NOW + 25 * 3600)
    assert "36 days in the future" in too_far_ahead(NOW + 36 * DAY)
    for unit, factor in (("milliseconds", 1000), ("microseconds", 10**6), ("nanoseconds", 10**9)):
        assert unit in too_far_ahead(NOW * factor)
    assert "2026-11-23 09:30:00" in too_far_ahead(20261123093000)
    assert "in the future" in too_far_ahead(10**30)


@pytest.mark.parametrize(
    ("text", "version"), [("0", 0), ("42", 42), ("42.0", 42), ("0042", 42), ("2147483647", 2**31 - 1)]
)
def test_a_target_version_is_a_whole_number(text: str, version: int) -> None:
    assert target_version(text) == version


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-1", "negative"),
        ("42.5", "not an integer"),
        ("lmp-42", "not an integer"),
        ("1e3", "not an integer"),
        ("2147483648", "above 2147483647"),
        ("9" * 5000, "above 2147483647"),
    ],
)
def test_another_target_version_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadCellError, match=reason):
        target_version(text)


@pytest.mark.parametrize("text", ["true", "TRUE", "t", "yes", "Y", "1", "1.0"])
def test_production_is_true(text: str) -> None:
    assert production(text) == 1
    with pytest.raises(BadCellError):
        production(text + "!")


@pytest.mark.parametrize("text", ["false", "F", "no", "N", "0", "0.0"])
def test_production_is_false(text: str) -> None:
    assert production(text) == 0


@pytest.mark.parametrize("name", ["a", "us-east-1", "0", "A.b_c+d-e", "x" * 64])
def test_a_name_is_itself(name: str) -> None:
    assert name_of("group", name) == name_of("tag", name) == rules.checked_name(name) == name


@pytest.mark.parametrize("name", ["-a", "a b", "é", "a/b", "x" * 65, "é" * 65, "a\u200b", "{", '{"name": "a b"}', "["])
def test_another_name_is_refused(name: str) -> None:
    for kind in ("group", "tag"):
        with pytest.raises(BadCellError):
            name_of(kind, name)
    with pytest.raises(rules.BadCellError):
        rules.checked_name(name)


def test_the_hosted_products_forms_of_groups_and_tags_are_read() -> None:
    assert name_of("group", '{"id": 1, "name": "canary", "description": "x y"}') == "canary"
    assert name_of("group", '{"id": 1, "name": null}') is None
    assert name_of("group", '{"name": "NULL"}') is None
    assert name_of("tag", '["main", "devel"]') == "main"
    assert name_of("tag", "main , devel") == "main"
    assert name_of("tag", "[]") is name_of("tag", "[null]") is name_of("tag", '[null, "None"]') is None
    assert name_of("tag", '[null, "main"]') == name_of("tag", "null,main") == "main"
    assert name_of("group", '["canary"]') == "canary"
    assert name_of("group", "[null]") is name_of("group", "[]") is None


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("tag", "[true]", "not a list of names"),
        ("tag", "[1]", "not a list of names"),
        ("tag", '["main", 1]', "not a list of names"),
        ("tag", '[["main"]]', "not a list of names"),
        ("tag", '["a b"]', "not a name"),
        ("tag", "[" * 10_000, "not a name"),
        ("group", '["a", "b"]', "several groups"),
        ("group", '{"name": true}', "not a name"),
    ],
)
def test_a_list_of_something_else_is_refused(kind: str, text: str, reason: str) -> None:
    with pytest.raises(BadCellError, match=reason):
        name_of(kind, text)


def test_every_reason_has_its_words() -> None:
    for code in range(len(_core.CELL_REASONS)):
        assert rules.reason(code, 5, NOW).startswith(("is ", "lists "))


def test_wrong_shapes_are_refused() -> None:
    values = np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="length"):
        _core.check_truth_numbers(values, np.ones(1, np.bool_))
    with pytest.raises(ValueError, match="kind"):
        _core.NameReader("name")
    reader = _core.NameReader("tag")
    assert reader.take_names() == []
    with pytest.raises(ValueError, match="taken"):
        reader.read(*cells("a"))
    for delimiter in (b"", b",,", b'"', b"\n", b"\xff"):
        with pytest.raises(ValueError, match="delimiter"):
            _core.CsvSplitter(delimiter, 1, 1, [0], 1)
    with pytest.raises(ValueError, match="no such column"):
        _core.CsvSplitter(b",", 1, 1, [0], 1).feed(b"a", is_last=True).take_column(1)


def test_a_cell_in_a_message_is_one_short_line() -> None:
    assert rules.cropped("a\nb\x1b[2J") == "a\\nb\\x1b[2J"
    assert rules.cropped("x" * 1000) == "x" * 60 + "…"
