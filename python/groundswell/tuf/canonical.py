"""Canonical JSON: one spelling for each value, and the text on which three agents agree how to spell it.

A signature covers bytes, but a device parses a document and spells it anew before it verifies. So every value has one
spelling here: keys in bytewise order, no white space, integers in decimal, text as it is. The agents' libraries agree
on that spelling for printable ASCII without ``< > &`` only; anything else at least one of them spells in its own way,
and refuses a signature that is right.

Source: wire.md 3.5.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from groundswell.errors import InputError
from groundswell.json_text import check_json

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LARGEST_INTEGER", "Unsafe", "canonical", "check_safe", "cropped", "is_canonical", "parse", "unsafe_places"]

LARGEST_INTEGER: Final = 2**53
"""Beyond it fioctl's library, which counts in doubles, changes the number."""

_UNSAFE: Final = re.compile(r"[^ -%'-;=?-~]")
_HALF_A_PAIR: Final = re.compile(r"\\u[dD][89a-fA-F]")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_MAX_LISTED: Final = 100_000
_MAX_SHOWN: Final = 60
_MAX_DIGITS: Final = 20
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Unsafe:
    """A text that not every agent would spell in the same way.

    Args:
        path: where it is, such as ``$.targets["x-1"].custom.uri``; that of the value for a key.
        character: the first character that is not safe.
        text: the text, cropped.
    """

    path: str
    character: str
    text: str

    def __str__(self) -> str:
        return f"`{self.path}` holds {_named(self.character)}"


def canonical(value: Any) -> bytes:
    r"""Spell a JSON value canonically.

    Args:
        value: what `parse` returns: dicts with text keys, lists, text, integers, booleans and None.

    Returns:
        The bytes that are signed and served. A line break is spelled ``\n``, text beyond ASCII in UTF-8: fioctl's
        spelling, on which not all agents agree (see `check_safe`).

    Raises:
        InputError: ``ambiguous-json`` for a float, an integer beyond 2^53, half a surrogate pair.

    Cost: linear.

    >>> canonical({"b": [1, True], "a": "x"})
    b'{"a":"x","b":[1,true]}'
    """
    _check_values(value, "$")
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _ambiguous("the document", "half a surrogate pair, which is not a character") from error


def is_canonical(data: bytes) -> bool:
    """Whether these bytes are the canonical spelling of what they say.

    >>> is_canonical(b'{"a":1}'), is_canonical(b'{ "a":1}'), is_canonical(b"{")
    (True, False, False)
    """
    try:
        return canonical(parse(data, "the document")) == data
    except InputError:
        return False


def parse(data: bytes, label: str) -> Any:
    """Read JSON, refusing what two readers could read in two ways.

    Args:
        data: UTF-8 text without a byte-order mark.
        label: what to call it in an error.

    Raises:
        InputError: ``broken-json``, with line and column, for what is not JSON; ``ambiguous-json`` for a key that is
            given twice, a number that is not an integer or is beyond 2^53, half a surrogate pair.

    Cost: linear.

    >>> parse(b'{"a": 1, "a": 2}', "x.json")
    Traceback (most recent call last):
    groundswell.errors.InputError: `x.json` holds the key `a` twice in one object
    """

    def refuse_float(text: str) -> NoReturn:
        raise _ambiguous(label, f"the number `{cropped(text)}`, which is not an integer")

    def integer(text: str) -> int:
        if len(text) > _MAX_DIGITS or abs(int(text)) > LARGEST_INTEGER or text == "-0":
            raise _ambiguous(label, f"the number `{cropped(text)}`, which not every reader keeps")
        return int(text)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise _ambiguous(label, f"the key `{cropped(twice)}` twice in one object")
        return found

    text = _decoded(data, label)
    _check_nesting(text, label)
    try:
        value = json.loads(
            text, object_pairs_hook=unique, parse_float=refuse_float, parse_int=integer, parse_constant=refuse_float
        )
    except json.JSONDecodeError as error:
        raise _broken(label, text, error.pos, error.msg[:1].lower() + error.msg[1:]) from error
    except RecursionError as error:
        raise _broken(label, text, 0, "nested too deeply") from error
    if _HALF_A_PAIR.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise _ambiguous(label, "half a surrogate pair, which is not a character") from error
    return value


def unsafe_places(value: Any, where: str = "$") -> Iterator[Unsafe]:
    """Every text, keys included, that not every agent would spell in the same way, in the order of the document.

    Args:
        value: a JSON value.
        where: the path of the value itself.

    >>> [str(place) for place in unsafe_places({"uri": ["a<b"]}, "custom")]
    ['`custom.uri[0]` holds `<`']
    """
    if isinstance(value, str):
        if found := _UNSAFE.search(value):
            yield Unsafe(where, found[0], cropped(value))
    elif isinstance(value, dict):
        for key, item in value.items():
            below = f"{where}.{key}" if _IDENTIFIER.fullmatch(key) else f"{where}[{json.dumps(cropped(key))}]"
            if found := _UNSAFE.search(key):
                yield Unsafe(below, found[0], cropped(key))
            yield from unsafe_places(item, below)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from unsafe_places(item, f"{where}[{position}]")


def check_safe(value: Any, where: str = "$") -> None:
    """Refuse text that not every agent would spell in the same way.

    Safe is printable ASCII without ``< > &``: what is signed outside of it breaks on at least one agent.

    Args:
        value: a JSON value; the texts in it and its keys are checked.
        where: what to call the value, as the beginning of the paths.

    Raises:
        InputError: ``unsafe-text``; the message names the first place and its character, ``fields["places"]`` up to
            100 000 of them, ``fields["count"]`` how many there are.

    Source: wire.md 3.5.

    >>> check_safe({"message": "línea"}, "x-changelog")
    Traceback (most recent call last):
    groundswell.errors.InputError: `x-changelog.message` holds `í` (U+00ED), which not every device agent spells alike
    """
    places = list(unsafe_places(value, where))
    if places:
        more = f" (and {len(places) - 1} more such places)" if len(places) > 1 else ""
        raise InputError(
            "unsafe-text",
            f"{places[0]}, which not every device agent spells alike{more}",
            hint="use printable ASCII without `<`, `>` and `&`",
            fields={
                "places": [
                    {"path": place.path, "character": place.character, "text": place.text}
                    for place in places[:_MAX_LISTED]
                ],
                "count": len(places),
            },
        )


def cropped(text: str) -> str:
    r"""A text short enough for a message, in characters that a terminal shows.

    >>> cropped("ab\n" + "c" * 100)
    'ab\\nccccccccccccccccccccccccccccccccccccccccccccccccccccccccc…'
    """
    short = text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short)


def _check_values(value: Any, where: str) -> None:
    """Only what JSON can say without loss; a walk, since json.dumps accepts floats and keys that are numbers."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise _ambiguous(where, f"the key `{key!r}`, which is not text")
            _check_values(item, key)
    elif isinstance(value, list):
        for item in value:
            _check_values(item, where)
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise _ambiguous(where, "a number beyond 2^53, which not every reader keeps")
    elif value is not None and not isinstance(value, str):
        raise _ambiguous(where, f"`{cropped(repr(value))}`, which is not an integer, text, list or object")


def _named(character: str) -> str:
    shown = character if character.isprintable() else character.encode("unicode_escape").decode()
    return f"`{shown}`" if " " < character <= "~" else f"`{shown}` (U+{ord(character):04X})"


def _ambiguous(label: str, what: str) -> InputError:
    return InputError(
        "ambiguous-json",
        f"`{label}` holds {what}",
        hint="write it so that every reader reads the same: integers up to 2^53, each key once",
        fields={"source": label, "reason": what},
    )


def _decoded(data: bytes, label: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(data[: error.start].decode("utf-8", "replace"))) + 1
        raise InputError(
            "broken-json",
            f"line {line} of `{label}` is not UTF-8 text",
            hint="save it in UTF-8",
            fields={"source": label, "line": line, "reason": "not UTF-8"},
        ) from error


def _check_nesting(text: str, label: str) -> None:
    """Refuse nesting before it exhausts the stack; what else `check_json` finds is ambiguous here."""
    try:
        check_json(text, label, max_bytes=len(text))
    except InputError as error:
        reason = error.fields.get("reason", "")
        if "surrogate" in reason:
            raise _ambiguous(label, "half a surrogate pair, which is not a character") from error
        if "nested" in reason:
            raise _broken(label, text, 0, "nested too deeply") from error


def _broken(label: str, text: str, at: int, what: str) -> InputError:
    before = _LINE_END.split(text[:at])
    line, column = len(before), len(before[-1]) + 1
    return InputError(
        "broken-json",
        f"line {line} of `{label}` is broken JSON at column {column}: {what}",
        hint="write or fetch the file again" if at >= len(text.rstrip()) else "mend it there",
        fields={"source": label, "line": line, "column": column, "reason": what},
    )
