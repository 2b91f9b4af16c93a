"""The results in results.json: a part for each suite and size, each with its date and machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benches.work import OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["RESULTS", "Part", "Result", "load", "machine", "results_of", "save"]

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results.json"
LIBRARIES: Final = ("groundswell", "numpy", "pandas", "polars", "duckdb", "pyarrow", "pyroaring")


@dataclass(frozen=True)
class Result:
    """The result of one contender at one work: the median of each turn, and its ratio to ours in the same turn."""

    heading: str
    column: str
    size: int
    contender: str
    medians_ms: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    amount: tuple[float, str] | None = None
    facts: dict[str, float] = field(default_factory=dict)
    not_run: str | None = None
    """The reason if it was not run; then there are no times."""

    @property
    def ms(self) -> float:
        """The median of the turns."""
        return median(self.medians_ms)

    @property
    def ratio(self) -> float:
        """Its time divided by ours."""
        return median(self.ratios)

    @property
    def rate(self) -> float:
        """Amount per second."""
        return (self.amount[0] if self.amount else 1) / self.ms * 1000


@dataclass(frozen=True)
class Part:
    """The results of one suite at one size."""

    suite: str
    size: int
    context: dict[str, str]
    results: list[Result]


def results_of(measured: Iterable[Mapping[str, Any]]) -> list[Result]:
    """Convert the output of pytest-benchmark to results, in the order of the first turns."""
    turns: dict[tuple[str, str, str], dict[int, float]] = {}
    infos: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for one in measured:
        info = one["extra_info"]
        key = (info["heading"], info["column"], info["contender"])
        turns.setdefault(key, {})[info["turn"]] = one["stats"]["median"] * 1000
        infos[key] = info
    results = []
    for (heading, column, contender), own in turns.items():
        ours = turns[heading, column, OURS]
        info = infos[heading, column, contender]
        results.append(
            Result(
                heading,
                column,
                info["size"],
                contender,
                [_rounded(took) for took in own.values()],
                [_rounded(took / ours[turn]) for turn, took in own.items() if turn in ours],
                tuple(info["amount"]) if info["amount"] else None,
                info["facts"],
            )
        )
    return results


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def machine(command: str, cpu: str) -> dict[str, str]:
    """The machine and versions of a measurement."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "machine": f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}",
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
        "code as of commit": _commit(),
    }


def _commit() -> str:
    """The last commit that changed the measured code, and whether there are uncommitted changes."""
    asked = {"log": ["-1", "--format=%h"], "status": ["--porcelain", "--untracked-files=no"]}
    output = {}
    for name, words in asked.items():
        command = ["git", name, *words, "--", "rust", "python"]
        ran = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
        output[name] = ran.stdout.strip()
    return (output["log"] or "unknown") + (" and changes" if output["status"] else "")


def load(path: Path = RESULTS) -> list[Part]:
    """All stored parts."""
    if not path.exists():
        return []
    return [_part(part) for part in json.loads(path.read_text(encoding="utf-8"))["parts"]]


def _part(part: dict[str, Any]) -> Part:
    results = [
        Result(**one | {"amount": tuple(one["amount"]) if one.get("amount") else None}) for one in part["results"]
    ]
    return Part(part["suite"], part["size"], part["context"], results)


def _written(result: Result) -> dict[str, Any]:
    """Omit fields with default values, which halves the size of the file."""
    return {name: value for name, value in asdict(result).items() if value not in ([], {}, None)}


def save(parts: Iterable[Part], goals: list[dict[str, Any]], path: Path = RESULTS) -> None:
    """Write the parts and the comparison with the goals."""
    written = [
        {
            "suite": part.suite,
            "size": part.size,
            "context": part.context,
            "results": [_written(one) for one in part.results],
        }
        for part in parts
    ]
    page = {"goals": goals, "parts": written}
    path.write_text(json.dumps(page, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
