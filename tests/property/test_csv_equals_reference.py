"""CSV: every record equals that of an independent reader, and no row decides about another."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell.errors import GroundswellError
from reference import csv_text as reference_csv
from support import profiles
from support.reading import device, read, texts, uuids

if TYPE_CHECKING:
    from reference.csv_text import Record

DELIMITERS = [",", ";", "\t", "|"]
ENDS = ["\n", "\r\n", "\r"]
CELLS = st.text('ab",; \t|\\é\0\u2028', max_size=6)
# What people, spreadsheets and scripts write: right, with blanks, with quotes of all kinds, with line breaks in them.
BLANKS = st.text(" \t", max_size=2)
WRITTEN = st.one_of(
    CELLS,
    CELLS.map(lambda cell: '"' + cell.replace('"', '""') + '"'),
    st.builds(lambda a, cell, b: a + '"' + cell.replace('"', '""') + '"' + b, BLANKS, CELLS, BLANKS),
    st.sampled_from(['"', '""', '"""', '"a"b', ' "a" ', '"a\nb"', '"a\r\nb" ', '"a"" b"', 'a"b', '"a\rb', "  ", "\t"]),
)


@st.composite
def rows(draw: st.DrawFn, delimiter: str) -> str:
    """Draw a line after the uuid: a name, another cell, and now and then more or fewer."""
    cells = draw(st.lists(WRITTEN, min_size=0, max_size=5) | st.lists(WRITTEN, min_size=2, max_size=2))
    return delimiter.join(cells)


def outcome(text: str, folder: Path) -> tuple[dict[str, str | None], list[int]]:
    """The name of each device that is read, and the lines of the bad rows."""
    path, rejects = folder / "f.csv", folder / "bad.csv"
    path.write_bytes(text.encode())
    rejects.unlink(missing_ok=True)
    try:
        columns = read(path, rejects=rejects)
    except GroundswellError as error:
        assert error.code == "empty-fleet"  # noqa: PT017 (there may be no good row)
        found: dict[str, str | None] = {}
    else:
        found = dict(zip(uuids(columns), texts(columns.names), strict=True))
    if not rejects.exists():
        return found, []
    with rejects.open(newline="") as file:
        return found, [int(row[0]) for row in list(csv.reader(file))[1:]]


def expected(found: list[Record], ids: set[str]) -> tuple[dict[str, str | None], list[int]]:
    """The same, of records as the reference reads them; a uuid that is none is a bad row."""
    names: dict[str, str | None] = {}
    bad = []
    for record in found:
        if record.cells is None or record.cells[0].strip() not in ids:
            bad.append(record.line + 1)
            continue
        name = record.cells[1]
        names[record.cells[0].strip()] = None if name.strip(" \t\r\n\v\f").lower() in {"", "nan"} else name
    return names, bad


@settings(max_examples=profiles.examples(150), deadline=None)
@given(st.data(), st.sampled_from(DELIMITERS), st.sampled_from(ENDS), st.sampled_from(["", "\ufeff"]))
def test_every_record_equals_that_of_the_reference(data: st.DataObject, delimiter: str, end: str, mark: str) -> None:
    drawn = data.draw(st.lists(rows(delimiter), max_size=6))
    body = "".join(f"{device(number)}{delimiter}{row}{end}" for number, row in enumerate(drawn))
    header = delimiter.join(["uuid", "name", "owner"])
    ids = {device(number) for number in range(len(drawn))}
    with tempfile.TemporaryDirectory() as folder:
        found = outcome(mark + header + end + body, Path(folder))
    assert found == expected(reference_csv.records(body, delimiter, 3, 3), ids)


@settings(max_examples=profiles.examples(100), deadline=None)
@given(st.data(), st.sampled_from(DELIMITERS))
def test_a_bad_row_decides_about_no_other_row(data: st.DataObject, delimiter: str) -> None:
    drawn = data.draw(st.lists(rows(delimiter), min_size=1, max_size=6))
    # A quote that is open at the end of a row may close in a later one: these are not two rows.
    drawn = [row for row in drawn if not reference_csv.is_open(f"x{delimiter}{row}\n", delimiter)]
    lines = [f"{device(number)}{delimiter}{row}\n" for number, row in enumerate(drawn)]
    header = delimiter.join(["uuid", "name", "owner"]) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        together, _ = outcome(header + "".join(lines), Path(folder))
        apart: dict[str, str | None] = {}
        for line in lines:
            apart |= outcome(header + line, Path(folder))[0]
    assert together == apart
