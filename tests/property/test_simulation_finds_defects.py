"""What the example strategies do on the synthetic fleet of 100 000 devices: the acceptance figures of the design."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import groundswell
from groundswell.synth.devices import synth

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
RUNS = 30
SCENARIOS = ["healthy:", "bricks: defect=5% brick", "jetson: defect=20% where hardware_id=jetson-orin-nano"]


@pytest.fixture(scope="module")
def cells() -> dict[tuple[str, str], groundswell.CellSummary]:
    fleet = groundswell.Fleet.read(synth(100_000, seed=1, now=int(NOW.timestamp())), now=NOW)
    files = [EXAMPLES / f"{name}.toml" for name in ("b", "d", "by-hardware")]
    results = groundswell.simulate(fleet, files, SCENARIOS, runs=RUNS, seed=1)
    return {(one.strategy, one.scenario.name): one for one in results.summaries}


@pytest.mark.parametrize("strategy", ["b", "d", "by-hardware"])
def test_healthy_releases_finish(cells: dict[tuple[str, str], groundswell.CellSummary], strategy: str) -> None:
    assert cells[strategy, "healthy"].stopped == 0
    assert cells[strategy, "healthy"].ends == {"finished": RUNS}


def test_waiting_for_results_keeps_bricks_in_the_first_step(
    cells: dict[tuple[str, str], groundswell.CellSummary],
) -> None:
    waits, hurries = cells["d", "bricks"].exposed.p50, cells["b", "bricks"].exposed.p50
    assert waits is not None
    assert hurries is not None
    assert waits < 1_500
    assert hurries > 3 * waits
    assert cells["d", "bricks"].ends == {"silence": RUNS}


def test_a_defect_of_one_hardware_id_needs_a_test_of_its_own(
    cells: dict[tuple[str, str], groundswell.CellSummary],
) -> None:
    found, missed = cells["by-hardware", "jetson"], cells["d", "jetson"]
    assert found.stopped >= 0.95
    assert found.exposed.p50 is not None
    assert found.exposed.p50 < 2_000
    assert missed.stopped <= 0.05
