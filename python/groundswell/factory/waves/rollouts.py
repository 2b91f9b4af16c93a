"""Rollouts: worked out in the core, applied as one row of history and one bitmap."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.factory.devices.groups import find_group
from groundswell.factory.settings import check_whole_group
from groundswell.factory.waves.check_plan import devices_of_plan
from groundswell.factory.waves.repository import changed_cells, nobody
from groundswell.factory.waves.requests import Key, RequestBook, checked_request_id
from groundswell.fleet.breakdown import Breakdown
from groundswell.fleet.uuid_list import UuidList
from groundswell.store import put
from groundswell.text import count
from groundswell.waves.plan import Plan
from groundswell.waves.records import COLUMNS_OF_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from groundswell.factory.context import Context
    from groundswell.factory.devices.devices import Devices
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.requests import Answer
    from groundswell.fleet import Fleet
    from groundswell.store import Change
    from groundswell.waves.records import RolloutKind, Wave
    from groundswell.waves.request import RolloutRequest

    Publish = Callable[[Sequence[Wave], int], list[Change]]
    Require = Callable[[Wave, int | None], None]

__all__ = ["RolloutPlanner", "RolloutResult"]

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


class RolloutPlanner:
    """Works rollouts out and applies them; the caller is in `reading` or `changing`."""

    def __init__(
        self, context: Context, book: WaveRepository, devices: Devices, publish: Publish, require: Require
    ) -> None:
        self._context: Final = context
        self._book: Final = book
        self._devices: Final = devices
        self._publish: Final = publish
        self._require: Final = require
        self._requests: Final = RequestBook(context)

    def request_known(self, request_id: str) -> bool:
        """Whether a call with this request id was answered."""
        return self._requests.known(checked_request_id(request_id))

    def rollout(
        self,
        wave: Wave,
        request: RolloutRequest,
        *,
        at: int,
        dry_run: bool,
        request_id: str | None,
        if_revision: int | None,
    ) -> RolloutResult:
        """See `groundswell.factory.waves.waves.Waves.rollout`."""
        keys = [] if request_id is None else [Key.of_rollout(request_id, wave.name, request)]
        fleet = self._devices.fleet(now=request.recency.now)
        if keys and not dry_run:
            answer = self._requests.find(keys[0])
            if answer is not None:
                return self._again(answer, answer.plan(fleet), fleet, request_id)
        self._require(wave, if_revision)
        request, core = request.with_seed(), self._book.core(wave)
        staging = core.stage(fleet.core, request.core())
        selector = request.selector
        if staging.kind == "whole-group" and not staging.repeated:
            check_whole_group(self._context, selector.group, len(staging))
        devices = staging.devices()
        plan = Plan(
            factory=self._context.factory,
            factory_revision=self._context.store.revision,
            wave=wave.name,
            wave_revision=wave.revision,
            target_version=wave.target_version,
            tag=wave.tag,
            kind=staging.kind,
            request=request if selector.uuids is None else request.selecting(uuids=_known(selector.uuids, fleet)),
            group_id=None if selector.group is None else find_group(self._context, selector.group),
            whole_groups=tuple(core.whole_groups),
            algorithm=_core.ALGORITHM,
            candidates_rule=_core.CANDIDATES_RULE,
            matching=staging.matching,
            candidates=staging.candidates,
            wanted=staging.wanted,
            devices=UuidList(staging.uuids()),
            digest=staging.digest().hex(),
        )
        result = RolloutResult(
            wave=wave,
            number=None,
            dry_run=dry_run,
            plan=plan,
            without_target=dict(core.hardware_without_target(fleet.core, devices)),
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
            request_id=request_id,
            parts=partial(_breakdown, core, fleet, staging.ordinals(), plan, plan.group),
            fleet=fleet,
        )
        return result if dry_run else self._applied(result, devices, keys, at)

    def apply(
        self, wave: Wave, plan: Plan, *, at: int, request_id: str | None, if_revision: int | None
    ) -> RolloutResult:
        """See `groundswell.factory.waves.waves.Waves.apply`."""
        fleet, by_plan = self._devices.fleet(), Key.of_plan(plan)
        keys = [by_plan]
        if request_id is not None:
            keys.append(Key.of_application(request_id, by_plan))
            answer = self._requests.find(keys[1])
            if answer is not None:
                return self._again(answer, plan, fleet, request_id)
        answer = self._requests.find(by_plan)
        if answer is not None:
            result = self._again(answer, plan, fleet, request_id)
            if request_id is not None:
                self._keep(result, keys[1:], at)
            return result
        self._require(wave, if_revision)
        devices = devices_of_plan(plan, wave, self._book, fleet, self._context, at=at)
        core = self._book.core(wave)
        whole = {one.group_id for one in self._book.rollouts(wave) if one.whole}
        repeated = plan.kind == "whole-group" and plan.group_id in whole
        if plan.kind == "whole-group" and not repeated:
            check_whole_group(self._context, plan.group, len(devices))
        result = RolloutResult(
            wave=wave,
            number=None,
            dry_run=False,
            plan=plan,
            without_target=dict(core.hardware_without_target(fleet.core, devices)),
            parts=partial(_breakdown, core, fleet, devices.to_ordinals(), plan, self._book.name(plan.group_id)),
            repeated=repeated,
            why_short=_REPEATED.format(plan.group) if repeated else None,
            request_id=request_id,
            fleet=fleet,
        )
        return self._applied(result, devices, keys, at)

    def _again(self, answer: Answer, plan: Plan, fleet: Fleet, request_id: str | None) -> RolloutResult:
        """The result that the first call returned."""
        said = {
            name: value for name, value in answer.result.items() if name not in {"plan", "wave_revision", "breakdown"}
        }
        wave = next(one for one in self._book.all() if one.wave_id == answer.wave_id)
        then = replace(
            wave, revision=answer.result["wave_revision"], state="active", finished_at=None, finished_by=None
        )
        return RolloutResult(
            wave=then,
            number=answer.number,
            dry_run=False,
            plan=plan,
            fleet=fleet,
            request_id=request_id,
            replayed=True,
            parts=partial(Breakdown.from_jsonable, answer.result["breakdown"]),
            **{**said, "skipped": tuple(said["skipped"])},
        )

    def _applied(self, result: RolloutResult, devices: _core.DeviceSet, keys: Sequence[Key], at: int) -> RolloutResult:
        """Commit what a rollout came to, with the rows of its keys; the result with its number."""
        if len(devices) or (result.kind == "whole-group" and not result.repeated):
            return self._store(result, devices, keys, at)
        # A plan of no device leaves nothing behind, so applying it again comes to the same.
        self._keep(result, [key for key in keys if key.kind == "request"], at)
        return result

    def _keep(self, result: RolloutResult, keys: Sequence[Key], at: int) -> None:
        """Commit the rows of calls that leave no history."""
        if keys:
            wave = result.wave.name
            self._context.commit(
                "waves rollout",
                f"kept the answer to a request that changed nothing in the wave {wave}",
                [self._requests.row(key, result, at) for key in keys],
                at=at,
                details={"wave": wave, "rollout": result.number, "request_id": keys[0].key},
            )

    def _store(self, result: RolloutResult, devices: _core.DeviceSet, keys: Sequence[Key], at: int) -> RolloutResult:
        wave, plan, fleet = result.wave, result.plan, result.fleet
        number = len(self._book.rollouts(wave)) + 1
        after = replace(wave, revision=wave.revision + 1)
        selector = {name: value for name, value in plan.request.to_json().items() if name not in COLUMNS_OF_REQUEST}
        row = {
            "wave_id": wave.wave_id,
            "number": number,
            "kind": plan.kind,
            "applied_at": at,
            "applied_by": self._context.user,
            "group_id": plan.group_id,
            "selector": json.dumps(selector),
            "listed": None if plan.listed is None else _as_set(plan.listed, fleet).to_portable(),
            "whole_groups": json.dumps(plan.whole_groups),
            "seed": str(plan.seed),
            "selected_at": plan.now,
            "online_threshold": plan.online_threshold,
            "half_life": plan.half_life,
            "algorithm": plan.algorithm,
            "candidates_rule": plan.candidates_rule,
            "matching": plan.matching,
            "candidates": plan.candidates,
            "wanted": plan.wanted,
            "device_count": len(devices),
            "devices": devices.to_portable(),
            "digest": plan.digest,
        }
        waves = [after if one.wave_id == wave.wave_id else one for one in self._book.all()]
        done = replace(result, wave=after, number=number)
        details = {"wave": wave.name, "rollout": number, "devices": len(devices), "digest": plan.digest, **selector}
        details |= {"request_id" if key.kind == "request" else "plan": key.key for key in keys}
        changes = [put("rollouts", [row], new=True), changed_cells(wave, after)]
        changes += [self._requests.row(key, done, at) for key in keys]
        self._context.commit(
            "waves rollout",
            f"rolled the wave {wave.name} out to {len(devices)} more devices",
            [*changes, *self._publish(waves, at)],
            at=at,
            details=details,
        )
        return done


_REPEATED: Final = "the group {} was rolled out whole before"


def _known(listed: UuidList, fleet: Fleet) -> UuidList:
    return UuidList(listed.array[fleet.ordinals(listed) != _core.NO_ORDINAL])


def _as_set(listed: UuidList, fleet: Fleet) -> _core.DeviceSet:
    if not len(listed):
        return nobody()
    ordinals = fleet.ordinals(listed)
    return _core.DeviceSet.from_ordinals(ordinals[ordinals != _core.NO_ORDINAL])


def _breakdown(
    core: _core.Wave, fleet: Fleet, ordinals: npt.NDArray[np.uint32], plan: Plan, group: str | None
) -> Breakdown:
    """What a plan's devices consist of, next to the candidates of its wave."""
    listed = plan.listed
    if listed is not None and not len(listed):
        # A list of which the factory knows no device has neither picks nor candidates.
        return Breakdown.empty()
    return Breakdown.of(core.breakdown(fleet.core, ordinals, plan.request.selecting(group=group).core()))


def _why_short(staging: _core.Staging) -> str | None:
    if staging.repeated:
        return _REPEATED.format(staging.group)
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
