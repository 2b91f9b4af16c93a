"""Lists of UUIDs: text to 16-byte rows, in order, duplicates dropped; and from UUIDs to row numbers."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final
from uuid import UUID

import numpy as np
import polars as pl
import pytest

from benches.material import OURS, PASSES, SEED, SIZES, Case, Run, columns, fleet
from groundswell import UuidList

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from pytest_benchmark.fixture import BenchmarkFixture

LINE: Final = 37
CLEAN: Final = "read a clean list"
MIXED: Final = "read a list as people write it"
LOOKUP: Final = "look up UUIDs"
_LISTED: Final = 10
"""One in so many devices is looked up."""


@cache
def text(size: int, work: str) -> bytes:
    """Write the UUIDs of a fleet: one a line, or quoted, in upper case, with commas and without hyphens by turns."""
    clean = UuidList.of(columns(size)["uuids"]).text()
    if work == CLEAN:
        return clean.encode()
    forms: tuple[Callable[[str], str], ...] = (
        lambda line: f'"{line}",',
        lambda line: line.upper() + "; ",
        lambda line: line.replace("-", "") + "\r\n",
        lambda line: line + "\t",
    )
    return "".join(forms[number % len(forms)](line) for number, line in enumerate(clean.split())).encode()


# --- reading -------------------------------------------------------------------------------------------------------


def ours(size: int, work: str) -> Run:
    given = text(size, work)
    return lambda: UuidList.parse(given).array


def uuid_loop(size: int, work: str) -> Run:
    given = text(size, work)

    def run() -> bytes:
        words = re.split(r'[\s,;|"]+', given.decode())
        return b"".join(uuid.bytes for uuid in dict.fromkeys(UUID(word) for word in words if word))

    return run


def expression_and_fromhex(size: int, work: str) -> Run:
    given = text(size, work)
    # Every character that may stand in a UUID is kept, and every run of others is one blank.
    separators = re.compile(rb"[^0-9A-Fa-f]+")

    def run() -> bytes:
        words = separators.sub(b" ", given.replace(b"-", b"")).lower().split()
        assert all(len(word) == 32 for word in words)
        return bytes.fromhex(b"".join(dict.fromkeys(words)).decode())

    return run


def numpy_table(size: int, work: str) -> Run:
    given = text(size, work)
    digits = np.full(256, 255, dtype=np.uint8)
    digits[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
    hyphens = [8, 13, 18, 23]
    places = [place for place in range(LINE - 1) if place not in hyphens]

    def run() -> bytes:
        lines = np.frombuffer(given, np.uint8).reshape(-1, LINE)
        assert (lines[:, hyphens] == ord("-")).all()
        assert (lines[:, -1] == ord("\n")).all()
        nibbles = digits[lines[:, places]]
        assert nibbles.max() < 16
        rows = np.ascontiguousarray(nibbles[:, ::2] << np.uint8(4) | nibbles[:, 1::2])
        halves = np.sort(rows.view("<u8")[:, 0])
        if (halves[1:] != halves[:-1]).all():
            return rows.tobytes()
        _, first = np.unique(rows.view("S16").ravel(), return_index=True)
        return rows[np.sort(first)].tobytes()

    return run


# --- looking up ----------------------------------------------------------------------------------------------------


@cache
def listed(size: int) -> npt.NDArray[np.uint8]:
    """Give a tenth of the fleet, shuffled, and as many strangers as a hundredth of it."""
    chance = np.random.default_rng(SEED)
    known = columns(size)["uuids"][chance.choice(size, size // _LISTED, replace=False)]
    strangers = chance.integers(0, 256, (size // 100, 16), dtype=np.uint8)
    return chance.permutation(np.concatenate([known, strangers]))


def _as_bytes(uuids: npt.NDArray[np.uint8]) -> list[bytes]:
    whole = uuids.tobytes()
    return [whole[at : at + 16] for at in range(0, len(whole), 16)]


def our_lookup(size: int, _work: str) -> Run:
    devices, asked = fleet(size), UuidList.of(listed(size))
    return lambda: devices.ordinals(asked)


def dict_lookup(size: int, _work: str) -> Run:
    ordinals = {uuid: ordinal for ordinal, uuid in enumerate(_as_bytes(columns(size)["uuids"]))}
    asked = _as_bytes(listed(size))
    return lambda: [ordinals.get(uuid, 2**32 - 1) for uuid in asked]


def _halves(uuids: npt.NDArray[np.uint8]) -> pl.DataFrame:
    halves = np.ascontiguousarray(uuids).view("<u8")
    return pl.DataFrame({"a": halves[:, 0], "b": halves[:, 1]})


def polars_lookup(size: int, _work: str) -> Run:
    known = _halves(columns(size)["uuids"]).with_row_index("ordinal")
    asked = _halves(listed(size))
    return lambda: asked.join(known, on=["a", "b"], how="left", maintain_order="left")["ordinal"].fill_null(2**32 - 1)


# --- the same answer, and the clock --------------------------------------------------------------------------------

_READERS: Final[dict[str, Callable[[int, str], Run]]] = {
    OURS: ours,
    "uuid.UUID in a loop": uuid_loop,
    "regular expression, bytes.fromhex": expression_and_fromhex,
}
WORKS: Final[dict[str, dict[str, Callable[[int, str], Run]]]] = {
    CLEAN: _READERS | {"numpy: table of digits": numpy_table},
    MIXED: _READERS,
    LOOKUP: {OURS: our_lookup, "dict of bytes": dict_lookup, "polars: join on two integers": polars_lookup},
}


def _case(work: str, size: int, turn: int, contender: str) -> Case:
    return Case(work, size, turn, contender, lambda: WORKS[work][contender](size, work))


CASES: Final = [
    _case(work, size, turn, contender)
    for work in WORKS
    for size in SIZES
    for turn in range(PASSES)
    for contender in WORKS[work]
]


@pytest.mark.parametrize("size", SIZES)
def test_every_contender_gives_the_same_answer(size: int) -> None:
    uuids = columns(size)["uuids"].tobytes()
    for work in (CLEAN, MIXED):
        for contender in WORKS[work].values():
            answer = contender(size, work)()
            assert (answer if isinstance(answer, bytes) else np.asarray(answer).tobytes()) == uuids
    ordinals = [np.asarray(contender(size, LOOKUP)()) for contender in WORKS[LOOKUP].values()]
    assert all((one == ordinals[0]).all() for one in ordinals)
    assert (ordinals[0] < size).sum() == size // _LISTED


@pytest.mark.parametrize("case", CASES, ids=str)
def test_uuid_lists(benchmark: BenchmarkFixture, case: Case) -> None:
    benchmark.extra_info |= case.facts
    benchmark(case.prepare())
