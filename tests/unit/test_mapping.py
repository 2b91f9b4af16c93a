"""Mappings by hand: columns, paths into JSON, constants, units, rows elsewhere, and UUIDs that are derived."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from groundswell.errors import InputError
from groundswell.ingest.mapping import NAMESPACES, ColumnMapping
from support.reading import DAY, NOW, device, groups, read, refusal, tags, texts, uuids, write

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = device(1), device(2), device(3)


def mapping(uuid5: str | None = None, rows_at: str | None = None, **columns: str) -> ColumnMapping:
    return ColumnMapping.of(columns, rows_at=rows_at, uuid5=uuid5)


def wrong(columns: Any = None, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        ColumnMapping.of(columns, **options)
    assert caught.value.hint
    return caught.value


def test_a_column_of_any_name_is_read_and_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", f"Serial,Release Tag,owner,uuid\nx,main,me,{A}\ny,devel,you,{B}\n")
    columns = read(path, mapping=mapping(tag="Release Tag", name="serial"))
    assert (tags(columns), texts(columns.names)) == (["main", "devel"], ["x", "y"])
    assert columns.report.columns == {"uuid": "uuid", "name": "Serial", "tag": "Release Tag"}
    assert columns.report.ignored_columns == ("owner",)


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_the_hand_has_priority_over_a_spelling(tmp_path: Path, form: str) -> None:
    rows = [{"uuid": A, "tag": "wrong", "channel": "right"}]
    path = tmp_path / f"f.{form}"
    if form == "csv":
        write(path, f"uuid,tag,channel\n{A},wrong,right\n")
    elif form == "json":
        write(path, json.dumps(rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    columns = read(path, mapping=mapping(tag="channel"))
    assert tags(columns) == ["right"]
    assert columns.report.columns["tag"] == "channel"
    assert "tag" in columns.report.ignored_columns


@pytest.mark.parametrize("form", ["csv", "json"])
def test_two_columns_from_one_source(tmp_path: Path, form: str) -> None:
    text = f"uuid,ring\n{A},canary\n" if form == "csv" else json.dumps([{"uuid": A, "ring": "canary"}])
    columns = read(write(tmp_path / f"f.{form}", text), mapping=mapping(tag="ring", group="ring"))
    assert (tags(columns), groups(columns)) == (["canary"], ["canary"])


def test_two_spellings_are_no_conflict_where_the_hand_decides(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", f"uuid,tag,tags\n{A},x,main\n")
    assert refusal(path).code == "repeated-column"
    assert tags(read(path, mapping=mapping(tag="tags"))) == ["main"]


DEEP = [
    {
        "id": {"uuid": A},
        "tags": ["main", "devel"],
        "attributes": [{"name": "mac", "scope": "x", "value": 1}, {"name": "mac", "scope": "id", "value": "52:54"}],
        "twin": {"device.type": "rpi", "note [1]": "canary", "seen": None},
    },
    {"id": {"uuid": B}, "tags": [], "attributes": [], "twin": {}},
]


@pytest.mark.parametrize("form", ["array", "lines", "things"])
def test_paths_have_dots_indexes_filters_and_quotes(tmp_path: Path, form: str) -> None:
    text = json.dumps(DEEP)
    if form == "lines":
        text = "".join(json.dumps(one) + "\n" for one in DEEP)
    if form == "things":
        text = json.dumps({"data": {"things": DEEP}})
    found = mapping(
        uuid="id.uuid",
        tag="tags[0]",
        name="attributes[name=mac,scope=id].value",
        hardware_id='twin."device.type"',
        group='twin."note [1]"',
        rows_at="data.things" if form == "things" else None,
    )
    columns = read(write(tmp_path / "f.json", text), mapping=found)
    assert uuids(columns) == [A, B]
    assert tags(columns) == ["main", None]
    assert texts(columns.names) == ["52:54", None]
    assert texts(columns.hardware_ids) == ["rpi", None]
    assert groups(columns) == ["canary", None]
    assert columns.report.columns["name"] == "attributes[name=mac,scope=id].value"


@pytest.mark.parametrize("form", ["arrow", "parquet", "csv"])
def test_a_path_goes_into_the_cells_of_a_table(tmp_path: Path, form: str) -> None:
    table: Any = pa.table({"uuid": [A, B], "twin": [{"channel": "main", "ids": [7]}, None]})
    path = tmp_path / f"f.{form}"
    if form == "parquet":
        pq.write_table(table, path)
    if form == "csv":
        cell = json.dumps({"channel": "main", "ids": [7]}).replace('"', '""')
        write(path, f'uuid,twin\n{A},"{cell}"\n{B},\n')
    columns = read(table if form == "arrow" else path, mapping=mapping(tag="twin.channel", name="twin.ids[0]"))
    assert tags(columns) == ["main", None]
    assert texts(columns.names) == ["7", None]


def test_a_key_that_holds_dots_is_taken_as_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", json.dumps([{"uuid": A, "device.tag": "main"}]))
    assert tags(read(path, mapping=mapping(tag="device.tag"))) == ["main"]


@pytest.mark.parametrize(
    ("text", "source", "near"),
    [
        ("uuid,Release Tag\n{A},main\n", "Relase Tag", "Release Tag"),
        ('[{{"uuid": "{A}", "channel": "x"}}]', "chanel", "channel"),
        ('[{{"uuid": "{A}", "twin": {{"channel": "x"}}}}]', "twin.chanel", "channel"),
        ('[{{"uuid": "{A}", "twin": null}}]', "twinn.channel", "twin"),
    ],
)
def test_a_source_that_is_not_there_is_an_error_with_the_nearest(
    tmp_path: Path, text: str, source: str, near: str
) -> None:
    path = write(tmp_path / ("f.csv" if text.startswith("uuid") else "f.json"), text.format(A=A))
    error = refusal(path, mapping=mapping(tag=source))
    assert error.code == "unknown-source-column"
    assert f"`{near}`" in error.hint
    assert error.fields["nearest"][0] == near


def test_a_filter_that_finds_nothing_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", json.dumps([{"uuid": A, "attributes": [{"name": "mac", "value": "x"}]}]))
    columns = read(path, mapping=mapping(group="attributes[name=group].value"))
    assert groups(columns) == [None]
    assert any("attributes[name=group].value" in note for note in columns.report.notes)


@pytest.mark.parametrize("form", ["csv", "json", "arrow"])
def test_a_constant_holds_for_every_row(tmp_path: Path, form: str) -> None:
    source: Any = pa.table({"uuid": [A, B]})
    if form != "arrow":
        text = f"uuid\n{A}\n{B}\n" if form == "csv" else json.dumps([{"uuid": A}, {"uuid": B}])
        source = write(tmp_path / f"f.{form}", text)
    columns = read(source, mapping=mapping(production="=true", tag="=main"))
    assert columns.production.tolist() == [True, True]
    assert tags(columns) == ["main", "main"]
    assert columns.report.columns["production"] == "=true"
    assert not any("PRODUCTION" in note for note in columns.report.notes)


SECOND = NOW - DAY


@pytest.mark.parametrize("form", ["csv", "json", "integers", "floats"])
@pytest.mark.parametrize(("unit", "factor"), [("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_times_in_other_units(tmp_path: Path, form: str, unit: str, factor: int) -> None:
    values: list[Any] = [SECOND * factor + factor - 1, 0, None]
    source: Any = pa.table({"uuid": [A, B, C], "polled": pa.array(values, pa.int64())})
    if form == "floats":
        if unit == "ns":
            pytest.skip("a double has no room for nanoseconds")
        source = pa.table({"uuid": [A, B, C], "polled": pa.array(values, pa.float64())})
    if form == "csv":
        source = write(tmp_path / "f.csv", f"uuid,polled\n{A},{values[0]}\n{B},0\n{C},\n")
    if form == "json":
        rows = [{"uuid": one, "polled": value} for one, value in zip([A, B, C], values, strict=True)]
        source = write(tmp_path / "f.json", json.dumps(rows))
    columns = read(source, mapping=mapping(last_seen=f"polled:{unit}"))
    assert columns.last_seen.tolist() == [SECOND, 0, 0]
    assert columns.report.columns["last_seen"] == f"polled:{unit}"


def test_a_unit_does_not_make_a_wrong_time_right(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", json.dumps([{"uuid": A, "polled": "yesterday"}]))
    error = refusal(path, mapping=mapping(last_seen="polled:ms"))
    assert (error.code, error.fields["bad"][0]["value"]) == ("bad-rows", "yesterday")


def test_an_instant_stays_an_instant_whatever_the_unit(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", json.dumps([{"uuid": A, "polled": "2026-11-23T00:00:00Z"}]))
    assert read(path, mapping=mapping(last_seen="polled:ms")).last_seen.tolist() == [SECOND]


@pytest.mark.parametrize("namespace", [*NAMESPACES, A, f"{{{A.upper()}}}"])
@pytest.mark.parametrize("form", ["csv", "json", "arrow"])
def test_derived_uuids_are_those_of_the_uuid_module(tmp_path: Path, namespace: str, form: str) -> None:
    ids = ["gw-1", "ü 2", "00:16:3e:00:00:01", A]
    source: Any = pa.table({"id": ids, "name": ["a", "b", "c", "d"]})
    if form == "csv":
        source = write(tmp_path / "f.csv", "id,name\n" + "".join(f" {one} ,x\n" for one in ids))
    if form == "json":
        source = write(tmp_path / "f.json", json.dumps([{"id": one, "name": "x"} for one in ids]))
    columns = read(source, mapping=mapping(uuid="id", uuid5=namespace))
    space = NAMESPACES.get(namespace) or uuid.UUID(namespace)
    assert uuids(columns) == [str(uuid.uuid5(space, one)) for one in ids]
    assert [str(name).strip() for name in texts(columns.names)] == ids
    assert columns.report.columns["name"] == "id"
    assert "name" in columns.report.ignored_columns


def test_a_name_that_is_mapped_by_hand_stays_beside_a_derived_uuid(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "uuid,label\nx1,Pump\n")
    columns = read(path, mapping=mapping(name="label", uuid5="url"))
    assert texts(columns.names) == ["Pump"]
    assert uuids(columns) == [str(uuid.uuid5(uuid.NAMESPACE_URL, "x1"))]


def test_an_id_that_is_empty_gives_no_uuid(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "f.csv", "uuid,tag\nx,\n ,main\n"), mapping=mapping(uuid5="dns"))
    assert (error.code, error.fields["bad"][0]["line"]) == ("bad-rows", 3)


def test_integers_are_ids_too() -> None:
    columns = read(pa.table({"uuid": [7, 8]}), mapping=mapping(uuid5="oid"))
    assert uuids(columns) == [str(uuid.uuid5(uuid.NAMESPACE_OID, text)) for text in ("7", "8")]


@pytest.mark.parametrize("joiner", ["", "\n", " "])
def test_several_pages_are_one_fleet(tmp_path: Path, joiner: str) -> None:
    pages = [{"total": 3, "things": [{"uuid": A}, {"uuid": B}]}, {"total": 3, "things": [{"uuid": C}]}]
    path = write(tmp_path / "f.json", joiner.join(map(json.dumps, pages)))
    columns = read(path, mapping=mapping(rows_at="things"))
    assert uuids(columns) == [A, B, C]
    assert not any("one page of several" in note for note in columns.report.notes)
    array = read(write(tmp_path / "g.json", json.dumps(pages)), mapping=mapping(rows_at="things"))
    assert uuids(array) == [A, B, C]


def test_a_page_that_is_not_the_last_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", json.dumps({"things": [{"uuid": A}], "nextToken": "abc"}))
    notes = read(path, mapping=mapping(rows_at="things")).report.notes
    assert any("one page of several: it has 1 devices" in note for note in notes)


def test_an_array_that_is_not_there_is_told_with_the_nearest_key(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", json.dumps({"things": [{"uuid": A}], "data": {"items": 1}}))
    error = refusal(path, mapping=mapping(rows_at="thing"))
    assert (error.code, error.fields["nearest"]) == ("no-rows-at", ["things"])
    assert refusal(path, mapping=mapping(rows_at="data.items")).code == "no-rows-at"
    assert "`things`" in refusal(path).hint


def test_rows_elsewhere_are_for_json_only(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "f.csv", f"uuid\n{A}\n"), mapping=mapping(rows_at="x")).code == "bad-rows-at"


@pytest.mark.parametrize("path", ["", "a.", "a[", "a[name]", '"a'])
def test_a_path_that_is_not_one_is_refused(tmp_path: Path, path: str) -> None:
    assert wrong(rows_at=path).code == "bad-rows-at"
    if path:
        file = write(tmp_path / "f.json", json.dumps([{"uuid": A}]))
        assert refusal(file, mapping=mapping(tag=path)).code == "bad-mapping"


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"tga": "x"}, "bad-column"),
        ({"": "x"}, "bad-column"),
        ({"tag": ""}, "bad-mapping"),
        ({"tag": " "}, "bad-mapping"),
        ({"tag": "="}, "bad-mapping"),
        ({"tag": None}, "bad-mapping"),
        ({"uuid": "=x"}, "bad-mapping"),
        ({"tag": "a", "Tags": "b"}, "bad-mapping"),
        ({"tag": "x" * 2000}, "bad-mapping"),
        ([("tag", "x")], "bad-mapping"),
    ],
)
def test_what_is_not_a_mapping_is_refused(columns: Any, code: str) -> None:
    assert wrong(columns).code == code


def test_a_name_near_a_column_is_told() -> None:
    assert wrong({"tagg": "x"}).hint == "did you mean `tag`?"


@pytest.mark.parametrize("namespace", ["", "dsn", "1234", "6ba7b810"])
def test_a_name_space_is_a_uuid_or_one_of_four(namespace: str) -> None:
    assert wrong(uuid5=namespace).code == "bad-namespace"


def test_a_mapping_comes_back_from_its_data() -> None:
    whole = mapping(tag="Release Tag", last_seen="polled:ms", production="=true", uuid5="dns", rows_at="a.b")
    assert ColumnMapping.of_data(json.loads(json.dumps(whole.to_data()))) == whole
    over = mapping(tag="x").over(whole)
    assert (over.columns["tag"].text, over.columns["production"].text, over.rows_at) == ("x", "=true", "a.b")


def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b"{}\n" * (1 << 25), 1)
    error = refusal(write(tmp_path / "f.json", bomb))
    assert (error.code, "unpacks to more than 50 times" in error.message) == ("not-a-table", True)


def test_distinct_keys_are_not_all_kept(tmp_path: Path) -> None:
    rows = [{"uuid": device(number), f"k{number}": 1} for number in range(3000)]
    report = read(write(tmp_path / "f.json", json.dumps(rows))).report
    assert len(report.ignored_columns) == 1000
    assert report.more_ignored_columns


def test_a_key_that_stands_twice_in_an_object_is_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", f'[{{"uuid": "{A}"}},\n{{"uuid": "{A}", "tag": "a", "tag": "b"}}]')
    error = refusal(path)
    assert (error.code, error.fields["bad"][0]["line"]) == ("bad-rows", 2)
    assert "has the key `tag` twice" in error.message


def test_a_first_line_that_is_broken_says_nothing_about_the_others(tmp_path: Path) -> None:
    for first in ('{"uuid": ', "garbage", '"x"', "[1"):
        path = write(tmp_path / "f.ndjson", f'{first}\n{{"uuid": "{A}"}}\n{{"uuid": "{B}"}}\n')
        assert refusal(path).code == "bad-rows"
        assert uuids(read(path, rejects=tmp_path / "bad.csv")) == [A, B]


def test_half_a_surrogate_pair_is_no_crash(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", f'[{{"uuid": "{A}", "\\ud800": 1, "name": "a\\udc00\\ud83d\\ude00"}}]')
    columns = read(path)
    assert texts(columns.names) == ["a\ufffd\U0001f600"]
    assert columns.report.ignored_columns == ("\ufffd",)
