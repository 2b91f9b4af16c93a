"""Tables and facts as text that needs no colour, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from groundswell.cli.render import json_text, printable, write_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

__all__ = ["Share", "facts", "flow", "instant_text", "print_json", "print_lines", "table"]


class Share(NamedTuple):
    """A part of a whole, shown as a percentage; ``-`` of nothing."""

    part: int
    whole: int

    def __str__(self) -> str:
        return f"{100 * self.part / self.whole:.1f}%" if self.whole else "-"


def table(header: Sequence[str] | None, rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a table: numbers and shares to the right, the rest to the left, ``-`` for what is not known.

    Args:
        header: the names of the columns; None for a table that needs none.
        rows: its rows; one that ends early is blank from there on.

    >>> table(["group", "devices"], [["canary", 12], [None, 3]])
    ['group   devices', 'canary       12', '-             3']
    >>> table(None, [["online", 1250, Share(1250, 2000)], ["never seen", 3]])
    ['online      1250  62.5%', 'never seen     3']
    """
    cells = [[_cell(value) for value in row] for row in rows]
    lines = cells if header is None else [[(name, False) for name in header], *cells]
    columns = max((len(line) for line in lines), default=0)
    for line in lines:
        line.extend([("", False)] * (columns - len(line)))
    right = [any(line[column][1] for line in cells) for column in range(columns)]
    widths = [max(len(line[column][0]) for line in lines) for column in range(columns)]
    return [
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for (text, _), width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    ]


def _cell(value: object) -> tuple[str, bool]:
    """A value as text, and whether it is a number."""
    if value is None:
        return "-", False
    if isinstance(value, bool):
        return ("yes" if value else "no"), False
    if isinstance(value, int):
        return str(value), True
    if isinstance(value, Share):
        return str(value), True
    return printable(str(value)), False


def facts(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """Lines of names and values.

    >>> facts([("uuid", "a"), ("last seen", None)])
    ['uuid       a', 'last seen  -']
    """
    rows = [(name, _cell(value)[0]) for name, value in pairs]
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name.ljust(width)}  {value}".rstrip() for name, value in rows]


def flow(label: str, items: Iterable[str], *, width: int = 100) -> list[str]:
    """Items one after the other behind a label, on as many lines as they need.

    >>> flow("groups  ", ["canary 12", "us-east 30", "eu 7"], width=32)
    ['groups  canary 12 · us-east 30', '        eu 7']
    """
    lines = [label]
    for at, item in enumerate(items):
        joined = f"{lines[-1]}{' · ' if lines[-1] != label and lines[-1].strip() else ''}{item}"
        if at and len(joined) > width:
            lines.append(" " * len(label) + item)
        else:
            lines[-1] = joined
    return lines


def instant_text(when: datetime | None) -> str | None:
    """An instant in RFC 3339, UTC.

    >>> from datetime import UTC, datetime
    >>> instant_text(datetime(2026, 11, 24, tzinfo=UTC))
    '2026-11-24T00:00:00Z'
    """
    return None if when is None else when.isoformat().replace("+00:00", "Z")


def print_lines(lines: Iterable[str], output: str | None = None) -> None:
    """Write lines to stdout, or to a file as a whole; each is escaped."""
    write_output("".join(f"{printable(line)}\n" for line in lines).encode(), output)


def print_json(data: Any, output: str | None = None) -> None:
    """Write JSON to stdout, or to a file as a whole."""
    write_output((json_text(data) + "\n").encode(), output)
