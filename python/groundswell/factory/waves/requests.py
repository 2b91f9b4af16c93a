"""Retries are safe: what a call returned is kept under its key, and a repeated call gets it again.

A key is either a request id, which the caller chooses, or the seal of a plan that was applied. Its row is written in
the transaction of the rollout, so a crash loses both or neither.

The instants of a call (`now`, `at`) are not part of the request, because a retry comes later.

Source: domain.md, "Retries are safe".
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal

from groundswell import _core
from groundswell.errors import InputError, StateError
from groundswell.fleet.uuid_list import UuidList
from groundswell.store import put
from groundswell.values import instant
from groundswell.waves.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from groundswell.factory.context import Context
    from groundswell.fleet import Fleet
    from groundswell.store import Change
    from groundswell.waves.plan_rollout import RolloutResult
    from groundswell.waves.request import RolloutRequest

__all__ = ["MAX_KEY_BYTES", "Answer", "Key", "RequestBook", "checked_request_id"]

MAX_KEY_BYTES: Final = 255

_ELSEWHERE: Final = frozenset({"wave", "number", "dry_run", "plan", "fleet", "request_id", "replayed", "parts"})
"""Fields of a result that its JSON does not hold: they have columns, or the reader knows them."""


def checked_request_id(request_id: str) -> str:
    """Check the form of a request id.

    Raises:
        InputError: ``bad-request-id`` unless it is 1 to 255 bytes of printable text without blanks at its ends.
    """
    if not request_id.strip():
        what = "is empty"
    elif not request_id.isprintable() or request_id != request_id.strip():
        what = "has characters that are not printable, or blanks at its ends"
    elif len(request_id.encode()) > MAX_KEY_BYTES:
        what = f"has more than {MAX_KEY_BYTES} bytes"
    else:
        return request_id
    shown = ascii(request_id[:40])[1:-1]
    raise InputError(
        "bad-request-id",
        f"the request id `{shown}` {what}",
        hint="give a text that is unique to this request, such as a UUID or the number of a ticket",
        fields={"request_id": shown, "reason": what},
    )


@dataclass(frozen=True, slots=True)
class Key:
    """What a call is remembered by.

    Args:
        kind: ``request`` for a request id, ``plan`` for the seal of a plan.
        key: the id or the seal.
        fingerprint: SHA-256 over what was requested, in hex.
    """

    kind: Literal["request", "plan"]
    key: str
    fingerprint: str

    @classmethod
    def of_rollout(cls, request_id: str, wave: str, request: RolloutRequest) -> Key:
        """The key of a rollout that brings a request id."""
        uuids = request.selector.uuids
        listed = None if uuids is None else _core.digest_uuids(uuids.array).hex()
        parts = {name: value for name, value in request.to_json().items() if name not in {"listed", "now"}}
        return cls._of_request(request_id, {"call": "rollout", "wave": wave, "uuids": listed, **parts})

    @classmethod
    def of_application(cls, request_id: str, plan: Key) -> Key:
        """The key of applying a plan with a request id."""
        return cls._of_request(request_id, {"call": "apply", "plan": plan.key})

    @classmethod
    def _of_request(cls, request_id: str, request: Mapping[str, Any]) -> Key:
        text = json.dumps(request, sort_keys=True, separators=(",", ":"))
        return cls("request", checked_request_id(request_id), hashlib.sha256(text.encode()).hexdigest())

    @classmethod
    def of_plan(cls, plan: Plan) -> Key:
        """The key of applying a plan."""
        seal = plan.seal
        return cls("plan", seal, seal)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call returned.

    Args:
        made_at, made_by: when and by whom the call was made.
        wave_id: the wave.
        number: the rollout that it became; None if it left no history.
        result: the JSON of the result.
        devices, listed: as in the table.
    """

    made_at: datetime
    made_by: str
    wave_id: int
    number: int | None
    result: Mapping[str, Any]
    devices: bytes | None
    listed: bytes | None

    def plan(self, fleet: Fleet) -> Plan:
        """The plan of the result; only for a call that brought its request id.

        Args:
            fleet: the factory's fleet.
        """
        listed = None if self.listed is None else _uuids(self.listed, fleet)
        return Plan.from_facts(self.result["plan"], devices=_uuids(self.devices or b"", fleet), listed=listed)


class RequestBook:
    """Reads and writes the rows of calls; the caller is in `reading` or `changing`."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context

    def known(self, request_id: str) -> bool:
        """Whether a call with this request id was answered."""
        return self._context.store.waves.request("request", request_id) is not None

    def find(self, key: Key) -> Answer | None:
        """What the first call of this key returned; None if there was none.

        Raises:
            StateError: ``request-id-used`` where it was another request, or another user's.
        """
        row = self._context.store.waves.request(key.kind, key.key)
        if row is None:
            return None
        if key.kind == "request":
            self._require_same(key, row)
        return Answer(
            made_at=instant(row["made_at"]),
            made_by=row["made_by"],
            wave_id=row["wave_id"],
            number=row["number"],
            result=json.loads(row["result"]),
            devices=None if row["devices"] is None else bytes(row["devices"]),
            listed=None if row["listed"] is None else bytes(row["listed"]),
        )

    def _require_same(self, key: Key, row: Mapping[str, Any]) -> None:
        other_user = row["made_by"] != self._context.user
        if not other_user and row["fingerprint"] == key.fingerprint:
            return
        what = f"by {row['made_by']}" if other_user else "for another request"
        raise StateError(
            "request-id-used",
            f"the request id `{key.key}` was used before, {what}",
            hint="nothing was changed; a new request takes a new id, and a retry repeats the request as it was",
            fields={
                "request_id": key.key,
                "made_at": row["made_at"],
                "made_by": row["made_by"],
                "rollout": row["number"],
                "reason": "other-user" if other_user else "other-request",
            },
        )

    def row(self, key: Key, result: RolloutResult, at: int) -> Change:
        """The change that keeps the result of a call.

        Args:
            key: what the call is remembered by.
            result: what it returns.
            at: the instant of the call.
        """
        plan, by_id = result.plan, key.kind == "request"
        said = {field.name: getattr(result, field.name) for field in fields(result) if field.name not in _ELSEWHERE}
        said |= {"plan": plan.facts() if by_id else None, "wave_revision": result.wave.revision}
        said["breakdown"] = asdict(result.breakdown)
        row = {
            "kind": key.kind,
            "key": key.key,
            "made_at": at,
            "made_by": self._context.user,
            "fingerprint": key.fingerprint,
            "wave_id": result.wave.wave_id,
            "number": result.number,
            "result": json.dumps(said),
            # Whoever applies a plan again has its devices in hand.
            "devices": _ordinals(plan.devices, result.fleet) if by_id else None,
            "listed": _ordinals(plan.listed, result.fleet) if by_id and plan.listed is not None else None,
        }
        return put("requests", [row], new=True)


def _ordinals(devices: UuidList, fleet: Fleet) -> bytes:
    if not len(devices):
        return b""
    ordinals = fleet.ordinals(devices)
    return bytes(ordinals[ordinals != _core.NO_ORDINAL].astype("<u4").tobytes())


def _uuids(ordinals: bytes, fleet: Fleet) -> UuidList:
    import numpy as np

    # The factory's own fleet has a row for each ordinal ever given, those of deleted devices included.
    return UuidList(fleet.core.uuids(np.frombuffer(ordinals, "<u4").astype(np.uint32)))
