"""The factory: a durable home for devices, groups, targets and keys."""

from groundswell.factory.devices import Device, DevicePage
from groundswell.factory.factory import Factory
from groundswell.factory.groups import Group
from groundswell.factory.imports import ImportReport

__all__ = ["Device", "DevicePage", "Factory", "Group", "ImportReport"]
