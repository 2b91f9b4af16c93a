"""RESULTS.md, made of results.json and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benches.results import HERE, Part, Result
from benches.work import OURS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benches.goals import Cell, Judged

__all__ = ["PAGE", "render", "write"]

PAGE: Final = HERE / "RESULTS.md"
ABOUT: Final = """\
All contenders of a work take turns, up to five times each, on the same made-up data in the same process; a contender
that has run for five seconds at a work takes no further turn. Milliseconds are the median of the turns' medians. A
ratio says how many times as long as ours in the same turn a contender took: the median of the turns, and in brackets
the lowest and the highest. Where the brackets hold 1, this run does not say who is faster. Everything is called through
the public Python API. *groundswell* is called as its users call it, and takes a second thread where that pays;
*1 thread* is held to one. polars and DuckDB may use all cores, numpy, pandas and pyroaring use one.
"""
TITLES: Final = {
    "select": "Select",
    "groups": "Select from one group",
    "uuid_lists": "Lists of UUIDs",
    "lookup": "From UUIDs to ordinals",
    "read": "Read a fleet",
    "import": "Import into a factory",
    "open": "Open a factory",
    "rollout": "Roll out",
    "memory": "Memory",
    "processes": "Whole processes",
    "check_ins": "Check-ins",
}
NOTES: Final = {
    "select": """\
k devices by weight without replacement, from production ∩ group? ∩ tag? − staged − updated; row numbers in the order
of the draw. Every contender holds the fleet in the form that suits it, and is given the staged devices, one in a
hundred, as a mask or a bitmap. Filtering, weights and the draw are inside the clock; all find the same candidates (a
test of the suite). Fleets are made by `groundswell fleet synth`; those beyond a million are its million again and again
with other UUIDs. Narrow is the group us-east-1 on the tag production. To the class sampler the bitmaps of the recency
steps are given, though they hold for one instant only. *8 bytes a device* reads so many bytes from memory once.""",
    "groups": """\
1,000 devices of one group, on a fleet whose groups hold these shares of it, in a mixed order. Staged devices are as
above, given as a bitmap: making sense of that is a cost of the fleet, not of the group.""",
    "uuid_lists": """\
Text to 16-byte rows in order, duplicates dropped. Mixed: by turns quoted with a comma, upper case with a semicolon,
without hyphens on a line, with a tab; or these forms at random. Ours and `uuid.UUID` refuse every bad value, the others
notice most.""",
    "lookup": "Every UUID of the fleet in random order, and one stranger for each hundred, to ordinals.",
    "read": """\
The others end with typed columns; ours has also checked every row, dropped repeated ones, and built the index and the
sets that it selects from.""",
    "import": """\
*Fresh* is into an empty factory or table, *again* the same rows over themselves. Ours checks every row, writes the
audit log, gives ordinals, and keeps groups apart; DuckDB alone reads, merges by uuid where the row is not older, and
checkpoints. Both are on the disk when the clock stops.""",
    "open": "`Factory.open` and the first `devices.fleet()`, in a process that has its libraries loaded.",
    "rollout": """\
Selecting, staging on the disk, history, and signing anew what is served. The peer is a server's table in SQLite with a
row for each device that was chosen (WAL, `synchronous=FULL`, one transaction); it keeps no history, and signs
nothing.""",
    "memory": """\
A process of its own: the columns are made with numpy, the fleet of them, and they are let go. Resident is VmRSS then:
Python and its libraries are in it. The peak, VmHWM, has the columns that the fleet was made of in it. The time is that
of making the fleet of its columns.""",
    "processes": "Whole processes, from their start to their end, files in the page cache.",
    "check_ins": """\
Batches of 100,000 in random order, each later than the last; one in a hundred changes its target version. Two threads
share the work of one batch after another.""",
}


def render(parts: Sequence[Part], goals: Sequence[Judged]) -> str:
    """The whole page."""
    suites = list(dict.fromkeys(part.suite for part in parts))
    sections = "\n".join(_suite(suite, [part for part in parts if part.suite == suite]) for suite in suites)
    chart = "![time against fleet size](select.png)"
    return f"# Results\n\n{ABOUT}\n{_goals(goals)}\n{chart}\n\n{_contexts(parts)}\n{sections}"


def write(parts: Sequence[Part], goals: Sequence[Judged], path: Path = PAGE) -> None:
    """Write the page."""
    path.write_text(render(parts, goals), encoding="utf-8")


# --- goals ---------------------------------------------------------------------------------------------------------


def _goals(goals: Sequence[Judged]) -> str:
    met = sum(goal.met is True for goal in goals)
    unmet = sum(goal.met is False for goal in goals)
    lines = [
        "## Goals",
        "",
        f"Of {len(goals)} goals {met} are met, {unmet} are not, {len(goals) - met - unmet} were not measured.",
        "",
        "| work | goal | worst cell | came to | met |",
        "| --- | --- | --- | ---: | --- |",
        *map(_goal, goals),
    ]
    return "\n".join([*lines, ""])


def _goal(judged: Judged) -> str:
    goal, worst = judged.goal, judged.worst
    if worst is None:
        return f"| {goal.work} | {goal.asks} | not measured here: needs {goal.needs} | | – |"
    missed = sum(not cell.met for cell in judged.cells)
    verdict = "yes" if judged.met else f"**no**, in {missed} of {len(judged.cells)}"
    return f"| {goal.work} | {goal.asks} | {worst.name} | {_came_to(worst)} | {verdict} |"


def _came_to(cell: Cell) -> str:
    sign = "≥" if cell.at_least else "≤"
    between = "" if cell.unit.startswith("×") else " "
    return f"{number(cell.value)}{between}{cell.unit} ({sign} {number(cell.target)})"


# --- when and with what --------------------------------------------------------------------------------------------


def _contexts(parts: Sequence[Part]) -> str:
    """One table for all parts that were measured with the same; usually one."""
    groups: dict[tuple[tuple[str, str], ...], list[Part]] = {}
    for part in parts:
        groups.setdefault(tuple(part.context.items()), []).append(part)
    tables = []
    for context, same in groups.items():
        facts = "\n".join(f"| {name} | {value} |" for name, value in context)
        suites: dict[str, list[str]] = {}
        for part in same:
            suites.setdefault(part.suite, []).append(f"{part.size:,}")
        what = "; ".join(f"{suite} at {', '.join(sizes)}" for suite, sizes in suites.items())
        tables.append(f"| measured | {what} |\n| --- | --- |\n{facts}\n")
    return "## Measured when, and with what\n\n" + "\n".join(tables)


# --- tables --------------------------------------------------------------------------------------------------------


def _suite(suite: str, parts: Sequence[Part]) -> str:
    results = [one for part in parts for one in part.results]
    headings = list(dict.fromkeys(one.heading for one in results))
    dates = " and ".join(dict.fromkeys(part.context["date"] for part in parts))
    tables = "\n".join(_table([one for one in results if one.heading == heading]) for heading in headings)
    return f"## {TITLES[suite]}\n\nMeasured on {dates}.\n\n{NOTES[suite]}\n\n{tables}"


def _table(results: Sequence[Result]) -> str:
    columns = list(dict.fromkeys(one.column for one in results))
    cells = {(one.contender, one.column): one for one in results}
    rates = {one.amount[1] for one in results if one.amount}
    if results[0].facts:
        return _facts(results, columns)
    lines = [
        f"### {results[0].heading}",
        "",
        "| contender | " + " | ".join(f"{column}: ms | ratio" for column in columns) + " |",
        "| --- |" + " ---: | ---: |" * len(columns),
    ]
    for contender in dict.fromkeys(one.contender for one in results):
        row = [_cells(cells.get((contender, column))) for column in columns]
        lines.append(f"| {contender} | " + " | ".join(row) + " |")
    lines += [""] if rates else []
    for unit in sorted(rates):
        said = [f"{number(cells[OURS, column].rate)} at {column}" for column in columns if (OURS, column) in cells]
        lines.append(f"Ours in {unit}: {'; '.join(said)}.")
    for why in dict.fromkeys(one.not_run for one in results if one.not_run):
        lines += ["", f"Not run: {why}."]
    return "\n".join([*lines, ""])


def _facts(results: Sequence[Result], columns: Sequence[str]) -> str:
    """A table of what is no time."""
    lines = [f"### {results[0].heading}", "", f"| | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
    lines += [f"| {name} | {' | '.join(number(one.facts[name]) for one in results)} |" for name in results[0].facts]
    return "\n".join([*lines, ""])


def _cells(result: Result | None) -> str:
    if result is None or result.not_run:
        return "not run |"
    took = number(result.ms)
    if result.contender == OURS:
        return f"{took} | 1"
    if len(result.ratios) == 1:
        return f"{took} | {number(result.ratio)}"
    return f"{took} | {number(result.ratio)} ({number(min(result.ratios))}–{number(max(result.ratios))})"


def number(value: float) -> str:
    """Give three significant digits, without an exponent.

    >>> number(0.123456), number(12.3456), number(1234.5), number(4)
    ('0.123', '12.3', '1,234', '4')
    """
    if value == int(value):
        return f"{int(value):,}"
    digits = next((digits for digits, least in enumerate((100, 10, 1)) if value >= least), 3)
    return f"{value:,.{digits}f}"
