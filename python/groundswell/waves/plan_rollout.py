"""`plan_rollout`: which devices a rollout would stage, and why. Nothing is stored; the sets come from the core.

Source: domain.md, "Rollout: what each selector means".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.fleet.breakdown import Breakdown
from groundswell.fleet.uuid_list import UuidList
from groundswell.text import count
from groundswell.waves.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from groundswell.fleet import Fleet
    from groundswell.waves.history import WaveHistory
    from groundswell.waves.plan_facts import PlanFacts
    from groundswell.waves.records import Wave
    from groundswell.waves.request import RolloutKind, RolloutRequest

__all__ = ["RolloutResult", "plan_rollout", "planned_result"]

REPEATED: Final = "the group {} was rolled out whole before"
_SHORTAGES: Final = {
    "none-match": "no device matches",
    "all-updated": "all matching devices are updated already",
    "all-covered": "all matching devices are in the wave already",
    "all-updated-or-covered": "all matching devices are updated or in the wave already",
    "all-unsupported": "the wave has no target for the hardware of any matching device",
    "none-online": "no matching device was seen within the online threshold",
    "no-candidate-online": "no candidate was seen within the online threshold",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutResult:
    """What a rollout came to, applied or not.

    Args:
        wave: the wave, as it is after the rollout.
        number: its place in the history; None if it left none.
        dry_run: whether it was only worked out.
        plan: all that was asked for and found, and the exact set: what `Waves.apply` takes.
        updated: matching devices that reported the wave's version or a later one; None for an applied plan, of which
            these counts are no longer known, as are the next two.
        covered: those that were covered before and are not updated.
        unsupported: matching devices that are neither updated nor covered, and for whose hardware the wave has no
            target.
        goal: how many matching devices are to be covered or updated, as `to` asks; None without a goal.
        online_candidates: the candidates seen within the online threshold; None unless only those were asked for.
        newly_scheduled: how many of the devices taken in are yet to be updated.
        already: how many listed devices were in the wave or updated already.
        skipped: listed devices that were skipped, each with ``uuid`` and ``reason``.
        repeated: whether the group had been rolled out whole before, so that nothing changed.
        why_short: why it took in fewer devices than asked for, or none at all; None where neither is so.
        request_id: the idempotency key of the call; None if it has none.
        replayed: whether nothing was changed, because this request or plan was applied before, as rollout `number`.
        without_target: hardware ids for which the wave has no target, with the numbers of devices taken in.
    """

    wave: Wave
    number: int | None
    dry_run: bool
    plan: Plan
    without_target: dict[str, int]
    updated: int | None = None
    covered: int | None = None
    unsupported: int | None = None
    goal: int | None = None
    online_candidates: int | None = None
    newly_scheduled: int | None = None
    already: int = 0
    skipped: tuple[dict[str, str], ...] = ()
    repeated: bool = False
    why_short: str | None = None
    request_id: str | None = None
    replayed: bool = False
    fleet: Fleet = field(repr=False)
    parts: Callable[[], Breakdown] = field(repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.plan)

    @property
    def breakdown(self) -> Breakdown:
        """The devices taken in by recency band, group and hardware, next to the candidates.

        Cost: a pass over the candidates, each time.
        """
        return self.parts()

    @property
    def kind(self) -> RolloutKind:
        """What it was: ``whole-group``, ``sample``, ``listed`` or ``sample-within-list``."""
        return self.plan.kind

    @property
    def seed(self) -> int:
        """What decided the sample."""
        return self.plan.seed

    @property
    def digest(self) -> str:
        """SHA-256 in hex over the devices' 16-byte UUIDs in ascending order."""
        return self.plan.digest

    @property
    def matching(self) -> int:
        """The matching devices of the group and the list, participants included."""
        return self.plan.matching

    @property
    def candidates(self) -> int:
        """Those that were neither covered nor updated."""
        return self.plan.candidates

    @property
    def wanted(self) -> int:
        """What the limit came to, or how many listed devices match, or the whole group."""
        return self.plan.wanted

    @property
    def uuids(self) -> list[str]:
        """The devices: a sample in key order, a list in its own, a whole group's new devices ascending."""
        return self.plan.uuids

    @property
    def names(self) -> list[str | None]:
        """Their names, in the same order; None for a device without one."""
        if self.fleet.names is None or not len(self):
            return [None] * len(self)
        import pyarrow as pa

        ordinals = self.fleet.ordinals(self.plan.devices)
        # A repeated call may name devices that were deleted since.
        places = pa.array(ordinals, mask=ordinals == _core.NO_ORDINAL)
        names: list[str | None] = self.fleet.names.take(places).to_pylist()
        return names


def plan_rollout(wave: WaveHistory, fleet: Fleet, request: RolloutRequest) -> RolloutResult:
    """Compute which devices a rollout would stage. Nothing changes.

    - a group alone, with ``whole_group``: its matching devices − covered, and a standing rule
    - a limit: a sample of the candidates, of the group and of the list if they are given
    - a list without a limit: the listed devices − covered, each of them checked
    - a goal: a sample of as many candidates as are missing until so many of matching ∩ group? are covered or updated

    candidates = matching ∩ group? ∩ uuids? − covered − updated − unsupported

    Args:
        wave: the wave with its rollouts.
        fleet: the devices, as they are now.
        request: what the rollout asks for; without a seed, a fresh one is drawn.

    Returns:
        What it would come to. Its `plan` says all that led to the devices: `WaveHistory.after` applies it.

    Raises:
        InputError: ``nothing-asked``, ``whole-group-unsaid``, ``bad-whole-group``, ``empty-list``, ``bad-limit``,
            ``bad-goal``, ``online-only-without-sample``, ``bad-setting``; ``mismatched-devices``, with every offender
            and its reason in its fields.
        NotFoundError: ``unknown-group``.

    Cost: that of a selection, and a pass over the staged set.

    >>> import pyarrow as pa
    >>> from datetime import UTC, datetime
    >>> from groundswell import Fleet
    >>> from groundswell.waves import RolloutRequest, Wave, WaveHistory
    >>> at = datetime(2026, 11, 24, tzinfo=UTC)
    >>> count = 100
    >>> table = {"uuid": [f"{i:032x}" for i in range(count)], "production": [True] * count, "tag": ["main"] * count}
    >>> fleet = Fleet.read(pa.table(table), now=at)
    >>> wave = WaveHistory.of(Wave.begin("v42", 42, "main", at=at, by="alice"))
    >>> result = plan_rollout(wave, fleet, RolloutRequest.of("5%", seed=7, now=at))
    >>> len(result), result.candidates, result.kind, result.dry_run
    (5, 100, 'sample', True)
    >>> result.uuids == plan_rollout(wave, fleet, result.plan.request).uuids
    True
    """
    request, core, selector = request.with_seed(), wave.core, request.selector
    staging = core.stage(fleet.core, request.core())
    plan = Plan(
        factory=wave.factory,
        factory_revision=wave.factory_revision,
        wave=wave.wave.name,
        wave_revision=wave.wave.revision,
        target_version=wave.wave.target_version,
        tag=wave.wave.tag,
        kind=staging.kind,
        request=request if selector.uuids is None else request.selecting(uuids=_known(selector.uuids, fleet)),
        group_id=None if selector.group is None else wave.group_id(selector.group),
        whole_groups=tuple(core.whole_groups),
        algorithm=_core.ALGORITHM,
        candidates_rule=_core.CANDIDATES_RULE,
        matching=staging.matching,
        candidates=staging.candidates,
        wanted=staging.wanted,
        devices=UuidList(staging.uuids()),
        digest=staging.digest().hex(),
    )
    return RolloutResult(
        wave=wave.wave,
        number=None,
        dry_run=True,
        plan=plan,
        without_target=dict(core.hardware_without_target(fleet.core, staging.devices())),
        updated=staging.updated,
        covered=staging.covered,
        unsupported=staging.unsupported,
        goal=staging.goal,
        online_candidates=staging.online_candidates,
        newly_scheduled=staging.newly_scheduled,
        already=len(staging.already()),
        skipped=tuple({"uuid": uuid, "reason": reason} for uuid, reason in staging.skipped),
        repeated=staging.repeated,
        why_short=_why_short(staging),
        parts=partial(_breakdown, core, fleet, staging.ordinals(), plan, plan.group),
        fleet=fleet,
    )


def planned_result(wave: WaveHistory, fleet: Fleet, plan: Plan, devices: _core.DeviceSet) -> RolloutResult:
    """What applying a plan comes to; counts that were not kept with the plan are None.

    Args:
        wave: the wave with its rollouts.
        fleet: the devices, as they are now.
        plan: a plan that `check_plan` accepted.
        devices: its devices in ordinals.
    """
    repeated = plan.kind == "whole-group" and plan.group_id in wave.whole_group_ids
    group = wave.group_name(plan.group_id)
    return RolloutResult(
        wave=wave.wave,
        number=None,
        dry_run=False,
        plan=plan,
        without_target=dict(wave.core.hardware_without_target(fleet.core, devices)),
        parts=partial(_breakdown, wave.core, fleet, devices.to_ordinals(), plan, group),
        repeated=repeated,
        why_short=REPEATED.format(plan.group) if repeated else None,
        fleet=fleet,
    )


def _known(listed: UuidList, fleet: Fleet) -> UuidList:
    return UuidList(listed.array[fleet.ordinals(listed) != _core.NO_ORDINAL])


def _breakdown(
    core: _core.Wave, fleet: Fleet, ordinals: npt.NDArray[np.uint32], plan: PlanFacts, group: str | None
) -> Breakdown:
    """What a plan's devices consist of, next to the candidates of its wave."""
    listed = plan.listed
    if listed is not None and not len(listed):
        # A list of which the factory knows no device has neither picks nor candidates.
        return Breakdown.empty()
    return Breakdown.of(core.breakdown(fleet.core, ordinals, plan.request.selecting(group=group).core()))


def _why_short(staging: _core.Staging) -> str | None:
    if staging.repeated:
        return REPEATED.format(staging.group)
    if staging.shortage is None:
        return None
    if staging.shortage == "goal-reached":
        there = staging.updated + staging.covered
        reached = f"{there} of the {staging.matching} matching devices are covered or updated already"
        return f"{reached}; the goal is {staging.goal}"
    if staging.shortage == "none-left":
        parts = [
            f"{number} {what}"
            for number, what in (
                (staging.updated, "updated"),
                (staging.covered, "in the wave"),
                (staging.unsupported, "of hardware without a target"),
            )
            if number
        ]
        return f"no candidate is left among the {staging.matching} matching devices: {', '.join(parts)}"
    if staging.shortage == "fewer-online":
        return f"only {count(staging.online_candidates or 0, 'candidate is', 'candidates are')} online"
    return _SHORTAGES.get(staging.shortage, f"only {count(staging.candidates, 'candidate is', 'candidates are')} left")
