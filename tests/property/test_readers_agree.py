"""The fast readers of texts agree with the careful ones on every file that they accept without complaint."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from hypothesis import event, given, settings
from hypothesis import strategies as st

from groundswell.errors import GroundswellError
from groundswell.fleet.coerce import coerce
from groundswell.fleet.columns import match_columns
from groundswell.fleet.engine import Session
from groundswell.fleet.progress import Meter
from groundswell.fleet.sources import open_source
from reading import NOW, device

if TYPE_CHECKING:
    from groundswell.fleet.relation import Relation

# What a registry says, and what hands and spreadsheets make of it: mostly right, so that files are read at all.
RIGHT: dict[str, tuple[str, ...]] = {
    "group": ("", " ", "canary", "\tcanary ", "42", "NULL", "nan", "true"),
    "tag": ("", "main", "main,devel", " devel", "1e3"),
    "last-seen": (
        *("", "2026-11-20T01:02:03Z", "2026-11-20 01:02:03.9", "2026-11-20T01:02:03+05:30", "2026-11-20"),
        *("1795000000", " 1795000000", "1795000000.5", "0", "2026-11-20t01:02:03z", "2026-11-20 01:02:03 +0530"),
    ),
    "is-prod": ("", "true", "NO", "1", "0.0", " yes"),
    "version": ("", "42", "42.0", "007", "42 "),
}
ANYTHING = (
    "x y",
    "null",
    "-1",
    "2026-02-30",
    "24:00:00",
    "é",
    "\u2028",
    "\xa0",
    "\ufeff",
    "\x1c",
    "#",
    "'",
    "\\",
    '\\"',
)
FREE = st.one_of(st.sampled_from(ANYTHING), st.text('ab",; \t\r\n\\', max_size=5))
COLUMNS = [*RIGHT, "name", "owner"]


def written(cell: str, delimiter: str) -> st.SearchStrategy[str]:
    """The ways to write a cell: in quotes, or bare if it can be."""
    quoted = '"' + cell.replace('"', '""') + '"'
    needed = any(mark in cell for mark in f'{delimiter}"\r\n')
    return st.just(quoted) if needed else st.sampled_from([cell, quoted])


@st.composite
def rows(draw: st.DrawFn, delimiter: str) -> list[str]:
    """Draw the cells of a row as they are written, in the order of `COLUMNS`; now and then anything at all."""
    cells = [draw(st.sampled_from(RIGHT[column]) if column in RIGHT else FREE) for column in COLUMNS]
    row = [draw(written(cell, delimiter)) for cell in cells]
    if draw(st.integers(0, 9)) == 0:
        row[draw(st.integers(0, len(row) - 1))] = draw(FREE)
    return row


def outcome(relation: Relation, session: Session) -> tuple[Any, bool]:
    """What was read, row by row, and whether anything was wrong."""
    match = match_columns(relation.names, "the file")
    found = coerce(session, relation, match.used, NOW)
    rows = [
        found.uuids.tolist(),
        found.last_seen.tolist(),
        [None if code < 0 else found.group_names[code] for code in found.groups],
        [None if code < 0 else found.tag_names[code] for code in found.tags],
        found.production.tolist(),
        found.target_versions.tolist(),
        None if found.names is None else found.names.to_pylist(),
        found.ahead.tolist(),
    ]
    return rows, bool(found.bad or relation.faults)


def assert_agreement(path: Path) -> None:
    with contextlib.ExitStack() as cleanup:
        try:
            source = open_source(path, cleanup)
        except GroundswellError:
            event("refused by its beginning")
            return
        with Session(Meter("the file", wanted=False)) as session:
            try:
                relation = source.quick(session)
                rows, in_trouble = outcome(relation, session)
            except (duckdb.Error, GroundswellError):
                event("the fast reader gives up")
                return
            if relation.exact or in_trouble:
                event("not read fast" if relation.exact else "trouble")
                return
            event("read fast")
            assert outcome(source.careful(session), session) == (rows, False)


@settings(max_examples=200, deadline=None)
@given(st.permutations(COLUMNS), st.data(), st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_csv(header: list[str], data: st.DataObject, delimiter: str, ending: str) -> None:
    order = [COLUMNS.index(column) for column in header]
    lines = [[*header, "uuid"]]
    for number, row in enumerate(data.draw(st.lists(rows(delimiter), max_size=4))):
        lines.append([*(row[at] for at in order), device(number)])
    text = ending.join(delimiter.join(line) for line in lines) + data.draw(st.sampled_from(["", ending, ending * 2]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv"
        path.write_bytes(text.encode())
        assert_agreement(path)
