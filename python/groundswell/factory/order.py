"""Rows of devices in the order of their ordinals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.fleet.arrow import numbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["in_order"]

_MOST_RUNS: Final = 1000
"""Runs of rows that are put in order one by one; more of them are sorted row by row."""


def in_order(rows: pa.Table) -> pa.Table:
    """Rows with a column ``ordinal``, ascending by it.

    A join gives rows in any order, mostly in long runs; a change of a whole row moves it to the end of its table.
    """
    import numpy as np
    import pyarrow as pa

    chunks = [numbers(chunk) for chunk in rows.column("ordinal").chunks]
    ordinals = np.concatenate(chunks) if chunks else np.empty(0, np.uint32)
    if (ordinals[1:] > ordinals[:-1]).all():
        return rows
    order = ordinals.argsort(kind="stable")
    begins = np.concatenate(([0], np.flatnonzero(np.diff(order) != 1) + 1))
    if len(begins) > _MOST_RUNS:
        # Rows in one piece are found twice as fast.
        return rows.combine_chunks().take(order)
    # Whole runs change places without being copied.
    lengths = np.diff(begins, append=len(order))
    return pa.concat_tables([rows.slice(order[begin], length) for begin, length in zip(begins, lengths, strict=True)])
