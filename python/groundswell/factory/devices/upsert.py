"""Merging an import into what the store knows: which rows are new, which change, and what they come to.

What a row says replaces what is known, cell by cell; an absent column or an empty cell keeps it. Of `last_seen` and
`target_version` the later report is kept: `groundswell.factory.devices.latest_report` has the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from groundswell.arrow_columns import combine_chunks, take_rows
from groundswell.factory.devices.groups import group_row
from groundswell.factory.devices.latest_report import Reports, latest_reports, older_reports
from groundswell.store import put, set_cells
from groundswell.unknown_values import NEVER_SEEN, UNKNOWN, filled, known_instants, known_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.factory.context import Context
    from groundswell.factory.devices.lookup import Known
    from groundswell.store import Change

__all__ = ["Merged", "merge"]

_STORED: Final = (
    "ordinal",
    "uuid",
    "name",
    "group_id",
    "tag_id",
    "production",
    "last_seen",
    "target_version",
    "hardware_id",
    "deleted",
    "allowed",
    "version_at",
)
_HIDDEN: Final = "version_at"
"""A difference in this column alone is stored, and does not count as a change of the device."""
_LATEST: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What an import comes to.

    Args:
        changes: for the store; none where nothing changes.
        devices: devices that are named.
        new: those that the factory had not heard of.
        returned: those that had been deleted and allowed, and have their old ordinal and name again.
        changed: known ones of which something is different now.
        outdated: known ones whose row is older than what is known, so that a last_seen or a version was not taken.
        test_by_default: new or returned ones that count as test devices since no row said otherwise.
        groups_created: groups that did not exist, in the order of their first device.
        moved: known ones of which something is different now, as `import_leaves` takes them; None if no group and no
            tag of a known device changes.
    """

    changes: tuple[Change, ...]
    devices: int
    new: int
    returned: int
    changed: int
    outdated: int
    test_by_default: int
    groups_created: tuple[str, ...]
    moved: pa.Table | None = None


def merge(context: Context, incoming: pa.Table, known: Known | None, clear: Collection[str], *, at: int) -> Merged:
    """Work an import out. Nothing changes.

    Args:
        context: the factory's.
        incoming: as `groundswell.factory.incoming.incoming` makes it; every device once, no denied ones.
        known: those of them that the factory has heard of; None where there are none.
        clear: columns of which an empty cell unsets what is known.
        at: the instant, in seconds since 1970.

    Cost: two passes over the rows.
    """
    import pyarrow.compute as pc

    reported = min(max(at, 1), _LATEST)
    groups, tags = _Names.of(context, incoming, "group"), _Names.of(context, incoming, "tag")
    rows = _by_number(incoming, groups.numbers, tags.numbers)
    given = context.store.devices.registered()
    new = _new_rows(rows, known, first=given, reported=reported)
    changes = [*_name_changes(context, groups, tags, at), put("devices", new.select(_STORED), new=True)]
    by_default = _count(new.column("unsaid"))
    returned = changed = outdated = 0
    moved = None
    if known is not None:
        named = _rows_of_known(rows, known)
        touched, visible, outdated = _touched(named, known.rows, clear, reported=reported)
        changes.append(set_cells("devices", touched))
        if not {"group_id", "tag_id"}.isdisjoint(touched.column_names):
            moved = touched
        gone = known.rows.column("deleted")
        returned = _count(gone)
        changed = visible - returned
        by_default += _count(pc.and_(gone, pc.is_null(named.column("production"))))
    return Merged(
        changes=tuple(change for change in changes if change.rows.num_rows),
        devices=rows.num_rows,
        new=new.num_rows,
        returned=returned,
        changed=changed,
        outdated=outdated,
        test_by_default=by_default,
        groups_created=tuple(groups.new),
        moved=moved,
    )


# --- names by number


@dataclass(frozen=True, slots=True)
class _Names:
    """A column of names in the store's numbers.

    Args:
        numbers: what each row says; null where it says nothing.
        new: names that the store does not know yet, with the numbers that they are to have.
    """

    numbers: pa.Array
    new: Mapping[str, int]

    @classmethod
    def of(cls, context: Context, incoming: pa.Table, column: str) -> _Names:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        stored = context.store.groups if column == "group" else context.store.tags
        known = {name: number for number, name in stored.names().items()}
        encoded = combine_chunks(incoming.column(column))
        if not pa.types.is_dictionary(encoded.type):
            encoded = encoded.dictionary_encode()
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        names = encoded.dictionary.to_pylist()
        unknown = [code for code, name in enumerate(names) if name not in known]
        if unknown:
            # The place after the last name is that of −1.
            firsts = np.full(len(names) + 1, len(codes))
            np.minimum.at(firsts, codes, np.arange(len(codes)))
            # The dictionary may still have the names of rows that were skipped.
            unknown = sorted((code for code in unknown if firsts[code] < len(codes)), key=firsts.__getitem__)
        first = _next_number(context, column, known)
        new = {names[code]: first + i for i, code in enumerate(unknown)}
        numbers = np.array([*(known.get(name) or new.get(name, 0) for name in names), 0], np.uint32)
        return cls(pa.array(numbers[codes], mask=codes < 0), new)


def _next_number(context: Context, column: str, known: Mapping[str, int]) -> int:
    # A group's number is never given again, not even after the group is gone; tags never go.
    return int(context.meta("next_group_id", "1")) if column == "group" else max(known.values(), default=0) + 1


def _name_changes(context: Context, groups: _Names, tags: _Names, at: int) -> list[Change]:
    changes = []
    if groups.new:
        rows = [dict(group_row(number, name, "", at=at, by=context.user)) for name, number in groups.new.items()]
        counter = {"key": "next_group_id", "value": str(max(groups.new.values()) + 1)}
        changes += [put("groups", rows, new=True), put("meta", [counter])]
    if tags.new:
        changes.append(put("tags", [{"tag_id": number, "name": name} for name, number in tags.new.items()], new=True))
    return changes


def _by_number(incoming: pa.Table, groups: pa.Array, tags: pa.Array) -> pa.Table:
    """The incoming rows with the numbers of their groups and tags instead of the names."""
    table = incoming.drop_columns(["group", "tag"])
    return table.append_column("group_id", groups).append_column("tag_id", tags)


# --- rows


def _new_rows(rows: pa.Table, known: Known | None, *, first: int, reported: int) -> pa.Table:
    """The rows of devices that the factory has not heard of, in their order, with ordinals from `first` on.

    Args:
        rows: of the import.
        known: the devices that the factory has heard of.
        first: the first ordinal.
        reported: the time of a version without a time.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if known is not None and len(known.positions):
        unheard = np.ones(rows.num_rows, np.bool_)
        unheard[known.positions] = False
        rows = rows.filter(pa.array(unheard))
    count = rows.num_rows
    production = rows.column("production")
    no = pa.array(np.zeros(count, np.bool_))
    made = {
        "ordinal": pa.array(np.arange(first, first + count, dtype=np.uint32)),
        "production": pc.fill_null(production, False),  # noqa: FBT003 - a test device unless a row says otherwise
        "deleted": no,
        "allowed": no,
        "version_at": pc.if_else(_without_time(rows), pa.scalar(reported, pa.uint32()), pa.scalar(None, pa.uint32())),
        "unsaid": pc.is_null(production),
    }
    return pa.table({name: made[name] if name in made else rows.column(name) for name in (*_STORED, "unsaid")})


def _rows_of_known(rows: pa.Table, known: Known) -> pa.Table:
    """What the import says of devices that the factory has heard of, in the order of `known.rows`."""
    positions = known.positions
    # As many, each once and ascending, are all of them.
    if len(positions) != rows.num_rows or (positions[1:] < positions[:-1]).any():
        return take_rows(rows, positions)
    return rows


def _without_time(rows: pa.Table) -> Any:
    """Which rows have a target version and no last_seen."""
    import pyarrow.compute as pc

    return pc.and_(pc.is_valid(rows.column("target_version")), pc.is_null(rows.column("last_seen")))


class _Cells(NamedTuple):
    """A stored column after an import, for the known devices that the import names.

    Args:
        differs: for which devices it is not what is stored.
        take: gives the values of some devices, by their numbers, as an Arrow array.
    """

    differs: npt.NDArray[np.bool_]
    take: Callable[[npt.NDArray[np.int64]], pa.Array]


def _touched(rows: pa.Table, known: pa.Table, clear: Collection[str], *, reported: int) -> tuple[pa.Table, int, int]:
    """The devices that return or of which something is different now.

    Args:
        rows: what the import says of known devices.
        known: what is stored of the same devices, by ordinal.
        clear: columns of which an empty cell unsets what is known.
        reported: the time of a version without a time.

    Returns:
        Their ordinals and the columns in which any of them differs, by ordinal; how many differ in more than
        `version_at`; how many rows are older than what is known.
    """
    import numpy as np
    import pyarrow as pa

    reports, older = _report_cells(rows, known, clear, reported)
    columns = {
        "name": _text_cells(rows, known, "name", clear=clear),
        "group_id": _number_cells(rows, known, "group_id", cleared="group" in clear),
        "tag_id": _number_cells(rows, known, "tag_id", cleared="tag" in clear),
        "production": _production_cells(rows, known),
        **reports,
        "hardware_id": _text_cells(rows, known, "hardware_id", clear=clear),
        "deleted": _unset(known, "deleted"),
        "allowed": _unset(known, "allowed"),
    }
    changing = {column: cells for column, cells in columns.items() if cells.differs.any()}
    visible, hidden = np.zeros(rows.num_rows, np.bool_), np.zeros(rows.num_rows, np.bool_)
    for column, cells in changing.items():
        (hidden if column == _HIDDEN else visible)[cells.differs] = True
    which = np.flatnonzero(visible | hidden)
    touched = {"ordinal": pa.array(filled(known.column("ordinal"), 0)[which])}
    touched |= {column: cells.take(which) for column, cells in changing.items()}
    return pa.table(touched), int(np.count_nonzero(visible)), older


def _report_cells(
    rows: pa.Table, known: pa.Table, clear: Collection[str], reported: int
) -> tuple[dict[str, _Cells], int]:
    """`last_seen`, `target_version` and `version_at` after the import; how many rows are older than what is known."""
    import numpy as np

    seen = filled(rows.column("last_seen"), NEVER_SEEN)
    said = Reports(
        seen,
        filled(rows.column("target_version"), UNKNOWN),
        np.where(seen == NEVER_SEEN, np.uint32(reported), np.uint32(NEVER_SEEN)),
    )
    before = Reports(
        filled(known.column("last_seen"), NEVER_SEEN),
        filled(known.column("target_version"), UNKNOWN),
        filled(known.column("version_at"), NEVER_SEEN),
    )
    after = latest_reports(said, before, clear_last_seen="last_seen" in clear, clear_version="target_version" in clear)
    cells = {
        "last_seen": _Cells(after.last_seen != before.last_seen, lambda which: known_instants(after.last_seen[which])),
        "target_version": _Cells(
            after.target_version != before.target_version, lambda which: known_versions(after.target_version[which])
        ),
        "version_at": _Cells(
            after.version_at != before.version_at, lambda which: known_instants(after.version_at[which])
        ),
    }
    return cells, int(np.count_nonzero(older_reports(said, before)))


def _number_cells(rows: pa.Table, known: pa.Table, column: str, *, cleared: bool) -> _Cells:
    """A column of groups or tags. Their numbers begin at 1; 0 stands for none."""
    import numpy as np
    import pyarrow as pa

    said, before = filled(rows.column(column), 0), filled(known.column(column), 0)
    after = said if cleared else np.where(said == 0, before, said)
    return _Cells(after != before, lambda which: pa.array(after[which], mask=after[which] == 0))


def _text_cells(rows: pa.Table, known: pa.Table, column: str, *, clear: Collection[str]) -> _Cells:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    said, before = rows.column(column), known.column(column)
    if column not in clear and said.null_count == rows.num_rows:
        return _Cells(np.zeros(rows.num_rows, np.bool_), lambda which: pa.nulls(len(which), pa.string()))
    if said.type != before.type:
        said, before = said.cast(pa.large_string()), before.cast(pa.large_string())
    only_one = pc.xor(pc.is_valid(said), pc.is_valid(before)) if column in clear else pc.is_valid(said)
    differs = filled(pc.coalesce(pc.not_equal(said, before), only_one), 0)

    def take(which: npt.NDArray[np.int64]) -> pa.Array:
        flags = np.zeros(rows.num_rows, np.bool_)
        flags[which] = True
        kept = said.filter(pa.array(flags))
        return kept if column in clear else pc.coalesce(kept, before.filter(pa.array(flags)))

    return _Cells(differs, take)


def _production_cells(rows: pa.Table, known: pa.Table) -> _Cells:
    """An import never flips a known device; one that returns is registered anew."""
    import numpy as np
    import pyarrow as pa

    before = filled(known.column("production"), 0)
    after = np.where(filled(known.column("deleted"), 0), filled(rows.column("production"), 0), before)
    return _Cells(after != before, lambda which: pa.array(after[which]))


def _unset(known: pa.Table, column: str) -> _Cells:
    import numpy as np
    import pyarrow as pa

    return _Cells(filled(known.column(column), 0), lambda which: pa.array(np.zeros(len(which), np.bool_)))


def _count(flags: Any) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(flags).as_py() or 0)
