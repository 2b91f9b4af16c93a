"""Plans: what a rollout would stage, worked out but not applied. A plan binds: just that set, or a refusal.

The file is a JSON object. ``digest`` is that of the set, as rollouts keep it; ``seal`` is a SHA-256 over everything
else in the file, so that a plan which was edited is told from one that was not. Neither makes a plan secret or signed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from groundswell import _core
from groundswell.errors import InputError, StateError
from groundswell.fleet.uuid_list import UuidList
from groundswell.input_files import read_file
from groundswell.json_text import parse_json
from groundswell.outputs import output_file
from groundswell.values import Denominator, parse_limit
from groundswell.waves.check_plan import check_consistent, contradictory
from groundswell.waves.records import RolloutKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MAX_BYTES", "PLAN_FORMAT", "Plan"]

PLAN_FORMAT: Final = 2
_OLDEST_FORMAT: Final = 1
"""Plans of format 1 lack `_ADDED`."""
_ADDED: Final = frozenset({"candidates_rule", "to", "online_only"})
MAX_BYTES: Final = 512 << 20
"""The largest file of a plan: it names 12 million devices, or 6 million of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rollout would stage.

    Args:
        factory: the name of the factory.
        wave: the name of the wave.
        wave_revision: its revision then; any applied rollout or change of state makes the plan stale.
        target_version, tag: those of the wave.
        kind: what the rollout is.
        group: the group that it asks for, by its name then.
        group_id: its number: a group of the same name that is made later is another one.
        limit: the limit as it was asked for; None for none.
        percent_of: what a percentage was taken of.
        listed: the listed devices that the factory knew; None where no list was given.
        skip_mismatched: whether offenders were skipped.
        whole_groups: the groups that had been rolled out whole, by their names then.
        seed: what decided the sample.
        now: the instant that ages were counted to, in seconds since 1970.
        online_threshold, half_life: seconds.
        algorithm: the number of the sampling algorithm.
        candidates_rule: the number of the rule for candidates.
        to: the goal as it was asked for, instead of a limit; None for none.
        online_only: whether only online devices were asked for.
        matching, candidates, wanted: what the selector came to.
        devices: the exact set: a sample in key order, a list in its own, a whole group's new devices ascending.
        digest: SHA-256 in hex over their UUIDs in ascending order.
    """

    factory: str
    wave: str
    wave_revision: int
    target_version: int
    tag: str
    kind: RolloutKind
    group: str | None
    group_id: int | None
    limit: str | None
    percent_of: Denominator
    listed: UuidList | None
    skip_mismatched: bool
    whole_groups: tuple[str, ...]
    seed: int
    now: int
    online_threshold: int
    half_life: int
    algorithm: int
    matching: int
    candidates: int
    wanted: int
    devices: UuidList
    digest: str
    candidates_rule: int = 1
    to: str | None = None
    online_only: bool = False

    def __len__(self) -> int:
        return len(self.devices)

    def __repr__(self) -> str:
        return f"<Plan for {len(self)} devices of wave {self.wave}, revision {self.wave_revision}>"

    @property
    def uuids(self) -> list[str]:
        """The devices as texts, in the order of `devices`; made when first asked for."""
        return self.devices.uuids

    @property
    def seal(self) -> str:
        """SHA-256 in hex over everything else in the file: what identifies the plan.

        Cost: writing the file.
        """
        return _seal(_jsonable(self))

    def facts(self) -> dict[str, Any]:
        """All fields in JSON types except `devices` and `listed`, which may be large."""
        large = {"devices", "listed"}
        data = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in large}
        # Beyond 2⁵³ many readers of JSON change a number.
        data["seed"] = str(self.seed)
        data["whole_groups"] = list(self.whole_groups)
        return data

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], *, devices: UuidList, listed: UuidList | None) -> Plan:
        """The plan of what `facts` returned and of its devices."""
        whole = {"seed": int(facts["seed"]), "whole_groups": tuple(facts["whole_groups"])}
        return cls(**{**facts, **whole, "devices": devices, "listed": listed})

    def check_types(self) -> None:
        """Refuse a plan that was made by hand and has parts of the wrong kind; `loads` makes no such plan.

        Raises:
            InputError: ``not-a-plan``, ``contradictory-plan``.
        """
        label, lists = "the plan", (self.devices, *([] if self.listed is None else [self.listed]))
        if (
            type(self.seed) is not int
            or not isinstance(self.whole_groups, tuple)
            or not all(isinstance(one, UuidList) for one in lists)
        ):
            raise _not_a_plan(label, "has a part of the wrong kind")
        _typed(self.facts() | {"uuids": [], "listed": None if self.listed is None else []}, label)

    def dumps(self) -> str:
        """The text of the file."""
        data = _jsonable(self)
        return json.dumps({"groundswell-plan": PLAN_FORMAT, **data, "seal": _seal(data)}, indent=1) + "\n"

    def write(self, path: str | Path) -> None:
        """Write the file, as a whole or not at all.

        Raises:
            StorageError: ``cannot-write``.
        """
        with output_file(Path(path)) as file:
            file.write(self.dumps().encode())

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """Read a file that `write` wrote.

        Raises:
            NotFoundError: ``file-not-found``.
            InputError: as `loads`.
        """
        return cls.loads(read_file(Path(path), at_most=MAX_BYTES + 1), label=str(path))

    @classmethod
    def loads(cls, data: bytes | str, label: str = "the plan") -> Plan:
        """Read the text of a file.

        Raises:
            InputError: ``not-a-plan``; ``edited-plan`` where the seal or the digest fails; ``contradictory-plan`` where
                they hold and the fields contradict each other.
            StateError: ``newer-plan``.
        """
        try:
            document = parse_json(data, label, max_bytes=MAX_BYTES)
        except InputError as error:
            raise _not_a_plan(label, f"is not JSON that can be read: {error.message}") from error
        if not isinstance(document, dict) or "groundswell-plan" not in document:
            raise _not_a_plan(label, "is no plan")
        found = document.pop("groundswell-plan")
        if type(found) is not int or not _OLDEST_FORMAT <= found <= PLAN_FORMAT:
            raise StateError(
                "newer-plan",
                f"`{label}` has the format `{str(found)[:40]}`, and this groundswell knows {PLAN_FORMAT}",
                hint="use the version of groundswell that wrote it, or make the plan again",
                fields={"source": label, "format": str(found)[:40]},
            )
        seal = document.pop("seal", None)
        if set(document) != _CHECKS.keys() - (_ADDED if found == _OLDEST_FORMAT else set()):
            raise _not_a_plan(label, "lacks a part of a plan, or has one too many")
        if seal != _seal(document):
            raise _edited(label, "its seal does not fit what it says")
        plan = _typed(document, label)
        if _core.digest_uuids(plan.devices.array).hex() != plan.digest:
            raise _edited(label, "its digest does not fit its devices")
        check_consistent(plan, label)
        return plan


def _jsonable(plan: Plan) -> dict[str, Any]:
    listed = None if plan.listed is None else plan.listed.uuids
    return {**plan.facts(), "uuids": plan.devices.uuids, "listed": listed}


def _seal(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_instant(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_limit(value: object) -> bool:
    try:
        return isinstance(value, str) and parse_limit(value) is not None
    except InputError:
        return False


def _is_seed(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9]{1,20}", value) is not None and int(value) < 2**64


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _or_none(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or check(value)


_CHECKS: Final[dict[str, Callable[[object], bool]]] = {
    **dict.fromkeys(("factory", "wave", "tag", "digest"), _is_text),
    **dict.fromkeys(("wave_revision", "target_version", "online_threshold", "half_life", "algorithm"), _is_count),
    **dict.fromkeys(("matching", "candidates", "wanted"), _is_count),
    "kind": lambda value: value in get_args(RolloutKind),
    "group": _or_none(_is_text),
    "group_id": _or_none(_is_count),
    "limit": _or_none(_is_limit),
    "to": _or_none(_is_limit),
    "online_only": lambda value: isinstance(value, bool),
    "candidates_rule": _is_count,
    "percent_of": lambda value: value in get_args(Denominator),
    "listed": _or_none(_texts),
    "skip_mismatched": lambda value: isinstance(value, bool),
    "whole_groups": _texts,
    "seed": _is_seed,
    "now": _is_instant,
    "uuids": _texts,
}

_PARTS: Final[dict[RolloutKind, tuple[bool, bool, bool | None]]] = {
    "whole-group": (False, False, True),
    "sample": (True, False, None),
    "listed": (False, True, None),
    "sample-within-list": (True, True, None),
}
"""For each kind, whether it has a limit, a list and a group; None for either."""


def _typed(document: dict[str, Any], label: str) -> Plan:
    wrong = sorted(name for name, value in document.items() if not _CHECKS[name](value))
    if wrong:
        raise _not_a_plan(label, f"has a part of the wrong kind: `{wrong[0]}`")
    limited, listed, grouped = _PARTS[document["kind"]]
    has_group = document["group"] is not None
    has_limit = document["limit"] is not None or document.get("to") is not None
    if (
        (has_limit, document["listed"] is not None) != (limited, listed)
        or has_group != (document["group_id"] is not None)
        or grouped not in (None, has_group)
        or (document.get("to") is not None and (document["limit"] is not None or document["kind"] != "sample"))
        or (document.get("online_only", False) and not limited)
    ):
        raise contradictory(label, f"it is of the kind `{document['kind']}`, and what it asks for is not")
    document["seed"] = int(document["seed"])
    document["devices"] = _uuids(document.pop("uuids"), label)
    document["listed"] = None if document["listed"] is None else _uuids(document["listed"], label)
    document["whole_groups"] = tuple(document["whole_groups"])
    return Plan(**cast("Any", document))


def _uuids(texts: list[str], label: str) -> UuidList:
    try:
        found = UuidList.of(texts)
    except InputError as error:
        raise _edited(label, f"it names something that is no UUID: {error.message}") from error
    if found.duplicates:
        raise _edited(label, "it names a device twice")
    return found


def _not_a_plan(label: str, what: str) -> InputError:
    return InputError(
        "not-a-plan",
        f"`{label}` {what}",
        hint="give a file that `Plan.write` wrote",
        fields={"source": label, "reason": what},
    )


def _edited(label: str, what: str) -> InputError:
    return InputError(
        "edited-plan",
        f"`{label}` was changed after it was made: {what}",
        hint="make the plan again; to stage an edited list of devices, give the list",
        fields={"source": label, "reason": what},
    )
