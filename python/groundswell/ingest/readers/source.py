"""The protocols of a source (`Source`) and of its rows (`Relation`), and the types of their cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from groundswell.ingest.readers.expressions import cell_as_bytes, select_column, select_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.errors import GroundswellError
    from groundswell.ingest.columns import ColumnMatch
    from groundswell.ingest.duckdb_session import Session

__all__ = ["Cells", "Fault", "NumberCells", "Relation", "Rows", "Source", "TextCells", "UuidCells"]

_ORIGINALS_PER_QUERY: Final = 50_000
"""How many original rows are fetched with one query."""


class Fault(NamedTuple):
    """A piece of a text file that cannot be parsed as a row.

    Args:
        line: the physical line on which it begins, from 1.
        reason: the end of the sentence “line 7 of FILE …”.
        cells: its text, split into cells as far as possible.
        is_open_quote: whether it contains a quote that is never closed.
        element: its number among the elements of the source, from 1. None if lines are unique.
    """

    line: int
    reason: str
    cells: tuple[str, ...]
    is_open_quote: bool = False
    element: int | None = None


class TextCells(NamedTuple):
    """Cells as text, in Arrow's layout.

    Args:
        offsets: int64 (n + 1): cell i is ``data[offsets[i]:offsets[i + 1]]``.
        data: uint8; UTF-8, except in bad cells.
        are_bytes: whether the column has a binary type in the source.
    """

    offsets: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]
    are_bytes: bool


class NumberCells(NamedTuple):
    """Cells as integers.

    Args:
        values: int64 (n,).
        valid: bool (n,), False for absent cells; None if no cell is absent.
        are_numbers: for `last_seen`: whether the source has numbers, not instants.
    """

    values: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_] | None
    are_numbers: bool


class UuidCells(NamedTuple):
    """Cells as UUIDs.

    Args:
        uuids: uint8 (n, 16).
        valid: as in `NumberCells`.
    """

    uuids: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_] | None


Cells: TypeAlias = TextCells | NumberCells | UuidCells


class Relation(Protocol):
    """The rows of a source, and its faults. Places and faults are complete only after all rows were read."""

    @property
    def names(self) -> list[str]:
        """Names of the columns, as the source spells them."""

    @property
    def faults(self) -> Sequence[Fault]:
        """The faults, ordered by line."""

    @property
    def notes(self) -> list[str]:
        """Sentences for the user."""

    @property
    def match(self) -> ColumnMatch | None:
        """The match of the columns, if the source determined it while reading."""

    @property
    def is_text(self) -> bool:
        """Whether the source is a text file, whose rows have line numbers."""

    def place(self, row: int) -> int:
        """The line number of a row of a text file, or its row number otherwise; from 1."""

    def element(self, row: int) -> int | None:
        """The number of a row among the elements of the source, from 1; None if places are unique."""

    def in_memory(self, session: Session) -> Rows:
        """The same rows in a form that DuckDB can scan."""

    def pieces(
        self, session: Session, used: Mapping[str, int], *, uuids_as_text: bool = False
    ) -> Iterator[tuple[int, dict[str, Cells]]]:
        """The rows in order, in batches.

        Args:
            session: the DuckDB session that reads the rows.
            used: canonical name → position of the column.
            uuids_as_text: yield the column `uuid` as text, because it has ids from which UUIDs are derived.

        Yields:
            The number of rows, and the cells of each used column.
        """

    def originals(self, session: Session, rows: Sequence[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The original cells of the given rows (ascending row numbers). An absent cell is an empty text."""

    @property
    def place_word(self) -> str:
        """The unit of `place`: ``line`` or ``row``."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that DuckDB can scan.

    Args:
        sql: a table expression to put after FROM.
        names: names of the columns, as the source spells them.
        columns: for each of these, its name in the relation and its DuckDB type.
        lines: the physical line of each row, from 1; None if places are row numbers.
        faults: the faults, ordered by line.
        notes: sentences for the user.
        match: the match of the columns, if the source determined it while reading.
        elements: the number of each row among the elements of the source, from 1. None if lines are unique.
    """

    sql: str
    names: list[str]
    columns: list[tuple[str, str]]
    lines: npt.NDArray[np.int64] | None = None
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    match: ColumnMatch | None = None
    elements: npt.NDArray[np.int64] | None = None

    def in_memory(self, session: Session) -> Rows:
        """See `Relation.in_memory`."""
        del session
        return self

    def place(self, row: int) -> int:
        """See `Relation.place`."""
        return row + 1 if self.lines is None else int(self.lines[row])

    def element(self, row: int) -> int | None:
        """See `Relation.element`."""
        return None if self.elements is None else int(self.elements[row])

    @property
    def is_text(self) -> bool:
        """See `Relation.is_text`."""
        return self.lines is not None

    @property
    def place_word(self) -> str:
        """See `Relation.place_word`."""
        return "row" if self.lines is None else "line"

    def pieces(
        self, session: Session, used: Mapping[str, int], *, uuids_as_text: bool = False
    ) -> Iterator[tuple[int, dict[str, Cells]]]:
        """See `Relation.pieces`."""
        kinds = {column: select_column(column, *self.columns[position]) for column, position in used.items()}
        if uuids_as_text:
            kinds["uuid"] = select_text("uuid", *self.columns[used["uuid"]])
        items = ", ".join(kind.sql for kind in kinds.values())
        table = session.rows(f"SELECT {items} FROM {self.sql}")
        for batch in table.to_batches():
            yield (
                batch.num_rows,
                {column: _cells(batch.column(column), are_numbers=kind.are_numbers) for column, kind in kinds.items()},
            )

    def originals(self, session: Session, rows: Sequence[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """See `Relation.originals`."""
        import pyarrow as pa

        for start in range(0, len(rows), _ORIGINALS_PER_QUERY):
            some = rows[start : start + _ORIGINALS_PER_QUERY]
            wanted = session.register(pa.table({"wanted": pa.array(some, pa.int64())}))
            # Fetch cells as bytes, because they may not be UTF-8.
            cells = ", ".join(f"{cell_as_bytes(*column)} AS c{i}" for i, column in enumerate(self.columns))
            found = session.rows(
                f"SELECT groundswell_row, {cells} FROM"
                f" (SELECT row_number() OVER () - 1 AS groundswell_row, * FROM {self.sql})"
                f" WHERE groundswell_row IN (SELECT wanted FROM {wanted}) ORDER BY groundswell_row"
            )
            numbers, *columns = [column.to_pylist() for column in found.columns]
            for number, cells_of_row in zip(numbers, zip(*columns, strict=True), strict=True):
                yield number, tuple((cell or b"").decode("utf-8", "backslashreplace") for cell in cells_of_row)


def _cells(array: pa.Array, *, are_numbers: bool) -> Cells:
    import numpy as np
    import pyarrow as pa

    valid = _valid(array)
    if isinstance(array.type, pa.UuidType):
        storage = array.storage.buffers()[1]
        uuids = np.empty((0, 16), np.uint8) if storage is None else np.frombuffer(storage, np.uint8).reshape(-1, 16)
        return UuidCells(uuids[array.offset : array.offset + len(array)], valid)
    if pa.types.is_integer(array.type):
        values = np.frombuffer(array.buffers()[1] or b"", np.int64)
        return NumberCells(values[array.offset : array.offset + len(array)], valid, are_numbers)
    _, offsets, data = array.buffers()
    if len(array) == 0:
        return TextCells(np.zeros(1, np.int64), np.empty(0, np.uint8), are_bytes=False)
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    text = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return TextCells(bounds - bounds[0], text[bounds[0] : bounds[-1]], pa.types.is_large_binary(array.type))


def _valid(array: pa.Array) -> npt.NDArray[np.bool_] | None:
    """The validity bitmap of an array as booleans; `to_numpy` would import pandas if it is installed."""
    import numpy as np

    bitmap = array.buffers()[0]
    if bitmap is None:
        return None
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].view(np.bool_)


class Source(Protocol):
    """A source of devices: a file, a database table, or a table in memory."""

    @property
    def label(self) -> str:
        """Its name in messages."""

    @property
    def frozen_at(self) -> int | None:
        """The instant at which a frozen fleet was first read, in seconds since 1970; None for other sources."""

    def rows(self, session: Session) -> Relation:
        """Open the rows."""

    def failure(self, error: Exception) -> GroundswellError:
        """The error for the user if DuckDB cannot read the rows."""

    def check(self) -> None:
        """Check, after reading, that the source did not change during the read."""
