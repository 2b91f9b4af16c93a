"""Run suites, each size in a separate process, and write results.json, RESULTS.md and select.png.

`python -m benches.run [--full] [--only select,lookup] [--sizes 100000,1000000] [--page]`. Other results are
kept; the page shows when they were measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from benches import chart, page
from benches.goals import judged
from benches.results import HERE, Part, Result, load, machine, results_of, save
from benches.work import OURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.work import Suite

SUITES: Final = (
    "select",
    "groups",
    "uuid_lists",
    "lookup",
    "read",
    "import",
    "open",
    "rollout",
    "memory",
    "processes",
    "check_ins",
)
OPTIONS: Final = ("--benchmark-disable-gc", "--benchmark-quiet", "-q", "-p", "no:cacheprovider")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the results, and return the exit code: 1 if a suite failed (the others are still written)."""
    asked = _parser().parse_args(arguments)
    failed = []
    for name, size in _chosen(asked):
        begun = time.perf_counter()
        print(f"{name}, {size:,}:", flush=True)
        part = _run(name, size, _command(asked))
        print(f"  {time.perf_counter() - begun:.0f} s", flush=True)
        if part is None:
            failed.append(f"{name} at {size:,}")
            continue
        kept = [one for one in load() if (one.suite, one.size) != (name, size)]
        _write([*kept, part])
    if asked.page:
        _write(load())
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benches.run", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the large sizes, too: 20 GB of memory, an hour")
    parser.add_argument("--only", default=",".join(SUITES), help="suites, separated by commas")
    parser.add_argument("--sizes", help="sizes, separated by commas; a suite runs at those that it has")
    parser.add_argument("--page", action="store_true", help="write the page again even if nothing runs (--only '')")
    return parser


def _command(asked: argparse.Namespace) -> str:
    return "make bench-full" if asked.full else "make bench"


def _chosen(asked: argparse.Namespace) -> list[tuple[str, int]]:
    names = [name for name in asked.only.split(",") if name]
    if unknown := set(names) - set(SUITES):
        sys.exit(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    sizes = None if asked.sizes is None else {int(size.replace("_", "")) for size in asked.sizes.split(",")}
    chosen = []
    for name in names:
        suite = _suite(name)
        own = (*suite.SIZES, *suite.FULL_SIZES) if asked.full else suite.SIZES
        chosen += [(name, size) for size in own if sizes is None or size in sizes]
    return chosen


def _suite(name: str) -> Suite:
    return cast("Suite", importlib.import_module(f"benches.bench_{name}"))


def _run(name: str, size: int, command: str) -> Part | None:
    with tempfile.TemporaryDirectory() as folder:
        measured = Path(folder) / "measured.json"
        words = [sys.executable, "-m", "pytest", str(HERE / f"bench_{name}.py"), f"--size={size}", *OPTIONS]
        ran = subprocess.run([*words, f"--benchmark-json={measured}"], cwd=HERE.parent, check=False)
        if ran.returncode:
            return None
        data = json.loads(measured.read_text(encoding="utf-8"))
    cpu = data["machine_info"]["cpu"].get("brand_raw", data["machine_info"]["processor"])
    results = results_of(data["benchmarks"])
    for work in _suite(name).works(size):
        results += [
            Result(work.heading, work.column, work.size, contender, not_run=why)
            for contender, why in work.not_run.items()
        ]
        if (*work.key, OURS) not in {(one.heading, one.column, one.contender) for one in results}:
            print(f"{work.heading}, {work.column}: nothing was measured", file=sys.stderr)
            return None
    return Part(name, size, machine(command, cpu), results)


def _write(parts: list[Part]) -> None:
    order = {name: place for place, name in enumerate(SUITES)}
    ordered = sorted(parts, key=lambda part: (order[part.suite], part.size))
    goals = judged([one for part in ordered for one in part.results])
    save(ordered, [goal.as_data() for goal in goals])
    page.write(ordered, goals)
    chart.write(ordered)


if __name__ == "__main__":
    sys.exit(main())
