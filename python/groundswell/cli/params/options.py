"""Click parameter types for instants, durations and seeds, and options that several commands share."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from groundswell.cli.output.render import printable
from groundswell.cli.params.texts import OUTPUT_OR_STDOUT
from groundswell.errors import InputError
from groundswell.values import instant, parse_seed

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Command = TypeVar("Command", bound=Callable[..., object])

__all__ = [
    "DURATION",
    "INSTANT",
    "SEED",
    "THRESHOLD",
    "json_option",
    "online_threshold_option",
    "output_option",
    "yes_option",
]

_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION: Final = re.compile(
    r"(?:(?P<d>[0-9]{1,6})d)?(?:(?P<h>[0-9]{1,7})h)?(?:(?P<m>[0-9]{1,9})m)?(?:(?P<s>[0-9]{1,10})s)?", re.ASCII
)
_HOURS: Final = re.compile(r"[0-9]{1,7}(\.[0-9]{1,9})?", re.ASCII)
_EPOCH_SECONDS: Final = re.compile(r"[0-9]{1,11}", re.ASCII)
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_MAX_TEXT: Final = 40


class _Instant(click.ParamType[datetime]):
    """RFC 3339 with an offset, or an integer: seconds since 1970."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ARG002
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        if _EPOCH_SECONDS.fullmatch(text):
            return instant(int(text))
        if _RFC3339.fullmatch(text):
            try:
                return datetime.fromisoformat(text.upper()).astimezone(UTC)
            except (ValueError, OverflowError):
                pass  # no such date or time: reported below
        raise InputError(
            "bad-instant",
            f"`{printable(text[:_MAX_TEXT])}` is not an instant",
            hint="give RFC 3339 with an offset, such as 2026-11-24T15:30:00Z, or an integer: seconds since 1970",
            fields={"option": param.name if param else None, "value": text[:_MAX_TEXT]},
        )


class _Duration(click.ParamType[timedelta]):
    """A duration such as 4h, 90m, 1h30m or 2d. With `bare_hours` a number without a unit is hours, as in fioctl."""

    name = "duration"

    def __init__(self, *, bare_hours: bool = False) -> None:
        self._bare_hours = bare_hours

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:  # noqa: ARG002
        if isinstance(value, timedelta):
            return value
        text = str(value).strip()
        if self._bare_hours and _HOURS.fullmatch(text):
            # Round to seconds, the unit of ages.
            return timedelta(seconds=round(float(text) * 3600))
        found = _DURATION.fullmatch(text)
        if not text or not found:
            raise InputError(
                "bad-duration",
                f"`{printable(text[:_MAX_TEXT])}` is not a duration",
                hint="give days, hours, minutes and seconds, such as 4h, 90m, 1h30m or 2d"
                + ("; a number without a unit is hours" if self._bare_hours else ""),
                fields={"option": param.name if param else None, "value": text[:_MAX_TEXT]},
            )
        return timedelta(**{_UNITS[unit]: int(count) for unit, count in found.groupdict().items() if count})


class _Seed(click.ParamType[int]):
    """An integer from 0 to 2⁶⁴ − 1."""

    name = "seed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ARG002
        if isinstance(value, int):
            return value
        text = str(value).strip()
        # `parse_seed` refuses both text that is not a number and a number out of range.
        seed: object = int(text) if re.fullmatch(r"[0-9]{1,20}", text, re.ASCII) else text[:_MAX_TEXT]
        return parse_seed(seed)  # type: ignore[arg-type]  # it checks the type


INSTANT: Final = _Instant()
DURATION: Final = _Duration()
THRESHOLD: Final = _Duration(bare_hours=True)
SEED: Final = _Seed()


def json_option(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON; an error is JSON on stderr.")(command)


def online_threshold_option(command: Command) -> Command:
    """Add ``--online-threshold D``, which fioctl calls ``--offline-threshold HOURS``."""
    return click.option(
        "--online-threshold",
        "--offline-threshold",
        "online_threshold",
        metavar="D",
        type=THRESHOLD,
        default="4h",
        show_default=True,
        help="Devices last seen within it are online; a number without a unit is hours.",
    )(command)


def yes_option(command: Command) -> Command:
    """Add ``-y``."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask before scheduled devices leave a wave.")(command)


def output_option(command: Command) -> Command:
    """Add ``-o FILE``."""
    return click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=OUTPUT_OR_STDOUT,
        help="Write to FILE (replaced atomically) instead of stdout.",
    )(command)
