"""What the routes share: the factories that are served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi import Depends, Request
from starlette.responses import Response

from groundswell.api.access import Call, call_of
from groundswell.api.bodies import KIB, Body, read_body
from groundswell.api.problems import RefusedError
from groundswell.api.shapes.common import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from groundswell.factory import Factory
    from groundswell.factory.access.tokens import Scope

__all__ = ["Served", "body_of", "json_answer", "let_in", "page_numbers", "served_by"]

_MAX_PAGE: Final = 10**9


@dataclass(frozen=True, slots=True)
class Served:
    """The factories that an app serves, by name."""

    factories: Mapping[str, Factory]


def served_by(request: Request) -> Served:
    """The factories of the app that a request came to."""
    served: Served = request.app.state.served
    return served


def let_in(scope: Scope) -> Any:
    """A dependency: the call, if its token is valid for the factory of the path and has the scope.

    Devices have paths without the factory, which is then a parameter.
    """

    def enter(request: Request) -> Call:
        name = request.path_params.get("factory") or request.query_params.get("factory") or ""
        return call_of(served_by(request).factories, str(name), request, scope)

    return Depends(enter)


def body_of(most: int = 64 * KIB) -> Any:
    """A dependency: the body of the request, at most `most` bytes."""

    async def read(request: Request) -> Body:
        return await read_body(request, most)

    return Depends(read)


def json_answer(value: Any, status: int = 200) -> Response:
    """An answer in JSON; bytes are sent as they are."""
    data = value if isinstance(value, bytes) else to_bytes(value)
    return Response(data, status, media_type="application/json")


def page_numbers(request: Request, *, default: int, allowed: Callable[[int], bool]) -> tuple[int, int]:
    """The limit and the page of a list.

    Raises:
        RefusedError: 400 for others than the route takes.
    """
    numbers = []
    for name, usual in (("limit", default), ("page", 1)):
        text = request.query_params.get(name)
        value = usual if text is None else int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004 - digits
        if not 1 <= value <= _MAX_PAGE or (name == "limit" and not allowed(value)):
            raise RefusedError(
                400, "bad-page", f"the parameter {name} cannot be `{text}`", "give a whole number of 1 or more"
            )
        numbers.append(value)
    return numbers[0], numbers[1]
