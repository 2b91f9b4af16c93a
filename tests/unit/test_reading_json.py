"""JSON and NDJSON: what is read, and that what is broken is refused with its line and column."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import GroundswellError
from support.reading import NOW, device, groups, read, refusal, tags, texts, uuids, write

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = device(1), device(2), device(3)
DEVICES: list[dict[str, Any]] = [
    {"uuid": A, "name": "pump-1", "device-group": "canary", "is-prod": True, "last-seen": "2026-11-23T00:00:00Z"},
    {"uuid": B, "group": {"id": 7, "name": "us"}, "tag": ["main", "devel"], "target_version": 42, "extra": [1, {}]},
]
DEVICES[1]["device-group"] = DEVICES[1].pop("group")


def write_as(form: str, path: Path, devices: list[dict[str, Any]]) -> Path:
    text = {
        "array": lambda: json.dumps(devices),
        "indented": lambda: json.dumps(devices, indent=2),
        "page": lambda: json.dumps({"devices": devices, "total": len(devices)}),
        "lines": lambda: "".join(json.dumps(one) + "\n" for one in devices),
        "lines without the last end": lambda: "\n".join(json.dumps(one) for one in devices),
        "objects over lines": lambda: "\n".join(json.dumps(one, indent=1) for one in devices),
        "marked": lambda: "\ufeff" + json.dumps(devices),
    }[form]()
    return write(path, text)


FORMS = ["array", "indented", "page", "lines", "lines without the last end", "objects over lines", "marked"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", [".json", ".ndjson", ".jsonl", ""])
def test_every_form_of_json_holds_the_same_devices(tmp_path: Path, form: str, ending: str) -> None:
    columns = read(write_as(form, tmp_path / f"f{ending}", DEVICES))
    assert uuids(columns) == [A, B]
    assert groups(columns) == ["canary", "us"]
    assert tags(columns) == [None, "main"]
    assert texts(columns.names) == ["pump-1", None]
    assert columns.production.tolist() == [True, False]
    assert columns.last_seen.tolist() == [NOW - 86400, 0]
    assert columns.target_versions.tolist() == [-1, 42]


@pytest.mark.parametrize("form", FORMS)
def test_a_key_that_comes_late_is_a_column(tmp_path: Path, form: str) -> None:
    devices: list[dict[str, Any]] = [{"uuid": device(i)} for i in range(3000)]
    devices[-1]["group"] = "late"
    assert groups(read(write_as(form, tmp_path / "f.json", devices)))[-1] == "late"


@pytest.mark.parametrize(
    ("form", "line"), [("array", 1), ("indented", 6), ("page", 1), ("lines", 2), ("objects over lines", 5)]
)
def test_a_bad_cell_is_named_with_the_line_on_which_its_object_begins(tmp_path: Path, form: str, line: int) -> None:
    devices = [{"uuid": A, "target_version": 1}, {"uuid": B, "target_version": 42.5}]
    error = refusal(write_as(form, tmp_path / "f.json", devices))
    assert error.code == "bad-rows"
    assert f"line {line} of " in error.message
    assert "column `target_version`: `42.5` is not an integer" in error.message


@pytest.mark.parametrize(("prefix", "suffix"), [("[", "]"), ('{"total": 9, "devices": [', "]}"), ("[ ", "\n]")])
def test_a_bad_element_of_a_line_is_counted(tmp_path: Path, prefix: str, suffix: str) -> None:
    bad = f'{{"uuid": "{A}"}},5,{{"uuid": "x"}},null,{{"uuid": "{B}", "uuid": 1}},{{"uuid": "{B}"}},[],{{"uuid": "y"}}'
    path = write(tmp_path / "f.json", prefix + bad + suffix)
    error = refusal(path)
    assert f"line 1 of `{path}`, element 2, is not a JSON object" in error.message
    assert [one["element"] for one in error.fields["bad"]] == [2, 3, 4, 5, 7, 8]
    assert [one["column"] for one in error.fields["bad"]] == ["", "uuid", "", "", "", "uuid"]
    assert {one["line"] for one in error.fields["bad"]} == {1}
    rejects = tmp_path / "bad.csv"
    assert uuids(read(path, rejects=rejects)) == [A, B]
    assert [line.split(",")[:3] for line in rejects.read_text().splitlines()][:3] == [
        ["line", "element", "column"],
        ["1", "2", ""],
        ["1", "3", "uuid"],
    ]


def test_the_same_uuid_twice_in_a_line_is_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.json", f'[{{"uuid": "{B}"}},{{"uuid": "{A}", "tag": "a"}},{{"uuid": "{A}", "tag": "b"}}]'
    )
    error = refusal(path)
    assert f"elements 2 and 3 of `{path}` have the same uuid" in error.message
    assert error.fields["repeated"][0]["elements"] == [2, 3]
    assert error.fields["repeated"][0]["lines"] == [1, 1]


def test_where_each_object_has_a_line_no_element_is_counted(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "f.json", f'[\n{{"uuid": "{A}"}},\n5,\n{{"uuid": "x"}}]'))
    assert [one.get("element") for one in error.fields["bad"]] == [None, None]
    assert [one["line"] for one in error.fields["bad"]] == [3, 4]


def test_a_broken_line_says_nothing_about_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "f.ndjson", f'{{"uuid": "{A}"}}\n{{"uuid": \n[1]\n"x"\n{{"uuid": "{B}"}}\n')
    error = refusal(path)
    assert error.code == "bad-rows"
    assert "line 2 of " in error.message
    assert "is broken JSON" in error.message
    assert error.fields["total"] == 3
    rejects = tmp_path / "bad.csv"
    assert uuids(read(path, rejects=rejects)) == [A, B]
    assert [line.split(",")[0] for line in rejects.read_text().splitlines()] == ["line", "2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (f'[{{"uuid": "{A}"}}', 1, 50),
        (f'[\n {{"uuid": "{A}"}}\n {{"uuid": "{B}"}}\n]', 3, 2),
        (f'[{{"uuid": "{A}"}}]\n]', 2, 1),
        (f'{{"devices": [{{"uuid": "{A}"}},\n{{"uuid" 1}}]}}', 2, 9),
    ],
)
def test_a_broken_document_is_told_with_line_and_column(tmp_path: Path, text: str, line: int, column: int) -> None:
    path = write(tmp_path / "f.json", text)
    error = refusal(path)
    assert error.code == "broken-json"
    assert f"line {line} of `{path}` is broken JSON at column " in error.message
    assert (error.fields["line"], error.fields["column"]) == (line, column)


def test_deep_nesting_and_other_encodings_are_told(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "f.json", "[" * 100_000)).code == "broken-json"
    error = refusal(write(tmp_path / "g.json", f'[{{"uuid": "{A}",\n"name": "é"}}]'.encode("latin-1")))
    assert error.code == "broken-json"
    assert "line 2 of " in error.message


@pytest.mark.parametrize("depth", [50, 400, 600, 900, 5000, 200_000])
@pytest.mark.parametrize("column", ["owner", "group"])
@pytest.mark.parametrize("form", ["[{}]", "{}\n", "{}\n{}\n", '{"devices": [{}]}', "{}"])
def test_objects_nested_however_deep_are_read_or_refused(tmp_path: Path, depth: int, column: str, form: str) -> None:
    deep = f'{{"uuid": "{A}", "{column}": {"[" * depth}1{"]" * depth}}}'
    path = write(tmp_path / "f.json", form.replace("{}", deep, 1).replace("{}", f'{{"uuid": "{B}", "tag": "a b"}}'))
    # Nothing else may escape.
    with contextlib.suppress(GroundswellError):
        assert uuids(read(path)) == [A]


def test_one_device_alone_is_a_fleet_of_one(tmp_path: Path) -> None:
    assert tags(read(write(tmp_path / "f.json", f'{{"uuid": "{A}", "tags": ["main"]}}'))) == ["main"]


@pytest.mark.parametrize("text", ["[]", "[ ]\n", '{"devices": []}', '{"devices": [], "total": 0}\n'])
def test_an_array_of_nothing_is_an_export_that_went_wrong(tmp_path: Path, text: str) -> None:
    assert refusal(write(tmp_path / "f.json", text)).code == "empty-fleet"


@pytest.mark.parametrize("text", ["{}", "[{}]", "{}\n{}\n", '[{"name": "x"}]'])
def test_objects_without_a_uuid_have_no_uuid_column(tmp_path: Path, text: str) -> None:
    assert refusal(write(tmp_path / "f.json", text)).code == "no-uuid-column"


@pytest.mark.parametrize("text", ["[1, 2]", '["x"]', "5", '"x"', '{"data": [{"uuid": 1}]}', "not json"])
def test_json_that_holds_no_objects_is_no_table(tmp_path: Path, text: str) -> None:
    assert refusal(write(tmp_path / "f.json", text)).code == "not-a-table"


def test_one_page_of_several_is_read_and_told(tmp_path: Path) -> None:
    columns = read(write(tmp_path / "f.json", json.dumps({"devices": DEVICES, "total": 70, "next": "/2"})))
    assert len(uuids(columns)) == 2
    assert any("one page of several: it has 2 of 70 devices" in note for note in columns.report.notes)
