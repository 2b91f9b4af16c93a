"""Rows of devices in the order of their ordinals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.arrow_columns import as_numpy, take_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["in_order"]

_MAX_RUNS: Final = 1000
"""Runs of rows that are put in order one by one; more of them are sorted row by row."""


def in_order(rows: pa.Table) -> pa.Table:
    """Rows with a column ``ordinal``, ascending by it.

    A join gives rows in any order, mostly in long runs; a change of a whole row moves it to the end of its table.
    """
    import numpy as np
    import pyarrow as pa

    chunks = [as_numpy(chunk) for chunk in rows.column("ordinal").chunks]
    ordinals = np.concatenate(chunks) if chunks else np.empty(0, np.uint32)
    begins = np.append(np.flatnonzero(ordinals[1:] <= ordinals[:-1]) + 1, len(ordinals))
    if len(begins) == 1:
        return rows
    begins = np.insert(begins, 0, 0)
    begins, ends = begins[:-1], begins[1:]
    by_first = ordinals[begins].argsort()
    begins, ends = begins[by_first], ends[by_first]
    if (ordinals[begins[1:]] <= ordinals[ends[:-1] - 1]).any():
        # Runs that lie within each other are cut where they do.
        order = ordinals.argsort(kind="stable")
        cuts = np.concatenate(([0], np.flatnonzero(np.diff(order) != 1) + 1, [len(order)]))
        if len(cuts) > _MAX_RUNS:
            return take_rows(rows, order)
        begins, ends = order[cuts[:-1]], order[cuts[1:] - 1] + 1
    elif len(begins) > _MAX_RUNS:
        return take_rows(rows, ordinals.argsort(kind="stable"))
    # Whole runs change places without being copied.
    return pa.concat_tables([rows.slice(begin, end - begin) for begin, end in zip(begins, ends, strict=True)])
