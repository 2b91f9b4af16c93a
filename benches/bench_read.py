"""Read a file to typed columns: UUIDs as 16 bytes, booleans, seconds, integers, names as codes.

Ours also checks every row, drops duplicates, and builds the index and the sets.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from benches.fleets import NOW, file
from benches.work import OURS, Case, Task, Work
from groundswell import Fleet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    Run = Callable[[], object]

SIZES: Final = (100_000, 1_000_000)
FULL_SIZES: Final = ()
ENDINGS: Final = {"CSV": "csv", "Parquet": "parquet"}
_DIGITS: Final = np.zeros(256, dtype=np.uint8)
_DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_PLACES: Final = [place for place in range(36) if place not in {8, 13, 18, 23}]


def ours(path: Path) -> Run:
    return lambda: Fleet.read(path, now=NOW)


# --- polars --------------------------------------------------------------------------------------------------------


def polars_frame(path: Path) -> Run:
    scan = pl.scan_csv if path.suffix == ".csv" else pl.scan_parquet

    def run() -> pl.DataFrame:
        frame = scan(path).with_columns(
            pl.col("uuid").str.replace_all("-", "", literal=True).str.decode("hex"),
            pl.col("group", "tag", "hardware_id").cast(pl.Categorical),
            pl.col("target_version").cast(pl.Int32),
        )
        if path.suffix == ".csv":
            frame = frame.with_columns(pl.col("last_seen").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"))
        return frame.collect()

    return run


# --- Arrow and pandas ----------------------------------------------------------------------------------------------


def _sixteen_bytes(uuids: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    whole = uuids.combine_chunks()
    text = np.frombuffer(whole.buffers()[2], np.uint8, count=36 * len(whole)).reshape(-1, 36)
    nibbles = _DIGITS[text[:, _PLACES]]
    rows: npt.NDArray[np.uint8] = nibbles[:, ::2] << np.uint8(4) | nibbles[:, 1::2]
    return rows


def arrow_table(path: Path) -> Run:
    names = pa.dictionary(pa.int32(), pa.string())
    types = {"group": names, "tag": names, "hardware_id": names, "target_version": pa.int32()}
    options = pyarrow.csv.ConvertOptions(
        column_types=types | {"last_seen": pa.timestamp("s", tz="UTC"), "production": pa.bool_()},
        strings_can_be_null=True,
    )

    def run() -> tuple[npt.NDArray[np.uint8], pa.Table]:
        if path.suffix == ".csv":
            table = pyarrow.csv.read_csv(path, convert_options=options)
        else:
            table = pyarrow.parquet.read_table(path, read_dictionary=["group", "tag", "hardware_id"])
        return _sixteen_bytes(table["uuid"]), table

    return run


def pandas_frame(path: Path) -> Run:
    names = {"group": "category", "tag": "category", "hardware_id": "category", "target_version": "Int32"}

    def run() -> pd.DataFrame:
        if path.suffix == ".csv":
            frame = pd.read_csv(path, engine="pyarrow", parse_dates=["last_seen"]).astype(names)
        else:
            frame = pd.read_parquet(path).astype(names)
        whole = bytes.fromhex(frame["uuid"].str.cat().replace("-", ""))
        frame["uuid"] = np.frombuffer(whole, "S16")
        return frame

    return run


# --- DuckDB --------------------------------------------------------------------------------------------------------


def duckdb_table(path: Path) -> Run:
    types = (
        "{uuid: 'UUID', name: 'VARCHAR', \"group\": 'VARCHAR', tag: 'VARCHAR', production: 'BOOLEAN', "
        "last_seen: 'TIMESTAMPTZ', target_version: 'INTEGER', hardware_id: 'VARCHAR'}"
    )
    source = f"read_csv('{path}', columns = {types})" if path.suffix == ".csv" else f"read_parquet('{path}')"
    query = f"CREATE OR REPLACE TABLE fleet AS SELECT * REPLACE (uuid::UUID AS uuid) FROM {source}"
    connection = duckdb.connect()
    return lambda: connection.execute(query)


# --- the same devices, and the clock -------------------------------------------------------------------------------

CONTENDERS: Final[dict[str, Callable[[Path], Run]]] = {
    OURS: ours,
    "polars": polars_frame,
    "pyarrow and numpy": arrow_table,
    "pandas": pandas_frame,
    "DuckDB: into a table": duckdb_table,
}


def _task(prepare: Callable[[Path], Run], size: int, ending: str) -> Task:
    return Task(prepare(file(size, ending)))


def works(size: int) -> list[Work]:
    return [
        Work(
            f"Read a fleet from {kind}",
            f"{size:,}",
            size,
            {name: partial(_task, prepare, size, ending) for name, prepare in CONTENDERS.items()},
        )
        for kind, ending in ENDINGS.items()
    ]


@pytest.mark.parametrize("ending", ENDINGS.values())
def test_every_contender_reads_the_same_devices(ending: str) -> None:
    size = 100_000
    path = file(size, ending)
    fleet = Fleet.read(path, now=NOW)
    uuids = fleet.core.uuids(np.arange(size, dtype=np.uint32)).tobytes()
    frame = polars_frame(path)()
    assert isinstance(frame, pl.DataFrame)
    assert b"".join(frame["uuid"].to_list()) == uuids
    arrow = arrow_table(path)()
    assert isinstance(arrow, tuple)
    assert arrow[0].tobytes() == uuids
    data = pandas_frame(path)()
    assert isinstance(data, pd.DataFrame)
    assert data["uuid"].to_numpy().astype("S16").tobytes() == uuids
    counted = duckdb.connect().execute(f"SELECT count(DISTINCT uuid::UUID) FROM '{path}'").fetchone()
    assert counted == (size,)


def test_read(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
