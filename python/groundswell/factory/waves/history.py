"""Verifying history: that stored sets are what was digested, and that a frozen fleet yields the same picks again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.errors import GroundswellError, NotFoundError
from groundswell.factory.waves.repository import nobody
from groundswell.fleet.uuid_list import UuidList

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from groundswell.factory.devices.fleet_loader import FleetCache
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.fleet import Fleet
    from groundswell.waves.records import Rollout, Wave

__all__ = ["RolloutHistory", "Verified"]


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


class RolloutHistory:
    """Past rollouts and their devices, deleted ones among them; the caller is in `reading` or `changing`."""

    def __init__(self, fleets: FleetCache, book: WaveRepository) -> None:
        self._fleets: Final = fleets
        self._book: Final = book

    def rollout(self, wave: Wave, number: int) -> Rollout:
        """One rollout of a wave.

        Raises:
            NotFoundError: ``unknown-rollout``.
        """
        rollouts = self._book.rollouts(wave)
        for one in rollouts:
            if one.number == number:
                return one
        raise NotFoundError(
            "unknown-rollout",
            f"the wave {wave.name} has no rollout `{number}`",
            hint=f"its rollouts are 1 to {len(rollouts)}" if rollouts else "nothing was rolled out yet",
            fields={"wave": wave.name, "rollout": number, "last": len(rollouts)},
        )

    def uuids(self, devices: _core.DeviceSet) -> npt.NDArray[np.uint8]:
        """The UUIDs of a stored set, ascending by ordinal: uint8 of shape (n, 16)."""
        # The factory's own fleet has a row for each ordinal ever given.
        return self._fleets.fleet().core.uuids(devices.to_ordinals())

    def verify(self, wave: Wave, fleet: Fleet | None, number: int | None) -> Sequence[Verified]:
        """See `groundswell.factory.waves.waves.Waves.verify`."""
        rollouts = self._book.rollouts(wave) if number is None else [self.rollout(wave, number)]
        return [self._verified(wave, rollout, fleet) for rollout in rollouts]

    def _verified(self, wave: Wave, rollout: Rollout, fleet: Fleet | None) -> Verified:
        try:
            digest = self._fleets.fleet().core.digest(rollout.devices).hex()
        except IndexError:
            return Verified(rollout.number, digest_holds=False, recomputed=None, note="it holds ordinals of no device")
        holds = digest == rollout.digest and len(rollout.devices) == rollout.device_count
        recomputed, note = (None, "") if fleet is None else self._recomputed(wave, rollout, fleet)
        return Verified(rollout.number, holds, recomputed, note)

    def _recomputed(self, wave: Wave, rollout: Rollout, fleet: Fleet) -> tuple[bool | None, str]:
        unknown = _unknown_rules(rollout)
        if unknown is not None:
            return None, unknown
        before = [one.devices for one in self._book.rollouts(wave) if one.number < rollout.number and not one.whole]
        try:
            staged = self._in_fleet(before, fleet)
        except IndexError:
            return None, "an earlier rollout holds ordinals of no device"
        core = _core.Wave(
            target_version=wave.target_version,
            tag=wave.tag,
            staged=staged,
            whole_groups=list(rollout.whole_groups),
            # Rule 1 did not know unsupported devices.
            supported_hardware=None if rollout.candidates_rule == 1 else self._book.supported_hardware(wave),
        )
        uuids = None if rollout.listed is None else UuidList(self.uuids(rollout.listed))
        try:
            again = core.stage(fleet.core, replace(rollout.request(uuids), on_mismatch="skip").core())
        except GroundswellError as error:
            return False, f"the frozen fleet refuses it: {error.message}"
        if again.digest().hex() == rollout.digest:
            return True, ""
        if rollout.candidates_rule > 1 and "hardware_id" not in fleet.columns:
            return None, "the frozen fleet has no hardware ids, so unsupported devices are unknown"
        return False, f"the frozen fleet yields {len(again)} devices; {rollout.device_count} other ones were taken in"

    def _in_fleet(self, sets: Sequence[_core.DeviceSet], fleet: Fleet) -> _core.DeviceSet:
        """Sets over the factory's ordinals as one set over those of a frozen fleet."""
        whole = nobody()
        for one in sets:
            whole |= one
        ordinals = fleet.core.ordinals(self.uuids(whole))
        return _core.DeviceSet.from_ordinals(ordinals[ordinals != _core.NO_ORDINAL])


def _unknown_rules(rollout: Rollout) -> str | None:
    """What this program cannot repeat."""
    if rollout.algorithm != _core.ALGORITHM:
        return f"it was picked by algorithm {rollout.algorithm}"
    if rollout.candidates_rule > _core.CANDIDATES_RULE:
        return f"its candidates follow rule {rollout.candidates_rule}, which this groundswell does not know"
    return None
