"""The status of a factory counts what plain counting counts."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from groundswell.errors import GroundswellError
from support import factories
from support.factories import AT, NOW, Keyed, device, devices, plain, populate, put_production, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from groundswell.factory import Factory
    from groundswell.factory.status import FactoryStatus, TagStatus

HOUR = 3600
TAGS = ("main", "next", "stable", None)
VERSIONS = (0, 7, 41, 42, 43, 2**31 - 1, None)


@pytest.fixture(scope="module")
def crowd(
    keyed_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Factory, list[dict[str, Any]]]]:
    """Random devices, a tenth of them deleted; CI targets for main and next, production targets for main and stable.

    No test changes it.
    """
    with factories.keyed_copy(keyed_folder, tmp_path_factory.mktemp("crowd")) as keyed:
        populate(keyed.factory)
        put_production(keyed, 41, "main")
        put_production(keyed, 7, "stable")
        keyed.factory.devices.delete([device(number) for number in (1, 2, 3)], now=AT)
        chance = random.Random(3)
        rows: list[dict[str, Any]] = [
            {
                "uuid": device(100 + number),
                "group": chance.choice(("a", "b", "c", None, None)),
                "tag": chance.choice(TAGS),
                "production": chance.random() < 0.6,
                "last_seen": chance.choice(
                    (None, NOW, NOW - 4 * HOUR, NOW - 4 * HOUR - 1, NOW - 99 * HOUR, 100_000_000)
                ),
                "target_version": chance.choice(VERSIONS),
            }
            for number in range(600)
        ]
        keyed.factory.devices.import_(pa.Table.from_pylist(rows), now=AT)
        gone = chance.sample(rows, 60)
        keyed.factory.devices.delete([row["uuid"] for row in gone], now=AT)
        yield keyed.factory, [row for row in rows if row not in gone]


def online(row: dict[str, Any], threshold: int = 4 * HOUR) -> bool:
    return row["last_seen"] is not None and NOW - row["last_seen"] <= threshold


def of(status: FactoryStatus, tag: str | None, *, production: bool) -> TagStatus:
    (found,) = [one for one in status.tags if (one.tag, one.production) == (tag, production)]
    return found


def test_the_totals_are_those_of_plain_counting(crowd: tuple[Factory, list[dict[str, Any]]]) -> None:
    factory, rows = crowd
    status = factory.status(now=AT)
    assert status.devices == len(rows) == 540
    assert status.production_devices == sum(row["production"] for row in rows)
    assert status.test_devices == sum(not row["production"] for row in rows)
    assert status.online == sum(map(online, rows))
    assert (status.name, status.revision, status.now) == ("acme", factory.revision, AT)
    assert (status.root_version, status.keys_ready, status.warnings) == (4, True, ())
    # Production first, then by name, and those without a tag last.
    assert [(one.tag, one.production) for one in status.tags] == [
        (tag, production) for production in (True, False) for tag in TAGS
    ]


@pytest.mark.parametrize("hours", [0, 4, 99, 200_000])
def test_online_is_what_the_threshold_says(crowd: tuple[Factory, list[dict[str, Any]]], hours: int) -> None:
    factory, rows = crowd
    status = factory.status(now=AT, online_threshold=timedelta(hours=hours))
    assert status.online == sum(online(row, hours * HOUR) for row in rows)
    assert status.online == factory.devices.list(online=True, online_threshold=timedelta(hours=hours), now=AT).total


KNOWN: dict[tuple[bool, str | None], set[int]] = {
    (False, "main"): {41, 42},
    (False, "next"): {42},
    (False, "stable"): set(),
    (False, None): set(),
    (True, "main"): {41},
    (True, "next"): set(),
    (True, "stable"): {7},
    (True, None): set(),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_the_counts_of_a_tag_are_those_of_plain_counting(
    crowd: tuple[Factory, list[dict[str, Any]]], kind: tuple[bool, str | None]
) -> None:
    production, tag = kind
    factory, every = crowd
    rows = [row for row in every if (row["production"], row["tag"]) == (production, tag)]
    known = KNOWN[kind]
    one = of(factory.status(now=AT), tag, production=production)
    assert (one.devices, one.online) == (len(rows), sum(map(online, rows)))
    versions = Counter(row["target_version"] for row in rows)
    assert {count.target_version: count.devices for count in one.versions} == versions
    assert [count.target_version for count in one.versions] == sorted(
        versions, key=lambda version: -1 if version is None else version, reverse=True
    )
    # A tag without targets has no orphans: its versions are not in any role yet.
    orphans = versions.keys() - known - {None} if known else set()
    assert {count.target_version for count in one.versions if count.is_orphan} == orphans
    assert one.has_role == bool(known)
    groups = Counter(row["group"] for row in rows)
    assert {count.group: count.devices for count in one.groups} == groups
    assert {count.group: count.online for count in one.groups} == {
        group: sum(online(row) for row in rows if row["group"] == group) for group in groups
    }
    assert [count.devices for count in one.groups] == sorted(groups.values(), reverse=True)
    assert one.latest_target == max(known, default=None)
    assert one.on_latest == sum(
        n for version, n in versions.items() if known and version is not None and version >= max(known)
    )


def test_a_new_factory_says_what_is_to_be_done(factory: Factory) -> None:
    status = factory.status(now=AT)
    assert (status.devices, status.online, status.tags) == (0, 0, ())
    assert (status.root_version, status.keys_ready) == (2, False)
    assert status.warnings == (
        "there are no offline keys yet: `keys.init` makes them",
        "there are no targets yet: `targets.import_` imports them",
    )


def test_groups_and_tags_without_devices_are_not_counted(factory: Factory) -> None:
    factory.devices.import_(devices(2, tag=["main", "next"], group=["a", "b"]), now=AT)
    factory.devices.delete([device(2)], now=AT)
    (one,) = factory.status(now=AT).tags
    assert (one.tag, [count.group for count in one.groups]) == ("main", ["a"])


def test_a_version_that_an_active_wave_brings_is_known(keyed: Keyed) -> None:
    factory = keyed.factory
    populate(factory)
    put_production(keyed)
    factory.devices.import_(devices(3, first=20, tag="main", production=True, target_version=42), now=AT)
    assert orphans(factory) == {42}
    factory.waves.init("v42", 42, "main", keys=keyed.targets_keys, now=AT)
    during = of(factory.status(now=AT), "main", production=True)
    assert orphans(factory) == set()
    # Not all of them can get it yet.
    assert (during.latest_target, during.on_latest) == (41, 4)
    factory.waves.complete("v42", now=AT)
    after = of(factory.status(now=AT), "main", production=True)
    assert orphans(factory) == set()
    assert (after.latest_target, after.on_latest) == (42, 3)


def test_the_version_that_a_canceled_wave_leaves_is_known_while_its_devices_are_served_it(keyed: Keyed) -> None:
    factory = keyed.factory
    populate(factory)
    factory.devices.import_(devices(1, first=20, tag="main", production=True, target_version=42), now=AT)
    factory.waves.init("v42", 42, "main", keys=keyed.targets_keys, now=AT)
    factory.waves.cancel("v42", now=AT)
    assert orphans(factory) == set()  # no targets yet, and no active wave
    factory.targets.import_(plain(target(43)), now=AT)
    factory.waves.init("v43", 43, "main", keys=keyed.targets_keys, now=AT)
    factory.waves.complete("v43", now=AT)
    assert orphans(factory) == {41, 42}


def orphans(factory: Factory) -> set[int | None]:
    """The versions of production devices on main that nobody is served."""
    one = of(factory.status(now=AT), "main", production=True)
    return {count.target_version for count in one.versions if count.is_orphan}


def test_what_cannot_be_counted_is_refused(factory: Factory) -> None:
    for options in ({"now": AT.replace(tzinfo=None)}, {"online_threshold": timedelta(seconds=-1)}):
        with pytest.raises(GroundswellError):
            factory.status(**options)


def test_a_hundred_thousand_devices_are_imported_listed_counted_and_loaded(factory: Factory, tmp_path: Path) -> None:
    """In columns: nothing here is done device by device. (How long it takes is a matter of benches/.)"""
    count = 100_000
    numbers = pa.array(range(count), pa.int64())
    table = pa.table(
        {
            "uuid": [f"{number:032x}" for number in range(1, count + 1)],
            "name": [f"device-{number:06d}" for number in range(count)],
            "group": [f"group-{number % 100}" for number in range(count)],
            "tag": [("main", "next")[number % 2] for number in range(count)],
            "production": [number % 10 > 0 for number in range(count)],
            "last_seen": [NOW - number for number in range(count)],
            "target_version": numbers,
        }
    )
    report = factory.devices.import_(table, now=AT)
    assert (report.new, len(report.groups_created)) == (count, 100)
    assert factory.devices.import_(table, now=AT).unchanged == count
    status = factory.status(now=AT)
    assert (status.devices, status.production_devices) == (count, 90_000)
    assert status.online == 4 * HOUR + 1
    assert factory.devices.list(name="device-09*", limit=10).total == 10_000
    assert factory.devices.list(sort="-last-seen", limit=2, page=50_000).devices[-1].ordinal == count - 1
    fleet = factory.devices.fleet()
    assert (len(fleet), fleet.groups["group-7"]) == (count, 1000)
    picked = fleet.select(limit="50%", group="group-7", seed=1, now=AT)
    assert factory.devices.assign(picked, "group-8", now=AT) == 500
    assert factory.groups.delete("group-9", ungroup=True, now=AT) == 1000
    assert factory.devices.delete(fleet.select(group="group-3", include_test=True), now=AT) == 1000
    assert factory.devices.export(tmp_path / "export.parquet", now=AT) == 99_000
    report = factory.devices.import_(tmp_path / "export.parquet", now=AT)
    assert (report.unchanged, report.devices) == (99_000, 99_000)
    assert len(factory.devices.list_uuids(group="group-8")) == 1500
    factory.targets.import_(plain(target(41)), now=AT)
    assert factory.check(now=AT).sound
