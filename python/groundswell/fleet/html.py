"""Renders values as small HTML tables for notebooks. All text is escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["SHOWN_ROWS", "as_html"]

SHOWN_ROWS: Final = 10
"""Maximum number of rows that a notebook shows."""


def as_html(caption: str, header: Sequence[str], rows: Iterable[Sequence[object]], *, total: int | None = None) -> str:
    """Render a table with a caption.

    Args:
        caption: a description of the value.
        header: the names of the columns.
        rows: the rows; None is shown as an empty cell.
        total: the number of all rows, if `rows` has only the first ones.

    >>> as_html("1 <device>", ["name"], [["a&b"]], total=3)
    '<table><caption>1 &lt;device&gt;</caption><tr><th>name</th></tr><tr><td>a&amp;b</td></tr></table><p>and 2 more</p>'
    """
    shown = [[_cell(value) for value in row] for row in rows]
    head = "".join(f"<th>{_cell(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in shown)
    more = f"<p>and {total - len(shown)} more</p>" if total is not None and total > len(shown) else ""
    return f"<table><caption>{_cell(caption)}</caption><tr>{head}</tr>{body}</table>{more}"


def _cell(value: object) -> str:
    return "" if value is None else html.escape(str(value))
