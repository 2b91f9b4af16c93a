"""What is known of the production devices of a tag before a wave is made or completed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.arguments import refuse_empty
from groundswell.errors import NotFoundError
from groundswell.factory.names import storable
from groundswell.ingest.cells import cropped
from groundswell.text import MAX_NAMED, count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from groundswell.store.port import Store

__all__ = ["TagFacts", "later_sentence", "near_tags", "require_tag", "unsupported_sentence"]

MAX_EDITS: Final = 2
"""A tag within so many edits of one that devices listen to is probably a typo of it."""


class TagFacts:
    """Counts the production devices of a tag.

    Cost of each method: a pass over the stored devices.
    """

    def __init__(self, store: Store) -> None:
        self._store: Final = store

    def devices_by_tag(self) -> dict[str, int]:
        """How many production devices listen to each tag; tags without any are left out."""
        return self._store.tags.production_devices()

    def later_than(self, target_version: int, tag: str) -> dict[int, int]:
        """How many of them report each later version, ascending."""
        return self._store.tags.versions_above(tag, target_version)


def require_tag(store: Store, tag: str) -> None:
    """Refuse a filter by a tag that no device, target or wave has.

    Args:
        store: the factory's.
        tag: what a list is filtered by.

    Raises:
        InputError: ``empty-text``.
        NotFoundError: ``unknown-tag``, with the nearest tags.
    """
    refuse_empty(tag=tag)
    known = list(store.tags.in_use())
    if tag in known:
        return
    near = _core.nearest(storable(tag), known, at_most=3)
    raise NotFoundError(
        "unknown-tag",
        f"no device, target or wave has the tag `{cropped(tag)}`",
        hint=f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else "see the status of the factory",
        fields={"tag": tag, "nearest": near, "place": "factory"},
    )


def later_sentence(later: Mapping[int, int], target_version: int) -> str:
    """A warning about devices that report later versions than a wave's.

    >>> later_sentence({43: 2, 44: 1}, 42)
    '3 devices report a later version than 42: 43 (2), 44 (1)'
    """
    report = "device reports" if sum(later.values()) == 1 else "devices report"
    return f"{sum(later.values())} {report} a later version than {target_version}: {_listed(later)}"


def unsupported_sentence(unsupported: Mapping[str, int]) -> str:
    """A warning about devices for whose hardware a wave has no target.

    >>> unsupported_sentence({"imx": 2})
    'no target is for the hardware of 2 devices: imx (2)'
    """
    return f"no target is for the hardware of {count(sum(unsupported.values()), 'device')}: {_listed(unsupported)}"


def _listed(counts: Mapping[Any, int]) -> str:
    named = ", ".join(f"{what} ({devices})" for what, devices in list(counts.items())[:MAX_NAMED])
    rest = list(counts.values())[MAX_NAMED:]
    return named + (f" and {len(rest)} more ({sum(rest)})" if rest else "")


def near_tags(tag: str, known: Iterable[str]) -> list[str]:
    """The tags within two edits of one, nearest first.

    Source: Levenshtein distance; an edit inserts, deletes or replaces a character.

    >>> near_tags("prodution", ["production", "main", "prod"])
    ['production']
    """
    near = sorted((distance, name) for name in known if (distance := _edits(tag, name)) <= MAX_EDITS)
    return [name for _, name in near]


def _edits(one: str, other: str) -> int:
    if abs(len(one) - len(other)) > MAX_EDITS:
        return MAX_EDITS + 1
    row = list(range(len(other) + 1))
    for at, here in enumerate(one, start=1):
        above, row[0] = row[0], at
        for place, there in enumerate(other, start=1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (here != there))
    return row[-1]
