"""Is the clock right? Records are never newer than the present, so one that is shows that the clock is behind.

Metadata that is signed by a clock that is behind has expired before it is served. What devices report does not count:
their clocks may be wrong.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from groundswell.errors import StateError
from groundswell.store import cannot_read
from groundswell.tuf.documents import format_instant
from groundswell.values import instant

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ACCEPTED_CLOCK", "Clock"]

ACCEPTED_CLOCK: Final = "accepted_clock"
"""The detail of an audit entry by which an operator accepted a clock: older entries count no longer."""

_TOLERANCE: Final = timedelta(days=1)
_HEAD: Final = re.compile(
    rb'\{"seq":[0-9]{1,18},"at":(-?[0-9]{1,18}),"by":("(?:[^"\\]|\\.)*+"),"action":("(?:[^"\\]|\\.)*+"),'
)
_ACCEPTED: Final = b'"' + ACCEPTED_CLOCK.encode() + b'":true'


@dataclass(frozen=True, slots=True)
class _Record:
    at: int
    by: str
    action: str


class Clock:
    """Compares the present with the newest entry of the audit log."""

    def __init__(self, log: Path) -> None:
        self._log: Final = log
        self._read = 0
        self._newest: _Record | None = None

    def require(self, at: int) -> None:
        """Refuse an instant that is more than a day before the newest record.

        Args:
            at: the present, in seconds since 1970: the clock's, or that which the caller says it is.

        Raises:
            StateError: ``clock-behind``.

        Cost: reads what was appended to the log since the last time.
        """
        if (newest := self._ahead_of(at)) is not None:
            raise StateError(
                "clock-behind",
                f"{self._sentence(at, newest)}; what is signed now would expire too early",
                hint="set the clock; or, if that record is wrong, accept the clock when metadata is refreshed",
                fields={"now": _text(at), "newest": _text(newest.at), "by": newest.by, "action": newest.action},
            )

    def warning(self, at: int) -> str | None:
        """A sentence if the present is more than a day before the newest record."""
        newest = self._ahead_of(at)
        if newest is None:
            return None
        return f"THE CLOCK IS BEHIND: {self._sentence(at, newest)}; expiries and ages are not right"

    def _ahead_of(self, at: int) -> _Record | None:
        newest = self._updated()
        behind = newest is not None and at < newest.at - int(_TOLERANCE.total_seconds())
        return newest if behind else None

    @staticmethod
    def _sentence(at: int, newest: _Record) -> str:
        return f"it is `{_text(at)}` by the clock, and `{newest.by}` did `{newest.action}` at `{_text(newest.at)}`"

    def _updated(self) -> _Record | None:
        try:
            return self._read_on()
        except OSError as error:
            raise cannot_read(self._log, error) from error

    def _read_on(self) -> _Record | None:
        with self._log.open("rb") as file:
            if file.seek(0, 2) < self._read:  # a line was taken back
                self._read, self._newest = 0, None
            file.seek(self._read)
            for line in file:
                found = _HEAD.match(line)
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                try:
                    record = _Record(int(found[1]), json.loads(found[2]), json.loads(found[3])) if found else None
                except ValueError:  # the strings are not UTF-8, or have an unknown escape
                    record = None
                if record is None:
                    continue  # `check` tells what is wrong with it
                if self._newest is None or record.at >= self._newest.at or _ACCEPTED in line:
                    self._newest = record
        return self._newest


def _text(at: int) -> str:
    return format_instant(instant(min(max(at, 0), _LATEST)))


_LATEST: Final = 253_402_300_799
"""The last second of the year 9999."""
