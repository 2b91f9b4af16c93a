"""The factory: a durable home for devices, groups, targets and keys."""

from groundswell.factory.backup import Restored
from groundswell.factory.checks.checks import CheckReport, CheckResult
from groundswell.factory.compaction import CompactReport
from groundswell.factory.devices.denied import DeniedDevice
from groundswell.factory.devices.devices import Device, DeviceFilters, DevicePage
from groundswell.factory.devices.groups import Group
from groundswell.factory.devices.imports import ImportReport, SourceReport
from groundswell.factory.devices.leaving import LeavingDevices, Moved
from groundswell.factory.devices.mappings import SavedMapping
from groundswell.factory.factory import Factory
from groundswell.factory.metadata import Exported, Renewed
from groundswell.factory.status import FactoryStatus, GroupCount, TagStatus, VersionCount
from groundswell.factory.trust.keys import KeyFact, KeysView
from groundswell.factory.trust.publisher import Publication
from groundswell.factory.trust.targets import ProductionRole, TargetsReport
from groundswell.factory.waves.waves import WaveDetail
from groundswell.tuf import SigningRequest, Target
from groundswell.waves import (
    GroupProgress,
    Plan,
    Progress,
    Recency,
    Rollout,
    RolloutRequest,
    RolloutResult,
    RolloutSelector,
    Verified,
    VersionShare,
    Wave,
    WaveStatus,
    WhyReport,
)

__all__ = [
    "CheckReport",
    "CheckResult",
    "CompactReport",
    "DeniedDevice",
    "Device",
    "DeviceFilters",
    "DevicePage",
    "Exported",
    "Factory",
    "FactoryStatus",
    "Group",
    "GroupCount",
    "GroupProgress",
    "ImportReport",
    "KeyFact",
    "KeysView",
    "LeavingDevices",
    "Moved",
    "Plan",
    "ProductionRole",
    "Progress",
    "Publication",
    "Recency",
    "Renewed",
    "Restored",
    "Rollout",
    "RolloutRequest",
    "RolloutResult",
    "RolloutSelector",
    "SavedMapping",
    "SigningRequest",
    "SourceReport",
    "TagStatus",
    "Target",
    "TargetsReport",
    "Verified",
    "VersionCount",
    "VersionShare",
    "Wave",
    "WaveDetail",
    "WaveStatus",
    "WhyReport",
]
