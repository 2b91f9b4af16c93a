"""The overview of a factory, its users, and the health of the service."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations

from groundswell.api.access import Call
from groundswell.api.online import threshold_of
from groundswell.api.shapes.status import factory_status
from groundswell.api.state import json_answer, let_in

__all__ = ["healthz", "list_users", "readyz", "router", "show_self", "show_status"]

router: Final = APIRouter(tags=["overview"])

_F: Final = "/ota/factories/{factory}"

Reader = Annotated[Call, let_in("read")]


@router.get(_F + "/status/")
def show_status(request: Request, call: Reader) -> Response:
    """Count devices by tag: test devices, production devices, and those in an active wave."""
    threshold = threshold_of(request)
    status = call.factory.status(online_threshold=threshold)
    outside, inside = call.factory.tags_by_wave(online_threshold=threshold)
    return json_answer(factory_status(status, outside, inside))


@router.get(_F + "/users/self/")
def show_self(call: Reader) -> Response:
    """The user of the token."""
    return json_answer(_user(call.factory.users.show(call.caller.user)))


@router.get(_F + "/users/")
def list_users(call: Reader) -> Response:
    """List all users."""
    return json_answer([_user(user) for user in call.factory.users.list()])


@router.get("/healthz", include_in_schema=True)
async def healthz() -> Response:
    """Whether the process answers."""
    return json_answer({"status": "ok"})


@router.get("/readyz")
async def readyz() -> Response:
    """Whether the factories are open."""
    return json_answer({"status": "ready"})


def _user(user: Any) -> dict[str, str]:
    return {"polis-id": user.polis_id, "name": user.name, "role": "disabled" if user.disabled_at else "member"}
