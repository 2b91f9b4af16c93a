"""Verify history: the stored sets are those that were digested, and a frozen fleet yields the same picks again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from groundswell import _core
from groundswell.errors import GroundswellError
from groundswell.fleet.uuid_list import UuidList
from groundswell.waves.history import no_devices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.fleet import Fleet
    from groundswell.waves.history import WaveHistory
    from groundswell.waves.records import Rollout

__all__ = ["Verified", "verify"]


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


def verify(
    wave: WaveHistory, fleet: Fleet, *, frozen: Fleet | None = None, number: int | None = None
) -> Sequence[Verified]:
    """Check the digests of past rollouts and, given the fleet as it was, compute their picks again.

    Args:
        wave: the wave with its rollouts.
        fleet: the fleet whose ordinals the stored sets contain.
        frozen: the fleet as it was at the time of the rollout (default: nothing is computed again).
        number: only this rollout, because a frozen fleet is that of one moment (default: all of them).

    Returns:
        One result for each rollout, oldest first; empty if nothing was rolled out.

    Raises:
        NotFoundError: ``unknown-rollout``.

    Cost: a digest of each set; with a frozen fleet, a selection for each rollout.

    >>> import pyarrow as pa
    >>> from datetime import UTC, datetime
    >>> from groundswell import Fleet
    >>> from groundswell.waves import RolloutRequest, Wave, WaveHistory, plan_rollout
    >>> at = datetime(2026, 11, 24, tzinfo=UTC)
    >>> table = {"uuid": [f"{i:032x}" for i in range(9)], "production": [True] * 9, "tag": ["main"] * 9}
    >>> fleet = Fleet.read(pa.table(table), now=at)
    >>> wave = WaveHistory.of(Wave.begin("v42", 42, "main", at=at, by="alice"))
    >>> wave = wave.after(plan_rollout(wave, fleet, RolloutRequest.of(3, now=at)).plan, fleet, at=at, by="alice")
    >>> verify(wave, fleet, frozen=fleet)
    [Verified(number=1, digest_holds=True, recomputed=True, note='')]
    """
    rollouts = wave.rollouts if number is None else [wave.rollout(number)]
    return [_verified(wave, rollout, fleet, frozen) for rollout in rollouts]


def _verified(wave: WaveHistory, rollout: Rollout, fleet: Fleet, frozen: Fleet | None) -> Verified:
    try:
        digest = fleet.core.digest(rollout.devices).hex()
    except IndexError:
        return Verified(rollout.number, digest_holds=False, recomputed=None, note="it holds ordinals of no device")
    holds = digest == rollout.digest and len(rollout.devices) == rollout.device_count
    recomputed, note = (None, "") if frozen is None else _recomputed(wave, rollout, fleet, frozen)
    return Verified(rollout.number, holds, recomputed, note)


def _recomputed(wave: WaveHistory, rollout: Rollout, fleet: Fleet, frozen: Fleet) -> tuple[bool | None, str]:
    unknown = _unknown_rules(rollout)
    if unknown is not None:
        return None, unknown
    before = [one.devices for one in wave.rollouts if one.number < rollout.number and not one.whole]
    try:
        staged = _in_frozen(before, fleet, frozen)
    except IndexError:
        return None, "an earlier rollout holds ordinals of no device"
    core = _core.Wave(
        target_version=wave.wave.target_version,
        tag=wave.wave.tag,
        staged=staged,
        whole_groups=list(rollout.whole_groups),
        # Rule 1 did not know unsupported devices.
        supported_hardware=None if rollout.candidates_rule == 1 else wave.core.supported_hardware,
    )
    listed = rollout.listed
    uuids = None if listed is None else UuidList(fleet.core.uuids(listed.to_ordinals()))
    try:
        again = core.stage(frozen.core, replace(rollout.request(uuids), on_mismatch="skip").core())
    except GroundswellError as error:
        return False, f"the frozen fleet refuses it: {error.message}"
    if again.digest().hex() == rollout.digest:
        return True, ""
    if rollout.candidates_rule > 1 and "hardware_id" not in frozen.columns:
        return None, "the frozen fleet has no hardware ids, so unsupported devices are unknown"
    return False, f"the frozen fleet yields {len(again)} devices; {rollout.device_count} other ones were taken in"


def _in_frozen(sets: Sequence[_core.DeviceSet], fleet: Fleet, frozen: Fleet) -> _core.DeviceSet:
    """Sets over the ordinals of a fleet as one set over those of a frozen fleet."""
    whole = no_devices()
    for one in sets:
        whole |= one
    ordinals = frozen.core.ordinals(fleet.core.uuids(whole.to_ordinals()))
    return _core.DeviceSet.from_ordinals(ordinals[ordinals != _core.NO_ORDINAL])


def _unknown_rules(rollout: Rollout) -> str | None:
    """What this program cannot repeat."""
    if rollout.algorithm != _core.ALGORITHM:
        return f"it was picked by algorithm {rollout.algorithm}"
    if rollout.candidates_rule > _core.CANDIDATES_RULE:
        return f"its candidates follow rule {rollout.candidates_rule}, which this groundswell does not know"
    return None
