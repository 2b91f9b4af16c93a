"""Groundswell: which devices of a large fleet see an update next, exactly and reproducibly.

>>> import groundswell
>>> sorted(groundswell.__all__)[:3]
['CheckInReport', 'CheckReport', 'CheckResult']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from groundswell._core import __version__
from groundswell.errors import (
    GroundswellError,
    InputError,
    NotFoundError,
    StateError,
    StorageError,
    TrustError,
)

if TYPE_CHECKING:
    from groundswell.factory import (
        CheckReport,
        CheckResult,
        Device,
        DevicePage,
        Exported,
        Factory,
        FactoryStatus,
        Group,
        GroupCount,
        ImportReport,
        KeyFact,
        KeysView,
        ProductionRole,
        Publication,
        Renewed,
        Restored,
        TagStatus,
        Target,
        TargetsReport,
        VersionCount,
    )
    from groundswell.fleet import (
        CheckInReport,
        Explanation,
        Fleet,
        LiveFleet,
        MergedSelection,
        ReadReport,
        Selection,
        UuidList,
        UuidListCheck,
        merge_selections,
    )

__all__ = [
    "CheckInReport",
    "CheckReport",
    "CheckResult",
    "Device",
    "DevicePage",
    "Explanation",
    "Exported",
    "Factory",
    "FactoryStatus",
    "Fleet",
    "GroundswellError",
    "Group",
    "GroupCount",
    "ImportReport",
    "InputError",
    "KeyFact",
    "KeysView",
    "LiveFleet",
    "MergedSelection",
    "NotFoundError",
    "ProductionRole",
    "Publication",
    "ReadReport",
    "Renewed",
    "Restored",
    "Selection",
    "StateError",
    "StorageError",
    "TagStatus",
    "Target",
    "TargetsReport",
    "TrustError",
    "UuidList",
    "UuidListCheck",
    "VersionCount",
    "__version__",
    "merge_selections",
]

_FLEET: Final = frozenset(
    {
        "CheckInReport",
        "Explanation",
        "Fleet",
        "LiveFleet",
        "MergedSelection",
        "ReadReport",
        "Selection",
        "UuidList",
        "UuidListCheck",
        "merge_selections",
    }
)


def __getattr__(name: str) -> Any:
    """Import the public classes on first use, so that `groundswell --help` need not wait for them."""
    if name in __all__:
        return getattr(importlib.import_module(f"groundswell.{'fleet' if name in _FLEET else 'factory'}"), name)
    message = f"module 'groundswell' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
