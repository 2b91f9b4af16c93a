"""Shard-invariant: merged answers of shards are the answer of the whole fleet, through Python."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell import InputError, merge_selections
from support import fleets, profiles
from support.fleets import DRAW, EVERYONE

if TYPE_CHECKING:
    from groundswell import Selection
    from reference.selection import Device, Draw


def shards_of(devices: list[Device], shard_of: list[int], limit: int | None, draw: Draw) -> list[Selection]:
    selections = []
    for shard in sorted(set(shard_of)):
        mine = fleets.read([device for device, at in zip(devices, shard_of, strict=True) if at == shard])
        said = fleets.words(replace(EVERYONE, limit=limit), draw)
        selections.append(mine.select(**said, with_keys=True))
    return selections


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(min_size=1), fleets.draws(), st.integers(1, 50), st.data())
def test_merged_shards_are_the_whole(some: list[Device], draw: Draw, k: int, data: st.DataObject) -> None:
    shard_of = data.draw(st.lists(st.integers(0, 4), min_size=len(some), max_size=len(some)))
    whole = fleets.select(fleets.read(some), replace(EVERYONE, limit=k), draw)
    merged = merge_selections(shards_of(some, shard_of, k, draw), k)
    assert merged.uuids == whole.uuids
    assert merged.keys.tolist() == whole.keys.tolist()
    assert (merged.digest, merged.limit) == (whole.digest, whole.limit)
    assert (merged.matching, merged.candidates) == (whole.matching, whole.candidates)


@settings(max_examples=profiles.examples(20), deadline=None)
@given(fleets.some_devices(min_size=1), fleets.draws(), fleets.percentages(), st.data())
def test_a_percentage_is_of_all_shards(some: list[Device], draw: Draw, percent: str, data: st.DataObject) -> None:
    shard_of = data.draw(st.lists(st.integers(0, 2), min_size=len(some), max_size=len(some)))
    whole = fleets.select(fleets.read(some), replace(EVERYONE, limit=percent), draw)
    assert merge_selections(shards_of(some, shard_of, None, draw), percent).uuids == whole.uuids


def test_each_pick_is_found_again_in_its_shard() -> None:
    devices = fleets.large_fleet(600)
    shards = shards_of(devices, [at % 3 for at in range(600)], 50, DRAW)
    merged = merge_selections(shards, 50)
    for shard, ordinal, uuid in zip(merged.shards.tolist(), merged.ordinals.tolist(), merged.uuids, strict=True):
        assert shards[shard].fleet.ordinals([uuid]).tolist() == [ordinal]
    assert list(merged) == merged.uuids
    assert len(merged.uuid_list) == len(merged) == 50
    assert (merged.seed, merged.now, merged.algorithm) == (shards[0].seed, shards[0].now, shards[0].algorithm)


def test_keys_are_those_of_the_explanations() -> None:
    selection = fleets.select(fleets.read(fleets.large_fleet(500)), replace(EVERYONE, limit=20), DRAW)
    assert selection.keys.tolist() == [selection.explain(uuid).key for uuid in selection.uuids]
    assert selection.keys.tolist() == sorted(selection.keys.tolist())


def test_what_cannot_be_merged_exactly_is_refused() -> None:
    devices = fleets.large_fleet(200)
    split = [at % 2 for at in range(200)]
    ours, short = shards_of(devices, split, 20, DRAW), shards_of(devices, split, 5, DRAW)
    other_seed = shards_of(devices, split, 20, replace(DRAW, seed=8))
    with pytest.raises(InputError) as caught:
        merge_selections([ours[0], short[1]], 20)
    assert caught.value.code == "short-selection"
    assert caught.value.fields == {"selection": 2, "picked": 5, "needed": 20}
    with pytest.raises(InputError) as caught:
        merge_selections([ours[0], other_seed[1]], 20)
    assert caught.value.code == "unlike-selections"
    with pytest.raises(InputError) as caught:
        merge_selections([ours[0], ours[0]], 20)
    assert caught.value.code == "repeated-uuid"
    with pytest.raises(InputError) as caught:
        merge_selections([ours[0], "two"], 20)  # type: ignore[list-item]  # what is refused
    assert caught.value.fields == {"item": 2, "type": "str"}
    with pytest.raises(InputError) as caught:
        merge_selections([], 20)
    assert caught.value.code == "no-selections"
