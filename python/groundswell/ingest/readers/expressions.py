"""SQL expressions that convert a source's columns to the types that the core reads: text, integers, UUIDs.

The SQL only converts types. The core decides which values are valid.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from groundswell.ingest.duckdb_session import identifier

__all__ = ["SelectItem", "cell_as_bytes", "select_column", "select_text"]

_SIGNED_64_BIT: Final = frozenset(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"))
"""Integer types that fit into a signed 64-bit integer."""
_WIDER: Final = frozenset(("HUGEINT", "UBIGINT", "UHUGEINT"))
_FLOATS: Final = frozenset(("FLOAT", "DOUBLE"))
_INTEGER_SHAPES: Final = {
    "last_seen": _SIGNED_64_BIT | _WIDER | _FLOATS,
    "production": _SIGNED_64_BIT | _WIDER,
    "target_version": _SIGNED_64_BIT | _WIDER,
}
"""Canonical column → the DuckDB types that are converted to integers."""
_SECOND: Final = 10**9
"""Nanoseconds."""
_TOO_LARGE: Final = 9 * 10**18
"""Replaces numbers and instants that overflow 64 bits; the core refuses it as out of range."""
_NESTED: Final = ("[]", "]", ")")


class SelectItem(NamedTuple):
    """An item of a SELECT list for one column.

    Args:
        sql: an item of a SELECT list, named after the column: VARCHAR, BLOB, UUID or BIGINT.
        are_numbers: whether the source has integers; false for seconds that were computed from instants.
    """

    sql: str
    are_numbers: bool


def select_column(column: str, name: str, kind: str) -> SelectItem:
    """Select a column as the type that the core reads.

    Args:
        column: its canonical name.
        name: its name in the relation.
        kind: its DuckDB type.

    >>> select_column("group", "device-group", "VARCHAR").sql
    '"device-group" AS "group"'
    """
    cell, are_numbers = identifier(name), True
    if column == "uuid" and kind == "UUID":
        value = cell
    elif column == "last_seen" and (kind == "DATE" or kind.startswith("TIMESTAMP")):
        value, are_numbers = _seconds(cell, kind), False
    elif kind in _INTEGER_SHAPES.get(column, ()) or (column == "last_seen" and kind.startswith("DECIMAL")):
        value = _clamped_integer(cell, kind)
    elif column == "production" and kind == "BOOLEAN":
        value = f"CAST({cell} AS BIGINT)"
    else:
        value = _text(cell, kind)
    return SelectItem(f"{value} AS {identifier(column)}", are_numbers)


def select_text(column: str, name: str, kind: str) -> SelectItem:
    """Select a column as text, whatever its type. The arguments are those of `select_column`."""
    return SelectItem(f"{_text(identifier(name), kind)} AS {identifier(column)}", are_numbers=True)


def cell_as_bytes(name: str, kind: str) -> str:
    """SQL for a cell's original content, as bytes.

    >>> cell_as_bytes("name", "VARCHAR")
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


def _clamped_integer(cell: str, kind: str) -> str:
    """SQL that rounds a number down to an integer and clamps it to 64 bits; NULL for NaN."""
    if kind in _SIGNED_64_BIT:
        return f"CAST({cell} AS BIGINT)"
    if kind in _WIDER:
        return f"CAST(greatest(least({cell}, {_TOO_LARGE}), {0 if kind.startswith('U') else -_TOO_LARGE}) AS BIGINT)"
    # Round numbers between 0 and 1 up to 1, because 0 means "never".
    clamped = f"CAST(floor(greatest(least({cell}, 9e18), -9e18)) AS BIGINT)"
    within = f"CASE WHEN {cell} > 0 AND {cell} < 1 THEN 1 ELSE {clamped} END"
    return f"CASE WHEN NOT isnan({cell}) THEN {within} END" if kind in _FLOATS else within


def _seconds(cell: str, kind: str) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _finite(cell, f"CAST(floor(epoch({cell})) AS BIGINT)")
    if kind in {"TIMESTAMP_NS", "TIMESTAMPTZ_NS"}:
        # Use integer arithmetic: a cast to microseconds may round or fail, and a double cannot represent nanoseconds.
        nanoseconds = f"epoch_ns({cell})"
        return f"({nanoseconds} - ({nanoseconds} % {_SECOND} + {_SECOND}) % {_SECOND}) // {_SECOND}"
    # Truncate to seconds first, so that nothing is rounded up.
    moment = f"CAST({cell} AS TIMESTAMP)"
    return _finite(moment, f"CAST(epoch(date_trunc('second', {moment})) AS BIGINT)")


def _finite(moment: str, seconds: str) -> str:
    return (
        f"CASE WHEN isfinite({moment}) THEN {seconds} WHEN {moment} > TIMESTAMP '2000-01-01' THEN {_TOO_LARGE}"
        f" WHEN {moment} IS NOT NULL THEN -{_TOO_LARGE} END"
    )
