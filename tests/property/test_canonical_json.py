"""Laws of canonical JSON, judged by securesystemslib's encoder and Python's json."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical

from groundswell import InputError
from groundswell.tuf.canonical import canonical, check_safe, is_canonical, parse, unsafe_places

if TYPE_CHECKING:
    import random

SAFE = "".join(chr(i) for i in range(0x20, 0x7F) if chr(i) not in "<>&")

safe_texts = st.text(SAFE, max_size=12)
any_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def values(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
    return st.recursive(
        leaves, lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4), max_leaves=12
    )


def shuffled(value: Any, draw: random.Random) -> Any:
    """The same value with the members of every object in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(item, draw)) for key, item in value.items()]
        draw.shuffle(items)
        return dict(items)
    return [shuffled(item, draw) for item in value] if isinstance(value, list) else value


@given(values(safe_texts))
def test_safe_values_are_spelled_as_the_other_implementation_spells_them(value: Any) -> None:
    check_safe(value)
    assert canonical(value) == str(encode_canonical(value)).encode()


@given(values(any_texts))
def test_what_is_spelled_is_read_back_and_is_canonical(value: Any) -> None:
    spelled = canonical(value)
    assert json.loads(spelled) == parse(spelled, "it") == value
    assert is_canonical(spelled)


@given(values(any_texts), st.randoms(use_true_random=False), st.sampled_from([None, 0, 2]))
def test_neither_order_nor_white_space_nor_escapes_change_the_spelling(
    value: Any, draw: random.Random, indent: int | None
) -> None:
    written = json.dumps(shuffled(value, draw), indent=indent, ensure_ascii=draw.random() < 0.5)
    assert canonical(parse(written.encode(), "it")) == canonical(value)
    assert is_canonical(written.encode()) == (written.encode() == canonical(value))


@given(values(any_texts))
def test_a_value_is_unsafe_exactly_where_its_spelling_leaves_the_safe_set(value: Any) -> None:
    spelled = re.sub(rb"\\(.)", rb"\\\1", canonical(value))
    escapes = re.search(rb'\\[^"\\]', canonical(value).replace(b"\\\\", b""))
    safe = not escapes and not set(spelled) - set(SAFE.encode())
    assert safe == (not list(unsafe_places(value)))


def read(data: bytes) -> tuple[Any, str]:
    try:
        return parse(data, "it"), ""
    except InputError as error:
        return None, error.code


@given(st.binary(max_size=40))
def test_any_bytes_are_json_or_refused(data: bytes) -> None:
    value, code = read(data)
    assert code in {"broken-json", "ambiguous-json"} or json.loads(data) == value


@given(values(any_texts).filter(lambda value: isinstance(value, dict) and value), st.data())
def test_a_key_that_is_there_twice_is_refused(value: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(value)))
    written = canonical(value)[:-1] + b"," + json.dumps(key).encode() + b":0}"
    with pytest.raises(InputError) as caught:
        parse(written, "it")
    assert caught.value.code == "ambiguous-json"
