"""Plans: what a rollout would stage, worked out but not applied. A plan binds: just that set, or a refusal.

The file is a JSON object. ``digest`` is that of the set, as rollouts keep it; ``seal`` is a SHA-256 over everything
else in the file, so that a plan which was edited is told from one that was not. Neither makes a plan secret or signed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from groundswell.errors import InputError, StateError
from groundswell.files import replace_file
from groundswell.fleet.uuid_list import UuidList
from groundswell.input_files import read_file

if TYPE_CHECKING:
    from groundswell.waves.records import RolloutKind

__all__ = ["PLAN_FORMAT", "Plan"]

PLAN_FORMAT: Final = 1
_MOST_BYTES: Final = 8 << 30
_KINDS: Final = ("whole-group", "sample", "listed", "sample-within-list")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rollout would stage.

    Args:
        factory: the name of the factory.
        wave: the name of the wave.
        wave_revision: its revision then; any applied rollout or change of state makes the plan stale.
        target_version, tag: those of the wave.
        kind: what the rollout is.
        group: the group that it asks for.
        group_id: its number: a group of the same name that is made later is another one.
        limit: the limit as it was asked for; None for none.
        percent_of: what a percentage was taken of.
        listed: the listed devices that the factory knew; None where no list was given.
        skip_mismatched: whether offenders were skipped.
        seed: what decided the sample.
        now: the instant that ages were counted to, in seconds since 1970.
        online_threshold, half_life: seconds.
        algorithm: the number of the sampling algorithm.
        matching, candidates, wanted: what the selector came to.
        uuids: the exact set: a sample in key order, a list in its own, a whole group's new devices ascending.
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
    percent_of: Literal["matching", "remaining", "online"]
    listed: tuple[str, ...] | None
    skip_mismatched: bool
    seed: int
    now: int
    online_threshold: int
    half_life: int
    algorithm: int
    matching: int
    candidates: int
    wanted: int
    uuids: tuple[str, ...]
    digest: str

    def __len__(self) -> int:
        return len(self.uuids)

    def __repr__(self) -> str:
        return f"<Plan for {len(self)} devices of wave {self.wave}, revision {self.wave_revision}>"

    def dumps(self) -> str:
        """The text of the file."""
        data = _jsonable(self)
        return json.dumps({"groundswell-plan": PLAN_FORMAT, **data, "seal": _seal(data)}, indent=1) + "\n"

    def write(self, path: str | Path) -> None:
        """Write the file, as a whole or not at all.

        Raises:
            StorageError: ``cannot-write``.
        """
        with replace_file(Path(path)) as file:
            file.write(self.dumps().encode())

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """Read a file that `write` wrote.

        Raises:
            NotFoundError: ``file-not-found``.
            InputError: as `loads`.
        """
        return cls.loads(read_file(Path(path), at_most=_MOST_BYTES), label=str(path))

    @classmethod
    def loads(cls, data: bytes | str, label: str = "the plan") -> Plan:
        """Read the text of a file.

        Raises:
            InputError: ``not-a-plan``; ``edited-plan`` where the seal or the digest fails.
            StateError: ``newer-plan``.
        """
        try:
            document = json.loads(data)
        except ValueError as error:
            raise _not_a_plan(label, "is no JSON") from error
        if not isinstance(document, dict) or "groundswell-plan" not in document:
            raise _not_a_plan(label, "is no plan")
        found = document.pop("groundswell-plan")
        if found != PLAN_FORMAT:
            raise StateError(
                "newer-plan",
                f"`{label}` has the format `{found}`, and this groundswell knows {PLAN_FORMAT}",
                hint="use the version of groundswell that wrote it, or make the plan again",
                fields={"source": label, "format": str(found)},
            )
        seal = document.pop("seal", None)
        if set(document) != {field.name for field in fields(cls)}:
            raise _not_a_plan(label, "lacks a part of a plan, or has one too many")
        if seal != _seal(document):
            raise _edited(label, "its seal does not fit what it says")
        plan = _typed(cls, document, label)
        if _digest_of(plan.uuids, label) != plan.digest:
            raise _edited(label, "its digest does not fit its devices")
        return plan


def _jsonable(plan: Plan) -> dict[str, Any]:
    data = asdict(plan)
    # Beyond 2⁵³ many readers of JSON change a number.
    data["seed"] = str(plan.seed)
    data["uuids"] = list(plan.uuids)
    data["listed"] = None if plan.listed is None else list(plan.listed)
    return data


def _seal(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _typed(cls: type[Plan], document: dict[str, Any], label: str) -> Plan:
    numbers = ["wave_revision", "target_version", "now", "online_threshold", "half_life", "algorithm"]
    numbers += ["matching", "candidates", "wanted"]
    right = (
        all(type(document[name]) is int for name in numbers)
        and all(isinstance(document[name], str) for name in ("factory", "wave", "tag", "digest", "seed"))
        and document["kind"] in _KINDS
        and isinstance(document["uuids"], list)
        and isinstance(document["listed"], list | None)
        and str(document["seed"]).isdecimal()
    )
    if not right:
        raise _not_a_plan(label, "has a part of the wrong kind")
    document["seed"] = int(document["seed"])
    document["uuids"] = tuple(document["uuids"])
    document["listed"] = None if document["listed"] is None else tuple(document["listed"])
    return cls(**cast("Any", document))


def _digest_of(uuids: tuple[str, ...], label: str) -> str:
    if not uuids:
        return hashlib.sha256(b"").hexdigest()
    try:
        array = UuidList.of(uuids).array
    except InputError as error:
        raise _edited(label, f"it names something that is no UUID: {error.message}") from error
    if len(array) != len(uuids):
        raise _edited(label, "it names a device twice")
    return hashlib.sha256(b"".join(sorted(row.tobytes() for row in array))).hexdigest()


def _not_a_plan(label: str, what: str) -> InputError:
    return InputError(
        "not-a-plan",
        f"`{label}` {what}",
        hint="give a file that `groundswell waves rollout --dry-run --plan-out FILE` wrote",
        fields={"source": label, "reason": what},
    )


def _edited(label: str, what: str) -> InputError:
    return InputError(
        "edited-plan",
        f"`{label}` was changed after it was made: {what}",
        hint="make the plan again; to stage an edited list of devices, give it with --uuids @FILE",
        fields={"source": label, "reason": what},
    )
