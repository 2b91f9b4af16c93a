"""Targets, roots and keys, as fioctl reads and changes them (wire.md 2.1, 2.4, 2.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations

from groundswell.api.access import Call
from groundswell.api.bodies import MIB, Body
from groundswell.api.problems import RefusedError
from groundswell.api.state import body_of, json_answer, let_in
from groundswell.errors import InputError, NotFoundError
from groundswell.tuf.documents import parse_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from groundswell.factory import Factory
    from groundswell.factory.trust.roots import Repository

__all__ = [
    "add_targets",
    "latest_build",
    "latest_root",
    "list_targets",
    "online_targets_key",
    "prune_targets",
    "retag_targets",
    "root_of_version",
    "router",
    "show_target",
]

router: Final = APIRouter(tags=["targets"])

_F: Final = "/ota/factories/{factory}"
_R: Final = "/ota/repo/{factory}/api/v1/user_repo"
_TARGETS_BYTES: Final = 8 * MIB

Reader = Annotated[Call, let_in("read")]
Writer = Annotated[Call, let_in("targets")]


@router.get(_F + "/targets/")
def list_targets(request: Request, call: Reader) -> Response:
    """The CI targets by name; with ``version`` those of one version, which may be none."""
    version = request.query_params.get("version")
    found = call.factory.targets.list()
    if version is not None:
        found = [target for target in found if str(target.target_version) == version]
    return json_answer({target.name: target.document for target in found})


@router.get(_F + "/targets/{name}")
def show_target(call: Reader, name: str) -> Response:
    """One CI target."""
    for target in call.factory.targets.list():
        if target.name == name:
            return json_answer(target.document)
    raise NotFoundError("unknown-target", f"no CI target is named `{name[:64]}`", hint="look in the list of targets")


@router.post(_F + "/targets/")
def add_targets(call: Writer, body: Annotated[Body, body_of(_TARGETS_BYTES)]) -> Response:
    """Add targets: all of them or none."""
    call.factory.targets.add_all(_objects(body.parse(), "targets"))
    return json_answer(_done(), 201)


@router.patch(_F + "/targets/")
def retag_targets(call: Writer, body: Annotated[Body, body_of(_TARGETS_BYTES)]) -> Response:
    """Give targets other tags."""
    tags: dict[str, Sequence[str]] = {}
    for name, change in _objects(body.parse(), "targets").items():
        custom = change.get("custom") if isinstance(change, dict) else None
        wanted = custom.get("tags") if isinstance(custom, dict) else None
        if not isinstance(wanted, list) or not all(isinstance(tag, str) for tag in wanted):
            raise InputError("bad-body", f"the target `{name[:64]}` has no list of tags", hint="give `custom.tags`")
        tags[name] = wanted
    call.factory.targets.retag(tags)
    return json_answer(_done())


@router.delete(_F + "/targets/")
def prune_targets(call: Writer, body: Annotated[Body, body_of(MIB)]) -> Response:
    """Remove targets by name; production targets keep theirs."""
    names = body.parse().get("targets")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("bad-body", "the member `targets` is not a list of names", hint="give a list of text")
    call.factory.targets.prune_names(names)
    return json_answer(_done())


@router.get("/projects/{factory}/lmp/builds/latest/")
def latest_build(call: Reader) -> Response:
    """The highest target version, where fioctl looks for the number of the last build."""
    latest = max((target.target_version for target in call.factory.targets.list()), default=0)
    return json_answer({"data": {"build": {"build_id": latest}}})


@router.get(_F + "/ci-targets.pub")
def online_targets_key(call: Reader) -> Response:
    """The public half of the online targets key, spelled as the root spells it."""
    return json_answer(_online_key(call.factory))


@router.get(_R + "/root.json")
def latest_root(request: Request, call: Reader) -> Response:
    """The latest root."""
    return json_answer(call.factory.metadata.root(_repository(request)))


@router.get(_R + "/{version}.root.json")
def root_of_version(request: Request, call: Reader, version: str) -> Response:
    """A root by its version; 404 past the end of the chain."""
    if not version.isascii() or not version.isdecimal() or len(version) > 9:  # noqa: PLR2004 - digits
        raise RefusedError(404, "unknown-root", f"there is no root `{version[:40]}`", "give the number of a version")
    return json_answer(call.factory.metadata.root(_repository(request), int(version)))


def _repository(request: Request) -> Repository:
    return "production" if request.query_params.get("production") == "1" else "ci"


def _online_key(factory: Factory) -> Any:
    view = factory.keys.show()
    online = {fact.keyid for fact in view.keys if fact.role == "targets" and fact.online}
    document = parse_document(view.root, "Root", "the root")
    keys: Mapping[str, Any] = document.signed["keys"]
    for keyid in document.signed["roles"]["targets"]["keyids"]:
        if keyid in online:
            return keys[keyid]
    raise NotFoundError("no-such-key", "the root has no online targets key", hint="rotate the online targets key")


def _objects(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    if not isinstance(found, dict):
        raise InputError("bad-body", f"the member `{name}` is not an object", hint="give an object by target name")
    return found


def _done() -> dict[str, str]:
    """Where fioctl could follow the change; it is made already."""
    return {"jobserv-url": "", "web-url": ""}
