"""What `Fleet.select` must refuse, by whom it is refused, and what must not be refused although it looks odd."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import groundswell
from reference.selection import Device, Draw, Selector
from support import fleets

FEW = [Device(uuid, group="alpha", tag="main", last_seen=fleets.NOW) for uuid in fleets.random_uuids(20)]
BAD_LIMITS = (
    *(0, -1, -5, True, False, 1.5, 1.0, float("nan"), b"5"),
    *("101%", "100.001%", "0%", "0.0%", "0.0001%", "10.0005%", "-5%", "-5", "0", "1e3", "1e1%", "nan%", "inf%"),
    *("ten", "ten%", "%", "%%", "", " ", "\t", "5%%", "1_0%", "1,5%", "0x5", "5 devices", "1/2%"),
)


@pytest.mark.parametrize("limit", BAD_LIMITS, ids=repr)
def test_a_limit_that_is_not_a_count_or_a_percentage_is_refused(limit: object) -> None:
    fleet = fleets.read(FEW)
    with pytest.raises(groundswell.InputError) as caught:
        fleet.select(limit=limit)  # type: ignore[arg-type]  # that is the point
    assert caught.value.code == "bad-limit"


@pytest.mark.parametrize("empty", [[], (), "", " ", "\n\t, ;\n", "\ufeff"], ids=repr)
@pytest.mark.parametrize("which", ["uuids", "exclude"])
def test_an_empty_list_is_refused_and_never_means_everything(which: str, empty: object) -> None:
    fleet = fleets.read(FEW)
    with pytest.raises(groundswell.InputError) as caught:
        fleet.select(**{"limit": 5, which: empty})  # type: ignore[arg-type]  # that is the point
    assert caught.value.code == "empty-list"


@pytest.mark.parametrize("word", ["group", "tag"])
@pytest.mark.parametrize("name", ["alhpa", "ALPHA", "Main", "x" * 200])
def test_an_unknown_name_is_not_found(word: str, name: str) -> None:
    fleet = fleets.read(FEW)
    with pytest.raises(groundswell.NotFoundError) as caught:
        fleet.select(**{word: name})  # type: ignore[arg-type]  # a word at a time
    assert caught.value.code == f"unknown-{word}"


@pytest.mark.parametrize("word", ["group", "tag"])
@pytest.mark.parametrize("name", ["", " ", "\t"])
def test_an_empty_name_never_means_everything(word: str, name: str) -> None:
    fleet = fleets.read(FEW)
    with pytest.raises(groundswell.InputError) as caught:
        fleet.select(**{word: name})  # type: ignore[arg-type]  # a word at a time
    assert caught.value.code == "empty-text"


@pytest.mark.parametrize("seed", [-1, 2**64, 2**70])
def test_a_seed_outside_64_bits_is_refused(seed: int) -> None:
    fleet = fleets.read(FEW)
    with pytest.raises(groundswell.InputError):
        fleet.select(seed=seed)


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"half_life": timedelta(0)}, "bad-setting"),
        ({"half_life": timedelta(seconds=-1)}, "bad-duration"),
        ({"half_life": timedelta(milliseconds=1500)}, "bad-duration"),
        ({"half_life": 3600}, "bad-duration"),
        ({"online_threshold": timedelta(seconds=-1)}, "bad-duration"),
        ({"online_threshold": "4h"}, "bad-duration"),
        ({"percent_of": "everything", "limit": "10%"}, "bad-denominator"),
        ({"not_updated": -1}, "bad-version"),
        ({"not_updated": "forty"}, "bad-version"),
        ({"not_updated": 41.0}, "bad-version"),
        ({"not_updated": True}, "bad-version"),
        ({"not_updated": 2**31}, "bad-version"),
    ],
    ids=str,
)
def test_a_setting_that_the_law_does_not_know_is_refused(setting: dict[str, object], code: str) -> None:
    fleet = fleets.read(FEW)
    with pytest.raises(groundswell.InputError) as caught:
        fleet.select(**setting)  # type: ignore[arg-type]  # that is the point
    assert caught.value.code == code


def test_numbers_of_numpy_are_numbers() -> None:
    fleet = fleets.read([Device(uuid, target_version=version) for version, uuid in enumerate(fleets.random_uuids(9))])
    asked: dict[str, Any] = {"limit": np.int64(3), "not_updated": np.int32(5), "seed": np.uint64(2**64 - 1)}
    selection = fleet.select(**asked)
    assert (len(selection), selection.candidates, selection.seed) == (3, 5, 2**64 - 1)
    assert type(selection.asked.not_updated) is int


def test_an_instant_without_a_time_zone_is_refused() -> None:
    fleet = fleets.read(FEW)
    with pytest.raises(groundswell.InputError):
        fleet.select(now=fleets.instant(fleets.NOW).replace(tzinfo=None))


def test_a_source_without_a_production_column_selects_only_when_test_devices_are_asked_for() -> None:
    fleet = groundswell.Fleet.read(fleets.registry(FEW).drop_columns(["production"]), now=fleets.instant(fleets.NOW))
    with pytest.raises(groundswell.InputError) as caught:
        fleet.select(limit=5)
    assert caught.value.code == "missing-column"
    assert "include" in caught.value.message + caught.value.hint
    assert len(fleet.select(limit=5, include_test=True)) == 5


def test_every_offender_is_named_with_the_first_reason_that_applies() -> None:
    devices = [
        Device(UUID(int=1), group="alpha", tag="main"),
        Device(UUID(int=2), group="alpha", tag="main", production=False),
        Device(UUID(int=3), group="alpha", tag="beta"),
        Device(UUID(int=4), group="alpha"),
        Device(UUID(int=5), group="Beta-2", tag="main"),
        Device(UUID(int=6), tag="main"),
        Device(UUID(int=7), tag="beta", production=False),
        Device(UUID(int=8), tag="beta"),
    ]
    fleet = fleets.read(devices)
    asked = [str(UUID(int=number)) for number in (9, 8, 7, 6, 5, 4, 3, 2, 1, 9)]
    with pytest.raises(groundswell.InputError) as caught:
        fleet.select(uuids=asked, group="alpha", tag="main")
    assert caught.value.code == "mismatched-devices"
    reasons = {UUID(entry["uuid"]).int: entry["reason"] for entry in caught.value.fields["offenders"]}
    assert reasons == {
        9: "unknown",
        8: "wrong-tag",
        7: "test",
        6: "wrong-group",
        5: "wrong-group",
        4: "wrong-tag",
        3: "wrong-tag",
        2: "test",
    }
    assert len(caught.value.fields["offenders"]) == 8
    selection = fleet.select(uuids=asked, group="alpha", tag="main", skip_mismatched=True)
    assert list(selection.uuids) == [str(UUID(int=1))]
    assert len(selection.skipped) == 8


def test_a_listed_device_that_is_excluded_or_updated_is_no_offender() -> None:
    devices = [Device(UUID(int=1), target_version=42), Device(UUID(int=2)), Device(UUID(int=3))]
    fleet = fleets.read(devices)
    asked = [str(device.uuid) for device in devices]
    selection = fleet.select(uuids=asked, exclude=asked[1:2], not_updated=42)
    assert list(selection.uuids) == asked[2:]
    assert (selection.matching, selection.candidates) == (3, 1)


def test_if_every_listed_device_is_skipped_nothing_is_selected() -> None:
    strangers = fleets.listed(fleets.random_uuids(3, seed=99)) or []
    for limit in (None, 2, "50%"):
        selection = fleets.read(FEW).select(uuids=strangers, limit=limit, skip_mismatched=True)
        assert (len(selection), selection.matching, selection.candidates) == (0, 0, 0)
        assert [entry["uuid"] for entry in selection.skipped] == strangers
        assert selection.why_short


def test_a_device_listed_twice_counts_once() -> None:
    asked = [str(device.uuid) for device in FEW[:4]] * 3
    selection = fleets.read(FEW).select(uuids=asked, limit="50%")
    assert (selection.matching, selection.limit, len(selection)) == (4, 2, 2)


def test_unknown_devices_may_be_excluded() -> None:
    strangers = tuple(fleets.random_uuids(3, seed=99))
    selection = fleets.select(fleets.read(FEW), Selector(exclude=strangers), Draw(1, fleets.NOW))
    assert len(selection) == len(FEW)


def test_thousands_of_offenders_are_all_data_and_the_first_five_of_a_reason_are_in_the_message() -> None:
    fleet = fleets.read(FEW)
    strangers = fleets.listed(fleets.random_uuids(2_000, seed=99)) or []
    with pytest.raises(groundswell.InputError) as caught:
        fleet.select(uuids=strangers)
    assert [entry["uuid"] for entry in caught.value.fields["offenders"]] == strangers
    assert sum(uuid in caught.value.message for uuid in strangers) == 5
