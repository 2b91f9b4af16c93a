"""The values of a strategy file: each parser returns None for what it does not accept."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from groundswell.decide.resolved import Least
from groundswell.decide.scenarios import seconds_of
from groundswell.errors import InputError
from groundswell.values import Limit, parse_goal, parse_limit

__all__ = [
    "Parser",
    "choice",
    "confidence",
    "count",
    "deadline",
    "duration",
    "goal",
    "least",
    "limit",
    "local",
    "rate",
    "some_time",
    "text",
    "truth",
]

Parser = Any
_MAX_COUNT: Final = 2**32 - 1
_MAX_RATE: Final = 0.5


def truth(value: object) -> bool | None:
    """True or false."""
    return value if isinstance(value, bool) else None


def text(value: object) -> str | None:
    """A text that is not blank."""
    return value if isinstance(value, str) and value.strip() else None


def choice(*choices: str) -> Parser:
    """One of these texts."""
    return lambda value: value if isinstance(value, str) and value in choices else None


def duration(value: object) -> int | None:
    """Seconds of a text such as ``48h``; 0 only for zero with a unit, or the number 0."""
    if value == 0 and not isinstance(value, bool):
        return 0
    return seconds_of(value) if isinstance(value, str) else None


def some_time(value: object) -> int | None:
    """A duration above 0."""
    return duration(value) or None


def deadline(value: object) -> int | None:
    """A duration above 0, or ``none``, which is −1."""
    return -1 if value == "none" else some_time(value)


def count(value: object) -> int | None:
    """A number from 1."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_COUNT else None


def rate(value: object) -> float | None:
    """A percentage above 0 and up to 50%, as a fraction."""
    found = _thousandths(value)
    return None if found is None or found > _MAX_RATE * 100_000 else found / 100_000


def confidence(value: object) -> float | None:
    """A percentage from 50% and below 100%, as α."""
    found = _thousandths(value)
    return None if found is None or not _MAX_RATE * 100_000 <= found < 100_000 else (100_000 - found) / 100_000  # noqa: PLR2004


def least(value: object) -> Least | None:
    """A percentage or a count; zero turns the condition off."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Least(count=value) if 0 <= value <= _MAX_COUNT else None
    if isinstance(value, str) and value.strip() in {"0", "0%"}:
        return Least(thousandths=0)
    parsed = limit(value)
    return None if parsed is None else Least(thousandths=parsed.thousandths, count=parsed.count)


def limit(value: object) -> Limit | None:
    """A count, or a percentage."""
    return _limit(value, parse_limit)


def goal(value: object) -> Limit | None:
    """A goal: a count, or a percentage."""
    return _limit(value, parse_goal)


def local(value: object) -> datetime | None:
    """A local date and time, without an offset."""
    return value if isinstance(value, datetime) and value.tzinfo is None else None


def _limit(value: object, parse: Any) -> Limit | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        parsed: Limit = parse(value)
    except InputError:
        return None
    return parsed


def _thousandths(value: object) -> int | None:
    parsed = limit(value) if isinstance(value, str) else None
    return None if parsed is None else parsed.thousandths
