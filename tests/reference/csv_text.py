"""A second implementation of the CSV dialect of docs/fleets.md, character by character; imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass

BLANK = " \t"
MOST = 131_072


@dataclass(frozen=True)
class Record:
    """A record: its line, and its cells, or None if it is bad."""

    line: int
    cells: tuple[str, ...] | None


def lines_of(text: str) -> list[str]:
    """The physical lines, each with its end."""
    lines, line = [], ""
    for at, c in enumerate(text):
        line += c
        if c == "\n" or (c == "\r" and text[at + 1 : at + 2] != "\n"):
            lines.append(line)
            line = ""
    return [*lines, line] if line else lines


def records(text: str, delimiter: str, minimum: int, width: int) -> list[Record]:
    """The records of a text without its header; blank lines are skipped."""
    found, lines, number = [], lines_of(text), 0
    while number < len(lines):
        cells, used, is_good = _record("".join(lines[number:]), delimiter)
        begun, number = number + 1, number + used
        if len(cells) == 1 and not cells[0].strip(" \t\r\n\v\f") and is_good:
            continue
        fits = len(cells) >= minimum and not any(cell.strip(" \t\r\n\v\f") for cell in cells[width:])
        is_good = is_good and fits and "\0" not in "".join(cells) and max(map(len, cells)) <= MOST
        found.append(Record(begun, tuple(cells) if is_good else None))
    return found


def is_open(text: str, delimiter: str) -> bool:
    """Whether a quote of the first record, or of a record after a bad one, is never closed."""
    number, lines = 0, lines_of(text)
    while number < len(lines):
        cells, used, is_good = _record("".join(lines[number:]), delimiter)
        if not is_good and cells == ["open"]:
            return True
        number += used
    return False


def _record(text: str, delimiter: str) -> tuple[list[str], int, bool]:
    """The cells of the first record of a text, its number of lines, and whether its quotes are valid."""
    cells: list[str] = []
    at = 0
    while True:
        first = at
        while first < len(text) and text[first] in BLANK and text[first] != delimiter:
            first += 1
        if text[first : first + 1] == '"':
            end = _closing(text, first)
            after = end + 1
            while after < len(text) and text[after] in BLANK and text[after] != delimiter:
                after += 1
            if end < 0 or (after < len(text) and text[after] not in delimiter + "\r\n"):
                return ["open" if end < 0 else "bad"], len(lines_of(text[:first])) or 1, False
            cells.append(text[first + 1 : end].replace('""', '"'))
            at = after
        else:
            end = at
            while end < len(text) and text[end] not in delimiter + "\r\n":
                end += 1
            cells.append(text[at:end])
            at = end
        if text[at : at + 1] != delimiter:
            return cells, len(lines_of(text[: at + 1])) or 1, True
        at += 1


def _closing(text: str, quote: int) -> int:
    """Offset of the closing quote of a cell; -1 if there is none."""
    at = quote + 1
    while at < len(text) and at - quote <= MOST + 1:
        if text[at] == '"':
            if text[at + 1 : at + 2] != '"':
                return at
            at += 1
        at += 1
    return -1
