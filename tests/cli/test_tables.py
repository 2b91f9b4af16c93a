"""Laws: a table fits the terminal, cuts off no UUID and no number, and loses nothing where nothing limits it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell.cli.output.tables import table, text_width
from support import profiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.commands import Ran

    Run = Callable[..., Ran]

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CELL = st.one_of(
    st.none(),
    st.integers(0, 10**9),
    st.uuids().map(str),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), max_size=70),
)


@settings(max_examples=profiles.examples(60), deadline=None)
@given(st.data(), st.integers(1, 9), st.integers(40, 200))
def test_every_line_fits_and_keeps_uuids_and_numbers(data: st.DataObject, columns: int, width: int) -> None:
    header = [f"column {number}" for number in range(columns)]
    rows = data.draw(st.lists(st.lists(CELL, min_size=columns, max_size=columns), max_size=4))
    lines = table(header, rows, width=width)
    assert all(text_width(line) <= width for line in lines)
    words = set(" ".join(lines).split())
    for value in (value for row in rows for value in row if isinstance(value, int) or UUID.fullmatch(str(value))):
        assert str(value) in words


@settings(max_examples=profiles.examples(30), deadline=None)
@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=4))
def test_without_a_limit_nothing_is_cropped(rows: list[list[object]]) -> None:
    lines = table(["a", "b", "c"], rows, width=None)
    assert len(lines) == len(rows) + 1
    for line, row in zip(lines[1:], rows, strict=True):
        assert line.split() == " ".join("-" if value is None else str(value) for value in row).split()


COMMANDS = [
    ["status"],
    ["devices", "list"],
    ["groups", "list"],
    ["targets", "list"],
    ["keys", "show"],
    ["waves", "list"],
]


@pytest.mark.parametrize("width", [50, 80])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_output_fits_columns(acme: Run, monkeypatch: pytest.MonkeyPatch, command: list[str], width: int) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    free = acme(*command)
    monkeypatch.setenv("COLUMNS", str(width))
    ran = acme(*command)
    assert ran.code == free.code == 0
    # A keyid has 64 characters, which stand indented on a line of their own.
    assert all(len(line) <= max(width, 66 if command[0] == "keys" else 0) for line in ran.lines), ran.out
    assert UUID.findall(ran.out) == UUID.findall(free.out)
    assert "…" not in free.out


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_color_and_dumb_terminals_get_text_alone(monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str]) -> None:
    import pty
    import subprocess
    import sys

    def stderr(**environment: str) -> bytes:
        import os

        parent, child = pty.openpty()
        command = [sys.executable, "-m", "groundswell", "devices", "list", "-C", "/no-such-factory"]
        subprocess.run(command, stdout=child, stderr=child, env={**os.environ, **environment}, check=False)
        os.close(child)
        found = os.read(parent, 10_000)
        os.close(parent)
        return found

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert b"\x1b[" in stderr(TERM="xterm")
    plain = stderr(**({"TERM": "xterm"} | dict([variable])))
    assert b"error:" in plain
    assert b"\x1b" not in plain
