"""Bad rows: the error that names them, and the file that they are set aside in."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.csv_cells import guarded
from groundswell.errors import InputError
from groundswell.fleet.rules import cropped
from groundswell.outputs import output_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from groundswell.fleet.coerce import BadCell
    from groundswell.fleet.engine import Session
    from groundswell.fleet.relation import Relation

__all__ = ["BadRow", "bad_rows", "original_rows", "refuse", "write_rejects"]

_MOST_LISTED: Final = 1000
_HINT: Final = "mend them, or name a file for the rejects to read the good rows and set the bad ones aside"


@dataclass(frozen=True, slots=True, order=True)
class BadRow:
    """A row that cannot be read.

    Args:
        place: its line or number, from 1.
        troubles: column as the source spells it ("" if it is the whole row), and the reason, for each bad cell.
        cells: the row as it stands in the source.
        values: what stands in each of the bad cells.
    """

    place: int
    troubles: tuple[tuple[str, str], ...]
    cells: tuple[str, ...]
    values: tuple[str, ...]


def original_rows(session: Session, relation: Relation, rows: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The cells of some rows as the source has them, as text; an empty cell is an empty text."""
    import pyarrow as pa

    wanted = session.register(pa.table({"wanted": pa.array(rows, pa.int64())}))
    found = session.rows(
        f"SELECT groundswell_row, CAST(COLUMNS(* EXCLUDE groundswell_row) AS VARCHAR) FROM"
        f" (SELECT row_number() OVER () - 1 AS groundswell_row, * FROM {relation.sql})"
        f" WHERE groundswell_row IN (SELECT wanted FROM {wanted}) ORDER BY groundswell_row"
    )
    numbers, *columns = [column.to_pylist() for column in found.columns]
    cells = zip(*columns, strict=True)
    return {number: tuple(cell or "" for cell in row) for number, row in zip(numbers, cells, strict=True)}


def bad_rows(session: Session, relation: Relation, used: Mapping[str, int], bad: Iterable[BadCell]) -> list[BadRow]:
    """Gather bad cells and faults into rows, in the order of the source."""
    by_row: dict[int, list[BadCell]] = {}
    for cell in bad:
        by_row.setdefault(cell.row, []).append(cell)
    rows = [BadRow(fault.line, (("", fault.reason),), fault.cells, ("",)) for fault in relation.faults]
    originals = original_rows(session, relation, list(by_row)) if by_row else {}
    for row, cells in by_row.items():
        original = originals[row]
        troubles = tuple((relation.names[used[cell.column]], cell.reason) for cell in cells)
        values = tuple(original[used[cell.column]] for cell in cells)
        rows.append(BadRow(relation.place(row), troubles, original, values))
    return sorted(rows, key=lambda row: row.place)


def refuse(rows: Sequence[BadRow], relation: Relation, label: str) -> InputError:
    """The error that names the first bad row, and lists as many as a program may want."""
    first = rows[0]
    column, reason = first.troubles[0]
    where = f"{relation.place_word} {first.place} of `{label}`"
    if not column:
        what = f"{where} {reason}"
    elif first.values[0].strip():
        what = f"{where}, column `{cropped(column)}`: `{cropped(first.values[0])}` {reason}"
    else:
        what = f"{where}, column `{cropped(column)}`: the cell {reason}"
    more = "" if len(rows) == 1 else f" (the first of {len(rows)} bad rows)"
    listed: list[dict[str, Any]] = [
        {
            relation.place_word: row.place,
            "column": column,
            "value": cropped(value),
            "reason": reason,
        }
        for row in rows[:_MOST_LISTED]
        for (column, reason), value in zip(row.troubles, row.values, strict=True)
    ]
    return InputError("bad-rows", what + more, hint=_HINT, fields={"source": label, "total": len(rows), "bad": listed})


def write_rejects(path: Path, rows: Sequence[BadRow], relation: Relation) -> None:
    """Write bad rows as CSV: where, which column, why, then the cells as they were; the file is replaced as a whole.

    Cells that a spreadsheet would execute are guarded; reading the file takes the guards off names.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([relation.place_word, "column", "reason", *map(guarded, relation.names)])
    for row in rows:
        columns = "; ".join(column for column, _ in row.troubles)
        reasons = "; ".join(reason for _, reason in row.troubles)
        writer.writerow([row.place, guarded(columns), guarded(reasons), *map(guarded, row.cells)])
    with output_file(path) as file:
        file.write(text.getvalue().encode("utf-8", "replace"))
