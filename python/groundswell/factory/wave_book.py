"""The waves and rollouts of a factory as they are kept, and the core's view of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.errors import NotFoundError, StateError
from groundswell.waves.records import rollout_from_row, wave_from_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.factory.context import Context
    from groundswell.factory.groups import Groups
    from groundswell.waves.records import Rollout, Wave

__all__ = ["WaveBook"]


class WaveBook:
    """Reads waves; what it says is as of the store's revision."""

    def __init__(self, context: Context, groups: Groups) -> None:
        self._context: Final = context
        self._groups: Final = groups
        self._rollouts: Final[dict[int, tuple[int, tuple[Rollout, ...], _core.DeviceSet]]] = {}

    def all(self) -> Sequence[Wave]:
        """Every wave, in the order in which they were made."""
        rows = self._context.store.table("SELECT * FROM waves ORDER BY wave_id").to_pylist()
        return [wave_from_row(row) for row in rows]

    def find(self, name: str) -> Wave:
        """The wave of this name.

        Raises:
            NotFoundError: ``unknown-wave``, with the nearest names.
        """
        waves = self.all()
        for wave in waves:
            if wave.name == name:
                return wave
        near = _core.nearest(name, [wave.name for wave in waves], at_most=3)
        raise NotFoundError(
            "unknown-wave",
            f"no wave is named `{name}`",
            hint=f"did you mean {' or '.join(f'`{one}`' for one in near)}?"
            if near
            else "`groundswell waves list` names them",
            fields={"wave": name, "nearest": near},
        )

    def named_or_active(self, name: str | None) -> Wave:
        """The wave of this name or, without one, the only active wave.

        Raises:
            NotFoundError: ``unknown-wave``, ``no-active-wave``.
            StateError: ``several-active-waves``, which are named.
        """
        if name is not None:
            return self.find(name)
        active = [wave for wave in self.all() if wave.active]
        if len(active) == 1:
            return active[0]
        if not active:
            raise NotFoundError(
                "no-active-wave", "no wave is active", hint="name a wave; `groundswell waves list` names them"
            )
        names = [f"{wave.name} (tag {wave.tag})" for wave in active]
        raise StateError(
            "several-active-waves",
            f"{len(active)} waves are active: `{'`, `'.join(names)}`",
            hint="name the one that is meant",
            fields={"waves": [wave.name for wave in active]},
        )

    def active_of(self, tag: str) -> Wave | None:
        """The active wave of a tag, if it has one."""
        return next((wave for wave in self.all() if wave.active and wave.tag == tag), None)

    def rollouts(self, wave: Wave) -> Sequence[Rollout]:
        """The rollouts of a wave, in the order in which they were applied."""
        return self._loaded(wave)[0]

    def core(self, wave: Wave, *, before: int | None = None) -> _core.Wave:
        """A wave as the core has it: what is staged, and which groups were rolled out whole, by their names now.

        Args:
            wave: the wave.
            before: as it was before the rollout of this number.
        """
        rollouts, staged = self._loaded(wave)
        if before is not None:
            rollouts = tuple(rollout for rollout in rollouts if rollout.number < before)
            staged = _staged(rollouts)
        return _core.Wave(
            target_version=wave.target_version,
            tag=wave.tag,
            staged=staged,
            whole_groups=self.names([rollout.group_id for rollout in rollouts if rollout.whole]),
        )

    def names(self, group_ids: Sequence[int | None]) -> list[str]:
        """The names of those groups that still exist, each once, in order."""
        by_id = {number: name for name, number in self._groups.ids().items()}
        found = [by_id[number] for number in group_ids if number in by_id]
        return list(dict.fromkeys(found))

    def _loaded(self, wave: Wave) -> tuple[tuple[Rollout, ...], _core.DeviceSet]:
        cached = self._rollouts.get(wave.wave_id)
        if cached is None or cached[0] != wave.revision:
            rows = self._context.store.table(
                "SELECT * FROM rollouts WHERE wave_id = ? ORDER BY number", [wave.wave_id]
            ).to_pylist()
            rollouts = tuple(rollout_from_row(row) for row in rows)
            cached = wave.revision, rollouts, _staged(rollouts)
            self._rollouts[wave.wave_id] = cached
        return cached[1], cached[2]


def _staged(rollouts: Sequence[Rollout]) -> _core.DeviceSet:
    import numpy as np

    staged = _core.DeviceSet.from_ordinals(np.empty(0, np.uint32))
    for rollout in rollouts:
        if not rollout.whole:
            staged |= rollout.devices
    return staged
