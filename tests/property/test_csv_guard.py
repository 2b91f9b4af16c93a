"""Law: no exported cell begins a formula, and what is read back is what was written."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell import Fleet
from groundswell.csv_cells import guarded, guarded_column, unguarded_column
from groundswell.table_files import write_table
from support import factories, profiles

FORMULA = tuple("=+-@\t\r")
texts = st.text("'=+-@ab 1.\"", min_size=1, max_size=6).map(str.strip).filter(bool) | st.from_regex(
    r"[+-]?[0-9]{1,3}", fullmatch=True
)


@given(st.lists(st.none() | st.text("'=+-@\t\rab1.", max_size=6), max_size=20))
@settings(max_examples=profiles.examples(50), deadline=None)
def test_a_column_is_guarded_and_comes_back(cells: list[str | None]) -> None:
    column = pa.chunked_array([pa.array(cells, pa.string())])
    shut = guarded_column(column)
    assert shut.to_pylist() == [None if cell is None else guarded(cell) for cell in cells]
    for cell in shut.to_pylist():
        assert cell is None or not cell.startswith(FORMULA) or is_number(cell)
    assert unguarded_column(shut).to_pylist() == cells


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell[1:2].isdigit()


@given(st.lists(texts, min_size=1, max_size=10))
@settings(max_examples=profiles.examples(20), deadline=None)
def test_names_come_back_from_an_export(names: list[str]) -> None:
    table = pa.table({"uuid": [factories.device(at) for at in range(len(names))], "name": names, "hardware_id": names})
    with tempfile.TemporaryDirectory() as folder:
        for raw in (False, True):
            path = Path(folder) / f"{raw}.csv"
            write_table(table, path, raw=raw)
            rows = list(csv.reader(io.StringIO(path.read_text(), newline="")))
            if raw:
                assert [row[1] for row in rows[1:]] == names
                continue
            assert not any(cell.startswith(FORMULA) and not is_number(cell) for row in rows for cell in row)
            assert Fleet.read(path, now=factories.AT).to_arrow().column("name").to_pylist() == names
