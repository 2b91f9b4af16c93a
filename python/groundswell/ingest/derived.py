"""Computes mapped columns that are not plain source columns: constants, values at a path inside a cell, time units."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.ingest.cells import BLANKS, cropped
from groundswell.ingest.duckdb_session import identifier, literal
from groundswell.ingest.mapping import UNITS
from groundswell.ingest.spellings import folded

if TYPE_CHECKING:
    from groundswell.ingest.columns import ColumnMatch
    from groundswell.ingest.duckdb_session import Session
    from groundswell.ingest.mapping import ColumnSource
    from groundswell.ingest.readers.source import Relation

__all__ = ["with_derived"]

_INTEGER_TYPES: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def with_derived(session: Session, relation: Relation, match: ColumnMatch, label: str) -> tuple[Relation, ColumnMatch]:
    """Add the columns that `match.by_hand` describes to a relation. Without any, both are returned unchanged.

    Raises:
        InputError: ``bad-mapping`` for a malformed path.
    """
    if not match.by_hand:
        return relation, match
    rows = relation.in_memory(session)
    items, names, columns = [], list(rows.names), list(rows.columns)
    used = dict(match.used)
    sql = rows.sql
    for column, source in match.by_hand.items():
        position = used[column]
        name = f"derived_{column}"
        if source.constant is not None:
            cell, kind = literal(source.constant), "VARCHAR"
        else:
            at, kind = rows.columns[position]
            cell = identifier(at)
            if rows.match is None and _is_inside(source, rows.names[position]):
                text = cell if kind == "VARCHAR" else f"CAST(to_json({cell}) AS VARCHAR)"
                table = session.register(_extract(session, text, sql, source=source, column=column, label=label))
                sql, cell, kind = f"({sql} POSITIONAL JOIN {table})", identifier(f"inside_{column}"), "VARCHAR"
            cell, kind = _in_seconds(cell, kind, UNITS[source.unit])
        items.append(f"{cell} AS {identifier(name)}")
        used[column] = len(names)
        names.append(source.text)
        columns.append((name, kind))
    kept = ", ".join(identifier(name) for name, _ in rows.columns)
    everything = ", ".join([*([kept] if kept else []), *items])
    derived = replace(rows, sql=f"(SELECT {everything} FROM {sql})", names=names, columns=columns)
    return derived, replace(match, used=used)


def _is_inside(source: ColumnSource, name: str) -> bool:
    """Whether the source is a path into the cells of the column `name`, not the column itself."""
    return name not in {source.text, source.path} and folded(name) not in {folded(source.text), folded(source.path)}


def _extract(session: Session, text: str, sql: str, *, source: ColumnSource, column: str, label: str) -> Any:
    """Extract the values at a path inside the cells of a column, as a table with one column."""
    import numpy as np
    import pyarrow as pa

    from groundswell.ingest.readers.json import text_array

    if (reason := _core.check_json_path(source.path)) is not None:
        raise InputError(
            "bad-mapping",
            f"the path `{cropped(source.path)}` of the column `{column}` {reason}",
            hint='quote a key that contains a dot or a bracket: properties."device.type"',
            fields={"source": label, "column": column, "path": cropped(source.path), "reason": reason},
        )
    found = session.rows(f"SELECT coalesce({text}, '') AS cell FROM {sql}").column("cell")
    whole = found.cast(pa.large_string()).combine_chunks()
    whole = whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)
    _, offsets, data = whole.buffers()
    bounds = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
    texts = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return pa.table({f"inside_{column}": text_array(_core.extract_json(bounds, texts, source.path))})


def _in_seconds(cell: str, kind: str, per_second: int) -> tuple[str, str]:
    """SQL that converts numbers to whole seconds, and its type. Cells that are not numbers stay unchanged."""
    if per_second == 1:
        return cell, kind
    if kind in _INTEGER_TYPES:
        # Keep a negative number: it is a bad cell, while 0 means "never".
        return f"CASE WHEN {cell} < 0 THEN {cell} ELSE {cell} // {per_second} END", kind
    if kind in {"FLOAT", "DOUBLE"}:
        return f"({cell} / {per_second})", "DOUBLE"
    if kind != "VARCHAR":
        return cell, kind
    digits = len(str(per_second)) - 1
    text = f"trim({cell}, {literal(BLANKS)})"
    return (
        f"CASE WHEN regexp_full_match({text}, '[0-9]{{{digits + 1},}}([.][0-9]*)?')"
        f" THEN regexp_extract({text}, '^([0-9]+)[0-9]{{{digits}}}([.]|$)', 1)"
        f" WHEN regexp_full_match({text}, '[0-9]{{1,{digits}}}([.][0-9]*)?') THEN '0' ELSE {cell} END"
    ), "VARCHAR"
