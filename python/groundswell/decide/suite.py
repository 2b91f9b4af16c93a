"""The scenarios of a simulation that is given none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.decide.scenarios import Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

    from groundswell.fleet import Fleet

__all__ = ["default_scenarios"]

_HOUR: Final = 3600
_WEEK: Final = 7 * 24 * _HOUR
_LEAST_SHARE: Final = 0.01


def default_scenarios(fleet: Fleet, limit: float, hardware: Mapping[str, int]) -> list[Scenario]:
    """A healthy release, and seven that go wrong in different ways.

    Args:
        fleet: where the release goes.
        limit: the failure limit of the strategies, 0 to 1.
        hardware: production devices by hardware id.

    Returns:
        The suite; without the scenarios that no device of the fleet could meet.
    """
    scenarios = [
        Scenario("healthy"),
        Scenario("at the limit", defect=limit, base=0.0),
        Scenario("twice the limit", defect=min(2 * limit, 1.0), base=0.0),
        Scenario("5% fail", defect=0.05),
    ]
    least = _LEAST_SHARE * sum(hardware.values())
    large = sorted((devices, name) for name, devices in hardware.items() if devices >= least)
    if large:
        scenarios.append(Scenario(f"20% of {large[0][1][:40]}", defect=0.2, hardware_id=large[0][1]))
    scenarios += [
        Scenario("bricks 1%", defect=0.01, brick=True),
        Scenario("late 36h", defect=0.05, after=36 * _HOUR),
    ]
    if _has_devices_away(fleet):
        scenarios.append(Scenario("only away > 7d", defect=0.5, away=_WEEK))
    return scenarios


def _has_devices_away(fleet: Fleet) -> bool:
    columns: dict[str, Any] = fleet.core.columns()
    seen, production = columns["last_seen"], columns["production"]
    if not production.any():
        return False
    return bool((seen[production].astype("int64") + _WEEK < int(seen.max())).any())
