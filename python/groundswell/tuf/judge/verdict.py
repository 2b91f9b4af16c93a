"""What the judge says, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Audience", "Verdict"]

Audience = Literal["production", "ci"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A directory that a device accepts.

    Args:
        audience: whom it is for; None where the chain is too short to tell (v1 and v2 are the same for both).
        root_version: the last root.
        timestamp_version: that of the timestamp; None, as the next two, where nothing is served.
        snapshot_version: that of the snapshot.
        targets_version: that of the targets role.
        expires: when each role expires, by its name.
        signed_by: whose signatures counted, by the name of the role.
        targets: the names of the targets, sorted.
        notes: sentences about what a device accepts and an operator should know.
    """

    audience: Audience | None
    root_version: int
    timestamp_version: int | None
    snapshot_version: int | None
    targets_version: int | None
    expires: dict[str, datetime]
    signed_by: dict[str, tuple[str, ...]]
    targets: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def serves_nothing(self) -> bool:
        """Whether there are roots alone, as for a device whose tag has no targets."""
        return self.targets_version is None

    @property
    def first_expiry(self) -> datetime:
        """When the first of the roles expires."""
        return min(self.expires.values())

    def as_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "audience": self.audience,
            "root_version": self.root_version,
            "timestamp_version": self.timestamp_version,
            "snapshot_version": self.snapshot_version,
            "targets_version": self.targets_version,
            "expires": {role: when.strftime("%Y-%m-%dT%H:%M:%SZ") for role, when in self.expires.items()},
            "signed_by": {role: list(keyids) for role, keyids in self.signed_by.items()},
            "targets": list(self.targets),
            "notes": list(self.notes),
        }
