"""A process that loads a fleet and says what memory it takes: `python -m benches.loaded_process DEVICES`."""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from benches.material import columns, fleet_of, new_uuids


def main() -> None:
    """Make the columns, the fleet of them, let go of the columns, and tell."""
    size = int(sys.argv[1])
    ids, held = new_uuids(size), columns(size)
    begun = time.perf_counter()
    fleet = fleet_of(ids, held)
    took = time.perf_counter() - begun
    assert len(fleet) == size
    del ids, held
    columns.cache_clear()
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    said = {name: int(status[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")}
    print(json.dumps(said | {"seconds": took, "devices": len(fleet)}))


if __name__ == "__main__":
    main()
