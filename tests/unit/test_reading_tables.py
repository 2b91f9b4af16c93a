"""Tables in memory and queries: whatever types the columns have, the devices are the same."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from groundswell import Fleet, InputError
from groundswell.ingest.mapping import ColumnMapping
from support.reading import DAY, NOW, device, groups, read, refusal, uuids

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 50
SEEN = [None if i % 7 == 0 else NOW - 3601 * i for i in range(ROWS)]


def table() -> pa.Table:
    return pa.table(
        {
            "uuid": [device(i) for i in range(ROWS)],
            "group": ["ab"[i % 2] if i % 3 else None for i in range(ROWS)],
            "production": [i % 5 != 0 for i in range(ROWS)],
            "last_seen": pa.array(SEEN, pa.int64()).cast(pa.timestamp("s", "UTC")),
            "target_version": pa.array([i if i % 4 else None for i in range(ROWS)], pa.int32()),
        }
    )


def assert_same(source: Any) -> None:
    columns = read(source)
    assert uuids(columns) == [device(i) for i in range(ROWS)]
    assert groups(columns) == table()["group"].to_pylist()
    assert columns.production.tolist() == table()["production"].to_pylist()
    assert columns.last_seen.tolist() == [at or 0 for at in SEEN]
    assert columns.target_versions.tolist() == [i if i % 4 else -1 for i in range(ROWS)]


def with_column(name: str, column: Any) -> pa.Table:
    return table().set_column(table().column_names.index(name), name, column)


@pytest.mark.parametrize(
    "form",
    [
        table,
        lambda: table().to_reader(),
        lambda: table().to_batches()[0],
        lambda: table().to_pandas(),
        lambda: table().to_pandas().set_index("uuid"),
        lambda: pl.from_arrow(table()),
        lambda: duckdb.connect().from_arrow(table()),
        lambda: pa.concat_tables([table().slice(0, 13), table().slice(13)]),
    ],
    ids=["table", "stream", "batch", "pandas", "index", "polars", "duckdb", "chunks"],
)
def test_every_table_in_memory_holds_the_same_devices(form: Callable[[], Any]) -> None:
    assert_same(form())


BYTES = [uuid.UUID(device(i)).bytes for i in range(ROWS)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(BYTES, pa.binary(16)),
        pa.array(BYTES, pa.binary()),
        pa.array(BYTES, pa.uuid()),
        table()["uuid"].cast(pa.string_view()),
        table()["uuid"].cast(pa.large_string()),
        table()["uuid"].dictionary_encode(),
        pa.array([f"{{{device(i).upper()}}}" for i in range(ROWS)]),
        pa.array([f"urn:uuid:{device(i)}" for i in range(ROWS)]),
    ],
    ids=lambda column: str(column.type),
)
def test_uuids_of_every_type_are_the_same(column: Any) -> None:
    assert_same(with_column("uuid", column))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York", "+05:30"])
def test_instants_of_every_unit_and_zone_are_the_same(unit: str, zone: str | None) -> None:
    column = pa.array(SEEN, pa.int64()).cast(pa.timestamp("s", "UTC")).cast(pa.timestamp(unit, zone))
    assert_same(with_column("last_seen", column))


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_nanoseconds_are_cut_to_the_second_before_and_after_1970(zone: str | None) -> None:
    column = pa.array([NOW * 10**9 + 999_999_999, 10**9 - 1, None], pa.timestamp("ns", zone))
    read_back = read(pa.table({"uuid": [device(1), device(2), device(3)], "last_seen": column}))
    assert read_back.last_seen.tolist() == [NOW, 0, 0]
    before = pa.table({"uuid": [device(1)], "last_seen": pa.array([-1], pa.timestamp("ns", zone))})
    assert "is before 1970" in refusal(before).message
    far = pa.table({"uuid": [device(1)], "last_seen": pa.array([(NOW + 3 * DAY) * 10**9], pa.timestamp("ns", zone))})
    assert "row 1 of " in refusal(far).message
    assert "3 days in the future" in refusal(far).message


@pytest.mark.parametrize(
    "column",
    [
        pa.array(SEEN, pa.int64()),
        pa.array(SEEN, pa.uint32()),
        pa.array([None if at is None else at + 0.75 for at in SEEN], pa.float64()),
        pa.array([float("nan") if at is None else at for at in SEEN], pa.float64()),
        pa.array([None if at is None else str(at) for at in SEEN]),
        pa.array([None if at is None else datetime.fromtimestamp(at, UTC).isoformat() for at in SEEN]),
        pa.array(["" if at is None else f" {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} " for at in SEEN]),
    ],
    ids=["int64", "uint32", "float", "NaN", "digits", "RFC 3339", "with a blank"],
)
def test_seconds_and_texts_are_instants_too(column: Any) -> None:
    assert_same(with_column("last_seen", column))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1 if i % 5 else 0 for i in range(ROWS)], pa.int8()),
        pa.array(["Yes" if i % 5 else "no" for i in range(ROWS)]),
        pa.array([1.0 if i % 5 else 0.0 for i in range(ROWS)]),
        pa.array([True if i % 5 else None for i in range(ROWS)]),
    ],
    ids=["int", "text", "float", "null"],
)
def test_truths_of_every_type_are_the_same(column: Any) -> None:
    assert_same(with_column("production", column))


def test_frames_of_the_usual_kinds_hold_the_same_devices() -> None:
    frame = table().to_pandas()
    categories = frame.assign(group=frame["group"].astype("category"))
    objects = frame.assign(
        uuid=[uuid.UUID(text) for text in frame["uuid"]],
        last_seen=[None if at is None else datetime.fromtimestamp(at, UTC) for at in SEEN],
    )
    floats = frame.assign(target_version=frame["target_version"].astype(float))
    nanoseconds = frame.assign(last_seen=frame["last_seen"].astype("datetime64[ns, UTC]"))
    for one in (categories, objects, floats, nanoseconds):
        assert_same(one)
    polars = pl.DataFrame(pl.from_arrow(table()))
    assert_same(polars.with_columns(pl.col("group").cast(pl.Categorical)))
    assert_same(polars.with_columns(pl.col("last_seen").cast(pl.Datetime("ns", "UTC"))))


def test_a_date_is_its_midnight() -> None:
    columns = read(pa.table({"uuid": [device(1)], "last_seen": pa.array([date(2026, 11, 20)])}))
    assert columns.last_seen.tolist() == [NOW - 4 * DAY]


def test_a_column_that_is_not_used_may_have_any_type() -> None:
    strange = pa.array([None] * ROWS, pa.month_day_nano_interval())
    assert_same(table().append_column("owner", strange))
    assert_same(table().append_column("UUIDs", pa.array([[1]] * ROWS)))


def test_a_bad_cell_is_named_with_its_row() -> None:
    error = refusal(pa.table({"uuid": [device(1), "x", device(2)]}))
    assert error.code == "bad-rows"
    assert "row 2 of `the Table`, column `uuid`: `x` is not a UUID" in error.message
    assert error.fields["bad"][0]["row"] == 2


@pytest.mark.parametrize(
    "source", [None, 5, b"uuid\n", [{"uuid": "x"}], {"uuid": ["x"]}, np.zeros(3), pl.LazyFrame({"uuid": ["x"]})]
)
def test_what_is_no_table_is_refused_by_its_type(source: object) -> None:
    error = refusal(source)
    assert error.code == "bad-source"
    assert f"`{type(source).__name__}`" in error.message


def test_a_frame_of_mixed_types_is_refused() -> None:
    error = refusal(pd.DataFrame({"uuid": [device(1), 5]}))
    assert error.code == "bad-source"
    assert "the same type" in error.hint


def test_a_table_without_rows_is_a_fleet_without_devices() -> None:
    assert len(Fleet.read(table().slice(0, 0))) == 0


# --- queries -------------------------------------------------------------------------------------------------------


def test_a_query_names_filters_and_joins(tmp_path: Path) -> None:
    (tmp_path / "seen.csv").write_text(f"id,at\n{device(1)},2026-11-20T00:00:00Z\n")
    devices = pd.DataFrame({"id": [device(1), device(2), device(3)], "stage": ["prod", "prod", "lab"]})
    fleet = Fleet.query(
        f"SELECT d.id AS uuid, stage = 'prod' AS production, s.at AS last_seen FROM devices d"
        f" LEFT JOIN '{tmp_path}/seen.csv' s ON s.id::VARCHAR = d.id WHERE d.id <> '{device(3)}' ORDER BY d.id",
        now=datetime.fromtimestamp(NOW, UTC),
        devices=devices,
    )
    assert (len(fleet), fleet.production_devices) == (2, 2)
    assert fleet.last_seen.tolist() == [NOW - 4 * DAY, 0]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT * FROM 'nowhere.csv'", "nowhere.csv"),
        ("", "not a SELECT"),
    ],
)
def test_a_query_that_duckdb_refuses_is_bad_sql(sql: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Fleet.query(sql)
    assert caught.value.code == "bad-sql"
    assert said in caught.value.message
    assert "\n" not in caught.value.message


def test_a_variable_of_the_caller_is_no_table_unless_it_is_passed() -> None:
    devices = table()
    with pytest.raises(InputError):
        Fleet.query("SELECT * FROM devices")
    assert len(Fleet.query("SELECT * FROM devices", devices=devices)) == ROWS


def test_the_instant_of_reading_is_an_argument() -> None:
    later = datetime.fromtimestamp(NOW, UTC) - timedelta(days=30)
    with pytest.raises(InputError, match="in the future"):
        Fleet.read(table(), now=later)


# --- what no format may hold -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["arrow", "parquet", "memory", "json"])
def test_a_nul_in_a_text_is_a_bad_cell_in_every_format(tmp_path: Path, form: str) -> None:
    """CSV cannot hold one, so an export of it could not be read back."""
    columns = {"uuid": [device(1), device(2), device(3)], "name": ["a", "b\0c", None], "hardware_id": ["\0", "x", "y"]}
    source: Any = pa.table(columns)
    if form == "arrow":
        with pa.ipc.new_file(tmp_path / "f.arrow", source.schema) as writer:
            writer.write_table(source)
        source = tmp_path / "f.arrow"
    elif form == "parquet":
        pq.write_table(source, tmp_path / "f.parquet")
        source = tmp_path / "f.parquet"
    elif form == "json":
        (tmp_path / "f.json").write_text(json.dumps(source.to_pylist()))
        source = tmp_path / "f.json"
    error = refusal(source)
    found = [(bad["column"], bad["reason"]) for bad in error.fields["bad"]]
    assert found == [("hardware_id", "has the character NUL"), ("name", "has the character NUL")]
    assert uuids(read(source, rejects=tmp_path / "bad.csv")) == [device(3)]


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_a_file_of_more_than_10000_columns_is_refused(tmp_path: Path, form: str) -> None:
    """DuckDB takes time with the square of their number."""
    wide = pa.table({"uuid": [device(1)], **{f"c{i}": pa.nulls(1) for i in range(10_000)}})
    path = tmp_path / f"f.{form}"
    if form == "arrow":
        with pa.ipc.new_file(path, wide.schema) as writer:
            writer.write_table(wide)
    else:
        pq.write_table(wide, path)
    assert "has more than 10000 columns" in refusal(path).message


def test_an_arrow_file_with_a_hole_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "f.arrow").open("wb") as file:
        file.write(b"ARROW1\0\0")
        file.truncate(1 << 40)  # more than any memory
    assert "truncated or damaged" in refusal(tmp_path / "f.arrow").message


def test_an_id_that_is_an_object_names_no_device(tmp_path: Path) -> None:
    """Its text has no canonical form: the next export would name another device."""
    path = tmp_path / "f.json"
    path.write_text('[{"uuid": {"a": 1}}, {"uuid": [1]}, {"uuid": "{a"}, {"uuid": "[b]"}, {"uuid": "{"}]')
    namespace = ColumnMapping.of(uuid5="dns")
    error = refusal(path, mapping=namespace)
    assert [bad["reason"][:31] for bad in error.fields["bad"]] == ["is a JSON object or array, not "] * 2
    assert len(read(path, mapping=namespace, rejects=tmp_path / "bad.csv").uuids) == 3
