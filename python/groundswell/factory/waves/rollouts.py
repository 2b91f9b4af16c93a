"""Rollouts: planned by `groundswell.waves`, applied as one row of history and one bitmap."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from groundswell.factory.settings import check_whole_group
from groundswell.factory.waves.plan_age import since_plan
from groundswell.factory.waves.repository import changed_cells
from groundswell.factory.waves.requests import Key, RequestBook, checked_request_id
from groundswell.fleet.breakdown import Breakdown
from groundswell.store import put
from groundswell.values import instant
from groundswell.waves import RolloutResult, check_plan, plan_rollout
from groundswell.waves.plan_rollout import planned_result
from groundswell.waves.records import rollout_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from groundswell.factory.context import Context
    from groundswell.factory.devices.devices import Devices
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.requests import Answer
    from groundswell.fleet import Fleet
    from groundswell.store import Change
    from groundswell.waves import Plan, RolloutRequest, Wave

    Publish = Callable[[Sequence[Wave], int], list[Change]]
    Require = Callable[[Wave, int | None], None]

__all__ = ["RolloutPlanner"]


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
        result = plan_rollout(self._book.history(wave), fleet, request)
        self._check_size(result)
        result = replace(result, dry_run=dry_run, request_id=request_id)
        return result if dry_run else self._applied(result, keys, at)

    def _check_size(self, result: RolloutResult) -> None:
        if result.kind == "whole-group" and not result.repeated:
            check_whole_group(self._context, result.plan.group, len(result))

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
        history = self._book.history(wave)
        devices = check_plan(history, fleet, plan, at=instant(at), since=since_plan(self._context, plan))
        result = replace(planned_result(history, fleet, plan, devices), request_id=request_id)
        self._check_size(result)
        return self._applied(result, keys, at)

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

    def _applied(self, result: RolloutResult, keys: Sequence[Key], at: int) -> RolloutResult:
        """Commit a rollout, with the rows of its keys; the result with its number."""
        if len(result) or (result.kind == "whole-group" and not result.repeated):
            return self._store(result, keys, at)
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

    def _store(self, result: RolloutResult, keys: Sequence[Key], at: int) -> RolloutResult:
        before, plan = self._book.history(result.wave), result.plan
        after = before.after(plan, result.fleet, at=instant(at), by=self._context.user)
        wave, rollout = after.wave, after.rollouts[-1]
        waves = [wave if one.wave_id == wave.wave_id else one for one in self._book.all()]
        done = replace(result, wave=wave, number=rollout.number)
        details = {"wave": wave.name, "rollout": rollout.number, "devices": len(plan), "digest": plan.digest}
        details |= {**rollout.selector}
        details |= {"request_id" if key.kind == "request" else "plan": key.key for key in keys}
        changes = [put("rollouts", [rollout_row(rollout, wave.wave_id)], new=True), changed_cells(result.wave, wave)]
        changes += [self._requests.row(key, done, at) for key in keys]
        self._context.commit(
            "waves rollout",
            f"rolled the wave {wave.name} out to {len(plan)} more devices",
            [*changes, *self._publish(waves, at)],
            at=at,
            details=details,
        )
        return done
