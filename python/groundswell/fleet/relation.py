"""What a source hands over: rows that DuckDB can scan, and where each of them stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from groundswell.errors import GroundswellError
    from groundswell.fleet.columns import ColumnMatch
    from groundswell.fleet.engine import Session

__all__ = ["Fault", "Relation", "Source"]


class Fault(NamedTuple):
    """Something in a text file that is no row, where a row is expected.

    Args:
        line: the physical line on which it begins, from 1.
        reason: reads on from “line 7 of FILE”.
        cells: what stands there, in as many pieces as could be told apart.
    """

    line: int
    reason: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """The rows of a source.

    Args:
        sql: what to write after FROM.
        names: the columns as the source spells them.
        columns: for each of these, its name in the relation and its DuckDB type.
        exact: whether a row's place is known. A relation that is not exact was made to be fast: at the first sign of
            trouble the source is asked for the exact one, which is the judge of what is wrong.
        lines: the physical line of each row, from 1; None where rows are counted.
        faults: what is no row, by line.
        notes: sentences for the user.
        match: which columns mean what, where the source itself found out.
    """

    sql: str
    names: list[str]
    columns: list[tuple[str, str]]
    exact: bool = True
    lines: npt.NDArray[np.int64] | None = None
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    match: ColumnMatch | None = None

    def place(self, row: int) -> int:
        """The line or, where rows are counted, the number of a row, from 1."""
        return row + 1 if self.lines is None else int(self.lines[row])

    @property
    def is_text(self) -> bool:
        """Whether the rows are those of a text file: they have lines, or will have when they are read again."""
        return self.lines is not None or not self.exact

    @property
    def place_word(self) -> str:
        """What `place` counts: ``line`` or ``row``."""
        return "row" if self.lines is None else "line"


class Source(Protocol):
    """Something that devices are read from."""

    @property
    def label(self) -> str:
        """What to call it in messages."""

    @property
    def frozen_at(self) -> int | None:
        """The instant at which a frozen fleet was read first, in seconds since 1970."""

    def quick(self, session: Session) -> Relation:
        """The rows, as fast as can be."""

    def careful(self, session: Session) -> Relation:
        """The rows once more, each with its place; asked for only if `quick` gave a relation that is not exact."""

    def failure(self, error: Exception) -> GroundswellError:
        """What to tell the user when DuckDB cannot read the rows."""

    def check(self) -> None:
        """Make sure, after reading, that the source held still meanwhile."""
