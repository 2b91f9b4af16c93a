"""What an import says of itself, what it refuses and where, and that it is all or nothing.

What it makes of the devices is compared with the reference in ``tests/property/test_import_equals_reference.py``.
"""

from __future__ import annotations

import csv
import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pytest

import groundswell
from groundswell import arrow_columns as arrow
from groundswell.errors import GroundswellError, InputError, NotFoundError
from groundswell.factory import Factory, ImportReport, SourceReport
from groundswell.factory.devices import staging
from groundswell.store import changes
from reference.registry import Row
from support import factories
from support.factories import AT, NOW, device, devices, later

if TYPE_CHECKING:
    from pathlib import Path

CSV_HEADER = "uuid,name,group,tag,is-prod,last-seen,target-version\n"


def refusal(factory: Factory, *sources: Any, **options: Any) -> GroundswellError:
    """The error of an import; it has changed nothing, and left no trace."""
    before = factory.devices.list(limit=1000), factory.groups.list(), factory.revision
    with pytest.raises(GroundswellError) as caught:
        factory.devices.import_(*sources, now=AT, **options)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert (factory.devices.list(limit=1000), factory.groups.list(), factory.revision) == before
    return caught.value


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def known(factory: Factory) -> Factory:
    """Devices 1 to 4: two production devices, two test devices; 1 and 3 in the group canary."""
    table = devices(4, group=["canary", None, "canary", None], production=[True, True, False, False])
    factory.devices.import_(table.append_column("last_seen", pa.array([NOW - 100] * 4)), now=AT)
    return factory


def test_more_text_than_offsets_of_32_bits_reach_is_imported_like_any(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow, "_MIN_LARGE_STRING_BYTES", 1)
    monkeypatch.setattr(changes, "_MAX_BATCH", 100)
    names = {device(number): f"name {number}" for number in range(1, 301)}
    factory.devices.import_(pa.table({"uuid": list(names), "name": list(names.values())}), now=AT)
    order = random.Random(1).sample(list(names), len(names))
    names |= {uuid: f"another {uuid}" for uuid in order[:100]}
    report = factory.devices.import_(pa.table({"uuid": order, "name": [names[uuid] for uuid in order]}), now=AT)
    assert (report.new, report.changed, report.unchanged) == (0, 100, 200)
    assert {one.uuid: one.name for one in factory.devices.list(limit=1000).devices} == names
    halves = [
        pa.table({"uuid": part, "group": [f"g{at % 3}" for at in range(len(part))]})
        for part in (order[:150], order[150:])
    ]
    assert factory.devices.import_(*halves, now=AT).groups_created == ("g0", "g1", "g2")
    # The audit log, which is written in such batches, yields the same.
    assert all(result.sound for result in factory.check(now=AT).results)


# --- reports -------------------------------------------------------------------------------------------------------


def test_a_report_counts_every_device_once(known: Factory) -> None:
    known.devices.delete([device(4)], now=AT)
    known.devices.allow([device(4)], now=AT)
    table = pa.table(
        {
            "uuid": [device(number) for number in (1, 2, 3, 4, 5, 6, 6)],
            "group": ["canary", "beta", None, None, "gamma", None, None],
            "production": [None, None, None, True, True, None, None],
            "last_seen": [NOW - 100, NOW - 100, NOW - 101, NOW, None, None, None],
            "target_version": [None, None, 7, None, None, None, None],
        }
    )
    columns = {column: column for column in ("uuid", "group", "production", "last_seen", "target_version")}
    assert known.devices.import_(table, now=AT) == ImportReport(
        rows=7,
        devices=6,
        new=2,
        returned=1,
        changed=1,
        unchanged=2,
        denied=0,
        denied_devices=(),
        outdated=1,
        groups_created=("beta", "gamma"),
        rejected_rows=0,
        test_by_default=1,
        notes=(
            (
                "NOTHING SAYS THAT 1 OF THE NEW DEVICES IS A PRODUCTION DEVICE: it counts as a test device, and no"
                " later import can change that"
            ),
            "NO DEVICE OF `the Table` HAS A TAG: no column is read as the tag",
            "1 row was dropped as a duplicate: an earlier row has the same data",
            "1 row is older than what is known: it did not replace the target_version or last_seen",
        ),
        dry_run=False,
        columns=columns,
        sources=(SourceReport(source="the Table", columns=columns, unused=(), more_unused=False),),
    )


def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing(known: Factory) -> None:
    table = devices(3, first=3, group="new", tag="main", target_version=5)
    before = known.devices.list(), known.groups.list(), known.revision, factories.every_byte_below(known.path)
    tried = known.devices.import_(table, now=AT, dry_run=True)
    assert tried.groups_created == ("new",)
    assert (known.devices.list(), known.groups.list(), known.revision) == before[:3]
    assert factories.every_byte_below(known.path) == before[3]
    assert known.devices.import_(table, now=AT) == replace(tried, dry_run=False)


@pytest.mark.parametrize("kind", factories.KINDS)
def test_two_imports_of_the_same_file_are_one(factory: Factory, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"devices.{kind}"
    table = devices(5, name='odd "name",\nhere', group="canary", tag="main", production=True, target_version=41)
    factory.devices.import_(table.append_column("last_seen", pa.array([NOW - 5] * 5)), now=AT)
    factory.devices.export(path)
    with Factory.create(tmp_path / "other", name="other", now=AT) as other:
        other.devices.import_(path, now=AT)
        revision, fleet = other.revision, other.devices.fleet()
        again = other.devices.import_(path, now=later(days=3))
        assert (again.unchanged, again.changed, again.new) == (5, 0, 0)
        assert other.revision == revision
        assert other.devices.fleet() is fleet


def test_an_import_is_one_line_of_the_audit_log(factory: Factory) -> None:
    revision = factory.revision
    factory.devices.import_(devices(3, group=["a", "b", "c"], tag=["x", "y", "z"]), now=AT)
    assert factory.revision == revision + 1
    *_, record = factory._context.store.records()
    assert (record.entry.action, record.entry.by, record.entry.at) == ("devices import", "alice", NOW)
    assert record.entry.details["groups_created"] == ["a", "b", "c"]
    assert record.entry.details["new"] == 3


def test_a_table_without_rows_is_no_error_and_no_change(factory: Factory) -> None:
    revision = factory.revision
    report = factory.devices.import_(pa.table({"uuid": pa.array([], pa.string())}), now=AT)
    assert (report.rows, report.devices, report.notes) == (0, 0, ())
    assert factory.revision == revision


@pytest.mark.parametrize("columns", [{}, {"production": [None, None]}])
def test_new_devices_of_which_nothing_says_so_are_loudly_test_devices(factory: Factory, columns: Any) -> None:
    report = factory.devices.import_(devices(2, **columns), now=AT)
    assert report.test_by_default == 2
    assert "TEST DEVICES" in report.notes[0].upper()
    assert not any(one.production for one in factory.devices.list().devices)
    # And it stays so: what a device is, is decided once.
    error = refusal(factory, devices(2, production=True))
    assert (error.code, error.fields["total"]) == ("bad-rows", 2)


def test_known_devices_are_not_said_to_be_test_devices_by_a_file_without_the_column(known: Factory) -> None:
    report = known.devices.import_(devices(4, tag="main"), now=AT)
    assert report.test_by_default == 0
    assert not any("PRODUCTION" in note.upper() for note in report.notes)
    assert [one.production for one in known.devices.list().devices] == [True, True, False, False]


@pytest.mark.parametrize(
    ("ago", "taken", "counted"), [(0, NOW, 0), (-1, NOW, 1), (-86_400, NOW, 1), (3600, NOW - 3600, 0)]
)
def test_a_clock_that_is_fast_by_up_to_a_day_is_taken_as_now(
    factory: Factory, ago: int, taken: int, counted: int
) -> None:
    report = factory.devices.import_(devices(1, last_seen=NOW - ago), now=AT)
    assert factory.devices.show(device(1)).last_seen == later(seconds=taken - NOW)
    assert sum("future" in note for note in report.notes) == counted


def test_a_clock_that_is_fast_by_more_is_a_bad_row(factory: Factory) -> None:
    error = refusal(factory, devices(1, last_seen=NOW + 86_401))
    assert (error.code, error.fields["bad"][0]["column"]) == ("bad-rows", "last_seen")


def test_the_spellings_of_columns_and_values_that_reading_knows_are_known_here(
    factory: Factory, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "export.csv",
        CSV_HEADER.strip(),
        f'{{{device(1).upper()}}},one,"{{""id"": 1, ""name"": ""canary""}}","main,next",YES,2026-11-18T00:00:00Z,41.0',
    )
    factory.devices.import_(path, now=AT)
    found = factory.devices.show("one")
    assert (found.uuid, found.group, found.tag, found.production, found.target_version) == (
        device(1), "canary", "main", True, 41,
    )  # fmt: skip
    assert found.last_seen is not None
    assert found.last_seen.isoformat() == "2026-11-18T00:00:00+00:00"


# --- all or nothing ------------------------------------------------------------------------------------------------


def test_a_row_that_would_flip_a_device_is_told_with_its_line(known: Factory, tmp_path: Path) -> None:
    path = write(
        tmp_path / "devices.csv",
        CSV_HEADER.strip(),
        f'{device(9)},"a name\nof two lines",,main,true,,',
        f"{device(1)},,,,true,,",
        f"{device(2)},,,,no,,",
        f"{device(3)},,,,1,,",
        f"{device(4)},,,,,,",
    )
    error = refusal(known, path)
    assert isinstance(error, InputError)
    assert error.code == "bad-rows"
    assert "line 5 of" in error.message
    assert "`no` would flip a device that is registered as a production device" in error.message
    assert [(bad["line"], bad["column"], bad["value"]) for bad in error.fields["bad"]] == [
        (5, "is-prod", "no"),
        (6, "is-prod", "1"),
    ]


def test_an_allowed_device_comes_back_as_what_the_row_says(known: Factory) -> None:
    known.devices.delete([device(1), device(3)], now=AT)
    assert known.devices.allow([device(1), device(3)], now=AT) == 2
    report = known.devices.import_(devices(3, production=[False, None, True]), now=AT)
    assert (report.returned, report.unchanged) == (2, 1)
    assert [one.production for one in known.devices.list().devices] == [False, True, True, False]
    assert [one.ordinal for one in known.devices.list().devices] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (f"{device(8)},,no name,,,,", "group"),
        (f"{device(8)},,,<b>,,,", "tag"),
        (f"{device(8)},,,,perhaps,,", "is-prod"),
        (f"{device(8)},,,,,yesterday,", "last-seen"),
        (f"{device(8)},,,,,,-1", "target-version"),
        ("not-a-uuid,,,,,,", "uuid"),
        (",one,,,,,", "uuid"),
    ],
)
def test_one_bad_row_keeps_all_out(known: Factory, tmp_path: Path, line: str, column: str) -> None:
    path = write(tmp_path / "devices.csv", CSV_HEADER.strip(), f"{device(7)},,fresh,next,true,,", line)
    error = refusal(known, path)
    assert error.code == "bad-rows"
    assert [(bad["line"], bad["column"]) for bad in error.fields["bad"]] == [(3, column)]


def test_bad_rows_are_set_aside_with_their_reasons_where_that_is_asked_for(known: Factory, tmp_path: Path) -> None:
    path = write(
        tmp_path / "devices.csv",
        CSV_HEADER.strip(),
        f"{device(7)},,fresh,next,true,,",
        f"{device(1)},,,,false,,",
        f"{device(8)},,no name,,,,",
        f"{device(9)},one,,,,,",
        f"{device(9)},two,,,,,",
    )
    report = known.devices.import_(path, rejects=tmp_path / "rejects.csv", now=AT)
    assert (report.rows, report.devices, report.new, report.rejected_rows) == (5, 1, 1, 4)
    assert report.groups_created == ("fresh",)
    assert known.devices.show(device(1)).production
    with (tmp_path / "rejects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["column"], row["uuid"]) for row in rows] == [
        ("3", "is-prod", device(1)),
        ("4", "group", device(8)),
        ("5", "uuid", device(9)),
        ("6", "uuid", device(9)),
    ]
    # What was set aside goes back in once it is mended: its own columns mean nothing.
    assert refusal(known, tmp_path / "rejects.csv").code == "bad-rows"


def test_rejects_do_not_overwrite_the_file_that_they_come_from(known: Factory, tmp_path: Path) -> None:
    path = write(tmp_path / "devices.csv", "uuid", device(7))
    before = path.read_bytes()
    assert refusal(known, path, rejects=path).code == "would-overwrite"
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", factories.KINDS)
def test_a_file_of_bad_rows_alone_imports_nothing(known: Factory, tmp_path: Path, kind: str) -> None:
    row = Row(UUID(device(8)), bad="group")
    written = factories.write_rows(tmp_path, "devices", [row], ["group"], kind)
    assert refusal(known, written.path, rejects=tmp_path / "rejects.csv").code == "empty-fleet"
    assert "no name!" in (tmp_path / "rejects.csv").read_text(encoding="utf-8")


# --- several files -------------------------------------------------------------------------------------------------


def test_several_files_add_to_each_other(factory: Factory, tmp_path: Path) -> None:
    names = write(tmp_path / "names.csv", "uuid,name", f"{device(2)},two", f"{device(1)},one")
    seen = pa.table({"uuid": [device(1), device(3)], "last_seen": [NOW - 5, NOW - 6], "production": [True, True]})
    report = factory.devices.import_(names, seen, devices(1, name="one", target_version=7), now=AT)
    assert (report.rows, report.devices, report.new, report.test_by_default) == (5, 3, 3, 1)
    found = {one.ordinal: (one.uuid, one.name, one.production) for one in factory.devices.list().devices}
    # The order of the first file, then that of what only the later ones have.
    assert found == {
        0: (device(2), "two", False),
        1: (device(1), "one", True),
        2: (device(3), None, True),
    }
    assert factory.devices.show("one").target_version == 7
    assert factory.devices.show("one").last_seen == later(seconds=-5)


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("name", ("one", "two")),
        ("group", ("a", "b")),
        ("tag", ("a", "b")),
        ("production", (True, False)),
        ("last_seen", (NOW - 1, NOW - 2)),
        ("target_version", (1, 2)),
        ("hardware_id", ("pi", "x86")),
    ],
)
def test_files_that_contradict_each_other_are_refused_with_both_values(
    factory: Factory, tmp_path: Path, column: str, values: tuple[Any, Any]
) -> None:
    first = pa.table({"uuid": [device(2), device(1)], column: [values[0]] * 2})
    second = write(tmp_path / "second.csv", f"uuid,{column}", f"{device(1)},{values[1]}", f"{device(3)},{values[1]}")
    error = refusal(factory, first, second)
    assert error.code == "repeated-uuid"
    assert "`" + str(second) + "`" in error.message
    assert error.fields["total"] == 1
    shown = [iso(value) for value in values] if column == "last_seen" else list(values)
    assert error.fields["repeated"] == [{"uuid": device(1), "columns": {column: shown}}]


def test_every_contradiction_is_listed(factory: Factory) -> None:
    error = refusal(factory, devices(2000, name="one", tag="a"), devices(2000, name="two"))
    assert error.fields["total"] == 2000
    assert [row["uuid"] for row in error.fields["repeated"]] == [device(number) for number in range(1, 2001)]
    assert "the first of 2000" in error.message


def test_no_more_contradictions_are_listed_than_the_bound(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_MAX_LISTED", 1000)
    error = refusal(factory, devices(2000, name="one"), devices(2000, name="two"))
    assert error.fields["total"] == 2000
    assert [row["uuid"] for row in error.fields["repeated"]] == [device(number) for number in range(1, 1001)]


def test_the_order_of_several_files_matters_to_ordinals_alone(tmp_path: Path) -> None:
    files = [devices(2, name=["one", "two"]), devices(3, first=2, group="a"), devices(1, first=2, tag="main")]
    seen = set()
    for number, order in enumerate(itertools.permutations(files)):
        with Factory.create(tmp_path / str(number), name="acme", now=AT) as factory:
            factory.devices.import_(*order, now=AT)
            page = factory.devices.list(sort="uuid")
            assert sorted(one.ordinal for one in page.devices) == [0, 1, 2, 3]
            seen.add(tuple(replace(one, ordinal=0) for one in page.devices))
    assert len(seen) == 1


# --- what cannot be asked ------------------------------------------------------------------------------------------


def test_nothing_at_all_is_no_import(factory: Factory) -> None:
    assert refusal(factory).code == "no-source"


def test_rejects_of_several_files_cannot_be_told_apart(factory: Factory, tmp_path: Path) -> None:
    error = refusal(factory, devices(1), devices(1), rejects=tmp_path / "rejects.csv")
    assert error.code == "bad-option"
    assert not (tmp_path / "rejects.csv").exists()


@pytest.mark.parametrize(
    ("clear", "hint"),
    [(["nmae"], "name"), (["uuid"], "these can be"), (["production"], "these can be"), (["size"], "these can be")],
)
def test_a_column_that_cannot_be_cleared_is_refused(factory: Factory, clear: list[str], hint: str) -> None:
    error = refusal(factory, devices(1), clear=clear)
    assert (error.code, error.fields["column"]) == ("bad-column", clear[0])
    assert hint in error.hint


def test_a_single_column_to_clear_may_be_said_as_a_text(known: Factory) -> None:
    known.devices.import_(devices(1), clear="group", now=AT)
    assert known.devices.show(device(1)).group is None


def test_files_that_cannot_be_read_are_told_as_reading_tells_them(factory: Factory, tmp_path: Path) -> None:
    assert isinstance(refusal(factory, tmp_path / "none.csv"), NotFoundError)
    assert refusal(factory, pa.table({"device": [device(1)]})).code == "no-uuid-column"
    assert refusal(factory, devices(1), tmp_path / "none.csv").code == "file-not-found"


def test_a_column_that_means_nothing_is_told_if_it_looks_like_one_that_does(factory: Factory) -> None:
    report = factory.devices.import_(devices(1, production=True, grupo="canary", owner="me"), now=AT)
    assert factory.devices.show(device(1)).group is None
    assert [note for note in report.notes if "grup" in note] == [
        "the column `grupo` is not used; did you mean `group`?"
    ]


def test_the_fleet_of_a_factory_is_a_source_of_another(known: Factory, tmp_path: Path) -> None:
    with Factory.create(tmp_path / "other", name="other", now=AT) as other:
        other.devices.import_(known.devices.fleet().to_arrow(), now=AT)
        assert groundswell.Fleet.read(other.devices.fleet().to_arrow()).groups == {"canary": 2}
