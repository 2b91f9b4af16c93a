"""The factory: a durable home for devices, groups, targets and keys."""

from groundswell.factory.backup import Restored
from groundswell.factory.checks import CheckReport, CheckResult
from groundswell.factory.denied import DeniedDevice
from groundswell.factory.devices import Device, DeviceFilters, DevicePage
from groundswell.factory.factory import Factory
from groundswell.factory.groups import Group
from groundswell.factory.imports import ImportReport, SourceReport
from groundswell.factory.keys import KeyFact, KeysView
from groundswell.factory.leaving import LeavingDevices, Moved
from groundswell.factory.mappings import SavedMapping
from groundswell.factory.metadata import Exported, Renewed
from groundswell.factory.publisher import Publication
from groundswell.factory.rollouts import RolloutResult
from groundswell.factory.status import FactoryStatus, GroupCount, TagStatus, VersionCount
from groundswell.factory.targets import ProductionRole, TargetsReport
from groundswell.factory.verification import Verified
from groundswell.factory.wave_status import GroupProgress, Progress, VersionShare, WaveStatus
from groundswell.factory.waves import WaveDetail
from groundswell.factory.why import WhyReport
from groundswell.tuf import Target
from groundswell.waves.plan import Plan
from groundswell.waves.records import Rollout, Wave

__all__ = [
    "CheckReport",
    "CheckResult",
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
    "Renewed",
    "Restored",
    "Rollout",
    "RolloutResult",
    "SavedMapping",
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
