"""Parse lists of UUIDs: text to 16-byte rows, in order, without duplicates."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import duckdb
import numpy as np
import polars as pl

from benches.fleets import SEED, new_uuids
from benches.work import OURS, Case, Task, Work
from groundswell import UuidList

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Reader = Callable[[bytes], bytes | npt.NDArray[np.uint8]]

SIZES: Final = (10_000, 1_000_000, 10_000_000)
FULL_SIZES: Final = ()
CLEAN: Final = "Read a clean list"
MIXED: Final = "Read a list as people write it"
RANDOM: Final = "Read a list as people write it, at random"
LINE: Final = 37
LENGTHS: Final = (39, 38, 34, 37)
"""Lengths of the forms in a mixed list, with separators."""
GIGA: Final = 1e9
RANDOM_SIZE: Final = 1_000_000
WARM_BELOW: Final = 10_000_000
"""From this size on some contenders take half a minute."""
SEPARATORS: Final = ',;|" \t\r\n'


@cache
def text(size: int, heading: str) -> bytes:
    """Write UUIDs: one per line; or quoted, in upper case, with commas, without hyphens, alternately or at random."""
    if heading == CLEAN:
        return UuidList.of(new_uuids(size)).text().encode()
    lines = text(size, CLEAN).decode().split()
    forms: tuple[Callable[[str], str], ...] = (
        lambda line: f'"{line}",',
        lambda line: line.upper() + "; ",
        lambda line: line.replace("-", "") + "\r\n",
        lambda line: line + "\t",
    )
    return "".join(forms[number](line) for number, line in zip(_forms(size, heading), lines, strict=True)).encode()


def _forms(size: int, heading: str) -> npt.NDArray[np.int64]:
    """The form of each UUID, as a number."""
    if heading == RANDOM:
        return np.random.default_rng(SEED).integers(0, len(LENGTHS), size)
    return np.arange(size) % len(LENGTHS)


def ours(given: bytes) -> npt.NDArray[np.uint8]:
    return UuidList.parse(given).array


# --- plain Python --------------------------------------------------------------------------------------------------


def uuid_loop(given: bytes) -> bytes:
    words = re.split(r'[\s,;|"]+', given.decode())
    return b"".join(uuid.bytes for uuid in dict.fromkeys(UUID(word) for word in words if word))


_EXPRESSION: Final = re.compile(rb"(?i)\b([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\b")


def expression_and_fromhex(given: bytes) -> bytes:
    words = (b"".join(parts) for parts in _EXPRESSION.findall(given.lower()))
    return bytes.fromhex(b"".join(dict.fromkeys(words)).decode())


_TABLE: Final = bytes.maketrans(
    (SEPARATORS + "ABCDEF").encode(),
    (" " * len(SEPARATORS) + "abcdef").encode(),
)


def translate_and_fromhex(given: bytes) -> bytes:
    words = given.translate(_TABLE, b"-").split()
    assert set(map(len, words)) == {32}
    return bytes.fromhex(b"".join(dict.fromkeys(words)).decode())


# --- numpy ---------------------------------------------------------------------------------------------------------

_DIGITS: Final = np.full(256, 255, dtype=np.uint8)
_DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_DIGITS[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)


def _distinct(rows: npt.NDArray[np.uint8]) -> bytes:
    """Drop duplicates. They are rare, so first compare only half of each UUID."""
    halves = np.sort(rows.view("<u8")[:, 0])
    if (halves[1:] != halves[:-1]).all():
        return rows.tobytes()
    _, first = np.unique(rows.view("S16").ravel(), return_index=True)
    return rows[np.sort(first)].tobytes()


def _rows(digits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    assert digits.max() < 16
    return np.ascontiguousarray(digits[:, ::2] << np.uint8(4) | digits[:, 1::2])


def numpy_lines(given: bytes) -> bytes:
    """Works only for a clean list, where every character has a fixed offset."""
    lines = np.frombuffer(given, np.uint8).reshape(-1, LINE)
    hyphens = [8, 13, 18, 23]
    assert (lines[:, hyphens] == ord("-")).all()
    assert (lines[:, -1] == ord("\n")).all()
    places = [place for place in range(LINE - 1) if place not in hyphens]
    return _distinct(_rows(_DIGITS[lines[:, places]]))


def translate_and_numpy(given: bytes) -> bytes:
    """Convert the digits of every value, after checking where values begin and end."""
    dense = np.frombuffer(given.translate(_TABLE, b"-") + b" ", np.uint8)
    gaps = np.flatnonzero(dense == ord(" "))
    lengths = np.diff(gaps, prepend=-1) - 1
    assert np.isin(lengths, (0, 32)).all()
    return _distinct(_rows(_DIGITS[dense[dense != ord(" ")]].reshape(-1, 32)))


# --- frames and SQL ------------------------------------------------------------------------------------------------


def polars_strings(given: bytes) -> bytes:
    word = pl.Series([given.translate(_TABLE, b"-").decode()]).str.split(" ").explode(empty_as_null=False)
    word = word.filter(word != "")
    assert (word.str.len_bytes() == 32).all()
    return b"".join(word.str.decode("hex").unique(maintain_order=True).to_list())


_QUERY: Final = """
    WITH words AS (SELECT unnest(string_split(?, ' ')) AS word),
    numbered AS (SELECT word::UUID AS uuid, row_number() OVER () AS place FROM words WHERE word <> '')
    SELECT uuid FROM numbered GROUP BY uuid ORDER BY min(place)"""


def duckdb_cast(given: bytes) -> bytes:
    connection = duckdb.connect()
    connection.execute("SET arrow_lossless_conversion = true")
    found = connection.sql(_QUERY, params=[given.translate(_TABLE, b"-").decode()]).to_arrow_table()["uuid"]
    return b"".join(_sixteen_bytes(chunk) for chunk in found.chunks)


def _sixteen_bytes(chunk: Any) -> memoryview:
    storage = getattr(chunk, "storage", chunk)
    return memoryview(storage.buffers()[1])[16 * storage.offset : 16 * (storage.offset + len(storage))]


# --- the same answer, and the clock --------------------------------------------------------------------------------

CONTENDERS: Final[dict[str, Reader]] = {
    OURS: ours,
    "uuid.UUID in a loop": uuid_loop,
    "regular expression, bytes.fromhex": expression_and_fromhex,
    "bytes.translate, split, bytes.fromhex": translate_and_fromhex,
    "bytes.translate, numpy: table of digits": translate_and_numpy,
    "polars: split, decode": polars_strings,
    "DuckDB: split, cast": duckdb_cast,
}
READERS: Final = {CLEAN: CONTENDERS | {"numpy: table of digits": numpy_lines}, MIXED: CONTENDERS, RANDOM: CONTENDERS}


def _task(read: Reader, size: int, heading: str) -> Task:
    given = text(size, heading)
    return Task(partial(read, given), warm=size < WARM_BELOW or read is ours)


def works(size: int) -> list[Work]:
    return [
        Work(
            heading,
            f"{size:,}",
            size,
            {name: partial(_task, read, size, heading) for name, read in readers.items()},
            amount=(_bytes(size, heading) / GIGA, "GB/s"),
        )
        for heading, readers in READERS.items()
        if heading != RANDOM or size == RANDOM_SIZE
    ]


def _bytes(size: int, heading: str) -> int:
    """The length of the text, computed without building it."""
    if heading == CLEAN:
        return size * LINE
    return int(np.array(LENGTHS)[_forms(size, heading)].sum())


def test_every_contender_gives_the_same_answer(size: int) -> None:
    few = min(size, 100_000)
    uuids = new_uuids(few).tobytes()
    for heading, readers in READERS.items():
        assert len(text(few, heading)) == _bytes(few, heading)
        for name, read in readers.items():
            for given in (text(few, heading), text(few, heading) * 2):
                answer: Any = read(given)
                assert (answer if isinstance(answer, bytes) else answer.tobytes()) == uuids, name


def test_uuid_lists(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
