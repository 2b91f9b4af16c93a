"""Makes the app: routes, error answers, and a bound on the requests that wait."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from groundswell import __version__
from groundswell.api.problems import RefusedError, answer_of, problem_of
from groundswell.api.routes import devices, overview, targets, waves
from groundswell.api.state import Served, json_answer
from groundswell.errors import GroundswellError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from groundswell.factory import Factory

__all__ = ["create_app"]

_MAX_WAITING: Final = 64
"""Requests in progress: those that are worked on, and those that wait for a thread."""
_UNBOUNDED: Final = frozenset(("/healthz", "/readyz"))
_LOG: Final = logging.getLogger("groundswell.api")


def create_app(factories: Mapping[str, Factory], *, max_waiting: int = _MAX_WAITING) -> FastAPI:
    """Make the app that serves open factories.

    Args:
        factories: the factories, by name; the caller closes them.
        max_waiting: how many requests may be in progress; further ones are answered 503 with ``Retry-After``.
    """
    app = FastAPI(title="Groundswell", version=__version__, docs_url="/docs", redoc_url=None)
    app.state.served = Served(dict(factories))
    for router in (waves.router, devices.router, targets.router, overview.router):
        app.include_router(router)
    app.add_exception_handler(GroundswellError, _refused)
    app.add_exception_handler(RefusedError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)
    app.add_middleware(_Bounded, max_waiting=max_waiting)
    return app


class _Bounded:
    """Answers 503 while too many requests are in progress; health is always answered."""

    def __init__(self, app: ASGIApp, *, max_waiting: int) -> None:
        self._app = app
        self._most = max_waiting
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNBOUNDED:
            await self._app(scope, receive, send)
            return
        if self._running >= self._most:
            answer = json_answer(
                answer_of("too-many-requests", "too many requests are in progress", ["try again"]), 503
            )
            answer.headers["retry-after"] = "1"
            await answer(scope, receive, send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1


async def _refused(_: Request, error: Any) -> Response:
    status, body = problem_of(error)
    return json_answer(body, status)


async def _problem(_: Request, error: Any) -> Response:
    answer = json_answer(answer_of(error.code, error.message, [error.hint]), error.status)
    answer.headers.update(error.headers)
    return answer


async def _invalid(_: Request, error: Any) -> Response:
    """A parameter that the framework refuses. The value is never repeated: it may not be text."""
    names = [str(one["loc"][-1]) for one in error.errors()]
    return json_answer(answer_of("bad-request", "the request is not valid", [f"see {name}" for name in names]), 400)


async def _http(_: Request, error: Any) -> Response:
    what = {404: "there is no such page", 405: "the page does not take this method"}
    message = what.get(error.status_code, "the request cannot be answered")
    answer = json_answer(answer_of("no-such-route", message, ["see /docs"]), error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def _bug(_: Request, error: Any) -> Response:
    number = uuid.uuid4().hex[:12]
    _LOG.error("bug %s", number, exc_info=error)
    return json_answer(answer_of("bug", f"the server failed; the log names it {number}", []), 500)
