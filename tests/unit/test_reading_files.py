"""Files: what a source is, is told by its first bytes; what is no table is refused before any long read."""

from __future__ import annotations

import contextlib
import gzip
import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from groundswell import Fleet, StorageError
from groundswell.ingest.readers.csv import CsvSource
from groundswell.ingest.readers.json import JsonSource
from groundswell.ingest.readers.parquet import ParquetSource
from support.reading import NOW, device, read, refusal, uuids, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

A = device(1)
TABLE = pa.table({"uuid": [device(i) for i in range(3000)], "production": [True] * 3000})


def write_arrow(path: Path, kind: Callable[..., Any]) -> Path:
    with kind(path, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return path


# --- what it is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".dat", ""])
def test_parquet_and_arrow_are_known_by_their_first_bytes(tmp_path: Path, ending: str) -> None:
    pq.write_table(TABLE, tmp_path / f"p{ending}")
    paths = [
        tmp_path / f"p{ending}",
        write_arrow(tmp_path / f"f{ending}", pa.ipc.new_file),
        write_arrow(tmp_path / f"s{ending}", pa.ipc.new_stream),
    ]
    for path in paths:
        assert uuids(read(path)) == uuids(read(str(path))) == TABLE["uuid"].to_pylist()


def test_names_with_wildcards_quotes_and_blanks_are_names(tmp_path: Path) -> None:
    for name in ("f*.csv", "f[1].csv", "it's?.csv", "a b.csv", "~x.csv"):
        assert uuids(read(write(tmp_path / name, f"uuid\n{A}\n"))) == [A]


def test_folders_named_like_columns_are_no_columns(tmp_path: Path) -> None:
    folder = tmp_path / "group=canary"
    folder.mkdir()
    pq.write_table(TABLE, folder / "f.parquet")
    assert read(folder / "f.parquet").group_names == []


def test_a_pipe_that_does_not_end_is_not_copied_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundswell.ingest.readers.source_file._MAX_PIPE", 1 << 20)
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def fill() -> None:
        with contextlib.suppress(BrokenPipeError), path.open("wb") as pipe:
            while True:
                pipe.write(b"uuid\n" * 1000)

    writer = threading.Thread(target=fill)
    writer.start()
    with pytest.raises(StorageError) as caught:
        Fleet.read(path)
    writer.join()
    assert caught.value.code == "cannot-read"
    assert "did not end after 1 MiB" in caught.value.message


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text(f"uuid\n{A}\n"))
    writer.start()
    assert uuids(read(path)) == [A]
    writer.join()


@pytest.mark.parametrize("ending", ["", ".csv", ".parquet", ".json", ".ndjson", ".arrow"])
def test_two_gigabytes_that_are_no_table_are_refused_unread(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"image{ending}"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    error = refusal(path)
    assert (error.code, error.exit_code) == ("not-a-table", 2)
    assert f"`{path}`" in error.message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04...", "zip archive or a spreadsheet"),
        (b"SQLite format 3\0...", "SQLite database"),
        (b"\x28\xb5\x2f\xfd...", "zstd"),
        (b"FEA1\0\0\0\0FEA1", "Feather version 1"),
        ("uuid\n".encode("utf-32"), "UTF-32"),
        (b"\x7fELF\x02\x01\0\0", "is not a table"),
        (b"\xff\xfa\xfb\n\xf0\xf1", "not in UTF-8"),
        (b" \n\t\n", "no header line"),
        (b"x" * 300_000, "no header line"),
        (gzip.compress(b"uuid\n" * 999)[:-9], "cannot be decompressed"),
        (gzip.compress(b"PAR1" * 999), "compressed again with gzip"),
        (b"PAR1" + b"x" * 99, "truncated"),
        (b"PAR1" + b"x" * 99 + b"PAR1", "damaged"),
        (b"ARROW1\0\0" + b"x" * 99, "truncated or damaged"),
    ],
)
def test_what_people_take_for_a_table_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    error = refusal(write(tmp_path / "export", data))
    assert error.code == "not-a-table"
    assert said in error.message


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".feather"])
def test_a_text_with_the_ending_of_another_kind_is_refused(tmp_path: Path, ending: str) -> None:
    error = refusal(write(tmp_path / f"f{ending}", f"uuid\n{A}\n"))
    assert error.code == "not-a-table"
    assert ending in error.message


# --- what is not there ---------------------------------------------------------------------------------------------


def test_an_empty_file_a_folder_and_no_file_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "export.csv", f"uuid\n{A}\n")
    assert refusal(write(tmp_path / "empty", "")).code == "empty-fleet"
    assert refusal(tmp_path).code == "is-a-folder"
    missing = refusal(tmp_path / "exprot.csv")
    assert (missing.code, missing.exit_code) == ("file-not-found", 3)
    assert missing.hint == f"did you mean `{tmp_path / 'export.csv'}`?"
    assert refusal(tmp_path / "export.csv" / "x").code == "file-not-found"


def test_a_scheme_that_nothing_reads_is_refused() -> None:
    error = refusal("https://example.com/fleet.csv")
    assert error.code == "bad-source"
    assert "`https://`" in error.message


# --- what does not hold still --------------------------------------------------------------------------------------


def sources(tmp_path: Path) -> dict[str, Path]:
    pq.write_table(TABLE, tmp_path / "f.parquet")
    return {
        "csv": write(tmp_path / "f.csv", "uuid,group\n" + "".join(f"{device(i)},a\n" for i in range(3000))),
        "json": write(tmp_path / "f.ndjson", "".join(f'{{"uuid": "{device(i)}"}}\n' for i in range(3000))),
        "parquet": tmp_path / "f.parquet",
    }


CLASSES: dict[str, Any] = {
    "csv": CsvSource,
    "json": JsonSource,
    "parquet": ParquetSource,
}


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lambda path: path.unlink(), "file-not-found"),
        (lambda path: os.truncate(path, 100), "file-changed"),
        (lambda path: os.truncate(path, 0), "file-changed"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "file-changed"),
        (lambda path: path.write_text("no,longer\nwhat,it was\n"), "file-changed"),
    ],
    ids=["gone", "shorter", "empty", "longer", "another"],
)
def test_a_file_that_does_not_hold_still_is_never_half_read(  # noqa: PLR0917 (pytest)
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, when: str, happens: Callable[[Path], None], code: str
) -> None:
    path, reader = sources(tmp_path)[kind], CLASSES[kind]
    rows: Callable[..., Any] = reader.rows

    def restless(self: object, session: object) -> object:
        if when == "before":
            happens(path)
            return rows(self, session)
        relation = rows(self, session)
        happens(path)
        return relation

    monkeypatch.setattr(reader, "rows", restless)
    error = refusal(path)
    assert error.code == code
    assert f"`{path}`" in error.message


# --- freezing ------------------------------------------------------------------------------------------------------


def test_a_frozen_fleet_gives_the_same_selections_with_the_same_ordinals(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = [f"{device(i)},pump-{i},{'ab'[i % 2]},m,{i % 5 > 0},{NOW - 997 * i},{i % 9},hw" for i in range(500)]
    write(path, "\n".join(["uuid,name,group,tag,prod,last-seen,version,hw-id", *rows]))
    now = datetime.fromtimestamp(NOW, UTC)
    fleet = Fleet.read(path, now=now)
    fleet.write(tmp_path / "frozen.parquet")
    thawed = Fleet.read(tmp_path / "frozen.parquet")
    assert thawed.to_arrow() == fleet.to_arrow()
    asked: dict[str, Any] = {"limit": 50, "group": "a", "not_updated": 7, "seed": 5, "now": now}
    one, other = fleet.select(**asked), thawed.select(**asked)
    assert one.uuids == other.uuids
    assert one.names == other.names
    assert one.ordinals.tolist() == other.ordinals.tolist()
    assert one.digest == other.digest


def test_a_frozen_fleet_is_checked_against_its_own_instant(tmp_path: Path) -> None:
    # Read on a day that lies years before now, or years after it.
    for instant in (datetime(2031, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)):
        table = pa.table({"uuid": [A], "last_seen": pa.array([instant], pa.timestamp("s", "UTC"))})
        Fleet.read(table, now=instant).write(tmp_path / "frozen.parquet")
        assert read(tmp_path / "frozen.parquet").last_seen.tolist() == [int(instant.timestamp())]


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"groundswell.fleet": "2", "groundswell.now": "5"}, "unknown-format"),
        ({"groundswell.fleet": "1"}, "not-a-table"),
        ({"groundswell.fleet": "1", "groundswell.now": "noon"}, "not-a-table"),
    ],
)
def test_a_frozen_fleet_of_another_format_is_refused(tmp_path: Path, metadata: dict[str, str], code: str) -> None:
    pq.write_table(TABLE.replace_schema_metadata(metadata), tmp_path / "frozen.parquet")
    assert refusal(tmp_path / "frozen.parquet").code == code


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet.read(TABLE)
    path = write(tmp_path / "frozen.parquet", "old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with contextlib.suppress(Exception):
        fleet.write(path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["frozen.parquet"]
