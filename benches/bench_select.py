"""Select: k devices by weight without replacement, from production ∩ group? − covered − updated.

Every contender holds the fleet in memory in the form that suits it, is given the covered devices, and answers with row
numbers in the order of the draw. Ours is given the covered devices as UUIDs and looks them up in the measured time.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import duckdb
import numpy as np
import polars as pl
import pytest

from benches.material import (
    HALF_LIFE,
    NOW,
    OURS,
    PASSES,
    SIZES,
    THRESHOLD,
    Case,
    Run,
    columns,
    covered_list,
    covered_mask,
    fleet,
    table,
)
from groundswell.fleet.quantities import epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from pytest_benchmark.fixture import BenchmarkFixture

VERSION: Final = 214
GROUP: Final = "us-east-1"
LIMIT: Final = 1000
NOW_SECONDS: Final = epoch_seconds(NOW)
LAST_STEP: Final = 80


# --- ours ----------------------------------------------------------------------------------------------------------


def ours(size: int, group: str | None) -> Run:
    devices, exclude = fleet(size), covered_list(size)
    return lambda: devices.select(LIMIT, group=group, exclude=exclude, not_updated=VERSION, now=NOW).ordinals


# --- numpy ---------------------------------------------------------------------------------------------------------


def _numpy_candidates(size: int, group: str | None) -> npt.NDArray[np.intp]:
    held = columns(size)
    among = held["production"] & (held["target_versions"] < VERSION) & ~covered_mask(size)
    if group is not None:
        among &= held["groups"] == held["group_names"].index(group)
    return np.flatnonzero(among)


def _numpy_steps(size: int, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    past = NOW_SECONDS - THRESHOLD - columns(size)["last_seen"][rows].astype(np.int64)
    steps: npt.NDArray[np.int64] = np.clip(-(-past * 8 // HALF_LIFE), 0, LAST_STEP)
    return steps


def numpy_keys(size: int, group: str | None) -> Run:
    chance = np.random.default_rng()
    slowness = 2.0 ** (np.arange(LAST_STEP + 1) / 8)

    def run() -> npt.NDArray[np.intp]:
        rows = _numpy_candidates(size, group)
        keys = chance.standard_exponential(len(rows)) * slowness[_numpy_steps(size, rows)]
        smallest = np.argpartition(keys, LIMIT)[:LIMIT]
        return rows[smallest[np.argsort(keys[smallest])]]

    return run


def numpy_choice(size: int, group: str | None) -> Run:
    chance = np.random.default_rng()
    weight = 2.0 ** (-np.arange(LAST_STEP + 1) / 8)

    def run() -> npt.NDArray[np.intp]:
        rows = _numpy_candidates(size, group)
        weights = weight[_numpy_steps(size, rows)]
        return chance.choice(rows, LIMIT, replace=False, p=weights / weights.sum())

    return run


# --- polars --------------------------------------------------------------------------------------------------------


@cache
def _frame(size: int) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "ordinal": np.arange(size, dtype=np.uint32),
            "production": columns(size)["production"],
            "covered": covered_mask(size),
            "last_seen": columns(size)["last_seen"].astype(np.int64),
        }
    )
    text = pl.from_arrow(table(size).select(["group", "target_version"]))
    assert isinstance(text, pl.DataFrame)
    return frame.hstack(text.with_columns(pl.col("group").cast(pl.Categorical)))


def _polars_candidates(size: int, group: str | None) -> pl.LazyFrame:
    among = pl.col("production") & ~pl.col("covered") & (pl.col("target_version").fill_null(-1) < VERSION)
    return _frame(size).lazy().filter(among if group is None else among & (pl.col("group") == group))


def polars_expressions(size: int, group: str | None) -> Run:
    seeds = iter(range(10**9))
    past = NOW_SECONDS - THRESHOLD - pl.col("last_seen")
    slowness = (-(-past * 8 // HALF_LIFE)).clip(0, LAST_STEP) / 8 * np.log(2)

    def run() -> npt.NDArray[np.uint32]:
        # polars has no random expression; its seeded hash of the row number is one to its experts.
        uniform = (pl.col("ordinal").hash(next(seeds)) + 1) / 2**64
        picked = (
            _polars_candidates(size, group)
            .select("ordinal", key=-uniform.log() * slowness.exp())
            .bottom_k(LIMIT, by="key")
            .sort("key")
            .collect()
        )
        return picked["ordinal"].to_numpy()

    return run


# --- DuckDB --------------------------------------------------------------------------------------------------------


@cache
def _connection(size: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("frame", _frame(size).with_columns(pl.col("group").cast(pl.String)).to_arrow())
    connection.execute('CREATE TYPE name AS ENUM (SELECT DISTINCT "group" FROM frame WHERE "group" IS NOT NULL)')
    connection.execute('CREATE TABLE devices AS SELECT * REPLACE ("group"::name AS "group") FROM frame')
    connection.unregister("frame")
    return connection


def _where(group: str | None) -> str:
    among = f"production AND NOT covered AND (target_version IS NULL OR target_version < {VERSION})"
    return among if group is None else f"{among} AND \"group\" = '{group}'"


def duckdb_sql(size: int, group: str | None) -> Run:
    connection = _connection(size)
    past = f"{NOW_SECONDS - THRESHOLD} - last_seen"
    step = f"greatest(0, least({LAST_STEP}, ceil(({past}) * 8 / {HALF_LIFE})))"
    query = f"""
        SELECT ordinal FROM devices WHERE {_where(group)}
        ORDER BY -ln(1 - random()) * pow(2, {step} / 8) LIMIT {LIMIT}"""
    return lambda: connection.execute(query).fetchnumpy()["ordinal"]


# --- the same question, and the clock ------------------------------------------------------------------------------

CONTENDERS: Final[dict[str, Callable[[int, str | None], Run]]] = {
    OURS: ours,
    "numpy: exponential keys, argpartition": numpy_keys,
    "numpy: Generator.choice": numpy_choice,
    "polars: bottom_k": polars_expressions,
    "DuckDB: ORDER BY … LIMIT": duckdb_sql,
}
WORKS: Final = {f"select {LIMIT:,} of the fleet": None, f"select {LIMIT:,} of one group": GROUP}


def _case(work: str, size: int, turn: int, contender: str) -> Case:
    return Case(work, size, turn, contender, lambda: CONTENDERS[contender](size, WORKS[work]))


CASES: Final = [
    _case(work, size, turn, contender)
    for work in WORKS
    for size in SIZES
    for turn in range(PASSES)
    for contender in CONTENDERS
]


@pytest.mark.parametrize("group", WORKS.values(), ids=WORKS)
@pytest.mark.parametrize("size", SIZES)
def test_every_contender_selects_from_the_same_candidates(size: int, group: str | None) -> None:
    wanted = fleet(size).select(LIMIT, group=group, exclude=covered_list(size), not_updated=VERSION, now=NOW)
    candidates = _numpy_candidates(size, group)
    assert len(candidates) == wanted.candidates
    assert _polars_candidates(size, group).select(pl.len()).collect().item() == wanted.candidates
    counted = _connection(size).execute(f"SELECT count(*) FROM devices WHERE {_where(group)}").fetchone()
    assert counted == (wanted.candidates,)
    for contender in CONTENDERS.values():
        picked = np.asarray(contender(size, group)())
        assert len(set(picked.tolist())) == LIMIT
        assert np.isin(picked, candidates).all()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_select(benchmark: BenchmarkFixture, case: Case) -> None:
    benchmark.extra_info |= case.facts
    benchmark(case.prepare())
