"""The columns of a fleet and the spellings under which they are recognised.

A spelling is compared after lower-casing and dropping ``-``, ``_``, ``.`` and white space, so ``Last-Seen`` is
``last_seen``. ``docs/fleets.md`` shows the same table to users; a test keeps them together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.fleet.rules import cropped, is_uuid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["COLUMNS", "SPELLINGS", "ColumnMatch", "known_columns", "match_columns", "no_uuid_column"]

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "uuid": ("uuid", "device_uuid"),
    "name": ("name", "device_name"),
    "group": ("group", "group_name", "device_group", "device_group_name"),
    "tag": ("tag", "tags", "device_tag", "device_tags"),
    "production": ("production", "is_production", "prod", "is_prod", "production_device"),
    "last_seen": ("last_seen", "last_seen_at", "last_seen_time", "last_seen_timestamp"),
    "target_version": ("target_version", "version"),
    "hardware_id": ("hardware_id", "hw_id", "device_hardware_id"),
}
"""Canonical name of each column → the spellings that mean it, the canonical one first."""
COLUMNS: Final = tuple(SPELLINGS)

_SEPARATORS: Final = re.compile(r"[-_.\s]+")
_MOST_NAMED: Final = 30


def _folded(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()


_MEANING: Final = {_folded(spelling): column for column, spellings in SPELLINGS.items() for spelling in spellings}


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """Which columns of a source mean what.

    Args:
        used: canonical name → position in the source.
        ignored: the names of the columns that mean nothing here, in the order of the source.
        notes: a sentence for each ignored name that looks like a misspelt column.
    """

    used: Mapping[str, int]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


def known_columns(found: Sequence[str]) -> int:
    """How many of these names mean a column.

    >>> known_columns(["UUID", "owner", "tags"])
    2
    """
    return sum(_folded(name) in _MEANING for name in found)


def match_columns(found: Sequence[str], label: str) -> ColumnMatch:
    """Find out what the columns of a source mean.

    Args:
        found: their names, as the source spells them.
        label: what to call the source in messages.

    Raises:
        InputError: ``no-uuid-column``; ``repeated-column`` where two of them mean the same.

    >>> match_columns(["Device-UUID", "is_prod", "owner"], "export.csv").used
    {'uuid': 0, 'production': 1}
    """
    used: dict[str, int] = {}
    ignored: list[str] = []
    for position, name in enumerate(found):
        column = _MEANING.get(_folded(name))
        if column is None:
            ignored.append(name)
        elif column in used:
            raise _repeated_column(found[used[column]], name, column, label)
        else:
            used[column] = position
    if "uuid" not in used:
        raise no_uuid_column(found, label)
    return ColumnMatch(used, tuple(ignored), _misspelt(ignored, set(used)))


def _repeated_column(first: str, second: str, column: str, label: str) -> InputError:
    named = "two columns are named" if first == second else f"the columns `{cropped(first)}` and"
    return InputError(
        "repeated-column",
        f"{named} `{cropped(second)}` in `{label}`, and both mean {column}",
        hint="rename or drop one of them",
        fields={"source": label, "columns": [first, second], "meaning": column},
    )


def no_uuid_column(found: Sequence[str], label: str) -> InputError:
    """The error for a source without a uuid column; its hint names the nearest of those that it has."""
    names = [cropped(name) for name in found]
    # Which names are near is asked of the folded forms, so that `Device UID` is near `deviceuuid`.
    folded = {_folded(name): cropped(name) for name in reversed(found)}
    near = [
        folded[key]
        for key in dict.fromkeys(near for s in SPELLINGS["uuid"] for near in _core.nearest(_folded(s), list(folded), 1))
    ]
    if any(is_uuid(name) for name in found):
        hint = "its first line holds a UUID where names of columns are expected; write a header line such as `uuid`"
    elif near:
        hint = f"if `{near[0]}` holds the UUIDs of the devices, name it `uuid`"
    else:
        hint = "name the column that holds the UUIDs of the devices `uuid`"
    shown = ", ".join(f"`{name}`" for name in names[:_MOST_NAMED]) or "none"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return InputError(
        "no-uuid-column",
        f"`{label}` has no uuid column; its columns are {shown}{more}",
        hint=hint,
        fields={"source": label, "columns": names, "nearest": near},
    )


def _misspelt(ignored: Sequence[str], used: set[str]) -> tuple[str, ...]:
    missing = [spelling for column, all_of in SPELLINGS.items() if column not in used for spelling in all_of]
    folded = {_folded(spelling): spelling for spelling in missing}
    notes = []
    for name in ignored:
        near = _core.nearest(_folded(name), list(folded), 1)
        if near:
            notes.append(f"the column `{cropped(name)}` is not used; did you mean `{folded[near[0]]}`?")
    return tuple(notes)
