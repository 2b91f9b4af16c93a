"""Simulates strategies on a fleet before the first device updates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, SupportsIndex

from groundswell import _core
from groundswell.decide.results import SimulationResults
from groundswell.decide.runs import CellRuns, SimulationSetup
from groundswell.decide.scenarios import Scenario, parse_scenario
from groundswell.decide.suite import default_scenarios
from groundswell.errors import InputError
from groundswell.fleet.fleet import DEFAULT_HALF_LIFE, DEFAULT_ONLINE_THRESHOLD, checked_target_version
from groundswell.text import printable
from groundswell.values import as_integer, epoch_seconds, instant, parse_seed, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from groundswell.decide.resolved import ResolvedStrategy
    from groundswell.fleet import Fleet

__all__ = ["DEFAULT_RUNS", "Simulator"]

DEFAULT_RUNS: Final = 1000
_MAX_RUNS: Final = 1_000_000
_MAX_TICKS: Final = 100_000
_DEVICES_PER_CALL: Final = 3_000_000
_MAX_RUNS_PER_CALL: Final = 64
_LEAST_ARRIVALS: Final = 20
"""Expected check-ins within `fresh` below which run time would stand still now and then."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """A fleet with its check-in habits, ready to simulate strategies on."""

    core: _core.Simulation
    setup: SimulationSetup
    fleet: Fleet

    @classmethod
    def of(
        cls,
        fleet: Fleet,
        *,
        tag: str | None = None,
        target_version: SupportsIndex | None = None,
        now: datetime | None = None,
        seed: SupportsIndex | None = None,
        tick: timedelta = timedelta(minutes=15),
        horizon: timedelta = timedelta(days=90),
        approve_after: timedelta = timedelta(0),
        gone_after: timedelta = timedelta(days=90),
        online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
        half_life: timedelta = DEFAULT_HALF_LIFE,
    ) -> Simulator:
        """Fit the habits of a fleet; see `groundswell.simulate` for the arguments.

        Raises:
            InputError: ``no-habits`` if no matching device was seen within `gone_after`; ``bad-duration``,
                ``bad-seed``, ``bad-version``, ``bad-instant``.
            NotFoundError: ``unknown-tag``.
        """
        at = _latest(fleet) if now is None else epoch_seconds(now)
        setup = SimulationSetup(
            now=instant(at),
            seed=parse_seed(seed),
            tick=_seconds(tick, "tick", 1),
            horizon=_seconds(horizon, "horizon", whole_seconds(tick, "tick")),
            approve_after=_seconds(approve_after, "approve_after", 0),
            gone_after=_seconds(gone_after, "gone_after", 120),
            tag=tag,
            target_version=checked_target_version(target_version),
        )
        if setup.horizon // setup.tick > _MAX_TICKS:
            raise InputError(
                "bad-duration",
                f"`horizon` is `{horizon}`, which is more than {_MAX_TICKS} ticks of `{tick}`",
                hint="give a longer tick or a shorter horizon",
                fields={"name": "horizon", "value": str(horizon)},
            )
        core = _core.Simulation.of(
            fleet.core,
            tag=tag,
            target_version=setup.target_version,
            now=at,
            tick=setup.tick,
            horizon=setup.horizon,
            approve_after=setup.approve_after,
            online_threshold=whole_seconds(online_threshold, "online_threshold"),
            half_life=whole_seconds(half_life, "half_life"),
            gone_after=setup.gone_after,
            seed=setup.seed,
        )
        if core is None:
            raise InputError(
                "no-habits",
                f"no matching device was seen within `{setup.gone_after // 86400} d` before `{setup.now.isoformat()}`, "
                "so there are no check-in habits to simulate",
                hint="give a fleet with `last_seen`, and the instant of its export as `now`",
                fields={"columns": sorted(fleet.columns), "now": setup.now.isoformat()},
            )
        return cls(core, setup, fleet)

    def notes(self, fresh: int) -> list[str]:
        """What the simulation leaves out on this fleet."""
        found = []
        arrivals = self.core.expected_within(fresh)
        if arrivals < _LEAST_ARRIVALS:
            found.append(
                f"about {arrivals:.1f} devices check in within `fresh` ({fresh // 60} min): a real run's time would "
                "stand still now and then; the simulation assumes that it never does"
            )
        return found

    def scenarios(
        self, scenarios: Sequence[Scenario | str] | None, limit: float
    ) -> list[tuple[Scenario, _core.SimulationScenario]]:
        """The scenarios on this fleet; the default suite if there are none.

        Raises:
            InputError: ``bad-scenario``; ``scenario-without-devices`` if no matching device can have the defect;
                ``repeated-scenario`` if two have the same name.
        """
        if scenarios is None:
            chosen = default_scenarios(self.fleet, limit, self._counts())
        else:
            chosen = [parse_scenario(one) if isinstance(one, str) else one for one in scenarios]
        if not chosen:
            raise InputError("empty-list", "the list of scenarios is empty", hint="give one, or leave the argument out")
        names = [scenario.name for scenario in chosen]
        for name in names:
            if names.count(name) > 1:
                raise InputError(
                    "repeated-scenario",
                    f"two scenarios are named `{printable(name)}`",
                    hint="give each scenario a name of its own",
                    fields={"name": name},
                )
        return [(scenario, self._on_fleet(scenario)) for scenario in chosen]

    def _on_fleet(self, scenario: Scenario) -> _core.SimulationScenario:
        made = self.core.scenario(
            defect=scenario.defect,
            base=scenario.base,
            hardware=scenario.hardware_id,
            group=scenario.group,
            below=scenario.below,
            away=scenario.away,
            after=scenario.after,
            brick=scenario.brick,
            install=scenario.install,
        )
        if made.devices == 0:
            raise InputError(
                "scenario-without-devices",
                f"no matching device meets the conditions of the scenario `{printable(scenario.name)}`",
                hint="the summary of the fleet lists its groups; check the spelling of names",
                fields={"scenario": scenario.name, "hardware_id": scenario.hardware_id, "group": scenario.group},
            )
        return made

    def _counts(self) -> dict[str, int]:
        import numpy as np

        production = np.asarray(self.fleet.core.columns()["production"]).nonzero()[0].astype(np.uint32)
        return self.fleet.hardware_counts(production)

    def run(
        self,
        strategies: Sequence[ResolvedStrategy],
        scenarios: Sequence[tuple[Scenario, _core.SimulationScenario]],
        *,
        runs: SupportsIndex,
        threads: int | None = None,
        fresh: int = 3600,
        progress: Callable[[float], None] = lambda _: None,
    ) -> SimulationResults:
        """Simulate every strategy in every scenario.

        Ctrl-C keeps the runs that all combinations have finished.

        Raises:
            InputError: ``bad-runs``; those of selections.
            KeyboardInterrupt: if nothing was finished.
        """
        number = as_integer(runs)
        if number is None or not 1 <= number <= _MAX_RUNS:
            raise InputError(
                "bad-runs",
                f"the number of runs `{runs}` is not an integer between 1 and {_MAX_RUNS}",
                hint="1000 runs give shares to about ±3 points",
                fields={"runs": str(runs)},
            )
        plans = [self.core.prepare(strategy) for strategy in strategies]
        cells = [
            CellRuns(strategy.name, scenario, strategy.failure, plan.values)
            for strategy, plan in zip(strategies, plans, strict=True)
            for scenario, _ in scenarios
        ]
        pairs = [(plan, scenario) for plan in plans for _, scenario in scenarios]
        size = max(1, min(_MAX_RUNS_PER_CALL, _DEVICES_PER_CALL // max(self.core.matching, 1)))
        done = 0
        try:
            for first in range(0, number, size):
                count = min(size, number - first)
                for at, (cell, (plan, scenario)) in enumerate(zip(cells, pairs, strict=True)):
                    cell.add(self.core.run(plan, scenario, first=first, count=count, threads=threads))
                    progress((first + count * (at + 1) / len(cells)) / number)
                done = first + count
        except KeyboardInterrupt:
            if done == 0:
                raise
        return SimulationResults(self.setup, self.core, cells, runs=done, wanted=number, notes=self.notes(fresh))


def _latest(fleet: Fleet) -> int:
    """The greatest `last_seen`: the instant of the snapshot. 0 if no device was ever seen."""
    seen: Any = fleet.core.columns()["last_seen"]
    return int(seen.max()) if len(seen) else 0


def _seconds(duration: timedelta, name: str, least: int) -> int:
    seconds = whole_seconds(duration, name)
    if not least <= seconds < 2**31:
        raise InputError(
            "bad-duration",
            f"`{name}` is `{duration}`, which is not between {least} s and 68 years",
            hint="give a duration of whole seconds",
            fields={"name": name, "value": str(duration)},
        )
    return seconds
