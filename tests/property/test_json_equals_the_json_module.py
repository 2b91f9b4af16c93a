"""The reader of JSON reads what Python's json module reads, and refuses what that refuses."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from groundswell import _core
from support import profiles

KEYS = ("id", "tag", "a.b", "é", "")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)


class Written(str):
    """A number as it is written."""

    __slots__ = ()


def loads(text: str) -> Any:
    return json.loads(text, parse_int=Written, parse_float=Written, parse_constant=Written)


def values_of(text: str) -> list[Any] | None:
    """The values of a text one after another; None if it is broken."""
    decoder = json.JSONDecoder(parse_int=Written, parse_float=Written, parse_constant=Written)
    values, at = [], 0
    blanks = " \t\r\n"
    text = text.strip(blanks)
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            return None
        values.append(value)
        at += len(text[at:]) - len(text[at:].lstrip(blanks))
    return values


def shown(value: Any) -> str | None:
    """The text of a cell."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in value)
    return json.dumps(value)


def cells(table: _core.JsonTable, column: int) -> list[str | None]:
    offsets, data, valid = table.columns[column]
    text = data.tobytes()
    bits = [bool(valid[row // 8] >> (row % 8) & 1) for row in range(len(offsets) - 1)]
    spans = zip(offsets.tolist(), offsets.tolist()[1:], strict=False)
    return [text[a:b].decode() if bit else None for (a, b), bit in zip(spans, bits, strict=True)]


def read(text: str | bytes, *, lines: bool = False, rows_at: str | None = None) -> _core.JsonTable:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return _core.read_json(
        data,
        named_lines=lines,
        sources=["id", "tag", '"a.b"'],
        off=[],
        spellings={},
        rows_at=rows_at,
        monitor=_core.JsonMonitor(),
    )


def plain(value: Any) -> Any:
    """A nested value, in which numbers are texts again."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=profiles.examples(150), deadline=None)
@given(st.lists(OBJECTS, max_size=5), st.sampled_from(["array", "lines", "indented", "page", "one after another"]))
def test_cells_are_what_the_json_module_reads(objects: list[dict[str, Any]], form: str) -> None:
    text = {
        "array": lambda: json.dumps(objects),
        "indented": lambda: json.dumps(objects, indent=2, ensure_ascii=False),
        "lines": lambda: "".join(json.dumps(one) + "\r\n" for one in objects),
        "page": lambda: json.dumps({"total": 9, "devices": objects, "id": 5}),
        "one after another": lambda: "".join(json.dumps(one, indent=1) for one in objects),
    }[form]()
    table = read(text)
    assert table.broken is None
    assert not table.faults
    assert len(table.lines) == len(objects)
    expected = [loads(json.dumps(one)) for one in objects]
    for column, key in enumerate(["id", "tag", "a.b"]):
        for found, one in zip(cells(table, column), expected, strict=True):
            value = one.get(key)
            if isinstance(value, dict | list):
                assert found is not None
                assert loads(found) == value
                assert " " not in json.dumps(plain(value), ensure_ascii=False) or found.count("\n") == 0
            else:
                assert found == shown(value)


@settings(max_examples=profiles.examples(300), deadline=None)
@given(st.text('[]{}",:\\ \n\tudc80ntrfalse01.-+eEié\x00', max_size=30), st.booleans())
@example('{"id": 01}', False)  # noqa: FBT003
@example('["\\ud83d\\ude00"]', False)  # noqa: FBT003
@example('{"id":"\\ud800"}{"id":"\\\\ud800"}', False)  # noqa: FBT003
def test_what_is_broken_is_what_the_json_module_refuses(text: str, wrapped: bool) -> None:  # noqa: FBT001
    text = '[{"id": "' + text + '"}]' if wrapped else "[" + text + "]"
    expected = values_of(text)
    table = read(text)
    assert (table.broken is None) == (expected is not None)
    if expected is not None:
        (items,) = [[item for value in expected for item in value]]
        objects = [item for item in items if isinstance(item, dict)]
        twice = sum(1 for _, _, reason, _ in table.faults if "twice" in reason)
        assert len(table.lines) + twice == len(objects)
        assert len(table.faults) - twice == len(items) - len(objects)


@settings(max_examples=profiles.examples(100), deadline=None)
@given(st.lists(st.tuples(OBJECTS, st.sampled_from(["", "[1]", "x", "{", '{"id":', '"', "\\", "{}}"])), max_size=6))
def test_a_line_is_judged_alone(rows: list[tuple[dict[str, Any], str]]) -> None:
    good = json.dumps({"id": "first"})
    lines = [good]
    for one, broken in rows:
        lines += [json.dumps(one), broken]
    table = read("\n".join(lines) + "\n")
    assert table.broken is None
    placed = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    assert table.lines.tolist() == [number for number, line in placed if is_object(line)]
    assert [line for line, *_ in table.faults] == [number for number, line in placed if not is_object(line)]


def is_object(line: str) -> bool:
    with contextlib.suppress(ValueError):
        return isinstance(json.loads(line), dict)
    return False
