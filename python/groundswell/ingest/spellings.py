"""The columns of a fleet and their accepted spellings.

Spellings are compared in lower case and without ``-``, ``_``, ``.`` and white space, so ``Last-Seen`` equals
``last_seen``. ``docs/fleets.md`` has the same table for users; a test compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.ingest.cells import cropped

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COLUMNS", "MEANINGS", "SPELLINGS", "canonical_name", "folded"]

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
"""Canonical name of each column → its accepted spellings, the canonical one first."""
COLUMNS: Final = tuple(SPELLINGS)


def folded(name: str) -> str:
    """Normalise a name for comparison: see the module's docstring.

    >>> folded("Last-Seen")
    'lastseen'
    """
    # Replace unpaired surrogates, which stand for bytes that are not UTF-8.
    return _core.fold_column_name(name.encode("utf-8", "replace").decode())


MEANINGS: Final = {folded(spelling): column for column, spellings in SPELLINGS.items() for spelling in spellings}
"""Folded spelling → canonical name."""


def canonical_name(name: str) -> str:
    """The canonical name for a user's spelling of a column.

    Raises:
        InputError: ``bad-column``; the hint is the most similar name.

    >>> canonical_name("Last-Seen")
    'last_seen'
    """
    column = MEANINGS.get(folded(name))
    if column is None:
        near = _core.nearest(name, list(COLUMNS), at_most=1)
        raise InputError(
            "bad-column",
            f"a fleet has no column `{cropped(name)}`",
            hint=f"did you mean `{near[0]}`?" if near else f"its columns are {', '.join(COLUMNS)}",
            fields={"column": cropped(name), "columns": list(COLUMNS), "nearest": near},
        )
    return column
