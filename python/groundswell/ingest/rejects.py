"""Reports bad rows: as an error, or in a rejects file."""

from __future__ import annotations

import heapq
import io
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.csv_cells import guarded, row_writer
from groundswell.errors import InputError
from groundswell.ingest.cells import cropped
from groundswell.outputs import output_file
from groundswell.text import count_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from groundswell.ingest.bad_cells import BadCells
    from groundswell.ingest.duckdb_session import Session
    from groundswell.ingest.readers.source import Fault, Relation

__all__ = ["BadRow", "BadRows", "refuse", "write_rejects"]

_MAX_LISTED: Final = 100_000
_HINT: Final = "correct them, or give a rejects file: the bad rows are written to it, and the good rows are read"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read.

    Args:
        place: line number or row number, from 1.
        element: its number among the elements of the source, from 1. None if places are unique.
        problems: for each bad cell, its column as the source spells it ("" for the whole row) and the reason.
        cells: the row, unchanged from the source.
        values: the value of each bad cell.
        is_open_quote: whether the row contains a quote that is never closed.
    """

    place: int
    element: int | None
    problems: tuple[tuple[str, str], ...]
    cells: tuple[str, ...]
    values: tuple[str, ...]
    is_open_quote: bool = False


class BadRows:
    """The bad rows of a source in source order: rows with bad cells, and lines that are not a row (faults)."""

    def __init__(self, session: Session, relation: Relation, used: Mapping[str, int], bad: BadCells) -> None:
        import numpy as np

        self._session = session
        self._relation = relation
        self._used = used
        self._bad = bad
        self._rows: list[int] = np.unique(bad.rows).tolist()

    def __len__(self) -> int:
        return len(self._rows) + len(self._relation.faults)

    def __iter__(self) -> Iterator[BadRow]:
        return self.first(len(self))

    def first(self, most: int) -> Iterator[BadRow]:
        """The first `most` of them."""
        faults = self._relation.faults
        by_place = heapq.merge(
            map(_from_fault, faults), self._with_bad_cells(most), key=lambda row: (row.place, row.element or 0)
        )
        return itertools.islice(by_place, most)

    def _with_bad_cells(self, most: int) -> Iterator[BadRow]:
        names, used = self._relation.names, self._used
        for row, cells in self._relation.originals(self._session, self._rows[:most]):
            problems = [(used[column], reason) for column, reason in self._bad.of_row(row)]
            yield BadRow(
                self._relation.place(row),
                self._relation.element(row),
                tuple((names[position], reason) for position, reason in problems),
                cells,
                tuple(cells[position] if position < len(cells) else "" for position, _ in problems),
            )


def _from_fault(fault: Fault) -> BadRow:
    return BadRow(fault.line, fault.element, (("", fault.reason),), fault.cells, ("",), fault.is_open_quote)


def refuse(rows: BadRows, relation: Relation, label: str) -> InputError:
    """The error for bad rows: the message shows the first one, the fields list up to 100 000."""
    shown = list(rows.first(_MAX_LISTED))
    first = shown[0]
    column, reason = first.problems[0]
    where = f"{relation.place_word} {first.place} of `{label}`"
    if first.element is not None:
        where += f", element {first.element}"
    if not column:
        what = f"{where}{'' if first.element is None else ','} {reason}"
    elif first.values[0].strip():
        what = f"{where}, column `{cropped(column)}`: `{cropped(first.values[0])}` {reason}"
    else:
        what = f"{where}, column `{cropped(column)}`: the cell {reason}"
    more = "" if len(rows) == 1 else f" (the first of {len(rows)} bad rows)"
    listed: list[dict[str, Any]] = [
        {
            relation.place_word: row.place,
            **({} if row.element is None else {"element": row.element}),
            "column": column,
            "value": cropped(value),
            "reason": reason,
        }
        for row in shown
        for (column, reason), value in zip(row.problems, row.values, strict=True)
    ]
    reasons = count_reasons(
        " ".join(filter(None, (bad["column"] and f"column `{bad['column']}`", bad["reason"]))) for bad in listed
    )
    fields: dict[str, Any] = {"source": label, "total": len(rows), "reasons": reasons, "bad": listed}
    if first.is_open_quote:
        what = f"a quote that opens in the row at line {first.place} of `{label}` does not close"
        return InputError("unclosed-quote", what + more, hint=_HINT, fields=fields | {"line": first.place})
    return InputError("bad-rows", what + more, hint=_HINT, fields=fields)


def write_rejects(path: Path, rows: BadRows, relation: Relation) -> None:
    """Write bad rows as CSV: place, column, reason, then the original cells. The file is replaced atomically.

    Cells that a spreadsheet would execute are guarded (`csv_cells`); reading the file removes the guards.
    """
    with output_file(path) as file:
        text = io.TextIOWrapper(file, "utf-8", "replace", newline="")
        write_row = row_writer(text)
        has_elements = any(row.element is not None for row in rows.first(1))
        places = [relation.place_word, "element"] if has_elements else [relation.place_word]
        write_row([*places, "column", "reason", *map(guarded, relation.names)])
        for row in rows:
            columns = "; ".join(column for column, _ in row.problems)
            reasons = "; ".join(reason for _, reason in row.problems)
            place = [row.place, row.element] if has_elements else [row.place]
            write_row([*place, guarded(columns), guarded(reasons), *map(guarded, row.cells)])
        text.flush()
        text.detach()
