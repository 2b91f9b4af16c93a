"""Parses limits, seeds, instants and durations into the integers that the Rust core uses.

Text is parsed only here and in ``groundswell.cli.params.options``.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, SupportsIndex, get_args

from groundswell.errors import InputError

__all__ = [
    "ALL",
    "DENOMINATORS",
    "Denominator",
    "Limit",
    "any_seconds",
    "as_integer",
    "epoch_seconds",
    "instant",
    "parse_goal",
    "parse_limit",
    "parse_seed",
    "whole_seconds",
]

Denominator = Literal["matching", "remaining", "online"]
DENOMINATORS: Final[tuple[Denominator, ...]] = get_args(Denominator)

_COUNT: Final = re.compile(r"[0-9]+", re.ASCII)
_PERCENTAGE: Final = re.compile(r"(?P<whole>[0-9]+)(?:\.(?P<decimals>[0-9]+))?[ ]?%", re.ASCII)
_DECIMALS: Final = 3
_HUNDRED_PERCENT: Final = 100_000
_MAX_TEXT: Final = 40
_MAX_COUNT: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_ZERO: Final = timedelta()
_HINT: Final = 'give a count such as 100 or a percentage such as "2.5%"'


@dataclass(frozen=True, slots=True)
class Limit:
    """The maximum number of devices to select: a count, a percentage, or neither for all candidates.

    Args:
        count: at most this many devices.
        thousandths: a percentage in units of 0.001%: 1 to 100 000.
        percent_of: what a percentage is taken of.
        is_goal: for rollouts: how many matching devices are to be covered or updated afterwards, instead of how many
            are picked. A percentage of a goal is taken of the matching devices.
    """

    count: int | None = None
    thousandths: int | None = None
    percent_of: Denominator = "matching"
    is_goal: bool = False

    @property
    def is_all(self) -> bool:
        """Whether all candidates are wanted."""
        return self.count is None and self.thousandths is None

    def __str__(self) -> str:
        if self.count is not None:
            return str(self.count)
        if self.thousandths is not None:
            return f"{self.thousandths / 1000:g}%"
        return "all"


ALL: Final = Limit()


def as_integer(value: object) -> int | None:
    """Convert a value with ``__index__`` to an int. None for any other value, and for True and False.

    >>> as_integer(7), as_integer(7.0), as_integer(True)
    (7, None, None)
    """
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # raises TypeError for a non-integer
    except TypeError:
        return None


def parse_limit(limit: SupportsIndex | str | None, percent_of: Denominator = "matching") -> Limit:
    """Parse a limit: an integer of at least 1, or a percentage from 0.001% to 100% with at most 3 decimals.

    Args:
        limit: an integer, or text such as ``"100"`` or ``"2.5%"``; None for all candidates.
        percent_of: what a percentage is taken of: ``matching``, ``remaining`` or ``online``.

    Raises:
        InputError: ``bad-limit`` for anything else. 0 and the empty text are errors, too: absent is not empty;
            ``bad-denominator``.

    >>> parse_limit("2.5%").thousandths, parse_limit(10).count, parse_limit(None) == ALL
    (2500, 10, True)
    """
    if not isinstance(percent_of, str) or percent_of not in DENOMINATORS:
        raise InputError(
            "bad-denominator",
            f"a percentage cannot be taken of `{str(percent_of)[:_MAX_TEXT]}`",
            hint="use one of matching, remaining, online",
            fields={"percent_of": str(percent_of)},
        )
    parsed = _parse(limit)
    return parsed if percent_of == parsed.percent_of else replace(parsed, percent_of=percent_of)


def _parse(limit: SupportsIndex | str | None) -> Limit:
    if limit is None:
        return ALL
    if isinstance(limit, str):
        return _parse_text(limit)
    count = as_integer(limit)
    if count is None:
        raise _bad_limit(limit, "is neither an integer nor a percentage")
    return _count(count, limit)


def parse_goal(goal: SupportsIndex | str) -> Limit:
    """Parse a goal (``--to``), which has the syntax of a limit.

    Raises:
        InputError: ``bad-limit``.

    >>> str(parse_goal("25%"))
    '25%'
    """
    try:
        return replace(_parse(goal), is_goal=True)
    except InputError as error:
        raise InputError(
            "bad-limit",
            error.message.replace("the limit", "the goal", 1),
            hint='give a count such as 100 or a percentage such as "25%"',
            fields=error.fields,
        ) from None


def _parse_text(text: str) -> Limit:
    stripped = text.strip()
    if not stripped:
        raise _bad_limit(text, "is empty")
    if _COUNT.fullmatch(stripped):
        # `int` refuses texts of thousands of digits. Any number that long exceeds the size of a fleet.
        return _count(_MAX_COUNT if len(stripped) > _MAX_TEXT else int(stripped), text)
    if found := _PERCENTAGE.fullmatch(stripped):
        return _percentage(found, text)
    if re.fullmatch(r"[-−][0-9.]+ ?%?", stripped):
        raise _bad_limit(text, "is negative")
    raise _bad_limit(text, "is neither an integer nor a percentage")


def _count(count: int, given: object) -> Limit:
    if count < 0:
        raise _bad_limit(given, "is negative")
    if count == 0:
        raise _bad_limit(given, "selects nothing")
    return Limit(count=min(count, _MAX_COUNT))


def _percentage(found: re.Match[str], text: str) -> Limit:
    decimals = (found["decimals"] or "").rstrip("0")
    if len(decimals) > _DECIMALS:
        raise _bad_limit(text, f"has more than {_DECIMALS} decimals")
    if len(found["whole"]) > _MAX_TEXT:
        raise _bad_limit(text, "is above 100%")
    thousandths = int(found["whole"]) * 1000 + int(decimals.ljust(_DECIMALS, "0"))
    if thousandths == 0:
        raise _bad_limit(text, "selects nothing")
    if thousandths > _HUNDRED_PERCENT:
        raise _bad_limit(text, "is above 100%")
    return Limit(thousandths=thousandths)


def _bad_limit(given: object, what: str) -> InputError:
    shown = str(given)
    shown = shown if len(shown) <= _MAX_TEXT else shown[:_MAX_TEXT] + "…"
    return InputError("bad-limit", f"the limit `{shown}` {what}", hint=_HINT, fields={"limit": shown})


def parse_seed(seed: SupportsIndex | None) -> int:
    """Check a seed, or draw a random one from the operating system.

    Args:
        seed: an integer from 0 to 2⁶⁴ − 1; None for a random one.

    Raises:
        InputError: ``bad-seed`` for anything else.

    >>> parse_seed(7)
    7
    """
    if seed is None:
        import secrets

        return secrets.randbits(64)
    number = as_integer(seed)
    if number is None or not 0 <= number < 2**64:
        raise InputError(
            "bad-seed",
            f"the seed `{seed}` is not an integer between 0 and 18446744073709551615",
            hint="give the seed that an earlier selection reported, or omit it to draw a random one",
            fields={"seed": str(seed)},
        )
    return number


def epoch_seconds(when: datetime, name: str = "now") -> int:
    """Seconds from 1970-01-01 UTC to an instant, rounded down.

    Raises:
        InputError: ``bad-instant`` for anything but an aware datetime.

    >>> epoch_seconds(datetime(2026, 11, 24, tzinfo=UTC))
    1795478400
    """
    if not isinstance(when, datetime) or when.utcoffset() is None:
        raise InputError(
            "bad-instant",
            f"`{name}` is `{when!r}`, which is not an instant with a time zone",
            hint="give an instant with a time zone",
            fields={"name": name, "value": str(when), "type": type(when).__name__},
        )
    return (when - _EPOCH) // _SECOND


def instant(seconds: int) -> datetime:
    """The instant this many seconds after 1970-01-01 UTC. The inverse of `epoch_seconds`.

    >>> instant(1795478400).isoformat()
    '2026-11-24T00:00:00+00:00'
    """
    return _EPOCH + timedelta(seconds=seconds)


def any_seconds(duration: timedelta, name: str) -> float:
    """Convert a duration to seconds, with fractions.

    Raises:
        InputError: ``bad-duration`` for anything but a timedelta.

    >>> any_seconds(timedelta(milliseconds=1500), "wait")
    1.5
    """
    if not isinstance(duration, timedelta):
        raise InputError(
            "bad-duration",
            f"`{name}` is `{ascii(duration)[:60]}`, which is not a timedelta",
            hint="give a duration",
            fields={"argument": name, "value": ascii(duration)[:60], "type": type(duration).__name__},
        )
    return duration.total_seconds()


def whole_seconds(duration: timedelta, name: str) -> int:
    """Convert a duration to seconds; it must not have a fraction of a second.

    Raises:
        InputError: ``bad-duration`` for anything but a timedelta of whole seconds, 0 or more.

    >>> whole_seconds(timedelta(hours=4), "online_threshold")
    14400
    """
    if not isinstance(duration, timedelta) or duration < _ZERO or duration % _SECOND:
        shown: Any = duration if isinstance(duration, timedelta) else repr(duration)
        raise InputError(
            "bad-duration",
            f"`{name}` is `{shown}`, which is not a non-negative timedelta of whole seconds",
            hint="give a duration of whole seconds",
            fields={"name": name, "value": str(shown), "type": type(duration).__name__},
        )
    return duration // _SECOND
