"""Merges the selections from the shards of a fleet into the selection from the whole fleet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, SupportsIndex

from groundswell import _core
from groundswell.errors import InputError
from groundswell.fleet.lazy import lazy
from groundswell.fleet.selection import Selection
from groundswell.fleet.uuid_list import UuidList
from groundswell.values import parse_limit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import numpy as np
    import numpy.typing as npt

    from groundswell.fleet.selection import SelectionRequest
    from groundswell.values import Denominator

__all__ = ["MergedSelection", "merge_selections"]


def merge_selections(
    selections: Iterable[Selection], limit: SupportsIndex | str | None = None, *, percent_of: Denominator = "matching"
) -> MergedSelection:
    """Merge the selections from all shards into exactly the selection from the whole fleet, however it was split.

    A device's key depends only on its UUID, its `last_seen`, the seed, `now` and the settings. So the k smallest keys
    of the fleet are among the k smallest keys of each shard.

    Args:
        selections: one from each shard, all with the same seed, `now` and settings. Each must have at least `limit`
            devices, or all candidates of its shard. For a percentage, select from the shards without a limit or with a
            large one; if `percent_of` is ``online``, with a percentage of the online devices, too.
        limit: as for `Fleet.select`, for all shards together.
        percent_of: as for `Fleet.select`, for all shards together.

    Returns:
        The picks in key order, ties by UUID. They do not reference the fleets.

    Raises:
        InputError: ``no-selections``; ``unlike-selections``; ``short-selection`` if a shard's selection is too short
            to contain all picks; ``repeated-uuid`` if two shards picked the same device; ``bad-limit``.

    Cost: O(log s) for each pick, where s is the number of shards.

    Source: bottom-k sketches are mergeable; Cohen & Kaplan (2007).

    >>> from datetime import UTC, datetime
    >>> from groundswell import Fleet
    >>> import pyarrow as pa
    >>> devices = pa.table({"uuid": [f"{i:032x}" for i in range(1, 101)], "production": [True] * 100})
    >>> asked = {"limit": 10, "seed": 7, "now": datetime(2026, 11, 25, tzinfo=UTC)}
    >>> shards = [Fleet.read(devices.slice(start, 50)).select(**asked, with_keys=True) for start in (0, 50)]
    >>> merge_selections(shards, 10).uuids == Fleet.read(devices).select(**asked).uuids
    True
    """
    if not isinstance(selections, Iterable):
        raise InputError(
            "bad-argument",
            f"the argument `selections` is of the type `{type(selections).__name__}`, not an iterable of selections",
            hint="give the result of `Fleet.select` from each shard",
            fields={"argument": "selections", "type": type(selections).__name__},
        )
    chosen = list(selections)
    for number, one in enumerate(chosen, 1):
        if not isinstance(one, Selection):
            raise InputError(
                "unlike-selections",
                f"item {number} is a `{type(one).__name__}`, not a Selection",
                hint="give the result of `Fleet.select` from each shard",
                fields={"item": number, "type": type(one).__name__},
            )
    if not chosen:
        raise InputError(
            "no-selections", "there are no selections to merge", hint="give one selection for each shard", fields={}
        )
    wanted = parse_limit(limit, percent_of)
    merged = _core.merge_selections(
        [selection.core for selection in chosen],
        limit=wanted,
    )
    return MergedSelection(merged, chosen[0].asked)


class MergedSelection:
    """The result of `merge_selections`, in key order."""

    def __init__(self, core: _core.MergedSelection, asked: SelectionRequest) -> None:
        self._core: Final = core
        self._asked: Final = asked

    def __len__(self) -> int:
        return len(self._core)

    def __iter__(self) -> Iterator[str]:
        return iter(self.uuids)

    def __repr__(self) -> str:
        return f"<MergedSelection of {len(self)} of {self.candidates} candidates, seed {self.seed}>"

    @lazy
    def uuid_list(self) -> UuidList:
        """The picked devices as a `UuidList`, in key order."""
        return UuidList.of(self._core.uuids())

    @property
    def uuids(self) -> list[str]:
        """The picked devices' UUIDs, lower case and hyphenated, in key order."""
        return self.uuid_list.uuids

    @lazy
    def keys(self) -> npt.NDArray[np.float64]:
        """The picked devices' keys: float64, shape (n,), ascending."""
        return self._core.keys()

    @lazy
    def shards(self) -> npt.NDArray[np.uint32]:
        """The index of the selection that each device comes from: uint32, shape (n,), from 0, in key order."""
        return self._core.shards()

    @lazy
    def ordinals(self) -> npt.NDArray[np.uint32]:
        """The picked devices' ordinals, each within its own shard: uint32, shape (n,), in key order."""
        return self._core.ordinals()

    @property
    def seed(self) -> int:
        """The seed of all shards."""
        return self._asked.seed

    @property
    def now(self) -> datetime:
        """The instant at which ages were computed, in UTC."""
        return self._asked.now

    @property
    def algorithm(self) -> int:
        """The number of the sampling algorithm."""
        return _core.ALGORITHM

    @lazy
    def digest(self) -> str:
        """SHA-256 in hex over the picked devices' 16-byte UUIDs in ascending order."""
        return _core.digest_uuids(self._core.uuids()).hex()

    @property
    def limit(self) -> int:
        """The limit as a number of devices. The selection is smaller if there are fewer candidates."""
        return self._core.wanted

    @property
    def candidates(self) -> int:
        """The number of candidates of all shards."""
        return self._core.candidates

    @property
    def matching(self) -> int:
        """The number of devices of all shards that match the selector."""
        return self._core.matching
