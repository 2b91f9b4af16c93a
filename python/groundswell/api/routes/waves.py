"""Waves (wire.md 2.1 to 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations

from groundswell.api.access import Call
from groundswell.api.bodies import MIB, Body, flag, required, text, whole
from groundswell.api.online import threshold_of
from groundswell.api.problems import RefusedError
from groundswell.api.shapes.common import documents_by_name
from groundswell.api.shapes.waves import rollout_result, wave_list, wave_shape, wave_status, with_document
from groundswell.api.state import body_of, json_answer, let_in, page_numbers
from groundswell.errors import InputError, NotFoundError
from groundswell.fleet import UuidList
from groundswell.tuf.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from groundswell.factory import Factory
    from groundswell.waves import Wave

__all__ = [
    "cancel_wave",
    "complete_wave",
    "init_wave",
    "list_waves",
    "production_targets",
    "roll_out",
    "router",
    "show_status",
    "show_wave",
    "sign_wave",
    "wave_targets",
]

router: Final = APIRouter(prefix="/ota/factories/{factory}", tags=["waves"])

_ACTIVE: Final = "$active$"
_STATES: Final = ("active", "complete", "canceled")
_TARGETS_BYTES: Final = 8 * MIB
_MAX_PERCENT: Final = 100

Reader = Annotated[Call, let_in("read")]
Writer = Annotated[Call, let_in("waves")]


@router.get("/waves/")
def list_waves(request: Request, call: Reader) -> Response:
    """List waves, newest first."""
    limit, page = page_numbers(request, default=20, allowed=lambda number: number <= 1000)  # noqa: PLR2004
    state, tag = request.query_params.get("status") or None, request.query_params.get("tag") or None
    if state is not None and state not in _STATES:
        raise RefusedError(
            400, "bad-state", f"no wave has the status `{state[:40]}`", f"use one of {', '.join(_STATES)}"
        )
    factory = call.factory
    found = [wave for wave in factory.waves.list(state=state) if tag in (None, wave.tag)]
    shown = found[(page - 1) * limit : page * limit]
    following = str(request.url.include_query_params(page=page + 1)) if page * limit < len(found) else None
    return json_answer(wave_list([_shape(factory, wave) for wave in shown], len(found), following))


@router.post("/waves/")
def init_wave(call: Writer, body: Annotated[Body, body_of(_TARGETS_BYTES)]) -> Response:
    """Make a wave of a targets role that the holder of an offline key has signed."""
    _require_no_limit(call)
    request = body.parse()
    name, version, tag = required(request, "name"), whole(request, "version"), required(request, "tag")
    document = _targets(request)
    if version is not None and document.get("signed", {}).get("version") != version:
        raise InputError(
            "bad-body",
            f"the version `{version}` is not that of the signed targets",
            hint="sign the targets of the version that the wave brings",
        )
    # A tag without devices is only a warning here: fioctl cannot confirm it.
    made = call.factory.waves.accept(name, tag, canonical(document), new_tag=True)
    return json_answer(_shape(call.factory, made.wave), 201)


@router.get("/waves/{name}/")
def show_wave(request: Request, call: Reader, name: str) -> Response:
    """Show a wave; with ``show-targets=1`` its targets role, too."""
    wave = call.factory.waves.show(name).wave
    shape = _shape(call.factory, wave)
    return json_answer(with_document(shape, wave) if request.query_params.get("show-targets") == "1" else shape)


@router.post("/waves/{name}/sign/")
def sign_wave(call: Writer, name: str, body: Annotated[Body, body_of(MIB)]) -> Response:
    """Add signatures to an active wave."""
    signatures = body.parse().get("signatures")
    if not isinstance(signatures, list):
        raise InputError("bad-body", "the member `signatures` is not a list", hint="give the signatures")
    composed = call.factory.waves.compose_signature(name)
    document = canonical({"signatures": signatures, "signed": composed.signed})
    call.factory.waves.accept_signature(name, document)
    return json_answer(_shape(call.factory, call.factory.waves.show(name).wave))


@router.post("/waves/{name}/rollout/")
def roll_out(request: Request, call: Writer, name: str, body: Annotated[Body, body_of(MIB)]) -> Response:
    """Widen a wave: a group, a sample, a list."""
    asked = body.parse()
    limit, group = _limit(asked), text(asked, "group")
    uuids = _uuids(asked)
    _require_group(call, group)
    result = call.factory.waves.rollout(
        name,
        limit,
        group=group,
        uuids=uuids,
        whole_group=group is not None and limit is None and uuids is None,
        dry_run=flag(asked, "dry-run"),
        request_id=request.headers.get("idempotency-key"),
    )
    shape = rollout_result(
        _shape(call.factory, result.wave),
        result,
        uuids=flag(asked, "return-uuids"),
        names=flag(asked, "return-names"),
    )
    return json_answer(shape)


@router.get("/waves/{name}/status/")
def show_status(request: Request, call: Reader, name: str) -> Response:
    """Show the progress of a wave; ``$active$`` is the active wave that was made last."""
    factory = call.factory
    if name == _ACTIVE:
        active = factory.waves.list(state="active")
        if not active:
            raise NotFoundError("no-active-wave", "no wave is active", hint="name a wave")
        name = active[0].name
    return json_answer(wave_status(factory.waves.status(name, online_threshold=threshold_of(request))))


@router.post("/waves/{name}/complete/")
def complete_wave(call: Writer, name: str) -> Response:
    """Make the wave's targets the production targets of its tag."""
    _require_no_limit(call)
    return json_answer(_shape(call.factory, call.factory.waves.complete(name).wave))


@router.post("/waves/{name}/cancel/")
def cancel_wave(call: Writer, name: str) -> Response:
    """End the wave; the devices that have updated keep their version."""
    _require_no_limit(call)
    return json_answer(_shape(call.factory, call.factory.waves.cancel(name).wave))


@router.get("/wave-targets/")
def wave_targets(request: Request, call: Reader) -> Response:
    """The targets roles of active waves, or of the named ones, as they were signed."""
    names = _words(request.query_params.get("name"))
    waves = call.factory.waves.list(state=None if names else "active")
    found = {wave.name: wave.document for wave in reversed(waves) if not names or wave.name in names}
    if names and not found:
        raise NotFoundError("unknown-wave", f"no wave is named `{names[0][:64]}`", hint="look in the list of waves")
    return json_answer(documents_by_name(found))


@router.get("/prod-targets/")
def production_targets(request: Request, call: Reader) -> Response:
    """The production targets of tags, as they were signed."""
    tags = _words(request.query_params.get("tag"))
    documents = call.factory.targets.production_documents()
    found = {tag: document for tag, document in documents.items() if not tags or tag in tags}
    if tags and not found:
        raise NotFoundError(
            "no-production-targets",
            f"the tag `{tags[0][:64]}` has no production targets",
            hint="a wave that is completed makes the first",
        )
    return json_answer(documents_by_name(found))


def _shape(factory: Factory, wave: Wave) -> dict[str, Any]:
    groups = {group.group_id: group.name for group in factory.groups.list()}
    return wave_shape(wave, factory.waves.history(wave.name), groups)


def _words(value: str | None) -> list[str]:
    return [word for word in (value or "").split(",") if word]


def _targets(request: Mapping[str, Any]) -> dict[str, Any]:
    document = request.get("targets")
    if not isinstance(document, dict):
        raise InputError("bad-body", "the member `targets` is not an object", hint="give the signed targets role")
    return document


def _limit(asked: Mapping[str, Any]) -> int | str | None:
    limit, percentage = whole(asked, "limit"), asked.get("percentage")
    if percentage is None:
        return limit
    if limit is not None:
        raise InputError("bad-body", "both `limit` and `percentage` are given", hint="give one of them")
    if isinstance(percentage, bool) or not isinstance(percentage, int | float) or not 0 < percentage <= _MAX_PERCENT:
        raise InputError(
            "bad-limit", "the member `percentage` is not above 0 and at most 100", hint="give a number from 1 to 100"
        )
    return f"{percentage}%"


def _uuids(asked: Mapping[str, Any]) -> UuidList | None:
    listed = asked.get("uuids")
    if listed is None:
        return None
    if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
        listed = "\n".join(listed)
    if not isinstance(listed, str):
        raise InputError("bad-body", "the member `uuids` is not a list of UUIDs", hint="give a list of text")
    return UuidList.parse(listed, name="uuids")


def _require_group(call: Call, group: str | None) -> None:
    allowed = call.factory.tokens.groups_of(call.caller)
    if allowed is not None and group not in allowed:
        what = "the whole fleet" if group is None else f"the group `{group[:64]}`"
        raise RefusedError(
            403, "group-not-allowed", f"the token may not roll out to {what}", f"its groups: {', '.join(allowed)}"
        )


def _require_no_limit(call: Call) -> None:
    if call.caller.group_ids is not None:
        raise RefusedError(
            403,
            "group-not-allowed",
            "the token is limited to groups, and may only roll out to them",
            "use a token without a limit",
        )
