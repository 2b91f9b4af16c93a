"""Made-up fleets look like real ones, repeat themselves, and read back from every kind of file as what they are."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pyarrow as pa
import pytest

import groundswell
from groundswell.errors import GroundswellError, InputError
from groundswell.synth.devices import MOST_DEVICES, synth, synth_chunks
from groundswell.synth.files import write_synth

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_478_400
INSTANT = datetime(2026, 11, 24, tzinfo=UTC)
MANY = 40_000
ENDINGS = ("csv", "parquet", "json", "ndjson", "arrow")


@pytest.fixture(scope="module")
def many() -> pa.Table:
    return synth(MANY, seed=1, now=NOW)


def shares(table: pa.Table, column: str) -> dict[object, float]:
    return {value: count / len(table) for value, count in Counter(table[column].to_pylist()).items()}


def within(table: pa.Table, age: timedelta, now: datetime = INSTANT) -> float:
    seen: list[datetime | None] = table["last_seen"].to_pylist()
    return sum(at is not None and now - at <= age for at in seen) / len(seen)


# --- what it is made of --------------------------------------------------------------------------------------------


def test_it_has_the_columns_of_a_fleet(many: pa.Table) -> None:
    assert many.column_names == [
        "uuid",
        "name",
        "group",
        "tag",
        "production",
        "last_seen",
        "target_version",
        "hardware_id",
    ]
    assert many.schema.field("last_seen").type == pa.timestamp("s", tz="UTC")
    assert many.num_rows == MANY


def test_uuids_are_of_version_4_and_unique(many: pa.Table) -> None:
    uuids = [UUID(text) for text in many["uuid"].to_pylist()]
    assert len(set(uuids)) == MANY
    assert {uuid.version for uuid in uuids} == {4}


def test_names_are_unique(many: pa.Table) -> None:
    assert len(set(many["name"].to_pylist())) == MANY


def test_names_of_groups_and_tags_are_names() -> None:
    table = synth(3000, seed=1, now=NOW)
    for column in ("group", "tag"):
        for name in set(table[column].to_pylist()) - {None}:
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}", name)


def test_one_device_in_twenty_has_no_group(many: pa.Table) -> None:
    assert 0.045 < shares(many, "group")[None] < 0.055


def test_the_largest_groups_have_sizes_like_one_half_third_fourth(many: pa.Table) -> None:
    sizes = [count for name, count in Counter(many["group"].to_pylist()).most_common() if name is not None]
    for rank in (2, 3, 4):
        assert 0.85 / rank < sizes[rank - 1] / sizes[0] < 1.15 / rank


def test_the_number_of_groups_grows_with_the_fleet(many: pa.Table) -> None:
    few = len(set(synth(100, seed=1, now=NOW)["group"].to_pylist()))
    assert 2 <= few < 10 < len(set(many["group"].to_pylist())) < 100


def test_three_in_a_hundred_are_test_devices_with_tags_of_their_own(many: pa.Table) -> None:
    assert 0.025 < shares(many, "production")[False] < 0.035
    tags = {
        kind: {row["tag"] for row in many.select(["tag", "production"]).to_pylist() if row["production"] is kind}
        for kind in (True, False)
    }
    assert tags[False] == {"main", "devel"}
    assert len(tags[True]) > 2
    assert not tags[True] & tags[False]


def test_most_devices_listen_to_one_tag(many: pa.Table) -> None:
    assert shares(many, "tag")["production"] > 0.75


@pytest.mark.parametrize("hour", [0, 5, 10, 15, 20])
def test_about_two_in_three_were_seen_within_four_hours_whatever_the_hour(hour: int) -> None:
    table = synth(MANY, seed=hour, now=NOW + hour * 3600)
    assert 0.58 < within(table, timedelta(hours=4), INSTANT + timedelta(hours=hour)) < 0.75


def test_the_others_were_seen_days_weeks_and_months_ago(many: pa.Table) -> None:
    day, week, month, year = (within(many, timedelta(days=days)) for days in (1, 7, 30, 365))
    assert 0.7 < day < week - 0.04 < month - 0.08 < year - 0.1 < 0.89


def test_two_in_a_hundred_were_never_seen(many: pa.Table) -> None:
    assert 0.016 < shares(many, "last_seen")[None] < 0.024


def test_nothing_is_seen_in_the_future(many: pa.Table) -> None:
    assert max(filter(None, many["last_seen"].to_pylist())) <= INSTANT


def test_devices_of_a_region_are_seen_more_by_its_day_than_by_its_night(many: pa.Table) -> None:
    east = timedelta(hours=-5)
    hours = [
        (row["last_seen"] + east).hour
        for row in many.select(["group", "last_seen"]).to_pylist()
        if row["group"] == "us-east-1" and row["last_seen"] and INSTANT - row["last_seen"] > timedelta(days=2)
    ]
    by_day = sum(9 <= hour < 18 for hour in hours) / len(hours)
    by_night = sum(hour < 6 for hour in hours) / len(hours)
    assert by_day > 0.5
    assert by_night < 0.1


def test_most_production_devices_report_the_latest_two_versions_and_some_none(many: pa.Table) -> None:
    versions = [
        row["target_version"] for row in many.select(["target_version", "production"]).to_pylist() if row["production"]
    ]
    latest = max(filter(None, versions))
    assert 0.6 < sum(version in {latest, latest - 1} for version in versions) / len(versions) < 0.85
    assert 0.02 < versions.count(None) / len(versions) < 0.05
    assert len(set(versions)) > 10


def test_there_are_several_hardware_ids(many: pa.Table) -> None:
    assert len(shares(many, "hardware_id")) >= 4


# --- the same again ------------------------------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_fleet(many: pa.Table) -> None:
    assert synth(MANY, seed=1, now=NOW) == many


@pytest.mark.parametrize("other", [{"seed": 2}, {"seed": 2**64 - 1}, {"seed": 1 + 2**32}])
def test_another_seed_gives_other_devices(many: pa.Table, other: dict[str, int]) -> None:
    assert not set(synth(MANY, now=NOW, **other)["uuid"].to_pylist()) & set(many["uuid"].to_pylist())


def test_now_moves_activity_and_leaves_devices_as_they_are(many: pa.Table) -> None:
    later = synth(MANY, seed=1, now=NOW + 3600)
    same = ["uuid", "name", "group", "tag", "production", "hardware_id"]
    assert later.select(same) == many.select(same)
    assert later["last_seen"] != many["last_seen"]


def test_pieces_follow_one_another_without_gap_or_repetition() -> None:
    pieces = list(synth_chunks(300_000, seed=4, now=NOW))
    assert len(pieces) > 1
    names = [int(name.rpartition("-")[2]) for piece in pieces for name in piece["name"].to_pylist()]
    assert names == list(range(300_000))
    assert len(set(pa.concat_tables(pieces)["uuid"].to_pylist())) == 300_000


@pytest.mark.parametrize("devices", [1, 2, 3, 7])
def test_small_fleets_are_fleets(devices: int) -> None:
    assert synth(devices, seed=0, now=NOW).num_rows == devices


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("devices", [0, -1, MOST_DEVICES + 1])
def test_a_number_of_devices_that_cannot_be_is_refused_before_any_is_made(devices: int) -> None:
    with pytest.raises(InputError, match=f"`{devices}`") as raised:
        synth_chunks(devices, seed=0, now=NOW)
    assert raised.value.code == "bad-device-count"


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_that_is_none_is_refused(seed: int) -> None:
    with pytest.raises(InputError) as raised:
        synth(1, seed=seed, now=NOW)
    assert raised.value.code == "bad-seed"


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_of_file_reads_back_as_the_same_fleet(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"fleet.{ending}"
    write_synth(path, devices=2000, seed=3, now=NOW)
    fleet = groundswell.Fleet.read(path, now=INSTANT)
    assert fleet.to_arrow() == synth(2000, seed=3, now=NOW)
    assert fleet.report.notes == ()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_of_several_pieces_has_every_device_once(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"fleet.{ending}"
    told: list[int] = []
    write_synth(path, devices=300_000, seed=3, now=NOW, progress=told.append)
    assert len(told) > 1
    assert sum(told) == 300_000
    fleet = groundswell.Fleet.read(path, now=INSTANT)
    assert fleet.report.rows == len(fleet) == 300_000


def test_a_csv_file_has_rfc_3339_instants_and_empty_cells_for_what_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "fleet.CSV"
    write_synth(path, devices=500, seed=3, now=NOW)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    assert rows[0] == synth(1, seed=3, now=NOW).column_names
    assert all(re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?", row[5]) for row in rows[1:])
    assert any(row[5] == "" for row in rows[1:])


@pytest.mark.parametrize("name", ["fleet", "fleet.xlsx", "fleet.csv.gz"])
def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as raised:
        write_synth(tmp_path / name, devices=1, seed=0, now=NOW)
    assert raised.value.code == "unknown-ending"
    assert all(f".{ending}" in raised.value.hint for ending in ENDINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_fleet_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    path.write_text("old")
    with pytest.raises(GroundswellError):
        write_synth(path, devices=0, seed=0, now=NOW)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
