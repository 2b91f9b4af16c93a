"""The later report wins: which `last_seen` and which target version of a device is kept.

`last_seen` and `target_version` form a pair:

- The newer `last_seen` wins. A version is taken if it was reported after the known one; of two versions of the same
  second, the greater one is taken.
- A version without a time counts as reported at the time of the import, and leaves `last_seen` unchanged. `version_at`
  keeps that time as long as it is later than `last_seen`; otherwise it is unknown, and means the time of `last_seen`.

Source: domain.md, "Where devices come from", Order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Reports", "latest_reports", "older_reports"]


class Reports(NamedTuple):
    """Reports of devices, one a device: what a row of an import says, or what the store knows.

    Args:
        last_seen: uint32, seconds since 1970; `NEVER_SEEN` (0) for unknown.
        target_version: int32; `UNKNOWN` (-1) for unknown.
        version_at: uint32, as `last_seen`; 0 where the version is as old as `last_seen`.
    """

    last_seen: npt.NDArray[np.uint32]
    target_version: npt.NDArray[np.int32]
    version_at: npt.NDArray[np.uint32]

    def reported_at(self) -> npt.NDArray[np.uint32]:
        """When each version was reported; 0 for unknown."""
        import numpy as np

        return np.where(self.version_at == 0, self.last_seen, self.version_at)


def older_reports(said: Reports, known: Reports) -> npt.NDArray[np.bool_]:
    """Whether a `last_seen` or a version that is said is not taken, since a later one is known.

    >>> import numpy as np
    >>> of = lambda seen, version: Reports(np.uint32([seen]), np.int32([version]), np.uint32([0]))
    >>> older_reports(of(7, 41), of(8, 42)).item(), older_reports(of(8, 41), of(8, 42)).item()
    (True, False)
    """
    seen_before = (said.last_seen != 0) & (said.last_seen < known.last_seen)
    reported_before = (said.target_version >= 0) & (said.reported_at() < known.reported_at())
    older: npt.NDArray[np.bool_] = seen_before | reported_before
    return older


def latest_reports(said: Reports, known: Reports, *, clear_last_seen: bool, clear_version: bool) -> Reports:
    """What is known after an import.

    Args:
        said: what the rows of the import say. `version_at` is the time of the import where a row has no `last_seen`.
        known: what the store knows of the same devices.
        clear_last_seen: whether a `last_seen` that is not said becomes unknown; otherwise it is kept.
        clear_version: the same for the target version, unless a later one is known.

    >>> import numpy as np
    >>> of = lambda seen, version: Reports(np.uint32([seen]), np.int32([version]), np.uint32([0]))
    >>> after = latest_reports(of(8, 41), of(8, 42), clear_last_seen=False, clear_version=False)
    >>> after.last_seen.item(), after.target_version.item()
    (8, 42)
    """
    import numpy as np

    zero = np.uint32(0)
    said_at, known_at = said.reported_at(), known.reported_at()
    later, not_older = said_at > known_at, said_at >= known_at
    kept = zero if clear_last_seen else known.last_seen
    last_seen = np.where(said.last_seen == 0, kept, np.maximum(said.last_seen, known.last_seen))
    unsaid = np.where(not_older, np.int32(-1), known.target_version) if clear_version else known.target_version
    taken = np.where(later, said.target_version, np.maximum(said.target_version, known.target_version))
    taken = np.where(not_older, taken, known.target_version)
    target_version = np.where(said.target_version < 0, unsaid, taken)
    version_at = np.where((said.target_version >= 0) & not_older, said_at, known_at)
    version_at = np.where((target_version < 0) | (version_at <= last_seen), zero, version_at)
    return Reports(last_seen, target_version, version_at)
