"""Waves and rollouts as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from groundswell import _core
from groundswell.values import epoch_seconds, instant
from groundswell.waves.request import RolloutKind, RolloutRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from groundswell.fleet.uuid_list import UuidList
    from groundswell.waves.plan_facts import PlanFacts

__all__ = [
    "COLUMNS_OF_REQUEST",
    "Rollout",
    "RolloutKind",
    "Wave",
    "WaveState",
    "rollout_from_row",
    "rollout_row",
    "wave_from_row",
    "wave_row",
]

COLUMNS_OF_REQUEST: Final = frozenset({"seed", "now", "online_threshold", "half_life", "whole_group"})
"""Parts of a rollout's request that its row has columns for; the column ``selector`` has the others, as JSON."""

WaveState = Literal["active", "complete", "canceled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """A wave as it is kept.

    Args:
        wave_id: its number.
        name: its name, never used again.
        target_version: the build number that it brings.
        tag: the tag that it is for.
        state: ``active``, ``complete`` or ``canceled``.
        revision: grows by one with every applied rollout or change of state.
        document: its targets role, as signed.
        created_at, created_by: when and by whom it was made.
        finished_at, finished_by: the same of its end; None while it is active.
    """

    wave_id: int
    name: str
    target_version: int
    tag: str
    state: WaveState
    revision: int
    document: bytes
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    finished_by: str | None

    @classmethod
    def begin(
        cls, name: str, target_version: int, tag: str, *, at: datetime, by: str, wave_id: int = 1, document: bytes = b""
    ) -> Wave:
        """A wave of which nothing was rolled out yet.

        Args:
            name: its name.
            target_version: the build number that it brings.
            tag: the tag that it is for.
            at: when it is made.
            by: by whom.
            wave_id: its number.
            document: its targets role, as signed; what `groundswell.waves` computes does not need it.
        """
        return cls(
            wave_id=wave_id,
            name=name,
            target_version=target_version,
            tag=tag,
            state="active",
            revision=1,
            document=document,
            created_at=at,
            created_by=by,
            finished_at=None,
            finished_by=None,
        )

    @property
    def active(self) -> bool:
        """Whether it can be rolled out further."""
        return self.state == "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """An applied rollout, as it is kept for ever.

    Args:
        number: its place in the wave's history, from 1.
        kind: ``whole-group``, ``sample``, ``listed`` or ``sample-within-list``.
        applied_at, applied_by: when and by whom it was applied.
        group_id: the number of the group that it asked for; None for the whole fleet.
        selector: what was asked for: ``group`` (its name then), ``limit``, ``percent_of``, ``listed`` (how many),
            ``skip_mismatched``, ``to`` (the goal), ``online_only``. Rollouts under rule 1 lack the last two.
        listed: the listed devices that the factory knew; None where no list was given.
        whole_groups: the groups that had been rolled out whole before it, by their names then.
        seed: what decided a sample.
        selected_at: the instant that ages were counted to.
        online_threshold, half_life: seconds.
        algorithm: the number of the sampling algorithm.
        candidates_rule: the number of the rule for candidates.
        matching, candidates, wanted: what the selector came to.
        device_count: how many devices it took in.
        devices: the exact set.
        digest: SHA-256 in hex over their UUIDs in ascending order.
    """

    number: int
    kind: RolloutKind
    applied_at: datetime
    applied_by: str
    group_id: int | None
    selector: Mapping[str, Any]
    listed: _core.DeviceSet | None
    whole_groups: tuple[str, ...]
    seed: int
    selected_at: int
    online_threshold: int
    half_life: int
    algorithm: int
    candidates_rule: int
    matching: int
    candidates: int
    wanted: int
    device_count: int
    devices: _core.DeviceSet
    digest: str

    @classmethod
    def of(
        cls,
        plan: PlanFacts,
        *,
        number: int,
        devices: _core.DeviceSet,
        listed: _core.DeviceSet | None,
        applied_at: datetime,
        applied_by: str,
    ) -> Rollout:
        """The rollout that applying a plan makes; the sets are those of the plan, in ordinals."""
        request = plan.request.to_json()
        return cls(
            number=number,
            kind=plan.kind,
            applied_at=applied_at,
            applied_by=applied_by,
            group_id=plan.group_id,
            selector={name: value for name, value in request.items() if name not in COLUMNS_OF_REQUEST},
            listed=listed,
            whole_groups=plan.whole_groups,
            seed=plan.seed,
            selected_at=plan.now,
            online_threshold=plan.online_threshold,
            half_life=plan.half_life,
            algorithm=plan.algorithm,
            candidates_rule=plan.candidates_rule,
            matching=plan.matching,
            candidates=plan.candidates,
            wanted=plan.wanted,
            device_count=len(devices),
            devices=devices,
            digest=plan.digest,
        )

    def request(self, uuids: UuidList | None) -> RolloutRequest:
        """What the rollout asked for.

        Args:
            uuids: the devices of `listed`; None where it is None.

        Raises:
            InputError: ``not-a-request`` for a row that no program of ours wrote.
        """
        columns = {
            "seed": str(self.seed),
            "now": self.selected_at,
            "online_threshold": self.online_threshold,
            "half_life": self.half_life,
            "whole_group": self.whole,
        }
        return RolloutRequest.from_json({**columns, **self.selector}, uuids=uuids)

    @property
    def whole(self) -> bool:
        """Whether it is a standing rule for a group."""
        return self.kind == "whole-group"


def wave_from_row(row: Mapping[str, Any]) -> Wave:
    """A wave from the columns of its table."""
    return Wave(
        wave_id=row["wave_id"],
        name=row["name"],
        target_version=row["target_version"],
        tag=row["tag"],
        state=cast("WaveState", row["state"]),
        revision=row["revision"],
        document=bytes(row["document"]),
        created_at=instant(row["created_at"]),
        created_by=row["created_by"],
        finished_at=None if row["finished_at"] is None else instant(row["finished_at"]),
        finished_by=row["finished_by"],
    )


def wave_row(wave: Wave) -> dict[str, Any]:
    """The columns of a wave's row: the inverse of `wave_from_row`."""
    return {
        "wave_id": wave.wave_id,
        "name": wave.name,
        "target_version": wave.target_version,
        "tag": wave.tag,
        "state": wave.state,
        "revision": wave.revision,
        "document": wave.document,
        "created_at": epoch_seconds(wave.created_at),
        "created_by": wave.created_by,
        "finished_at": None if wave.finished_at is None else epoch_seconds(wave.finished_at),
        "finished_by": wave.finished_by,
    }


def rollout_row(rollout: Rollout, wave_id: int) -> dict[str, Any]:
    """The columns of a rollout's row: the inverse of `rollout_from_row`."""
    import json

    row = {name: getattr(rollout, name) for name in _PLAIN_COLUMNS}
    return row | {
        "wave_id": wave_id,
        "applied_at": epoch_seconds(rollout.applied_at),
        "selector": json.dumps(rollout.selector),
        "listed": None if rollout.listed is None else rollout.listed.to_portable(),
        "whole_groups": json.dumps(rollout.whole_groups),
        "seed": str(rollout.seed),
        "devices": rollout.devices.to_portable(),
    }


_PLAIN_COLUMNS: Final = (
    *("number", "kind", "applied_by", "group_id", "selected_at", "online_threshold", "half_life", "algorithm"),
    *("candidates_rule", "matching", "candidates", "wanted", "device_count", "digest"),
)


def rollout_from_row(row: Mapping[str, Any]) -> Rollout:
    """A rollout from the columns of its table."""
    import json

    listed = row["listed"]
    return Rollout(
        number=row["number"],
        kind=cast("RolloutKind", row["kind"]),
        applied_at=instant(row["applied_at"]),
        applied_by=row["applied_by"],
        group_id=row["group_id"],
        selector=json.loads(row["selector"]),
        listed=None if listed is None else _core.DeviceSet.from_portable(bytes(listed)),
        whole_groups=tuple(json.loads(row["whole_groups"])),
        seed=int(row["seed"]),
        selected_at=row["selected_at"],
        online_threshold=row["online_threshold"],
        half_life=row["half_life"],
        algorithm=row["algorithm"],
        candidates_rule=row["candidates_rule"],
        matching=row["matching"],
        candidates=row["candidates"],
        wanted=row["wanted"],
        device_count=row["device_count"],
        devices=_core.DeviceSet.from_portable(bytes(row["devices"])),
        digest=row["digest"],
    )
