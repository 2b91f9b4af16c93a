"""Request bodies: bounded before they are read, parsed once and strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.api.problems import RefusedError
from groundswell.errors import InputError
from groundswell.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

__all__ = ["KIB", "MIB", "Body", "flag", "read_body", "required", "text", "whole"]

KIB: Final = 1 << 10
MIB: Final = 1 << 20
_MAX_DEPTH: Final = 32
_MAX_NAMED: Final = 40
_MAX_NUMBER: Final = 2.0**63
_MAX_DIGITS: Final = 20


class Body:
    """A JSON object that a client sent. Members that the route does not know are ignored.

    Args:
        data: the bytes; empty for a request without a body.
        most: the most bytes that the route takes.
    """

    def __init__(self, data: bytes, most: int) -> None:
        self.data: Final = data
        self.most: Final = most

    def parse(self) -> Mapping[str, Any]:
        """The object.

        Raises:
            InputError: ``broken-json``, ``ambiguous-json``, ``bad-body``.

        >>> Body(b'{"limit": 5, "limit": 6}', 100).parse()
        Traceback (most recent call last):
        groundswell.errors.InputError: the member `limit` is given twice
        >>> Body(b'{"limit": null}', 100).parse()
        Traceback (most recent call last):
        groundswell.errors.InputError: the member `limit` is null
        """
        value = parse_json(
            self.data,
            "the body",
            max_bytes=self.most,
            max_depth=_MAX_DEPTH,
            object_pairs_hook=_object,
            parse_float=_float,
        )
        if not isinstance(value, dict):
            raise _bad("the body is not a JSON object", "send an object")
        return value


async def read_body(request: Request, most: int) -> Body:
    """Read the body of a request, at most `most` bytes.

    Raises:
        RefusedError: 413 for more.
    """
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > most:
        raise _too_large(most)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise _too_large(most)
    return Body(bytes(data), most)


def _too_large(most: int) -> RefusedError:
    return RefusedError(
        413, "body-too-large", f"the body is larger than {most} bytes", "send less, or split the request"
    )


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in members:
        if name in found:
            raise _bad(f"the member `{name[:_MAX_NAMED]}` is given twice", "give each member once")
        if value is None:
            raise _bad(f"the member `{name[:_MAX_NAMED]}` is null", "give a value, or leave the member out")
        found[name] = value
    return found


def _float(text: str) -> float:
    value = float(text)
    if abs(value) > _MAX_NUMBER:
        raise _bad(f"the number `{text[:_MAX_NAMED]}` is too large", "give a smaller number")
    return value


def _bad(message: str, hint: str) -> InputError:
    return InputError("bad-body", message, hint=hint)


def text(body: Mapping[str, Any], name: str) -> str | None:
    """A member that is text; None where it is absent.

    Raises:
        InputError: ``bad-body``.
    """
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _bad(f"the member `{name}` is not text", "give text")


def whole(body: Mapping[str, Any], name: str) -> int | None:
    """A member that is a whole number; None where it is absent. Text of digits is taken, too.

    Raises:
        InputError: ``bad-body``.
    """
    value = body.get(name)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS:
        return int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise _bad(f"the member `{name}` is not a whole number", "give a whole number")


def flag(body: Mapping[str, Any], name: str) -> bool:
    """A member that is true or false; false where it is absent.

    Raises:
        InputError: ``bad-body``.
    """
    value = body.get(name, False)
    if isinstance(value, bool):
        return value
    raise _bad(f"the member `{name}` is neither true nor false", "give true or false")


def required(body: Mapping[str, Any], name: str) -> str:
    """A member that is text and must be there.

    Raises:
        InputError: ``bad-body``.
    """
    value = text(body, name)
    if value is None:
        raise _bad(f"the member `{name}` is missing", "give it")
    return value
