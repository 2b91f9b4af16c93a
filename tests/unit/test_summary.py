"""The summary of a fleet equals a count by plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings

import groundswell
from groundswell.errors import InputError
from support.fleets import NOW, instant, large_fleet, read, some_devices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.fleet.summary import FleetSummary
    from reference.selection import Device

HOUR = 3600
SPANS = [(0, HOUR), (HOUR, 4 * HOUR), (4 * HOUR, 24 * HOUR), (24 * HOUR, 168 * HOUR), (168 * HOUR, 720 * HOUR)]


def counted(devices: Sequence[Device], now: int, threshold: int) -> dict[str, Any]:
    """Count with dictionaries and loops."""
    ages = {device.uuid: None if device.last_seen is None else max(0, now - device.last_seen) for device in devices}
    online = {uuid for uuid, age in ages.items() if age is not None and age <= threshold}

    def by(attribute: str) -> list[tuple[str, int, int, int]]:
        rows = []
        for name in {getattr(device, attribute) for device in devices} - {None}:
            among = [device for device in devices if getattr(device, attribute) == name]
            rows.append(
                (name, len(among), sum(d.production for d in among), sum(d.uuid in online for d in among)),
            )
        return sorted(rows, key=lambda row: (-row[1], row[0]))

    known = [age for age in ages.values() if age is not None]
    versions = Counter(device.target_version for device in devices if device.target_version is not None)
    return {
        "devices": len(devices),
        "production": sum(device.production for device in devices),
        "test": sum(not device.production for device in devices),
        "online": len(online),
        "never_seen": sum(age is None for age in ages.values()),
        "groupless": sum(device.group is None for device in devices),
        "tagless": sum(device.tag is None for device in devices),
        "unknown_version": sum(device.target_version is None for device in devices),
        "groups": by("group"),
        "tags": by("tag"),
        "target_versions": sorted(versions.items(), reverse=True),
        "activity": [
            *(sum(low < age <= high or (low == age == 0) for age in known) for low, high in SPANS),
            sum(age > 720 * HOUR for age in known),
        ],
    }


def told(summary: FleetSummary) -> dict[str, Any]:
    """Give the same facts, as the summary has them."""
    names = ("devices", "production", "test", "online", "never_seen", "groupless", "tagless", "unknown_version")
    return {
        **{name: getattr(summary, name) for name in names},
        "groups": [(one.name, one.devices, one.production, one.online) for one in summary.groups],
        "tags": [(one.name, one.devices, one.production, one.online) for one in summary.tags],
        "target_versions": [(one.target_version, one.devices) for one in summary.target_versions],
        "activity": [one.devices for one in summary.activity],
    }


@settings(deadline=None)
@given(some_devices(min_size=1))
def test_a_summary_equals_a_plain_count(devices: list[Device]) -> None:
    fleet = read(devices)
    # Dates in the future were taken as now by the reader; an age is never negative, so the count agrees.
    summary = fleet.summary(now=instant(NOW), online_threshold=timedelta(hours=4))
    assert told(summary) == counted(devices, NOW, 4 * HOUR)


@pytest.mark.parametrize("threshold", [0, 1, HOUR, 30 * 24 * HOUR])
def test_a_summary_of_a_large_fleet_equals_a_plain_count(threshold: int) -> None:
    devices = large_fleet(5000)
    later = NOW + 1000
    summary = read(devices).summary(now=instant(later), online_threshold=timedelta(seconds=threshold))
    assert told(summary) == counted(devices, later, threshold)


def test_activity_and_never_seen_add_up_to_the_devices() -> None:
    summary = read(large_fleet(3000)).summary(now=instant(NOW))
    assert sum(one.devices for one in summary.activity) + summary.never_seen == summary.devices == 3000


def test_the_spans_of_activity_are_said_in_seconds() -> None:
    summary = read(large_fleet(10)).summary(now=instant(NOW))
    assert [one.within for one in summary.activity] == [high for _, high in SPANS] + [None]


def test_online_devices_are_those_that_a_percentage_of_online_is_taken_of() -> None:
    fleet = read(large_fleet(3000))
    summary = fleet.summary(now=instant(NOW), online_threshold=timedelta(hours=2))
    picked = fleet.select(
        "100%",
        include_test=True,
        percent_of="online",
        seed=1,
        now=instant(NOW),
        online_threshold=timedelta(hours=2),
    )
    assert summary.online == picked.limit


def test_columns_that_the_source_does_not_have_are_unknown_for_every_device() -> None:
    summary = groundswell.Fleet.read(pa.table({"uuid": ["a" * 32, "b" * 32]})).summary()
    assert (summary.test, summary.groupless, summary.tagless, summary.unknown_version, summary.never_seen) == (2,) * 5
    assert (summary.groups, summary.tags, summary.target_versions) == ((), (), ())


def test_the_instant_and_the_threshold_are_told() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    summary = read(large_fleet(10)).summary(now=now, online_threshold=timedelta(minutes=90))
    assert (summary.now, summary.online_threshold) == (now, timedelta(minutes=90))


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(InputError) as raised:
        read(large_fleet(10)).summary(online_threshold=timedelta(seconds=-1))
    assert raised.value.code == "bad-duration"
