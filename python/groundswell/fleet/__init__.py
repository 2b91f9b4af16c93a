"""Reads fleets and lists of UUIDs, and selects devices."""

from groundswell.fleet.bad_uuid import BadUuid
from groundswell.fleet.breakdown import Breakdown, BreakdownPart
from groundswell.fleet.device_table import DeviceTable
from groundswell.fleet.fleet import Fleet
from groundswell.fleet.live import CheckInReport, LiveFleet
from groundswell.fleet.selection import Explanation, Selection, SelectionRequest
from groundswell.fleet.shards import MergedSelection, merge_selections
from groundswell.fleet.summary import ActivityCount, FleetSummary, NameCount, VersionDevices
from groundswell.fleet.uuid_list import UuidList, UuidListCheck
from groundswell.ingest.read import ReadReport
from groundswell.values import Limit

__all__ = [
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
]
