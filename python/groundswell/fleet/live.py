"""A fleet that accepts check-ins while selections run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, TypedDict

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.errors import InputError
from groundswell.fleet.uuid_items import uuid_rows
from groundswell.fleet.uuid_list import UuidList
from groundswell.unknown_values import UNKNOWN
from groundswell.values import epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta
    from typing import Unpack
    from uuid import UUID

    import numpy as np
    import numpy.typing as npt

    from groundswell.fleet.devices import Devices, Excluded
    from groundswell.fleet.fleet import Fleet
    from groundswell.fleet.selection import Selection
    from groundswell.values import Denominator

__all__ = ["CheckInReport", "LiveFleet", "SelectOptions"]

_MAX_UINT32: Final = 2**32 - 1


class SelectOptions(TypedDict, total=False):
    """The keywords of `Fleet.select`."""

    group: str | None
    tag: str | None
    uuids: Devices | None
    exclude: Excluded | None
    not_updated: SupportsIndex | None
    include_test: bool
    seed: SupportsIndex | None
    now: datetime | None
    online_threshold: timedelta
    half_life: timedelta
    percent_of: Denominator
    skip_mismatched: bool
    with_keys: bool
    threads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInReport:
    """Counts of a batch of check-ins: applied + older + unknown + refused = all.

    Attributes:
        applied: newer than the device's last known check-in.
        older: not newer than the device's last known check-in, so ignored.
        unknown: from devices that the fleet does not have.
        refused: more than 24 h ahead of `now`, or not a valid instant.
        ahead: up to 24 h ahead of `now`, so replaced by `now`. They are also counted as applied or older.
    """

    applied: int
    older: int
    unknown: int
    refused: int
    ahead: int


@checks_arguments
class LiveFleet:
    """A fleet whose devices check in. Thread-safe; check-ins and selections run without the GIL and never block.

    A check-in replaces a device's `last_seen` and target version atomically. The check-in with the latest `last_seen`
    wins, whatever the order of arrival. Devices, groups and tags do not change: to change them, read a new fleet.

    >>> import pyarrow as pa
    >>> from groundswell import Fleet
    >>> fleet = Fleet.read(pa.table({"uuid": ["a" * 32, "b" * 32], "production": [True] * 2}))
    >>> live = LiveFleet(fleet)
    >>> at = datetime(2026, 11, 25, 12, tzinfo=UTC)
    >>> live.check_in(["a" * 32, "c" * 32], at, 42, now=at)
    CheckInReport(applied=1, older=0, unknown=1, refused=0, ahead=0)
    >>> live.select(not_updated=42, now=at).uuids
    ['bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb']
    """

    def __init__(self, fleet: Fleet) -> None:
        """Start from a copy of a frozen fleet.

        Args:
            fleet: the devices with their groups, tags and last known check-ins. It is not changed.
        """
        self._frozen: Final = fleet
        self._core: Final = _core.LiveFleet(fleet.core)

    def __len__(self) -> int:
        return len(self._frozen)

    def __repr__(self) -> str:
        return f"<LiveFleet of {len(self)} devices>"

    def check_in(
        self,
        devices: npt.NDArray[np.uint8] | npt.NDArray[np.uint32] | Iterable[str | UUID | bytes],
        last_seen: Any,
        target_versions: Any = None,
        *,
        now: datetime | None = None,
    ) -> CheckInReport:
        """Apply a batch of check-ins.

        Args:
            devices: UUIDs, as a numpy array (uint8, shape (n, 16)) or an iterable as for `UuidList.of`; or ordinals, as
                a numpy array of integers (shape (n,); uint32 is not copied). Any order; duplicates are allowed.
            last_seen: the instant of each check-in: an Arrow column of timestamps, a numpy array of datetime64 or of
                seconds since 1970, or aware datetimes; or one aware datetime for all.
            target_versions: the reported version of each: a column of integers, where null, None or a negative number
                keeps the known version; or one integer for all; or None to keep all versions.
            now: the receiver's clock, an aware datetime (default: now). An instant up to 24 h after it is replaced by
                it; a later one is refused.

        Returns:
            The counts.

        Raises:
            InputError: ``bad-check-in`` for columns of unequal length or of another type; ``bad-uuid``;
                ``bad-instant``; ``bad-version``.

        Cost: for a numpy array, 2 cache misses per check-in by ordinal, 4 by UUID. The GIL is released.
        """
        import numpy as np

        rows: npt.NDArray[Any]
        if isinstance(devices, np.ndarray) and devices.dtype.kind in "iu" and devices.ndim == 1:
            rows = _ordinals(devices)
        elif isinstance(devices, UuidList):
            rows = devices.array
        else:
            rows = uuid_rows(devices)
        at, versions = _instants(last_seen), _versions(target_versions)
        for name, column in (("last_seen", at), ("target_versions", versions)):
            if len(column) not in {1, len(rows)}:
                raise InputError(
                    "bad-check-in",
                    f"{name} has `{len(column)}` values for {len(rows)} devices",
                    hint="give one value for each device, or one for all",
                    fields={"column": name, "values": len(column), "devices": len(rows)},
                )
        seconds = epoch_seconds(datetime.now(UTC) if now is None else now)
        applied, older, unknown, refused, ahead = self._core.check_in(
            rows, at=at, target_versions=versions, now=min(max(seconds, 0), _MAX_UINT32)
        )
        return CheckInReport(applied=applied, older=older, unknown=unknown, refused=refused, ahead=ahead)

    def freeze(self) -> Fleet:
        """A frozen copy of the present state. A concurrent check-in is included either completely or not at all.

        Cost: one pass over all devices, and memory for their `last_seen` and target versions.
        """
        return self._frozen.as_of(self._core.freeze())

    def select(self, limit: SupportsIndex | str | None = None, **options: Unpack[SelectOptions]) -> Selection:
        """Select from the present state; the arguments and the rule are those of `Fleet.select`.

        The selection keeps the state that it was made from: `explain` and exports refer to that state.

        Raises:
            InputError, NotFoundError: as `Fleet.select`.

        Cost: that of `freeze` and of `Fleet.select`.
        """
        return self.freeze().select(limit, **options)


def _ordinals(devices: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """Convert ordinals to uint32; an invalid one becomes the ordinal that no device has."""
    import numpy as np

    if devices.dtype == np.uint32:
        return devices
    return np.where((devices < 0) | (devices > _core.NO_ORDINAL), _core.NO_ORDINAL, devices).astype(np.uint32)


def _instants(last_seen: Any) -> npt.NDArray[np.uint32]:
    """Convert instants to seconds since 1970 (uint32); one out of range becomes an instant that the core refuses."""
    import numpy as np

    if isinstance(last_seen, datetime):
        column: npt.NDArray[Any] = np.array([epoch_seconds(last_seen, "last_seen")])
    else:
        if hasattr(last_seen, "type") and hasattr(last_seen, "cast"):
            last_seen = _arrow_seconds(last_seen)
        elif not isinstance(last_seen, np.ndarray):
            items = list(last_seen)
            last_seen = np.array([epoch_seconds(at, "last_seen") for at in items], np.int64)
        if last_seen.dtype.kind == "M":
            last_seen = last_seen.astype("datetime64[s]").astype(np.int64)
        column = last_seen
    if column.dtype == np.uint32:
        return column
    if column.dtype.kind not in "iu" or column.ndim != 1:
        raise _bad_column("last_seen", column, "give instants, or integers: seconds since 1970")
    return np.where((column < 0) | (column > _MAX_UINT32), 0, column).astype(np.uint32)


def _arrow_seconds(column: Any) -> npt.NDArray[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.timestamp("s", tz=column.type.tz), safe=False).cast(pa.int64())
    found: npt.NDArray[Any] = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    return found


def _versions(target_versions: Any) -> npt.NDArray[np.int32]:
    import numpy as np

    if target_versions is None:
        return np.array([UNKNOWN], np.int32)
    if isinstance(target_versions, SupportsIndex) and not isinstance(target_versions, np.ndarray):
        target_versions = np.array([target_versions.__index__()])
    elif hasattr(target_versions, "type") and hasattr(target_versions, "cast"):
        import pyarrow.compute as pc

        target_versions = pc.fill_null(target_versions, UNKNOWN).to_numpy(zero_copy_only=False)
    elif not isinstance(target_versions, np.ndarray):
        if not hasattr(target_versions, "__iter__"):
            raise InputError(
                "bad-version",
                f"the target version `{target_versions}` is not an integer between 0 and {_core.MAX_VERSION}",
                hint="give the build number of a target, such as 42",
                fields={"target_version": str(target_versions)},
            )
        items = [UNKNOWN if version is None else version for version in target_versions]
        target_versions = np.array(items) if items else np.empty(0, np.int32)
    column: npt.NDArray[Any] = target_versions
    if column.dtype == np.int32:
        return column
    if column.dtype.kind not in "iu" or column.ndim != 1:
        raise _bad_column("target_versions", column, "give integers")
    if len(column) and int(column.max()) > _core.MAX_VERSION:
        raise InputError(
            "bad-version",
            f"the target version `{int(column.max())}` is not an integer between 0 and {_core.MAX_VERSION}",
            hint="give the build number of a target, such as 42",
            fields={"target_version": str(int(column.max()))},
        )
    known: npt.NDArray[np.int32] = np.maximum(column, UNKNOWN).astype(np.int32)
    return known


def _bad_column(name: str, column: npt.NDArray[Any], hint: str) -> InputError:
    return InputError(
        "bad-check-in",
        f"{name} is an array of `{column.dtype}` with {column.ndim} dimensions",
        hint=hint,
        fields={"column": name, "type": str(column.dtype)},
    )
