"""Tables as CSV on stdout, for spreadsheets and scripts: the one place that writes them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from groundswell.cli.output.render import write_output
from groundswell.csv_cells import guarded, row_writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["print_csv"]


def print_csv(header: Sequence[str], rows: Iterable[Sequence[str | None]], *, raw: bool) -> None:
    """Print rows as CSV: UTF-8, a header line, a line feed after each row, quotes where they are needed.

    Args:
        header: the names of the columns.
        rows: texts; an empty cell for None.
        raw: leave cells as they are that a spreadsheet would execute.
    """
    text = io.StringIO(newline="")
    write_row = row_writer(text)
    write_row(header)
    for row in rows:
        write_row(["" if cell is None else cell if raw else guarded(cell) for cell in row])
    write_output(text.getvalue().encode("utf-8", "backslashreplace"), None)
