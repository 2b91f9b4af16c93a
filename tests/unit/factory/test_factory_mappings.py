"""Mappings that a factory remembers: saved by imports, used by name, listed and deleted."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from groundswell.errors import InputError, NotFoundError
from groundswell.factory import Factory
from support.factories import AT, device

if TYPE_CHECKING:
    from pathlib import Path

TABLE = pa.table({"serial": ["a", "b"], "ring": ["main", "devel"], "owner": ["x", "y"]})
COLUMNS = {"uuid": "serial", "tag": "ring", "production": "=true"}
OPTIONS: dict[str, Any] = {"columns": COLUMNS, "uuid5": "dns"}


def derived(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, text))


def test_a_mapping_is_saved_with_its_import_and_used_by_name(factory: Factory) -> None:
    report = factory.devices.import_(TABLE, now=AT, save_mapping="crm", **OPTIONS)
    assert report.mapping_saved == "crm"
    assert report.columns == {"uuid": "serial", "name": "serial", "tag": "ring", "production": "=true"}
    assert report.unused == ("owner",)
    again = factory.devices.import_(TABLE, now=AT, mapping="crm")
    assert (again.unchanged, again.columns) == (2, report.columns)
    assert [one.name for one in factory.devices.list().devices] == ["a", "b"]
    assert [one.uuid for one in factory.devices.list().devices] == [derived("a"), derived("b")]


def test_what_is_given_overrides_what_is_saved(factory: Factory) -> None:
    factory.devices.import_(TABLE, now=AT, save_mapping="crm", **OPTIONS)
    report = factory.devices.import_(TABLE, now=AT, mapping="crm", columns={"name": "owner"})
    assert report.columns["name"] == "owner"
    assert [one.name for one in factory.devices.list().devices] == ["x", "y"]
    assert "name" not in factory.devices.mappings.find("crm").columns
    factory.devices.import_(TABLE, now=AT, mapping="crm", columns={"name": "owner"}, save_mapping="crm")
    assert factory.devices.mappings.find("crm").columns["name"] == "owner"


def test_a_mapping_says_what_it_is(factory: Factory, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps({"things": [{"id": device(1)}]}))
    factory.devices.import_(path, now=AT, columns={"uuid": "id"}, rows_at="things", save_mapping="iot")
    (found,) = factory.devices.mappings.list()
    assert (found.name, found.columns, found.rows_at, found.uuid5) == ("iot", {"uuid": "id"}, "things", None)
    assert found.saved_at == AT
    assert found.saved_by


def test_a_dry_run_and_a_failed_import_save_nothing(factory: Factory) -> None:
    report = factory.devices.import_(TABLE, now=AT, dry_run=True, save_mapping="crm", **OPTIONS)
    assert report.mapping_saved is None
    with pytest.raises(InputError):
        factory.devices.import_(TABLE, now=AT, save_mapping="crm", columns={**COLUMNS, "group": "grp"}, uuid5="dns")
    assert factory.devices.mappings.list() == ()


def test_an_import_that_changes_no_device_saves_its_mapping_all_the_same(factory: Factory) -> None:
    factory.devices.import_(TABLE, now=AT, **OPTIONS)
    before = factory.revision
    assert factory.devices.import_(TABLE, now=AT, save_mapping="crm", **OPTIONS).unchanged == 2
    assert factory.revision == before + 1
    factory.devices.import_(TABLE, now=AT, save_mapping="crm", **OPTIONS)
    assert factory.revision == before + 1


def test_a_mapping_survives_in_the_store_and_in_the_audit_log(factory: Factory) -> None:
    factory.devices.import_(TABLE, now=AT, save_mapping="crm", **OPTIONS)
    path = factory.path
    factory.close()
    (path / "factory.duckdb").unlink()
    Factory.repair(path)
    with Factory.open(path) as repaired:
        assert repaired.devices.mappings.find("crm").columns == COLUMNS
        repaired.devices.mappings.delete("crm", now=AT)
        assert repaired.devices.mappings.list() == ()
        assert all(result.sound for result in repaired.check(now=AT).results)


def test_a_mapping_that_is_not_there_is_told_with_the_nearest(factory: Factory) -> None:
    factory.devices.import_(TABLE, now=AT, save_mapping="hawkbit", **OPTIONS)
    for action in (
        lambda: factory.devices.mappings.find("hawkbti"),
        lambda: factory.devices.mappings.delete("hawkbti"),
        lambda: factory.devices.import_(TABLE, now=AT, mapping="hawkbti"),
    ):
        with pytest.raises(NotFoundError) as caught:
            action()
        assert (caught.value.code, caught.value.fields["nearest"]) == ("unknown-mapping", ["hawkbit"])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"save_mapping": "a b", **OPTIONS}, "bad-name"),
        ({"save_mapping": "", **OPTIONS}, "bad-name"),
        ({"save_mapping": "crm"}, "bad-option"),
        ({"columns": {"tga": "ring"}}, "bad-column"),
        ({"columns": {"tag": ""}}, "bad-mapping"),
        ({"rows_at": "a."}, "bad-rows-at"),
        ({"uuid5": ""}, "bad-namespace"),
    ],
)
def test_wrong_options_change_nothing(factory: Factory, options: dict[str, Any], code: str) -> None:
    before = factory.revision
    with pytest.raises(InputError) as caught:
        factory.devices.import_(TABLE, now=AT, **options)
    assert caught.value.code == code
    assert factory.revision == before


def test_each_file_has_its_own_columns_in_the_report(factory: Factory) -> None:
    first = pa.table({"uuid": [device(1)], "tag": ["main"], "x": ["1"]})
    second = pa.table({"device_uuid": [device(2)], "y": ["1"]})
    report = factory.devices.import_(first, second, now=AT)
    assert [source.columns for source in report.sources] == [{"uuid": "uuid", "tag": "tag"}, {"uuid": "device_uuid"}]
    assert (report.columns, report.unused) == ({"uuid": "uuid", "tag": "tag"}, ("x", "y"))


def test_a_fleet_without_tags_groups_or_production_is_noted(factory: Factory) -> None:
    notes = factory.devices.import_(pa.table({"uuid": [device(1)]}), now=AT).notes
    assert any("HAS A TAG" in note for note in notes)
    assert any("HAS A GROUP" in note for note in notes)
    assert any("PRODUCTION" in note for note in notes)
