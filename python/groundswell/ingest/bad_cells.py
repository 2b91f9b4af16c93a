"""Stores bad cells in numpy columns: a file may have millions of them, of which few are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from groundswell import _core
from groundswell.ingest.cells import reason as core_reason
from groundswell.ingest.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

__all__ = ["BadCell", "BadCells", "CoreBadCells"]

CoreBadCells = tuple["npt.NDArray[np.uint32]", "npt.NDArray[np.uint8]", "npt.NDArray[np.int64]"]
"""Row numbers, reason codes and details, as the core returns them."""


class BadCell(NamedTuple):
    """A cell whose value its column does not allow.

    Args:
        row: row number, from 0.
        column: canonical name of the column.
        reason: the end of the sentence “the cell …”.
    """

    row: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class BadCells:
    """Bad cells, sorted by row and then by the order of `COLUMNS`.

    Args:
        rows: row numbers, from 0.
        columns: positions in `COLUMNS`.
        codes: indexes into `_core.CELL_REASONS` followed by `reasons`.
        details: the number that the core adds to a reason.
        reasons: reasons that do not come from the core.
        now: the instant that `last_seen` was compared with, in seconds since 1970.
    """

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    details: npt.NDArray[np.int64]
    reasons: tuple[str, ...]
    now: int

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def found(cls, pieces: Iterable[tuple[int, str, CoreBadCells]], now: int) -> BadCells:
        """Collect what the core found: (number of the first row, column, bad cells) for each batch and column."""
        import numpy as np

        parts = [(start, COLUMNS.index(column), bad) for start, column, bad in pieces if len(bad[0])]
        empty = [np.empty(0, np.int64)]
        return cls(
            rows=np.concatenate([bad[0].astype(np.int64) + start for start, _, bad in parts] or empty),
            columns=np.concatenate([np.full(len(bad[0]), column) for _, column, bad in parts] or empty),
            codes=np.concatenate([bad[1].astype(np.int64) for _, _, bad in parts] or empty),
            details=np.concatenate([bad[2] for _, _, bad in parts] or empty),
            reasons=(),
            now=now,
        ).sort()

    def with_cells(self, cells: Sequence[BadCell]) -> BadCells:
        """A copy with additional cells."""
        import numpy as np

        if not cells:
            return self
        reasons = list(dict.fromkeys(cell.reason for cell in cells))
        code = {reason: i for i, reason in enumerate(reasons, len(_core.CELL_REASONS) + len(self.reasons))}

        def more(of: npt.NDArray[np.int64], numbers: list[int]) -> npt.NDArray[np.int64]:
            return np.concatenate([of, np.array(numbers, np.int64)])

        return BadCells(
            rows=more(self.rows, [cell.row for cell in cells]),
            columns=more(self.columns, [COLUMNS.index(cell.column) for cell in cells]),
            codes=more(self.codes, [code[cell.reason] for cell in cells]),
            details=more(self.details, [0] * len(cells)),
            reasons=(*self.reasons, *reasons),
            now=self.now,
        ).sort()

    def of_row(self, row: int) -> list[tuple[str, str]]:
        """The bad cells of a row: (canonical column, reason) each."""
        import numpy as np

        start, end = np.searchsorted(self.rows, [row, row + 1]).tolist()
        return [(COLUMNS[self.columns[i]], self._reason(i)) for i in range(start, end)]

    def _reason(self, index: int) -> str:
        code = int(self.codes[index])
        own = code - len(_core.CELL_REASONS)
        return self.reasons[own] if own >= 0 else core_reason(code, int(self.details[index]), self.now)

    def sort(self) -> BadCells:
        """A copy, sorted by row and column."""
        import numpy as np

        order = np.lexsort((self.columns, self.rows))
        return BadCells(
            self.rows[order], self.columns[order], self.codes[order], self.details[order], self.reasons, self.now
        )
