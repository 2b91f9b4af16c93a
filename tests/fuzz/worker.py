"""One process that feeds cases to one parser, under limits; a crash of it is a finding of its parent.

It says on stdout what it is at: a line for each finding, and the number of cases at the end. Before each case it writes
the case to a file, from which the parent takes it if the process dies.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz.parsers import PARSERS

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 10.0
"""Seconds that a case may take: of processor time, since other programs may have the machine."""
STUCK = 90.0
"""Seconds after which a case that uses no processor time is stuck."""
MEMORY = 2 << 30
"""Bytes that a case may take beyond what the process has when it begins."""


def tried(feed: Callable[[bytes], object], data: bytes) -> str | None:
    """Feed a case; what is wrong with how it ended, None if nothing."""
    from groundswell.cli.output.render import printable
    from groundswell.errors import GroundswellError

    _timed(PATIENCE, STUCK)
    try:
        feed(data)
    except GroundswellError as error:
        _timed(0, 0)
        try:
            json.dumps(error.fields)
            printable(error.message + error.hint).encode()
        except Exception:  # noqa: BLE001
            return f"an error that cannot be told:\n{traceback.format_exc()}"
        return None if type(error).exit_code > 1 else f"an error of no family: {error!r}"
    except BaseException:  # noqa: BLE001 - that is what is looked for
        _timed(0, 0)
        return traceback.format_exc()
    finally:
        _timed(0, 0)
    return None


def _timed(processor: float, clock: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, processor)
    signal.setitimer(signal.ITIMER_REAL, clock)


def limited() -> None:
    """Set the limit on memory, from what the process has mapped now."""
    with contextlib.suppress(OSError):
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Arguments: the parser, the seed, seconds to spend, where to write the case at hand; cases to run instead."""
    name, seed, seconds, case = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    parser = PARSERS[name]
    with tempfile.TemporaryDirectory(prefix="groundswell-fuzz-") as folder:
        feed = parser.prepare(Path(folder))
        seeds = list(parser.seeds(Path(folder)))
        with contextlib.suppress(Exception):
            feed(seeds[0])  # libraries are loaded and threads started before memory is counted
        limited()
        found, count, end = 0, 0, time.monotonic() + seconds
        for path in sys.argv[5:]:
            data = Path(path).read_bytes()
            case.write_bytes(data)
            if (what := tried(feed, data)) is not None:
                print(json.dumps({"what": what, "case": path}), flush=True)
            count += 1
        chance = random.Random(seed)
        while len(sys.argv) == 5 and time.monotonic() < end and found < 50:
            data = parser.make(chance, seeds)
            case.write_bytes(data)
            if (what := tried(feed, data)) is not None:
                found += 1
                print(json.dumps({"what": what, "data": data.hex() if len(data) < 1 << 20 else ""}), flush=True)
            count += 1
        print(json.dumps({"count": count}), flush=True)


if __name__ == "__main__":
    main()
