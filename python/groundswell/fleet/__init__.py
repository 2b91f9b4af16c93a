"""Fleets: reading them, lists of UUIDs, and selecting batches."""

from groundswell.fleet.fleet import Fleet
from groundswell.fleet.read import ReadReport
from groundswell.fleet.selection import Explanation, Selection
from groundswell.fleet.uuid_list import UuidList, UuidListCheck

__all__ = ["Explanation", "Fleet", "ReadReport", "Selection", "UuidList", "UuidListCheck"]
