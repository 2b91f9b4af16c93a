"""Cells of CSV that a spreadsheet would execute as a formula, guarded so that reading takes the guard off again."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

    import pyarrow as pa

__all__ = ["guarded", "guarded_column", "row_writer", "unguarded_column"]

_EXECUTED: Final = r"'*[=+\-@\t\r]"
"""How a cell begins that a spreadsheet executes (OWASP, "CSV injection"), with guards that it has already."""
_NUMBER: Final = r"[+-]?[0-9]+(?:\.[0-9]*)?"
_GUARDS: Final = re.compile(rf"(?!{_NUMBER}\Z){_EXECUTED}")


def guarded(cell: str) -> str:
    """A text that no spreadsheet executes: with an apostrophe before what would begin a formula.

    A text that begins with apostrophes before such a character gets one more, so that `unguarded_column` gives every
    text back. Plain numbers are left as they are.

    >>> guarded("=1+1"), guarded("'=1"), guarded("gw-1"), guarded("-7")
    ("'=1+1", "''=1", 'gw-1', '-7')
    """
    return f"'{cell}" if _GUARDS.match(cell) else cell


class _LineFeeds:
    """Passes rows on that end with a carriage return and a line feed, without the carriage return."""

    def __init__(self, text: TextIO) -> None:
        self._text: Final = text

    def write(self, row: str) -> None:
        self._text.write(row.removesuffix("\r\n") + "\n")


def row_writer(text: TextIO) -> Callable[[Iterable[object]], object]:
    r"""A function that writes a row of CSV: a line feed after each row, quotes where they are needed.

    Before 3.13, Python quotes only the line breaks that its rows end with, so its rows end with both.

    >>> import io
    >>> text = io.StringIO(newline="")
    >>> write_row = row_writer(text)
    >>> _ = write_row(["a", "b\rc", 7])
    >>> text.getvalue()
    'a,"b\rc",7\n'
    """
    return csv.writer(_LineFeeds(text), lineterminator="\r\n").writerow


def guarded_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Guard a column of texts; null stays null.

    Cost: one pass; a second one where something is guarded.

    >>> import pyarrow as pa
    >>> guarded_column(pa.chunked_array([["=1", None, "a", "-7"]])).to_pylist()
    ["'=1", None, 'a', '-7']
    """
    import pyarrow.compute as pc

    begins = pc.match_substring_regex(column, rf"^{_EXECUTED}")
    if not pc.any(begins).as_py():
        return column
    begins = pc.and_not(begins, pc.match_substring_regex(column, rf"^{_NUMBER}$"))
    return pc.if_else(begins, pc.binary_join_element_wise("'", column, ""), column)


def unguarded_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take the guards off a column that was read from CSV: one apostrophe before what would begin a formula.

    Cost: a look at the beginning of each text; a pass where one begins with an apostrophe.

    >>> import pyarrow as pa
    >>> unguarded_column(pa.chunked_array([["'=1", "''=1", "'a", None]])).to_pylist()
    ['=1', "'=1", "'a", None]
    """
    import pyarrow.compute as pc

    if not pc.any(pc.starts_with(column, "'")).as_py():
        return column
    return pc.replace_substring_regex(column, rf"^'({_EXECUTED})", r"\1", max_replacements=1)
