"""Prints tables as CSV on stdout. No other module does."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from groundswell.cli.output.render import write_output
from groundswell.csv_cells import guarded, row_writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["print_csv"]


def print_csv(header: Sequence[str], rows: Iterable[Sequence[str | None]], *, raw: bool) -> None:
    """Print rows as CSV: UTF-8, a header line, LF after each row, quotes only where needed.

    Args:
        header: names of the columns.
        rows: the cells; None is an empty cell.
        raw: do not guard cells that a spreadsheet would execute.
    """
    text = io.StringIO(newline="")
    write_row = row_writer(text)
    write_row(header)
    for row in rows:
        write_row(["" if cell is None else cell if raw else guarded(cell) for cell in row])
    write_output(text.getvalue().encode("utf-8", "backslashreplace"), None)
