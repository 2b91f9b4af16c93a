"""The promises of selection.md, each a named test. *Exact* and *Ties* have files of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell import _core
from reference import selection as reference
from reference.selection import Device, Draw, Selector
from support import fleets, profiles
from support.fleets import DRAW, EVERYONE, picks

if TYPE_CHECKING:
    from pathlib import Path

    import groundswell

NOW = fleets.NOW


@pytest.fixture(scope="module")
def devices() -> list[Device]:
    return fleets.large_fleet(3_000)


@pytest.fixture(scope="module")
def fleet(devices: list[Device]) -> groundswell.Fleet:
    return fleets.read(devices)


# --- Repeatable ----------------------------------------------------------------------------------------------------


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(min_size=2), fleets.draws(), st.data())
def test_repeatable_for_any_order_of_rows(some: list[Device], draw: Draw, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(some))
    assert picks(fleets.read(some), draw=draw) == picks(fleets.read(shuffled), draw=draw)


def test_repeatable_for_any_number_of_threads_at_once(fleet: groundswell.Fleet) -> None:
    selector = replace(EVERYONE, limit=500)
    alone = [picks(fleet, selector, replace(DRAW, seed=seed)) for seed in range(32)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda seed: picks(fleet, selector, replace(DRAW, seed=seed)), range(32)))
    assert together == alone


@pytest.mark.parametrize("kernel", ["", *_core.KERNELS])
def test_repeatable_in_another_process_with_any_instructions(
    fleet: groundswell.Fleet, devices: list[Device], tmp_path: Path, kernel: str
) -> None:
    # Hashes of lookup tables are keyed for each process: nothing of them may show.
    file = tmp_path / "fleet.parquet"
    pq.write_table(fleets.registry(devices), file)
    program = (
        "import sys, datetime, groundswell\n"
        f"now = datetime.datetime.fromtimestamp({NOW}, tz=datetime.UTC)\n"
        "fleet = groundswell.Fleet.read(sys.argv[1], now=now)\n"
        "print(groundswell._core.KERNEL, *fleet.select(limit=300, seed=7, now=now).uuids)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"GROUNDSWELL_KERNEL": kernel},
    )
    used, *uuids = ran.stdout.split()
    assert uuids == picks(fleet, Selector(limit=300))
    assert used == (kernel or _core.KERNELS[-1])


def test_instructions_that_the_cpu_lacks_are_refused() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import groundswell._core"],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"GROUNDSWELL_KERNEL": "portabel"},
    )
    assert ran.returncode == 1
    assert "GROUNDSWELL_KERNEL is `portabel`; unset it, or use one of: portable" in ran.stderr


def test_repeatable_from_the_time_zone_of_another_place(fleet: groundswell.Fleet) -> None:
    here, there = (fleet.select(limit=300, seed=7, now=fleets.instant(NOW, offset)) for offset in (0, -345))
    assert list(here.uuids) == list(there.uuids)


def test_digest_is_of_the_set_and_not_of_the_fleet(devices: list[Device]) -> None:
    # domain.md: over the 16-byte UUIDs in ascending order, never over ordinals.
    turned = fleets.read(devices[::-1])
    one, other = (fleets.select(each, Selector(limit=50), DRAW) for each in (fleets.read(devices), turned))
    assert one.digest == other.digest
    assert one.digest != fleets.select(turned, Selector(limit=51), DRAW).digest


# --- Nested --------------------------------------------------------------------------------------------------------


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(min_size=1), fleets.draws())
def test_nested(some: list[Device], draw: Draw) -> None:
    fleet = fleets.read(some)
    whole = picks(fleet, draw=draw)
    for k in range(1, len(some) + 3):
        assert picks(fleet, replace(EVERYONE, limit=k), draw) == whole[:k]


def test_nested_in_a_larger_fleet(fleet: groundswell.Fleet) -> None:
    whole = picks(fleet)
    for k in (1, 2, 63, 64, 65, 1_000, 2_999, 3_000, 3_001):
        assert picks(fleet, replace(EVERYONE, limit=k)) == whole[:k]


# --- Shard-invariant -----------------------------------------------------------------------------------------------


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(min_size=1), fleets.draws(), st.integers(1, 12), st.data())
def test_shard_invariant(some: list[Device], draw: Draw, k: int, data: st.DataObject) -> None:
    shard_of = data.draw(st.lists(st.integers(0, 3), min_size=len(some), max_size=len(some)))
    selector = replace(EVERYONE, limit=k)
    merged = []
    for shard in set(shard_of):
        mine = fleets.read([device for device, at in zip(some, shard_of, strict=True) if at == shard])
        chosen = fleets.select(mine, selector, draw)
        merged += [(chosen.explain(uuid).key, UUID(uuid).bytes, uuid) for uuid in chosen.uuids]
    assert [uuid for _, _, uuid in sorted(merged)[:k]] == picks(fleets.read(some), selector, draw)


# --- Minimal change ------------------------------------------------------------------------------------------------


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(min_size=2), fleets.draws(), st.data())
def test_minimal_change(some: list[Device], draw: Draw, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(some) - 1))
    gone = data.draw(st.sampled_from(some))
    whole = picks(fleets.read(some), draw=draw)
    picked, following = whole[:k], whole[k]
    after = [*(uuid for uuid in picked if uuid != str(gone.uuid)), following][:k]
    selector = replace(EVERYONE, limit=k)
    # Out of the candidates, and out of the fleet altogether.
    assert picks(fleets.read(some), replace(selector, exclude=(gone.uuid,)), draw) == after
    assert picks(fleets.read([device for device in some if device != gone]), selector, draw) == after


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(min_size=2), fleets.draws())
def test_a_newcomer_displaces_only_those_behind_it(some: list[Device], draw: Draw) -> None:
    *old, newcomer = some
    before, after = picks(fleets.read(old), draw=draw), picks(fleets.read(some), draw=draw)
    assert [uuid for uuid in after if uuid != str(newcomer.uuid)] == before


# --- Fresh each time -----------------------------------------------------------------------------------------------


def test_fresh_each_time(fleet: groundswell.Fleet) -> None:
    # Truly random: it would fail by chance less than once in 10¹² runs.
    chosen = [fleet.select(limit=10, now=fleets.instant(NOW)) for _ in range(200)]
    seeds = [selection.seed for selection in chosen]
    assert len(set(seeds)) == 200
    assert reduce(or_, seeds) == 2**64 - 1
    assert reduce(and_, seeds) == 0
    assert len({tuple(selection.uuids) for selection in chosen}) == 200


def test_the_reported_seed_gives_the_selection_again(fleet: groundswell.Fleet) -> None:
    for _ in range(20):
        fresh = fleet.select(limit=100, now=fleets.instant(NOW))
        again = fleet.select(limit=100, now=fleets.instant(NOW), seed=fresh.seed)
        assert list(again.uuids) == list(fresh.uuids)
        assert again.digest == fresh.digest


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**63, 2**64 - 1])
def test_a_given_seed_is_reported_as_it_was_given(fleet: groundswell.Fleet, seed: int) -> None:
    assert fleet.select(limit=1, seed=seed).seed == seed


# --- Never twice ---------------------------------------------------------------------------------------------------


@settings(max_examples=profiles.examples(30), deadline=None)
@given(fleets.some_devices(min_size=1), st.lists(st.integers(1, 9), min_size=1, max_size=30), fleets.versions)
def test_never_twice(some: list[Device], limits: list[int], version: int) -> None:
    # A wave that is widened again and again: what it staged is excluded, the seed is new each time.
    fleet, staged = fleets.read(some), list[UUID]()
    wave = Selector(not_updated=version)
    for seed, limit in enumerate([*limits, 40]):
        selector = replace(wave, limit=limit, exclude=tuple(staged) or None)
        staged += [UUID(text) for text in picks(fleet, selector, replace(DRAW, seed=seed))]
    assert len(staged) == len(set(staged))
    assert set(staged) == reference.candidates(some, wave)
