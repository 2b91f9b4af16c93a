"""Detail lines below an error about several items: counts by reason, and examples. ``--json`` lists all items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.text import MAX_NAMED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from groundswell.errors import GroundswellError

__all__ = ["detail_lines", "reason_lines"]

_MAX_LINE: Final = 200
_PLACES: Final = ("line", "row", "element")


def detail_lines(error: GroundswellError) -> list[str]:
    """The lines to print below an error. None for an error about one item, which the message names.

    >>> from groundswell import InputError
    >>> bad = [{"line": n, "column": "uuid", "value": "x", "reason": "is not a UUID"} for n in (2, 3)]
    >>> fields = {"total": 2, "reasons": {"column `uuid` is not a UUID": 2}, "bad": bad}
    >>> for line in detail_lines(InputError("bad-rows", "line 2 …", fields=fields)):
    ...     print(line)
    line 2, column `uuid`: `x` is not a UUID
    line 3, column `uuid`: `x` is not a UUID
    """
    fields = error.fields
    if error.code == "repeated-uuid":
        shown = list(fields.get("repeated") or ())
        lines = [_conflict(one) for one in shown[:MAX_NAMED]]
    elif isinstance(fields.get("reasons"), dict) and fields.get("bad"):
        shown = list(fields["bad"])
        # If the examples are complete, the counts add nothing.
        reasons = reason_lines(fields["reasons"]) if len(shown) > MAX_NAMED else []
        lines = [*reasons, *map(_bad, shown[:MAX_NAMED])]
    else:
        return []
    if len(shown) < 2:  # noqa: PLR2004 - the message names the only one
        return []
    more = int(fields.get("total") or fields.get("bad_count") or len(shown)) - MAX_NAMED
    return [_short(line) for line in lines] + [f"and {more} more; --json lists them"] * (more > 0)


def reason_lines(reasons: Mapping[str, int]) -> Iterator[str]:
    """Counts by reason, the most frequent first."""
    entries = list(reasons.items())
    for reason, number in entries[:MAX_NAMED]:
        yield f"{number} × {reason}"
    rest = entries[MAX_NAMED:]
    if len(rest) == 1:  # its own line is no longer
        yield f"{rest[0][1]} × {rest[0][0]}"
        return
    if rest:
        yield f"{sum(number for _, number in rest)} × {len(rest)} other reasons"


def _bad(one: Mapping[str, Any]) -> str:
    place = ", ".join(f"{word} {one[word]}" for word in _PLACES if word in one)
    column = one.get("column")
    if "text" in one:  # a value of a list of UUIDs
        element = f" (element {one['element']})" if "element" in one else ""
        return f"line {one['line']}, column {column}{element}: `{one['text']}`: {one['reason']}"
    if not column:
        return f"{place}{',' if 'element' in one else ''} {one['reason']}"
    value = f"`{one['value']}`" if str(one.get("value", "")).strip() else "the cell"
    return f"{place}, column `{column}`: {value} {one['reason']}"


def _conflict(one: Mapping[str, Any]) -> str:
    places = next(
        (f"{word} {one[word][0]} and {one[word][1]}, " for word in ("elements", "lines", "rows") if word in one), ""
    )
    values = ", ".join(f"{column} `{a}` and `{b}`" for column, (a, b) in dict(one["columns"]).items())
    return f"{places}uuid `{one['uuid']}`: {values}"


def _short(line: str) -> str:
    return line if len(line) <= _MAX_LINE else f"{line[: _MAX_LINE - 1]}…"
