"""A wave with its rollouts: what everything about a wave is computed from. No store is needed.

Source: domain.md, "The sets" and "Rollout".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from groundswell import _core
from groundswell.errors import NotFoundError
from groundswell.values import epoch_seconds
from groundswell.waves.records import Rollout

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import numpy as np
    import numpy.typing as npt

    from groundswell.fleet import Fleet
    from groundswell.waves.plan import Plan
    from groundswell.waves.records import Wave

__all__ = ["WaveHistory", "device_set", "no_devices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveHistory:
    """A wave, its rollouts, and the names that groups have now. Immutable; `of` makes one.

    Args:
        wave: the wave.
        rollouts: its rollouts, oldest first.
        groups: the names of the groups that exist now, by their numbers.
        core: the wave as the core takes it: what is staged, and which groups were rolled out whole.
        factory: the name of its factory.
        factory_revision: the revision of the factory that this is as of.

    >>> import pyarrow as pa
    >>> from datetime import UTC, datetime
    >>> from groundswell import Fleet
    >>> from groundswell.waves import RolloutRequest, Wave, WaveHistory, plan_rollout
    >>> at = datetime(2026, 11, 24, tzinfo=UTC)
    >>> count = 100
    >>> table = {"uuid": [f"{i:032x}" for i in range(count)], "production": [True] * count, "tag": ["main"] * count}
    >>> fleet = Fleet.read(pa.table(table), now=at)
    >>> wave = WaveHistory.of(Wave.begin("v42", 42, "main", at=at, by="alice"))
    >>> first = plan_rollout(wave, fleet, RolloutRequest.of("10%", seed=1, now=at))
    >>> wave = wave.after(first.plan, fleet, at=at, by="alice")
    >>> second = plan_rollout(wave, fleet, RolloutRequest.of("10%", seed=2, now=at))
    >>> len(first), len(second), second.candidates, set(first.uuids) & set(second.uuids)
    (10, 10, 90, set())
    """

    wave: Wave
    rollouts: tuple[Rollout, ...]
    groups: Mapping[int, str]
    core: _core.Wave
    factory: str
    factory_revision: int

    @classmethod
    def of(
        cls,
        wave: Wave,
        rollouts: Iterable[Rollout] = (),
        *,
        groups: Mapping[int, str] | None = None,
        supported_hardware: Collection[str] | None = None,
        staged: _core.DeviceSet | None = None,
        factory: str = "standalone",
        factory_revision: int = 0,
    ) -> WaveHistory:
        """A wave with its rollouts.

        Args:
            wave: the wave.
            rollouts: its rollouts, oldest first.
            groups: the names of the groups that exist now, by their numbers, which a caller without a factory chooses.
            supported_hardware: the hardware ids that have a target of the wave's version (default: every device is
                supported).
            staged: the union of the sets of all rollouts that are not standing rules, if the caller has it.
            factory: the name of its factory; plans name it.
            factory_revision: the revision of the factory that this is as of.
        """
        history, names = tuple(rollouts), {} if groups is None else groups
        if staged is None:
            staged = no_devices()
            for one in history:
                staged = staged if one.whole else staged | one.devices
        whole = (names.get(one.group_id or 0) for one in history if one.whole)
        core = _core.Wave(
            target_version=wave.target_version,
            tag=wave.tag,
            staged=staged,
            whole_groups=list(dict.fromkeys(name for name in whole if name is not None)),
            supported_hardware=None if supported_hardware is None else list(supported_hardware),
        )
        return cls(
            wave=wave,
            rollouts=history,
            groups=names,
            core=core,
            factory=factory,
            factory_revision=factory_revision,
        )

    def after(self, plan: Plan, fleet: Fleet, *, at: datetime, by: str) -> WaveHistory:
        """The wave once a plan is applied to it: one more rollout, and the next revision.

        Args:
            plan: a plan of this wave at its present revision; `check_plan` checks that.
            fleet: the fleet that the plan was made from.
            at: when it is applied.
            by: by whom.

        Cost: a look-up of each device, and a pass over the staged set.
        """
        rollout = Rollout.of(
            plan,
            number=len(self.rollouts) + 1,
            devices=device_set(plan.devices.array, fleet),
            listed=None if plan.listed is None else device_set(plan.listed.array, fleet),
            applied_at=at,
            applied_by=by,
        )
        staged = self.core.staged()
        return WaveHistory.of(
            replace(self.wave, revision=self.wave.revision + 1),
            (*self.rollouts, rollout),
            groups=self.groups,
            supported_hardware=self.core.supported_hardware,
            staged=staged if rollout.whole else staged | rollout.devices,
            factory=self.factory,
            factory_revision=self.factory_revision + 1,
        )

    def group_name(self, group_id: int | None) -> str | None:
        """The name of a group now; None if it does not exist any more."""
        return None if group_id is None else self.groups.get(group_id)

    def group_id(self, name: str) -> int | None:
        """The number of the group that has this name now; None if there is none."""
        return next((number for number, one in self.groups.items() if one == name), None)

    @property
    def whole_group_ids(self) -> set[int]:
        """The numbers of the groups that were rolled out whole, those that do not exist any more among them."""
        return {one.group_id for one in self.rollouts if one.whole and one.group_id is not None}

    def rollout(self, number: int) -> Rollout:
        """One rollout.

        Raises:
            NotFoundError: ``unknown-rollout``.
        """
        if 1 <= number <= len(self.rollouts) and self.rollouts[number - 1].number == number:
            return self.rollouts[number - 1]
        for one in self.rollouts:
            if one.number == number:
                return one
        raise NotFoundError(
            "unknown-rollout",
            f"the wave {self.wave.name} has no rollout `{number}`",
            hint=f"its rollouts are 1 to {len(self.rollouts)}" if self.rollouts else "nothing was rolled out yet",
            fields={"wave": self.wave.name, "rollout": number, "last": len(self.rollouts)},
        )

    def covering(self, device: _core.Membership) -> Rollout | None:
        """The first rollout that covers a device now; None if none does."""
        for rollout in self.rollouts:
            if rollout.whole:
                if device.group is not None and device.group == self.group_name(rollout.group_id):
                    return rollout
            elif device.ordinal in rollout.devices:
                return rollout
        return None

    def first_rollouts(self) -> dict[str, datetime]:
        """When each group that still exists was asked for first, in that order."""
        found: dict[str, datetime] = {}
        for rollout in self.rollouts:
            name = self.group_name(rollout.group_id)
            if name is not None:
                found.setdefault(name, rollout.applied_at)
        return found

    def coverings(self) -> Sequence[tuple[_core.DeviceSet | str | None, int]]:
        """The acts that scheduled devices, in their order, each with its instant; None stands for everyone."""
        found: list[tuple[_core.DeviceSet | str | None, int]] = []
        for rollout in self.rollouts:
            at, name = epoch_seconds(rollout.applied_at), self.group_name(rollout.group_id)
            if not rollout.whole:
                found.append((rollout.devices, at))
            elif name is not None:
                found.append((name, at))
        if self.wave.state == "complete" and self.wave.finished_at is not None:
            found.append((None, epoch_seconds(self.wave.finished_at)))
        return found


def device_set(uuids: npt.NDArray[np.uint8], fleet: Fleet) -> _core.DeviceSet:
    """The devices of a fleet among these UUIDs."""
    if not len(uuids):
        return no_devices()
    ordinals = fleet.core.ordinals(uuids)
    return _core.DeviceSet.from_ordinals(ordinals[ordinals != _core.NO_ORDINAL])


def no_devices() -> _core.DeviceSet:
    """A set without devices."""
    import numpy as np

    return _core.DeviceSet.from_ordinals(np.empty(0, np.uint32))
