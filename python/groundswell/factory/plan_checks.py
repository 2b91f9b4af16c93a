"""Whether a plan still binds: refused where anything that it rests on has changed, check-ins apart.

- the factory and the wave are those of the plan, and the wave's revision has not moved
- its group, if it names one, is still there, whatever its name now
- each of its devices is known, a production device, on the tag, in the group; and none is in the wave
- a whole group: nobody has joined it since

Source: domain.md, "Plans".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.errors import InputError, StateError
from groundswell.fleet.uuid_list import UuidList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell import _core
    from groundswell.factory.wave_book import WaveBook
    from groundswell.fleet import Fleet
    from groundswell.waves.plan import Plan
    from groundswell.waves.records import Wave

__all__ = ["devices_of_plan"]

_MOST_NAMED: Final = 100
_AGAIN: Final = "nothing was staged; make the plan again and look at it"


def devices_of_plan(plan: Plan, wave: Wave, book: WaveBook, fleet: Fleet, *, factory: str) -> _core.DeviceSet:
    """The devices of a plan that can be applied as it is.

    Raises:
        InputError: ``other-factory``.
        StateError: ``stale-plan``; ``plan-mismatch``, with the devices in its fields.
    """
    _check_same(plan, wave, book, factory)
    group = None
    if plan.group_id is not None:
        group = book.name(plan.group_id)
        if group is None:
            raise _stale(plan, f"the group `{plan.group}` that the plan was made for is gone", group=plan.group)
    core = book.core(wave)
    found = core.check_plan(fleet.core, plan.devices.array, group=group)
    if found.offenders:
        raise _mismatch(plan, found.offenders)
    if found.covered:
        inside = core.covered(fleet.core) & found.devices()
        raise _covered(plan, fleet, inside)
    if plan.kind == "whole-group":
        _check_whole(plan, core, fleet, group)
    return found.devices()


def _check_same(plan: Plan, wave: Wave, book: WaveBook, factory: str) -> None:
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
        named = ", ".join(f"rollout {one.number} by {one.applied_by}" for one in since[-3:])
        then = f"; since then {'… ' if len(since) > 3 else ''}{named}" if since else ""  # noqa: PLR2004 - as many are named
        raise _stale(
            plan,
            f"the plan was made for revision {plan.wave_revision} of wave `{wave.name}`, which is at {wave.revision}"
            f" now{then}",
            plan_revision=plan.wave_revision,
            wave_revision=wave.revision,
            rollouts_since=[one.number for one in since],
        )


def _check_whole(plan: Plan, core: _core.Wave, fleet: Fleet, group: str | None) -> None:
    now = core.stage(
        fleet.core,
        group=group,
        listed=None,
        limit=None,
        thousandths=None,
        percent_of="matching",
        whole_group=True,
        skip_mismatched=False,
        seed=plan.seed,
        now=plan.now,
        online_threshold=plan.online_threshold,
        half_life=plan.half_life,
    )
    joined = UuidList(now.uuids()) - plan.devices
    if len(joined):
        raise StateError(
            "plan-mismatch",
            f"{len(joined)} devices have joined the group `{group}` since the plan was made: {_named(joined.uuids)}",
            hint=_AGAIN,
            fields={"wave": plan.wave, "group": group, "joined": joined.uuids},
        )


def _mismatch(plan: Plan, offenders: Sequence[tuple[str, str]]) -> StateError:
    named = ", ".join(f"`{uuid}` ({reason})" for uuid, reason in offenders[:_MOST_NAMED])
    more = f" and {len(offenders) - _MOST_NAMED} more" if len(offenders) > _MOST_NAMED else ""
    return StateError(
        "plan-mismatch",
        f"{len(offenders)} of the plan's {len(plan)} devices match no longer: {named}{more}",
        hint=_AGAIN,
        fields={"wave": plan.wave, "offenders": [{"uuid": uuid, "reason": reason} for uuid, reason in offenders]},
    )


def _covered(plan: Plan, fleet: Fleet, inside: _core.DeviceSet) -> StateError:
    ordinals = fleet.ordinals(plan.devices)
    uuids = [uuid for uuid, ordinal in zip(plan.uuids, ordinals.tolist(), strict=True) if ordinal in inside]
    return StateError(
        "plan-mismatch",
        f"{len(uuids)} of the plan's {len(plan)} devices have come into the wave by their group since the plan was"
        f" made: {_named(uuids)}",
        hint=_AGAIN,
        fields={"wave": plan.wave, "covered": uuids},
    )


def _named(uuids: Sequence[str]) -> str:
    named = ", ".join(f"`{uuid}`" for uuid in uuids[:_MOST_NAMED])
    return named + (f" and {len(uuids) - _MOST_NAMED} more" if len(uuids) > _MOST_NAMED else "")


def _stale(plan: Plan, message: str, **fields: object) -> StateError:
    return StateError("stale-plan", message, hint=_AGAIN, fields={"wave": plan.wave, **fields})
