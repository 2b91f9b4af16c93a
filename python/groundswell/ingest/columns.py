"""Matches the columns of a source to the columns of a fleet, by their spellings and by the user's mapping."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.ingest.cells import cropped, is_uuid
from groundswell.ingest.mapping import NO_MAPPING
from groundswell.ingest.spellings import COLUMNS, MEANINGS, SPELLINGS, folded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from groundswell.ingest.mapping import ColumnMapping, ColumnSource

__all__ = [
    "COLUMNS",
    "SPELLINGS",
    "ColumnMatch",
    "known_columns",
    "match_columns",
    "misspelt",
    "no_uuid_column",
    "repeated_column",
    "unknown_source",
]

_MAX_NAMED: Final = 10
_MAX_SHOWN_NAMES: Final = 1000


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """The result of matching the columns of a source to those of a fleet.

    Args:
        used: canonical name → position in the source.
        ignored: the names of the unused columns, in the order of the source.
        notes: a sentence for each ignored name that looks like a misspelt column.
        sources: canonical name → the name of the column that it is read from.
        by_hand: canonical name → the user's mapping, if it is more than a whole column: a constant, a path inside a
            column, or another unit. `used` has the position of the column; -1 for a constant.
        more_ignored: whether there are more unused columns than `ignored` lists.
    """

    used: Mapping[str, int]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    sources: Mapping[str, str] = field(default_factory=dict)
    by_hand: Mapping[str, ColumnSource] = field(default_factory=dict)
    more_ignored: bool = False


def known_columns(found: Sequence[str]) -> int:
    """How many of these names are spellings of a column.

    >>> known_columns(["UUID", "owner", "tags"])
    2
    """
    return sum(folded(name) in MEANINGS for name in found)


def match_columns(found: Sequence[str], label: str, mapping: ColumnMapping = NO_MAPPING) -> ColumnMatch:
    """Match the columns of a source to those of a fleet.

    Args:
        found: their names, as the source spells them.
        label: the source's name in messages.
        mapping: the user's mapping; it has priority over the spellings.

    Raises:
        InputError: ``no-uuid-column``; ``repeated-column`` if two source columns match the same column;
            ``unknown-source-column`` if the source does not have a column that the mapping names.

    >>> match_columns(["Device-UUID", "is_prod", "owner"], "export.csv").used
    {'uuid': 0, 'production': 1}
    """
    used: dict[str, int] = {}
    by_hand: dict[str, ColumnSource] = {}
    for column, source in mapping.columns.items():
        used[column], plain = _position(column, source, found, label)
        if not plain:
            by_hand[column] = source
    if mapping.namespace is not None and "name" not in mapping.columns and "uuid" in used:
        used["name"] = used["uuid"]
        by_hand |= {"name": by_hand["uuid"]} if "uuid" in by_hand else {}
    fixed = set(used)
    for position, name in enumerate(found):
        column = MEANINGS.get(folded(name), "")
        if not column or column in fixed:
            continue
        if column in used:
            raise repeated_column(found[used[column]], name, column, label)
        used[column] = position
    if "uuid" not in used:
        raise no_uuid_column(found, label)
    if mapping.namespace is not None and "name" not in mapping.columns:
        # Keep the id from which the UUID is derived as the device's name.
        used["name"] = used["uuid"]
    taken = set(used.values())
    ignored = tuple(name for position, name in enumerate(found) if position not in taken)
    sources = {
        column: mapping.columns[column].text if column in by_hand and column in mapping.columns else found[position]
        for column, position in ((column, used[column]) for column in COLUMNS if column in used)
    }
    in_order = {column: used[column] for column in COLUMNS if column in used}
    return ColumnMatch(in_order, ignored, misspelt(ignored, set(used)), sources, by_hand)


def _position(column: str, source: ColumnSource, found: Sequence[str], label: str) -> tuple[int, bool]:
    """The position of the source column that a mapping names, and whether the mapping uses it unchanged."""
    if source.constant is not None:
        return -1, False
    for name in dict.fromkeys((source.text, source.path)):
        if name in found:
            return found.index(name), name == source.text
    names = [folded(name) for name in found]
    for name in dict.fromkeys((source.text, source.path)):
        if folded(name) in names:
            return names.index(folded(name)), name == source.text
    first = _core.first_key_of_path(source.path)
    if first is not None and first in found:
        return found.index(first), False
    raise unknown_source(column, source, found, label)


def unknown_source(
    column: str, source: ColumnSource, found: Sequence[str], label: str, *, taken: int = 0
) -> InputError:
    """The error for a mapping to a source column that does not exist.

    Args:
        column: the canonical name.
        source: the mapping.
        found: the existing names.
        label: the source's name in messages.
        taken: how many steps of the path exist.
    """
    wanted = source.path.rpartition(".")[2] if taken else source.path
    near = _core.nearest(wanted, list(dict.fromkeys(found)), at_most=3)
    names = [cropped(name) for name in found[:_MAX_SHOWN_NAMES]]
    shown = ", ".join(f"`{name}`" for name in names[:_MAX_NAMED]) or "none"
    more = " …" if len(names) > _MAX_NAMED else ""
    return InputError(
        "unknown-source-column",
        f"`{label}` has no column `{cropped(source.path)}` to read {column} from",
        hint="did you mean " + " or ".join(f"`{cropped(name)}`" for name in near) + "?"
        if near
        else f"{'there are' if taken else 'its columns are'} {shown}{more}",
        fields={
            "source": label,
            "column": column,
            "wanted": cropped(source.text),
            "columns": names,
            "nearest": [cropped(name) for name in near],
        },
    )


def repeated_column(first: str, second: str, column: str, label: str) -> InputError:
    """The error for two source columns that match the same column."""
    if first == second:
        what = f"two columns are named `{cropped(second)}` in `{label}`, and both mean {column}"
    else:
        what = f"the columns `{cropped(first)}` and `{cropped(second)}` in `{label}` both mean {column}"
    return InputError(
        "repeated-column",
        what,
        hint="rename or drop one of them",
        fields={"source": label, "columns": [first, second], "meaning": column},
    )


def no_uuid_column(found: Sequence[str], label: str) -> InputError:
    """The error for a source without a uuid column; its hint is the most similar existing column."""
    names = [cropped(name) for name in found]
    # Compare folded names, so that `Device UID` is similar to `deviceuuid`.
    by_folded = {folded(name): cropped(name) for name in reversed(found)}
    near = [
        by_folded[key]
        for key in dict.fromkeys(
            near for s in SPELLINGS["uuid"] for near in _core.nearest(folded(s), list(by_folded), 1)
        )
    ]
    if any(is_uuid(name) for name in found):
        hint = "its first line contains a UUID instead of column names; write a header line such as `uuid`"
    elif near:
        hint = f"if `{near[0]}` contains the UUIDs of the devices, name it `uuid`"
    else:
        hint = "name the column with the UUIDs of the devices `uuid`"
    shown = ", ".join(f"`{name}`" for name in names[:_MAX_NAMED]) or "none"
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return InputError(
        "no-uuid-column",
        f"`{label}` has no uuid column; its columns are {shown}{more}",
        hint=hint,
        fields={"source": label, "columns": names, "nearest": near},
    )


def misspelt(ignored: Sequence[str], used: set[str]) -> tuple[str, ...]:
    """A sentence for each unused name that looks like a misspelling of a missing column."""
    missing = [spelling for column, all_of in SPELLINGS.items() if column not in used for spelling in all_of]
    by_folded = {folded(spelling): spelling for spelling in missing}
    notes = []
    for name in ignored:
        near = _core.nearest(folded(name), list(by_folded), 1)
        if near:
            notes.append(f"the column `{cropped(name)}` is not used; did you mean `{by_folded[near[0]]}`?")
    return tuple(notes)
