"""Rows of devices come in the order of their ordinals, whatever order they were found in."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from groundswell import arrow_columns as arrow
from groundswell.store.duckdb.sort_rows import in_order


def found(ordinals: list[int]) -> pa.Table:
    """Rows of which each tells its ordinal a second time, in two pieces."""
    rows = pa.table({"ordinal": pa.array(ordinals, pa.uint32()), "name": [str(one) for one in ordinals]})
    half = len(ordinals) // 2
    return pa.concat_tables([rows.slice(0, half), rows.slice(half)])


def runs(length: int) -> list[int]:
    """Runs that follow each other backwards, with a gap in the middle of each."""
    begins = range(900_000, -1, -length * 2)
    return [one for begin in begins for one in range(begin, begin + length) if one != begin + length // 2]


@pytest.mark.parametrize(
    "ordinals",
    [
        [],
        [7],
        [1, 2, 5, 9],
        [5, 9, 1, 2],
        [3, 1, 2, 0],
        runs(20_000),
        random.Random(5).sample(range(100_000), 5_000),
        [*range(0, 9_000, 2), *range(1, 9_000, 2)],
        [*(one for one in range(9_000) if one % 1_000), *range(0, 9_000, 1_000)],
        [*range(2_000, 9_000), *(one for one in range(2_000) if one % 700), *range(0, 2_000, 700)],
    ],
    ids=[
        "none",
        "one",
        "in order",
        "two runs",
        "mixed",
        "long runs",
        "at random",
        "interleaved",
        "a few moved",
        "moved and turned",
    ],
)
def test_rows_come_ascending_and_whole(ordinals: list[int]) -> None:
    rows = in_order(found(ordinals))
    assert rows.column("ordinal").to_pylist() == sorted(ordinals)
    assert rows.column("name").to_pylist() == [str(one) for one in sorted(ordinals)]


def test_text_that_offsets_of_32_bits_do_not_reach_comes_in_order_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "_MIN_LARGE_STRING_BYTES", 1)
    ordinals = random.Random(5).sample(range(100_000), 5_000)
    rows = in_order(found(ordinals))
    assert rows.column("name").type == pa.large_string()
    assert rows.column("name").to_pylist() == [str(one) for one in sorted(ordinals)]
