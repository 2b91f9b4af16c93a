"""The waves and rollouts of a factory as they are kept, and the core's view of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import GroundswellError, NotFoundError, StateError, StorageError
from groundswell.factory.context import CachedQuery
from groundswell.factory.devices.groups import group_ids
from groundswell.store import set_cells
from groundswell.text import MAX_NAMED, joined
from groundswell.tuf import parse_document
from groundswell.waves.history import WaveHistory, no_devices
from groundswell.waves.records import rollout_from_row, wave_from_row, wave_row
from groundswell.waves.role import supported_hardware

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from groundswell.factory.context import Context
    from groundswell.store import Change
    from groundswell.waves.records import Rollout, Wave

__all__ = ["WaveRepository", "changed_cells"]


class WaveRepository:
    """Reads waves; what it says is as of the store's revision."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._waves: Final = CachedQuery(context, ["waves"], self._read_waves)
        self._names: Final = CachedQuery(
            context, ["groups"], lambda: {number: name for name, number in group_ids(context).items()}
        )
        self._rollouts: Final[dict[int, tuple[int, tuple[Rollout, ...], _core.DeviceSet]]] = {}
        self._cores: Final[dict[int, tuple[int, _core.Wave]]] = {}
        self._hardware: Final[dict[int, list[str]]] = {}

    def all(self) -> Sequence[Wave]:
        """Every wave, in the order in which they were made."""
        return self._waves.get()

    def _read_waves(self) -> Sequence[Wave]:
        return tuple(wave_from_row(row) for row in self._context.store.waves.all())

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
            hint=f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else "see the list of waves",
            fields={"wave": name, "nearest": near, "place": "factory"},
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
            raise NotFoundError("no-active-wave", "no wave is active", hint="name a wave")
        names = [f"`{wave.name}` (tag {wave.tag})" for wave in active]
        raise StateError(
            "several-active-waves",
            f"{len(active)} waves are active: {joined(names[:MAX_NAMED], more=len(names) - MAX_NAMED)}",
            hint="name one of them",
            fields={"waves": [wave.name for wave in active]},
        )

    def active_of(self, tag: str) -> Wave | None:
        """The active wave of a tag, if it has one."""
        return next((wave for wave in self.all() if wave.active and wave.tag == tag), None)

    def rollouts(self, wave: Wave) -> Sequence[Rollout]:
        """The rollouts of a wave, in the order in which they were applied."""
        return self._loaded(wave)[0]

    def history(self, wave: Wave) -> WaveHistory:
        """A wave with its rollouts, as of the store's revision."""
        return WaveHistory(
            wave=wave,
            rollouts=self._loaded(wave)[0],
            groups=self._names.get(),
            core=self.core(wave),
            factory=self._context.factory,
            factory_revision=self._context.store.revision,
        )

    def core(self, wave: Wave) -> _core.Wave:
        """A wave as the core has it: what is staged, and which groups were rolled out whole, by their names now."""
        revision = self._context.store.changed_at("rollouts", "groups")
        made_at, core = self._cores.get(wave.wave_id) or (-1, None)
        if core is None or made_at != revision:
            rollouts, staged = self._loaded(wave)
            core = _core.Wave(
                target_version=wave.target_version,
                tag=wave.tag,
                staged=staged,
                whole_groups=self.names([rollout.group_id for rollout in rollouts if rollout.whole]),
                supported_hardware=self.supported_hardware(wave),
            )
            self._cores[wave.wave_id] = revision, core
        return core

    def supported_hardware(self, wave: Wave) -> list[str]:
        """The hardware ids that have a target of the wave's version in its role, which never changes."""
        found = self._hardware.get(wave.wave_id)
        if found is None:
            signed = parse_document(wave.document, "Targets", f"the role of wave {wave.name}").signed
            found = supported_hardware(signed["targets"], wave.target_version)
            self._hardware[wave.wave_id] = found
        return found

    def name(self, group_id: int | None) -> str | None:
        """The name of a group now; None if it is gone."""
        return None if group_id is None else self._names.get().get(group_id)

    def names(self, group_ids: Sequence[int | None]) -> list[str]:
        """The names of those groups that still exist, each once, in order."""
        found = (self.name(number) for number in group_ids)
        return list(dict.fromkeys(name for name in found if name is not None))

    def _loaded(self, wave: Wave) -> tuple[tuple[Rollout, ...], _core.DeviceSet]:
        """The rollouts and what they have staged. History only grows, so what was read before is not read again."""
        revision = self._context.store.changed_at("rollouts")
        read_at, known, staged = self._rollouts.get(wave.wave_id) or (-1, (), no_devices())
        if read_at > revision:  # a reader whose snapshot is older than what another one has read
            read_at, known, staged = -1, (), no_devices()
        if read_at != revision:
            rows = self._context.store.waves.rollouts_after(wave.wave_id, len(known))
            later = tuple(_read(row, wave) for row in rows)
            for rollout in later:
                if not rollout.whole:
                    staged |= rollout.devices
            known += later
            self._rollouts[wave.wave_id] = revision, known, staged
        return known, staged


def _read(row: Mapping[str, Any], wave: Wave) -> Rollout:
    try:
        return rollout_from_row(row)
    except (GroundswellError, ValueError) as error:
        raise StorageError(
            "store-damaged",
            f"rollout {row['number']} of wave `{wave.name}` cannot be read: {error}",
            hint="rebuild the store from the audit log, or restore a backup",
            fields={"wave": wave.name, "rollout": row["number"], "remedy": "repair"},
        ) from error


def changed_cells(before: Wave, after: Wave) -> Change:
    """The cells of a wave's row that change. The signed document is large, and a rollout never changes it."""
    old, new = wave_row(before), wave_row(after)
    return set_cells("waves", [{name: new[name] for name in new if name == "wave_id" or new[name] != old[name]}])
