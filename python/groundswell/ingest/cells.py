"""Texts for the core's reasons why a cell is bad. The rules themselves are in `rust/core/src/ingest/cells`.

Each text completes the sentence “the cell …”.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from groundswell import _core

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BLANKS",
    "MAX_VERSION",
    "BadCellError",
    "checked_name",
    "cropped",
    "is_broken_text",
    "is_uuid",
    "reason",
]

BLANKS: Final = " \t\r\n\v\f"
"""Characters that are trimmed from a cell before it is read. A cell without other characters is absent."""
MAX_VERSION: Final = _core.MAX_VERSION

_MAX_SHOWN: Final = 60
_YEAR: Final = timedelta(days=366) // timedelta(seconds=1)
_SPREADSHEET_DAYS: Final = 2_958_465
"""The day number of a spreadsheet's largest date, 9999-12-31."""
_REASONS: Final[Mapping[str, str]] = {
    "empty": "is empty",
    "not-utf8": "is not UTF-8 text",
    "not-uuid": "is not a UUID",
    "not-truth": "is neither true nor false",
    "not-integer": "is not an integer",
    "negative": "is negative",
    "version-too-large": f"is above {MAX_VERSION}, the largest target version",
    "not-instant": "is not an instant: write it as 2026-11-24T09:30:00Z, or as seconds since 1970",
    "no-such-instant": "is not an instant: this day or time of day does not exist",
    "before-1970": "is before 1970; leave the cell empty if the device was never seen",
    "not-name": "is not a name: names have letters, digits and _ . + - and begin with a letter or a digit",
    "long-name": f"is longer than the {_core.MAX_NAME_LENGTH} characters that a name may have",
    "not-names": "is not a list of names: its items must be texts",
    "several-groups": "lists several groups, but a device is in at most one",
}


class BadCellError(ValueError):
    """A text that is not allowed. The message gives the reason; it continues a sentence that begins with the text."""


def cropped(text: str, most: int = _MAX_SHOWN) -> str:
    """Crop a text to `most` characters for a message, and escape characters that are not printable."""
    shown = text if len(text) <= most else text[:most] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in shown)


def is_broken_text(text: str) -> bool:
    """Whether a text that was decoded with ``surrogateescape`` has bytes that are not UTF-8."""
    return any("\udc80" <= c <= "\udcff" for c in text)


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID. For hints only: the core parses UUIDs."""
    try:
        uuid.UUID(text.strip())
    except ValueError:
        return False
    return True


def checked_name(text: str) -> str:
    """Check the name of a group or a tag, and return it. The empty text is allowed.

    Raises:
        BadCellError: the text is not a valid name; the message gives the reason.

    >>> checked_name("us-east-1")
    'us-east-1'
    """
    code = _core.reason_for_name(text) if text else None
    if code is not None:
        raise BadCellError(reason(code))
    return text


def reason(code: int, detail: int = 0, now: int = 0) -> str:
    """The text of a reason why a cell is bad.

    Args:
        code: an index into `_core.CELL_REASONS`.
        detail: the number that the core adds to some reasons.
        now: the read instant, in seconds since 1970.

    >>> reason(_core.CELL_REASONS.index("not-uuid"))
    'is not a UUID'
    """
    name = _core.CELL_REASONS[code]
    if name == "small-number":
        return _small_number(detail)
    return _future(detail, now) if name == "future" else _REASONS[name]


def _small_number(value: int) -> str:
    day = _as_date(value)
    if day is not None:
        return f"is too small for seconds since 1970; if it is the date {day}, write it with hyphens"
    if value == 0:
        return "is too small for seconds since 1970; it looks like a spreadsheet's time of day: write RFC 3339"
    if value <= _SPREADSHEET_DAYS:
        day = date(1899, 12, 30) + timedelta(days=value)
        return f"is too small for seconds since 1970; if it is a spreadsheet's date, {day}, format the cells as text"
    return "is too small for seconds since 1970: it would be before March 1973"


def _as_date(value: int) -> date | None:
    """Interpret a number as a date YYYYMMDD; None if it is not one."""
    try:
        day = date(value // 10_000, value // 100 % 100, value % 100)
    except ValueError:
        return None
    return day if day.year >= 1900 else None  # noqa: PLR2004 (a number below 19000101 is not a date like that)


def _future(seconds: int, now: int) -> str:
    for unit, factor in (("milliseconds", 1000), ("microseconds", 10**6), ("nanoseconds", 10**9)):
        if now - 30 * _YEAR < seconds // factor <= now + _core.MAX_CLOCK_SKEW:
            return f"is in the future, unless it was meant in {unit}; write seconds since 1970"
    digits = str(seconds)
    if len(digits) == len("20261124093000") and _as_date(seconds // 10**6):
        try:
            when = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 (shown without a zone)
        except ValueError:
            pass
        else:
            return f"is in the future as seconds since 1970; if it is {when}, write it with hyphens and colons"
    ahead = timedelta(seconds=min(seconds - now, 10**11))
    amount = f"{ahead // timedelta(days=1)} days" if ahead >= timedelta(days=2) else f"{ahead // timedelta(hours=1)} h"
    return f"is {amount} in the future; only up to 24 h are accepted, as a clock that is fast"
