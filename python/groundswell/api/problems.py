"""Errors as answers: one table from error to status, and the one form that fioctl renders (wire.md 1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import GroundswellError, InputError, NotFoundError, StateError, StorageError, TrustError
from groundswell.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STATUSES", "RefusedError", "answer_of", "problem_of"]

STATUSES: Final[Mapping[type[GroundswellError], int]] = {
    InputError: 400,
    NotFoundError: 404,
    StateError: 409,
    TrustError: 403,
    StorageError: 503,
}
_MAX_OFFENDERS: Final = 1000


class RefusedError(Exception):
    """A request that is refused by the API itself, not by the factory.

    Args:
        status: the HTTP status.
        code: a stable slug.
        message: one sentence.
        hint: what to do next.
        headers: further headers of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, hint: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status: Final = status
        self.code: Final = code
        self.message: Final = message
        self.hint: Final = hint
        self.headers: Final = dict(headers or {})


def problem_of(error: GroundswellError) -> tuple[int, dict[str, Any]]:
    """The status and the body of an error.

    >>> problem_of(NotFoundError("unknown-wave", "no wave is named `v9`", hint="look in the list"))
    (404, {'message': 'no wave is named `v9`', 'errors': ['look in the list'], 'code': 'unknown-wave'})
    """
    status = next(status for family, status in STATUSES.items() if isinstance(error, family))
    return status, answer_of(error.code, error.message, [*_offenders(error), error.neutral_hint])


def answer_of(code: str, message: str, lines: list[str]) -> dict[str, Any]:
    """The body of an answer about an error; fioctl prints the message, then each line."""
    return {"message": message, "errors": [line for line in lines if line], "code": code}


def _offenders(error: GroundswellError) -> list[str]:
    """A line for each listed device that was refused, and for each text of a list that is not a UUID."""
    devices = list(error.fields.get("offenders", ()))[:_MAX_OFFENDERS]
    texts = list(error.fields.get("bad", ()) if error.code == "bad-uuid" else ())[:_MAX_OFFENDERS]
    return [
        *(f"{one['uuid']}: {one['reason']}" for one in devices),
        *(f"{printable(one['text'])}: {one['reason']}" for one in texts),
    ]
