"""A process that loads a fleet and prints its memory use: `python -m benches.loaded_process BASE.npz DEVICES`."""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

import numpy as np

from benches.fleets import fleet_of, new_uuids, repeated


def main() -> None:
    """Build the columns, build the fleet from them, release the columns, and print the memory use."""
    base, size = Path(sys.argv[1]), int(sys.argv[2])
    before = _memory()["VmRSS"]
    with np.load(base) as columns:
        held = repeated({name: columns[name] for name in columns.files}, size)
    ids = new_uuids(size)
    begun = time.perf_counter()
    fleet = fleet_of(ids, held)
    took = time.perf_counter() - begun
    assert len(fleet) == size
    del ids, held
    gc.collect()
    print(json.dumps(_memory() | {"before": before, "seconds": took, "devices": len(fleet)}))


def _memory() -> dict[str, int]:
    """The resident set of this process and its peak, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return {name: int(status[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")}


if __name__ == "__main__":
    main()
