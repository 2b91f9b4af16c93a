"""Plans: what a rollout would stage, computed and not applied. Applying a plan stages exactly that set, or refuses.

The file is a JSON object. ``digest`` is that of the set, as rollouts keep it. ``seal`` is a SHA-256 over everything
else in the file: it reveals an accidental edit. Neither makes a plan secret or signed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from groundswell import _core
from groundswell.errors import InputError, StateError
from groundswell.fleet.uuid_list import UuidList
from groundswell.input_files import read_file
from groundswell.json_text import parse_json
from groundswell.outputs import output_file
from groundswell.waves.consistency import check_consistent, contradictory, impossible_settings
from groundswell.waves.plan_facts import ADDED_IN_2, ADDED_IN_3, EPOCH_FORMAT, PLAN_FORMAT, PlanFacts
from groundswell.waves.request import LATER_PARTS, PARTS, RolloutKind, RolloutRequest, RolloutSelector

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_BYTES", "PLAN_FORMAT", "Plan"]

_OLDEST_FORMAT: Final = 1
MAX_BYTES: Final = 512 << 20
"""The largest file of a plan: it names 12 million devices, or 6 million of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(PlanFacts):
    """What a rollout would stage.

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

    @property
    def seal(self) -> str:
        """SHA-256 in hex over everything else in the file: what identifies the plan.

        Cost: writing the file.
        """
        return _seal(_jsonable(self))

    def check_types(self) -> None:
        """Refuse a plan that was made by hand and has parts of the wrong kind; `loads` makes no such plan.

        Raises:
            InputError: ``not-a-plan``, ``contradictory-plan``.
        """
        label = "the plan"
        request = self.request
        lists = isinstance(request, RolloutRequest) and isinstance(request.selector, RolloutSelector)
        if (
            not lists
            or type(request.seed) is not int
            or not isinstance(self.whole_groups, tuple)
            or not isinstance(self.devices, UuidList)
            or not isinstance(self.listed, UuidList | None)
        ):
            raise _not_a_plan(label, "has a part of the wrong kind")
        try:
            facts = self.facts()
        except (AttributeError, TypeError, InputError) as error:
            raise _not_a_plan(label, "has a part of the wrong kind") from error
        made = _made(facts | {"uuids": [], "listed": None if self.listed is None else []}, label)
        if made.request.selecting(uuids=self.listed) != request:
            raise _not_a_plan(label, "has a part of the wrong kind: `request`")

    def dumps(self) -> str:
        """The text of the file, in the format that the plan was read in or made with."""
        data = _jsonable(self)
        return json.dumps({"groundswell-plan": self.plan_format, **data, "seal": _seal(data)}, indent=1) + "\n"

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
            raise _not_a_plan(label, "is not a plan")
        found = document.pop("groundswell-plan")
        if type(found) is not int or not _OLDEST_FORMAT <= found <= PLAN_FORMAT:
            raise StateError(
                "newer-plan",
                f"`{label}` has the format `{str(found)[:40]}`, and this groundswell knows {PLAN_FORMAT}",
                hint="use the version of groundswell that wrote it, or make the plan again",
                fields={"source": label, "format": str(found)[:40]},
            )
        seal = document.pop("seal", None)
        _check_parts(document, found, label)
        if seal != _seal(document):
            raise _edited(label, "its seal does not fit its content")
        plan = _made(document, label)
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


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _or_none(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or check(value)


_CHECKS: Final[dict[str, Callable[[object], bool]]] = {
    "factory": _is_text,
    "factory_revision": _is_count,
    "wave": _is_text,
    "wave_revision": _is_count,
    "target_version": _is_count,
    "tag": _is_text,
    "kind": lambda value: value in get_args(RolloutKind),
    "group_id": _or_none(_is_count),
    "algorithm": _is_count,
    "candidates_rule": _is_count,
    "matching": _is_count,
    "candidates": _is_count,
    "wanted": _is_count,
    "digest": _is_text,
    "whole_groups": _texts,
    "uuids": _texts,
    "listed": _or_none(_texts),
}
"""How the parts of a plan's file are recognised that are not parts of its request."""


def _check_parts(document: dict[str, Any], plan_format: int, label: str) -> None:
    later = {1: ADDED_IN_2.keys() | ADDED_IN_3.keys(), 2: ADDED_IN_3.keys()}.get(plan_format, set())
    known = (_CHECKS.keys() | PARTS.keys()) - later
    if not known - LATER_PARTS.keys() <= document.keys() <= known:
        raise _not_a_plan(label, "lacks a part of a plan, or has one too many")
    if plan_format > EPOCH_FORMAT and not isinstance(document["now"], str):
        raise _not_a_plan(label, "has a part of the wrong kind: `now`")


def _made(document: dict[str, Any], label: str) -> Plan:
    wrong = sorted(name for name, check in _CHECKS.items() if name in document and not check(document[name]))
    if wrong:
        raise _not_a_plan(label, f"has a part of the wrong kind: `{wrong[0]}`")
    for reason in impossible_settings(document):
        raise contradictory(label, reason)
    devices, listed = _uuids(document.pop("uuids"), label), document.pop("listed")
    try:
        return Plan.from_facts(document, devices=devices, listed=None if listed is None else _uuids(listed, label))
    except InputError as error:
        if error.code != "not-a-request":
            raise
        raise _not_a_plan(label, f"has a part of the wrong kind: {error.message}") from error


def _uuids(texts: list[str], label: str) -> UuidList:
    try:
        found = UuidList.of(texts)
    except InputError as error:
        raise _edited(label, f"it names something that is not a UUID: {error.message}") from error
    if found.duplicates:
        raise _edited(label, "it names a device twice")
    return found


def _not_a_plan(label: str, what: str) -> InputError:
    return InputError(
        "not-a-plan",
        f"`{label}` {what}",
        hint="give the file of a plan that a dry run wrote",
        fields={"source": label, "reason": what},
    )


def _edited(label: str, what: str) -> InputError:
    return InputError(
        "edited-plan",
        f"`{label}` was changed after it was made: {what}",
        hint="make the plan again; to stage an edited list of devices, give the list",
        fields={"source": label, "reason": what},
    )
