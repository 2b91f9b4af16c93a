"""Formats the summary of a fleet as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from groundswell.cli.output.columns import column_lines
from groundswell.cli.output.render import count, printable
from groundswell.cli.output.tables import Share, instant_text, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import timedelta

    from groundswell.fleet.summary import FleetSummary, NameCount
    from groundswell.ingest.read import ReadReport

__all__ = ["as_data", "as_lines"]

_MAX_ROWS: Final = 20
_MAX_NAME: Final = 40
_BAR: Final = 40
_WITHIN: Final = {3600: "within 1 h", 14_400: "1 h to 4 h", 86_400: "4 h to 1 d", 604_800: "1 d to 1 w"}
_WITHIN_MORE: Final = {2_592_000: "1 w to 30 d", None: "older"}

_Row = tuple[object, ...]


def as_data(summary: FleetSummary, report: ReadReport, *, source: str) -> dict[str, Any]:
    """Convert the summary and the read report to JSON types: instants in RFC 3339, durations in seconds."""
    facts = {"now": instant_text(summary.now), "online_threshold": int(summary.online_threshold.total_seconds())}
    return {"source": source} | asdict(summary) | facts | {"read": asdict(report)}


def as_lines(summary: FleetSummary, report: ReadReport, *, source: str) -> list[str]:
    """Format the summary as text: at most 20 groups, tags and target versions each; the rest is one line."""
    blocks = [
        [f"{printable(source)} at {instant_text(summary.now)}"],
        table(None, _totals(summary)),
        _counts(["group", "devices", "", "production", "online"], _named(summary.groups, summary.devices)),
        _counts(["tag", "devices", "", "production", "online"], _named(summary.tags, summary.devices)),
        _counts(["target version", "devices"], _target_versions(summary)),
        table(["last seen", "devices"], _activity(summary)),
        _reading(report),
    ]
    return [line for at, block in enumerate(block for block in blocks if block) for line in [""] * (at > 0) + block]


def _counts(header: Sequence[str], rows: Iterable[_Row]) -> list[str]:
    """A table; no lines if it has no rows."""
    found = list(rows)
    return table(header, found) if found else []


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
        yield label, devices, Share(devices, summary.devices)


def _named(counts: Sequence[NameCount], whole: int) -> Iterator[_Row]:
    for one in counts[:_MAX_ROWS]:
        yield _name(one.name), one.devices, Share(one.devices, whole), one.production, one.online
    yield from _more(counts[_MAX_ROWS:], (one.devices for one in counts[_MAX_ROWS:]), whole)


def _target_versions(summary: FleetSummary) -> Iterator[_Row]:
    versions = summary.target_versions
    for one in versions[:_MAX_ROWS]:
        yield str(one.target_version), one.devices, Share(one.devices, summary.devices)
    yield from _more(versions[_MAX_ROWS:], (one.devices for one in versions[_MAX_ROWS:]), summary.devices)
    if versions and summary.unknown_version:
        yield "unknown", summary.unknown_version, Share(summary.unknown_version, summary.devices)


def _activity(summary: FleetSummary) -> Iterator[_Row]:
    labels = _WITHIN | _WITHIN_MORE
    rows = [(labels[one.within], one.devices) for one in summary.activity] + [("never", summary.never_seen)]
    for label, devices in rows:
        # Any count above 0 gets at least one bar character.
        length = -(-devices * _BAR // max(summary.devices, 1))
        yield label, devices, Share(devices, summary.devices), "#" * length


def _more(left_out: Sequence[object], devices: Iterable[int], whole: int) -> Iterator[_Row]:
    if left_out:
        number = sum(devices)
        yield f"and {len(left_out)} more", number, Share(number, whole)


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
    read = f"read {count(report.rows, 'row')}" + "".join(f"; {part}" for part in found)
    return [read, *column_lines(report.columns, report.ignored_columns, more=report.more_ignored_columns)]


def _name(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _MAX_NAME else shown[: _MAX_NAME - 1] + "…"


def _duration(duration: timedelta) -> str:
    """Format a duration in the syntax of the command line.

    >>> from datetime import timedelta
    >>> _duration(timedelta(hours=4)), _duration(timedelta(days=1, seconds=5)), _duration(timedelta())
    ('4h', '1d5s', '0s')
    """
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((duration.days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
