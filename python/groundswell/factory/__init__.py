"""The factory: a durable home for devices, groups, targets and keys."""

from groundswell.factory.backup import Restored
from groundswell.factory.checks import CheckReport, CheckResult
from groundswell.factory.devices import Device, DevicePage
from groundswell.factory.factory import Factory
from groundswell.factory.groups import Group
from groundswell.factory.imports import ImportReport
from groundswell.factory.keys import KeyFact, KeysView
from groundswell.factory.metadata import Exported, Renewed
from groundswell.factory.publisher import Publication
from groundswell.factory.status import FactoryStatus, GroupCount, TagStatus, VersionCount
from groundswell.factory.targets import ProductionRole, TargetsReport
from groundswell.tuf import Target

__all__ = [
    "CheckReport",
    "CheckResult",
    "Device",
    "DevicePage",
    "Exported",
    "Factory",
    "FactoryStatus",
    "Group",
    "GroupCount",
    "ImportReport",
    "KeyFact",
    "KeysView",
    "ProductionRole",
    "Publication",
    "Renewed",
    "Restored",
    "TagStatus",
    "Target",
    "TargetsReport",
    "VersionCount",
]
