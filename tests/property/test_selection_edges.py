"""The edges of a selection: ties and UUIDs built to collide, none, all, one weight."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import selection as reference
from reference.selection import M32, Device, Selector
from support import adversarial_uuids as adversaries
from support import fleets, profiles
from support.fleets import DRAW, expected, picks

NOW = fleets.NOW


@settings(max_examples=profiles.examples(30), deadline=None)
@given(st.integers(2, 200), st.integers(0, 2**64 - 1), fleets.seeds, st.randoms(use_true_random=False))
def test_uuids_of_one_identity_hash_are_ordered_by_their_bytes(
    count: int, identity: int, seed: int, chance: random.Random
) -> None:
    uuids = adversaries.colliding(count, identity)
    assert {reference.identity_hash(uuid) for uuid in uuids} == {identity}
    chance.shuffle(uuids)
    fleet = fleets.read([Device(uuid, last_seen=NOW) for uuid in uuids])
    for k in (1, count // 2, count - 1, count):
        in_order = [str(uuid) for uuid in sorted(uuids, key=lambda uuid: uuid.bytes)][:k]
        assert picks(fleet, Selector(limit=k), replace(DRAW, seed=seed)) == in_order


@pytest.mark.parametrize("upper", [0, 1, 0x12345678, 0x80000000, M32])
@pytest.mark.parametrize("turned", [False, True])
def test_keys_are_tied_when_variates_differ_below_52_bits_only(upper: int, turned: bool) -> None:  # noqa: FBT001 (pytest)
    smaller, greater = adversaries.almost_equal_variates(upper, DRAW.seed)
    one, other = (reference.variate(identity, DRAW.seed) for identity in (smaller, greater))
    assert one < other
    assert one >> 12 == other >> 12
    # The bytes decide, whether or not they agree with the variates.
    low, high = 1 << 20, 1 << 60
    pair = [adversaries.uuid_with_identity(smaller, high if turned else low)]
    pair.append(adversaries.uuid_with_identity(greater, low if turned else high))
    fleet = fleets.read([Device(uuid, last_seen=NOW) for uuid in pair])
    assert picks(fleet) == [str(uuid) for uuid in (pair[::-1] if turned else pair)]
    assert picks(fleet, Selector(limit=1)) == [str(min(pair))]


def test_devices_of_one_identity_hash_and_different_activity_go_by_weight() -> None:
    uuids = adversaries.colliding(81)
    chance = random.Random(1)
    chance.shuffle(uuids)
    ages = [14_400 + 3 * 3600 * step for step in range(81)]
    fleet = fleets.read([Device(uuid, last_seen=NOW - age) for uuid, age in zip(uuids, ages, strict=True)])
    assert picks(fleet) == [str(uuid) for uuid in uuids]


@pytest.mark.parametrize(
    ("identity", "variate"),
    [(0xCD004FEF00067C75, 0x8BB), (0xD0217E5900000584, 2**64 - 0xE63)],
    ids=["least", "greatest"],
)
def test_the_least_and_the_greatest_key_keep_their_places(identity: int, variate: int) -> None:
    # Found by search: u is 2⁻⁵³ for one and 1 - 2⁻⁵³ for the other, the ends of (0, 1).
    assert reference.variate(identity, DRAW.seed) == variate
    extreme = [adversaries.uuid_with_identity(identity, a) for a in range(70)]
    devices = [Device(uuid, last_seen=NOW) for uuid in (*extreme, *fleets.random_uuids(70))]
    fleet = fleets.read(devices)
    for k in (1, 70, 71, 140):
        assert picks(fleet, Selector(limit=k)) == expected(devices, Selector(limit=k))
    never_seen = [Device(uuid) for uuid in extreme]
    assert picks(fleets.read(never_seen)) == expected(never_seen)


@pytest.mark.slow
@pytest.mark.parametrize("upper", [0, M32], ids=["all keys tiny", "all keys huge"])
def test_a_fleet_built_to_crowd_one_end_of_the_keys_is_selected_from_alike(upper: int) -> None:
    # A stranger who knows the seed chooses UUIDs whose variates all begin with the same 32 bits.
    walk = adversaries.identities_with_upper_half(upper, DRAW.seed)
    devices = [Device(adversaries.uuid_with_identity(next(walk), a), last_seen=NOW - a) for a in range(20_000)]
    fleet = fleets.read(devices)
    for k in (1, 1_000, 19_999, 20_000):
        assert picks(fleet, Selector(limit=k)) == expected(devices, Selector(limit=k))


def test_none_of_nothing_is_an_empty_selection_with_a_reason() -> None:
    # A percentage of no devices comes to k = 0.
    fleet = fleets.read([Device(uuid, production=False) for uuid in fleets.random_uuids(5)])
    for selector in (
        Selector(),
        Selector(limit=10),
        Selector(limit="10%"),
        Selector(limit="100%", percent_of="online"),
    ):
        selection = fleets.select(fleet, selector, DRAW)
        assert (len(selection), selection.candidates, selection.matching) == (0, 0, 0)
        assert list(selection.uuids) == []
        assert selection.ordinals.tolist() == []
        assert selection.why_short


def test_no_candidates_left_is_an_empty_selection_that_says_so() -> None:
    uuids = fleets.random_uuids(5)
    fleet = fleets.read([Device(uuid, target_version=42) for uuid in uuids])
    updated = fleets.select(fleet, Selector(limit=3, not_updated=42), DRAW)
    excluded = fleets.select(fleet, Selector(limit=3, exclude=tuple(uuids)), DRAW)
    for selection in (updated, excluded):
        assert (len(selection), selection.candidates, selection.matching) == (0, 0, 5)
        assert selection.why_short
    assert updated.why_short != excluded.why_short


def test_no_percent_online_of_a_fleet_that_is_offline_picks_none() -> None:
    fleet = fleets.read([Device(uuid) for uuid in fleets.random_uuids(5)])
    selection = fleets.select(fleet, Selector(limit="100%", percent_of="online"), DRAW)
    assert (len(selection), selection.candidates, selection.limit) == (0, 5, 0)
    assert selection.why_short == "no matching device is online, so 100% of them is 0"


def test_fewer_devices_than_asked_for_are_counted_by_what_keeps_the_others_out() -> None:
    uuids = fleets.random_uuids(1500)
    fleet = fleets.read([Device(uuid, target_version=number % 2) for number, uuid in enumerate(uuids)])

    def why(selector: Selector) -> str | None:
        return fleets.select(fleet, selector, DRAW).why_short

    assert why(Selector(limit=2000)) == "only 1500 devices match"
    assert why(Selector(limit=2, uuids=(uuids[0],))) == "only 1 device matches"
    assert why(Selector(limit=900, not_updated=1, exclude=(uuids[0],))) == (
        "of the 1500 that match only 749 can be picked: 750 report version 1 or a later one and 1 is excluded"
    )
    assert why(Selector(limit=1, not_updated=0)) == (
        "of the 1500 that match none can be picked: 1500 report version 0 or a later one"
    )
    assert why(Selector(limit=1500)) is None


@pytest.mark.parametrize("over", [0, 1, 1000, 2**62], ids=str)
def test_fewer_candidates_than_the_limit_gives_all_of_them_and_no_error(over: int) -> None:
    devices = [Device(uuid, last_seen=NOW) for uuid in fleets.random_uuids(7)]
    selection = fleets.select(fleets.read(devices), Selector(limit=7 + over), DRAW)
    assert list(selection.uuids) == expected(devices)
    assert selection.limit == 7 + over


def test_a_fleet_of_one_device_gives_that_device() -> None:
    (uuid,) = fleets.random_uuids(1)
    for last_seen in (None, NOW, NOW - 10 * fleets.DAY):
        fleet = fleets.read([Device(uuid, last_seen=last_seen)])
        for limit in (1, "0.001%", "100%", None):
            assert picks(fleet, Selector(limit=limit)) == [str(uuid)]


@pytest.mark.parametrize("kind", fleets.KINDS_OF_UUIDS)
@pytest.mark.parametrize(
    "age", [0, 14_400 + fleets.DAY, None], ids=["all online", "a half-life past", "all at the floor"]
)
def test_one_weight_for_all_gives_one_order_whatever_the_weight(kind: str, age: int | None) -> None:
    # With equal weights the keys differ from those of any other weight by a factor only.
    uuids = fleets.KINDS_OF_UUIDS[kind](500)
    devices = [Device(uuid, last_seen=None if age is None else NOW - age) for uuid in uuids]
    online = [Device(uuid, last_seen=NOW) for uuid in uuids]
    assert picks(fleets.read(devices)) == picks(fleets.read(online)) == expected(online)


def test_devices_at_the_floor_are_picked_when_their_turn_comes() -> None:
    uuids = fleets.random_uuids(400)
    devices = [Device(uuid, last_seen=NOW if at < 200 else None) for at, uuid in enumerate(uuids)]
    fleet = fleets.read(devices)
    for k in (1, 199, 200, 201, 300, 400):
        assert picks(fleet, Selector(limit=k)) == expected(devices, Selector(limit=k))
