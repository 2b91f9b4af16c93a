"""JSON from outside is bounded before it is parsed, and refused with its place."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell.errors import InputError
from groundswell.json_text import check_json, parse_json
from support import profiles

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def refusal(data: bytes | str, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_json(data, "x.json", **options)
    assert "\n" not in caught.value.message
    return caught.value


@settings(max_examples=profiles.examples(100), deadline=None)
@given(VALUES, st.booleans(), st.booleans())
def test_it_reads_what_the_json_module_reads(value: Any, ascii_only: bool, marked: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse_json(("\ufeff" if marked else "") + text, "x.json") == value
    assert parse_json(text.encode("utf-8-sig" if marked else "utf-8"), "x.json") == value


@settings(max_examples=profiles.examples(200), deadline=None)
@given(st.text('[]{}",:\\u d80cn01', max_size=40))
def test_whatever_the_text_it_is_read_or_refused(text: str) -> None:
    # Nothing but an InputError may escape.
    with contextlib.suppress(InputError):
        value = parse_json(text, "x.json")
        assert value == json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}"), (' [ {"b" :', "}]")])
def test_nesting_is_bounded_and_told_with_its_place(opened: str, closed: str) -> None:
    levels = opened.count("[") + opened.count("{")
    fits = 64 // levels
    parse_json(opened * fits + "1" + closed * fits, "x.json")
    for depth in (fits + 1, 500, 990, 100_000):
        for end in ("1" + closed * depth, ""):
            error = refusal(opened * depth + end)
            assert error.code == "broken-json"
            assert "nested deeper than 64 levels" in error.message
            assert error.fields["line"] == 1


def test_brackets_in_a_string_do_not_nest() -> None:
    assert parse_json(json.dumps(["[" * 1000, '\\"[{' * 100]), "x.json") == ["[" * 1000, '\\"[{' * 100]
    assert refusal('"' + '\\"[' * 50_000).fields["reason"].startswith("unterminated string")


def test_siblings_do_not_nest() -> None:
    assert len(parse_json(b"[" + b"[],{}," * 1000 + b"1]", "x.json")) == 2001


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"a": 1,\n "b" 2}', 2, 6),
        ('{"a": "\\ud800"}', 1, 8),
        ('{\r\n"\\ud800": 1}', 2, 2),
        ('["\\ud83d\\ude00",\n"\\udc00"]', 2, 2),
        ('["\\ud83dx\\ude00"]', 1, 3),
        ("[NaN]", 1, 2),
        ("[1, -Infinity]", 1, 5),
        ("[\n" + "9" * 5000 + "]", 2, 1),
        ("", 1, 1),
        ("[1] x", 1, 5),
    ],
)
def test_what_is_broken_is_told_with_line_and_column(text: str, line: int, column: int) -> None:
    error = refusal(text)
    assert error.code == "broken-json"
    assert (error.fields["line"], error.fields["column"]) == (line, column)


def test_half_a_surrogate_pair_is_refused_in_a_text_that_was_decoded_too() -> None:
    assert refusal('{"a": "\udc80"}').fields["column"] == 8
    assert parse_json('"\\\\ud800"', "x.json") == "\\ud800"


def test_size_and_encoding() -> None:
    assert refusal(b"[1, 2, 3]", max_bytes=5).code == "json-too-large"
    error = refusal('["a",\n"é"]'.encode("latin-1"))
    assert (error.code, error.fields["line"]) == ("broken-json", 2)


def test_a_caller_with_a_decoder_of_its_own_gets_the_text() -> None:
    assert check_json("\ufeff{".encode(), "x.json") == "{"
