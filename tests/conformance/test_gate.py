"""Law: the gate has the golden values of the design, and stops healthy releases with probability α at most.

The judges: values computed with scipy and mpmath, and an exact walk over counts with the rule stated a second time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from groundswell import gate
from groundswell.errors import InputError
from reference import gate as reference

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/strategies/golden.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["stop"], ids=str)
def test_stop_evidence(case: dict[str, Any]) -> None:
    found = float(gate.stop_evidence(case["n"], case["x"], float(case["limit"])))
    assert found == pytest.approx(float(case["e"]), rel=1e-9)


@pytest.mark.parametrize("case", GOLDEN["prove"], ids=str)
def test_prove_evidence(case: dict[str, Any]) -> None:
    found = float(gate.prove_evidence(case["n"], case["x"], float(case["below"])))
    assert found == pytest.approx(float(case["e"]), rel=1e-9)


@pytest.mark.parametrize("case", GOLDEN["greatest_n"], ids=lambda case: f"{case['limit']} at {case['alpha']}")
def test_the_greatest_n_that_stops(case: dict[str, Any]) -> None:
    found = gate.greatest_to_stop(float(case["limit"]), up_to=max(case["x"]), alpha=float(case["alpha"]))
    assert [found[x - 1] for x in case["x"]] == case["n"]


@pytest.mark.parametrize("case", GOLDEN["least_n"], ids=lambda case: case["below"])
def test_the_least_n_that_proves(case: dict[str, Any]) -> None:
    found = [gate.least_to_prove(float(case["below"]), x, alpha=float(case["alpha"])) for x in case["x"]]
    assert found == case["n"]


@pytest.mark.parametrize("case", GOLDEN["silence"], ids=lambda case: f"{len(case['events'])} events")
def test_silence(case: dict[str, Any]) -> None:
    found = gate.silence_evidence([(bool(picked), some, every) for picked, some, every in case["events"]])
    assert found == pytest.approx(float(case["e"]), rel=1e-9)


@pytest.mark.parametrize("case", GOLDEN["hypergeometric"], ids=str)
def test_at_most_failing(case: dict[str, Any]) -> None:
    assert gate.at_most_failing(case["N"], case["n"], case["x"]) == case["K"]


def test_the_table_of_the_design() -> None:
    noticed = [gate.noticed_rate("2%", n) for n in (50, 100, 300, 1_000, 5_000)]
    assert [f"{rate:.1%}" for rate in noticed if rate is not None] == ["14.9%", "10.0%", "6.0%", "4.0%", "2.9%"]
    at_limit = [gate.probability_to_stop(limit, limit, 3_000) for limit in ("1%", "2%", "5%")]
    assert at_limit == pytest.approx([0.029619, 0.033282, 0.034860], abs=5e-7)
    at_half = [
        gate.probability_to_stop(limit, half, 3_000) for limit, half in (("1%", 0.005), ("2%", 0.01), ("5%", 0.025))
    ]
    assert at_half == pytest.approx([0.001345, 0.001449, 0.001497], abs=5e-7)
    percent = [
        tuple(round(100 * one, 4) for one in gate.bounds(n, x)) for n, x in ((100, 0), (1_000, 4), (10_000, 100))
    ]
    assert percent == [(0.0, 3.1235), (0.0596, 1.3880), (0.7248, 1.4058)]
    # The limit is noticed by the median run at these numbers of devices.
    for limit, double, n in (("1%", 0.02, 765), ("2%", 0.04, 375), ("5%", 0.1, 143)):
        before, then = (gate.probability_to_stop(limit, double, served) for served in (n - 1, n))
        assert before < 0.5 <= then


LIMITS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
ALPHAS = (0.2, 0.05, 0.025, 0.01, 0.001)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_a_release_at_the_limit_is_stopped_with_probability_alpha_at_most(limit: float, alpha: float) -> None:
    n = 600
    exact = reference.probability_to_stop(limit, alpha, limit, n)
    assert exact <= alpha
    assert gate.probability_to_stop(limit, limit, n, alpha=alpha) == pytest.approx(exact, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("late", ["successes", "failures"])
def test_simulated_runs_at_the_limit_with_the_prefix_rule(late: str) -> None:
    """20 000 runs; a prefix of the served order ends at a tick, and pending devices count as good."""
    chance, limit, alpha = np.random.default_rng(11), 0.02, 0.05
    ticks, each, runs = 40, 25, 20_000
    greatest = np.array([0, *gate.greatest_to_stop(limit, up_to=ticks * each, alpha=alpha)])
    fails = chance.random((runs, ticks, each)) < limit
    # When a failure is known: at once, or up to 20 ticks later than the success of a device would be.
    delay = chance.integers(0, 20, (runs, ticks, each)) if late == "failures" else np.zeros((runs, ticks, each), int)
    known_at = np.arange(ticks)[None, :, None] + delay
    served = each * np.arange(1, ticks + 1)
    stopped = np.zeros(runs, bool)
    for now in range(ticks):
        known = (fails & (known_at <= now))[:, : now + 1].sum(axis=2).cumsum(axis=1)
        stopped |= (served[None, : now + 1] <= greatest[known]).any(axis=1)
    assert 0.001 < stopped.mean() <= alpha


def test_arrays_keep_their_shape() -> None:
    n, x = np.array([[50, 100], [1, 2]]), np.array([[5, 8], [1, 2]])
    found = gate.stop_evidence(n, x, "2%")
    assert found.shape == (2, 2)
    assert found[0, 1] == pytest.approx(65.00913551)
    assert gate.prove_evidence(np.array([], int), np.array([], int), "1%").shape == (0,)
    assert gate.silence_evidence([]) == 1


WRONG: list[tuple[str, Callable[[], object]]] = [
    ("bad-rate", lambda: gate.stop_evidence(1, 1, "60%")),
    ("bad-rate", lambda: gate.stop_evidence(1, 1, 0)),
    ("bad-rate", lambda: gate.stop_evidence(1, 1, "two")),
    ("bad-rate", lambda: gate.stop_evidence(1, 1, float("nan"))),
    ("bad-rate", lambda: gate.prove_evidence(1, 0, "100%")),
    ("bad-rate", lambda: gate.bounds(1, 0, alpha=0)),
    ("bad-counts", lambda: gate.bounds(1, 2)),
    ("bad-counts", lambda: gate.bounds(-1, -2)),
    ("bad-counts", lambda: gate.stop_evidence([1, 2], [1], "2%")),
    ("bad-counts", lambda: gate.stop_evidence(1.5, 1, "2%")),
    ("bad-counts", lambda: gate.stop_evidence(2**40, 1, "2%")),
    ("bad-counts", lambda: gate.silence_evidence([(True, 5, 4)])),
    ("bad-counts", lambda: gate.noticed_rate("2%", 10**9)),
    ("bad-counts", lambda: gate.probability_to_stop("2%", "2%", 0)),
    ("bad-counts", lambda: gate.greatest_to_stop("2%", up_to=0)),
    ("bad-counts", lambda: gate.at_most_failing(10, 20, 0)),
]


@pytest.mark.parametrize(("code", "call"), WRONG)
def test_what_is_not_a_rate_or_a_count(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(InputError) as wrong:
        call()
    assert wrong.value.code == code


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["100", "8", "--limit", "2%", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["stop_evidence"] == pytest.approx(65.00913551, rel=1e-9)
    assert (printed["stops"], printed["proven"]) == (True, False)
    assert printed["greatest_to_stop"][:8] == [0, 4, 16, 32, 52, 75, 99, 125]
    assert printed["least_to_prove"] == [158, 359, 485, 593, 693, 787]
    assert gate.main(["316", "0", "--limit", "2%", "--prove", "1%"]) == 0
    assert "proven           True" in capsys.readouterr().out
    assert gate.main(["1", "2"]) == 2
    assert "error: x is negative, or above n" in capsys.readouterr().err
