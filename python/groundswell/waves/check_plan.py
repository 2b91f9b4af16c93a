"""`check_plan`: whether a plan still binds. Refused if anything that it rests on has changed, check-ins apart.

- the factory and the wave are those of the plan, and the wave's revision has not moved
- its `now` is not later than the instant of applying
- its parts can be true together, and are true of the factory: names go with their groups, listed devices are known
- its group, if it names one, is still there, whatever its name now
- each of its devices is known, a production device, on the tag, in the group; and none is in the wave
- a whole group, a list: it leaves out nobody who would be taken in now
- its request comes to its counts and devices again, as far as devices have not changed since

Source: domain.md, "Plans".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.errors import InputError, StateError
from groundswell.fleet.uuid_list import UuidList
from groundswell.text import named
from groundswell.tuf.documents import format_instant
from groundswell.values import epoch_seconds
from groundswell.waves.consistency import check_consistent, contradictory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from groundswell.fleet import Fleet
    from groundswell.waves.history import WaveHistory
    from groundswell.waves.plan_facts import PlanFacts

__all__ = ["Since", "check_plan"]

_AGAIN: Final = "nothing was staged; make the plan again and look at it"


def _no_name(_: int) -> set[str]:
    return set()


def _none_deleted(_: UuidList) -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What has happened in a factory since a plan was made. A caller without a factory needs none of it.

    Args:
        devices_changed: how many devices were added, changed or deleted since, at most; None if nobody knows.
        names_of: the names that a group has had, by its number; called only if names differ from those of the plan.
        known_among: how many of these devices the factory has had.
    """

    devices_changed: int | None = 0
    names_of: Callable[[int], set[str]] = _no_name
    known_among: Callable[[UuidList], int] = _none_deleted


def check_plan(
    wave: WaveHistory, fleet: Fleet, plan: PlanFacts, *, at: datetime, since: Since | None = None
) -> _core.DeviceSet:
    """Check that a plan can be applied as it is.

    Args:
        wave: the wave with its rollouts.
        fleet: the devices, as they are now.
        plan: the plan.
        at: the instant of applying it.
        since: what has happened since the plan was made (default: nothing).

    Returns:
        The devices of the plan, in ordinals.

    Raises:
        InputError: ``other-factory``, ``contradictory-plan``.
        StateError: ``stale-plan``; ``plan-mismatch``, with the devices in its fields.

    Cost: that of the rollout, and a look-up of each device.

    >>> import pyarrow as pa
    >>> from dataclasses import replace
    >>> from datetime import UTC, datetime
    >>> from groundswell import Fleet
    >>> from groundswell.waves import RolloutRequest, Wave, WaveHistory, plan_rollout
    >>> at = datetime(2026, 11, 24, tzinfo=UTC)
    >>> table = {"uuid": [f"{i:032x}" for i in range(9)], "production": [True] * 9, "tag": ["main"] * 9}
    >>> fleet = Fleet.read(pa.table(table), now=at)
    >>> wave = WaveHistory.of(Wave.begin("v42", 42, "main", at=at, by="alice"))
    >>> plan = plan_rollout(wave, fleet, RolloutRequest.of(3, now=at)).plan
    >>> len(check_plan(wave, fleet, plan, at=at))
    3
    >>> check_plan(wave, fleet, replace(plan, candidates=8), at=at)
    Traceback (most recent call last):
    groundswell.errors.InputError: `the plan` contradicts itself: its request comes to 9 candidates, and it counts 8
    """
    since = Since() if since is None else since
    check_consistent(plan)
    if plan.now > epoch_seconds(at):
        now = format_instant(plan.request.recency.now)
        raise contradictory("the plan", f"its `now` is {now}, and it is applied at {format_instant(at)}")
    _check_same(wave, plan)
    group = None
    if plan.group_id is not None:
        group = wave.group_name(plan.group_id)
        if group is None:
            raise _stale(plan, f"the group `{plan.group}` that the plan was made for is gone", group=plan.group)
    _check_names(wave, plan, since)
    _check_known(plan, fleet, since)
    found = wave.core.check_plan(fleet.core, plan.devices.array, group=group)
    if found.offenders:
        raise _mismatch(plan, found.offenders)
    if found.covered:
        inside = wave.core.covered(fleet.core) & found.devices()
        raise _covered(plan, fleet, inside)
    again = _staged_again(wave, fleet, plan, group)
    if again is not None and plan.kind in {"whole-group", "listed"}:
        _check_all_taken(plan, wave, again, fleet, group)
    _check_recomputed(plan, again, since)
    return found.devices()


def _staged_again(wave: WaveHistory, fleet: Fleet, plan: PlanFacts, group: str | None) -> _core.Staging | None:
    """What the plan's request comes to now; None for a list of which the factory knew no device."""
    if plan.listed is not None and not len(plan.listed):
        return None
    core = wave.core
    if plan.candidates_rule == 1:
        # Rule 1 did not know unsupported devices.
        core = _core.Wave(
            target_version=core.target_version, tag=core.tag, staged=core.staged(), whole_groups=core.whole_groups
        )
    return core.stage(fleet.core, replace(plan.request.selecting(group=group), on_mismatch="skip").core())


def _check_recomputed(plan: PlanFacts, again: _core.Staging | None, since: Since) -> None:
    """Compare a plan with what its request comes to now.

    Each device that has changed since changes a count by one at most, and exchanges one device of a sample at most.
    """
    changed = since.devices_changed
    if changed is None:
        return
    matching, candidates, wanted = (0, 0, 0) if again is None else (again.matching, again.candidates, again.wanted)
    for what, now, then in (("matching devices", matching, plan.matching), ("candidates", candidates, plan.candidates)):
        if abs(now - then) > changed:
            raise contradictory("the plan", f"its request comes to {now} {what}, and it counts {then}")
    if changed == 0 and plan.wanted != wanted:
        raise contradictory("the plan", f"its request asks for {wanted} devices, and it counts {plan.wanted}")
    devices = UuidList.of([]) if again is None else UuidList(again.uuids())
    others = len(plan.devices - devices)
    if others > changed + abs(plan.wanted - wanted) or (changed == 0 and plan.devices != devices):
        raise contradictory("the plan", f"its request does not come to its devices: {others} of them are other ones")


def _check_names(wave: WaveHistory, plan: PlanFacts, since: Since) -> None:
    """A plan names groups as they were named when it was made: by their name now, or by one that they had."""

    def names_of(group_id: int) -> set[str]:
        now = wave.group_name(group_id)
        return since.names_of(group_id) | (set() if now is None else {now})

    known = plan.group_id is None or plan.group == wave.group_name(plan.group_id)
    if not known and plan.group not in names_of(plan.group_id or 0):
        raise contradictory("the plan", f"the group with the number {plan.group_id} was never named `{plan.group}`")
    there = {number: wave.groups[number] for number in wave.whole_group_ids if number in wave.groups}
    if set(plan.whole_groups) == set(there.values()):
        return
    # Names have changed since, groups are gone, or the plan is not true.
    names = {number: names_of(number) for number in wave.whole_group_ids}
    strange = [name for name in plan.whole_groups if not any(name in known for known in names.values())]
    if strange:
        raise contradictory("the plan", f"the group `{strange[0]}` was not rolled out whole in wave `{plan.wave}`")
    missing = [name for number, name in there.items() if not names[number] & set(plan.whole_groups)]
    if missing:
        raise contradictory("the plan", f"the group `{missing[0]}` was rolled out whole, and the plan does not say so")


def _check_known(plan: PlanFacts, fleet: Fleet, since: Since) -> None:
    """The listed devices are those that the factory knew, so it still has heard of them."""
    if plan.matching > fleet.core.rows:
        raise contradictory("the plan", f"{plan.matching} devices match, and the factory has {fleet.core.rows}")
    if plan.listed is None or not len(plan.listed):
        return
    absent = UuidList(plan.listed.array[fleet.ordinals(plan.listed) == _core.NO_ORDINAL])
    unknown = len(absent) - since.known_among(absent) if len(absent) else 0
    if unknown:
        raise contradictory("the plan", f"the factory never had {unknown} of its listed devices")


def _check_same(wave: WaveHistory, plan: PlanFacts) -> None:
    if plan.factory != wave.factory:
        raise InputError(
            "other-factory",
            f"the plan was made for the factory `{plan.factory}`, and this is {wave.factory}",
            hint="apply it in the factory that it was made in",
            fields={"plan": plan.factory, "factory": wave.factory},
        )
    name, revision = wave.wave.name, wave.wave.revision
    if (plan.wave, plan.tag, plan.target_version) != (name, wave.wave.tag, wave.wave.target_version):
        raise _stale(plan, f"the plan was made for another wave named `{name}`")
    if plan.wave_revision != revision:
        # An active wave has the revision 1, and one more for each rollout.
        rollouts = wave.rollouts[max(0, plan.wave_revision - 1) :]
        last = ", ".join(f"rollout {one.number} by {one.applied_by}" for one in rollouts[-3:])
        then = f"; since then {'… ' if len(rollouts) > 3 else ''}{last}" if rollouts else ""  # noqa: PLR2004 - as many are named
        raise _stale(
            plan,
            f"the plan was made for revision {plan.wave_revision} of wave `{name}`, which is at {revision} now{then}",
            plan_revision=plan.wave_revision,
            wave_revision=revision,
            rollouts_since=[one.number for one in rollouts],
        )
    if plan.factory_revision is not None and plan.factory_revision > wave.factory_revision:
        later = f"revision {plan.factory_revision} of the factory, which is at {wave.factory_revision}"
        raise contradictory("the plan", f"it was made at {later}")


def _check_all_taken(plan: PlanFacts, wave: WaveHistory, again: _core.Staging, fleet: Fleet, group: str | None) -> None:
    joined = UuidList(again.uuids()) - plan.devices
    if not len(joined):
        return
    if plan.kind == "listed":
        # A version that was reported since can make a listed device fit, and never makes a plan stale.
        ordinals, updated = fleet.ordinals(joined).tolist(), wave.core.updated(fleet.core)
        uuids = [uuid for uuid, ordinal in zip(joined.uuids, ordinals, strict=True) if ordinal not in updated]
        if not uuids:
            return
        what = f"{len(uuids)} of the plan's listed devices match now and are not among its devices: {named(uuids)}"
        raise StateError("plan-mismatch", what, hint=_AGAIN, fields={"wave": plan.wave, "left_out": uuids})
    raise StateError(
        "plan-mismatch",
        f"{len(joined)} devices have joined the group `{group}` since the plan was made: {named(joined.uuids)}",
        hint=_AGAIN,
        fields={"wave": plan.wave, "group": group, "joined": joined.uuids},
    )


def _mismatch(plan: PlanFacts, offenders: Sequence[tuple[str, str]]) -> StateError:
    by_reason: dict[str, list[str]] = {}
    for uuid, reason in offenders:
        by_reason.setdefault(reason, []).append(uuid)
    parts = "; ".join(f"{len(uuids)} {reason} ({named(uuids)})" for reason, uuids in by_reason.items())
    return StateError(
        "plan-mismatch",
        f"{len(offenders)} of the plan's {len(plan)} devices no longer match: {parts}",
        hint=_AGAIN,
        fields={
            "wave": plan.wave,
            "offenders": [{"uuid": uuid, "reason": reason} for uuid, reason in offenders],
            "reasons": {reason: len(uuids) for reason, uuids in by_reason.items()},
        },
    )


def _covered(plan: PlanFacts, fleet: Fleet, inside: _core.DeviceSet) -> StateError:
    ordinals = fleet.ordinals(plan.devices)
    uuids = [uuid for uuid, ordinal in zip(plan.uuids, ordinals.tolist(), strict=True) if ordinal in inside]
    return StateError(
        "plan-mismatch",
        f"{len(uuids)} of the plan's {len(plan)} devices have come into the wave by their group since the plan was"
        f" made: {named(uuids)}",
        hint=_AGAIN,
        fields={"wave": plan.wave, "covered": uuids},
    )


def _stale(plan: PlanFacts, message: str, **fields: object) -> StateError:
    return StateError("stale-plan", message, hint=_AGAIN, fields={"wave": plan.wave, **fields})
