"""The engine and tests/reference on random fleets and selectors: the same answers, the same refusals."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import groundswell
from reference import selection as reference
from reference.selection import Denominator, Device, Draw, Selector
from support import fleets, profiles
from support.fleets import DRAW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

LARGE = fleets.large_fleet(100_000)


def assert_same(
    devices: Sequence[Device],
    fleet: groundswell.Fleet,
    selector: Selector,
    draw: Draw,
    *,
    whole: list[UUID] | None = None,
) -> None:
    """Let both select, and compare all that the law fixes."""
    try:
        expected = reference.select(fleets.as_read(devices), selector, draw, whole=whole)
    except reference.RefusedError as refusal:
        with pytest.raises(groundswell.GroundswellError) as caught:
            fleets.select(fleet, selector, draw)
        assert_same_refusal(caught.value, refusal)
        return
    selection = fleets.select(fleet, selector, draw)
    assert list(selection.uuids) == [str(uuid) for uuid in expected.uuids]
    assert list(selection.names) == [fleets.name(uuid) for uuid in expected.uuids]
    assert selection.to_arrow().column("uuid").to_pylist() == list(selection.uuids)
    assert len(selection) == len(expected.uuids)
    assert selection.matching == len(expected.matching)
    assert selection.candidates == len(expected.candidates)
    assert [(entry["uuid"], entry["reason"]) for entry in selection.skipped] == [
        (str(uuid), reason) for uuid, reason in expected.skipped
    ]
    if expected.limit is not None:
        assert selection.limit == expected.limit
    assert selection.seed == draw.seed
    assert selection.digest == sha256(b"".join(sorted(uuid.bytes for uuid in expected.uuids))).hexdigest()
    rows = {device.uuid: row for row, device in enumerate(devices)}
    assert selection.ordinals.tolist() == [rows[uuid] for uuid in expected.uuids]


def assert_same_refusal(error: groundswell.GroundswellError, refusal: reference.RefusedError) -> None:
    assert error.code in refusal.codes
    expected_kind = groundswell.NotFoundError if error.code.startswith("unknown-") else groundswell.InputError
    assert isinstance(error, expected_kind)
    if error.code == "mismatched-devices":
        named = [(entry["uuid"], entry["reason"]) for entry in error.fields["offenders"]]
        assert named == [(str(uuid), reason) for uuid, reason in refusal.offenders]
        assert str(refusal.offenders[0][0]) in error.message


# --- small fleets --------------------------------------------------------------------------------------------------


@settings(max_examples=profiles.examples(150), deadline=None)
@given(fleets.cases(), st.booleans())
def test_selections_from_random_fleets_are_those_of_the_reference(
    case: fleets.Case,
    last_seen_as_integers: bool,  # noqa: FBT001 (hypothesis passes arguments by position)
) -> None:
    fleet = fleets.read(case.devices, last_seen_as_integers=last_seen_as_integers)
    assert len(fleet) == len(case.devices)
    for selector, draw in case.asked:
        assert_same(case.devices, fleet, selector, draw)


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.cases(min_size=5, asked=2))
def test_explain_agrees_with_the_reference_about_every_device(case: fleets.Case) -> None:
    fleet, devices = fleets.read(case.devices), fleets.as_read(case.devices)
    for asked, draw in case.asked:
        selector = replace(asked, skip_mismatched=True, group=None, tag=None, uuids=None, exclude=asked.exclude or None)
        expected = reference.select(devices, selector, draw)
        selection = fleets.select(fleet, selector, draw)
        picked = set(expected.uuids)
        for device in devices:
            told = selection.explain(str(device.uuid))
            step = reference.step(device.last_seen, draw)
            variate = reference.variate(reference.identity_hash(device.uuid), draw.seed)
            assert told.picked == (device.uuid in picked)
            assert told.reason
            if device.uuid in expected.candidates:
                assert told.weight is not None
                assert told.key is not None
                assert told.step == step
                assert math.isclose(told.weight, 0.5 ** (step / 8), rel_tol=1e-15)
                assert math.isclose(told.key, reference.exact_key(variate, step), rel_tol=1e-15)


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(min_size=1), fleets.draws(), st.integers(1, 10))
def test_ranks_count_the_candidates_in_key_order_from_one(devices: list[Device], draw: Draw, limit: int) -> None:
    fleet = fleets.read(devices)
    everyone = reference.select(fleets.as_read(devices), Selector(include_test=True), draw).uuids
    selection = fleets.select(fleet, Selector(include_test=True, limit=limit), draw)
    assert [selection.explain(str(uuid)).rank for uuid in everyone] == list(range(1, len(everyone) + 1))


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(min_size=1), st.data())
def test_a_list_means_the_same_however_it_is_written(devices: list[Device], data: st.DataObject) -> None:
    chosen = tuple(data.draw(st.lists(st.sampled_from([device.uuid for device in devices]), min_size=1)))
    texts = [str(uuid) for uuid in chosen]
    fleet = fleets.read(devices)
    expected = reference.select(fleets.as_read(devices), Selector(uuids=chosen, include_test=True), DRAW)
    rest = reference.select(fleets.as_read(devices), Selector(exclude=chosen, include_test=True), DRAW)
    said = fleets.words(Selector(include_test=True), DRAW)
    for written in (texts, "\n".join(texts), ", ".join(text.upper() for text in texts), _parsed(texts)):
        assert list(fleet.select(uuids=written, **said).uuids) == fleets.listed(expected.uuids)
        assert list(fleet.select(exclude=written, **said).uuids) == fleets.listed(rest.uuids)


def _parsed(texts: list[str]) -> groundswell.UuidList:
    return groundswell.UuidList.parse(";".join(texts))


# --- percentages ---------------------------------------------------------------------------------------------------


def test_percentages_are_rounded_up_in_exact_arithmetic() -> None:
    # Of 1,000 devices, 0.1% is one: every tenth of a percent is exact, and a thousandth more or less shows.
    fleet = fleets.read([Device(uuid, last_seen=fleets.NOW) for uuid in fleets.random_uuids(1_000)])
    for tenths in range(1, 1_001):
        below, exact, above = (Fraction(tenths, 10) + Fraction(nudge, 1_000) for nudge in (-1, 0, 1))
        for percentage, devices in ((below, tenths), (exact, tenths), (above, tenths + 1)):
            if percentage <= 100:
                assert len(fleet.select(limit=f"{float(percentage):.3f}%", seed=1)) == devices


@pytest.mark.parametrize("percent_of", ["matching", "remaining", "online"])
@pytest.mark.parametrize("percentage", ["0.001%", "0.7%", "7%", "33.333%", "57.4%", "99.999%", "100%"])
def test_percentages_of_large_fleets_come_to_what_the_reference_says(percentage: str, percent_of: Denominator) -> None:
    devices = LARGE[:20_000]
    fleet = fleets.read(devices)
    for group in (None, "big", "small"):
        selector = Selector(limit=percentage, group=group, not_updated=41, percent_of=percent_of)
        assert_same(devices, fleet, selector, DRAW)


def test_a_percentage_counts_participants_too() -> None:
    # domain.md: taken of the devices that match, those already covered included.
    uuids = fleets.random_uuids(100)
    fleet = fleets.read([Device(uuid, last_seen=fleets.NOW) for uuid in uuids])
    covered = [str(uuid) for uuid in uuids[:95]]
    selection = fleet.select(limit="10%", exclude=covered, seed=1)
    assert (selection.limit, selection.matching, selection.candidates, len(selection)) == (10, 100, 5, 5)
    assert len(fleet.select(limit="10%", exclude=covered, seed=1, percent_of="remaining")) == 1


# --- large fleets --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large() -> groundswell.Fleet:
    return fleets.read(LARGE)


@cache
def whole_order(draw: Draw) -> list[UUID]:
    return reference.in_key_order([d.uuid for d in LARGE], {d.uuid: d.last_seen for d in LARGE}, draw)


@pytest.mark.slow
@pytest.mark.parametrize(
    "selector",
    [
        Selector(limit=1),
        Selector(limit=1_000),
        Selector(limit="50%"),
        Selector(include_test=True),
        # Groups whose activity has nothing to do with the fleet's: an estimate of the fleet's weights misses.
        Selector(limit=100, group="offline"),
        Selector(limit=100, group="online"),
        Selector(limit=1_400, group="small"),
        Selector(limit="99.9%", group="offline", tag="beta"),
        Selector(limit=500, not_updated=41, tag="main"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "draw",
    [DRAW, Draw(2**64 - 1, fleets.NOW + 400 * fleets.DAY), Draw(0, fleets.NOW, 0, 1)],
    ids=["as read", "all at the floor", "steep"],
)
def test_selections_from_a_large_fleet_are_those_of_the_reference(
    large: groundswell.Fleet, selector: Selector, draw: Draw
) -> None:
    assert_same(LARGE, large, selector, draw, whole=whole_order(draw))


@pytest.mark.slow
def test_excluding_all_that_would_come_first_leaves_the_reference_and_engine_agreed(large: groundswell.Fleet) -> None:
    everyone = reference.select(LARGE, Selector(), DRAW, whole=whole_order(DRAW)).uuids
    for passed in (10, 1_000, 96_000):
        said = fleets.words(Selector(limit=300, exclude=tuple(everyone[:passed])), DRAW)
        assert list(large.select(**said).uuids) == fleets.listed(everyone[passed : passed + 300])
