"""Tables of SQLite through ADBC, and what is said where a database, a table or a driver is missing."""

from __future__ import annotations

import sqlite3
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from support.reading import NOW, device, groups, read, refusal, uuids

if TYPE_CHECKING:
    from pathlib import Path

A, B = device(1), device(2)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.db"
    connection = sqlite3.connect(path)
    connection.execute('CREATE TABLE devices (uuid, "device-group" TEXT, is_prod BOOLEAN, last_seen, version INTEGER)')
    rows: list[tuple[Any, ...]] = [
        (A, "canary", True, NOW - 5, 42),
        (uuid.UUID(B).bytes, None, 0, "2026-11-23T00:00:00Z", None),
    ]
    connection.executemany("INSERT INTO devices VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute("CREATE VIEW canaries AS SELECT * FROM devices WHERE \"device-group\" = 'canary'")
    connection.execute('CREATE TABLE "odd; name" AS SELECT * FROM devices')
    connection.commit()
    connection.close()
    return path


def test_a_table_of_sqlite_is_read_whatever_types_its_cells_have(database: Path) -> None:
    columns = read(f"sqlite:///{database}#devices")
    assert uuids(columns) == [A, B]
    assert groups(columns) == ["canary", None]
    assert columns.production.tolist() == [True, False]
    assert columns.last_seen.tolist() == [NOW - 5, NOW - 86400]
    assert columns.target_versions.tolist() == [42, -1]


def test_views_and_odd_names_are_tables_too(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uuids(read(f"sqlite:///{database}#canaries")) == [A]
    assert uuids(read(f"sqlite:///{database}#odd%3B%20name")) == [A, B]
    monkeypatch.chdir(database.parent)
    assert uuids(read("sqlite:///fleet.db#devices")) == [A, B]


def test_what_is_missing_is_named_with_the_nearest(database: Path) -> None:
    none = refusal(f"sqlite:///{database}")
    assert none.code == "no-table-named"
    assert none.fields["tables"] == ["canaries", "devices", "odd; name"]
    error = refusal(f"sqlite:///{database}#device")
    assert (error.code, error.exit_code) == ("unknown-table", 3)
    assert error.hint == "did you mean `devices`?"
    missing = database.with_name("flete.db")
    assert refusal(f"sqlite:///{missing}#devices").code == "file-not-found"
    # Looking for a file that is not there has not made one.
    assert not missing.exists()


def test_a_file_that_is_no_database_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("uuid\n" * 500)
    error = refusal(f"sqlite:///{tmp_path}/x.db#devices")
    assert (error.code, error.exit_code) == ("cannot-read", 6)


def test_a_database_that_does_not_answer_is_told_without_the_password() -> None:
    error = refusal("postgresql://me:s3cret@127.0.0.1:1/db?connect_timeout=1#devices")
    assert (error.code, error.exit_code) == ("cannot-connect", 6)
    assert "s3cret" not in error.message + error.hint + str(error.fields)


def test_a_driver_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_sqlite.dbapi", None)
    error = refusal(f"sqlite:///{database}#devices")
    assert error.code == "missing-extra"
    assert "groundswell[sqlite]" in error.hint


def test_a_bad_cell_of_a_table_is_named_with_its_row(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE devices SET version = 'x' WHERE version IS NULL")
    connection.close()
    error = refusal(f"sqlite:///{database}#devices")
    assert error.code == "bad-rows"
    assert "row 2 of " in error.message
    assert "column `version`: `x` is not an integer" in error.message
