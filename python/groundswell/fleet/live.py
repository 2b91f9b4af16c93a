"""A fleet that takes check-ins while selections run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, TypedDict

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.errors import InputError
from groundswell.fleet.uuid_items import uuid_rows
from groundswell.fleet.uuid_list import UuidList
from groundswell.values import epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta
    from typing import Unpack
    from uuid import UUID

    import numpy as np
    import numpy.typing as npt

    from groundswell.fleet.fleet import Devices, Excluded, Fleet
    from groundswell.fleet.selection import Selection
    from groundswell.values import Denominator

__all__ = ["CheckInReport", "LiveFleet", "SelectOptions"]

_LATEST: Final = 2**32 - 1
_UNKNOWN: Final = -1
_LATEST_VERSION: Final = 2**31 - 1


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
    """What became of a batch of check-ins: applied + older + unknown + refused is their number.

    Attributes:
        applied: told something new.
        older: no newer than what was known of the device.
        unknown: of devices that the fleet does not have.
        refused: more than 24 h ahead of `now`, or at no instant.
        ahead: up to 24 h ahead of `now`, and taken as of now; they are among the applied and the older.
    """

    applied: int
    older: int
    unknown: int
    refused: int
    ahead: int


@checks_arguments
class LiveFleet:
    """A fleet whose devices check in. Threads share it; check-ins and selections run without the GIL, and none waits.

    A check-in replaces when a device was last seen and the target version that it reports, both or neither. Of several
    of one device the latest stands, whatever order they come in. Groups, tags, and which devices there are do not
    change: for that, read the fleet again.

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
        """Begin as a frozen fleet is, which stays as it is.

        Args:
            fleet: where the devices, their groups and tags are from, and what was last known of them.
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
        """Take a batch of check-ins in.

        Args:
            devices: their UUIDs, as a numpy array (uint8, shape (n, 16)) or one by one as `UuidList.of` takes them, in
                any order and with repeats; or their ordinals, as a numpy array of whole numbers (shape (n,); uint32 is
                taken as it is).
            last_seen: when each was seen: an Arrow column of timestamps, a numpy array of datetime64 or of seconds from
                1970 on, or aware datetimes; or one aware datetime for all of them.
            target_versions: what each reported: a column of whole numbers, null, None or negative for nothing, which
                leaves what is known; or one number for all of them; None for no versions at all.
            now: the receiver's clock, an aware datetime; the clock's unless given. An instant up to 24 h past it is
                taken as it, one beyond is refused.

        Returns:
            What became of them.

        Raises:
            InputError: ``bad-check-in`` for columns of unequal length or of another type; ``bad-uuid``;
                ``bad-instant``; ``bad-version``.

        Cost: two cache misses a check-in by ordinal, four by UUID, where devices are given as a numpy array; the GIL is
        released.
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
                    f"`{len(column)}` values of {name} do not fit {len(rows)} devices",
                    hint="give one value for each device, or one for all",
                    fields={"column": name, "values": len(column), "devices": len(rows)},
                )
        seconds = epoch_seconds(datetime.now(UTC) if now is None else now)
        applied, older, unknown, refused, ahead = self._core.check_in(
            rows, at=at, target_versions=versions, now=min(max(seconds, 0), _LATEST)
        )
        return CheckInReport(applied=applied, older=older, unknown=unknown, refused=refused, ahead=ahead)

    def freeze(self) -> Fleet:
        """The fleet as it is now: each device before or after any check-in that comes meanwhile.

        Cost: a pass over all devices, and memory for what was last known of each.
        """
        return self._frozen.as_of(self._core.freeze())

    def select(self, limit: SupportsIndex | str | None = None, **options: Unpack[SelectOptions]) -> Selection:
        """Pick devices from the fleet as it is now; arguments and rule are those of `Fleet.select`.

        The selection keeps the moment that it was made from: explaining it later, or writing it down, tells of that.

        Raises:
            InputError, NotFoundError: as `Fleet.select`.

        Cost: `freeze`, and a selection from a frozen fleet.
        """
        return self.freeze().select(limit, **options)


def _ordinals(devices: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """Ordinals in 32 bits; a number that is none becomes that of no device."""
    import numpy as np

    if devices.dtype == np.uint32:
        return devices
    return np.where((devices < 0) | (devices > _core.NO_ORDINAL), _core.NO_ORDINAL, devices).astype(np.uint32)


def _instants(last_seen: Any) -> npt.NDArray[np.uint32]:
    """Seconds since 1970; what is before that, or later than 32 bits can say, becomes an instant that is refused."""
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
        raise _bad_column("last_seen", column, "give instants, or whole seconds since 1970")
    return np.where((column < 0) | (column > _LATEST), 0, column).astype(np.uint32)


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
        return np.array([_UNKNOWN], np.int32)
    if isinstance(target_versions, SupportsIndex) and not isinstance(target_versions, np.ndarray):
        target_versions = np.array([target_versions.__index__()])
    elif hasattr(target_versions, "type") and hasattr(target_versions, "cast"):
        import pyarrow.compute as pc

        target_versions = pc.fill_null(target_versions, _UNKNOWN).to_numpy(zero_copy_only=False)
    elif not isinstance(target_versions, np.ndarray):
        if not hasattr(target_versions, "__iter__"):
            raise InputError(
                "bad-version",
                f"the target version `{target_versions}` is no whole number from 0 to {_LATEST_VERSION}",
                hint="give the build number of a target, such as 42",
                fields={"target_version": str(target_versions)},
            )
        items = [_UNKNOWN if version is None else version for version in target_versions]
        target_versions = np.array(items) if items else np.empty(0, np.int32)
    column: npt.NDArray[Any] = target_versions
    if column.dtype == np.int32:
        return column
    if column.dtype.kind not in "iu" or column.ndim != 1:
        raise _bad_column("target_versions", column, "give whole numbers")
    if len(column) and int(column.max()) > _LATEST_VERSION:
        raise InputError(
            "bad-version",
            f"the target version `{int(column.max())}` is no whole number from 0 to {_LATEST_VERSION}",
            hint="give the build number of a target, such as 42",
            fields={"target_version": str(int(column.max()))},
        )
    known: npt.NDArray[np.int32] = np.maximum(column, _UNKNOWN).astype(np.int32)
    return known


def _bad_column(name: str, column: npt.NDArray[Any], hint: str) -> InputError:
    return InputError(
        "bad-check-in",
        f"{name} is an array of `{column.dtype}` with {column.ndim} dimensions",
        hint=hint,
        fields={"column": name, "type": str(column.dtype)},
    )
