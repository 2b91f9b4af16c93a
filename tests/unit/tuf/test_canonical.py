"""Canonical JSON: what is refused, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest

from groundswell import InputError
from groundswell.tuf.canonical import canonical, check_safe, is_canonical, parse, unsafe_places


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'{"a":1.5}', "the number `1.5`"),
        (b'{"a":1e3}', "the number `1e3`"),
        (b'{"a":1.0}', "the number `1.0`"),
        (b'{"a":NaN}', "the number `NaN`"),
        (b'{"a":-Infinity}', "the number `-Infinity`"),
        (b'{"a":-0}', "the number `-0`"),
        (b'{"a":9007199254740993}', "the number `9007199254740993`"),
        (b'{"a":' + b"9" * 5000 + b"}", "the number `9999"),
        (b'{"a":1,"b":{"c":1,"c":1}}', "the key `c` twice"),
        (b'["\\ud800"]', "half a surrogate pair"),
        (b'{"\\udfff":1}', "half a surrogate pair"),
    ],
)
def test_what_two_readers_read_in_two_ways_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(data, "x.json")
    assert caught.value.code == "ambiguous-json"
    assert told in caught.value.message
    assert caught.value.fields["source"] == "x.json"


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"", 1, 1),
        (b'{"a":1', 1, 7),
        (b'{"a":1,\n "b":x}', 2, 6),
        (b'{"a":1}\r\n{', 2, 1),
        (b"\xef\xbb\xbf{}", 1, 1),
        (b'["a\nb"]', 1, 4),
        (b"[" * 100_000, 1, 1),
    ],
)
def test_what_is_no_json_is_told_with_its_place(data: bytes, line: int, column: int) -> None:
    with pytest.raises(InputError) as caught:
        parse(data, "x.json")
    assert (caught.value.code, caught.value.fields["line"], caught.value.fields["column"]) == (
        "broken-json",
        line,
        column,
    )


def test_what_is_no_utf8_is_told_with_its_line() -> None:
    with pytest.raises(InputError, match=r"line 2 of `x\.json` is not UTF-8 text"):
        parse(b'{\n"\xff"}', "x.json")


def test_a_whole_pair_of_surrogates_is_one_character() -> None:
    assert parse(b'["\\ud83d\\ude00"]', "x.json") == ["\U0001f600"]


@pytest.mark.parametrize(
    "value", [1.5, {"a": float("nan")}, [2**53 + 1], {1: 2}, {"a": {None: 1}}, {"a": b"x"}, {1, 2}]
)
def test_what_json_cannot_say_without_loss_is_not_spelled(value: Any) -> None:
    with pytest.raises(InputError) as caught:
        canonical(value)
    assert caught.value.code == "ambiguous-json"


def test_half_a_surrogate_pair_is_not_spelled() -> None:
    with pytest.raises(InputError) as caught:
        canonical({"a": "\ud800"})
    assert caught.value.code == "ambiguous-json"


@pytest.mark.parametrize(
    "data", [b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1}\n', b'{"a":"\\u0041"}', b'{"a":"\\/"}', b'{"a":1.0}', b"\xff"]
)
def test_any_other_spelling_is_not_canonical(data: bytes) -> None:
    assert not is_canonical(data)


@pytest.mark.parametrize("character", ["<", ">", "&", "\n", "\t", "\r", "\0", "\x7f", "é", "\u2028", "\U0001f600"])
def test_each_unsafe_character_is_named_with_its_place(character: str) -> None:
    with pytest.raises(InputError) as caught:
        check_safe({"custom": {"uris": ["ok", f"a{character}b"]}}, "target")
    assert caught.value.code == "unsafe-text"
    assert "`target.custom.uris[1]` holds" in caught.value.message
    assert caught.value.fields["places"] == [
        {"path": "target.custom.uris[1]", "character": character, "text": caught.value.fields["places"][0]["text"]}
    ]
    assert caught.value.message.isprintable()


def test_keys_are_texts_too_and_every_place_is_counted() -> None:
    value = {"a<b": {"x": ">"}, "fine-name": ["é"]}
    assert [(place.path, place.character) for place in unsafe_places(value)] == [
        ('$["a<b"]', "<"),
        ('$["a<b"].x', ">"),
        ('$["fine-name"][0]', "é"),
    ]
    with pytest.raises(InputError, match="and 2 more such places"):
        check_safe(value)


def test_every_unsafe_place_is_counted_and_listed() -> None:
    with pytest.raises(InputError) as caught:
        check_safe({f"k{number}": "a<b" for number in range(1234)})
    assert caught.value.message.endswith("(and 1233 more such places)")
    assert caught.value.fields["count"] == 1234
    assert [place["path"] for place in caught.value.fields["places"]] == [f"$.k{number}" for number in range(1234)]
