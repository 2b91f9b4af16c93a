"""Who sends a request, to which factory, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from groundswell.api.problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from groundswell.factory import Factory
    from groundswell.factory.access.tokens import Caller, Scope

__all__ = ["Call", "call_of"]

_HEADER: Final = "osf-token"
_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in.

    Args:
        factory: the factory, for the user of the token.
        caller: the user and what the token allows.
    """

    factory: Factory
    caller: Caller


def call_of(factories: Mapping[str, Factory], name: str, request: Request, scope: Scope) -> Call:
    """Let a request in.

    Raises:
        RefusedError: 401 without a valid token of the factory, whether or not that exists; 403 for a token without the
            scope.
    """
    factory, secret = factories.get(name), _secret(request)
    caller = None if factory is None or secret is None else factory.tokens.authenticate(secret)
    if factory is None or caller is None:
        raise RefusedError(401, "not-authenticated", "the request has no valid token", "send a token of this factory")
    if not caller.may(scope):
        raise RefusedError(
            403, "scope-missing", f"the token lacks the scope `{scope}`", "use a token that has it, or ask for one"
        )
    return Call(factory.acting_as(caller.user), caller)


def _secret(request: Request) -> str | None:
    token = request.headers.get(_HEADER)
    if token is not None:
        return token
    header = request.headers.get("authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else None
