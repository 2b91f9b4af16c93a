"""The composition of the picked devices, compared with that of the candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from groundswell import _core

__all__ = ["BANDS", "Breakdown", "BreakdownPart"]

BANDS: Final = ("4h", "1d", "7d", "30d", "more", "never")
"""The recency bands, most recent first."""


@dataclass(frozen=True, slots=True)
class BreakdownPart:
    """One part of the picked devices and of the candidates.

    Args:
        name: the recency band, the group or the hardware id; None for devices without a group or with unknown hardware.
        picked: the number of picked devices.
        candidates: the number of candidates.
    """

    name: str | None
    picked: int
    candidates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Picked devices and candidates, counted by recency band, group and hardware. Each tuple sums to all devices.

    Args:
        bands: by the time since a device was last seen: ``4h`` (at most 4 h), ``1d``, ``7d``, ``30d`` (less than),
            ``more``, ``never``.
        groups: by group; sorted by most picks, then most candidates, then name.
        hardware: by hardware id; sorted in the same way.
    """

    bands: tuple[BreakdownPart, ...]
    groups: tuple[BreakdownPart, ...]
    hardware: tuple[BreakdownPart, ...]

    @classmethod
    def of(cls, core: _core.Breakdown) -> Breakdown:
        """Convert the core's breakdown."""
        return cls(
            bands=tuple(BreakdownPart(*part) for part in core.bands),
            groups=tuple(BreakdownPart(*part) for part in core.groups),
            hardware=tuple(BreakdownPart(*part) for part in core.hardware),
        )

    @classmethod
    def empty(cls) -> Breakdown:
        """The breakdown of zero devices out of zero candidates.

        >>> Breakdown.empty().bands[0]
        BreakdownPart(name='4h', picked=0, candidates=0)
        """
        return cls(bands=tuple(BreakdownPart(band, 0, 0) for band in BANDS), groups=(), hardware=())

    @classmethod
    def from_jsonable(cls, data: Mapping[str, Any]) -> Breakdown:
        """Restore a breakdown from JSON; `dataclasses.asdict` is the inverse."""
        return cls(**{name: tuple(BreakdownPart(**part) for part in parts) for name, parts in data.items()})
