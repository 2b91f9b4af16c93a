"""Run every suite and write RESULTS.md and results.json beside this file: `python -m benches.run`."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

from benches.material import OURS

HERE: Final = Path(__file__).parent
SUITES: Final = ("bench_select.py", "bench_uuid_lists.py", "bench_read.py")
LIBRARIES: Final = ("groundswell", "numpy", "polars", "duckdb", "pandas", "pyarrow")
OPTIONS: Final = (
    "--benchmark-disable-gc",
    "--benchmark-max-time=0.2",
    "--benchmark-min-rounds=2",
    "--benchmark-warmup=on",
    "--benchmark-warmup-iterations=1",
    "-q",
)
NOTES: Final = """\
All contenders of a work take turns, five times, at each size, on the same made-up fleet (`groundswell fleet synth`).
The milliseconds are the median of the five turns' medians. A ratio says how many times as long as ours in the same turn
a contender took: the median of the five, and in brackets the lowest and the highest. Where the brackets hold 1, this
run does not say who is faster.

- Select: 1,000 devices by weight without replacement from production ∩ group? − covered − updated; row numbers in the
  order of the draw. All contenders find the same candidates (a test of the suite). The covered devices, one in a
  hundred, are a mask to the others; ours is given their UUIDs and looks them up in the measured time. polars and DuckDB
  may use all cores, ours and numpy use one.
- UUID lists: text to 16-byte rows in order, duplicates dropped. Ours and `uuid.UUID` refuse every bad value; the
  regular expression overlooks one without a hexadecimal digit, the table of digits can read a clean list only.
  Look-ups are of a tenth of the fleet, in random order, and a few strangers.
- Fleet reading: the others end with typed columns; ours has also checked every row, dropped repeated ones, and built
  the index and the sets that it selects from.
"""


@dataclass(frozen=True)
class Result:
    """One contender at one work and size: the median of each turn in milliseconds, and its ratio to ours."""

    work: str
    size: int
    contender: str
    medians_ms: list[float]
    ratios: list[float]


def main() -> int:
    """Measure, write, and give the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        measured = Path(folder) / "measured.json"
        suites = [str(HERE / suite) for suite in SUITES]
        command = [sys.executable, "-m", "pytest", *suites, *OPTIONS, f"--benchmark-json={measured}"]
        ran = subprocess.run(command, cwd=HERE.parent, check=False)
        if ran.returncode:
            return ran.returncode
        data = json.loads(measured.read_text(encoding="utf-8"))
    results = _results(data["benchmarks"])
    context = _context(data["machine_info"])
    page = {"context": context, "results": [asdict(one) for one in results]}
    (HERE / "results.json").write_text(json.dumps(page, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (HERE / "RESULTS.md").write_text(_page(context, results), encoding="utf-8")
    print(f"wrote {HERE / 'RESULTS.md'} and {HERE / 'results.json'}")
    return 0


def _results(measured: list[dict[str, Any]]) -> list[Result]:
    medians: dict[tuple[str, int, str], list[float]] = {}
    for one in measured:
        said = one["extra_info"]
        key = (said["work"], said["size"], said["contender"])
        medians.setdefault(key, []).append(one["stats"]["median"] * 1000)
    return [
        Result(
            work,
            size,
            contender,
            [round(own, 4) for own in turns],
            [round(own / ours, 4) for own, ours in zip(turns, medians[work, size, OURS], strict=True)],
        )
        for (work, size, contender), turns in medians.items()
    ]


def _context(machine: dict[str, Any]) -> dict[str, str]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": "make bench",
        "CPU": f"{machine['cpu'].get('brand_raw', platform.processor())}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }


def _page(context: dict[str, str], results: list[Result]) -> str:
    facts = "\n".join(f"| {name} | {value} |" for name, value in context.items())
    works = list(dict.fromkeys(one.work for one in results))
    tables = "\n".join(_table(work, [one for one in results if one.work == work]) for work in works)
    return f"# Results\n\n| | |\n| --- | --- |\n{facts}\n\n{NOTES}\n{tables}"


def _table(work: str, results: list[Result]) -> str:
    sizes = sorted({one.size for one in results})
    lines = [
        f"## {work[0].upper()}{work[1:]}",
        "",
        "| contender | " + " | ".join(f"{size:,} devices: ms | ratio" for size in sizes) + " |",
        "| --- |" + " ---: | ---: |" * len(sizes),
    ]
    for contender in dict.fromkeys(one.contender for one in results):
        cells = [_cells(one) for size in sizes for one in results if (one.contender, one.size) == (contender, size)]
        lines.append(f"| {contender} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _cells(result: Result) -> str:
    took = _number(median(result.medians_ms))
    if result.contender == OURS:
        return f"{took} | 1"
    lowest, highest = _number(min(result.ratios)), _number(max(result.ratios))
    return f"{took} | {_number(median(result.ratios))} ({lowest}–{highest})"


def _number(value: float) -> str:
    """Give three significant digits, without an exponent.

    >>> _number(0.123456), _number(12.3456), _number(1234.5)
    ('0.123', '12.3', '1,234')
    """
    digits = next((digits for digits, least in enumerate((100, 10, 1)) if value >= least), 3)
    return f"{value:,.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())
