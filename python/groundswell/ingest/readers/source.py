"""What a source hands over: rows whose cells are read piece by piece, and where each of them stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from groundswell.ingest.readers.expressions import as_text, selected, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.errors import GroundswellError
    from groundswell.ingest.columns import ColumnMatch
    from groundswell.ingest.duckdb_session import Session

__all__ = ["Cells", "Fault", "NumberCells", "Relation", "Rows", "Source", "TextCells", "UuidCells"]

_ORIGINALS: Final = 50_000
"""How many rows are fetched at once as they stand in the source."""


class Fault(NamedTuple):
    """Something in a text file that is not a row, where a row is expected.

    Args:
        line: the physical line on which it begins, from 1.
        reason: reads on from “line 7 of FILE”.
        cells: what stands there, in as many pieces as could be told apart.
        is_open_quote: whether a quote opens there and does not close.
    """

    line: int
    reason: str
    cells: tuple[str, ...]
    is_open_quote: bool = False


class TextCells(NamedTuple):
    """Cells as text, in Arrow's shape.

    Args:
        offsets: int64 (n + 1): cell i is ``data[offsets[i]:offsets[i + 1]]``.
        data: uint8, UTF-8 unless a cell is bad.
        are_bytes: whether the source calls the cells bytes.
    """

    offsets: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]
    are_bytes: bool


class NumberCells(NamedTuple):
    """Cells as integers.

    Args:
        values: int64 (n,).
        valid: bool (n,), False for absent cells; None if there are none.
        are_numbers: for instants, whether the source calls the cells numbers, not instants.
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
    """The rows of a source, and what in it is not a row. Places and faults are known once all rows were read."""

    @property
    def names(self) -> list[str]:
        """The columns as the source spells them."""

    @property
    def faults(self) -> Sequence[Fault]:
        """What is not a row, by line."""

    @property
    def notes(self) -> list[str]:
        """Sentences for the user."""

    @property
    def match(self) -> ColumnMatch | None:
        """Which columns mean what, where the source itself found out."""

    @property
    def is_text(self) -> bool:
        """Whether the rows are those of a text file, and have lines."""

    def place(self, row: int) -> int:
        """The line or, where rows are counted, the number of a row, from 1."""

    def in_memory(self, session: Session) -> Rows:
        """The same as rows that DuckDB can scan."""

    def pieces(
        self, session: Session, used: Mapping[str, int], *, uuids_as_text: bool = False
    ) -> Iterator[tuple[int, dict[str, Cells]]]:
        """The rows in order, piece by piece.

        Args:
            session: where the rows are read.
            used: canonical name → position of the column.
            uuids_as_text: whether the column `uuid` holds any text.

        Yields:
            The number of rows, and the cells of each used column.
        """

    def originals(self, session: Session, rows: Sequence[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Some rows, which are ascending, with their cells as the source has them; an absent cell is an empty text."""

    @property
    def place_word(self) -> str:
        """What `place` counts: ``line`` or ``row``."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that DuckDB can scan.

    Args:
        sql: what to write after FROM.
        names: the columns as the source spells them.
        columns: for each of these, its name in the relation and its DuckDB type.
        lines: the physical line of each row, from 1; None where rows are counted.
        faults: what is not a row, by line.
        notes: sentences for the user.
        match: which columns mean what, where the source itself found out.
    """

    sql: str
    names: list[str]
    columns: list[tuple[str, str]]
    lines: npt.NDArray[np.int64] | None = None
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    match: ColumnMatch | None = None

    def in_memory(self, session: Session) -> Rows:
        """See `Relation.in_memory`."""
        del session
        return self

    def place(self, row: int) -> int:
        """See `Relation.place`."""
        return row + 1 if self.lines is None else int(self.lines[row])

    @property
    def is_text(self) -> bool:
        """Whether the rows have lines."""
        return self.lines is not None

    @property
    def place_word(self) -> str:
        """See `Relation.place_word`."""
        return "row" if self.lines is None else "line"

    def pieces(
        self, session: Session, used: Mapping[str, int], *, uuids_as_text: bool = False
    ) -> Iterator[tuple[int, dict[str, Cells]]]:
        """See `Relation.pieces`."""
        kinds = {column: selected(column, *self.columns[position]) for column, position in used.items()}
        if uuids_as_text:
            kinds["uuid"] = as_text("uuid", *self.columns[used["uuid"]])
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

        for begun in range(0, len(rows), _ORIGINALS):
            some = rows[begun : begun + _ORIGINALS]
            wanted = session.register(pa.table({"wanted": pa.array(some, pa.int64())}))
            # As bytes, since text that is not UTF-8 has no other form.
            cells = ", ".join(f"{shown(*column)} AS c{i}" for i, column in enumerate(self.columns))
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
    """Where an array is not NULL, from its bitmap; Arrow's own way would import pandas if it is installed."""
    import numpy as np

    bitmap = array.buffers()[0]
    if bitmap is None:
        return None
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].view(np.bool_)


class Source(Protocol):
    """Something that devices are read from."""

    @property
    def label(self) -> str:
        """What to call it in messages."""

    @property
    def frozen_at(self) -> int | None:
        """The instant at which a frozen fleet was read first, in seconds since 1970."""

    def rows(self, session: Session) -> Relation:
        """The rows, each with its place."""

    def failure(self, error: Exception) -> GroundswellError:
        """What to tell the user when DuckDB cannot read the rows."""

    def check(self) -> None:
        """Make sure, after reading, that the source held still meanwhile."""
