"""The simulation of the core equals a second implementation in plain Python, run by run."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pytest

from groundswell import Fleet, _core
from groundswell.decide.resolved import Least, ResolvedStep, ResolvedStrategy
from groundswell.values import instant, parse_goal, parse_limit
from reference import simulation as reference
from reference.selection import Device

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_795_478_400
HOUR = 3600
DAY = 24 * HOUR
RUNS = 4


@dataclass(frozen=True)
class Case:
    """A strategy in a scenario."""

    strategy: reference.Strategy
    fault: reference.Fault
    approve_after: int = 0


def devices(number: int, seed: int) -> list[Device]:
    """A fleet of mixed habits: minutes, hours, days; some gone."""
    dice = random.Random(seed)
    fleet = []
    for _ in range(number):
        age = int(dice.expovariate(1 / dice.choice([600, 6 * HOUR, 3 * DAY])))
        seen = None if dice.random() < 0.03 else NOW - age if dice.random() > 0.03 else NOW - 200 * DAY
        fleet.append(
            Device(
                UUID(int=dice.getrandbits(128)),
                group=dice.choice(["canary", "main", "main", "main", None]),
                production=dice.random() > 0.05,
                last_seen=seen,
                hardware_id=dice.choice(["big", "big", "small", None]),
            )
        )
    return fleet


def as_fleet(devices: Sequence[Device]) -> Fleet:
    columns: dict[str, Any] = {
        "uuid": [str(device.uuid) for device in devices],
        "group": [device.group for device in devices],
        "production": [device.production for device in devices],
        "last_seen": pa.array([device.last_seen for device in devices], pa.int64()),
        "hardware_id": [device.hardware_id for device in devices],
    }
    return Fleet.read(pa.table(columns), now=instant(NOW))


def least(condition: str | int) -> Least:
    if isinstance(condition, int):
        return Least(count=condition)
    return Least(thousandths=round(float(condition.removesuffix("%")) * 1000))


def resolved(strategy: reference.Strategy) -> ResolvedStrategy:
    steps = tuple(
        ResolvedStep(
            group=step.group,
            limit=parse_goal(step.goal) if step.goal else parse_limit(step.limit) if step.limit else None,
            draw=step.draw,
            soak=step.soak,
            reported=least(step.reported),
            settled=least(step.settled),
            prove=step.prove,
            approve=step.approve,
            not_before=step.not_before,
            deadline=step.deadline,
        )
        for step in strategy.steps
    )
    return ResolvedStrategy(
        "s",
        steps,
        failure=strategy.failure,
        by=strategy.by,
        silence=strategy.silence,
        lost=strategy.lost,
        devices=strategy.devices,
        alpha=strategy.alpha,
        patience=strategy.patience,
        attempts=strategy.attempts,
        concurrent=strategy.concurrent,
        complete=strategy.complete,
        windows=strategy.windows,
    )


def by_core(fleet: Fleet, case: Case, settings: reference.Settings, threads: int = 1) -> list[dict[str, object]]:
    simulation = _core.Simulation.of(
        fleet.core,
        tag=None,
        target_version=None,
        now=settings.now,
        tick=settings.tick,
        horizon=settings.horizon,
        approve_after=settings.approve_after,
        online_threshold=settings.online_threshold,
        half_life=settings.half_life,
        gone_after=settings.gone_after,
        seed=settings.seed,
    )
    assert simulation is not None
    plan = simulation.prepare(resolved(case.strategy))
    fault = case.fault
    scenario = simulation.scenario(
        defect=fault.defect,
        base=fault.base,
        hardware=fault.hardware_id,
        group=None,
        below=None,
        away=fault.away,
        after=fault.after,
        brick=fault.brick,
        install=fault.install,
    )
    columns = simulation.run(plan, scenario, first=0, count=RUNS, threads=threads)
    results = []
    for run in range(RUNS):
        found: dict[str, object] = {
            name: math.inf if (number := int(column[run])) == 2**32 - 1 else number
            for name, column in columns.items()
            if name != "curve"
        }
        found["end"] = _core.RUN_ENDS[int(columns["end"][run])]
        value = found["value"]
        found["value"] = plan.values[value] if isinstance(value, int) else None
        results.append(found)
    return results


def steps(*goals: str, **options: Any) -> tuple[reference.Step, ...]:
    return tuple(reference.Step(goal=goal, **options) for goal in goals)


CASES = {
    "failures at once": Case(
        reference.Strategy(steps("10%", "40%", "100%"), failure=0.05, silence=True),
        reference.Fault(defect=0.15, base=0.01),
    ),
    "healthy, to the end": Case(
        reference.Strategy(steps("20%", "100%", soak=6 * HOUR), failure=0.1, silence=True, complete=True),
        reference.Fault(base=0.02),
    ),
    "late failures": Case(
        reference.Strategy(steps("10%", "50%", "100%"), failure=0.05),
        reference.Fault(defect=0.3, after=12 * HOUR),
    ),
    "one hardware id": Case(
        reference.Strategy(steps("30%", "100%"), failure=0.1, by="hardware_id"),
        reference.Fault(defect=0.8, hardware_id="small"),
    ),
    "bricks and silence": Case(
        reference.Strategy(steps("40%", "100%", settled="0%"), silence=True),
        reference.Fault(defect=0.6, brick=True),
    ),
    "lost devices": Case(
        reference.Strategy(steps("25%", "100%"), lost=0.2, patience=8 * HOUR),
        reference.Fault(defect=0.4, brick=True, after=HOUR),
    ),
    "a count of failures": Case(
        reference.Strategy(steps("10%", "100%"), devices=4, attempts=3),
        reference.Fault(defect=0.05),
    ),
    "a group, a limit, even weights": Case(
        reference.Strategy(
            (
                reference.Step(group="canary", soak=4 * HOUR, reported=20, settled="50%"),
                reference.Step(limit="20%", draw="even", soak=HOUR, reported="10%"),
                reference.Step(limit=30, soak=HOUR),
                reference.Step(goal="100%", reported="0%", settled="0%", soak=0),
            ),
            failure=0.2,
            silence=True,
        ),
        reference.Fault(base=0.05, away=3 * DAY, defect=0.5),
    ),
    "windows, approval, dates": Case(
        reference.Strategy(
            (
                reference.Step(goal="20%", soak=2 * HOUR),
                reference.Step(goal="60%", approve=True, soak=2 * HOUR),
                reference.Step(goal="100%", not_before=3 * DAY, soak=2 * HOUR),
            ),
            windows=tuple((day * DAY + 9 * HOUR, day * DAY + 17 * HOUR) for day in range(30)),
        ),
        reference.Fault(),
        approve_after=30 * HOUR,
    ),
    "proof": Case(
        reference.Strategy(steps("50%", "100%", prove=0.5, soak=HOUR), patience=12 * HOUR),
        reference.Fault(base=0.05),
    ),
    "few at one time": Case(
        reference.Strategy((*steps("10%", "20%", soak=HOUR), reference.Step(limit=15, soak=HOUR)), concurrent=25),
        reference.Fault(base=0.05, defect=0.2, brick=True),
    ),
    "deadline": Case(
        reference.Strategy(steps("50%", "100%", reported="100%", deadline=20 * HOUR)),
        reference.Fault(),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_results_equal_those_of_the_reference_run_by_run(name: str) -> None:
    case = CASES[name]
    fleet = devices(240, seed=len(name))
    settings = reference.Settings(
        now=NOW, seed=7, tick=2 * HOUR if "few" in name else HOUR, horizon=6 * DAY, approve_after=case.approve_after
    )
    expected = [reference.Run(fleet, case.strategy, case.fault, settings, run).result for run in range(RUNS)]
    assert by_core(as_fleet(fleet), case, settings) == expected


def test_the_cases_end_in_every_way() -> None:
    fleet = devices(240, seed=1)
    ends = set()
    for name, case in CASES.items():
        settings = reference.Settings(now=NOW, seed=7, tick=HOUR, horizon=6 * DAY, approve_after=case.approve_after)
        ends |= {run["end"] for run in by_core(as_fleet(devices(240, seed=len(name))), case, settings)}
    empty = Case(reference.Strategy((reference.Step(group="nobody"),)), reference.Fault())
    named = [*fleet, Device(UUID(int=1), group="nobody", production=False)]
    ends |= {run["end"] for run in by_core(as_fleet(named), empty, reference.Settings(now=NOW, seed=7))}
    assert ends == set(_core.RUN_ENDS)


@pytest.mark.parametrize("name", ["failures at once", "bricks and silence", "a group, a limit, even weights"])
def test_threads_and_the_order_of_rows_do_not_matter(name: str) -> None:
    settings = reference.Settings(now=NOW, seed=3, tick=HOUR, horizon=6 * DAY)
    fleet = devices(300, seed=5)
    expected = by_core(as_fleet(fleet), CASES[name], settings)
    shuffled = random.Random(1).sample(fleet, len(fleet))
    assert by_core(as_fleet(fleet), CASES[name], settings, threads=3) == expected
    assert by_core(as_fleet(shuffled), CASES[name], settings) == expected
