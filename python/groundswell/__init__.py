"""Groundswell selects which devices of a large fleet get an update next, exactly and reproducibly.

>>> import groundswell
>>> sorted(groundswell.__all__)[:3]
['ActivityCount', 'BadUuid', 'Breakdown']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import (
    GroundswellError,
    InputError,
    NotFoundError,
    StateError,
    StorageError,
    TrustError,
)

if TYPE_CHECKING:
    from groundswell._core import __version__
    from groundswell.decide import (
        CellRuns,
        CellSummary,
        Percentiles,
        Scenario,
        SimulationResults,
        SimulationSetup,
        Strategy,
        simulate,
    )
    from groundswell.factory import (
        CheckReport,
        CheckResult,
        CompactReport,
        DeniedDevice,
        Device,
        DeviceFilters,
        DevicePage,
        Exported,
        Factory,
        FactoryStatus,
        Group,
        GroupCount,
        GroupProgress,
        ImportReport,
        KeyFact,
        KeysView,
        LeavingDevices,
        Moved,
        Plan,
        ProductionRole,
        Progress,
        Publication,
        Recency,
        Renewed,
        Restored,
        Rollout,
        RolloutRequest,
        RolloutResult,
        RolloutSelector,
        SavedMapping,
        SigningRequest,
        SourceReport,
        TagStatus,
        Target,
        TargetsReport,
        Verified,
        VersionCount,
        VersionShare,
        Wave,
        WaveDetail,
        WaveStatus,
        WhyReport,
    )
    from groundswell.fleet import (
        ActivityCount,
        BadUuid,
        Breakdown,
        BreakdownPart,
        CheckInReport,
        DeviceTable,
        Explanation,
        Fleet,
        FleetSummary,
        Limit,
        LiveFleet,
        MergedSelection,
        NameCount,
        ReadReport,
        Selection,
        SelectionRequest,
        UuidList,
        UuidListCheck,
        VersionDevices,
        merge_selections,
    )

__all__ = [
    "ActivityCount",
    "BadUuid",
    "Breakdown",
    "BreakdownPart",
    "CellRuns",
    "CellSummary",
    "CheckInReport",
    "CheckReport",
    "CheckResult",
    "CompactReport",
    "DeniedDevice",
    "Device",
    "DeviceFilters",
    "DevicePage",
    "DeviceTable",
    "Explanation",
    "Exported",
    "Factory",
    "FactoryStatus",
    "Fleet",
    "FleetSummary",
    "GroundswellError",
    "Group",
    "GroupCount",
    "GroupProgress",
    "ImportReport",
    "InputError",
    "KeyFact",
    "KeysView",
    "LeavingDevices",
    "Limit",
    "LiveFleet",
    "MergedSelection",
    "Moved",
    "NameCount",
    "NotFoundError",
    "Percentiles",
    "Plan",
    "ProductionRole",
    "Progress",
    "Publication",
    "ReadReport",
    "Recency",
    "Renewed",
    "Restored",
    "Rollout",
    "RolloutRequest",
    "RolloutResult",
    "RolloutSelector",
    "SavedMapping",
    "Scenario",
    "Selection",
    "SelectionRequest",
    "SigningRequest",
    "SimulationResults",
    "SimulationSetup",
    "SourceReport",
    "StateError",
    "StorageError",
    "Strategy",
    "TagStatus",
    "Target",
    "TargetsReport",
    "TrustError",
    "UuidList",
    "UuidListCheck",
    "Verified",
    "VersionCount",
    "VersionDevices",
    "VersionShare",
    "Wave",
    "WaveDetail",
    "WaveStatus",
    "WhyReport",
    "__version__",
    "merge_selections",
    "simulate",
]

_FLEET: Final = frozenset(
    {
        "ActivityCount",
        "BadUuid",
        "Breakdown",
        "BreakdownPart",
        "CheckInReport",
        "DeviceTable",
        "Explanation",
        "Fleet",
        "FleetSummary",
        "Limit",
        "LiveFleet",
        "MergedSelection",
        "NameCount",
        "ReadReport",
        "Selection",
        "SelectionRequest",
        "UuidList",
        "UuidListCheck",
        "VersionDevices",
        "merge_selections",
    }
)


_DECIDE: Final = frozenset(
    {
        "CellRuns",
        "CellSummary",
        "Percentiles",
        "Scenario",
        "SimulationResults",
        "SimulationSetup",
        "Strategy",
        "simulate",
    }
)


def __getattr__(name: str) -> Any:
    """Import public names on first use, to keep `groundswell --help` fast."""
    if name == "__version__":
        return importlib.import_module("groundswell._core").__version__
    if name in __all__:
        room = "fleet" if name in _FLEET else "decide" if name in _DECIDE else "factory"
        return getattr(importlib.import_module(f"groundswell.{room}"), name)
    message = f"module 'groundswell' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
