"""Escapes CSV cells that a spreadsheet would execute as a formula ("CSV injection"), and reverses the escaping.

To *guard* a cell is to put an apostrophe before it.
"""

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
"""Beginning of a cell that a spreadsheet executes (OWASP, "CSV injection"), after any guards that it already has."""
_NUMBER: Final = r"[+-]?[0-9]+(?:\.[0-9]*)?"
_GUARDS: Final = re.compile(rf"(?!{_NUMBER}\Z){_EXECUTED}")


def guarded(cell: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would execute as a formula.

    A text that already begins with apostrophes before such a character gets one more, so `unguarded_column` restores
    every text exactly. Plain numbers are not changed.

    >>> guarded("=1+1"), guarded("'=1"), guarded("gw-1"), guarded("-7")
    ("'=1+1", "''=1", 'gw-1', '-7')
    """
    return f"'{cell}" if _GUARDS.match(cell) else cell


class _LineFeedWriter:
    """Writes rows that end with CR LF to a text stream, with LF alone."""

    def __init__(self, text: TextIO) -> None:
        self._text: Final = text

    def write(self, row: str) -> None:
        self._text.write(row.removesuffix("\r\n") + "\n")


def row_writer(text: TextIO) -> Callable[[Iterable[object]], object]:
    r"""A function that writes one CSV row: LF after each row, quotes only where needed.

    Before 3.13, Python's writer quotes a CR or LF in a cell only if its line terminator contains that character. So the
    terminator is CR LF here, and the CR is removed afterwards.

    >>> import io
    >>> text = io.StringIO(newline="")
    >>> write_row = row_writer(text)
    >>> _ = write_row(["a", "b\rc", 7])
    >>> text.getvalue()
    'a,"b\rc",7\n'
    """
    return csv.writer(_LineFeedWriter(text), lineterminator="\r\n").writerow


def guarded_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Guard a text column; null stays null.

    Cost: one pass; a second one if any text is guarded.

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
    """Remove the guards from a column read from CSV: one apostrophe before the beginning of a formula.

    Cost: checks the first character of each text; one more pass if any begins with an apostrophe.

    >>> import pyarrow as pa
    >>> unguarded_column(pa.chunked_array([["'=1", "''=1", "'a", None]])).to_pylist()
    ['=1', "'=1", "'a", None]
    """
    import pyarrow.compute as pc

    if not pc.any(pc.starts_with(column, "'")).as_py():
        return column
    return pc.replace_substring_regex(column, rf"^'({_EXECUTED})", r"\1", max_replacements=1)
