"""SQL that brings a source's columns into the shapes that `groundswell.fleet.coerce` reads, by DuckDB type.

What SQL settles here is a part of what `groundswell.fleet.rules` allows, never more; the rest is left to the rules.
"""

from __future__ import annotations

from typing import Final

from groundswell.fleet.engine import identifier, literal
from groundswell.fleet.rules import BLANKS

__all__ = ["LEFT_OVER", "selected"]

LEFT_OVER: Final = "last_seen_left_over"
"""The result's column of those last_seen cells, as text, that SQL does not understand; nearly all NULL."""

_INTEGERS: Final = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
)
_LARGEST: Final = frozenset(("HUGEINT", "UHUGEINT"))
"""Integers that Arrow has no type for."""
_BY_VALUE: Final = frozenset(("production", "target_version"))
"""The columns that may come as whole numbers, 1 for true."""
_FLOATS: Final = frozenset(("FLOAT", "DOUBLE"))
_SECOND: Final = 10**9
"""A second in nanoseconds."""
_NESTED: Final = ("[]", "]", ")")
_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = "([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}"
# The fraction stops at microseconds: DuckDB rounds what goes beyond, and the rule cuts it off.
_INSTANT: Final = f"{_DAY}[T ]{_TIME}(\\.[0-9]{{1,6}})?(Z|[+-][0-9]{{2}}:[0-9]{{2}})?"
# Most instants are of 20 characters. DuckDB takes fewer digits and blanks before them, too, for which 20 leave no room
# where the first is a digit and the last the Z. The expression for all forms is slower by half.
_PLAIN: Final = "%Y-%m-%dT%H:%M:%SZ"


def selected(column: str, name: str, kind: str) -> str:
    """What to select for a column.

    Args:
        column: its canonical name.
        name: its name in the relation.
        kind: its DuckDB type.

    Returns:
        One or more items of a SELECT list, named after the column.

    >>> selected("group", "device-group", "VARCHAR")
    '"device-group" AS "group"'
    """
    cell = identifier(name)
    if column == "last_seen":
        return _last_seen(cell, kind)
    if column in _BY_VALUE and (kind == "BOOLEAN" or kind in _INTEGERS - _LARGEST):
        # Each distinct number becomes a text later; a million texts, one a row, would cost more than the rest.
        return f"CAST({cell} AS {'UTINYINT' if kind == 'BOOLEAN' else kind}) AS {identifier(column)}"
    text = _uuid(cell, kind) if column == "uuid" else _text(cell, kind)
    if column in {"name", "hardware_id"}:
        # Most texts begin with what sorts after the blanks, which is far cheaper to see than to trim.
        text = f"CASE WHEN {text} >= '!' THEN {text} WHEN trim({text}, {literal(BLANKS)}) <> '' THEN {text} END"
    return f"{text} AS {identifier(column)}"


def _uuid(cell: str, kind: str) -> str:
    if kind == "UUID":
        return cell
    # 16 bytes are as good as the 32 digits that they make.
    return f"hex({cell})" if kind == "BLOB" else _text(cell, kind)


def _text(cell: str, kind: str) -> str:
    if kind == "VARCHAR":
        return cell
    if kind == "JSON":
        return f"({cell} ->> '$')"
    if kind in _FLOATS:
        # pandas says NaN where a number is missing.
        return f"CASE WHEN NOT isnan({cell}) THEN CAST({cell} AS VARCHAR) END"
    if kind.endswith(_NESTED) and not kind.startswith(("DECIMAL", "ENUM")):
        return f"CAST(to_json({cell}) AS VARCHAR)"
    return f"CAST({cell} AS VARCHAR)"


def _last_seen(cell: str, kind: str) -> str:
    seconds, text = _seconds(cell, kind), f"trim({_text(cell, kind)}, {literal(BLANKS)})"
    left = f"CASE WHEN ({seconds}) IS NOT NULL THEN NULL WHEN {text} <> '' THEN {text} END"
    return f"{seconds} AS last_seen, {left} AS {LEFT_OVER}"


def _seconds(cell: str, kind: str) -> str:
    if kind in _INTEGERS:
        return f"TRY_CAST({cell} AS BIGINT)"
    if kind in _FLOATS or kind.startswith("DECIMAL"):
        return f"TRY_CAST(floor({cell}) AS BIGINT)"
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return _seconds_of_instant(cell, kind)
    if kind == "VARCHAR":
        return (
            f"CASE WHEN strlen({cell}) = 20 AND {cell} BETWEEN '1' AND ':' AND suffix({cell}, 'Z')"
            f" THEN epoch_us(try_strptime({cell}, {literal(_PLAIN)})) // 1000000"
            f" WHEN regexp_full_match({cell}, {literal(_INSTANT)})"
            f" THEN CAST(floor(epoch(TRY_CAST({cell} AS TIMESTAMP WITH TIME ZONE))) AS BIGINT)"
            f" WHEN regexp_full_match({cell}, '[0-9]{{1,18}}') THEN TRY_CAST({cell} AS BIGINT) END"
        )
    return "CAST(NULL AS BIGINT)"


def _seconds_of_instant(cell: str, kind: str) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CASE WHEN isfinite({cell}) THEN CAST(floor(epoch({cell})) AS BIGINT) END"
    if kind in {"TIMESTAMP_NS", "TIMESTAMPTZ_NS"}:
        # A cast to microseconds rounds one and fails for the other, and doubles have no room for nanoseconds.
        nanoseconds = f"epoch_ns({cell})"
        return f"({nanoseconds} - ({nanoseconds} % {_SECOND} + {_SECOND}) % {_SECOND}) // {_SECOND}"
    # Cut to whole seconds first, so that nothing is rounded up.
    whole = f"date_trunc('second', CAST({cell} AS TIMESTAMP))"
    return f"CASE WHEN isfinite(CAST({cell} AS TIMESTAMP)) THEN CAST(epoch({whole}) AS BIGINT) END"
