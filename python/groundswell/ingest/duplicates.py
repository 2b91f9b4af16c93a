"""The same uuid more than once: with the same data it is one device, with different data nobody knows which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.arrow_columns import as_numpy
from groundswell.errors import InputError
from groundswell.ingest.bad_cells import BadCell
from groundswell.ingest.cells import cropped

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.ingest.coerce import Devices
    from groundswell.ingest.duckdb_session import Session
    from groundswell.ingest.readers.source import Relation

    Rows = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]

__all__ = ["Repeats", "find_repeats", "refuse_conflicts"]

_MAX_LISTED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows whose uuid an earlier row has.

    Args:
        rows: their numbers, ascending.
        firsts: for each, the first row with that uuid.
        differing: canonical column → where in `rows` it holds something else than in the first row.
    """

    rows: Rows
    firsts: Rows
    differing: Mapping[str, Mask]

    @property
    def conflicts(self) -> Mask:
        """Where in `rows` any column differs."""
        import numpy as np

        conflicts: Mask = np.logical_or.reduce(list(self.differing.values()))
        return conflicts

    def contradictory(self) -> list[BadCell]:
        """Every row of a uuid whose rows differ, as a bad cell: none of them is more trustworthy than another."""
        import numpy as np

        firsts = np.unique(self.firsts[self.conflicts])
        rows = np.union1d(firsts, self.rows[np.isin(self.firsts, firsts)])
        return [BadCell(int(row), "uuid", "stands in several rows with different data") for row in rows]


def find_repeats(devices: Devices, good: Mask) -> Repeats:
    """Find repeated uuids among the good rows, and in which columns they differ."""
    import numpy as np

    kept = np.flatnonzero(good)
    # The usual case, all rows good, copies nothing.
    uuids = devices.uuids if len(kept) == len(devices) else devices.uuids[kept]
    later, first = _core.find_repeated_uuids(uuids)
    rows, firsts = kept[later], kept[first]
    arrays = {
        "group": devices.groups,
        "tag": devices.tags,
        "production": devices.production,
        "last_seen": devices.last_seen,
        "target_version": devices.target_versions,
    }
    differing: dict[str, Mask] = {column: array[rows] != array[firsts] for column, array in arrays.items()}
    # An empty cell says nothing; false says that it is a test device.
    differing["production"] |= devices.production_said[rows] != devices.production_said[firsts]
    texts = {"name": devices.names, "hardware_id": devices.hardware_ids}
    differing |= {column: _differ(text, rows, firsts) for column, text in texts.items() if text is not None}
    return Repeats(rows, firsts, differing)


def _differ(text: pa.ChunkedArray, rows: Rows, firsts: Rows) -> Mask:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(rows) == 0:
        return np.zeros(0, np.bool_)
    # A long text of a first row is there once for each repeat: more than 32-bit offsets may reach.
    whole = text.cast(pa.large_string()).combine_chunks()
    later, first = whole.take(pa.array(rows)), whole.take(pa.array(firsts))
    differ = as_numpy(pc.fill_null(pc.not_equal(later, first), False))  # noqa: FBT003 - where one of them is null
    only_one: Mask = as_numpy(later.is_null()) != as_numpy(first.is_null())
    return differ | only_one


def refuse_conflicts(
    session: Session, relation: Relation, used: Mapping[str, int], repeats: Repeats, label: str
) -> InputError:
    """The error for rows of one uuid that differ: both places, the columns, both values."""
    import numpy as np

    where = np.flatnonzero(repeats.conflicts)
    listed = where[:_MAX_LISTED]
    pairs = [(int(repeats.firsts[i]), int(repeats.rows[i])) for i in listed]
    originals = dict(relation.originals(session, sorted({row for pair in pairs for row in pair})))
    word = f"{relation.place_word}s"
    conflicts: list[dict[str, Any]] = []
    for i, (first, later) in zip(listed, pairs, strict=True):
        columns = {
            relation.names[used[column]]: [cropped(originals[row][used[column]]) for row in (first, later)]
            for column, differs in repeats.differing.items()
            if differs[i]
        }
        uuid = cropped(originals[first][used["uuid"]])
        conflicts.append({"uuid": uuid, word: [relation.place(first), relation.place(later)], "columns": columns})
    one = conflicts[0]
    first, later = one[word]
    values = ", ".join(f"{column} `{a}` and `{b}`" for column, (a, b) in one["columns"].items())
    more = "" if len(where) == 1 else f" (the first of {len(where)} such rows)"
    return InputError(
        "repeated-uuid",
        f"{word} {first} and {later} of `{label}` have the same uuid `{one['uuid']}` but different data:"
        f" {values}{more}",
        hint="keep one row for each device, or name a file for the rejects to set all rows of such a uuid aside",
        fields={"source": label, "total": len(where), "repeated": conflicts},
    )
