"""Of two reports of a device the later one stands, and of two at the same second the greater version.

The rule has two homes for the sake of speed: a word per device in the core, a query over an import's rows. Both judge
the same reports here.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from groundswell import LiveFleet
from support.factories import AT, devices

if TYPE_CHECKING:
    from groundswell import Factory

SECONDS = int(AT.timestamp()) - 100
REPORTS = [(SECONDS + later, version) for later in (0, 1) for version in (None, 5, 7)]
ORDERS = list(itertools.product(REPORTS, repeat=3))


def test_imports_and_check_ins_take_the_same_of_three_reports(factory: Factory) -> None:
    factory.devices.import_(devices(len(ORDERS)), now=AT)
    live = LiveFleet(factory.devices.fleet())
    ordinals = np.arange(len(ORDERS), dtype=np.uint32)
    for reports in zip(*ORDERS, strict=True):
        seconds, versions = ([report[part] for report in reports] for part in (0, 1))
        factory.devices.import_(devices(len(ORDERS), last_seen=seconds, target_version=versions), now=AT)
        live.check_in(ordinals, np.array(seconds), [-1 if one is None else one for one in versions], now=AT)
    imported, reported = factory.devices.fleet().core.columns(), live.freeze().core.columns()
    for column in ("last_seen", "target_versions"):
        np.testing.assert_array_equal(imported[column], reported[column], column)
