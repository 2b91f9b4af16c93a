"""Laws of lists of UUIDs, judged by the uuid module and by plain sets and dicts."""

from __future__ import annotations

import re
from functools import reduce
from operator import and_, or_, sub
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from groundswell import UuidList, _core

if TYPE_CHECKING:
    from collections.abc import Callable

SPACES = "".join(chr(i) for i in range(0x110000) if chr(i).isspace())
SEPARATORS = SPACES + ",;|\ufeff\u200b"

uuids = st.one_of(st.uuids(), st.integers(0, 12).map(lambda i: UUID(int=i)))
lists_of_uuids = st.lists(uuids, max_size=40)
forms: list[Callable[[UUID], str]] = [
    str,
    lambda uuid: str(uuid).upper(),
    lambda uuid: uuid.hex,
    lambda uuid: uuid.urn,
    lambda uuid: f"{{{uuid}}}",
    lambda uuid: f'"{uuid}"',
    lambda uuid: f"'{{{uuid.hex.upper()}}}'",
]
written = st.tuples(uuids, st.sampled_from(forms)).map(lambda pair: (pair[0], pair[1](pair[0])))
separators = st.one_of(
    st.sampled_from(["\n", "\r\n", ", ", ";"]),
    st.text(SEPARATORS, min_size=1, max_size=4),
)
junk = st.text(min_size=1, max_size=50).filter(lambda text: "\0" not in text and text.isprintable())


def first_occurrences(values: list[UUID]) -> list[str]:
    return [str(uuid) for uuid in dict.fromkeys(values)]


@given(st.lists(st.tuples(written, separators), min_size=1), st.one_of(st.just(""), separators))
def test_written_uuids_are_read_each_once_in_order(pairs: list[tuple[tuple[UUID, str], str]], before: str) -> None:
    text = before + "".join(form + separator for (_, form), separator in pairs)
    given_uuids = [uuid for (uuid, _), _ in pairs]
    report = UuidList.check(text)
    assert report.uuids.uuids == first_occurrences(given_uuids)
    assert report.duplicates == len(given_uuids) - len(set(given_uuids))
    assert (report.bad_count, report.header) == (0, False)
    assert UuidList.check(text.encode("utf-16")).uuids == report.uuids


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_every_value_of_any_text_is_counted_once_as_what_it_is(text: str) -> None:
    pieces = [piece.strip("\"'") for piece in re.split(f"[{re.escape(SEPARATORS)}]+", text)]
    values = [piece for piece in pieces if piece]
    report = UuidList.check(text)
    if text.strip(SPACES + "\ufeff\u200b")[:1] == "[":
        return  # a JSON array, whose brackets are no part of a value
    assert report.count + report.duplicates + report.header + report.bad_count == len(values)
    folded = re.sub("[-_.]", "", values[0]).lower() if values else ""
    assert report.header == (folded in {"uuid", "deviceuuid"})


@given(st.lists(st.one_of(junk, uuids.map(str)), max_size=20), st.sampled_from(["\n", "\r\n", "\r", "\u2028"]))
def test_the_place_of_a_bad_value_is_where_its_text_stands(values: list[str], line_break: str) -> None:
    text = line_break.join(values)
    lines = re.split("\r\n|[\n\r\v\f\x85\u2028\u2029]", text)
    for bad in UuidList.check(text).bad:
        at = lines[bad.line - 1][bad.column - 1 :]
        shown = bad.text.removesuffix("…")
        if "\\" not in shown:
            assert at.startswith(shown)


@given(lists_of_uuids)
def test_a_formatted_list_reads_back(values: list[UUID]) -> None:
    uuids = UuidList.of(values)
    assert uuids.text() == "".join(f"{uuid}\n" for uuid in first_occurrences(values))
    assert UuidList.check(uuids.text()).uuids == uuids


@given(st.lists(lists_of_uuids, min_size=1, max_size=4))
def test_operators_are_those_of_sets_in_order_of_first_appearance(lists: list[list[UUID]]) -> None:
    everything = [uuid for values in lists for uuid in values]
    for operation in (or_, and_, sub):
        expected = reduce(operation, map(set, lists))
        result = reduce(operation, map(UuidList.of, lists))
        assert result.uuids == [uuid for uuid in first_occurrences(everything) if UUID(uuid) in expected]


@given(lists_of_uuids, uuids)
def test_membership_is_that_of_a_set(values: list[UUID], uuid: UUID) -> None:
    for wanted in (uuid, str(uuid), uuid.hex, uuid.bytes):
        assert (wanted in UuidList.of(values)) == (uuid in values)


@given(lists_of_uuids)
def test_repeats_point_to_their_first_row(values: list[UUID]) -> None:
    rows = np.array([list(uuid.bytes) for uuid in values], dtype=np.uint8).reshape(-1, 16)
    repeated, first = _core.find_repeated_uuids(rows)
    expected = [(row, values.index(uuid)) for row, uuid in enumerate(values) if values.index(uuid) != row]
    assert list(zip(repeated.tolist(), first.tolist(), strict=True)) == expected
