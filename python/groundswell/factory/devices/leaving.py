"""Which scheduled devices leave an active wave when devices are moved, deleted, or change their group or tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from groundswell import _core

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from typing import Self

    import pyarrow as pa

    from groundswell.fleet import Fleet
    from groundswell.waves.records import Wave

__all__ = ["DevicesInState", "LeavingDevices", "Moved", "WaveReads", "import_leaves", "would_leave"]


class WaveReads(Protocol):
    """What devices and groups read of waves. The room of waves imports this room, so it is passed in."""

    def all(self) -> Sequence[Wave]:
        """Every wave, in the order in which they were made."""

    def core(self, wave: Wave) -> _core.Wave:
        """A wave as the core has it."""


class DevicesInState(Protocol):
    """Gives the devices behind one count of the status of a wave; of the only active one if the name is None."""

    def __call__(
        self, name: str | None, state: str, fleet: Fleet, *, now: int, online_threshold: timedelta
    ) -> _core.DeviceSet:
        """The devices."""


@dataclass(frozen=True, slots=True)
class LeavingDevices:
    """Scheduled devices that leave an active wave.

    Args:
        wave: its name.
        devices: how many, at least 1.
    """

    wave: str
    devices: int


class Moved(int):
    """How many devices were changed; and which waves scheduled ones of them left.

    Attributes:
        leaves: a wave each, in the order in which the waves were made; empty if none was left.
    """

    leaves: tuple[LeavingDevices, ...]

    def __new__(cls, devices: int, leaves: Sequence[LeavingDevices] = ()) -> Self:
        """A number with what comes with it."""
        self = super().__new__(cls, devices)
        self.leaves = tuple(leaves)
        return self


def would_leave(
    book: WaveReads, fleet: Fleet, moved: _core.DeviceSet, *, into: str | None, deleted: bool = False
) -> tuple[LeavingDevices, ...]:
    """Count the scheduled devices that would leave each active wave. Nothing changes.

    leaving = scheduled ∩ moved, without the staged ones and those that move into a group that was rolled out whole;
    devices that are deleted leave in any case.

    Args:
        book: the waves.
        fleet: the devices as they are now.
        moved: the devices that are moved or deleted.
        into: the group that they are moved into; None for no group.
        deleted: whether they are deleted.

    Cost: a few operations on sets for each active wave.
    """
    found = []
    for wave in book.all():
        if not wave.active:
            continue
        core = book.core(wave)
        leaving = core.scheduled(fleet.core, state=wave.state) & moved
        if not deleted:
            leaving = leaving - (moved if into in core.whole_groups else core.staged())
        if len(leaving):
            found.append(LeavingDevices(wave.name, len(leaving)))
    return tuple(found)


def import_leaves(
    book: WaveReads,
    fleet: Fleet,
    cells: pa.Table,
    *,
    groups: Mapping[int, str],
    tags: Mapping[int, str],
) -> tuple[LeavingDevices, ...]:
    """Count the scheduled devices that leave each active wave when an import changes groups and tags.

    leaving = scheduled ∩ (those that get another tag ∪ (those that get another group − staged − those that move into a
    group that was rolled out whole)).

    Args:
        book: the waves.
        fleet: the devices as they were before the import.
        cells: changed devices: ``ordinal``, and ``group_id`` or ``tag_id`` after the import if the import changes any.
        groups: the names of the groups before the import, by number.
        tags: the same for tags.

    Cost: a pass over the cells and a few operations on sets for each active wave.
    """
    found = []
    for wave in book.all():
        if not wave.active:
            continue
        core = book.core(wave)
        scheduled = core.scheduled(fleet.core, state=wave.state)
        leaving = scheduled & _ordinals(cells, "tag_id", [number for number, tag in tags.items() if tag == wave.tag])
        whole = [number for number, name in groups.items() if name in core.whole_groups]
        leaving = leaving | ((scheduled & _ordinals(cells, "group_id", whole)) - core.staged())
        if len(leaving):
            found.append(LeavingDevices(wave.name, len(leaving)))
    return tuple(found)


def _ordinals(cells: pa.Table, column: str, stays: Sequence[int]) -> _core.DeviceSet:
    """The devices whose new value is not one of these numbers; none if the import does not change the column."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if column not in cells.column_names:
        return _core.DeviceSet.from_ordinals(np.empty(0, np.uint32))
    is_in: Any = pc.is_in(cells.column(column), value_set=pa.array(stays, pa.uint32()))
    ordinals = cells.column("ordinal").filter(pc.invert(is_in))
    return _core.DeviceSet.from_ordinals(np.asarray(ordinals.to_numpy(), np.uint32))
