"""Why a device is in a wave or not, since which rollout, by which rule, and what it is served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from groundswell import _core

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.fleet import Fleet
    from groundswell.waves.history import WaveHistory
    from groundswell.waves.records import Rollout, Wave

__all__ = ["Rule", "WhyReport", "explain"]

Rule = Literal[
    "staged",
    "whole-group",
    "completed",
    "unknown",
    "test",
    "wrong-tag",
    "not-rolled-out",
    "no-target-for-hardware",
    "updated",
    "no-wave",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyReport:
    """Why a device is in a wave or not, and what it is served.

    Args:
        uuid: the device.
        rule: why it is in the wave: ``staged`` (a sampled or listed rollout chose it), ``whole-group``, ``completed``;
            or why it is not: ``unknown``, ``test``, ``wrong-tag``, ``not-rolled-out``, ``no-target-for-hardware``,
            ``updated``, ``no-wave``.
        reason: the rule as a sentence.
        served: what it is served now, as a sentence.
        in_wave: whether it is covered, or was reached by the wave's completion.
        wave: the wave that is spoken of; None if its tag never had one.
        rollout: the number of the rollout that covers it; None if none does.
        since: when that was applied.
        by: who applied it.
        group: its group; None if it is in none.
        tag: the tag that it listens to.
        target_version: the version that it reported last.
        updated: whether it reports the wave's version or a later one.
        scheduled: whether the wave is yet to update it.
        unsupported: whether the wave has no target for its hardware.
        hardware_id: its hardware id, if known.
    """

    uuid: str
    rule: Rule
    reason: str
    served: str
    in_wave: bool = False
    wave: str | None = None
    rollout: int | None = None
    since: datetime | None = None
    by: str | None = None
    group: str | None = None
    tag: str | None = None
    target_version: int | None = None
    updated: bool = False
    scheduled: bool = False
    unsupported: bool = False
    hardware_id: str | None = None


def explain(wave: WaveHistory | None, fleet: Fleet, uuid: bytes, *, served: str = "") -> WhyReport:
    """Why a device is in a wave or not, since which rollout, and by which rule.

    Args:
        wave: the wave with its rollouts; None if the device's tag never had one.
        fleet: the devices, as they are now.
        uuid: the device, 16 bytes.
        served: what it is served now, as a sentence; the report has it as it is.

    Cost: a look-up in the set of each rollout.

    >>> import pyarrow as pa
    >>> from datetime import UTC, datetime
    >>> from groundswell import Fleet, UuidList
    >>> from groundswell.waves import RolloutRequest, Wave, WaveHistory, plan_rollout
    >>> at = datetime(2026, 11, 24, tzinfo=UTC)
    >>> table = {"uuid": [f"{i:032x}" for i in range(9)], "production": [True] * 9, "tag": ["main"] * 9}
    >>> fleet = Fleet.read(pa.table(table), now=at)
    >>> wave = WaveHistory.of(Wave.begin("v42", 42, "main", at=at, by="alice"))
    >>> result = plan_rollout(wave, fleet, RolloutRequest.of(3, now=at))
    >>> wave = wave.after(result.plan, fleet, at=at, by="alice")
    >>> explain(wave, fleet, bytes.fromhex(result.uuids[0].replace("-", ""))).reason
    'it was chosen by rollout 1 of wave v42'
    """
    text = str(UUID(bytes=uuid))
    name = None if wave is None else wave.wave.name
    (ordinal,) = fleet.ordinals([uuid]).tolist()
    if ordinal == _core.NO_ORDINAL:
        unknown = "the factory does not know the device"
        return WhyReport(uuid=text, rule="unknown", reason=unknown, served="nothing", wave=name)
    group, tag, _, _, target_version = fleet.core.device(ordinal)
    report = WhyReport(
        uuid=text,
        rule="no-wave",
        reason="it has no tag" if tag is None else f"its tag {tag} never had a wave",
        served=served,
        group=group,
        tag=tag,
        target_version=target_version,
    )
    return report if wave is None else _in_or_out(report, uuid, wave, fleet)


def _in_or_out(report: WhyReport, uuid: bytes, history: WaveHistory, fleet: Fleet) -> WhyReport:
    wave = history.wave
    membership = history.core.membership(fleet.core, uuid, state=wave.state)
    assert membership is not None  # noqa: S101 - it has an ordinal
    report = replace(
        report,
        wave=wave.name,
        updated=membership.updated,
        scheduled=membership.scheduled,
        unsupported=membership.unsupported,
        hardware_id=membership.hardware_id,
    )
    if membership.mismatch is not None:
        return replace(report, rule=membership.mismatch, reason=_mismatch(membership, wave))
    rollout = history.covering(membership)
    if membership.covered and rollout is not None:
        return _covered(report, rollout, wave, membership)
    if wave.state == "complete":
        reason = f"wave {wave.name} was completed, which brought it to every device of tag {wave.tag}"
        return replace(report, rule="completed", reason=reason + _no_target(membership), in_wave=True)
    if membership.updated:
        reason = f"it reports version {report.target_version}, and no rollout of wave {wave.name} chose it"
        return replace(report, rule="updated", reason=reason)
    if membership.unsupported:
        reason = f"wave {wave.name} has no target for its hardware {membership.hardware_id}"
        return replace(report, rule="no-target-for-hardware", reason=reason)
    return replace(report, rule="not-rolled-out", reason=f"no rollout of wave {wave.name} has reached it")


def _mismatch(membership: _core.Membership, wave: Wave) -> str:
    reason = "it is a test device" if membership.mismatch == "test" else f"it is not on the tag {wave.tag}"
    if membership.staged:
        reason += ", though a rollout had chosen it: it is covered again when it comes back"
    return reason


def _no_target(membership: _core.Membership) -> str:
    if membership.unsupported and not membership.updated:
        return f"; the wave has no target for its hardware {membership.hardware_id}"
    return ""


def _covered(report: WhyReport, rollout: Rollout, wave: Wave, membership: _core.Membership) -> WhyReport:
    how = f"its group {report.group} was rolled out whole" if rollout.whole else "it was chosen"
    reason = f"{how} by rollout {rollout.number} of wave {wave.name}"
    if wave.state == "canceled":
        reason += ", which was canceled since"
    reason += _no_target(membership)
    return replace(
        report,
        rule="whole-group" if rollout.whole else "staged",
        reason=reason,
        in_wave=True,
        rollout=rollout.number,
        since=rollout.applied_at,
        by=rollout.applied_by,
    )
