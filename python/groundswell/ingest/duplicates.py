"""Finds rows with the same uuid. With equal data they are one device; with different data they are an error."""

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

__all__ = ["Duplicates", "conflict_error", "find_duplicates"]

_MAX_LISTED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Rows whose uuid also occurs in an earlier row.

    Args:
        rows: row numbers, ascending.
        firsts: for each of them, the first row with that uuid.
        differing: canonical column → for each of `rows`, whether its value differs from that of the first row.
    """

    rows: Rows
    firsts: Rows
    differing: Mapping[str, Mask]

    @property
    def conflicts(self) -> Mask:
        """For each of `rows`, whether any column differs."""
        import numpy as np

        conflicts: Mask = np.logical_or.reduce(list(self.differing.values()))
        return conflicts

    def conflicting_cells(self) -> list[BadCell]:
        """All rows of each uuid whose rows differ, as bad cells: none of the rows is more trustworthy than another."""
        import numpy as np

        firsts = np.unique(self.firsts[self.conflicts])
        rows = np.union1d(firsts, self.rows[np.isin(self.firsts, firsts)])
        return [BadCell(int(row), "uuid", "is in several rows with different data") for row in rows]


def find_duplicates(devices: Devices, good: Mask) -> Duplicates:
    """Find rows with repeated uuids among the good rows, and the columns in which they differ."""
    import numpy as np

    kept = np.flatnonzero(good)
    # Avoid a copy in the usual case that all rows are good.
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
    # An empty cell differs from false: false says that it is a test device.
    differing["production"] |= devices.production_said[rows] != devices.production_said[firsts]
    texts = {"name": devices.names, "hardware_id": devices.hardware_ids}
    differing |= {column: _differ(text, rows, firsts) for column, text in texts.items() if text is not None}
    return Duplicates(rows, firsts, differing)


def _differ(text: pa.ChunkedArray, rows: Rows, firsts: Rows) -> Mask:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(rows) == 0:
        return np.zeros(0, np.bool_)
    # `take` repeats a first row's text for each duplicate, which may overflow 32-bit offsets.
    whole = text.cast(pa.large_string()).combine_chunks()
    later, first = whole.take(pa.array(rows)), whole.take(pa.array(firsts))
    differ = as_numpy(pc.fill_null(pc.not_equal(later, first), False))  # noqa: FBT003 - where one of them is null
    only_one: Mask = as_numpy(later.is_null()) != as_numpy(first.is_null())
    return differ | only_one


def conflict_error(
    session: Session, relation: Relation, used: Mapping[str, int], duplicates: Duplicates, label: str
) -> InputError:
    """The error for rows with the same uuid and different data; it has both places, the columns and both values."""
    import numpy as np

    where = np.flatnonzero(duplicates.conflicts)
    listed = where[:_MAX_LISTED]
    pairs = [(int(duplicates.firsts[i]), int(duplicates.rows[i])) for i in listed]
    originals = dict(relation.originals(session, sorted({row for pair in pairs for row in pair})))
    word = f"{relation.place_word}s"
    conflicts: list[dict[str, Any]] = []
    for i, (first, later) in zip(listed, pairs, strict=True):
        columns = {
            relation.names[used[column]]: [cropped(originals[row][used[column]]) for row in (first, later)]
            for column, differs in duplicates.differing.items()
            if differs[i]
        }
        uuid = cropped(originals[first][used["uuid"]])
        conflict = {"uuid": uuid, word: [relation.place(first), relation.place(later)], "columns": columns}
        elements = [relation.element(first), relation.element(later)]
        conflicts.append(conflict if None in elements else conflict | {"elements": elements})
    one = conflicts[0]
    word = "elements" if "elements" in one else word
    first, later = one[word]
    values = ", ".join(f"{column} `{a}` and `{b}`" for column, (a, b) in one["columns"].items())
    more = "" if len(where) == 1 else f" (the first of {len(where)} such rows)"
    return InputError(
        "repeated-uuid",
        f"{word} {first} and {later} of `{label}` have the same uuid `{one['uuid']}` but different data:"
        f" {values}{more}",
        hint="keep one row for each device, or give a rejects file, to which all rows of such a uuid are written",
        fields={"source": label, "total": len(where), "repeated": conflicts},
    )
