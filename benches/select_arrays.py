"""Selecting with array and frame libraries: numpy, pandas, polars, DuckDB."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import pandas as pd
import polars as pl

from benches.fleets import HALF_LIFE, LAST_STEP, NOW_SECONDS, THRESHOLD, columns, unstaged_mask
from benches.select_scope import VERSION, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

# --- numpy ---------------------------------------------------------------------------------------------------------


@cache
def _mask(size: int, scope: Scope) -> npt.NDArray[np.bool_]:
    """The part of the filter that does not change during a wave: production, and the requested group and tag."""
    held = columns(size)
    mask: npt.NDArray[np.bool_] = held["production"].copy()
    for name, wanted in (("group", scope.group), ("tag", scope.tag)):
        if wanted is not None:
            mask &= held[f"{name}s"] == held[f"{name}_names"].index(wanted)
    return mask


def numpy_rows(size: int, scope: Scope) -> Callable[[], npt.NDArray[np.intp]]:
    asked, versions, unstaged = _mask(size, scope), columns(size)["target_versions"], unstaged_mask(size)
    return lambda: np.flatnonzero(asked & unstaged & (versions < VERSION))


def numpy_candidates(size: int, scope: Scope) -> int:
    return len(numpy_rows(size, scope)())


def _slowness(last_seen: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
    """32-bit arithmetic, which is twice as fast and still exact: devices not seen for ten days have the last step."""
    past = np.subtract(np.int32(NOW_SECONDS - THRESHOLD), last_seen.view(np.int32))
    steps = np.ceil(past * np.float32(8 / HALF_LIFE)).clip(0, LAST_STEP)
    return np.exp2(steps * np.float32(1 / 8))


def numpy_argpartition(size: int, scope: Scope, limit: int) -> Callable[[], npt.NDArray[Any]]:
    chance = np.random.default_rng()
    candidates, last_seen = numpy_rows(size, scope), columns(size)["last_seen"]

    def run() -> npt.NDArray[Any]:
        rows = candidates()
        keys = chance.standard_exponential(len(rows)) * _slowness(last_seen[rows])
        smallest = np.argpartition(keys, limit)[:limit]
        return rows[smallest[np.argsort(keys[smallest])]]

    return run


def numpy_partition(size: int, scope: Scope, limit: int) -> Callable[[], npt.NDArray[Any]]:
    """Optimised by profiling: a fast generator, and a threshold instead of indexes."""
    chance = np.random.Generator(np.random.SFC64())
    candidates, last_seen = numpy_rows(size, scope), columns(size)["last_seen"]

    def run() -> npt.NDArray[Any]:
        rows = candidates()
        keys = np.log(1 - chance.random(len(rows)))
        keys *= _slowness(last_seen[rows])
        least = np.partition(keys, len(keys) - limit)[len(keys) - limit]
        greatest = np.flatnonzero(keys >= least)[:limit]
        return rows[greatest[np.argsort(-keys[greatest])]]

    return run


def numpy_choice(size: int, scope: Scope, limit: int) -> Callable[[], npt.NDArray[Any]]:
    chance = np.random.default_rng()
    candidates, last_seen = numpy_rows(size, scope), columns(size)["last_seen"]

    def run() -> npt.NDArray[Any]:
        rows = candidates()
        weights = 1 / _slowness(last_seen[rows]).astype(np.float64)
        return chance.choice(rows, limit, replace=False, p=weights / weights.sum())

    return run


# --- pandas --------------------------------------------------------------------------------------------------------


@cache
def _pandas_frame(size: int) -> pd.DataFrame:
    held = columns(size)
    return pd.DataFrame(
        {
            "production": held["production"],
            "unstaged": unstaged_mask(size),
            "last_seen": held["last_seen"],
            "target_version": held["target_versions"],
            "group": pd.Categorical.from_codes(held["groups"], held["group_names"]),
            "tag": pd.Categorical.from_codes(held["tags"], held["tag_names"]),
        },
        copy=False,
    )


def _pandas_rows(size: int, scope: Scope) -> pd.Series[int]:
    frame = _pandas_frame(size)
    among = frame["production"] & frame["unstaged"] & (frame["target_version"] < VERSION)
    for name, wanted in (("group", scope.group), ("tag", scope.tag)):
        if wanted is not None:
            among &= frame[name] == wanted
    return frame.loc[among, "last_seen"]


def pandas_candidates(size: int, scope: Scope) -> int:
    return len(_pandas_rows(size, scope))


def pandas_nsmallest(size: int, scope: Scope, limit: int) -> Callable[[], npt.NDArray[Any]]:
    chance = np.random.default_rng()
    _pandas_frame(size)

    def run() -> npt.NDArray[Any]:
        seen = _pandas_rows(size, scope)
        keys = chance.standard_exponential(len(seen)) * _slowness(np.asarray(seen, dtype=np.uint32))
        return pd.Series(keys, index=seen.index).nsmallest(limit).index.to_numpy()

    return run


# --- polars --------------------------------------------------------------------------------------------------------


@cache
def _polars_frame(size: int) -> pl.DataFrame:
    held = columns(size)
    names = {
        name: pl.Series(held[f"{name}_names"] + [None]).cast(pl.Categorical).gather(held[f"{name}s"] % (last + 1))
        for name in ("group", "tag")
        for last in [len(held[f"{name}_names"])]
    }
    return pl.DataFrame(
        {
            "ordinal": np.arange(size, dtype=np.uint32),
            "production": held["production"],
            "unstaged": unstaged_mask(size),
            "last_seen": held["last_seen"].astype(np.int64),
            "target_version": held["target_versions"],
            **names,
        }
    )


def _polars_rows(size: int, scope: Scope) -> pl.LazyFrame:
    among = pl.col("production") & pl.col("unstaged") & (pl.col("target_version") < VERSION)
    for name, wanted in (("group", scope.group), ("tag", scope.tag)):
        if wanted is not None:
            among &= pl.col(name) == wanted
    return _polars_frame(size).lazy().filter(among)


def polars_candidates(size: int, scope: Scope) -> int:
    counted: int = _polars_rows(size, scope).select(pl.len()).collect().item()
    return counted


def polars_bottom_k(size: int, scope: Scope, limit: int) -> Callable[[], npt.NDArray[Any]]:
    seeds = iter(range(10**9))
    past = NOW_SECONDS - THRESHOLD - pl.col("last_seen")
    slowness = (-(-past * 8 // HALF_LIFE)).clip(0, LAST_STEP) / 8 * np.log(2)
    rows = _polars_rows(size, scope)

    def run() -> npt.NDArray[Any]:
        # polars has no random expression; its experts use a seeded hash of the row number.
        uniform = (pl.col("ordinal").hash(next(seeds)) + 1) / 2**64
        keyed = rows.select("ordinal", key=-uniform.log() * slowness.exp())
        return keyed.bottom_k(limit, by="key").sort("key").collect()["ordinal"].to_numpy()

    return run


# --- DuckDB --------------------------------------------------------------------------------------------------------


@cache
def _connection(size: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("frame", _polars_frame(size).to_arrow())
    for name in ("group", "tag"):
        connection.execute(
            f'CREATE TYPE {name}_name AS ENUM (SELECT DISTINCT "{name}" FROM frame WHERE "{name}" IS NOT NULL)'
        )
    connection.execute(
        'CREATE TABLE devices AS SELECT * REPLACE ("group"::group_name AS "group", tag::tag_name AS tag) FROM frame'
    )
    connection.unregister("frame")
    return connection


def _where(scope: Scope) -> str:
    among = f"production AND unstaged AND target_version < {VERSION}"
    for name, wanted in (("group", scope.group), ("tag", scope.tag)):
        if wanted is not None:
            among += f" AND \"{name}\" = '{wanted}'"
    return among


def duckdb_candidates(size: int, scope: Scope) -> int:
    counted = _connection(size).execute(f"SELECT count(*) FROM devices WHERE {_where(scope)}").fetchone()
    assert counted is not None
    return int(counted[0])


def duckdb_order_by(size: int, scope: Scope, limit: int) -> Callable[[], npt.NDArray[Any]]:
    connection = _connection(size)
    step = f"greatest(0, least({LAST_STEP}, ceil(({NOW_SECONDS - THRESHOLD} - last_seen) * 8 / {HALF_LIFE})))"
    query = f"""
        SELECT ordinal FROM devices WHERE {_where(scope)}
        ORDER BY -ln(1 - random()) * pow(2, {step} / 8) LIMIT {limit}"""
    return lambda: np.asarray(connection.execute(query).fetchnumpy()["ordinal"])


CANDIDATES: Final = {
    "numpy": numpy_candidates,
    "pandas": pandas_candidates,
    "polars": polars_candidates,
    "DuckDB": duckdb_candidates,
}
ARRAYS: Final = {
    "numpy: exponential keys, argpartition": numpy_argpartition,
    "numpy: exponential keys, partition": numpy_partition,
    "numpy: Generator.choice": numpy_choice,
    "pandas: exponential keys, nsmallest": pandas_nsmallest,
    "polars: bottom_k": polars_bottom_k,
    "DuckDB: ORDER BY … LIMIT": duckdb_order_by,
}
