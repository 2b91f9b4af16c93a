"""SQL that brings a source's columns into the shapes that the core reads, by DuckDB type: text, integers, UUIDs.

SQL judges no cell: it changes the shape of a value, and the core decides what the value may be.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from groundswell.ingest.duckdb_session import identifier

__all__ = ["Selected", "as_text", "selected", "shown"]

_SMALL: Final = frozenset(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"))
"""Integers that fit into 64 bits with a sign."""
_LARGE: Final = frozenset(("HUGEINT", "UBIGINT", "UHUGEINT"))
_FLOATS: Final = frozenset(("FLOAT", "DOUBLE"))
_INTEGER_SHAPES: Final = {
    "last_seen": _SMALL | _LARGE | _FLOATS,
    "production": _SMALL | _LARGE,
    "target_version": _SMALL | _LARGE,
}
"""The types of a column that become integers."""
_SECOND: Final = 10**9
"""A second in nanoseconds."""
_FAR: Final = 9 * 10**18
"""Stands for numbers and instants that are beyond 64 bits."""
_NESTED: Final = ("[]", "]", ")")


class Selected(NamedTuple):
    """What to select for a column.

    Args:
        sql: an item of a SELECT list, named after the column: VARCHAR, BLOB, UUID or BIGINT.
        are_numbers: whether integers are what the source has, rather than the seconds of instants.
    """

    sql: str
    are_numbers: bool


def selected(column: str, name: str, kind: str) -> Selected:
    """What to select for a column.

    Args:
        column: its canonical name.
        name: its name in the relation.
        kind: its DuckDB type.

    >>> selected("group", "device-group", "VARCHAR").sql
    '"device-group" AS "group"'
    """
    cell, are_numbers = identifier(name), True
    if column == "uuid" and kind == "UUID":
        value = cell
    elif column == "last_seen" and (kind == "DATE" or kind.startswith("TIMESTAMP")):
        value, are_numbers = _seconds(cell, kind), False
    elif kind in _INTEGER_SHAPES.get(column, ()) or (column == "last_seen" and kind.startswith("DECIMAL")):
        value = _whole(cell, kind)
    elif column == "production" and kind == "BOOLEAN":
        value = f"CAST({cell} AS BIGINT)"
    else:
        value = _text(cell, kind)
    return Selected(f"{value} AS {identifier(column)}", are_numbers)


def as_text(column: str, name: str, kind: str) -> Selected:
    """What to select for a column that may hold any text; the arguments are those of `selected`."""
    return Selected(f"{_text(identifier(name), kind)} AS {identifier(column)}", are_numbers=True)


def shown(name: str, kind: str) -> str:
    """A cell as it stands in the source, as bytes.

    >>> shown("name", "VARCHAR")
    'encode("name")'
    """
    cell = identifier(name)
    if kind == "BLOB":
        return f"CASE WHEN octet_length({cell}) = 16 THEN encode(hex({cell})) ELSE {cell} END"
    return f"encode({_text(cell, kind)})"


def _text(cell: str, kind: str) -> str:
    if kind in {"VARCHAR", "BLOB"}:
        return cell
    if kind == "JSON":
        return f"({cell} ->> '$')"
    if kind.endswith(_NESTED) and not kind.startswith(("DECIMAL", "ENUM")):
        return f"CAST(to_json({cell}) AS VARCHAR)"
    return f"CAST({cell} AS VARCHAR)"


def _whole(cell: str, kind: str) -> str:
    """A number without its fraction, within 64 bits; NULL for NaN."""
    if kind in _SMALL:
        return f"CAST({cell} AS BIGINT)"
    if kind in _LARGE:
        return f"CAST(greatest(least({cell}, {_FAR}), {0 if kind.startswith('U') else -_FAR}) AS BIGINT)"
    # What is between 0 and 1 is not 0, which means never.
    clamped = f"CAST(floor(greatest(least({cell}, 9e18), -9e18)) AS BIGINT)"
    within = f"CASE WHEN {cell} > 0 AND {cell} < 1 THEN 1 ELSE {clamped} END"
    return f"CASE WHEN NOT isnan({cell}) THEN {within} END" if kind in _FLOATS else within


def _seconds(cell: str, kind: str) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _finite(cell, f"CAST(floor(epoch({cell})) AS BIGINT)")
    if kind in {"TIMESTAMP_NS", "TIMESTAMPTZ_NS"}:
        # A cast to microseconds rounds one and fails for the other, and doubles have no room for nanoseconds.
        nanoseconds = f"epoch_ns({cell})"
        return f"({nanoseconds} - ({nanoseconds} % {_SECOND} + {_SECOND}) % {_SECOND}) // {_SECOND}"
    # Cut to whole seconds first, so that nothing is rounded up.
    moment = f"CAST({cell} AS TIMESTAMP)"
    return _finite(moment, f"CAST(epoch(date_trunc('second', {moment})) AS BIGINT)")


def _finite(moment: str, seconds: str) -> str:
    return (
        f"CASE WHEN isfinite({moment}) THEN {seconds} WHEN {moment} > TIMESTAMP '2000-01-01' THEN {_FAR}"
        f" WHEN {moment} IS NOT NULL THEN -{_FAR} END"
    )
