"""The careful reader of JSON: every object with the line on which it begins, every break with its place."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import InputError
from groundswell.fleet.columns import known_columns
from groundswell.fleet.relation import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["JsonTable", "read_json"]

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(slots=True)
class JsonTable:
    """Objects as a table of texts.

    Args:
        table: a column for each key, ``c0`` …, all of them text; a list or an object is JSON again.
        names: the keys, in the order of their first appearance.
        lines: the line of each row, from 1.
        faults: what is no object.
        notes: sentences for the user.
    """

    table: pa.Table
    names: list[str]
    lines: npt.NDArray[np.int64]
    faults: list[Fault]
    notes: list[str]


def read_json(data: bytes, label: str, *, by_line: bool) -> JsonTable:
    """Read JSON.

    Args:
        data: the bytes of the file.
        label: what to call it.
        by_line: an object a line (NDJSON), where one broken line says nothing about the others.

    Raises:
        InputError: ``broken-json``, with line and column; ``not-a-table`` for a document that holds no devices.
    """
    text = _decoded(data, label)
    objects = _Objects()
    if by_line:
        for line, written in enumerate(_LINE_END.split(text), start=1):
            if written.strip():
                _take_line(objects, line, written)
    else:
        for line, value in _Document(text, label, objects.notes).values():
            objects.take(line, value)
    return objects.table()


def _take_line(objects: _Objects, line: int, written: str) -> None:
    try:
        value = _DECODER.decode(written)
    except RecursionError:
        objects.faults.append(Fault(line, "is nested too deeply", ("",)))
    except ValueError as error:
        reason = f"is broken JSON: {_what(error)}"
        objects.faults.append(Fault(line, reason, (written,)))
    else:
        objects.take(line, value)


class _Number(str):
    """A number as the file writes it: nothing is gained or lost by floating point."""

    __slots__ = ()


_DECODER: Final = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number)


@dataclass(slots=True)
class _Objects:
    """Objects on their way into columns."""

    columns: dict[str, list[str | None]] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, line: int, value: object) -> None:
        try:
            if not isinstance(value, dict):
                self.faults.append(Fault(line, "is no JSON object", (_written(value),)))
                return
            cells = {key: _text(cell) for key, cell in value.items()}
        except RecursionError:
            self.faults.append(Fault(line, "is nested too deeply", ("",)))
            return
        for key, cell in cells.items():
            column = self.columns.setdefault(key, [])
            column.extend([None] * (len(self.lines) - len(column)))
            column.append(cell)
        self.lines.append(line)

    def table(self) -> JsonTable:
        import numpy as np
        import pyarrow as pa

        arrays = {}
        for position, cells in enumerate(self.columns.values()):
            cells.extend([None] * (len(self.lines) - len(cells)))
            arrays[f"c{position}"] = pa.array(cells, pa.string())
        return JsonTable(pa.table(arrays), list(self.columns), np.array(self.lines, np.int64), self.faults, self.notes)


def _text(cell: Any) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = str(cell) if isinstance(cell, str) else _written(cell)
    # Half a surrogate pair (`"\ud83d"` in JSON) is no character.
    return text.encode("utf-8", "replace").decode()


def _written(value: Any) -> str:
    """A value as JSON again, as DuckDB writes it: numbers as they stood there, no blanks."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_written(key)}:{_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


class _Document:
    """One JSON text: an array of devices, an object with an array ``devices``, or objects one after another."""

    def __init__(self, text: str, label: str, notes: list[str]) -> None:
        self._text = text
        self._label = label
        self._notes = notes
        self._at = _after_space(text, 0)
        self._line = 1
        self._counted = 0

    def values(self) -> Iterator[tuple[int, Any]]:
        """What should be devices, each with its line."""
        if self._text.startswith("[", self._at):
            yield from self._array()
        elif self._is_page():
            yield from self._page()
        else:
            while self._at < len(self._text):
                yield self._value()
            return
        if self._at < len(self._text):
            raise self._broken("text after its end", self._at)

    def _is_page(self) -> bool:
        start = self._at
        try:
            first, end = _DECODER.raw_decode(self._text, start)
        except (ValueError, RecursionError):
            # It may still be a page, broken further on: reading it as one tells the place.
            return re.match(r'\{[ \t\r\n]*"', self._text[start:]) is not None and '"devices"' in self._text
        if not isinstance(first, dict):
            raise _no_devices(self._label, "a single value")
        if isinstance(first.get("devices"), list):
            return True
        alone = _after_space(self._text, end) == len(self._text)
        if alone and not known_columns(list(first)) and any(isinstance(v, list) for v in first.values()):
            raise _no_devices(
                self._label, f"an object with the keys {', '.join(f'`{key}`' for key in list(first)[:9])}"
            )
        return False

    def _page(self) -> Iterator[tuple[int, Any]]:
        """An answer of the API: the devices of one page, how many there are in all, and where the next page is."""
        self._expect("{")
        count, rest = 0, {}
        while not self._text.startswith("}", self._at):
            _, key = self._value()
            self._expect(":")
            if key == "devices" and self._text.startswith("[", self._at):
                for placed in self._array():
                    count += 1
                    yield placed
            else:
                rest[str(key)] = self._value()[1]
            if not self._text.startswith("}", self._at):
                self._expect(",")
        self._expect("}")
        total = str(rest.get("total") or "")
        if rest.get("next") or (total.isdecimal() and int(total) > count):
            of = f" of {total}" if total.isdecimal() else ""
            self._notes.append(f"`{self._label}` is one page of several: it holds {count}{of} devices")

    def _array(self) -> Iterator[tuple[int, Any]]:
        self._expect("[")
        while not self._text.startswith("]", self._at):
            yield self._value()
            if not self._text.startswith("]", self._at):
                self._expect(",")
        self._expect("]")

    def _value(self) -> tuple[int, Any]:
        start = self._at
        try:
            value, end = _DECODER.raw_decode(self._text, start)
        except json.JSONDecodeError as error:
            raise self._broken(_what(error), error.pos) from error
        except RecursionError as error:
            raise self._broken("nested too deeply", start) from error
        self._line += len(_LINE_END.findall(self._text, self._counted, start))
        self._counted = start
        self._at = _after_space(self._text, end)
        return self._line, value

    def _expect(self, mark: str) -> None:
        if not self._text.startswith(mark, self._at):
            raise self._broken(f"`{mark}` is missing", self._at)
        self._at = _after_space(self._text, self._at + 1)

    def _broken(self, what: str, at: int) -> InputError:
        before = _LINE_END.split(self._text[:at])
        line, column = len(before), len(before[-1]) + 1
        return InputError(
            "broken-json",
            f"line {line} of `{self._label}` is broken JSON at column {column}: {what}",
            hint="write or fetch the file again" if at >= len(self._text.rstrip()) else "mend it there",
            fields={"source": self._label, "line": line, "column": column, "reason": what},
        )


def _what(error: ValueError) -> str:
    """What Python's json module says, as the end of a sentence."""
    text = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return text[:1].lower() + text[1:]


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _decoded(data: bytes, label: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(data[: error.start].decode("utf-8", "replace"))) + 1
        raise InputError(
            "broken-json",
            f"line {line} of `{label}` is not UTF-8 text",
            hint="save it in UTF-8",
            fields={"source": label, "line": line, "reason": "not UTF-8"},
        ) from error


def _no_devices(label: str, what: str) -> InputError:
    return InputError(
        "not-a-table",
        f"`{label}` holds {what}, not devices",
        hint="give an array of objects, an object with an array `devices`, or an object a line",
        fields={"source": label},
    )
