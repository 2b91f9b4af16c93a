"""Formats tables, lists of facts, and JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from groundswell.cli.output.render import columns, json_text, printable, write_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from types import EllipsisType

__all__ = [
    "Share",
    "cropped",
    "facts",
    "flow",
    "instant_text",
    "paragraph",
    "print_json",
    "print_lines",
    "table",
    "text_width",
]


class Share(NamedTuple):
    """A part of a whole, formatted as a percentage; ``-`` if the whole is 0."""

    part: int
    whole: int

    def __str__(self) -> str:
        return f"{100 * self.part / self.whole:.1f}%" if self.whole else "-"


def table(
    header: Sequence[str] | None, rows: Iterable[Sequence[object]], *, width: int | EllipsisType | None = ...
) -> list[str]:
    """Format a table: numbers and shares are right-aligned, other cells left-aligned; None is ``-``.

    If the width is limited, long texts are cropped. If that is not enough, each row is wrapped to several lines; the
    continuation lines are indented. UUIDs and numbers are never cropped.

    Args:
        header: names of the columns; None for a table without a header.
        rows: the rows; missing cells at the end of a row are blank.
        width: characters per line (default: the terminal's); None for no limit.

    >>> table(["group", "devices"], [["canary", 12], [None, 3]])
    ['group   devices', 'canary       12', '-             3']
    >>> table(None, [["online", 1250, Share(1250, 2000)], ["never seen", 3]])
    ['online      1250  62.5%', 'never seen     3']
    >>> table(["group", "devices"], [["a-group-with-a-long-name", 12]], width=24)
    ['group            devices', 'a-group-with-a…       12']
    >>> table(["uuid", "group", "seen"], [["6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11", "canary", None]], width=40)
    ['uuid', '  group   seen', '6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11', '  canary  -']
    """
    cells = [[_cell(value) for value in row] for row in rows]
    lines = cells if header is None else [[(name, False) for name in header], *cells]
    number = max((len(line) for line in lines), default=0)
    for line in lines:
        line.extend([("", False)] * (number - len(line)))
    right = [any(line[column][1] for line in cells) for column in range(number)]
    widths = [max(text_width(line[column][0]) for line in lines) for column in range(number)]
    limit = columns() if width is ... else width
    parts = [range(number)]
    if limit is not None and sum(widths) + _GAP * (number - 1) > limit:
        minimum = [
            full if to_right or _has_ids(cells, column) else min(full, max(_MIN_TEXT, _header_width(header, column)))
            for column, (full, to_right) in enumerate(zip(widths, right, strict=True))
        ]
        if sum(minimum) + _GAP * (number - 1) <= limit:
            widths = _shrunk(widths, minimum, limit - _GAP * (number - 1))
        else:
            widths = [max(low, min(full, limit - _GAP)) for full, low in zip(widths, minimum, strict=True)]
            parts = _parts(widths, limit)
    return [
        " " * (_GAP * (at > 0))
        + (" " * _GAP).join(_padded(line[column][0], widths[column], right[column]) for column in part).rstrip()
        for line in lines
        for at, part in enumerate(parts)
    ]


_GAP: Final = 2
"""Number of blanks between columns, and before a continuation line."""
_MIN_TEXT: Final = 12
"""A text is cropped to this many characters before rows are wrapped."""
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,64}|[0-9]{4}-[0-9]{2}-[0-9]{2}T.*")
"""Texts that are never cropped: UUIDs, digests and instants."""


def _has_ids(cells: Sequence[Sequence[tuple[str, bool]]], column: int) -> bool:
    return any(_ID.fullmatch(line[column][0]) for line in cells)


def _header_width(header: Sequence[str] | None, column: int) -> int:
    return text_width(header[column]) if header is not None and column < len(header) else 0


def _shrunk(widths: list[int], minimum: list[int], limit: int) -> list[int]:
    """Reduce column widths until their sum is at most `limit`, always the widest column first."""
    widths = list(widths)
    while (excess := sum(widths) - limit) > 0:
        spare = [full if full > low else 0 for full, low in zip(widths, minimum, strict=True)]
        widest = max(range(len(widths)), key=lambda column: spare[column])
        below = max((width for width in spare if width < spare[widest]), default=0)
        step = min(excess, widths[widest] - max(below, minimum[widest]))
        widths[widest] -= max(1, step)
    return widths


def _parts(widths: list[int], limit: int) -> list[range]:
    """Distribute the columns of a row over lines, as many per line as fit."""
    parts: list[range] = []
    first = used = 0
    for column, width in enumerate(widths):
        indent = _GAP * (len(parts) > 0)
        if column > first and used + _GAP + width > limit - indent:
            parts.append(range(first, column))
            first, used = column, width
        else:
            used += width + _GAP * (column > first)
    return [*parts, range(first, len(widths))]


def _padded(text: str, width: int, to_right: bool) -> str:  # noqa: FBT001  (private, and called in one place)
    shown = cropped(text, width)
    blanks = " " * (width - text_width(shown))
    return blanks + shown if to_right else shown + blanks


def text_width(text: str) -> int:
    """The number of terminal cells that a text occupies.

    >>> text_width("abc"), text_width("漢字"), text_width("é")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(2 if east_asian_width(c) in "WF" else 0 if combining(c) else 1 for c in text)


def cropped(text: str, width: int) -> str:
    """Crop a text to `width` terminal cells; a cropped text ends with `…`.

    >>> cropped("canary", 6), cropped("canary", 5)
    ('canary', 'cana…')
    """
    if text_width(text) <= width:
        return text
    while text and text_width(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def _cell(value: object) -> tuple[str, bool]:
    """Format a cell: its text, and whether it is a number."""
    if value is None:
        return "-", False
    if isinstance(value, bool):
        return ("yes" if value else "no"), False
    if isinstance(value, int):
        return str(value), True
    if isinstance(value, Share):
        return str(value), True
    return printable(str(value)), False


_FLOW: Final = 100


def facts(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """Lines of the form "name  value", with the values aligned.

    >>> facts([("uuid", "a"), ("last seen", None)])
    ['uuid       a', 'last seen  -']
    """
    rows = [(name, _cell(value)[0]) for name, value in pairs]
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name.ljust(width)}  {value}".rstrip() for name, value in rows]


def flow(label: str, items: Iterable[str], *, width: int | None = None) -> list[str]:
    """Format items as a wrapped list after a label.

    >>> flow("groups  ", ["canary 12", "us-east 30", "eu 7"], width=32)
    ['groups  canary 12 · us-east 30', '        eu 7']
    """
    width = width or min(_FLOW, columns() or _FLOW)
    lines = [label]
    for at, item in enumerate(items):
        joined = f"{lines[-1]}{' · ' if lines[-1] != label and lines[-1].strip() else ''}{item}"
        if at and len(joined) > width:
            lines.append(" " * len(label) + item)
        else:
            lines[-1] = joined
    return lines


def paragraph(text: str, indent: str = "  ") -> list[str]:
    """Wrap and indent a sentence; words are not broken.

    >>> paragraph("there are no targets yet")
    ['  there are no targets yet']
    """
    width = columns()
    if width is None:
        return [indent + text]
    import textwrap

    return textwrap.wrap(
        text,
        max(width, _MIN_TEXT),
        initial_indent=indent,
        subsequent_indent=indent * 2,
        break_long_words=False,
        break_on_hyphens=False,
    )


def instant_text(when: datetime | None) -> str | None:
    """Format an instant in RFC 3339, UTC; None stays None.

    >>> from datetime import UTC, datetime
    >>> instant_text(datetime(2026, 11, 24, tzinfo=UTC))
    '2026-11-24T00:00:00Z'
    """
    return None if when is None else when.isoformat().replace("+00:00", "Z")


def print_lines(lines: Iterable[str], output: str | None = None) -> None:
    """Write lines to stdout, or atomically to a file; each is escaped."""
    write_output("".join(f"{printable(line)}\n" for line in lines).encode(), output)


def print_json(data: Any, output: str | None = None) -> None:
    """Write JSON to stdout, or atomically to a file."""
    write_output((json_text(data) + "\n").encode(), output)
