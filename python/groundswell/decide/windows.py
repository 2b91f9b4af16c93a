"""When steps may start: windows of local wall time and holidays, as intervals of UTC seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

__all__ = ["Window", "open_intervals", "parse_holiday", "parse_window"]

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WINDOW: Final = re.compile(
    r"(?:(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))? )?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)", re.ASCII
)
_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = "24:00"


@dataclass(frozen=True, slots=True)
class Window:
    """Weekdays (0 is Monday) and a span of local time. A span that ends at or before its start ends on the next day."""

    days: frozenset[int]
    start: time
    end: time

    @property
    def is_past_midnight(self) -> bool:
        """Whether it ends on the day after it starts."""
        return self.end <= self.start


def parse_window(text: str) -> Window | None:
    """Parse ``Mon-Thu 09:00-16:00``, ``Fri 09:00-12:00`` or ``22:00-04:00``; None for anything else.

    >>> sorted(parse_window("Sat-Mon 22:00-04:00").days)
    [0, 5, 6]
    """
    found = _WINDOW.fullmatch(text)
    if found is None:
        return None
    first, last = found["first"] or "Mon", found["last"] or found["first"] or "Sun"
    if first not in _DAYS or last not in _DAYS:
        return None
    low, high = _DAYS.index(first), _DAYS.index(last)
    days = range(low, high + 1) if low <= high else (*range(low, 7), *range(high + 1))
    start, end = _time(found["start"]), _time("00:00" if found["end"] == _MIDNIGHT else found["end"])
    return None if start is None or end is None else Window(frozenset(days), start, end)


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def parse_holiday(text: str) -> tuple[date, date] | None:
    """Parse a date or a range such as ``2026-12-24/2027-01-02``, both included; None for anything else.

    >>> parse_holiday("2026-12-24")
    (datetime.date(2026, 12, 24), datetime.date(2026, 12, 24))
    """
    first, slash, last = text.partition("/")
    try:
        days = date.fromisoformat(first), date.fromisoformat(last if slash else first)
    except ValueError:
        return None
    return days if days[0] <= days[1] else None


def open_intervals(
    windows: Sequence[Window],
    holidays: Iterable[tuple[date, date]],
    zone: ZoneInfo,
    *,
    start: datetime,
    end: datetime,
) -> list[tuple[int, int]]:
    """The half-open intervals, in seconds after `start`, in which a step may start.

    A start that DST skips moves to the first instant after it; an hour that occurs twice is open both times. A window
    belongs to the local day on which it starts; a holiday closes the windows of its day.

    >>> from zoneinfo import ZoneInfo
    >>> window, at = parse_window("09:00-10:00"), datetime(2026, 12, 1, tzinfo=UTC)
    >>> open_intervals([window], [], ZoneInfo("Europe/Berlin"), start=at, end=at + timedelta(days=1))
    [(28800, 32400)]
    """
    closed = list(holidays)
    found = []
    day = start.astimezone(zone).date() - _DAY
    last = end.astimezone(zone).date() + _DAY
    while day <= last:
        if not any(low <= day <= high for low, high in closed):
            for window in windows:
                if day.weekday() in window.days:
                    found += list(_spans(day, window, zone))
        day += _DAY
    length = int((end - start).total_seconds())
    seconds = [(int((low - start).total_seconds()), int((high - start).total_seconds())) for low, high in found]
    return _merged(sorted((max(low, 0), min(high, length + 1)) for low, high in seconds))


def _spans(day: date, window: Window, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    low = datetime.combine(day, window.start)
    high = datetime.combine(day + _DAY if window.is_past_midnight else day, window.end)
    first, last = _utc(low, zone, fold=0), _utc(high, zone, fold=1)
    again, before = _utc(low, zone, fold=1), _utc(high, zone, fold=0)
    if again > first and last > before and high - low < again - first:
        # Both ends are inside an hour that occurs twice.
        yield first, before
        yield again, last
    else:
        yield first, last


def _utc(local: datetime, zone: ZoneInfo, *, fold: int) -> datetime:
    """The instant of a local time; the first instant after it if DST skips it."""
    instant = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    # Between these two instants the clocks change.
    low = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    high = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _merged(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in intervals:
        if low >= high:
            continue
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], high)
        else:
            merged.append((low, high))
    return merged
