"""What a plan says, without its file: who would be staged, and all that led to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from groundswell.values import epoch_seconds
from groundswell.waves.request import RolloutRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from groundswell.fleet.uuid_list import UuidList
    from groundswell.values import Denominator
    from groundswell.waves.request import RolloutKind

__all__ = ["ADDED_IN_2", "ADDED_IN_3", "EPOCH_FORMAT", "OWN_FACTS", "PLAN_FORMAT", "PlanFacts"]

PLAN_FORMAT: Final = 3
EPOCH_FORMAT: Final = 2
"""Up to this format, ``now`` is in seconds since 1970, and `ADDED_IN_3` are missing."""
ADDED_IN_2: Final[dict[str, Any]] = {"candidates_rule": 1, "to": None, "online_only": False}
ADDED_IN_3: Final[dict[str, Any]] = {"factory_revision": None, "whole_group": None}
OWN_FACTS: Final = (
    *("factory", "factory_revision", "wave", "wave_revision", "target_version", "tag", "kind", "group_id"),
    *("algorithm", "candidates_rule", "matching", "candidates", "wanted", "digest"),
)
"""The parts of a plan's JSON that are not parts of its request, except the lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """What a plan says; `groundswell.waves.plan.Plan` adds its file.

    Args:
        factory: the name of the factory.
        factory_revision: its revision then; None in plans of formats 1 and 2.
        wave: the name of the wave.
        wave_revision: its revision then; any applied rollout or change of state makes the plan stale.
        target_version, tag: those of the wave.
        kind: what the rollout is.
        request: what it asks for, with its seed. Its list has the listed devices that the factory knew.
        group_id: the number of its group: a group of the same name that is made later is another one.
        whole_groups: the groups that had been rolled out whole, by their names then.
        algorithm: the number of the sampling algorithm.
        candidates_rule: the number of the rule for candidates.
        matching, candidates, wanted: what the selector came to.
        devices: the exact set: a sample in key order, a list in its own, a whole group's new devices ascending.
        digest: SHA-256 in hex over their UUIDs in ascending order.
        plan_format: the format of its file.
    """

    factory: str
    factory_revision: int | None = None
    wave: str
    wave_revision: int
    target_version: int
    tag: str
    kind: RolloutKind
    request: RolloutRequest
    group_id: int | None
    whole_groups: tuple[str, ...]
    algorithm: int
    candidates_rule: int = 1
    matching: int
    candidates: int
    wanted: int
    devices: UuidList
    digest: str
    plan_format: int = PLAN_FORMAT

    def __len__(self) -> int:
        return len(self.devices)

    def __repr__(self) -> str:
        return f"<Plan for {len(self)} devices of wave {self.wave}, revision {self.wave_revision}>"

    @property
    def uuids(self) -> list[str]:
        """The devices as texts, in the order of `devices`; made when first asked for."""
        return self.devices.uuids

    @property
    def group(self) -> str | None:
        """The group that the rollout asks for, by its name then."""
        return self.request.selector.group

    @property
    def listed(self) -> UuidList | None:
        """The listed devices that the factory knew; None where no list was given."""
        return self.request.selector.uuids

    @property
    def limit(self) -> str | None:
        """The limit as text; None for none."""
        limit = self.request.limit
        return None if limit.is_all or limit.is_goal else str(limit)

    @property
    def to(self) -> str | None:
        """The goal as text, instead of a limit; None for none."""
        return str(self.request.limit) if self.request.limit.is_goal else None

    @property
    def percent_of(self) -> Denominator:
        """What a percentage is taken of."""
        return self.request.limit.percent_of

    @property
    def online_only(self) -> bool:
        """Whether only online devices were asked for."""
        return self.request.selector.online_only

    @property
    def skip_mismatched(self) -> bool:
        """Whether offenders were skipped."""
        return self.request.on_mismatch == "skip"

    @property
    def seed(self) -> int:
        """What decided the sample."""
        return self.request.seed or 0

    @property
    def now(self) -> int:
        """The instant that ages were computed at, in seconds since 1970."""
        return epoch_seconds(self.request.recency.now)

    @property
    def online_threshold(self) -> int:
        """The online threshold in seconds."""
        return round(self.request.recency.online_threshold.total_seconds())

    @property
    def half_life(self) -> int:
        """The half-life in seconds."""
        return round(self.request.recency.half_life.total_seconds())

    def facts(self) -> dict[str, Any]:
        """All parts of the file in JSON types, except ``uuids`` and ``listed``, which may be large."""
        data: dict[str, Any] = {name: getattr(self, name) for name in OWN_FACTS}
        data |= self.request.to_json() | {"whole_groups": list(self.whole_groups)}
        del data["listed"]
        if self.plan_format <= EPOCH_FORMAT:
            data["now"] = self.now
            for name in ADDED_IN_3:
                del data[name]
        return data

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], *, devices: UuidList, listed: UuidList | None) -> Self:
        """The plan of what `facts` returned and of its devices.

        Raises:
            InputError: ``not-a-request``.
        """
        is_old = "factory_revision" not in facts
        parts = {**ADDED_IN_2, **ADDED_IN_3, **facts}
        own = {name: parts.pop(name) for name in OWN_FACTS} | {"whole_groups": tuple(parts.pop("whole_groups"))}
        request = RolloutRequest.from_json(parts, uuids=listed)
        plan_format = EPOCH_FORMAT if is_old else PLAN_FORMAT
        return cls(**own, request=request, devices=devices, plan_format=plan_format)
