"""Compares the simulation of strategies with numpy and, if it is installed, SimPy: time of a run, and distributions.

Run: python -m benches.measure_simulation [--devices 100000] [--runs 100] [--small-runs 5000]

The peers simulate the same model: habits fitted to the ages, a healthy release, steps 1-10-50-100%, soak 24 h, the stop
rule with its prefixes, a tick of 15 minutes, 90 days. Their random numbers are their own, so distributions are compared
(Kolmogorov-Smirnov) over runs of a small fleet in which 4% fail.
"""

from __future__ import annotations

import argparse
import math
import time
from datetime import timedelta
from typing import Any, Final

import numpy as np

from benches.fleets import NOW, NOW_SECONDS, table
from groundswell import Fleet, Scenario, Strategy
from groundswell.decide.resolve import resolve
from groundswell.decide.simulator import Simulator

HOUR: Final = 3600
TICK: Final = 900
TICKS: Final = 90 * 24 * 4
PATIENCE: Final = 24 * HOUR
GOALS: Final = (0.01, 0.1, 0.5, 1.0)
LIMIT: Final = 0.02
TEXT: Final = (
    'finish = "complete"\n[stop]\nfailure = "2%"\nsilence = false\n'
    '[[step]]\nto = "1%"\n[[step]]\nto = "10%"\n[[step]]\nto = "50%"\n[[step]]\nto = "100%"\n'
)
Array = Any


def log_evidence(n: int, x: int) -> float:
    """ln E of the stop test."""
    p = LIMIT * np.exp(np.log(1.5) + np.arange(16) / 15 * (np.log(0.95 / LIMIT) - np.log(1.5)))
    terms = x * np.log(p / LIMIT) + (n - x) * (np.log1p(-p) - math.log1p(-LIMIT)) - np.log(p)
    return float(np.logaddexp.reduce(terms) - np.log((1 / p).sum()))


def boundary(devices: int) -> Array:
    """For each number of failures, the greatest number of devices at which they stop; by bisection."""
    found = [0]
    while found[-1] < devices and len(found) <= devices:
        x = len(found)
        low, high = max(found[-1], x - 1), devices + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if log_evidence(middle, x) >= math.log(20) else (low, middle)
        found.append(low if low >= x else 0)
    return np.array([*found, *[devices] * (devices + 1 - len(found))])


class Model:
    """The fleet in the form that suits numpy: ages, and the cumulative posterior of the rates of each device."""

    def __init__(self, simulator: Simulator, fleet: Fleet) -> None:
        columns: Any = fleet.core.columns()
        seen = columns["last_seen"][columns["production"]].astype(float)
        start = simulator.setup.now.timestamp()
        age = np.where(seen == 0, np.inf, start - seen)
        self.means = np.array([mean for mean, _ in simulator.core.rates], float)
        weights = np.array([share for _, share in simulator.core.rates])
        gone_after = float(simulator.setup.gone_after)
        edges = np.array([0.0, *np.geomspace(60, gone_after, 64)])
        survives = np.exp(-edges[:, None] / self.means)
        posterior = weights * (survives[:-1] - survives[1:]) / (1 - survives[-1])
        posterior /= posterior.sum(axis=1, keepdims=True)
        self.gone = age > gone_after
        bins = np.clip(np.searchsorted(edges, np.where(self.gone, 0, age), "right") - 1, 0, 63)
        self.cumulative = np.cumsum(posterior, axis=1)[bins][:, :-1].astype(np.float32)
        self.age = age
        self.devices = len(age)
        self.bound = boundary(self.devices)

    def run(self, dice: np.random.Generator, defect: float) -> tuple[int, float]:
        """Exposed devices at the stop or the end, and the tick at which half of the fleet is updated."""
        n = self.devices
        mean = self.means[(dice.random(n, np.float32)[:, None] >= self.cumulative).sum(axis=1)]
        seen, taken = -self.age, np.zeros(n, bool)
        before, start = 0.0, 0
        served_at, good_at, failed_at = (np.full(n, TICKS + 1) for _ in range(3))
        for goal in GOALS:
            now = start * TICK
            gap = dice.exponential(1, n) * mean
            seen = np.where((gap < now - before) & ~self.gone, now - gap, seen)
            before = now
            free = np.flatnonzero(~taken)
            wanted = math.ceil(goal * n) - (n - len(free))
            picked = free
            if wanted < len(free):
                past = np.minimum(np.ceil(np.maximum(now - seen[free] - 4 * HOUR, 0) / (3 * HOUR)), 80)
                keys = dice.exponential(1, len(free)) * np.exp2(past / 8)
                picked = free[np.argpartition(keys, wanted)[:wanted]]
            taken[picked] = True
            alive = picked[~self.gone[picked]]
            served = now + dice.exponential(1, len(alive)) * mean[alive]
            done = served + dice.uniform(20 * 60, 2 * HOUR, len(alive))
            fails = dice.random(len(alive)) < defect
            good = np.where(fails, np.inf, done + dice.exponential(1, len(alive)) * mean[alive])
            ticks = [
                np.minimum(np.ceil(np.minimum(at / TICK, TICKS + 1)), TICKS + 1).astype(int)
                for at in (served, good, np.where(fails, done, np.inf), served + PATIENCE)
            ]
            served_at[alive], good_at[alive], failed_at[alive] = ticks[:3]
            settled = np.minimum(np.minimum(ticks[1], ticks[2]), ticks[3])
            settled = np.where(ticks[0] > TICKS, TICKS + 1, settled)
            counts = np.bincount(np.minimum(settled, TICKS + 1), minlength=TICKS + 2).cumsum()
            all_served = np.bincount(ticks[0], minlength=TICKS + 2).cumsum()
            fits = (
                (counts >= math.ceil(0.6 * len(picked)))
                & (counts >= np.ceil(0.98 * all_served - 1e-9))
                & (all_served > 0)
            )
            fits[: start + 96] = False
            following = int(np.argmax(fits[: TICKS + 1])) if fits[: TICKS + 1].any() else TICKS + 1
            stop = self._stop(served_at, failed_at, following)
            if stop is not None:
                return int((served_at <= stop).sum()), math.inf
            start = following
            if start > TICKS:
                break
        updated = np.bincount(good_at, minlength=TICKS + 2).cumsum()[: TICKS + 1]
        half = np.argmax(updated * 2 >= n) if updated[-1] * 2 >= n else math.inf
        return int((served_at <= TICKS).sum()), float(half)

    def _stop(self, served_at: Array, failed_at: Array, until: int) -> int | None:
        """The first tick up to `until` at which a prefix of the served order stops."""
        failing = np.flatnonzero(failed_at <= min(until, TICKS))
        if not len(failing):
            return None
        served = np.bincount(served_at, minlength=TICKS + 2).cumsum()
        bad = np.zeros(TICKS + 2, int)
        for device in failing[np.argsort(failed_at[failing], kind="stable")]:
            entered, known = served_at[device], failed_at[device]
            bad[entered:] += 1
            if (served[entered : known + 1] <= self.bound[bad[entered : known + 1]]).any():
                return int(known)
        return None


def by_simpy(model: Model, dice: np.random.Generator) -> int:
    """One healthy run with a process for each device and one for the strategy. Without the stop rule, in its favour."""
    import simpy

    world = simpy.Environment()
    mean = model.means[(dice.random(model.devices, np.float32)[:, None] >= model.cumulative).sum(axis=1)]
    counts = {"served": 0, "settled": 0}
    served = 0

    def device(at: int) -> Any:
        nonlocal served
        yield world.timeout(dice.exponential(mean[at]))
        counts["served"] += 1
        served += 1
        wait = dice.uniform(20 * 60, 2 * HOUR) + dice.exponential(mean[at])
        yield world.timeout(min(wait, PATIENCE))
        counts["settled"] += 1
        if wait > PATIENCE:
            yield world.timeout(wait - PATIENCE)

    def strategy() -> Any:
        order = dice.permutation(model.devices)
        first = 0
        for goal in GOALS:
            last = math.ceil(goal * model.devices)
            counts["served"] = counts["settled"] = 0
            for at in order[first:last]:
                if not model.gone[at]:
                    world.process(device(int(at)))
            yield world.timeout(24 * HOUR)
            while counts["settled"] < max(0.6 * (last - first), 0.98 * counts["served"]):
                yield world.timeout(TICK)
            first = last

    world.process(strategy())
    world.run(TICKS * TICK)
    return served


def distance(one: Array, two: Array) -> float:
    """The Kolmogorov-Smirnov distance of two samples."""
    both = np.concatenate([one, two])
    return float(
        np.abs(
            np.searchsorted(np.sort(one), both, "right") / len(one)
            - np.searchsorted(np.sort(two), both, "right") / len(two)
        ).max()
    )


def prepare(devices: int) -> tuple[Simulator, Model, Any]:
    fleet = Fleet.read(table(devices), now=NOW)
    simulator = Simulator.of(fleet, seed=1)
    start = simulator.setup.now
    assert start.timestamp() <= NOW_SECONDS
    return simulator, Model(simulator, fleet), resolve(Strategy.parse(TEXT), start, start + timedelta(days=90))


def seconds(run: Any) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--small-runs", type=int, default=5_000)
    asked = parser.parse_args()
    simulator, model, strategy = prepare(asked.devices)
    dice = np.random.default_rng(1)
    healthy = simulator.scenarios([Scenario("healthy")], LIMIT)
    for threads in (1, 2):
        each = seconds(lambda n=threads: simulator.run([strategy], healthy, runs=asked.runs, threads=n)) / asked.runs
        print(f"groundswell, {threads} threads: {1000 * each:.1f} ms a run")
    peer = min(seconds(lambda: model.run(dice, 0.004)) for _ in range(10))
    print(f"numpy: {1000 * peer:.1f} ms a run; {peer / each:.1f} times as long as groundswell")
    try:
        slow = seconds(lambda: by_simpy(model, dice))
        print(f"SimPy: {1000 * slow:.0f} ms a run; {slow / each:.0f} times as long as groundswell")
    except ImportError:
        print("SimPy is not installed")
    simulator, model, strategy = prepare(2_000)
    bad = simulator.scenarios([Scenario("bad", defect=0.04, base=0.0)], LIMIT)
    results = simulator.run([strategy], bad, runs=asked.small_runs)
    ours = results.column(0, "exposed")
    theirs = np.array([model.run(dice, 0.04)[0] for _ in range(asked.small_runs)])
    print(f"exposed devices of {asked.small_runs} runs: KS distance {distance(ours, theirs):.4f}")
    calm = simulator.run([strategy], simulator.scenarios([Scenario("none", base=0.0)], LIMIT), runs=asked.small_runs)
    halves = np.array([model.run(dice, 0.0)[1] for _ in range(asked.small_runs)]) * TICK
    print(f"time until 50% are updated: KS distance {distance(calm.column(0, 'updated_50'), halves):.4f}")


if __name__ == "__main__":
    main()
