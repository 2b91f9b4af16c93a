"""A deleted device leaves every set and every count; its row stays, so that no other ordinal moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import groundswell
from groundswell import _core
from groundswell.ingest.read import read_fleet
from reference import selection as reference
from reference.selection import Chosen, Device, Draw, Selector
from support import fleets, profiles
from support.fleets import DRAW, NOW, instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from uuid import UUID


def subset(devices: Sequence[Device]) -> st.SearchStrategy[set[UUID]]:
    uuids = [device.uuid for device in devices]
    return st.sets(st.sampled_from(uuids)) if uuids else st.just(set())


def those_left(devices: Sequence[Device], deleted: set[UUID]) -> list[Device]:
    return [device for device in devices if device.uuid not in deleted]


def with_names_left(selector: Selector, left: Sequence[Device]) -> Selector:
    """Leave out a group or tag that only deleted devices had: the fleet still knows its name."""
    group = selector.group if selector.group in {device.group for device in left} else None
    return replace(selector, group=group, tag=selector.tag if selector.tag in {d.tag for d in left} else None)


def chosen_or_codes(devices: list[Device], selector: Selector, draw: Draw) -> Chosen | frozenset[str]:
    try:
        return reference.select(devices, selector, draw)
    except reference.RefusedError as refusal:
        return refusal.codes


@settings(max_examples=profiles.examples(100), deadline=None)
@given(fleets.cases(), st.data())
def test_selections_are_those_of_a_fleet_that_never_had_the_deleted_devices(
    case: fleets.Case, data: st.DataObject
) -> None:
    deleted = data.draw(subset(case.devices))
    left = fleets.as_read(those_left(case.devices, deleted))
    fleet = fleets.read_with_deletions(case.devices, deleted)
    rows = {device.uuid: row for row, device in enumerate(case.devices)}
    for asked, draw in case.asked:
        selector = with_names_left(asked, left)
        expected = chosen_or_codes(left, selector, draw)
        if isinstance(expected, frozenset):
            with pytest.raises(groundswell.GroundswellError) as caught:
                fleets.select(fleet, selector, draw)
            assert caught.value.code in expected
            continue
        selection = fleets.select(fleet, selector, draw)
        assert selection.ordinals.tolist() == [rows[uuid] for uuid in expected.uuids]
        assert selection.uuids == fleets.listed(expected.uuids)
        assert selection.names == [fleets.name(uuid) for uuid in expected.uuids]
        assert selection.to_arrow().column("uuid").to_pylist() == selection.uuids
        assert (selection.matching, selection.candidates) == (len(expected.matching), len(expected.candidates))
        assert selection.digest == sha256(b"".join(sorted(uuid.bytes for uuid in expected.uuids))).hexdigest()


@settings(max_examples=profiles.examples(60), deadline=None)
@given(fleets.some_devices(min_size=1), st.data())
def test_a_fleet_says_of_itself_what_one_without_the_deleted_devices_says(
    devices: list[Device], data: st.DataObject
) -> None:
    deleted = data.draw(subset(devices))
    left = those_left(devices, deleted)
    fleet, without = fleets.read_with_deletions(devices, deleted), fleets.read(left)
    assert len(fleet) == len(without)
    assert fleet.production_devices == without.production_devices
    assert fleet.target_versions == without.target_versions
    for ours, theirs in ((fleet.groups, without.groups), (fleet.tags, without.tags)):
        assert {name: count for name, count in ours.items() if count} == theirs
    said = {"now": instant(NOW + 60), "online_threshold": timedelta(hours=1)}
    assert fleet.summary(**said) == without.summary(**said)  # type: ignore[arg-type]  # two words of two types
    assert fleet.to_arrow().equals(without.to_arrow())


@settings(max_examples=profiles.examples(60), deadline=None)
@given(fleets.some_devices(min_size=1), st.data())
def test_ordinals_stay_and_a_deleted_uuid_is_unknown(devices: list[Device], data: st.DataObject) -> None:
    deleted = data.draw(subset(devices))
    fleet, whole = fleets.read_with_deletions(devices, deleted), fleets.read(devices)
    everyone = fleet.select(include_test=True, seed=1, now=instant(NOW))
    for ordinal, device in enumerate(devices):
        uuid = str(device.uuid)
        if device.uuid in deleted:
            assert uuid not in fleet
            assert fleet.ordinals([uuid]).tolist() == [_core.NO_ORDINAL]
            assert everyone.explain(uuid).verdict == "unknown"
            with pytest.raises(IndexError):
                fleet.device(ordinal)
            with pytest.raises(groundswell.InputError) as caught:
                fleet.select(uuids=[uuid], include_test=True)
            assert caught.value.fields["offenders"] == [{"uuid": uuid, "reason": "unknown"}]
        else:
            assert fleet.ordinals([uuid]).tolist() == [ordinal]
            assert fleet.device(ordinal) == whole.device(ordinal)
            assert everyone.explain(uuid).verdict == "picked"


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(), st.data())
def test_columns_go_round(devices: list[Device], data: st.DataObject) -> None:
    deleted = data.draw(subset(devices))
    columns: dict[str, Any] = fleets.read_with_deletions(devices, deleted)._core.columns()
    again: dict[str, Any] = _core.Fleet(**columns).columns()
    assert columns.keys() == again.keys()
    for name, column in columns.items():
        assert np.array_equal(column, again[name]), name
    assert (columns["present"] is None) == (not deleted)
    assert len(again["uuids"]) == len(devices)


def test_a_group_of_deleted_devices_is_an_empty_group() -> None:
    devices = [Device(uuid, group=group) for uuid, group in zip(fleets.random_uuids(2), fleets.GROUPS, strict=False)]
    fleet = fleets.read_with_deletions(devices, {devices[0].uuid})
    assert fleet.groups == {fleets.GROUPS[0]: 0, fleets.GROUPS[1]: 1}
    selection = fleet.select(group=fleets.GROUPS[0])
    assert (len(selection), selection.matching) == (0, 0)
    assert selection.why_short


def test_a_frozen_fleet_has_no_deleted_devices_and_gives_the_same_picks(tmp_path: Path) -> None:
    devices = fleets.large_fleet(5_000)
    deleted = {device.uuid for device in devices[::7]}
    fleet = fleets.read_with_deletions(devices, deleted)
    fleet.write(tmp_path / "fleet.parquet")
    thawed = groundswell.Fleet.read(tmp_path / "fleet.parquet", now=instant(NOW))
    assert len(thawed) == len(fleet) == len(devices) - len(deleted)
    for group in (None, "big", "small"):
        selector = Selector(limit=100, group=group)
        assert fleets.picks(thawed, selector) == fleets.picks(fleet, selector)
        assert fleets.picks(fleet, selector) == fleets.expected(those_left(devices, deleted), selector, DRAW)


def test_a_column_of_presence_that_is_too_short_is_refused() -> None:
    columns = read_fleet(pa.table({"uuid": fleets.listed(fleets.random_uuids(3))}), now=NOW)
    with pytest.raises(groundswell.InputError) as caught:
        groundswell.Fleet(replace(columns, present_rows=np.ones(2, np.bool_)))
    assert (caught.value.code, caught.value.fields) == ("bad-columns", {"column": "present"})
