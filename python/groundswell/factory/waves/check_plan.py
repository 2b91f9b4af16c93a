"""Whether a plan still binds: refused where anything that it rests on has changed, check-ins apart.

- the factory and the wave are those of the plan, and the wave's revision has not moved
- its `now` is not later than the instant of applying
- its fields can be true together, and are true of the factory: names go with their groups, listed devices are known
- its group, if it names one, is still there, whatever its name now
- each of its devices is known, a production device, on the tag, in the group; and none is in the wave
- a whole group, a list: it leaves out nobody who would be taken in now

Source: domain.md, "Plans".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.errors import InputError, StateError
from groundswell.factory.devices.staging import uuid_column
from groundswell.fleet.uuid_list import UuidList
from groundswell.text import named
from groundswell.tuf.documents import format_instant
from groundswell.values import instant
from groundswell.waves.consistency import check_consistent, contradictory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.factory.context import Context
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.fleet import Fleet
    from groundswell.waves.plan import Plan
    from groundswell.waves.records import Wave

__all__ = ["devices_of_plan"]

_AGAIN: Final = "nothing was staged; make the plan again and look at it"


def devices_of_plan(
    plan: Plan, wave: Wave, book: WaveRepository, fleet: Fleet, context: Context, *, at: int
) -> _core.DeviceSet:
    """The devices of a plan that can be applied as it is, at the instant `at`.

    Raises:
        InputError: ``other-factory``, ``contradictory-plan``.
        StateError: ``stale-plan``; ``plan-mismatch``, with the devices in its fields.
    """
    check_consistent(plan)
    if plan.now > at:
        raise contradictory(
            "the plan",
            f"its `now` is {format_instant(instant(plan.now))}, and it is applied at {format_instant(instant(at))}",
        )
    _check_same(plan, wave, book, context.factory)
    group = None
    if plan.group_id is not None:
        group = book.name(plan.group_id)
        if group is None:
            raise _stale(plan, f"the group `{plan.group}` that the plan was made for is gone", group=plan.group)
    _check_names(plan, wave, book, context)
    _check_known(plan, fleet, context)
    core = book.core(wave)
    found = core.check_plan(fleet.core, plan.devices.array, group=group)
    if found.offenders:
        raise _mismatch(plan, found.offenders)
    if found.covered:
        inside = core.covered(fleet.core) & found.devices()
        raise _covered(plan, fleet, inside)
    if plan.kind in {"whole-group", "listed"}:
        _check_all_taken(plan, core, fleet, group)
    return found.devices()


def _check_names(plan: Plan, wave: Wave, book: WaveRepository, context: Context) -> None:
    """A plan names groups as they were named when it was made: by their name now, or by one that they had."""
    if plan.group_id is not None and plan.group not in _names_of(plan.group_id, book, context, plan.group):
        raise contradictory("the plan", f"the group with the number {plan.group_id} was never named `{plan.group}`")
    whole = {one.group_id for one in book.rollouts(wave) if one.whole and one.group_id is not None}
    there = {number: str(book.name(number)) for number in whole if book.name(number) is not None}
    if set(plan.whole_groups) == set(there.values()):
        return
    # Names have changed since, groups are gone, or the plan is not true.
    names = {number: _names_of(number, book, context, None) for number in whole}
    strange = [name for name in plan.whole_groups if not any(name in known for known in names.values())]
    if strange:
        raise contradictory("the plan", f"the group `{strange[0]}` was not rolled out whole in wave `{wave.name}`")
    missing = [name for number, name in there.items() if not names[number] & set(plan.whole_groups)]
    if missing:
        raise contradictory("the plan", f"the group `{missing[0]}` was rolled out whole, and the plan does not say so")


def _names_of(group_id: int, book: WaveRepository, context: Context, expected: str | None) -> set[str]:
    """The names that a group has had. History is read only if its name now is not the expected one."""
    now = book.name(group_id)
    names = set() if now is None else {now}
    if expected is not None and expected == now:
        return names
    for record in context.store.records():
        details = record.entry.details
        if record.entry.action.startswith("groups ") and details.get("group_id") == group_id:
            names |= {str(details[part]) for part in ("group", "new_name") if part in details}
    return names


def _check_known(plan: Plan, fleet: Fleet, context: Context) -> None:
    """The listed devices are those that the factory knew, so it still has heard of them."""
    if plan.matching > fleet.core.rows:
        raise contradictory("the plan", f"{plan.matching} devices match, and the factory has {fleet.core.rows}")
    if plan.listed is None or not len(plan.listed):
        return
    absent = plan.listed.array[fleet.ordinals(plan.listed) == _core.NO_ORDINAL]
    if not len(absent):
        return
    import pyarrow as pa

    asked = pa.table({"uuid": uuid_column(absent)})
    deleted = context.store.table("SELECT count(*) AS n FROM devices d JOIN asked a ON a.uuid = d.uuid", asked=asked)
    unknown = len(absent) - int(deleted.column("n")[0].as_py())
    if unknown:
        raise contradictory("the plan", f"the factory never had {unknown} of its listed devices")


def _check_same(plan: Plan, wave: Wave, book: WaveRepository, factory: str) -> None:
    if plan.factory != factory:
        raise InputError(
            "other-factory",
            f"the plan was made for the factory `{plan.factory}`, and this is {factory}",
            hint="apply it in the factory that it was made in",
            fields={"plan": plan.factory, "factory": factory},
        )
    if (plan.tag, plan.target_version) != (wave.tag, wave.target_version):
        raise _stale(plan, f"the plan was made for another wave named `{wave.name}`")
    if plan.wave_revision != wave.revision:
        # An active wave has the revision 1, and one more for each rollout.
        since = book.rollouts(wave)[max(0, plan.wave_revision - 1) :]
        last = ", ".join(f"rollout {one.number} by {one.applied_by}" for one in since[-3:])
        then = f"; since then {'… ' if len(since) > 3 else ''}{last}" if since else ""  # noqa: PLR2004 - as many are named
        raise _stale(
            plan,
            f"the plan was made for revision {plan.wave_revision} of wave `{wave.name}`, which is at {wave.revision}"
            f" now{then}",
            plan_revision=plan.wave_revision,
            wave_revision=wave.revision,
            rollouts_since=[one.number for one in since],
        )


def _check_all_taken(plan: Plan, core: _core.Wave, fleet: Fleet, group: str | None) -> None:
    if plan.listed is not None and not len(plan.listed):
        return
    request = replace(plan.request.selecting(group=group), on_mismatch="skip")
    now = core.stage(fleet.core, request.core())
    joined = UuidList(now.uuids()) - plan.devices
    if not len(joined):
        return
    if plan.kind == "listed":
        # A version that was reported since can make a listed device fit, and never makes a plan stale.
        ordinals, updated = fleet.ordinals(joined).tolist(), core.updated(fleet.core)
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


def _mismatch(plan: Plan, offenders: Sequence[tuple[str, str]]) -> StateError:
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


def _covered(plan: Plan, fleet: Fleet, inside: _core.DeviceSet) -> StateError:
    ordinals = fleet.ordinals(plan.devices)
    uuids = [uuid for uuid, ordinal in zip(plan.uuids, ordinals.tolist(), strict=True) if ordinal in inside]
    return StateError(
        "plan-mismatch",
        f"{len(uuids)} of the plan's {len(plan)} devices have come into the wave by their group since the plan was"
        f" made: {named(uuids)}",
        hint=_AGAIN,
        fields={"wave": plan.wave, "covered": uuids},
    )


def _stale(plan: Plan, message: str, **fields: object) -> StateError:
    return StateError("stale-plan", message, hint=_AGAIN, fields={"wave": plan.wave, **fields})
