"""After a crash, the rows that DuckDB replays from its write-ahead log must be those of the audit log."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from groundswell.errors import StorageError
from groundswell.factory import Factory
from groundswell.store.duckdb import opening
from support.crash_scenes import ACME, NOW, Facts, opened, seen, stocked, table, uuid
from support.crashes import drawn
from support.factories import past_the_store

if TYPE_CHECKING:
    from pathlib import Path

WAL = "factory.duckdb.wal"
WRONG = {
    "a version of 0": f"UPDATE devices SET target_version = 0 WHERE uuid = '{uuid(2)}'",
    "a device that is gone": f"DELETE FROM devices WHERE uuid = '{uuid(2)}'",
    "a device that is there twice": f"INSERT INTO devices SELECT * FROM devices WHERE uuid = '{uuid(2)}'",
    "a group of another name": "UPDATE groups SET name = 'labs' WHERE name = 'lab'",
    "a group that is there again": "INSERT INTO groups SELECT * REPLACE (2 AS group_id) FROM groups WHERE group_id = 1",
}


def changed(place: Path, *, wrong: str | None = None) -> Path:
    """A factory as kill -9 leaves it, with lines of every kind in its write-ahead log; the copy of it."""
    with opened(place) as factory:
        factory.groups.create("lab", now=NOW)
        factory.devices.import_(table(0, 60, target_version=list(range(42, 102)), production=True), now=NOW)
        factory.groups.delete("field", ungroup=True, now=NOW)
        factory.devices.delete([uuid(1)], now=NOW)
        if wrong is not None:
            past_the_store(factory, wrong)
        killed = place / "killed"
        shutil.copytree(place / ACME, killed / ACME)
        assert (killed / ACME / WAL).stat().st_size > 0
    return killed


@pytest.fixture
def place(tmp_path: Path) -> Path:
    stocked(tmp_path)
    return tmp_path


@pytest.mark.parametrize("wrong", WRONG)
def test_rows_that_differ_from_the_log_are_refused_and_can_be_repaired(place: Path, wrong: str) -> None:
    """Rows are changed past the log: the write-ahead log is whole for DuckDB, and holds something else."""
    killed = changed(place, wrong=WRONG[wrong])
    with pytest.raises(StorageError) as caught:
        opened(killed)
    assert caught.value.code == "store-damaged"
    assert "write-ahead log" in caught.value.message
    assert "Factory.repair" in caught.value.hint
    Factory.repair(killed / ACME)
    facts = seen(killed / ACME, check=True)
    assert facts is not None
    assert facts["faults"] == []


def test_rows_that_are_those_of_the_log_are_not(place: Path) -> None:
    facts = seen(changed(place) / ACME, check=True)
    assert facts is not None
    assert facts["faults"] == []


def test_nothing_is_compared_after_a_clean_close(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        pytest.fail("the tables are read")

    monkeypatch.setattr(opening, "differing_table", never)
    with opened(place) as factory:
        factory.groups.create("lab", now=NOW)
    opened(place).close()


def test_zeroed_bytes_of_a_write_ahead_log_are_refused_or_made_good(place: Path) -> None:
    killed = changed(place)
    whole = (killed / ACME / WAL).read_bytes()
    sound: Facts | None = seen(place / ACME, check=False)
    assert sound is not None
    torn = place / "torn"
    refused = 0
    for at in drawn(range(0, len(whole) - 16, max(16, len(whole) // 60)), share=1 / 4):
        shutil.copytree(killed, torn)
        (torn / ACME / WAL).write_bytes(whole[:at] + bytes(16) + whole[at + 16 :])
        facts = seen(torn / ACME, check=False)
        assert facts is not None
        if "refused" in facts:
            refused += 1
            assert facts == {"refused": "store-damaged"}, at
        else:
            assert facts["tables"] == sound["tables"], at
        shutil.rmtree(torn)
    assert refused > 0
