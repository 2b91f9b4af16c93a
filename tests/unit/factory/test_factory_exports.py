"""What a factory exports goes back in as it is, and is the fleet that it selects from."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import groundswell
from groundswell.errors import GroundswellError
from groundswell.factory import Factory
from support import factories
from support.factories import AT, NOW, device, later

if TYPE_CHECKING:
    from pathlib import Path

    from groundswell.factory.devices.devices import Device

TEXTS = (
    "plain",
    'say "hi"',
    "'quoted'",
    "one, two; three|four\tfive",
    "two\nlines",
    "two\r\nlines",
    "old\rmac",
    " blanks around ",
    "\ttab before",
    "Größe ☃ 日本 🎉",
    "e\u0301 and \u00e9",
    "NULLS",
    "nullable",
    "NA",
    "-",
    "nan nan",
    "true",
    "42",
    "042",
    "1e3",
    "2026-11-18",
    "=SUM(A1)",
    "# no comment",
    "\\N",
    "back\\slash\\",
    "{'a': 1}",
    '{"a": 1}',
    "[1, 2]",
    '"',
    '""',
    ",",
    "\ufeffmark",
    "\u2028line\u2029paragraph\x85next",
    "\x01control\x7f",
    "a" * 5000,
)


@pytest.fixture
def varied(factory: Factory) -> Factory:
    """Devices with every odd text as a name and as a hardware id, and every other column known or not; some deleted."""
    chance = random.Random(1)
    count = len(TEXTS) * 3
    seen = [None, NOW, NOW - 1, 100_000_000, NOW - 100_000]
    table = pa.table(
        {
            "uuid": [device(number) for number in range(count)],
            "name": pa.array([*TEXTS, *([None] * len(TEXTS)), *TEXTS], pa.string()),
            "group": pa.array([chance.choice(("canary", "beta", "g.3_x+", None)) for _ in range(count)], pa.string()),
            "tag": pa.array([chance.choice(("main", "next", None)) for _ in range(count)], pa.string()),
            "production": [chance.random() < 0.7 for _ in range(count)],
            "last_seen": pa.array([chance.choice(seen) for _ in range(count)], pa.int64()),
            "target_version": pa.array([chance.choice((None, 0, 41, 2**31 - 1)) for _ in range(count)], pa.int64()),
            "hardware_id": pa.array([*([None] * len(TEXTS)), *TEXTS, *TEXTS], pa.string()),
        }
    )
    factory.devices.import_(table, now=AT)
    factory.devices.delete([device(0), device(50), device(count - 1)], now=AT)
    return factory


def facts(one: Device) -> tuple[Any, ...]:
    """Everything but the ordinal."""
    return (
        one.uuid, one.name, one.group, one.tag, one.production, one.last_seen, one.target_version, one.hardware_id,
    )  # fmt: skip


def everything(factory: Factory) -> list[tuple[Any, ...]]:
    return [facts(one) for one in factory.devices.list(limit=1000).devices]


@pytest.mark.parametrize("kind", factories.KINDS)
def test_what_is_exported_goes_back_in_without_a_change(varied: Factory, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"export.{kind}"
    assert varied.devices.export(path, now=AT) == len(varied.devices) == len(TEXTS) * 3 - 3
    revision = varied.revision
    # A version without a time is reported anew by a later import.
    report = varied.devices.import_(path, now=AT)
    assert (report.devices, report.unchanged) == (len(varied.devices), len(varied.devices))
    assert (report.outdated, report.rejected_rows, report.groups_created, report.notes) == (0, 0, (), ())
    assert varied.revision == revision


@pytest.mark.parametrize("kind", factories.KINDS)
def test_another_factory_takes_an_export_whole(varied: Factory, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"export.{kind}"
    varied.devices.export(path, now=AT)
    with Factory.create(tmp_path / "other", name="other", now=AT) as other:
        report = other.devices.import_(path, now=AT)
        assert (report.new, report.test_by_default) == (len(varied.devices), 0)
        assert everything(other) == everything(varied)


@pytest.mark.parametrize("kind", factories.KINDS)
def test_the_fleet_of_a_factory_is_that_of_its_export(varied: Factory, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"export.{kind}"
    varied.devices.export(path, now=AT)
    ours, theirs = varied.devices.fleet(now=AT), groundswell.Fleet.read(path, now=AT)
    assert ours.to_arrow().equals(theirs.to_arrow())
    assert len(ours) == len(theirs)
    assert ours.production_devices == theirs.production_devices
    assert ours.groups == {**dict.fromkeys(ours.groups, 0), **theirs.groups}
    assert ours.tags == theirs.tags
    assert ours.target_versions == theirs.target_versions
    assert ours.columns == theirs.columns
    selectors: list[dict[str, Any]] = [
        {},
        {"limit": "30%"},
        {"limit": 5, "group": "canary"},
        {"limit": 7, "tag": "main", "not_updated": 41},
        {"limit": 9, "include_test": True, "percent_of": "matching"},
        {"exclude": [device(1), device(2)], "group": "g.3_x+"},
    ]
    for selector in selectors:
        for seed in (1, 2):
            one = ours.select(**selector, seed=seed, now=AT)
            other = theirs.select(**selector, seed=seed, now=AT)
            assert one.uuids == other.uuids
            assert (one.candidates, one.matching, one.digest) == (other.candidates, other.matching, other.digest)


def test_the_ordinals_of_the_fleet_are_those_of_the_factory(varied: Factory) -> None:
    fleet = varied.devices.fleet()
    for one in varied.devices.list(limit=1000).devices:
        assert fleet.ordinals([one.uuid]).tolist() == [one.ordinal]
        assert fleet.device(one.ordinal)["name"] == one.name
    with pytest.raises(IndexError):
        fleet.device(0)


def test_a_frozen_fleet_of_a_factory_can_be_read_again(varied: Factory, tmp_path: Path) -> None:
    varied.devices.fleet(now=AT).write(tmp_path / "frozen.parquet")
    # Years later, on a machine whose clock is wrong.
    again = groundswell.Fleet.read(tmp_path / "frozen.parquet", now=later(days=-9))
    assert again.to_arrow().equals(varied.devices.fleet().to_arrow())


def test_an_export_replaces_a_file_as_a_whole_or_not_at_all(varied: Factory, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("before", encoding="utf-8")
    varied.devices.export(path)
    assert path.read_text(encoding="utf-8").startswith("uuid,")
    for name, code in (
        ("export", "unknown-ending"),
        ("export.xlsx", "unknown-ending"),
        ("no/e.csv", "folder-not-found"),
    ):
        with pytest.raises(GroundswellError) as caught:
            varied.devices.export(tmp_path / name)
        assert caught.value.code == code
        assert not (tmp_path / name).exists()


def test_an_empty_factory_exports_a_header(factory: Factory, tmp_path: Path) -> None:
    assert factory.devices.export(tmp_path / "export.csv") == 0
    assert (tmp_path / "export.csv").read_text(encoding="utf-8").startswith("uuid,name,group,tag,production")
