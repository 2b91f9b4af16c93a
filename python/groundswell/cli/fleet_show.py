"""How the summary of a fleet looks: as text that needs no colour, and as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from groundswell.cli.render import count, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import timedelta

    from groundswell.fleet.read import ReadReport
    from groundswell.fleet.summary import FleetSummary, NameCount

__all__ = ["as_data", "as_text"]

_MOST_ROWS: Final = 20
_LONGEST_NAME: Final = 40
_BAR: Final = 40
_WITHIN: Final = {3600: "within 1 h", 14_400: "1 h to 4 h", 86_400: "4 h to 1 d", 604_800: "1 d to 1 w"}
_WITHIN_MORE: Final = {2_592_000: "1 w to 30 d", None: "older"}

_Row = tuple[str, ...]


def as_data(summary: FleetSummary, report: ReadReport, *, source: str) -> dict[str, Any]:
    """The summary and what was found while reading, in JSON types: instants in RFC 3339, durations in seconds."""
    facts = {
        "now": summary.now.isoformat().replace("+00:00", "Z"),
        "online_threshold": int(summary.online_threshold.total_seconds()),
    }
    return {"source": source} | asdict(summary) | facts | {"read": asdict(report)}


def as_text(summary: FleetSummary, report: ReadReport, *, source: str) -> str:
    """The summary for a person: at most 20 groups, tags and target versions each, the rest counted."""
    blocks = [
        _title(summary, source),
        _table(_totals(summary)),
        _table(_named("group", summary.groups, summary.devices)),
        _table(_named("tag", summary.tags, summary.devices)),
        _table(_target_versions(summary)),
        _table(_activity(summary)),
        _reading(report),
    ]
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks if block)


def _title(summary: FleetSummary, source: str) -> list[str]:
    now = summary.now.isoformat().replace("+00:00", "Z")
    return [f"{printable(source)} at {now}"]


def _totals(summary: FleetSummary) -> Iterator[_Row]:
    for label, devices in (
        ("devices", summary.devices),
        ("production devices", summary.production),
        ("test devices", summary.test),
        (f"online (seen within {_duration(summary.online_threshold)})", summary.online),
        ("never seen", summary.never_seen),
        ("without a group", summary.groupless),
        ("without a tag", summary.tagless),
    ):
        yield label, f"{devices:,}", _share(devices, summary.devices)


def _named(thing: str, counts: Sequence[NameCount], whole: int) -> Iterator[_Row]:
    if not counts:
        return
    yield thing, "devices", "", "production", "online"
    for one in counts[:_MOST_ROWS]:
        numbers = (f"{one.devices:,}", _share(one.devices, whole), f"{one.production:,}", f"{one.online:,}")
        yield _name(one.name), *numbers
    yield from _more(counts[_MOST_ROWS:], (one.devices for one in counts[_MOST_ROWS:]), whole)


def _target_versions(summary: FleetSummary) -> Iterator[_Row]:
    versions = summary.target_versions
    if not versions:
        return
    yield "target version", "devices", ""
    for one in versions[:_MOST_ROWS]:
        yield str(one.target_version), f"{one.devices:,}", _share(one.devices, summary.devices)
    yield from _more(versions[_MOST_ROWS:], (one.devices for one in versions[_MOST_ROWS:]), summary.devices)
    if summary.unknown_version:
        yield "unknown", f"{summary.unknown_version:,}", _share(summary.unknown_version, summary.devices)


def _activity(summary: FleetSummary) -> Iterator[_Row]:
    yield "last seen", "devices", "", ""
    labels = _WITHIN | _WITHIN_MORE
    rows = [(labels[one.within], one.devices) for one in summary.activity] + [("never", summary.never_seen)]
    for label, devices in rows:
        # A device more than none is seen.
        length = -(-devices * _BAR // max(summary.devices, 1))
        yield label, f"{devices:,}", _share(devices, summary.devices), "#" * length


def _more(left_out: Sequence[object], devices: Iterable[int], whole: int) -> Iterator[_Row]:
    if left_out:
        number = sum(devices)
        yield f"and {len(left_out)} more", f"{number:,}", _share(number, whole)


def _reading(report: ReadReport) -> list[str]:
    found = [
        count(number, thing, things)
        for number, thing, things in (
            (report.repeated_rows, "row that repeats an earlier one", "rows that repeat an earlier one"),
            (
                report.future_rows,
                "last-seen date in the future, taken as now",
                "last-seen dates in the future, taken as now",
            ),
            (report.rejected_rows, "bad row", ""),
        )
        if number
    ]
    if report.ignored_columns:
        found.append("columns not used: " + ", ".join(printable(name) for name in report.ignored_columns))
    return [f"read {count(report.rows, 'row')}" + "".join(f"; {part}" for part in found)]


def _table(rows: Iterable[_Row]) -> list[str]:
    """The first cell of each row to the left, the others to the right, bars to the left again."""
    cells = list(rows)
    columns = max((len(row) for row in cells), default=0)
    padded = [row + ("",) * (columns - len(row)) for row in cells]
    widths = [max(len(row[column]) for row in padded) for column in range(columns)]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 or "#" in cell else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in padded
    ]


def _name(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _LONGEST_NAME else shown[: _LONGEST_NAME - 1] + "…"


def _share(devices: int, whole: int) -> str:
    return f"{100 * devices / whole:.1f}%" if whole else "-"


def _duration(duration: timedelta) -> str:
    """A duration as it is given on the command line.

    >>> from datetime import timedelta
    >>> _duration(timedelta(hours=4)), _duration(timedelta(days=1, seconds=5)), _duration(timedelta())
    ('4h', '1d5s', '0s')
    """
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((duration.days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
