"""Fleets: reading them, lists of UUIDs, and selecting batches."""

from groundswell.fleet.fleet import Fleet
from groundswell.fleet.live import CheckInReport, LiveFleet
from groundswell.fleet.merge import MergedSelection, merge_selections
from groundswell.fleet.read import ReadReport
from groundswell.fleet.selection import Explanation, Selection
from groundswell.fleet.uuid_list import UuidList, UuidListCheck

__all__ = [
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
]
