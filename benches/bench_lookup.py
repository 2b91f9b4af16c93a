"""Look up the row numbers of UUIDs."""

from __future__ import annotations

from functools import cache, partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from benches.fleets import SEED, fleet, new_uuids
from benches.work import OURS, Case, Task, Work
from groundswell import UuidList

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Answer = Callable[[], npt.NDArray[Any]]

SIZES: Final = (1_000_000, 10_000_000)
FULL_SIZES: Final = ()
NOBODY: Final = 2**32 - 1
WARM_BELOW: Final = 10_000_000
"""From this size on some contenders take ten seconds, and no data is in a CPU cache."""


@cache
def asked(size: int) -> npt.NDArray[np.uint8]:
    """The UUIDs of the whole fleet, shuffled, plus 1% unknown UUIDs."""
    chance = np.random.default_rng(SEED)
    strangers = chance.integers(0, 256, (size // 100, 16), dtype=np.uint8)
    everybody = np.concatenate([new_uuids(size), strangers])
    return everybody[chance.permutation(len(everybody))]


def _as_bytes(uuids: npt.NDArray[np.uint8]) -> list[bytes]:
    whole = uuids.tobytes()
    return [whole[at : at + 16] for at in range(0, len(whole), 16)]


def ours(size: int) -> Answer:
    devices, listed = fleet(size), UuidList.of(asked(size))
    return lambda: devices.ordinals(listed)


def dictionary(size: int) -> Answer:
    ordinals = dict(zip(_as_bytes(new_uuids(size)), range(size), strict=True))
    listed = _as_bytes(asked(size))
    return lambda: np.fromiter(map(ordinals.get, listed, repeat(NOBODY)), np.uint32, len(listed))


def _halves(uuids: npt.NDArray[np.uint8]) -> pl.DataFrame:
    halves = np.ascontiguousarray(uuids).view("<u8")
    return pl.DataFrame({"a": halves[:, 0], "b": halves[:, 1]})


def polars_integers(size: int) -> Answer:
    known = _halves(new_uuids(size)).with_row_index("ordinal")
    listed = _halves(asked(size))

    def run() -> npt.NDArray[Any]:
        joined = listed.join(known, on=["a", "b"], how="left", maintain_order="left")
        return joined["ordinal"].fill_null(NOBODY).to_numpy()

    return run


def polars_binary(size: int) -> Answer:
    known = pl.DataFrame({"uuid": pl.Series(_as_bytes(new_uuids(size)))}).with_row_index("ordinal")
    listed = pl.DataFrame({"uuid": pl.Series(_as_bytes(asked(size)))})

    def run() -> npt.NDArray[Any]:
        joined = listed.join(known, on="uuid", how="left", maintain_order="left")
        return joined["ordinal"].fill_null(NOBODY).to_numpy()

    return run


CONTENDERS: Final = {
    OURS: ours,
    "dict of bytes": dictionary,
    "polars: left join on two integers": polars_integers,
    "polars: left join on binary": polars_binary,
}


def _task(prepare: Callable[[int], Answer], size: int) -> Task:
    return Task(prepare(size), warm=size < WARM_BELOW or prepare is ours)


def works(size: int) -> list[Work]:
    contenders = {name: partial(_task, prepare, size) for name, prepare in CONTENDERS.items()}
    return [Work("Look up UUIDs", f"{size:,}", size, contenders)]


def test_every_contender_gives_the_same_answer(size: int) -> None:
    answers = [prepare(size)() for prepare in CONTENDERS.values()]
    assert all((one == answers[0]).all() for one in answers)
    assert (answers[0] != NOBODY).sum() == size


def test_look_up(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
