"""Reads CSV and TSV. The core splits the text once, in batches, and numbers the line of each row.

The accepted dialect is described in ``docs/fleets.md`` for users and in ``rust/core/src/ingest/csv`` for programmers.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, overload

from groundswell import _core
from groundswell.ingest.columns import known_columns
from groundswell.ingest.readers.source import Fault, Rows, TextCells
from groundswell.ingest.readers.source_file import HEAD, MAX_COLUMNS, not_a_table, too_many_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

    from groundswell.errors import GroundswellError
    from groundswell.ingest.duckdb_session import Session
    from groundswell.ingest.readers.source import Cells
    from groundswell.ingest.readers.source_file import SourceFile

__all__ = ["CsvRows", "CsvSource"]

_DELIMITERS: Final = (b",", b";", b"\t", b"|")
_NO_DELIMITER: Final = (b'"', b" ", b"\0")
_PIECE: Final = 1 << 22
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# In the order of the core's kinds of faults.
_TOO_LONG: Final = f"has a cell of more than {_core.MAX_CSV_CELL} bytes"
_REASONS: Final = (
    "has {detail} cells where the header has {width}",
    "has text after a closing quote",
    "has a quote that opens at line {detail} and does not close",
    _TOO_LONG,
    f"has more than {_core.MAX_CSV_RECORD} bytes",
    "is not UTF-8 text",
    "has the character NUL",
)
_OPEN_QUOTE: Final = 2
_WHOLE_LINE: Final = frozenset((1, _OPEN_QUOTE, 4))
"""The kinds of faults whose line cannot be split into cells."""


@dataclass(frozen=True, slots=True)
class _Header:
    """The header line.

    Args:
        delimiter: one byte.
        names: names of the columns.
        end: byte offset of the first row.
        lines: number of lines before the first row.
    """

    delimiter: bytes
    names: list[str]
    end: int
    lines: int

    @property
    def least(self) -> int:
        """Minimum number of cells in a row: a row may omit the cells of trailing columns without a name."""
        return max((i for i, name in enumerate(self.names, 1) if name), default=1)


class CsvSource:
    """A CSV file with a header line."""

    frozen_at = None

    def __init__(self, file: SourceFile) -> None:
        """Read the header line; refuse a file without one.

        Raises:
            InputError: ``not-a-table``.
        """
        self._file = file
        self.label = file.label
        self._header = _find_header(file.head, self.label)

    def rows(self, session: Session) -> CsvRows:
        """The rows."""
        del session
        return CsvRows(self._file, self._header)

    def failure(self, error: Exception) -> GroundswellError:
        """Never called, because DuckDB does not read the rows."""
        return not_a_table(self.label, "cannot be read as CSV", str(error).partition("\n")[0])

    def check(self) -> None:
        """See `SourceFile.check`."""
        self._file.check()


class CsvRows:
    """The rows of a CSV file: a relation (see `groundswell.ingest.readers.source.Relation`)."""

    is_text = True
    place_word = "line"
    match = None

    def __init__(self, file: SourceFile, header: _Header) -> None:
        self._file = file
        self._header = header
        self._lines: list[npt.NDArray[np.int64]] = []
        self.names = header.names
        self.faults = _Faults(header)
        self.notes: list[str] = []

    def in_memory(self, session: Session) -> Rows:
        """See `Relation.in_memory`."""
        import numpy as np
        import pyarrow as pa

        columns = [(f"c{i}", "VARCHAR") for i in range(len(self.names))]
        schema = pa.schema([(name, pa.large_string()) for name, _ in columns])
        batches = []
        for rows, cells in self.pieces(session, {name: i for i, (name, _) in enumerate(columns)}):
            texts = [(cell.offsets, cell.data) for cell in cells.values() if isinstance(cell, TextCells)]
            arrays = [
                pa.Array.from_buffers(pa.large_string(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
                for offsets, data in texts
            ]
            batches.append(pa.record_batch(arrays, schema))
        return Rows(
            session.register(pa.Table.from_batches(batches, schema)),
            self.names,
            columns,
            lines=np.concatenate([*self._lines, np.empty(0, np.int64)]),
            faults=list(self.faults),
        )

    def element(self, row: int) -> None:
        """See `Relation.element`: a row has a line of its own."""

    def place(self, row: int) -> int:
        """The line of a row."""
        import numpy as np

        if len(self._lines) > 1:
            self._lines = [np.concatenate(self._lines)]
        return int(self._lines[0][row])

    def pieces(
        self, session: Session, used: Mapping[str, int], *, uuids_as_text: bool = False
    ) -> Iterator[tuple[int, dict[str, Cells]]]:
        """See `Relation.pieces`."""
        del uuids_as_text  # CSV has only text
        self._lines.clear()
        self.faults.clear()
        for table, done in self._tables(list(used.values())):
            session.progress_bar.show(done)
            self.faults.extend(table)
            self._lines.append(table.lines())
            cells: dict[str, Cells] = {
                column: TextCells(*table.take_column(i), are_bytes=False) for i, column in enumerate(used)
            }
            yield len(table), cells

    def originals(self, session: Session, rows: Sequence[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """See `Relation.originals`. Splits the file again, up to the last requested row."""
        import numpy as np

        wanted, begun = np.array(rows, np.int64), 0
        if not rows:
            return
        for table, done in self._tables(list(range(len(self.names)))):
            session.progress_bar.show(done)
            first, end = np.searchsorted(wanted, [begun, begun + len(table)]).tolist()
            if first < end:
                columns = [table.take_column(i) for i in range(len(self.names))]
                for row in wanted[first:end].tolist():
                    at = row - begun
                    yield row, tuple(_text(data[bounds[at] : bounds[at + 1]]) for bounds, data in columns)
            begun += len(table)
            if end == len(wanted):
                return

    def _tables(self, kept: list[int]) -> Iterator[tuple[_core.CsvTable, float]]:
        """Yields batches of records and the fraction of the file that is done; the next batch is split meanwhile."""
        header = self._header
        splitter = _core.CsvSplitter(header.delimiter, header.least, len(header.names), kept, header.lines + 1)
        with self._file.open() as (unzipped, raw), ThreadPoolExecutor(1) as ahead:
            unzipped.read(header.end)

            def split() -> tuple[_core.CsvTable, float, bool]:
                piece = unzipped.read(_PIECE)
                table = splitter.feed(piece, not piece)
                return table, raw.tell() / max(1, self._file.stamp[0]), not piece

            over = False
            coming = ahead.submit(split)
            while not over:
                table, done, over = coming.result()
                if not over:
                    coming = ahead.submit(split)
                yield table, done


@dataclass(slots=True)
class _Faults(Sequence[Fault]):
    """Faults, stored in numpy columns: a file may have millions of them, of which few are shown."""

    header: _Header
    _count: int = 0
    _parts: list[tuple[Any, ...]] = field(default_factory=list)

    def clear(self) -> None:
        self._parts.clear()
        self._count = 0

    def extend(self, table: _core.CsvTable) -> None:
        lines, kinds, details = table.faults()
        if len(lines):
            self._parts.append((lines, kinds, details, *table.take_fault_texts()))
            self._count += len(lines)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Fault]:
        for part in self._parts:
            for at in range(len(part[0])):
                yield self._fault(part, at)

    @overload
    def __getitem__(self, at: int) -> Fault: ...
    @overload
    def __getitem__(self, at: slice) -> list[Fault]: ...
    def __getitem__(self, at: int | slice) -> Fault | list[Fault]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(self._count))]
        rest = at + self._count if at < 0 else at
        for part in self._parts:
            if 0 <= rest < len(part[0]):
                return self._fault(part, rest)
            rest -= len(part[0])
        raise IndexError(at)

    def _fault(self, part: tuple[Any, ...], at: int) -> Fault:
        lines, kinds, details, bounds, data = part
        kind, text = int(kinds[at]), data[bounds[at] : bounds[at + 1]]
        reason = _REASONS[kind].format(detail=details[at], width=len(self.header.names))
        if kind in _WHOLE_LINE:
            cells: tuple[str, ...] = (_text(text),)
        else:
            pieces = _core.split_csv_record(text.tobytes(), self.header.delimiter)
            cells = tuple(cell.decode("utf-8", "replace") for cell in pieces)
        return Fault(int(lines[at]), reason, cells, kind == _OPEN_QUOTE)


def _text(cell: npt.NDArray[np.uint8]) -> str:
    return cell.tobytes().decode("utf-8", "replace")


def _find_header(head: bytes, label: str) -> _Header:
    """Find the header: the first line that is not blank, after the lines that PowerShell and Excel may write first."""
    begun, lines, delimiters = _preamble(head)
    best: tuple[tuple[int, int], _Header] | None = None
    for delimiter in delimiters:
        found = _core.csv_header(head[begun:], delimiter, len(head) < HEAD)
        if found is None:
            continue
        cells, end, header_lines = found
        names = [cell.decode("utf-8", "surrogateescape").strip() for cell in cells]
        worth = (known_columns(names), len(names))
        if best is None or worth > best[0]:
            best = worth, _Header(delimiter, names, begun + end, lines + header_lines)
    if best is None:
        raise not_a_table(label, "has no header line", "give a CSV file whose first line names its columns")
    header = best[1]
    if b"\0" in head[begun : header.end]:
        raise not_a_table(label, "is not a table", "give a CSV, Parquet, JSON, NDJSON or Arrow file")
    if any("\udc80" <= c <= "\udcff" for name in header.names for c in name):
        raise not_a_table(label, "is not a table, or not in UTF-8", "save it as CSV in UTF-8")
    if len(header.names) > MAX_COLUMNS:
        raise too_many_columns(label)
    return header


def _preamble(head: bytes) -> tuple[int, int, tuple[bytes, ...]]:
    """Byte offset of the header, the number of lines before it, and the possible delimiters.

    PowerShell's Export-Csv writes a line ``#TYPE …``; a line ``sep=;`` tells Excel the delimiter.
    """
    begun = len(_BYTE_ORDER_MARK) if head.startswith(_BYTE_ORDER_MARK) else 0
    lines = 0
    delimiters: tuple[bytes, ...] = _DELIMITERS
    while True:
        line = head[begun:].split(b"\n", 1)[0]
        if b"\r" in line:
            line = line.split(b"\r", 1)[0]
        if line[:5].upper() == b"#TYPE":
            pass
        elif (
            line[:4].lower() == b"sep="
            and len(line) == len(b"sep=;")
            and line[4:].isascii()
            and line[4:] not in _NO_DELIMITER
        ):
            delimiters = (line[4:],)
        else:
            return begun, lines, delimiters
        begun += len(line)
        begun += 2 if head[begun : begun + 2] == b"\r\n" else 1
        lines += 1
        if begun >= len(head):
            return min(begun, len(head)), lines, delimiters
