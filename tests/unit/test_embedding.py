"""Values in other programs: pickled between workers, handed over as Arrow, shown in notebooks."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from groundswell import Factory, Fleet, LiveFleet, UuidList, _core

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, tzinfo=UTC)
MARKUP = "<script>&"


def fleet_of(devices: int) -> Fleet:
    return Fleet.read(
        pa.table(
            {
                "uuid": [f"{i * 7919:032x}" for i in range(1, devices + 1)],
                "name": [None if i % 5 == 0 else f"device {i}" for i in range(devices)],
                "group": [None if i % 7 == 0 else f"g{i % 3}" for i in range(devices)],
                "tag": ["main" if i % 2 else "devel" for i in range(devices)],
                "production": [i % 11 != 0 for i in range(devices)],
                "last_seen": [None if i % 13 == 0 else 1795478400 - 600 * i for i in range(devices)],
                "target_version": [None if i % 3 == 0 else i % 5 for i in range(devices)],
                "hardware_id": [None if i % 17 == 0 else f"board-{i % 2}" for i in range(devices)],
            }
        ),
        now=NOW,
    )


FLEET = fleet_of(500)
ASKED: dict[str, Any] = {"limit": "10%", "seed": 7, "now": NOW}


def out_of_band(value: object) -> tuple[Any, int]:
    """A value through protocol 5 with its buffers out of band, and the number of those bytes."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(data, buffers=[bytes(b.raw()) for b in buffers]), sum(b.raw().nbytes for b in buffers)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_list_is_pickled_by_every_protocol(protocol: int) -> None:
    listed = UuidList.parse("b" * 32 + "," + "a" * 32 + "," + "b" * 32)
    back = pickle.loads(pickle.dumps(listed, protocol=protocol))
    assert (back, back.duplicates, back.uuids) == (listed, 1, listed.uuids)
    assert not back.array.flags.writeable
    assert len(pickle.loads(pickle.dumps(listed - listed, protocol=protocol))) == 0


def test_the_uuids_of_a_list_travel_out_of_band() -> None:
    listed = UuidList(FLEET.select(seed=1).uuid_list.array)
    back, outside = out_of_band(listed)
    assert back == listed
    assert outside == 16 * len(listed)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_fleet_is_the_same_after_pickling(protocol: int) -> None:
    back = pickle.loads(pickle.dumps(FLEET, protocol=protocol))
    assert back.to_arrow().equals(FLEET.to_arrow())
    assert (back.groups, back.tags, back.columns, back.report) == (
        FLEET.groups,
        FLEET.tags,
        FLEET.columns,
        FLEET.report,
    )
    assert back.select(**ASKED).uuids == FLEET.select(**ASKED).uuids
    assert back.hardware_counts(np.arange(500, dtype=np.uint32)) == FLEET.hardware_counts(
        np.arange(500, dtype=np.uint32)
    )


def test_the_columns_of_a_fleet_travel_out_of_band() -> None:
    back, outside = out_of_band(FLEET)
    assert back.to_arrow().equals(FLEET.to_arrow())
    assert outside >= 16 * len(FLEET)


def test_ordinals_of_a_factory_with_deleted_devices_survive_pickling(tmp_path: Path) -> None:
    with Factory.create(tmp_path / "acme", name="acme", now=NOW) as factory:
        factory.devices.import_(FLEET.to_arrow(), now=NOW)
        factory.devices.delete(FLEET.select(20, seed=3).uuids)
        fleet = factory.devices.fleet(now=NOW)
    back = pickle.loads(pickle.dumps(fleet))
    uuids = FLEET.to_arrow().column("uuid").to_pylist()
    assert (back.ordinals(uuids) == fleet.ordinals(uuids)).all()
    assert (back.ordinals(uuids) == _core.NO_ORDINAL).sum() == 20
    assert len(back) == len(fleet) == 480


def test_a_moment_of_a_live_fleet_is_pickled_as_it_is() -> None:
    live = LiveFleet(FLEET)
    live.check_in([FLEET.select(1, seed=1).uuids[0]], NOW, 99, now=NOW)
    chosen = live.select(not_updated=50, **ASKED)
    back = pickle.loads(pickle.dumps(chosen))
    assert back.uuids == chosen.uuids
    assert back.fleet.target_versions == chosen.fleet.target_versions


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"group": "g1", "tag": "main"},
        {"uuids": FLEET.select(200, seed=2, include_test=True), "skip_mismatched": True},
        {"exclude": FLEET.select(50, seed=2)},
        {"exclude": FLEET.select(50, seed=2).bitmap},
        {"exclude": FLEET.select(50, seed=2).uuids},
        {"not_updated": 3, "include_test": True, "with_keys": True},
    ],
    ids=str,
)
def test_a_selection_is_the_same_after_pickling(options: dict[str, Any]) -> None:
    chosen = FLEET.select(**ASKED, **options)
    for back in (pickle.loads(pickle.dumps(chosen)), out_of_band(chosen)[0]):
        assert back.uuids == chosen.uuids
        assert (back.keys == chosen.keys).all()
        assert (back.digest, back.candidates, back.matching) == (chosen.digest, chosen.candidates, chosen.matching)
        assert back.skipped == chosen.skipped
        assert (back.asked, back.names) == (chosen.asked, chosen.names)
        assert back.explain(chosen.uuids[0]) == chosen.explain(chosen.uuids[0])


def test_one_pickle_shares_one_fleet() -> None:
    fleet, chosen = pickle.loads(pickle.dumps((FLEET, FLEET.select(**ASKED))))
    assert chosen.fleet is fleet


def test_a_pickle_is_read_by_another_process(tmp_path: Path) -> None:
    chosen = FLEET.select(**ASKED)
    (tmp_path / "selection").write_bytes(pickle.dumps(chosen, protocol=5))
    program = "import pickle, sys; print(*pickle.load(open(sys.argv[1], 'rb')).uuids)"
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "selection")], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == chosen.uuids


def test_sets_of_the_core_are_pickled_as_portable_bytes() -> None:
    devices = _core.DeviceSet.from_ordinals(np.array([2**32 - 2, 7], np.uint32))
    assert pickle.loads(pickle.dumps(devices)) == devices


@pytest.mark.parametrize("value", [FLEET, FLEET.select(5), UuidList.parse("a" * 32)], ids=lambda v: type(v).__name__)
def test_a_copy_of_what_never_changes_is_itself(value: object) -> None:
    assert copy.copy(value) is value
    assert copy.deepcopy([value])[0] is value


def test_values_are_read_as_arrow_streams() -> None:
    chosen = FLEET.select(**ASKED)
    assert pa.table(FLEET).equals(FLEET.to_arrow())
    assert pa.table(chosen).equals(chosen.to_arrow())
    assert pa.table(chosen.uuid_list).column("uuid").to_pylist() == chosen.uuids
    assert pa.table(chosen.uuid_list - chosen.uuid_list).num_rows == 0


def test_duckdb_and_a_fleet_read_what_the_values_hand_over() -> None:
    import duckdb

    chosen = FLEET.select(**ASKED)
    with duckdb.connect() as connection:
        connection.register("chosen", pa.RecordBatchReader.from_stream(chosen))
        assert connection.sql("SELECT count(*) FROM chosen").fetchall() == [(len(chosen),)]
    assert len(Fleet.read(chosen, now=NOW)) == len(chosen)


def test_what_a_notebook_shows_is_escaped_and_short() -> None:
    devices = 30
    fleet = Fleet.read(
        pa.table({"uuid": [f"{i:032x}" for i in range(1, 31)], "name": [MARKUP] * devices, "production": [True] * 30}),
        now=NOW,
    )
    for value in (fleet, fleet.select(seed=1), fleet.select(seed=1).uuid_list):
        shown = value._repr_html_()
        assert "<script>" not in shown
        assert shown.startswith("<table>")
        assert shown.count("<tr>") <= 14
    assert "&lt;script&gt;&amp;" in fleet.select(seed=1)._repr_html_()
    assert "and 20 more" in fleet.select(seed=1)._repr_html_()


@pytest.mark.parametrize("rows", [2**40, 2**60, 2**64 - 1])
def test_the_core_refuses_room_that_there_is_not(rows: int) -> None:
    with pytest.raises(MemoryError):
        _core.UuidColumn(rows)


def test_a_summary_counts_what_plain_sets_count() -> None:
    chosen = FLEET.select(limit=60, seed=3, now=NOW, tag="main")
    rows = {row["uuid"]: row for row in FLEET.to_arrow().to_pylist()}
    candidates = [row for row in rows.values() if row["production"] and row["tag"] == "main"]
    picked = [rows[uuid] for uuid in chosen.uuids]

    def band(row: dict[str, Any]) -> str:
        if row["last_seen"] is None:
            return "never"
        hours = (NOW - row["last_seen"]).total_seconds() / 3600
        return "4h" if hours <= 4 else "1d" if hours < 24 else "7d" if hours < 168 else "30d" if hours < 720 else "more"

    def counted(key: Any) -> dict[str | None, tuple[int, int]]:
        names = {key(row) for row in candidates}
        return {n: (sum(key(r) == n for r in picked), sum(key(r) == n for r in candidates)) for n in names}

    summary = chosen.summary()
    for parts, key in (
        (summary.bands, band),
        (summary.groups, lambda row: row["group"]),
        (summary.hardware, lambda row: row["hardware_id"]),
    ):
        found = {part.name: (part.picked, part.candidates) for part in parts if part.candidates}
        assert found == counted(key)
    assert sum(part.picked for part in summary.bands) == 60
