"""Parses untrusted JSON: limits size, nesting and digits before parsing, and reports errors with line and column."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_BYTES", "MAX_DEPTH", "broken_json", "check_json", "parse_json"]

MAX_BYTES: Final = 1 << 24
"""Maximum size of a JSON document that is parsed in memory (fleets use a streaming reader instead)."""
MAX_DEPTH: Final = 64
"""Maximum nesting depth of arrays and objects; far below what overflows the stack."""
_MAX_DIGITS: Final = 1000

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


def parse_json(
    data: bytes | str,
    label: str,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    parse_int: Callable[[str], Any] | None = None,
    parse_float: Callable[[str], Any] | None = None,
    parse_constant: Callable[[str], Any] | None = None,
) -> Any:
    """Parse a JSON document that comes from outside.

    Args:
        data: UTF-8 text, with or without a byte-order mark.
        label: the document's name in error messages: a path or an option, as the user wrote it.
        max_bytes: maximum size of the document.
        max_depth: maximum nesting depth of arrays and objects.
        object_pairs_hook: as in `json.loads`.
        parse_int: as in `json.loads`.
        parse_float: as in `json.loads`.
        parse_constant: as in `json.loads`; by default NaN and Infinity are refused, since they are not JSON.

    Returns:
        The value. All its strings can be encoded in UTF-8.

    Raises:
        InputError: ``json-too-large``; ``broken-json`` with ``line``, ``column`` and ``reason`` in its fields, also
            for nesting beyond `max_depth`, a number of more than 1000 digits, and an unpaired surrogate.

    Cost: linear.

    >>> parse_json('{"tag": "main"}', "x.json")
    {'tag': 'main'}
    >>> parse_json("[" * 100_000, "x.json")
    Traceback (most recent call last):
    groundswell.errors.InputError: line 1 of `x.json` is broken JSON at column 65: nested deeper than 64 levels
    """
    text = check_json(data, label, max_bytes=max_bytes, max_depth=max_depth)

    def refuse_constant(name: str) -> Any:
        raise broken_json(label, text, text.find(name), f"`{name}` is not JSON")

    try:
        return json.loads(
            text,
            object_pairs_hook=object_pairs_hook,
            parse_int=parse_int,
            parse_float=parse_float,
            parse_constant=parse_constant or refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise broken_json(label, text, error.pos, error.msg[:1].lower() + error.msg[1:]) from error


def check_json(data: bytes | str, label: str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> str:
    """Check the limits that protect the `json` module, and decode the text. For callers with their own decoder.

    Args:
        data: as in `parse_json`.
        label: as in `parse_json`.
        max_bytes: as in `parse_json`.
        max_depth: as in `parse_json`.

    Returns:
        The text without a byte-order mark. Its syntax is not checked.

    Raises:
        InputError: as `parse_json`, except for broken syntax.
    """
    if len(data) > max_bytes:
        raise InputError(
            "json-too-large",
            f"`{label}` is larger than the maximum of {max_bytes} bytes for such a document",
            hint="check that it is the right file",
            fields={"source": label, "max_bytes": max_bytes},
        )
    text = _decoded(data, label) if isinstance(data, bytes) else data.removeprefix("\ufeff")
    if isinstance(data, str) and (found := re.search("[\ud800-\udfff]", text)):
        raise broken_json(label, text, found.start(), "an unpaired surrogate is not a character")
    _check_limits(text, label, max_depth)
    return text


def broken_json(label: str, text: str, at: int, reason: str) -> InputError:
    """The error for a document that is not valid JSON.

    Args:
        label: the document's name in the message.
        text: the document.
        at: offset of the error in `text`, from 0.
        reason: the end of the sentence “… is broken JSON at column 9: REASON”.
    """
    before = _LINE_END.split(text[: max(at, 0)])
    line, column = len(before), len(before[-1]) + 1
    return InputError(
        "broken-json",
        f"line {line} of `{label}` is broken JSON at column {column}: {reason}",
        hint="the document is truncated: create or fetch it again" if at >= len(text.rstrip()) else "correct it there",
        fields={"source": label, "line": line, "column": column, "reason": reason},
    )


def _check_limits(text: str, label: str, max_depth: int) -> None:
    data = text.encode()
    found = _core.check_json(data, max_depth, _MAX_DIGITS)
    if found is not None:
        at, excess = found
        reason = {
            "depth": f"nested deeper than {max_depth} levels",
            "digits": f"a number of more than {_MAX_DIGITS} digits",
            "half-pair": "an unpaired surrogate is not a character",
        }[excess]
        raise broken_json(label, text, len(data[:at].decode()), reason)


def _decoded(data: bytes, label: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(data[: error.start].decode("utf-8", "replace"))) + 1
        raise InputError(
            "broken-json",
            f"line {line} of `{label}` is not UTF-8 text",
            hint="save it in UTF-8",
            fields={"source": label, "line": line, "reason": "not UTF-8"},
        ) from error
