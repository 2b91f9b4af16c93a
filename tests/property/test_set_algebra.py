"""Device sets beside pyroaring and plain sets: the same algebra, and the same portable bytes in both directions.

Portable bytes are those of the Roaring format specification, each container in the smallest of its three kinds. That is
what pyroaring writes of a bitmap that it builds itself, and one encoding for each set, however the set came about.
"""

from __future__ import annotations

import operator
import random
import struct
from array import array
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from groundswell import GroundswellError
from groundswell._core import DeviceSet
from support import fleets, profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "and": operator.and_,
    "or": operator.or_,
    "minus": operator.sub,
    "xor": operator.xor,
}


def device_set(ordinals: Iterable[int]) -> DeviceSet:
    return DeviceSet.from_ordinals(np.array(list(ordinals), dtype=np.uint32))


def bitmap(ordinals: Iterable[int]) -> BitMap:
    return BitMap(array("I", sorted(ordinals)))


@st.composite
def ordinals(draw: st.DrawFn) -> frozenset[int]:
    """Draw sets that are sparse, dense, in runs, at the edges of containers and of 32 bits."""
    found: set[int] = set(draw(st.sets(st.integers(0, 2**32 - 1), max_size=20)))
    found |= draw(st.sets(st.sampled_from([0, 1, 65535, 65536, 131071, 131072, 2**31, 2**32 - 2, 2**32 - 1])))
    for _ in range(draw(st.integers(0, 3))):
        # Runs and combs of about 4,096 values lie on either side of the border between the two kinds of container.
        start = draw(st.sampled_from([0, 60_000, 65_536, 3 * 65_536, 2**32 - 70_000]))
        length = draw(st.one_of(st.integers(0, 50), st.integers(4_090, 4_100), st.sampled_from([65_535, 65_536])))
        gap = draw(st.sampled_from([1, 2, 15]))
        found |= {at for at in range(start, start + length * gap, gap) if at < 2**32}
    return frozenset(found)


@settings(max_examples=profiles.examples(50), deadline=None)
@given(ordinals(), ordinals())
@pytest.mark.parametrize("operation", OPERATIONS)
def test_algebra_is_that_of_plain_sets_and_its_bytes_those_of_pyroaring(
    operation: str, left: frozenset[int], right: frozenset[int]
) -> None:
    operate = OPERATIONS[operation]
    expected = operate(left, right)
    result = operate(device_set(left), device_set(right))
    assert result.to_ordinals().tolist() == sorted(expected)
    assert len(result) == len(expected)
    assert result == device_set(expected)
    assert result.to_portable() == bitmap(expected).serialize()


@settings(max_examples=profiles.examples(50), deadline=None)
@given(ordinals())
def test_portable_bytes_are_identical_in_both_directions(plain: frozenset[int]) -> None:
    ours, theirs = device_set(plain).to_portable(), bitmap(plain).serialize()
    assert ours == theirs
    assert set(BitMap.deserialize(ours)) == plain
    assert DeviceSet.from_portable(theirs).to_ordinals().tolist() == sorted(plain)
    assert DeviceSet.from_portable(theirs).to_portable() == theirs


@settings(max_examples=profiles.examples(40), deadline=None)
@given(ordinals(), ordinals())
def test_sets_written_without_runs_are_read_and_used_alike(left: frozenset[int], right: frozenset[int]) -> None:
    without_runs = BitMap(array("I", sorted(left)), optimize=False)
    read = DeviceSet.from_portable(without_runs.serialize())
    assert read == device_set(left)
    assert read.to_portable() == bitmap(left).serialize()
    for operate in OPERATIONS.values():
        assert operate(read, device_set(right)).to_ordinals().tolist() == sorted(operate(left, right))


@settings(max_examples=profiles.examples(40), deadline=None)
@given(ordinals(), ordinals())
def test_laws_of_algebra(left: frozenset[int], right: frozenset[int]) -> None:
    a, b, nothing = device_set(left), device_set(right), device_set([])
    assert a | b == b | a
    assert a & b == b & a
    assert a ^ b == (a | b) - (a & b)
    assert a - b == a - (a & b)
    assert a - a == nothing
    assert (a & b) | (a - b) == a
    assert len(a | b) + len(a & b) == len(a) + len(b)
    assert (a == b) == (left == right)


@settings(max_examples=profiles.examples(20), deadline=None)
@given(ordinals(), st.integers(0, 2**32))
def test_order_and_repetition_of_ordinals_do_not_matter(plain: frozenset[int], seed: int) -> None:
    given_in = [*plain, *plain]
    # Shuffled by a seed of our own: hypothesis would spend its entropy on every one of 130,000 swaps.
    random.Random(seed).shuffle(given_in)
    assert device_set(given_in) == device_set(sorted(plain))


@settings(max_examples=profiles.examples(30), deadline=None)
@given(ordinals(), st.integers(0, 2**32 - 1))
def test_membership_is_that_of_a_plain_set(plain: frozenset[int], probe: int) -> None:
    held = device_set(plain)
    for ordinal in (probe, *sorted(plain)[:5], *sorted(plain)[-5:]):
        assert (ordinal in held) == (ordinal in plain)


# --- bytes written by hand from the format specification -----------------------------------------------------------

NO_RUNS, WITH_RUNS = 12346, 12347


def test_an_empty_set_is_the_eight_bytes_of_the_specification() -> None:
    assert device_set([]).to_portable() == struct.pack("<II", NO_RUNS, 0)


def test_array_containers_are_laid_out_as_specified() -> None:
    header = struct.pack("<II", NO_RUNS, 2) + struct.pack("<HHHH", 0, 3 - 1, 1, 1 - 1)
    written = header + struct.pack("<II", 24, 30) + struct.pack("<HHHH", 1, 2, 0xFFFF, 5)
    plain = [1, 2, 0xFFFF, 65536 + 5]
    assert device_set(plain).to_portable() == written
    assert DeviceSet.from_portable(written).to_ordinals().tolist() == plain


def test_bitmap_containers_are_laid_out_as_specified() -> None:
    words = np.zeros(1024, dtype="<u8")
    words[:130] = 0x5555_5555_5555_5555
    written = struct.pack("<IIHHI", NO_RUNS, 1, 7, 130 * 32 - 1, 16) + words.tobytes()
    plain = list(range(7 * 65536, 7 * 65536 + 130 * 64, 2))
    assert device_set(plain).to_portable() == written
    assert DeviceSet.from_portable(written).to_ordinals().tolist() == plain


def test_run_containers_are_laid_out_as_specified() -> None:
    # One container (count less one in the upper half of the cookie), marked as runs: 10 to 14 and 1000 to 1999.
    cardinality = 5 + 1000
    written = struct.pack("<IBHH", WITH_RUNS, 0b1, 0, cardinality - 1) + struct.pack("<HHHHH", 2, 10, 4, 1000, 999)
    plain = [*range(10, 15), *range(1000, 2000)]
    assert device_set(plain).to_portable() == written
    assert DeviceSet.from_portable(written).to_ordinals().tolist() == plain


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x00",
        b"not a bitmap at all",
        struct.pack("<I", NO_RUNS),
        struct.pack("<II", NO_RUNS, 2**32 - 1),
        struct.pack("<II", NO_RUNS, 65537),
        bitmap(range(0, 200, 2)).serialize()[:-1],
        bitmap(range(0, 20_000, 2)).serialize()[:-8],
        struct.pack("<II", NO_RUNS, 2) + struct.pack("<HHHHII", 1, 0, 0, 0, 24, 26) + struct.pack("<HH", 5, 5),
        struct.pack("<IIHHI", NO_RUNS, 1, 0, 2 - 1, 16) + struct.pack("<HH", 9, 3),
        struct.pack("<IBHH", WITH_RUNS, 0b1, 0, 9) + struct.pack("<HHH", 1, 65_530, 100),
    ],
    ids=[
        *("empty", "one byte", "text", "cookie only", "absurd count", "too many containers", "array cut short"),
        *("bitmap cut short", "containers out of order", "values out of order", "run past the end"),
    ],
)
def test_damaged_bytes_are_refused_by_an_error_of_ours(damaged: bytes) -> None:
    with pytest.raises(GroundswellError) as caught:
        DeviceSet.from_portable(damaged)
    assert caught.value.code == "bad-device-set"


# --- the set of a selection ----------------------------------------------------------------------------------------


def test_the_bitmap_of_a_selection_is_the_set_of_its_ordinals() -> None:
    devices = fleets.large_fleet(5_000)
    fleet = fleets.read(devices)
    for limit in (1, 10, 4_000, None):
        selection = fleet.select(limit=limit, seed=3, now=fleets.instant(fleets.NOW))
        rows = {str(device.uuid): row for row, device in enumerate(devices)}
        assert type(selection.bitmap) is BitMap
        assert selection.ordinals.dtype == np.uint32
        assert set(selection.bitmap) == {rows[uuid] for uuid in selection.uuids}
        assert selection.bitmap.serialize() == bitmap(selection.ordinals.tolist()).serialize()


def test_the_bitmap_of_an_empty_selection_is_empty() -> None:
    fleet = fleets.read([])
    assert fleet.select().bitmap == BitMap()
