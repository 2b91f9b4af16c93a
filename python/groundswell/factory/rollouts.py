"""Rollouts: worked out in the core, applied as one row of history and one bitmap, verified at any time later."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, get_args

from groundswell import _core
from groundswell.errors import GroundswellError, InputError, NotFoundError, StateError
from groundswell.factory.context import Context, seconds
from groundswell.fleet.fleet import as_uuid_list
from groundswell.fleet.quantities import Denominator, parse_limit, parse_seed, whole_seconds
from groundswell.fleet.uuid_list import UuidList
from groundswell.store import put
from groundswell.tuf import parse_document
from groundswell.waves.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta
    from typing import SupportsIndex

    import numpy as np
    import numpy.typing as npt

    from groundswell.factory.devices import Devices
    from groundswell.factory.wave_book import WaveBook
    from groundswell.fleet import Fleet
    from groundswell.fleet.fleet import Devices as DeviceList
    from groundswell.store import Change
    from groundswell.waves.records import Rollout, RolloutKind, Wave

    Publish = Callable[[Sequence[Wave], int], list[Change]]

__all__ = ["RolloutDesk", "RolloutResult", "Verified", "hardware_without_target"]

_SHORTAGES: Final = {
    "none-match": "no device matches",
    "all-updated": "all matching devices are updated already",
    "all-covered": "all matching devices are in the wave already",
    "all-updated-or-covered": "all matching devices are updated or in the wave already",
    "none-online": "no matching device was seen within the online threshold",
}


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verification of one past rollout found.

    Args:
        number: the rollout.
        digest_holds: whether the stored set still has the digest that was kept with it.
        recomputed: whether the frozen fleet yields just that set again; None where it was not tried.
        note: why it was not tried, or what differs; empty if there is nothing to say.
    """

    number: int
    digest_holds: bool
    recomputed: bool | None
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the rollout."""
        return self.digest_holds and self.recomputed is not False


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
        newly_scheduled: how many of the devices taken in are yet to be updated.
        already: how many listed devices were in the wave or updated already.
        skipped: listed devices that were skipped, each with ``uuid`` and ``reason``.
        repeated: whether the group had been rolled out whole before, so that nothing changed.
        why_short: why it took in fewer devices than asked for, or none at all; None where neither is so.
        without_target: hardware ids for which the wave has no target, with the numbers of devices taken in.
    """

    wave: Wave
    number: int | None
    dry_run: bool
    plan: Plan
    without_target: dict[str, int]
    updated: int | None = None
    covered: int | None = None
    newly_scheduled: int | None = None
    already: int = 0
    skipped: tuple[dict[str, str], ...] = ()
    repeated: bool = False
    why_short: str | None = None
    fleet: Fleet = field(repr=False)

    def __len__(self) -> int:
        return len(self.plan)

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
        return list(self.plan.uuids)

    @property
    def names(self) -> list[str | None]:
        """Their names, in the same order; None for a device without one."""
        if not self.plan.uuids or self.fleet.names is None:
            return []
        names: list[str | None] = self.fleet.names.take(self.fleet.ordinals(UuidList.of(self.plan.uuids))).to_pylist()
        return names


class RolloutDesk:
    """Works rollouts out, applies them and verifies them; the caller has the store's turn."""

    def __init__(self, context: Context, book: WaveBook, devices: Devices, publish: Publish) -> None:
        self._context: Final = context
        self._book: Final = book
        self._devices: Final = devices
        self._publish: Final = publish

    def rollout(
        self,
        wave: Wave,
        limit: SupportsIndex | str | None,
        *,
        group: str | None,
        uuids: DeviceList | None,
        whole_group: bool,
        skip_mismatched: bool,
        percent_of: Denominator,
        seed: SupportsIndex | None,
        now: datetime | None,
        online_threshold: timedelta,
        half_life: timedelta,
        dry_run: bool,
    ) -> RolloutResult:
        """See `groundswell.factory.waves.Waves.rollout`."""
        asked = None if limit is None else parse_limit(limit)
        listed = None if uuids is None else as_uuid_list(uuids)
        if percent_of not in get_args(Denominator):
            raise InputError(
                "bad-denominator",
                f"a percentage cannot be taken of `{percent_of}`",
                hint="say matching, remaining or online",
                fields={"percent_of": str(percent_of)},
            )
        at, chosen = seconds(now), parse_seed(seed)
        fleet = self._devices.fleet(now=now)
        staging = self._book.core(wave).stage(
            fleet.core,
            group=group,
            listed=None if listed is None else listed.array,
            limit=None if asked is None else asked.count,
            thousandths=None if asked is None else asked.thousandths,
            percent_of=percent_of,
            whole_group=whole_group,
            skip_mismatched=skip_mismatched,
            seed=chosen,
            now=at,
            online_threshold=whole_seconds(online_threshold, "online_threshold"),
            half_life=whole_seconds(half_life, "half_life"),
        )
        plan = Plan(
            factory=self._context.meta("name"),
            wave=wave.name,
            wave_revision=wave.revision,
            target_version=wave.target_version,
            tag=wave.tag,
            kind=staging.kind,
            group=group,
            group_id=None if group is None else self._devices.group_id(group),
            limit=None if asked is None else str(asked),
            percent_of=percent_of,
            listed=None if listed is None else tuple(self._known(listed, fleet)),
            skip_mismatched=skip_mismatched,
            seed=chosen,
            now=at,
            online_threshold=whole_seconds(online_threshold, "online_threshold"),
            half_life=whole_seconds(half_life, "half_life"),
            algorithm=_core.ALGORITHM,
            matching=staging.matching,
            candidates=staging.candidates,
            wanted=staging.wanted,
            uuids=_texts(staging.uuids()),
            digest=staging.digest().hex(),
        )
        number = None
        if not dry_run and (len(staging) or (staging.kind == "whole-group" and not staging.repeated)):
            wave, number = self._apply(wave, plan, staging.devices(), fleet, at)
        return RolloutResult(
            wave=wave,
            number=number,
            dry_run=dry_run,
            plan=plan,
            without_target=hardware_without_target(wave, staging.ordinals(), fleet),
            updated=staging.updated,
            covered=staging.covered,
            newly_scheduled=staging.newly_scheduled,
            already=len(staging.already()),
            skipped=tuple({"uuid": uuid, "reason": reason} for uuid, reason in staging.skipped),
            repeated=staging.repeated,
            why_short=_why_short(staging),
            fleet=fleet,
        )

    def apply(self, wave: Wave, plan: Plan, *, at: int) -> RolloutResult:
        """See `groundswell.factory.waves.Waves.apply`."""
        self._check_same(wave, plan)
        fleet = self._devices.fleet()
        group = self._group_of(plan)
        planned = UuidList.of(plan.uuids) if plan.uuids else UuidList.of([])
        core = self._book.core(wave)
        found = core.check_plan(fleet.core, planned.array, group=group)
        if found.offenders:
            raise _mismatch(plan, found.offenders)
        if found.covered:
            raise _overlap(plan, found.covered)
        if plan.kind == "whole-group":
            self._check_whole(core, plan, group, planned, fleet)
        number = None
        devices = found.devices()
        if len(devices) or plan.kind == "whole-group":
            wave, number = self._apply(wave, plan, devices, fleet, at)
        without = hardware_without_target(wave, devices.to_ordinals(), fleet)
        return RolloutResult(wave=wave, number=number, dry_run=False, plan=plan, fleet=fleet, without_target=without)

    def uuids(self, wave: Wave, number: int) -> Sequence[str]:
        """The devices of one rollout, ascending by ordinal."""
        for rollout in self._book.rollouts(wave):
            if rollout.number == number:
                return _texts(self._uuid_array(rollout.devices))
        last = len(self._book.rollouts(wave))
        raise NotFoundError(
            "unknown-rollout",
            f"the wave {wave.name} has no rollout `{number}`",
            hint=f"its rollouts are 1 to {last}" if last else "nothing was rolled out yet",
            fields={"wave": wave.name, "rollout": number, "last": last},
        )

    def verify(self, wave: Wave, fleet: Fleet | None) -> Sequence[Verified]:
        """See `groundswell.factory.waves.Waves.verify`."""
        found = []
        for rollout in self._book.rollouts(wave):
            array = self._uuid_array(rollout.devices)
            holds = _digest(array) == rollout.digest and len(array) == rollout.device_count
            if fleet is None:
                found.append(Verified(rollout.number, holds, None))
            else:
                recomputed, note = self._recomputed(wave, rollout, fleet)
                found.append(Verified(rollout.number, holds, recomputed, note))
        return found

    # --- applying

    def _apply(self, wave: Wave, plan: Plan, devices: _core.DeviceSet, fleet: Fleet, at: int) -> tuple[Wave, int]:
        number = len(self._book.rollouts(wave)) + 1
        after = replace(wave, revision=wave.revision + 1)
        selector = {
            "group": plan.group,
            "limit": plan.limit,
            "percent_of": plan.percent_of,
            "listed": None if plan.listed is None else len(plan.listed),
            "skip_mismatched": plan.skip_mismatched,
        }
        row = {
            "wave_id": wave.wave_id,
            "number": number,
            "kind": plan.kind,
            "applied_at": at,
            "applied_by": self._context.user,
            "group_id": plan.group_id,
            "selector": json.dumps(selector),
            "listed": None if plan.listed is None else self._set_of(plan.listed, fleet).to_portable(),
            "seed": str(plan.seed),
            "selected_at": plan.now,
            "online_threshold": plan.online_threshold,
            "half_life": plan.half_life,
            "algorithm": plan.algorithm,
            "matching": plan.matching,
            "candidates": plan.candidates,
            "wanted": plan.wanted,
            "device_count": len(devices),
            "devices": devices.to_portable(),
            "digest": plan.digest,
        }
        waves = [after if one.wave_id == wave.wave_id else one for one in self._book.all()]
        revised = {"wave_id": wave.wave_id, "revision": after.revision}
        self._context.commit(
            "waves rollout",
            f"rolled the wave {wave.name} out to {len(devices)} more devices",
            [put("rollouts", [row], new=True), self._revised(revised), *self._publish(waves, at)],
            at=at,
            details={"wave": wave.name, "rollout": number, "devices": len(devices), "digest": plan.digest, **selector},
        )
        return after, number

    def _revised(self, values: dict[str, Any]) -> Change:
        (row,) = self._context.store.table("SELECT * FROM waves WHERE wave_id = ?", [values["wave_id"]]).to_pylist()
        return put("waves", [row | values])

    @staticmethod
    def _known(listed: UuidList, fleet: Fleet) -> list[str]:
        known = fleet.ordinals(listed) != _core.NO_ORDINAL
        return list(_texts(listed.array[known]))

    @staticmethod
    def _set_of(uuids: Sequence[str], fleet: Fleet) -> _core.DeviceSet:
        import numpy as np

        if not uuids:
            return _core.DeviceSet.from_ordinals(np.empty(0, np.uint32))
        ordinals = fleet.ordinals(UuidList.of(uuids))
        return _core.DeviceSet.from_ordinals(ordinals[ordinals != _core.NO_ORDINAL])

    # --- plans

    def _check_same(self, wave: Wave, plan: Plan) -> None:
        factory = self._context.meta("name")
        if plan.factory != factory:
            raise InputError(
                "other-factory",
                f"the plan was made for the factory `{plan.factory}`, and this is {factory}",
                hint="apply it in the factory that it was made in",
                fields={"plan": plan.factory, "factory": factory},
            )
        if (plan.tag, plan.target_version) != (wave.tag, wave.target_version):
            raise StateError(
                "stale-plan",
                f"the plan was made for another wave named `{wave.name}`",
                hint="make the plan again",
                fields={"wave": wave.name},
            )
        if plan.wave_revision != wave.revision:
            since = [rollout for rollout in self._book.rollouts(wave) if rollout.applied_at.timestamp() >= plan.now]
            what = (
                "; since then " + ", ".join(f"rollout {one.number} by {one.applied_by}" for one in since[-5:])
                if since
                else ""
            )
            raise StateError(
                "stale-plan",
                f"the plan was made for revision {plan.wave_revision} of wave `{wave.name}`, which is at"
                f" {wave.revision} now{what}",
                hint="nothing was staged; make the plan again and look at it",
                fields={
                    "wave": wave.name,
                    "plan_revision": plan.wave_revision,
                    "wave_revision": wave.revision,
                    "rollouts_since": [one.number for one in since],
                },
            )

    def _group_of(self, plan: Plan) -> str | None:
        if plan.group_id is None:
            return None
        names = self._book.names([plan.group_id])
        if not names:
            raise StateError(
                "stale-plan",
                f"the group `{plan.group}` that the plan was made for is gone",
                hint="nothing was staged; make the plan again",
                fields={"wave": plan.wave, "group": plan.group},
            )
        return names[0]

    @staticmethod
    def _check_whole(core: _core.Wave, plan: Plan, group: str | None, planned: UuidList, fleet: Fleet) -> None:
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
        joined = [uuid for uuid in _texts(now.uuids()) if uuid not in planned]
        if joined:
            raise StateError(
                "plan-mismatch",
                f"{len(joined)} devices have joined the group `{group}` since the plan was made, such as `{joined[0]}`",
                hint="nothing was staged; make the plan again",
                fields={"wave": plan.wave, "group": group, "joined": joined},
            )

    # --- verifying

    def _uuid_array(self, devices: _core.DeviceSet) -> npt.NDArray[np.uint8]:
        import numpy as np
        import pyarrow as pa

        wanted = pa.table({"ordinal": pa.array(devices.to_ordinals())})
        rows = self._context.store.table(
            "SELECT d.uuid FROM wanted w JOIN devices d ON d.ordinal = w.ordinal ORDER BY w.ordinal", wanted=wanted
        )
        parts = [
            np.frombuffer(chunk.storage.buffers()[1], np.uint8).reshape(-1, 16)[
                chunk.offset : chunk.offset + len(chunk)
            ]
            for chunk in rows.column("uuid").chunks
        ]
        return np.concatenate([np.empty((0, 16), np.uint8), *parts])

    def _recomputed(self, wave: Wave, rollout: Rollout, fleet: Fleet) -> tuple[bool | None, str]:
        if rollout.algorithm != _core.ALGORITHM:
            return None, f"it was picked by algorithm {rollout.algorithm}"
        if rollout.kind == "listed":
            return None, "a list is not picked"
        before = [one for one in self._book.rollouts(wave) if one.number < rollout.number]
        staged = self._in_fleet([one.devices for one in before if not one.whole], fleet)
        core = _core.Wave(
            target_version=wave.target_version,
            tag=wave.tag,
            staged=staged,
            whole_groups=[str(one.selector["group"]) for one in before if one.whole],
        )
        limit = rollout.selector["limit"]
        asked = None if limit is None else parse_limit(limit)
        listed = None if rollout.listed is None else self._uuid_array(rollout.listed)
        try:
            again = core.stage(
                fleet.core,
                group=rollout.selector["group"],
                listed=listed,
                limit=None if asked is None else asked.count,
                thousandths=None if asked is None else asked.thousandths,
                percent_of=rollout.selector["percent_of"],
                whole_group=rollout.whole,
                skip_mismatched=True,
                seed=rollout.seed,
                now=rollout.selected_at,
                online_threshold=rollout.online_threshold,
                half_life=rollout.half_life,
            )
        except GroundswellError as error:
            return False, f"the frozen fleet refuses it: {error.message}"
        if again.digest().hex() == rollout.digest:
            return True, ""
        return (
            False,
            f"the frozen fleet yields {len(again)} devices, {rollout.device_count} were taken in, and the sets differ",
        )

    def _in_fleet(self, sets: Sequence[_core.DeviceSet], fleet: Fleet) -> _core.DeviceSet:
        """Sets over the factory's ordinals as one set over those of a frozen fleet."""
        import numpy as np

        whole = _core.DeviceSet.from_ordinals(np.empty(0, np.uint32))
        for one in sets:
            whole |= one
        ordinals = fleet.core.ordinals(self._uuid_array(whole))
        return _core.DeviceSet.from_ordinals(ordinals[ordinals != _core.NO_ORDINAL])


def hardware_without_target(wave: Wave, ordinals: npt.NDArray[np.uint32], fleet: Fleet) -> dict[str, int]:
    """Hardware ids for which a wave has no target, with their numbers of devices; unknown ids are left out."""
    import pyarrow.compute as pc

    if len(ordinals) == 0 or fleet.hardware_ids is None:
        return {}
    signed = parse_document(wave.document, "Targets", "the wave's role").signed
    version = str(wave.target_version)
    served = {
        hardware
        for target in signed["targets"].values()
        if target["custom"]["version"] == version
        for hardware in target["custom"]["hardwareIds"]
    }
    counts = pc.value_counts(fleet.hardware_ids.take(ordinals)).to_pylist()
    found = {
        one["values"]: one["counts"] for one in counts if one["values"] is not None and one["values"] not in served
    }
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _why_short(staging: _core.Staging) -> str | None:
    if staging.repeated:
        return f"the group {staging.group} was rolled out whole before"
    if staging.shortage is None:
        return None
    return _SHORTAGES.get(staging.shortage, f"only {staging.candidates} candidates are left")


def _texts(array: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    return tuple(_core.format_uuids(array).decode("ascii").split())


def _digest(array: npt.NDArray[np.uint8]) -> str:
    return hashlib.sha256(b"".join(sorted(row.tobytes() for row in array))).hexdigest()


def _mismatch(plan: Plan, offenders: Sequence[tuple[str, str]]) -> StateError:
    named = ", ".join(f"`{uuid}` ({reason})" for uuid, reason in offenders[:100])
    more = f" and {len(offenders) - 100} more" if len(offenders) > 100 else ""  # noqa: PLR2004
    return StateError(
        "plan-mismatch",
        f"{len(offenders)} of the plan's {len(plan)} devices match no longer: {named}{more}",
        hint="nothing was staged; make the plan again",
        fields={"wave": plan.wave, "offenders": [{"uuid": uuid, "reason": reason} for uuid, reason in offenders]},
    )


def _overlap(plan: Plan, covered: int) -> StateError:
    return StateError(
        "plan-mismatch",
        f"{covered} of the plan's {len(plan)} devices have come into the wave by their group since the plan was made",
        hint="nothing was staged; make the plan again",
        fields={"wave": plan.wave, "covered": covered},
    )
