"""Merging an import into what the store knows: which rows are new, which change, and what they come to.

What a row says replaces what is known, cell by cell; an absent column or an empty cell keeps it. `last_seen` and
`target_version` form a pair:

- The newer `last_seen` wins. A version is taken if it was reported after the known one; of two versions of the same
  second, the greater one is taken.
- A version without a time counts as reported at the time of the import, and leaves `last_seen` unchanged. The column
  `version_at` keeps that time as long as it is later than `last_seen`; NULL means the time of `last_seen`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.arrow_columns import combine_chunks, take_rows
from groundswell.factory.devices.groups import group_row
from groundswell.store import put, set_cells
from groundswell.store.duckdb.sort_rows import in_order

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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
        pairs = _pairs(rows, known)
        touched, visible, outdated = _touched(context, pairs, clear, reported=reported)
        changes.append(set_cells("devices", touched))
        if not {"group_id", "tag_id"}.isdisjoint(touched.column_names):
            moved = touched
        gone = pairs.column("known_deleted")
        returned = _count(gone)
        changed = visible - returned
        by_default += _count(pc.and_(gone, pc.is_null(pairs.column("production"))))
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


def _pairs(rows: pa.Table, known: Known) -> pa.Table:
    """What the import says of devices that the factory has heard of, and beside it what is stored, as `known_…`."""
    positions = known.positions
    # As many, each once and ascending, are all of them.
    if len(positions) != rows.num_rows or (positions[1:] < positions[:-1]).any():
        rows = take_rows(rows, positions)
    for name in known.rows.column_names:
        rows = rows.append_column(f"known_{name}", known.rows.column(name))
    return rows


def _without_time(rows: pa.Table) -> Any:
    """Which rows have a target version and no last_seen."""
    import pyarrow.compute as pc

    return pc.and_(pc.is_valid(rows.column("target_version")), pc.is_null(rows.column("last_seen")))


def _touched(context: Context, pairs: pa.Table, clear: Collection[str], *, reported: int) -> tuple[pa.Table, int, int]:
    """The devices that return or of which something is different now.

    Returns:
        Their ordinals and the columns in which any of them differs; how many differ in more than `version_at`; how
        many rows are older than what is known.
    """
    values = _values(clear, reported)
    if not _has_own_times(pairs, clear):
        del values[_HIDDEN]
    differs = {column: f"({value}) IS DISTINCT FROM known_{column}" for column, value in values.items()}
    anywhere = ", ".join(f"coalesce(bool_or({differ}), false) AS {column}" for column, differ in differs.items())
    older = f"count(*) FILTER ({_older(reported)}) AS older"
    (found,) = context.store.table(f"SELECT {older}, {anywhere} FROM pairs", pairs=pairs).to_pylist()
    changing = [column for column in values if found[column]]
    cells = ", ".join(["known_ordinal AS ordinal", *(f"{values[column]} AS {column}" for column in changing)])
    where = " OR ".join([differs[column] for column in changing] or ["false"])
    if _HIDDEN in changing:
        visible = " OR ".join([differs[column] for column in changing if column != _HIDDEN] or ["false"])
        touched = context.store.table(f"SELECT {cells}, {visible} AS visible FROM pairs WHERE {where}", pairs=pairs)
        count, touched = _count(touched.column("visible")), touched.drop_columns(["visible"])
    else:
        touched = context.store.table(f"SELECT {cells} FROM pairs WHERE {where}", pairs=pairs)
        count = touched.num_rows
    return in_order(touched), count, found["older"]


_KNOWN_AT: Final = "coalesce(known_version_at, known_last_seen)"


def _said_at(reported: int) -> str:
    return f"coalesce(last_seen, {reported}::UINTEGER)"


def _older(reported: int) -> str:
    """The condition that a last_seen or a version of a row is not taken, since a later one is known."""
    said_at = _said_at(reported)
    return f"last_seen < known_last_seen OR (target_version IS NOT NULL AND {said_at} < {_KNOWN_AT})"


def _has_own_times(pairs: pa.Table, clear: Collection[str]) -> bool:
    """Whether the time of some version may differ from the device's last_seen."""
    import pyarrow.compute as pc

    return (
        "last_seen" in clear
        or pairs.column("known_version_at").null_count < pairs.num_rows
        or (pairs.column("last_seen").null_count > 0 and bool(pc.any(_without_time(pairs)).as_py()))
    )


def _values(clear: Collection[str], reported: int) -> dict[str, str]:
    """For each stored column its value after the import, as SQL over the pairs."""

    def kept(column: str, stored: str) -> str:
        return stored if column in clear else f"coalesce({stored}, known_{stored})"

    said_at = _said_at(reported)
    later = f"({_KNOWN_AT} IS NULL OR {said_at} > {_KNOWN_AT})"
    not_older = f"({_KNOWN_AT} IS NULL OR {said_at} >= {_KNOWN_AT})"
    # `greatest` ignores NULL.
    last_seen = (
        f"CASE WHEN last_seen IS NULL THEN {'NULL' if 'last_seen' in clear else 'known_last_seen'}"
        " ELSE greatest(last_seen, known_last_seen) END"
    )
    unsaid = f"CASE WHEN {not_older} THEN NULL ELSE known_target_version END"
    target_version = (
        f"CASE WHEN target_version IS NULL THEN {unsaid if 'target_version' in clear else 'known_target_version'}"
        f" WHEN {later} THEN target_version"
        f" WHEN {not_older} THEN greatest(target_version, known_target_version)"
        " ELSE known_target_version END"
    )
    version_at = f"CASE WHEN target_version IS NOT NULL AND {not_older} THEN {said_at} ELSE {_KNOWN_AT} END"
    return {
        "name": kept("name", "name"),
        "group_id": kept("group", "group_id"),
        "tag_id": kept("tag", "tag_id"),
        "production": "CASE WHEN known_deleted THEN coalesce(production, false) ELSE known_production END",
        "last_seen": last_seen,
        "target_version": target_version,
        "version_at": f"CASE WHEN ({target_version}) IS NULL OR ({version_at}) <= ({last_seen}) THEN NULL"
        f" ELSE {version_at} END",
        "hardware_id": kept("hardware_id", "hardware_id"),
        "deleted": "false",
        "allowed": "false",
    }


def _count(flags: Any) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(flags).as_py() or 0)
