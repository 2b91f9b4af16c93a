"""Why a device is in a wave or not, since which rollout, by which rule, and what it is served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from groundswell import _core
from groundswell.factory.trust.publisher import TAG_VARIANT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.serving import Production
    from groundswell.fleet import Fleet, UuidList
    from groundswell.waves.records import Rollout, Wave

__all__ = ["Rule", "WhyDesk", "WhyReport"]

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


class WhyDesk:
    """Answers for one state of the factory."""

    def __init__(self, book: WaveRepository, production: Production, fleet: Fleet) -> None:
        self._book: Final = book
        self._production: Final = production
        self._fleet: Final = fleet

    def reports(self, uuids: UuidList, wave: Wave | None) -> Sequence[WhyReport]:
        """A report for each device; see `groundswell.factory.waves.waves.Waves.why`."""
        ordinals = self._fleet.ordinals(uuids).tolist()
        rows = zip(uuids.uuids, uuids.array, ordinals, strict=True)
        return [self._report(uuid, row.tobytes(), ordinal, wave) for uuid, row, ordinal in rows]

    def _report(self, uuid: str, data: bytes, ordinal: int, named: Wave | None) -> WhyReport:
        if ordinal == _core.NO_ORDINAL:
            report = WhyReport(
                uuid=uuid, rule="unknown", reason="the factory does not know the device", served="nothing"
            )
            return replace(report, wave=None if named is None else named.name)
        group, tag, production, _, target_version = self._fleet.core.device(ordinal)
        wave = named or self._wave_of(tag)
        report = WhyReport(
            uuid=uuid,
            rule="no-wave",
            reason="it has no tag" if tag is None else f"its tag {tag} never had a wave",
            served=self._served(data, tag, production=production),
            group=group,
            tag=tag,
            target_version=target_version,
        )
        return report if wave is None else self._in_or_out(report, data, wave)

    def _in_or_out(self, report: WhyReport, data: bytes, wave: Wave) -> WhyReport:
        membership = self._book.core(wave).membership(self._fleet.core, data, state=wave.state)
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
        rollout = self._covering(membership, wave)
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

    def _wave_of(self, tag: str | None) -> Wave | None:
        """The active wave of a tag, or else the latest."""
        own = [wave for wave in self._book.all() if wave.tag == tag]
        return next((wave for wave in own if wave.active), own[-1] if own else None)

    def _covering(self, membership: _core.Membership, wave: Wave) -> Rollout | None:
        """The first rollout that covers a device now."""
        for rollout in self._book.rollouts(wave):
            if rollout.whole:
                if membership.group is not None and membership.group == self._book.name(rollout.group_id):
                    return rollout
            elif membership.ordinal in rollout.devices:
                return rollout
        return None

    def _served(self, data: bytes, tag: str | None, *, production: bool) -> str:
        if tag is None:
            return "nothing: it has no tag"
        if not production:
            return f"the CI targets of tag {tag}"
        wanted = self._production.variant(data, self._fleet)
        if wanted is None:
            return f"nothing: tag {tag} has no production targets"
        return f"the production targets of tag {tag}" if wanted[1] == TAG_VARIANT else f"the targets of {wanted[1]}"


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
