"""Small inputs that people really feed in, with the right answer to each, and others of their kinds."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.reading import NOW, device, groups, read, refusal, tags, texts, uuids, write

CASES = Path(__file__).parent.parent / "data" / "cases"
FIRST = "6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11"
A, B = device(1), device(2)


def bad(error: Any) -> list[tuple[int, str]]:
    return [(one["line"], one["column"]) for one in error.fields["bad"]]


# --- the cases -----------------------------------------------------------------------------------------------------


def test_d01_an_empty_cell_too_many_is_read_and_the_next_row_is_judged_alone(tmp_path: Path) -> None:
    assert bad(refusal(CASES / "d01-trailing-comma.csv")) == [(3, "production")]
    assert uuids(read(CASES / "d01-trailing-comma.csv", rejects=tmp_path / "bad.csv")) == [FIRST]


def test_d02_blanks_before_quotes_do_not_count(tmp_path: Path) -> None:
    assert bad(refusal(CASES / "d02-blank-before-quote.csv")) == [(3, "production")]
    columns = read(CASES / "d02-blank-before-quote.csv", rejects=tmp_path / "bad.csv")
    assert (texts(columns.names), groups(columns)) == (["Gate, north"], ["canary"])


def test_d04_the_zero_time_means_never() -> None:
    assert read(CASES / "d04-zero-time.json").last_seen.tolist() == [0, NOW - 4 * 3600]


def test_d06_null_is_no_group() -> None:
    columns = read(CASES / "d06-null-word.csv")
    assert (texts(columns.names), groups(columns), tags(columns)) == ([None, "gate"], [None, "eu"], [None, "main"])


def test_d07_a_list_of_nothing_is_no_tag() -> None:
    assert tags(read(CASES / "d07-tags-null.json")) == [None, None, "main"]


def test_d08_dates_of_spreadsheets_are_bad(tmp_path: Path) -> None:
    error = refusal(CASES / "d08-serial-dates.csv")
    assert bad(error) == [(2, "last_seen"), (3, "last_seen")]
    assert "spreadsheet's date, 2026-11-23" in error.fields["bad"][0]["reason"]
    assert "the date 2026-11-23" in error.fields["bad"][1]["reason"]
    assert read(CASES / "d08-serial-dates.csv", rejects=tmp_path / "bad.csv").last_seen.tolist() == [1_795_464_000]


def test_d09_bytes_that_are_text_are_read() -> None:
    assert len(read(CASES / "d09-binary-uuid.parquet").uuids) == 2


def test_d10_the_type_line_of_powershell_is_skipped() -> None:
    assert uuids(read(CASES / "d10-ps-type-line.csv")) == [FIRST]


# --- values, whatever the format -------------------------------------------------------------------------------------


def forms(column: str, values: list[Any], folder: Path) -> dict[str, Any]:
    """A column of text as every format has it."""
    rows = [{"uuid": device(i), column: value} for i, value in enumerate(values)]
    table = pa.table({"uuid": [row["uuid"] for row in rows], column: pa.array(values, pa.string())})
    kinds = {
        "string": pa.string(),
        "large_string": pa.large_string(),
        "string_view": pa.string_view(),
        "binary": pa.binary(),
        "large_binary": pa.large_binary(),
        "dictionary": pa.dictionary(pa.int32(), pa.string()),
    }
    found: dict[str, Any] = {
        name: table.set_column(1, column, table[column].cast(kind)) for name, kind in kinds.items()
    }
    found["csv"] = write(folder / "f.csv", f"uuid,{column}\n" + "".join(f"{r['uuid']},{r[column]}\n" for r in rows))
    found["json"] = write(folder / "f.json", json.dumps(rows))
    found["lines"] = write(folder / "f.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(found["binary"], folder / "f.parquet")
    found["parquet"] = folder / "f.parquet"
    with pa.ipc.new_file(folder / "f.arrow", table.schema) as writer:
        writer.write_table(table)
    found["arrow"] = folder / "f.arrow"
    found["polars"] = pl.DataFrame(table)
    return found


WORDS = ["NULL", "null", " None ", "nil", "NaN", "N/A", "#n/a"]


@pytest.mark.parametrize("column", ["name", "group", "tag", "production", "last_seen", "target_version", "hardware_id"])
def test_words_for_nothing_are_absent_in_every_format(tmp_path: Path, column: str) -> None:
    for form, source in forms(column, WORDS, tmp_path).items():
        columns = read(source)
        assert groups(columns) == tags(columns) == [None] * len(WORDS), form
        for found in (columns.names, columns.hardware_ids):
            assert found is None or texts(found) == [None] * len(WORDS), form
        assert not columns.production_said.any(), form
        assert set(columns.last_seen.tolist()) == {0}, form
        assert set(columns.target_versions.tolist()) == {-1}, form


def test_a_uuid_that_is_a_word_for_nothing_is_empty(tmp_path: Path) -> None:
    assert "column `uuid`: `NULL` is empty" in refusal(write(tmp_path / "f.csv", "uuid\nNULL\n")).message


def test_na_and_a_hyphen_are_values(tmp_path: Path) -> None:
    columns = read(write(tmp_path / "f.csv", f"uuid,name,group\n{A},-,NA\n"))
    assert (texts(columns.names), groups(columns)) == (["-"], ["NA"])


ZEROS = [
    "never",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00.0000000",
    "0001-01-01 00:00:00",
    "0001-01-01T00:00:00+02:00",
]


def test_zero_times_mean_never_in_every_format(tmp_path: Path) -> None:
    for form, source in forms("last_seen", ZEROS, tmp_path).items():
        assert read(source).last_seen.tolist() == [0] * len(ZEROS), form


@pytest.mark.parametrize("kind", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_zero_times_of_a_type_of_their_own_mean_never(tmp_path: Path, kind: str, zone: str | None) -> None:
    zero = pa.array([-62_135_596_800], pa.int64()).cast(pa.timestamp("s")).cast(pa.timestamp(kind))
    table = pa.table({"uuid": [A], "last_seen": zero.view(pa.timestamp(kind, zone))})
    pq.write_table(table, tmp_path / "f.parquet")
    for source in (table, tmp_path / "f.parquet"):
        assert read(source).last_seen.tolist() == [0]
    assert read(pa.table({"uuid": [A], "last_seen": zero.cast(pa.date32())})).last_seen.tolist() == [0]


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.uint64(), pa.float64(), pa.decimal128(20, 4), pa.string()])
@pytest.mark.parametrize("value", [46_349, 20_261_123, 1])
def test_numbers_that_can_only_be_dates_are_bad_in_every_type(tmp_path: Path, kind: pa.DataType, value: int) -> None:
    table = pa.table({"uuid": [A], "last_seen": pa.array([value], pa.int32()).cast(kind)})
    pq.write_table(table, tmp_path / "f.parquet")
    for source in (table, tmp_path / "f.parquet"):
        assert "too small for seconds since 1970" in refusal(source).message


def test_numbers_of_json_are_judged_like_those_of_csv(tmp_path: Path) -> None:
    rows = [{"uuid": A, "last_seen": 46349.8333}, {"uuid": B, "last_seen": 20261123}]
    assert refusal(write(tmp_path / "f.json", json.dumps(rows))).fields["total"] == 2
    assert read(write(tmp_path / "g.json", json.dumps([{"uuid": A, "last_seen": NOW - 5.5}]))).last_seen[0] == NOW - 6


@pytest.mark.parametrize("number", [float("inf"), 1e300, 9e18])
def test_numbers_beyond_all_bounds_are_bad(number: float) -> None:
    for kind in (pa.float64(), pa.float32()):
        table = pa.table({"uuid": [A], "last_seen": pa.array([number], pa.float64()).cast(kind, safe=False)})
        assert "in the future" in refusal(table).message
    assert "before 1970" in refusal(pa.table({"uuid": [A], "last_seen": pa.array([-2], pa.timestamp("s"))})).message
    assert "negative" in refusal(pa.table({"uuid": [A], "last_seen": [-number]})).message


LISTS = [[None], [], ["main"], ["main", "devel"], [None, "main"], None]
OF_LISTS = [None, None, "main", "main", "main", None]


def test_lists_are_the_same_in_every_format(tmp_path: Path) -> None:
    ids = [device(i) for i in range(len(LISTS))]
    table = pa.table({"uuid": ids, "tags": pa.array(LISTS, pa.list_(pa.string()))})
    pq.write_table(table, tmp_path / "f.parquet")
    rows = [{"uuid": uuid, "tags": tag} for uuid, tag in zip(ids, LISTS, strict=True)]
    sources: list[Any] = [table, tmp_path / "f.parquet", pl.DataFrame(table), table.to_pandas()]
    sources += [table.set_column(1, "tags", table["tags"].cast(pa.large_list(pa.large_string())))]
    sources += [write(tmp_path / "f.json", json.dumps(rows))]
    sources += [write(tmp_path / "f.ndjson", "".join(json.dumps(row) + "\n" for row in rows))]
    quoted = [json.dumps(tag).replace('"', '""') for tag in LISTS]
    sources += [
        write(tmp_path / "f.csv", "uuid,tags\n" + "".join(f'{u},"{t}"\n' for u, t in zip(ids, quoted, strict=True)))
    ]
    for source in sources:
        assert tags(read(source)) == OF_LISTS


@pytest.mark.parametrize("value", [[True], [1], [["main"]], [1.5]])
def test_lists_of_something_else_are_bad(tmp_path: Path, value: list[Any]) -> None:
    assert "not a list of names" in refusal(pa.table({"uuid": [A], "tags": [value]})).message
    assert (
        "not a list of names" in refusal(write(tmp_path / "f.json", json.dumps([{"uuid": A, "tags": value}]))).message
    )


def test_text_that_is_not_utf_8_is_a_bad_cell_in_every_column(tmp_path: Path) -> None:
    for column in ("uuid", "name", "group", "tag", "production", "last_seen", "target_version", "hardware_id"):
        cells = {"uuid": pa.array([A.encode()]), column: pa.array([b"a\xffb"])}
        pq.write_table(pa.table(cells), tmp_path / "f.parquet")
        for source in (pa.table(cells), tmp_path / "f.parquet"):
            error = refusal(source)
            assert error.code == "bad-rows"
            assert f"column `{column}`" in error.message
            assert "is not UTF-8 text" in error.message


# --- CSV as people have it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "#TYPE System.Object\nuuid,name\n{A},x\n",
        "#type x\r\n\r\nuuid,name\r\n{A},x\r\n",
        "sep=;\nuuid;name\n{A};x\n",
        "\ufeffsep=\t\r\nuuid\tname\r\n{A}\tx",
        "SEP=^\nuuid^name\n{A}^x\n",
        "sep=,\n#TYPE x\nuuid,name\n{A},x\n",
    ],
)
def test_lines_before_the_header_are_skipped_and_counted(tmp_path: Path, text: str) -> None:
    assert texts(read(write(tmp_path / "f.csv", text.replace("{A}", A))).names) == ["x"]
    error = refusal(write(tmp_path / "g.csv", text.replace("{A}", "y")))
    assert error.fields["bad"][0]["line"] == len(text.splitlines())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ending", ["csv", "json", "ndjson"])
@pytest.mark.parametrize("packed", [False, True])
def test_utf_16_is_read_with_or_without_a_mark(tmp_path: Path, encoding: str, ending: str, packed: bool) -> None:  # noqa: FBT001
    rows = [{"uuid": device(i), "name": f"Größe ☃ 😀 {i}"} for i in range(4_000)]
    text = {
        "csv": "uuid,name\r\n" + "".join(f"{row['uuid']},{row['name']}\r\n" for row in rows),
        "json": json.dumps(rows, ensure_ascii=False),
        "ndjson": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
    }[ending].encode(encoding)
    path = write(tmp_path / f"f.{ending}", gzip.compress(text) if packed else text)
    assert texts(read(path).names) == [row["name"] for row in rows]


def test_half_a_character_in_utf_16_is_a_bad_row_alone(tmp_path: Path) -> None:
    text = f"\ufeffuuid,name\n{A},x\n".encode("utf-16-le") + f"{B},".encode("utf-16-le") + b"\x00\xd8\n\0"
    path = write(tmp_path / "f.csv", text)
    assert bad(refusal(path)) == [(3, "")]
    assert uuids(read(path, rejects=tmp_path / "bad.csv")) == [A]
    odd = write(tmp_path / "g.csv", f"\ufeffuuid,name\n{A},x\n{B},y".encode("utf-16-le") + b"z")
    assert bad(refusal(odd)) == [(3, "")]


def test_a_nul_is_a_bad_row_alone_wherever_it_stands(tmp_path: Path) -> None:
    for padding in (0, 5000):
        rows = "".join(f"{device(i)},x\n" for i in range(2, 2 + padding))
        path = write(tmp_path / "f.csv", f"uuid,name\n{rows}{A},a\0b\n{device(9999)},x\n")
        assert bad(refusal(path)) == [(2 + padding, "")]
        assert len(uuids(read(path, rejects=tmp_path / "bad.csv"))) == padding + 1


@pytest.mark.parametrize("row", ['{B},"pump', '{B},"x"y', '{B},"x"y,"', '{B},x,"y', 'z"z,z,"'])
def test_a_row_with_wrong_quotes_does_not_decide_about_the_rows_after_it(tmp_path: Path, row: str) -> None:
    others = "".join(f"{device(i)},n{i}\n" for i in range(3, 9))
    path = write(tmp_path / "f.csv", f"uuid,name\n{A},x\n{row.replace('{B}', B)}\n{others}")
    columns = read(path, rejects=tmp_path / "bad.csv")
    assert texts(columns.names) == ["x", *(f"n{i}" for i in range(3, 9))]
    assert (tmp_path / "bad.csv").read_text().splitlines()[1].startswith("3,")


def test_a_column_without_a_name_at_the_end_may_be_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", f"uuid,name,\n{A},x\n{B},y,z\n{device(3)},z,,\n")
    assert texts(read(path).names) == ["x", "y", "z"]


# --- files that are something else -----------------------------------------------------------------------------------


def test_a_spreadsheet_is_called_a_spreadsheet(tmp_path: Path) -> None:
    for inside, said in (
        ("xl/workbook.xml", "is a spreadsheet (.xlsx)"),
        ("word/document.xml", "is a zip archive or a spreadsheet"),
    ):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr("[Content_Types].xml", "x" * 100_000)
            archive.writestr(inside, "x" * 100_000)
        error = refusal(write(tmp_path / "devices.csv", data.getvalue()))
        assert (error.code, said in error.message) == ("not-a-table", True)
        assert "CSV" in error.hint
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    assert "(.ods)" in refusal(write(tmp_path / "f.ods", data.getvalue())).message


def test_what_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b"uuid\n" + b"\n" * (80 << 20), 6)
    for name in ("f.csv", "f.json"):
        error = refusal(write(tmp_path / name, bomb if name == "f.csv" else gzip.compress(b"[" + b" " * (80 << 20))))
        assert error.code in {"not-a-table", "input-too-large"}
