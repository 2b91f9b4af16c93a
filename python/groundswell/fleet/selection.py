"""A selection: the picked devices in several forms, and explanations why a device was picked or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.errors import InputError
from groundswell.fleet.breakdown import Breakdown
from groundswell.fleet.html import SHOWN_ROWS, as_html
from groundswell.fleet.lazy import lazy
from groundswell.fleet.uuid_list import UuidList

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta
    from uuid import UUID

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    import pyroaring

    from groundswell.fleet.device_table import DeviceTable
    from groundswell.values import Denominator, Limit

__all__ = ["Explanation", "Selection", "SelectionRequest"]

_SHOWN: Final = ("uuid", "name", "group", "tag", "last_seen", "target_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionRequest:
    """The request of a selection: everything except the fleet that is needed to repeat it."""

    limit: Limit
    group: str | None
    tag: str | None
    listed: int | None
    not_updated: int | None
    include_test: bool
    seed: int
    now: datetime
    online_threshold: timedelta
    half_life: timedelta
    percent_of: Denominator


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a device was picked or not.

    Attributes:
        uuid: the device, lower case, hyphenated.
        verdict: ``picked``, ``beyond-limit``, or the first reason that excludes it: ``unknown``, ``test``,
            ``wrong-tag``, ``wrong-group``, ``not-listed``, ``updated``, ``excluded``.
        reason: the verdict as a sentence.
        name, group, tag, production, last_seen, target_version, hardware_id: the device's columns in the fleet.
        step: its recency step, 0 (online) to 80. Like weight and key, None for a device that the fleet does not have.
        weight: 2^(−step/8).
        key: its exponentially distributed key; the candidates with the smallest keys are picked.
        rank: its rank among the candidates by key, from 1; None for a device that is not a candidate.
    """

    uuid: str
    verdict: str
    reason: str
    name: str | None = None
    group: str | None = None
    tag: str | None = None
    production: bool | None = None
    last_seen: datetime | None = None
    target_version: int | None = None
    hardware_id: str | None = None
    step: int | None = None
    weight: float | None = None
    key: float | None = None
    rank: int | None = None

    @property
    def picked(self) -> bool:
        """Whether the device was picked."""
        return self.verdict == "picked"

    def __str__(self) -> str:
        return f"{self.uuid}: {self.reason}"


@checks_arguments
class Selection:
    """The devices that `Fleet.select` picked, in key order. A smaller limit gives a prefix of the same sequence.

    All properties are computed on first access, because 10 000 Python strings cost more than the selection itself.
    A selection holds a reference to its fleet.

    >>> from groundswell import Fleet
    >>> import pyarrow as pa
    >>> fleet = Fleet.read(pa.table({"uuid": [f"{i:032x}" for i in range(1, 101)], "production": [True] * 100}))
    >>> selection = fleet.select(limit="10%", seed=1)
    >>> len(selection), selection.candidates, selection.seed
    (10, 100, 1)
    >>> selection.uuids[0] in selection
    True
    """

    def __init__(
        self, core: _core.Selection, fleet: DeviceTable, asked: SelectionRequest, request: dict[str, Any]
    ) -> None:
        """Take over what the core selected; callers use `Fleet.select`."""
        self._core: Final = core
        self._fleet: Final = fleet
        self._asked: Final = asked
        self._request: Final = request

    def __len__(self) -> int:
        return len(self._core)

    def __iter__(self) -> Iterator[str]:
        return iter(self.uuids)

    def __contains__(self, uuid: object) -> bool:
        return uuid in self._members

    def __repr__(self) -> str:
        return f"<Selection of {len(self)} of {self.candidates} candidates, seed {self.seed}>"

    def __copy__(self) -> Selection:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Selection:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the fleet and the request; unpickling repeats the selection, with the same result."""
        request = dict(self._request)
        if isinstance(request["excluded_set"], _core.DeviceSet):
            request["excluded_set"] = request["excluded_set"].to_portable()
        return _selected_again, (self._fleet, self._asked, request)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The picked devices as an Arrow stream, as `to_arrow` gives them: for polars, pandas, DuckDB and pyarrow."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        """The selection as HTML, for notebooks: counts, and the first ten devices."""
        columns = [name for name in _SHOWN if name in ("uuid", *self._fleet.columns)]
        rows = self._fleet.to_arrow(self.ordinals[:SHOWN_ROWS]).select(columns).to_pylist()
        return as_html(repr(self)[1:-1], columns, [list(row.values()) for row in rows], total=len(self))

    @lazy
    def _members(self) -> UuidList:
        return UuidList.of(self._core.uuids())

    @property
    def uuids(self) -> list[str]:
        """The picked devices' UUIDs, lower case and hyphenated, in key order."""
        return self._members.uuids

    @property
    def uuid_list(self) -> UuidList:
        """The picked devices as a `UuidList`, in key order: to write, or to combine with other lists."""
        return self._members

    @property
    def names(self) -> list[str | None]:
        """The picked devices' names in key order; None for a device without one.

        Raises:
            InputError: ``missing-column`` if the fleet's source had no ``name`` column.
        """
        if self._fleet.names is None:
            raise InputError(
                "missing-column",
                "the source has no `name` column",
                hint="use `uuids`, or add the column",
                fields={"column": "name"},
            )
        names: list[str | None] = self._fleet.names.take(self.ordinals).to_pylist()
        return names

    @lazy
    def keys(self) -> npt.NDArray[np.float64]:
        """The picked devices' keys, the instants at which their exponential clocks ring: float64, ascending.

        Worked out when first asked for, unless the selection was made ``with_keys``.
        """
        return self._core.keys()

    @property
    def core(self) -> _core.Selection:
        """The core's own view of the selection, for merging."""
        return self._core

    @property
    def fleet(self) -> DeviceTable:
        """The fleet that was selected from."""
        return self._fleet

    @lazy
    def ordinals(self) -> npt.NDArray[np.uint32]:
        """The picked devices' ordinals: uint32, shape (n,), in key order."""
        return self._core.ordinals()

    @property
    def bitmap(self) -> pyroaring.BitMap:
        """The picked devices' ordinals as a new roaring bitmap."""
        import pyroaring

        return pyroaring.BitMap.deserialize(self._core.bitmap())

    def to_arrow(self) -> pa.Table:
        """The picked devices in key order: the fleet's columns (see `Fleet.to_arrow`), and ``ordinal`` first."""
        import pyarrow as pa

        return self._fleet.to_arrow(self.ordinals).add_column(0, "ordinal", pa.array(self.ordinals))

    @property
    def asked(self) -> SelectionRequest:
        """The request: everything except the fleet that is needed to repeat the selection."""
        return self._asked

    @property
    def seed(self) -> int:
        """The seed: the given one, or the random one that was drawn."""
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
        return self._core.digest().hex()

    @property
    def limit(self) -> int:
        """The limit as a number of devices. The selection is smaller if there are fewer candidates."""
        return self._core.wanted

    @property
    def candidates(self) -> int:
        """The number of candidates: matching − updated − excluded.

        Cost: the first access to this or another count may evaluate the selector's sets once more.
        """
        return self._core.candidates

    @property
    def matching(self) -> int:
        """The number of matching devices: production? ∩ tag? ∩ group? ∩ uuids? (no production? with `include_test`)."""
        return self._core.matching

    @property
    def updated(self) -> int:
        """The number of matching devices that report the version `not_updated` or a later one; they are not picked."""
        return self._core.updated

    @property
    def excluded(self) -> int:
        """The number of matching devices that are in `exclude` and not updated; they are not picked."""
        return self._core.excluded

    @property
    def excluded_unknown(self) -> int:
        """The number of UUIDs in `exclude` that the fleet does not have."""
        return self._core.excluded_unknown

    @property
    def skipped(self) -> list[dict[str, str]]:
        """Listed devices that were skipped, each with ``uuid`` and ``reason``; empty unless `skip_mismatched`."""
        return [{"uuid": uuid, "reason": reason} for uuid, reason in self._core.skipped]

    @property
    def why_short(self) -> str | None:
        """The reason why there are fewer devices than the limit, as a sentence; None if there are not."""
        if len(self) >= self.limit and len(self) > 0:
            return None
        if not self.matching:
            return f"no device matches: {self._scope()} has none"
        if self.candidates and not self.limit:
            # Other percentages are rounded up to at least one device, so only `percent_of="online"` gives 0.
            return f"no matching device is online, so {self._asked.limit} of them is 0"
        left_out = [
            f"{number} {one if number == 1 else more}"
            for number, one, more in (
                (self.updated, "reports", "report"),
                (self.excluded, "is excluded", "are excluded"),
            )
            if number
        ]
        if self.updated:
            left_out[0] += f" version {self._asked.not_updated} or a later one"
        if not left_out:
            return "only 1 device matches" if self.matching == 1 else f"only {self.matching} devices match"
        candidates = f"only {self.candidates}" if self.candidates else "none"
        return f"of the {self.matching} that match {candidates} can be picked: {' and '.join(left_out)}"

    def summary(self) -> Breakdown:
        """Count the picked devices and the candidates by recency band, group and hardware.

        Returns:
            The counts of each part. `RolloutResult.breakdown` is the same for rollouts.

        Cost: one pass over the candidates.

        >>> from datetime import UTC, datetime
        >>> from groundswell import Fleet
        >>> import pyarrow as pa
        >>> now = datetime(2026, 11, 24, tzinfo=UTC)
        >>> table = pa.table({"uuid": ["a" * 32, "b" * 32], "production": [True] * 2, "group": ["eu", None]})
        >>> Fleet.read(table, now=now).select(limit=2, seed=1, now=now).summary().groups[0]
        BreakdownPart(name=None, picked=1, candidates=1)
        """
        return Breakdown.of(self._core.breakdown())

    def _scope(self) -> str:
        asked = self._asked
        parts = [
            "the fleet" if asked.include_test else "the production fleet",
            f"group `{asked.group}`" if asked.group is not None else "",
            f"tag `{asked.tag}`" if asked.tag is not None else "",
            f"the list of {asked.listed}" if asked.listed is not None else "",
        ]
        return " ∩ ".join(part for part in parts if part)

    def explain(self, uuid: str | UUID) -> Explanation:
        """Explain why a device was picked or not.

        Args:
            uuid: the device.

        Returns:
            Its columns, step, weight, key and rank, and the verdict.

        Raises:
            InputError: ``bad-uuid`` for text that is not a UUID.

        Cost: one pass over the candidates.

        >>> from groundswell import Fleet
        >>> import pyarrow as pa
        >>> fleet = Fleet.read(pa.table({"uuid": ["a" * 32, "b" * 32], "production": [True, False]}))
        >>> print(fleet.select(limit=1, seed=1).explain("b" * 32))
        bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb: a test device, but only production devices were requested
        """
        one = UuidList.of([uuid])
        found = self._core.explain(one.array[0].tobytes())
        known = {} if found.ordinal is None else self._fleet.device(found.ordinal)
        return Explanation(
            uuid=one.uuids[0],
            verdict=found.verdict,
            reason=self._reason(found),
            step=found.step,
            weight=found.weight,
            key=found.key,
            rank=found.rank,
            **known,
        )

    def _reason(self, found: _core.Explanation) -> str:
        asked = self._asked
        ranked = f"rank {found.rank} of {self.candidates} candidates"
        return {
            "unknown": "not in the fleet",
            "test": "a test device, but only production devices were requested",
            "wrong-tag": f"does not listen to tag `{asked.tag}`",
            "wrong-group": f"not in group `{asked.group}`",
            "not-listed": "not in the given list of devices",
            "updated": f"already reports version {asked.not_updated} or a later one",
            "excluded": "in the list of devices to exclude",
            "beyond-limit": f"a candidate, but {ranked} is beyond the limit of {self.limit}",
            "picked": f"picked, {ranked}",
        }[found.verdict]


def _selected_again(fleet: DeviceTable, asked: SelectionRequest, request: dict[str, Any]) -> Selection:
    return Selection(fleet.core.select(**request), fleet, asked, request)
