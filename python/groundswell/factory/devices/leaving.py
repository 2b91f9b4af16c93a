"""Which scheduled devices leave an active wave when devices are moved, deleted, or lose their group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from groundswell import _core
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.fleet import Fleet

__all__ = ["LeavingDevices", "Moved", "would_leave"]


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
    book: WaveRepository, fleet: Fleet, moved: _core.DeviceSet, *, into: str | None, deleted: bool = False
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
