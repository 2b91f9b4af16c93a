"""Checks a strategy on a fleet: what can never be met, and what each step could notice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from groundswell.decide import gate
from groundswell.decide.resolve import resolve
from groundswell.decide.rules import alpha_of_rules, test_over_all
from groundswell.text import count
from groundswell.values import epoch_seconds, instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy as np
    import numpy.typing as npt

    from groundswell import _core
    from groundswell.decide.resolved import ResolvedStep, ResolvedStrategy
    from groundswell.decide.strategy import Strategy
    from groundswell.fleet import Fleet

__all__ = ["StepCheck", "StrategyCheck", "check_strategy"]

_YEAR: Final = timedelta(days=366)
_AWAY: Final = 90 * 86400
"""Seconds: a device that was not seen for longer is not expected to report."""
_POWER: Final = 0.9
_MAX_WALK: Final = 10_000
"""Served devices that the walk goes through; more of them notice little more."""
_COMMON: Final = 100
"""A value counts as common if it has at least one of so many devices of the fleet."""
_TESTED: Final = 5
_MAX_NAMED: Final = 5
_CONTROLS: Final = 50
"""Silence is compared with at least so many devices that were not picked."""
_BANDS: Final = ("up to 4 h", "up to 1 d", "up to 7 d", "up to 30 d", "more than 30 d")
_BAND_ENDS: Final = (4 * 3600 + 1, 86_400, 7 * 86_400, 30 * 86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCheck:
    """A step on a fleet.

    Args:
        number: from 1.
        devices: how many devices it takes in.
        covered: how many are in the wave or updated after it.
        expected: how many of the step's devices were seen in the last 90 days.
        noticed: the failure rate that the stop rule notices with 90% once the covered devices were served, or 10 000
            of them; None without the rule, or if it notices none.
        disproved: the rate that is proven if none of the covered devices fails.
    """

    number: int
    devices: int
    covered: int
    expected: int
    noticed: float | None
    disproved: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyCheck:
    """What a strategy comes to on a fleet.

    Args:
        strategy: its name.
        matching: how many devices match the wave.
        steps: its steps; empty without a fleet.
        problems: what can never be met; the strategy should not run.
        warnings: what a person should know before it runs.
    """

    strategy: str
    matching: int | None
    steps: tuple[StepCheck, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """JSON data with the same names."""
        return asdict(self) | {"problems": list(self.problems), "warnings": list(self.warnings)}


def check_strategy(
    strategy: Strategy,
    fleet: Fleet | None = None,
    *,
    tag: str | None = None,
    target_version: int | None = None,
    covered: _core.DeviceSet | None = None,
    now: datetime | None = None,
) -> StrategyCheck:
    """Say what of a strategy can never be met on a fleet, and which failure rate each step could notice.

    The numbers of devices are those of a run in which every device stays where it is. Which devices a sample takes in
    matters where steps of groups overlap with steps of the whole fleet, and for what the first step does not test:
    samples are drawn as by the run, with other seeds.

    Args:
        strategy: the strategy.
        fleet: the devices; None checks windows and dates only.
        tag: only devices of this tag match; None for all production devices.
        target_version: devices that report it, or a later one, are updated; None for none.
        covered: devices that are in the wave already.
        now: the start of the run (default: the latest `last_seen` of the fleet).

    Raises:
        NotFoundError: ``unknown-tag``.

    Cost: a few passes over the columns, and an exact walk for each step.
    """
    from datetime import UTC, datetime

    at = now
    if at is None:
        latest = 0 if fleet is None else _latest(fleet)
        at = instant(latest) if latest else datetime.now(UTC)
    plan = resolve(strategy, at, at + _YEAR)
    problems: list[str] = []
    warnings: list[str] = []
    if plan.windows is not None and not plan.windows:
        problems.append("no step can start within a year: the windows are closed by the holidays")
    if fleet is None:
        return StrategyCheck(
            strategy=plan.name, matching=None, steps=(), problems=tuple(problems), warnings=tuple(warnings)
        )
    walk = _Walk(fleet, plan, tag=tag, target_version=target_version, covered=covered, now=int(at.timestamp()))
    steps = tuple(walk.take(step, number) for number, step in enumerate(plan.steps, start=1))
    return StrategyCheck(
        strategy=plan.name,
        matching=int(walk.matching.sum()),
        steps=steps,
        problems=(*problems, *walk.problems),
        warnings=(*warnings, *walk.warnings, *walk.untested()),
    )


class _Walk:
    """Takes one step after the other on the columns of a fleet."""

    def __init__(
        self,
        fleet: Fleet,
        plan: ResolvedStrategy,
        *,
        tag: str | None,
        target_version: int | None,
        covered: _core.DeviceSet | None,
        now: int,
    ) -> None:
        import numpy as np

        columns: dict[str, Any] = fleet.core.columns()
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._fleet, self._plan, self._now = fleet, plan, instant(now)
        self._groups, self._group_names = np.asarray(columns["groups"]), list(columns["group_names"])
        self._seen = np.asarray(columns["last_seen"]).astype(np.int64)
        self.matching: npt.NDArray[np.bool_] = np.asarray(columns["production"]).copy()
        if columns["present"] is not None:
            self.matching &= columns["present"]
        if tag is not None:
            self.matching &= _in(fleet.core.tag(tag), len(self.matching))
        self._updated = np.zeros(len(self.matching), np.bool_)
        if target_version is not None:
            self._updated = self.matching & (np.asarray(columns["target_versions"]) >= target_version)
        self._covered = self.matching & _in(covered, len(self.matching))
        self._awake = self._seen >= max(now - _AWAY, 1)
        self._controls = 0
        self._first: npt.NDArray[np.bool_] | None = None
        if not self.matching.any():
            self.problems.append(
                "no production device matches" if tag is None else f"no production device listens to tag {tag}"
            )
        self._ever_seen = bool((self._seen[self.matching] > 0).any())
        if self.matching.any() and not self._ever_seen:
            self.warnings.append("no device was ever seen: samples are random, and nothing is known of habits")

    def take(self, step: ResolvedStep, number: int) -> StepCheck:
        """Let a step take its devices in."""
        chosen = self._chosen(step, number)
        self._controls = int((self.matching & ~self._covered & ~self._updated & ~chosen).sum())
        self._covered |= chosen
        devices, after = int(chosen.sum()), int((self._covered | self._updated).sum())
        served, expected = int((self._covered & ~self._updated).sum()), int((chosen & self._awake).sum())
        self._first = chosen if self._first is None else self._first
        check = StepCheck(
            number=number,
            devices=devices,
            covered=after,
            expected=expected,
            noticed=self._noticed(served),
            disproved=gate.bounds(served, 0)[1] if served else None,
        )
        self._judge(step, check, served)
        return check

    def _chosen(self, step: ResolvedStep, number: int) -> npt.NDArray[np.bool_]:
        import numpy as np

        within = self.matching.copy()
        if step.group is not None:
            if step.group not in self._group_names:
                self.problems.append(f"step {number}: no group is named `{step.group}`")
            within &= self._in_group(step.group)
            if not within.any() and step.group in self._group_names:
                self.problems.append(f"step {number}: the group `{step.group}` has no device that matches")
        if step.uuids is not None:
            from groundswell.fleet.uuid_list import UuidList

            ordinals = self._fleet.ordinals(UuidList(step.uuids))
            listed = np.zeros(len(within), np.bool_)
            listed[ordinals[ordinals < len(within)]] = True
            missing = len(ordinals) - int((within & listed).sum())
            if missing:
                self.problems.append(
                    f"step {number}: {count(missing, 'listed device does', 'listed devices do')} not match"
                )
            within &= listed
        candidates = within & ~self._covered & ~self._updated
        if step.limit is None:
            return candidates
        asked = step.limit.thousandths, int(within.sum())
        wanted = step.limit.count if asked[0] is None else -(-asked[0] * asked[1] // 100_000)
        if step.limit.is_goal:
            wanted = max(0, (wanted or 0) - int((within & (self._covered | self._updated)).sum()))
        return self._sample(candidates, wanted or 0, step.draw, number)

    def _sample(self, candidates: npt.NDArray[np.bool_], wanted: int, draw: str, number: int) -> npt.NDArray[np.bool_]:
        """A sample as a run would draw it, with the number of the step as its seed."""
        import numpy as np

        from groundswell.fleet.uuid_list import UuidList

        chosen = np.zeros(len(candidates), np.bool_)
        ordinals = candidates.nonzero()[0].astype(np.uint32)
        if draw == "even":
            ordinals = np.random.default_rng(number).permutation(ordinals)
        elif 0 < wanted < len(ordinals):
            listed = UuidList(self._fleet.core.uuids(ordinals))
            picked = self._fleet.select(wanted, uuids=listed, seed=number, now=self._now)
            ordinals = picked.ordinals
        chosen[ordinals[:wanted]] = True
        return chosen

    def _in_group(self, name: str) -> npt.NDArray[np.bool_]:
        number = self._group_names.index(name) if name in self._group_names else -2
        found: npt.NDArray[np.bool_] = self._groups == number
        return found

    def _noticed(self, served: int) -> float | None:
        limit = self._plan.failure
        if limit is None or not served:
            return None
        alpha = test_over_all(self._plan, alpha_of_rules(self._plan))
        return gate.noticed_rate(limit, min(served, _MAX_WALK), power=_POWER, alpha=alpha)

    def _judge(self, step: ResolvedStep, check: StepCheck, served: int) -> None:
        place = f"step {check.number}"
        devices = count(check.devices, "device")
        if check.devices == 0:
            self.warnings.append(f"{place} takes in no device, and its gate is skipped")
            if check.number == 1:
                self.problems.append(f"{place} takes in no device: the run would be held at once")
            return
        if step.prove is not None and check.disproved is not None and check.disproved > step.prove:
            self.problems.append(
                f"{place}: {count(served, 'device')} of which none fails {'proves' if served == 1 else 'prove'} a rate"
                f" below {_rounded_up(check.disproved)}%, not below {100 * step.prove:g}%"
            )
        if self._plan.concurrent is not None and check.devices > self._plan.concurrent:
            self.problems.append(f"{place} has {devices}, and `concurrent` allows {self._plan.concurrent}")
        if step.reported.count is not None and step.reported.count > check.devices:
            self.warnings.append(f"{place} has {devices}, so that `reported` requires all of them")
        needed = _least(step.reported, check.devices)
        if self._ever_seen and needed > check.expected:
            self.problems.append(
                f"{place}: `reported` requires {needed} of its {devices}, and {check.expected} were seen within 90 days"
            )
        if self._plan.silence and (step.limit is None):
            self.warnings.append(f"{place} takes in all of its devices, so silence is not tested")
        elif self._plan.silence and self._controls < _CONTROLS:
            self.warnings.append(
                f"{place} leaves {count(self._controls, 'device')} to compare with: silence is not tested"
            )
        if check.noticed is None and self._plan.failure is not None:
            self.warnings.append(f"{place} notices no failure rate: it has too few devices")

    def untested(self) -> Sequence[str]:
        """Hardware ids and groups with at least 1% of the matching devices, and fewer than 5 in the first step."""
        import numpy as np

        if self._first is None or not self._first.any():
            return ()
        found = []
        ordinals = [which.nonzero()[0].astype(np.uint32) for which in (self.matching, self._first)]
        every, taken = (dict(self._fleet.core.hardware_counts(one)) for one in ordinals)
        names = dict(enumerate(self._group_names))
        groups = [np.unique(self._groups[which], return_counts=True) for which in (self.matching, self._first)]
        in_groups, from_groups = (
            {names[number]: many for number, many in zip(*(part.tolist() for part in pair), strict=True) if number >= 0}
            for pair in groups
        )
        ages = self._by_age(self.matching), self._by_age(self._first)
        kinds = (("hardware id", every, taken), ("group", in_groups, from_groups), ("recency band", *ages))
        for kind, fleet, step in kinds:
            few = [
                name
                for name, many in sorted(fleet.items())
                if many * _COMMON >= int(self.matching.sum()) and step.get(name, 0) < min(_TESTED, many)
            ]
            if few:
                shown = ", ".join(few[:_MAX_NAMED]) + (
                    f" and {len(few) - _MAX_NAMED} more" if len(few) > _MAX_NAMED else ""
                )
                found.append(f"step 1 does not test {count(len(few), f'{kind}', f'{kind}s')}: {shown}")
        return found

    def _by_age(self, which: npt.NDArray[np.bool_]) -> dict[str, int]:
        """Devices by recency band, as `Selection.summary` has them."""
        import numpy as np

        seen = self._seen[which]
        ages = epoch_seconds(self._now) - seen[seen > 0]
        counts = np.bincount(np.searchsorted(_BAND_ENDS, ages, side="right"), minlength=len(_BANDS)).tolist()
        return dict(zip(_BANDS, counts, strict=True)) | {"never seen": int((seen == 0).sum())}


def _rounded_up(rate: float) -> str:
    """A percentage with one digit; a rate that is proven is never said to be lower than it is."""
    return f"{ceil(rate * 1000) / 10:g}"


def _least(least: Any, devices: int) -> int:
    if least.count is not None:
        return min(int(least.count), devices)
    return -(-devices * int(least.thousandths or 0) // 100_000)


def _in(devices: _core.DeviceSet | None, rows: int) -> npt.NDArray[np.bool_]:
    import numpy as np

    found = np.zeros(rows, np.bool_)
    if devices is not None:
        found[devices.to_ordinals()] = True
    return found


def _latest(fleet: Fleet) -> int:
    seen: Any = fleet.core.columns()["last_seen"]
    return int(seen.max()) if len(seen) else 0
