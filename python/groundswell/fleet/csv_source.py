"""CSV and TSV: read fast by DuckDB; row by row with the lines of the file as soon as anything looks wrong.

The two readers agree on every file that the fast one accepts without complaint (a property test says so). The careful
one alone decides what is wrong with a file, so that a message never depends on the fast one's view of lines.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from groundswell.errors import InputError
from groundswell.fleet import rules
from groundswell.fleet.columns import known_columns
from groundswell.fleet.engine import literal
from groundswell.fleet.relation import Fault, Relation
from groundswell.fleet.source_file import not_a_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from groundswell.errors import GroundswellError
    from groundswell.fleet.engine import Session
    from groundswell.fleet.source_file import SourceFile

__all__ = ["CsvSource"]

_DELIMITERS: Final = ",;\t|"
_BATCH: Final = 20_000
_BYTE_ORDER_MARK: Final = "\ufeff"


class CsvSource:
    """A CSV file with a header line."""

    frozen_at = None

    def __init__(self, file: SourceFile) -> None:
        """Read the header line, and refuse at once what has none.

        Raises:
            InputError: ``not-a-table``.
        """
        self._file = file
        self.label = file.label
        text = file.head.decode("utf-8", "surrogateescape").removeprefix(_BYTE_ORDER_MARK)
        self._delimiter, self._names, self._plain = _header(text, self.label)

    def quick(self, session: Session) -> Relation:
        """The rows as DuckDB reads them: all columns as text."""
        if not self._plain:
            return self.careful(session)
        columns = [(f"c{i}", "VARCHAR") for i in range(len(self._names))]
        types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns)
        sql = (
            f"read_csv({self._file.sql}, auto_detect = false, header = true, delim = {literal(self._delimiter)},"
            f""" quote = '"', escape = '"', compression = {self._file.compression}, columns = {{{types}}})"""
        )
        return Relation(sql, self._names, columns, exact=False)

    def careful(self, session: Session) -> Relation:
        """The rows as Python's csv module reads them, each with its line."""
        import numpy as np
        import pyarrow as pa

        width = len(self._names)
        columns = [(f"c{i}", "VARCHAR") for i in range(width)]
        schema = pa.schema([(name, pa.string()) for name, _ in columns])
        batches: list[pa.RecordBatch] = []
        lines: list[int] = []
        faults: list[Fault] = []
        with self._file.open() as (unzipped, raw):
            text = io.TextIOWrapper(unzipped, "utf-8-sig", "surrogateescape", newline="")
            records = _records(text, self._delimiter, self.label, faults)
            next(records, None)
            for batch in filter(None, _batches(records, width, faults)):
                lines += [line for line, _ in batch]
                batches.append(
                    pa.record_batch(
                        [pa.array(c, pa.string()) for c in zip(*(r for _, r in batch), strict=True)], schema
                    )
                )
                session.meter.show(raw.tell() / max(1, self._file.stamp[0]))
            text.detach()
        table = pa.Table.from_batches(batches, schema)
        faults.sort()
        return Relation(session.register(table), self._names, columns, lines=np.array(lines, np.int64), faults=faults)

    def failure(self, error: Exception) -> GroundswellError:
        """Never needed by the careful relation, which is a table in memory."""
        return not_a_table(self.label, "cannot be read as CSV", str(error).partition("\n")[0])

    def check(self) -> None:
        """See `SourceFile.check`."""
        self._file.check()


def _header(text: str, label: str) -> tuple[str, list[str], bool]:
    """The delimiter, the names of the columns, and whether the header is the first line and nothing but that."""
    best: tuple[tuple[int, int], str, list[str], bool] | None = None
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            names = next((names for names in reader if any(name.strip() for name in names)), [])
        except csv.Error:
            continue
        worth = (known_columns(names), len(names))
        if names and (best is None or worth > best[0]):
            best = worth, delimiter, names, reader.line_num == 1
    if best is None:
        raise not_a_table(label, "has no header line", "give a CSV file whose first line names its columns")
    _, delimiter, names, plain = best
    if any(map(rules.is_broken_text, names)):
        raise not_a_table(label, "is no table, or not in UTF-8", "save it as CSV in UTF-8")
    return delimiter, [name.strip() for name in names], plain


class _Lines:
    """The lines of a text, remembering the last one."""

    def __init__(self, text: Iterable[str]) -> None:
        self._text = iter(text)
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.last = next(self._text)
        return self.last


def _records(text: Iterable[str], delimiter: str, label: str, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the physical line on which it begins."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            too_long = "field limit" in str(error)
            if too_long and '"' not in lines.last and reader.line_num == line:
                reason = f"has a cell of more than {csv.field_size_limit()} characters"
                faults.append(Fault(line, reason, (lines.last,)))
                continue
            if too_long or "unexpected end of data" in str(error):
                raise _unclosed_quote(label, line) from error
            faults.append(Fault(line, "has a quote inside a cell, or text after a closing quote", (lines.last,)))
            continue
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield line, cells


def _unclosed_quote(label: str, line: int) -> InputError:
    return InputError(
        "unclosed-quote",
        f"a quote that opens in the row at line {line} of `{label}` never closes",
        hint="close it, or write it twice if it belongs to the text",
        fields={"source": label, "line": line},
    )


def _batches(
    records: Iterable[tuple[int, list[str]]], width: int, faults: list[Fault]
) -> Iterator[list[tuple[int, list[str]]]]:
    batch: list[tuple[int, list[str]]] = []
    for line, cells in records:
        if len(cells) != width:
            faults.append(Fault(line, f"has {len(cells)} cells where the header has {width}", tuple(cells)))
            continue
        batch.append((line, cells))
        if len(batch) == _BATCH:
            yield _readable(batch, faults)
            batch = []
    if batch:
        yield _readable(batch, faults)


def _readable(batch: list[tuple[int, list[str]]], faults: list[Fault]) -> list[tuple[int, list[str]]]:
    """The records that are UTF-8."""
    try:
        "".join("".join(cells) for _, cells in batch).encode()
    except UnicodeEncodeError:
        kept = []
        for line, cells in batch:
            if any(rules.is_broken_text(cell) for cell in cells):
                shown = tuple(cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for cell in cells)
                faults.append(Fault(line, "is not UTF-8 text", shown))
            else:
                kept.append((line, cells))
        return kept
    return batch
