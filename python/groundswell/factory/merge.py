"""Merging an import into what the store knows: which rows are new, which change, and what they come to.

What a row says replaces what is known, cell by cell; an absent column or an empty cell keeps it. `last_seen` and
`target_version` travel as a pair: the pair that was seen later wins, and a row that does not say when counts as said
now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.factory.groups import group_row
from groundswell.factory.order import in_order
from groundswell.fleet.arrow import in_one_piece, taken
from groundswell.store import put, set_cells

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pyarrow as pa

    from groundswell.factory.context import Context
    from groundswell.factory.known import Known
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
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What an import comes to.

    Args:
        changes: for the store; none where nothing changes.
        devices: devices that are named.
        new: those that the factory had not heard of.
        returned: those that had been deleted, and have their old ordinal again.
        changed: known ones of which something is different now.
        outdated: known ones whose row was seen before what is known.
        test_by_default: new or returned ones that count as test devices since no row said otherwise.
        groups_created: groups that did not exist, in the order of their first device.
    """

    changes: tuple[Change, ...]
    devices: int
    new: int
    returned: int
    changed: int
    outdated: int
    test_by_default: int
    groups_created: tuple[str, ...]


def merge(context: Context, incoming: pa.Table, known: Known | None, clear: Collection[str], *, at: int) -> Merged:
    """Work an import out. Nothing changes.

    Args:
        context: the factory's.
        incoming: as `groundswell.factory.incoming.incoming` makes it; every device once.
        known: those of them that the factory has heard of; None where there are none.
        clear: columns of which an empty cell unsets what is known.
        at: the instant, in seconds since 1970.

    Cost: two passes over the rows.
    """
    import pyarrow.compute as pc

    groups, tags = _Names.of(context, incoming, "group"), _Names.of(context, incoming, "tag")
    rows = _by_number(incoming, groups.numbers, tags.numbers)
    ((given,),) = context.store.rows("SELECT count(*) FROM devices")
    new = _new_rows(rows, known, first=given)
    changes = [*_name_changes(context, groups, tags, at), put("devices", new.select(_STORED), new=True)]
    by_default = _count(new.column("unsaid"))
    returned = changed = outdated = 0
    if known is not None:
        pairs = _pairs(rows, known)
        touched = _touched(context, pairs, clear)
        changes.append(set_cells("devices", touched))
        gone = pairs.column("known_deleted")
        returned = _count(gone)
        changed = touched.num_rows - returned
        outdated = _count(pc.less(pairs.column("last_seen"), pairs.column("known_last_seen")))
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

        store = context.store
        known = {name: number for number, name in store.rows(f'SELECT {column}_id, name FROM "{column}s"')}
        encoded = in_one_piece(incoming.column(column))
        if not pa.types.is_dictionary(encoded.type):
            encoded = encoded.dictionary_encode()
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        names = encoded.dictionary.to_pylist()
        unknown = [code for code, name in enumerate(names) if name not in known]
        if len(unknown) > 1:
            # The place after the last name is that of −1.
            firsts = np.full(len(names) + 1, len(codes))
            np.minimum.at(firsts, codes, np.arange(len(codes)))
            unknown.sort(key=firsts.__getitem__)
        first = _next_number(context, column, known)
        new = {names[code]: first + i for i, code in enumerate(unknown)}
        numbers = np.array([*(known.get(name) or new[name] for name in names), 0], np.uint32)
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


def _new_rows(rows: pa.Table, known: Known | None, *, first: int) -> pa.Table:
    """The rows of devices that the factory has not heard of, in their order, with ordinals from `first` on."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if known is not None and len(known.positions):
        unheard = np.ones(rows.num_rows, np.bool_)
        unheard[known.positions] = False
        rows = rows.filter(pa.array(unheard))
    count = rows.num_rows
    production = rows.column("production")
    made = {
        "ordinal": pa.array(np.arange(first, first + count, dtype=np.uint32)),
        "production": pc.fill_null(production, False),  # noqa: FBT003 - a test device unless a row says otherwise
        "deleted": pa.array(np.zeros(count, np.bool_)),
        "unsaid": pc.is_null(production),
    }
    return pa.table({name: made[name] if name in made else rows.column(name) for name in (*_STORED, "unsaid")})


def _pairs(rows: pa.Table, known: Known) -> pa.Table:
    """What the import says of devices that the factory has heard of, and beside it what is stored, as `known_…`."""
    positions = known.positions
    # As many, each once and ascending, are all of them.
    if len(positions) != rows.num_rows or (positions[1:] < positions[:-1]).any():
        rows = taken(rows, positions)
    for name in known.rows.column_names:
        rows = rows.append_column(f"known_{name}", known.rows.column(name))
    return rows


def _touched(context: Context, pairs: pa.Table, clear: Collection[str]) -> pa.Table:
    """The devices that return or of which something is different now: ordinals, and the columns that any differs in."""

    def kept(column: str, stored: str) -> str:
        return stored if column in clear else f"coalesce({stored}, known_{stored})"

    later = "(known_last_seen IS NULL OR last_seen IS NULL OR last_seen >= known_last_seen)"
    values = {
        "name": kept("name", "name"),
        "group_id": kept("group", "group_id"),
        "tag_id": kept("tag", "tag_id"),
        "production": "CASE WHEN known_deleted THEN coalesce(production, false) ELSE known_production END",
        # Of two pairs of the same second the import's is the one.
        "last_seen": f"CASE WHEN {later} THEN {kept('last_seen', 'last_seen')} ELSE known_last_seen END",
        "target_version": f"CASE WHEN {later} THEN {kept('target_version', 'target_version')}"
        " ELSE known_target_version END",
        "hardware_id": kept("hardware_id", "hardware_id"),
        "deleted": "false",
    }
    differs = {column: f"({value}) IS DISTINCT FROM known_{column}" for column, value in values.items()}
    anywhere = ", ".join(f"coalesce(bool_or({differ}), false) AS {column}" for column, differ in differs.items())
    (found,) = context.store.table(f"SELECT {anywhere} FROM pairs", pairs=pairs).to_pylist()
    changing = [column for column in values if found[column]]
    cells = ", ".join(["known_ordinal AS ordinal", *(f"{values[column]} AS {column}" for column in changing)])
    where = " OR ".join([differs[column] for column in changing] or ["false"])
    return in_order(context.store.table(f"SELECT {cells} FROM pairs WHERE {where}", pairs=pairs))


def _count(flags: Any) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(flags).as_py() or 0)
