"""Deleted means denied, and the order of imports (domain.md, "The sets" and "Where devices come from")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import GroundswellError, NotFoundError
from groundswell.factory import DeniedDevice, Factory
from support.factories import AT, NOW, device, devices, later, past_the_store

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

HOUR = 3600


def refusal(command: Any, *arguments: Any) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        command(*arguments)
    assert caught.value.hint
    return caught.value


@pytest.fixture
def stolen(factory: Factory) -> Factory:
    """Production devices 1 to 4 named gw-1 to gw-4; 2 and 3 are deleted."""
    factory.devices.import_(nightly(), now=AT)
    factory.devices.delete([device(3), device(2)], now=AT)
    return factory


def nightly(**columns: Any) -> pa.Table:
    named: dict[str, Any] = {"name": [f"gw-{number}" for number in range(1, 5)], "production": True, "tag": "main"}
    return devices(4, **named | columns)


# --- denied --------------------------------------------------------------------------------------------------------


def test_a_nightly_import_neither_brings_a_deleted_device_back_nor_fails(stolen: Factory) -> None:
    revision = stolen.revision
    report = stolen.devices.import_(nightly(), now=AT)
    assert (report.devices, report.unchanged, report.denied, report.new, report.returned) == (2, 2, 2, 0, 0)
    assert report.denied_devices == (DeniedDevice(device(2), "gw-2"), DeniedDevice(device(3), "gw-3"))
    assert report.notes[0] == (
        f"SKIPPED THE ROWS OF 2 DENIED DEVICES, which were deleted before: gw-2 ({device(2)}), gw-3 ({device(3)});"
        " allowing them takes them off the denied list"
    )
    assert stolen.revision == revision
    assert len(stolen.devices) == 2
    assert device(2) not in stolen.devices.fleet()


def test_an_import_of_denied_devices_alone_is_no_error(stolen: Factory) -> None:
    report = stolen.devices.import_(devices(2, first=2, group="ghosts", tag="ghosts"), now=AT)
    assert (report.rows, report.devices, report.denied, report.groups_created) == (2, 0, 2, ())
    assert stolen.groups.list() == []


def test_the_note_names_five_of_many_and_the_report_all(factory: Factory) -> None:
    factory.devices.import_(devices(1500, name="gw"), now=AT)
    factory.devices.delete([device(number) for number in range(1, 1501)], now=AT)
    report = factory.devices.import_(devices(1500), now=AT)
    assert (report.denied, len(report.denied_devices)) == (1500, 1500)
    assert report.notes[0].count("gw (") == 5
    assert "and 1495 more" in report.notes[0]
    assert len(factory.devices.denied()) == 1500


def test_other_rows_of_the_file_are_imported_as_if_the_denied_ones_were_not_there(stolen: Factory) -> None:
    table = devices(6, group=["a", "b", "c", "a", "d", "a"], name=[None, "x", "y", None, "new", None])
    report = stolen.devices.import_(table, now=AT)
    assert (report.devices, report.new, report.changed, report.denied) == (4, 2, 2, 2)
    assert report.groups_created == ("a", "d")
    assert {one.uuid: (one.name, one.group, one.ordinal) for one in stolen.devices.list().devices} == {
        device(1): ("gw-1", "a", 0),
        device(4): ("gw-4", "a", 3),
        device(5): ("new", "d", 4),
        device(6): (None, "a", 5),
    }


def test_an_allowed_device_gets_its_ordinal_and_its_name_back_from_the_next_import(stolen: Factory) -> None:
    assert stolen.devices.allow([device(3)], now=AT) == 1
    assert stolen.devices.denied() == [DeniedDevice(device(2), "gw-2")]
    assert stolen.devices.find(device(3)) is None
    report = stolen.devices.import_(devices(2, first=2, production=[True, False], tag="next"), now=AT)
    assert (report.returned, report.denied) == (1, 1)
    found = stolen.devices.show("gw-3")
    assert (found.uuid, found.ordinal, found.tag, found.production) == (device(3), 2, "next", False)
    # It is a device like any other again: deleting it denies it again.
    stolen.devices.delete([device(3)], now=AT)
    assert stolen.devices.denied() == [DeniedDevice(device(2), "gw-2"), DeniedDevice(device(3), "gw-3")]


def test_a_name_in_the_row_replaces_that_of_the_allowed_device(stolen: Factory) -> None:
    stolen.devices.allow([device(3)], now=AT)
    stolen.devices.import_(nightly(name=["a", "b", "c", "d"]), now=AT)
    assert stolen.devices.show("c").uuid == device(3)


def test_a_device_that_came_in_as_a_test_device_is_mended_by_delete_allow_and_import(factory: Factory) -> None:
    factory.devices.import_(devices(1), now=AT)
    assert refusal(factory.devices.import_, devices(1, production=True)).code == "bad-rows"
    factory.devices.delete([device(1)], now=AT)
    factory.devices.allow([device(1)], now=AT)
    factory.devices.import_(devices(1, production=True), now=AT)
    assert factory.devices.show(device(1)).production


def test_to_allow_is_all_or_nothing_and_twice_is_once(stolen: Factory) -> None:
    assert stolen.devices.allow([device(2)], now=AT) == 1
    revision = stolen.revision
    assert stolen.devices.allow([device(2)], now=AT) == 0
    error = refusal(stolen.devices.allow, [device(3), device(1), device(9)])
    assert isinstance(error, NotFoundError)
    assert (error.code, error.fields) == ("not-denied", {"not_denied": [device(1), device(9)]})
    assert stolen.revision == revision
    assert refusal(stolen.devices.allow, []).code == "empty-list"


def test_an_allowed_device_that_is_deleted_is_denied_again(stolen: Factory) -> None:
    stolen.devices.allow([device(2), device(3)], now=AT)
    assert stolen.devices.delete([device(3)], now=AT) == 1
    assert stolen.devices.denied() == [DeniedDevice(device(3), "gw-3")]
    # A denied one is not there to be deleted.
    assert refusal(stolen.devices.delete, [device(3)]).code == "unknown-devices"


@pytest.mark.parametrize("asked", [device(2), "gw-2"])
def test_show_says_whether_a_deleted_device_is_denied_or_allowed(stolen: Factory, asked: str) -> None:
    error = refusal(stolen.devices.show, asked)
    assert (error.code, error.fields["denied"], error.fields["allowed"]) == ("unknown-device", True, False)
    assert "denied list" in error.message
    assert "`devices.allow`" in str(error.hint)
    stolen.devices.allow([device(2)], now=AT)
    error = refusal(stolen.devices.show, asked)
    assert (error.code, error.fields["denied"], error.fields["allowed"]) == ("unknown-device", False, True)


def test_devices_that_were_deleted_before_the_list_was_kept_are_denied_without_a_name(stolen: Factory) -> None:
    # What a store of format 2 has of a deleted device, and what its audit log says of it.
    past_the_store(stolen, "UPDATE devices SET name = NULL WHERE deleted")
    assert stolen.devices.denied() == [DeniedDevice(device(2), None), DeniedDevice(device(3), None)]
    report = stolen.devices.import_(nightly(), now=AT)
    assert report.denied == 2
    assert f"before: {device(2)}, {device(3)};" in report.notes[0]


def test_the_audit_log_yields_the_denied_list(stolen: Factory) -> None:
    stolen.devices.allow([device(2)], now=AT)
    path = stolen.path
    assert all(result.sound for result in stolen.check(now=AT).results)
    stolen.close()
    (path / "factory.duckdb").write_bytes(b"damaged")
    Factory.repair(path)
    with Factory.open(path) as again:
        assert again.devices.denied() == [DeniedDevice(device(3), "gw-3")]
        assert again.devices.import_(nightly(), now=AT).returned == 1


# --- the order of imports ------------------------------------------------------------------------------------------


def report_of(ago: float | None, version: int | None) -> pa.Table:
    """An export of device 1: seen so many hours ago, with this version."""
    columns: dict[str, Any] = {}
    if ago is not None:
        columns["last_seen"] = NOW - round(ago * HOUR)
    return devices(1, **columns | ({} if version is None else {"target_version": version}))


@pytest.mark.parametrize(
    ("imports", "seen", "version"),
    [
        # The case of the cases page.
        ([(1, 41), (None, 42), (0.5, 41)], 0.5, 42),
        ([(1, 41), (0.5, 41), (None, 42)], 0.5, 42),
        ([(None, 42), (0.5, 41)], 0.5, 42),
        ([(None, 42), (0.5, 41), (-0.5, 40)], 0, 42),
        ([(1, 41), (None, 42)], 1, 42),
        ([(1, 42), (None, 41)], 1, 41),
        ([(1, 41), (2, 42)], 1, 41),
        ([(2, 42), (1, 41)], 1, 41),
        # The same second: the greater version, in any order.
        ([(1, 41), (1, 42)], 1, 42),
        ([(1, 42), (1, 41)], 1, 42),
        ([(None, 42), (None, 41)], None, 42),
        ([(None, 41), (None, 42)], None, 42),
        ([(None, 42), (0, 41)], 0, 42),
        ([(0, 41), (None, 42)], 0, 42),
        ([(0, 42), (None, 41)], 0, 42),
        # A device that is seen later without a version still has it.
        ([(2, 41), (1, None)], 1, 41),
        ([(2, 41), (1, None), (1.5, 40)], 1, 41),
    ],
)
def test_the_newer_last_seen_wins_and_a_version_without_a_time_counts_as_reported_now(
    factory: Factory, imports: list[tuple[float | None, int | None]], seen: float | None, version: int
) -> None:
    for ago, reported in imports:
        factory.devices.import_(report_of(ago, reported), now=AT)
    found = factory.devices.show(device(1))
    assert found.target_version == version
    assert found.last_seen == (None if seen is None else later(hours=-seen))


def test_a_later_export_overwrites_a_version_without_a_time(factory: Factory) -> None:
    factory.devices.import_(report_of(1, 41), now=AT)
    factory.devices.import_(report_of(None, 42), now=AT)
    report = factory.devices.import_(report_of(0.5, 41), now=later(hours=1))
    assert (report.outdated, report.changed) == (1, 1)
    assert factory.devices.show(device(1)).target_version == 42
    report = factory.devices.import_(report_of(-0.5, 41), now=later(hours=1))
    assert (report.outdated, report.changed) == (0, 1)
    assert factory.devices.show(device(1)).target_version == 41


def test_a_version_that_is_reported_again_is_as_new_as_the_import(factory: Factory) -> None:
    factory.devices.import_(report_of(None, 42), now=AT)
    revision = factory.revision
    assert factory.devices.import_(report_of(None, 42), now=AT).unchanged == 1
    assert factory.revision == revision
    report = factory.devices.import_(report_of(None, 42), now=later(hours=2))
    assert (report.unchanged, report.changed, factory.revision) == (1, 0, revision + 1)
    factory.devices.import_(report_of(-1, 41), now=later(hours=3))
    assert factory.devices.show(device(1)).target_version == 42


def test_an_older_export_is_outdated_and_told_so(factory: Factory) -> None:
    factory.devices.import_(report_of(None, 42), now=AT)
    report = factory.devices.import_(report_of(2, 41), now=AT)
    assert report.outdated == 1
    assert report.notes[-1] == "1 row is older than what is known: it did not replace the target_version or last_seen"


def test_a_cleared_time_does_not_let_an_older_export_overwrite_the_version(factory: Factory) -> None:
    factory.devices.import_(report_of(1, 42), now=AT)
    factory.devices.import_(report_of(None, None), clear=["last_seen"], now=AT)
    assert factory.devices.show(device(1)).last_seen is None
    factory.devices.import_(report_of(2, 41), now=AT)
    found = factory.devices.show(device(1))
    assert (found.last_seen, found.target_version) == (later(hours=-2), 42)


def test_the_time_of_a_version_survives_a_backup_and_a_repair(factory: Factory, tmp_path: Path) -> None:
    factory.devices.import_(report_of(1, 41), now=AT)
    factory.devices.import_(report_of(None, 42), now=AT)
    factory.devices.assign([device(1)], factory.groups.create("a", now=AT).name, now=AT)
    factory.backup(tmp_path / "backup", now=AT)
    path = factory.path
    factory.close()
    (path / "factory.duckdb").unlink()
    Factory.repair(path)
    Factory.restore(tmp_path / "backup", tmp_path / "restored", now=AT)
    for folder in (path, tmp_path / "restored"):
        with Factory.open(folder) as again:
            again.devices.import_(report_of(0.5, 41), now=AT)
            assert again.devices.show(device(1)).target_version == 42
            assert all(result.sound for result in again.check(now=AT).results)
