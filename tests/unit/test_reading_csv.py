"""CSV: what is read, and that a bad file is refused with its line, column, value and reason."""

from __future__ import annotations

import csv
import gzip
from typing import TYPE_CHECKING

import pytest

from groundswell.ingest import rejects
from support import reading
from support.reading import NOW, device, groups, read, refusal, tags, texts, uuids, write

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = device(1), device(2), device(3)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_delimiters_line_ends_and_marks_make_no_difference(
    tmp_path: Path, delimiter: str, ending: str, mark: str
) -> None:
    rows = [["Device-UUID", "name", "device-group", "is-prod"], [A, "pump, 1", "canary", "yes"], [B, "", "", "0"]]
    lines = [delimiter.join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows]
    columns = read(write(tmp_path / "f.csv", mark + ending.join(lines) + ending))
    assert uuids(columns) == [A, B]
    assert texts(columns.names) == ["pump, 1", None]
    assert groups(columns) == ["canary", None]
    assert columns.production.tolist() == [True, False]


def test_gzip_is_unpacked_and_the_last_line_needs_no_end(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv.gz", gzip.compress(f"uuid,tag\n{A},main\n{B},beta".encode()))
    assert tags(read(path)) == ["main", "beta"]


def test_blank_lines_and_blanks_around_cells_do_not_count(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", f"\n\nuuid , group\n\n {A} ,\tcanary \n   \n{B},  \n\n")
    columns = read(path)
    assert uuids(columns) == [A, B]
    assert groups(columns) == ["canary", None]


def test_all_cells_of_a_row_find_their_column(tmp_path: Path) -> None:
    header = "hardware_id,target_version,last_seen,production,tag,group,name,uuid"
    columns = read(write(tmp_path / "f.csv", f"{header}\nimx8,42,{NOW - 5},true,main,canary,pump,{A}\n"))
    assert (uuids(columns), groups(columns), tags(columns)) == ([A], ["canary"], ["main"])
    assert (texts(columns.names), texts(columns.hardware_ids)) == (["pump"], ["imx8"])
    assert (columns.last_seen.tolist(), columns.target_versions.tolist()) == ([NOW - 5], [42])


@pytest.mark.parametrize(
    ("body", "place", "reason"),
    [
        (f"{A},,,\nxyz,,,\n", (3, "uuid", "xyz"), "is not a UUID"),
        (f"{A},,,\n,,,\n", (3, "uuid", ""), "is empty"),
        (f"{A},maybe,,\n", (2, "is-prod", "maybe"), "is neither true nor false"),
        (f"\n{A},,,\n\n{B},,a b,\n", (5, "group", "a b"), "is not a name"),
        (f"{A},,,\n{B},,,2027-01-01\n", (3, "last-seen", "2027-01-01"), "38 days in the future"),
        (f"{A},,,1969-12-31\n", (2, "last-seen", "1969-12-31"), "is before 1970"),
        (f"{A},,,soon\n", (2, "last-seen", "soon"), "is not an instant"),
        (f'{A},,"x\ny",\n{B},,,\n', (2, "group", "x\\ny"), "is not a name"),
        (f'{A},"tr\nue",,\nxyz,,,\n', (2, "is-prod", "tr\\nue"), "is neither true nor false"),
    ],
)
def test_a_bad_cell_is_named_with_line_column_value_and_reason(
    tmp_path: Path, body: str, place: tuple[int, str, str], reason: str
) -> None:
    line, column, value = place
    path = write(tmp_path / "f.csv", "uuid,is-prod,group,last-seen\n" + body)
    error = refusal(path)
    assert error.code == "bad-rows"
    assert error.exit_code == 2
    assert f"line {line} of `{path}`, column `{column}`: " in error.message
    assert (f"`{value}`" if value else "the cell") in error.message
    assert reason in error.message
    first = error.fields["bad"][0]
    assert (first["line"], first["column"], first["value"]) == (line, column, value)


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        (f"{A}\n", 2, "has 1 cells where the header has 2"),
        (f"{A},x,y\n", 2, "has 3 cells where the header has 2"),
        (f'{A},"x"y\n', 2, "text after a closing quote"),
        (f'{A},x\n{B},"a\nb"\n{C},y,z\n', 5, "has 3 cells"),
    ],
)
def test_a_bad_row_is_named_with_its_physical_line(tmp_path: Path, body: str, line: int, reason: str) -> None:
    error = refusal(write(tmp_path / "f.csv", "uuid,name\n" + body))
    assert error.code == "bad-rows"
    assert f"line {line} of " in error.message
    assert reason in error.message


@pytest.mark.parametrize("rows", [1, 2, 20_001])
def test_rows_that_are_not_utf_8_are_bad_rows_even_if_all_are(tmp_path: Path, rows: int) -> None:
    body = "".join(f"{device(i)},pump-é\n" for i in range(rows))
    error = refusal(write(tmp_path / "f.csv", ("uuid,name\n" + body).encode("latin-1")))
    assert error.code == "bad-rows"
    assert "line 2 of " in error.message
    assert "is not UTF-8 text" in error.message
    assert error.fields["total"] == rows


def test_a_quote_that_never_closes_is_told_where_it_opens(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "f.csv", f'uuid,name\n{A},x\n{B},"pump\n{C},y\n'))
    assert error.code == "unclosed-quote"
    assert "the row at line 3" in error.message
    # A quote that swallows more than a cell may have is the same mistake.
    long = "".join(f"{device(i)},y\n" for i in range(5000))
    assert refusal(write(tmp_path / "g.csv", f'uuid,name\n{A},"pump\n{long}')).code == "unclosed-quote"


def test_a_cell_that_is_too_long_is_not_taken_for_an_open_quote(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "f.csv", f"uuid,name\n{A},{'x' * 3_000_000}\n{B},y\n"))
    assert error.code == "bad-rows"
    assert "line 2 of " in error.message
    assert "has more than" in error.message
    assert len(error.message) < 1000


def test_the_first_bad_row_is_named_and_all_are_counted(tmp_path: Path) -> None:
    body = "".join(f"{device(i)},{'x y' if i % 2 else 'ok'}\n" for i in range(5000))
    error = refusal(write(tmp_path / "f.csv", "uuid,group\n" + body))
    assert "line 3 of " in error.message
    assert "(the first of 2500 bad rows)" in error.message
    assert error.fields["total"] == 2500
    assert len(error.fields["bad"]) == 2500


def test_no_more_bad_rows_are_listed_than_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejects, "_MAX_LISTED", 1000)
    body = "".join(f"{device(i)},x y\n" for i in range(2500))
    error = refusal(write(tmp_path / "f.csv", "uuid,group\n" + body))
    assert (error.fields["total"], len(error.fields["bad"])) == (2500, 1000)


def test_every_bad_cell_of_a_row_is_data(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "f.csv", "uuid,group,tag\nx,a b,c d\n"))
    assert [(bad["column"], bad["value"]) for bad in error.fields["bad"]] == [
        ("uuid", "x"),
        ("group", "a b"),
        ("tag", "c d"),
    ]
    assert error.fields["total"] == 1


# --- the same uuid twice -------------------------------------------------------------------------------------------


def test_the_same_uuid_with_the_same_data_is_one_device(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.csv",
        f"uuid,group,last-seen,owner\n{A},g,2026-11-23T00:00:00Z,x\n{B},g,,x\n"
        f"{{{A.upper()}}}, g ,2026-11-23T01:00:00+01:00,y\n",
    )
    columns = read(path)
    assert uuids(columns) == [A, B]
    assert columns.report.repeated_rows == 1
    assert "1 row was dropped" in "".join(columns.report.notes)


def test_the_same_uuid_with_different_data_names_both_rows_and_values(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", f"uuid,device-group,tag\n{A},a,t\n{B},c,t\n{A},b,t\n{A},a,\n")
    error = refusal(path)
    assert error.code == "repeated-uuid"
    assert error.exit_code == 2
    assert f"lines 2 and 4 of `{path}`" in error.message
    assert f"`{A}`" in error.message
    assert "device-group `a` and `b`" in error.message
    assert error.fields["total"] == 2
    assert error.fields["repeated"][1] == {"uuid": A, "lines": [2, 5], "columns": {"tag": ["t", ""]}}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "a"),
        ("group", "a"),
        ("tag", "a"),
        ("production", "false"),
        ("last_seen", "2026-11-23T00:00:00Z"),
        ("target_version", "0"),
        ("hardware_id", "a"),
    ],
)
def test_an_empty_cell_is_different_data_in_either_order(tmp_path: Path, column: str, value: str) -> None:
    for values in (["", value], [value, ""]):
        error = refusal(write(tmp_path / "f.csv", f"uuid,{column}\n{A},{values[0]}\n{A},{values[1]}\n"))
        assert error.code == "repeated-uuid"
        assert error.fields["repeated"] == [{"uuid": A, "lines": [2, 3], "columns": {column: values}}]


# --- the future ----------------------------------------------------------------------------------------------------


def test_a_day_ahead_is_taken_as_now_and_counted_and_a_second_more_is_bad(tmp_path: Path) -> None:
    columns = read(write(tmp_path / "f.csv", f"uuid,last_seen\n{A},{NOW + reading.DAY}\n{B},{NOW}\n"))
    assert columns.last_seen.tolist() == [NOW, NOW]
    assert columns.report.future_rows == 1
    error = refusal(write(tmp_path / "f.csv", f"uuid,last_seen\n{A},{NOW + reading.DAY + 1}\n"))
    assert "24 h in the future" in error.message


# --- no table ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["uuid\n", "uuid,group\n\n  \n", "uuid,group"])
def test_a_header_without_devices_is_an_export_that_went_wrong(tmp_path: Path, text: str) -> None:
    error = refusal(write(tmp_path / "f.csv", text))
    assert error.code == "empty-fleet"
    assert "has no devices" in error.message


def test_a_file_without_a_production_column_says_so_loudly(tmp_path: Path) -> None:
    columns = read(write(tmp_path / "f.csv", f"uuid\n{A}\n{B}\n"))
    assert "NO PRODUCTION COLUMN: all 2 devices count as test devices" in columns.report.notes[0]
    note, *_ = read(write(tmp_path / "f.csv", f"uuid\n{A}\n")).report.notes
    assert note.endswith("its device counts as a test device")


# --- rejects -------------------------------------------------------------------------------------------------------


def test_rejects_hold_the_bad_rows_with_place_column_and_reason_and_the_rest_is_read(tmp_path: Path) -> None:
    rejects = tmp_path / "bad.csv"
    path = write(tmp_path / "f.csv", f'uuid,group,owner\n{A},a,me\n{B},b c,"x, ""y"""\n{C}\nz,d e,you\n')
    columns = read(path, rejects=rejects)
    assert uuids(columns) == [A]
    assert columns.group_names == ["a"]
    assert columns.report.rejected_rows == 3
    with rejects.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["line", "column", "reason", "uuid", "group", "owner"]
    assert rows[1][:2] == ["3", "group"]
    assert rows[1][3:] == [B, "b c", 'x, "y"']
    assert rows[2] == ["4", "", "has 1 cells where the header has 3", C]
    assert rows[3][:2] == ["5", "uuid; group"]


def test_all_rows_of_a_contradictory_uuid_are_rejected(tmp_path: Path) -> None:
    rejects = tmp_path / "bad.csv"
    path = write(tmp_path / "f.csv", f"uuid,group\n{A},a\n{B},b\n{A},c\n{A},a\n{B},b\n")
    columns = read(path, rejects=rejects)
    assert uuids(columns) == [B]
    assert (columns.report.rejected_rows, columns.report.repeated_rows) == (3, 1)
    assert [line.split(",")[0] for line in rejects.read_text().splitlines()[1:]] == ["2", "4", "5"]


def test_if_no_row_is_good_the_rejects_are_written_and_the_fleet_is_refused(tmp_path: Path) -> None:
    rejects = tmp_path / "bad.csv"
    error = refusal(write(tmp_path / "f.csv", "uuid\nx\ny\n"), rejects=rejects)
    assert error.code == "empty-fleet"
    assert str(rejects) in error.hint
    assert len(rejects.read_text().splitlines()) == 3


def test_rejects_never_overwrite_the_source(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", f"uuid\n{A}\n")
    (tmp_path / "link").symlink_to(path)
    for target in (path, tmp_path / "link", tmp_path / "." / "f.csv"):
        assert refusal(path, rejects=target).code == "would-overwrite"
        assert refusal(str(path), rejects=target).code == "would-overwrite"
    assert path.read_text() == f"uuid\n{A}\n"
