"""What a cell of each column may hold, cell by cell.

The text that comes here is trimmed and not empty: an empty cell means unknown, whatever the column.
A rule returns the value or raises `BadCellError`, whose text completes the sentence “the cell …”.
"""

from __future__ import annotations

import calendar
import json
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Final

__all__ = [
    "BLANKS",
    "LARGEST_VERSION",
    "BadCellError",
    "checked_name",
    "cropped",
    "is_broken_text",
    "is_uuid",
    "last_seen",
    "name_of_group",
    "name_of_tag",
    "production",
    "target_version",
    "too_far_ahead",
    "too_far_back",
]

BLANKS: Final = " \t\r\n\v\f"
"""What is trimmed off a cell before it is read; a cell of nothing else is empty."""
LARGEST_VERSION: Final = 2**31 - 1

_MOST_SHOWN: Final = 60
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", re.ASCII)
_LONGEST_NAME: Final = 64
_TRUTHS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), False),
}
_WHOLE: Final = re.compile(r"(?P<whole>[0-9]+)(?:\.0*)?", re.ASCII)
_SECONDS: Final = re.compile(r"(?P<whole>[0-9]+)(?:\.[0-9]*)?", re.ASCII)
_INSTANT: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?"
    r" ?(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.ASCII,
)
_LONGEST_NUMBER: Final = 18
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_YEAR: Final = 366 * _DAY


class BadCellError(ValueError):
    """A cell that its column does not allow; the text says why, and reads on from the cell."""


def cropped(text: str, most: int = _MOST_SHOWN) -> str:
    """A text as a message shows it: at most so many characters, nothing that breaks the line."""
    shown = text if len(text) <= most else text[:most] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in shown)


def is_broken_text(text: str) -> bool:
    """Whether a text that was decoded with ``surrogateescape`` holds bytes that are no UTF-8."""
    return any("\udc80" <= c <= "\udcff" for c in text)


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID: for hints only, `_core.parse_uuid_column` is what reads them."""
    try:
        uuid.UUID(text.strip())
    except ValueError:
        return False
    return True


def name_of_group(text: str) -> str:
    """The name of a group: the text itself, or ``name`` in a JSON object, as the hosted product's API answers.

    >>> name_of_group("canary"), name_of_group('{"id": 1, "name": "canary"}')
    ('canary', 'canary')
    """
    if text.startswith("{"):
        group = _json(text)
        text = str(group.get("name") or "") if isinstance(group, dict) else text
    return checked_name(text)


def name_of_tag(text: str) -> str:
    """The tag that a device follows: the text itself, or the first of several in a JSON array or between commas.

    >>> name_of_tag("main"), name_of_tag('["main", "devel"]'), name_of_tag("main,devel")
    ('main', 'main', 'main')
    """
    if text.startswith("["):
        tags = _json(text)
        text = str(tags[0]) if isinstance(tags, list) and tags else ""
    return checked_name(text.partition(",")[0].strip(BLANKS))


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadCellError("is no name") from error


def checked_name(text: str) -> str:
    """A name of a group or a tag, as it may travel in URLs; empty for an empty text.

    >>> checked_name("us-east-1")
    'us-east-1'
    """
    if not text:
        return ""
    if len(text) > _LONGEST_NAME:
        raise BadCellError(f"is longer than the {_LONGEST_NAME} characters that a name may have")
    if not _NAME.fullmatch(text):
        raise BadCellError("is no name: names have letters, digits and _ . + - and begin with a letter or a digit")
    return text


def production(text: str) -> bool:
    """Whether a device is a production device.

    >>> production("Yes"), production("0")
    (True, False)
    """
    try:
        return _TRUTHS[text.lower()]
    except KeyError as error:
        raise BadCellError("is neither true nor false") from error


def target_version(text: str) -> int:
    """A target version: a whole number from 0 to 2³¹ − 1; a fraction of zeros is what spreadsheets add.

    >>> target_version("42"), target_version("42.0")
    (42, 42)
    """
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise BadCellError("is negative" if text.startswith("-") else "is no whole number")
    digits = found["whole"].lstrip("0") or "0"
    if len(digits) > _LONGEST_NUMBER or int(digits) > LARGEST_VERSION:
        raise BadCellError(f"is above {LARGEST_VERSION}, the largest target version")
    return int(digits)


def last_seen(text: str) -> int:
    """The second in which a device was last seen, counted from 1970 (UTC); below 0 if it lies before.

    Args:
        text: RFC 3339; or the same without an offset (UTC), or without a time (midnight); or seconds since 1970.

    >>> last_seen("2026-11-24T02:00:00.5+02:00"), last_seen("2026-11-24"), last_seen("1795478400.9")
    (1795478400, 1795478400, 1795478400)
    """
    if found := _SECONDS.fullmatch(text):
        digits = found["whole"].lstrip("0") or "0"
        # Beyond this many digits the number only says “far in the future”.
        return int(digits) if len(digits) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER
    if re.fullmatch(r"-[0-9]+(\.[0-9]*)?", text):
        raise BadCellError("is negative")
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise BadCellError("is no instant: write it as 2026-11-24T09:30:00Z, or as seconds since 1970")
    try:
        when = datetime.combine(date.fromisoformat(found["date"]), datetime.min.time(), UTC)
        if found["time"]:
            hours, minutes, seconds = map(int, found["time"].split(":"))
            when = when.replace(hour=hours, minute=minutes, second=seconds)
        offset = _offset(found["offset"] or "Z")
    except ValueError as error:
        raise BadCellError("is no instant: there is no such day or time of day") from error
    return calendar.timegm(when.timetuple()) - offset


def _offset(text: str) -> int:
    if text in {"Z", "z"}:
        return 0
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > len("+00") else 0
    if hours >= 24 or minutes >= 60:  # noqa: PLR2004  (hours of a day, minutes of an hour)
        raise ValueError(text)
    return (-1 if text[0] == "-" else 1) * (hours * _HOUR + minutes * 60)


def too_far_back() -> str:
    """Why a `last_seen` before 1970 is bad."""
    return "is before 1970; leave the cell empty if the device was never seen"


def too_far_ahead(seconds: int, now: int) -> str:
    """Why a `last_seen` so far in the future is bad, and how far that is."""
    for unit, factor in (("milliseconds", 1000), ("microseconds", 10**6), ("nanoseconds", 10**9)):
        if now - 30 * _YEAR < seconds // factor <= now + _DAY:
            return f"is in the future, unless it was meant in {unit}; write seconds since 1970"
    ahead = timedelta(seconds=min(seconds - now, 10**11))
    amount = f"{ahead // timedelta(days=1)} days" if ahead >= timedelta(days=2) else f"{ahead // timedelta(hours=1)} h"
    return f"is {amount} in the future; up to 24 h are taken as a clock that is fast"
