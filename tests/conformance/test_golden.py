"""The engine and the reference reproduce the golden values of algorithm 1, made by tests/data/selection/oracle.py."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import mpmath
import pytest

from groundswell import _core
from reference import selection as reference
from reference.selection import Device, Draw, Selector
from support import fleets

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "selection" / "golden.json").read_text(encoding="utf-8")
)
CASES: list[dict[str, Any]] = GOLDEN["cases"]
SETTINGS: dict[str, int] = GOLDEN["defaults"]

intermediates = pytest.mark.parametrize(
    "value", GOLDEN["intermediate"], ids=lambda value: f"{value['uuid'][:8]}-{value['seed']}"
)
selections = pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['fleet']}-{case['seed']}-{case.get('half_life', 'default')}"
)


def devices_of(case: dict[str, Any]) -> list[Device]:
    return [Device(UUID(text), last_seen=seen) for text, seen in GOLDEN["fleets"][case["fleet"]]]


def draw_of(case: dict[str, Any]) -> Draw:
    chosen = {name: case.get(name, default) for name, default in SETTINGS.items()}
    return Draw(int(case["seed"]), case["now"], **chosen)


def test_the_golden_file_is_whole() -> None:
    assert (GOLDEN["algorithm"], len(GOLDEN["intermediate"]), len(CASES)) == (_core.ALGORITHM, 12, 60)


@intermediates
def test_identity_hash_variate_and_keys_are_golden(value: dict[str, str]) -> None:
    uuid, seed = UUID(value["uuid"]).bytes, int(value["seed"])
    assert _core.identity_hash(uuid) == int(value["identity_hash"], 16)
    assert _core.variate(uuid, seed) == int(value["variate"], 16)
    for step in (0, 9):
        golden = mpmath.mpf(value[f"key_step_{step}"])
        key = _core.key(uuid, seed, step)
        assert abs(mpmath.mpf(key) - golden) <= 2 * math.ulp(key)


@intermediates
def test_the_reference_has_the_golden_intermediate_values(value: dict[str, str]) -> None:
    identity = reference.identity_hash(UUID(value["uuid"]))
    variate = reference.variate(identity, int(value["seed"]))
    assert f"{identity:016x}" == value["identity_hash"]
    assert f"{variate:016x}" == value["variate"]
    for step in (0, 9):
        assert mpmath.nstr(reference.exact_key(variate, step), 25) == value[f"key_step_{step}"]
        assert math.isclose(reference.rough_key(variate, step), reference.exact_key(variate, step), rel_tol=1e-15)


@selections
def test_selections_are_golden(case: dict[str, Any]) -> None:
    draw = draw_of(case)
    # The oracle's fleets have dates a few seconds ahead of now; read later, they are kept as they are.
    fleet = fleets.read(devices_of(case), now=case["now"] + 3600)
    selection = fleet.select(
        limit=case["k"],
        seed=draw.seed,
        now=fleets.instant(draw.now),
        online_threshold=timedelta(seconds=draw.online_threshold),
        half_life=timedelta(seconds=draw.half_life),
    )
    assert list(selection.uuids) == case["picks"]


@selections
def test_the_reference_makes_the_golden_selections(case: dict[str, Any]) -> None:
    chosen = reference.select(devices_of(case), Selector(limit=case["k"]), draw_of(case))
    assert [str(uuid) for uuid in chosen.uuids] == case["picks"]


EDGES = (
    # (age, online threshold, half-life, step), by hand: 0 up to the threshold, then ⌈8·past / half-life⌉
    (-5, 14400, 86400, 0),
    (0, 0, 1, 0),
    (14400, 14400, 86400, 0),
    (14401, 14400, 86400, 1),
    (25200, 14400, 86400, 1),
    (25201, 14400, 86400, 2),
    (100800, 14400, 86400, 8),
    (100801, 14400, 86400, 9),
    (867600, 14400, 86400, 79),
    (867601, 14400, 86400, 80),
    (878401, 14400, 86400, 80),
    (1_700_000_000, 0, 86400, 80),
    (1, 0, 1, 8),
    (10, 0, 1, 80),
    (1, 0, 3, 3),
    (1, 0, 4_000_000_000, 1),
    (1_700_000_000, 0, 4_000_000_000, 4),
    (1_700_000_000, 4_000_000_000, 1, 0),
)


@pytest.mark.parametrize(("age", "online_threshold", "half_life", "step"), EDGES)
def test_steps_begin_and_end_at_the_exact_second(age: int, online_threshold: int, half_life: int, step: int) -> None:
    now = 1_795_000_000
    assert _core.recency_step(now - age, now, online_threshold, half_life) == step
    assert reference.step(now - age, Draw(0, now, online_threshold, half_life)) == step


def test_a_device_never_seen_is_at_the_floor() -> None:
    assert _core.recency_step(0, 1_795_000_000, 4_000_000_000, 4_000_000_000) == 80
    assert reference.step(None, Draw(0, 1_795_000_000, 4_000_000_000, 4_000_000_000)) == 80
