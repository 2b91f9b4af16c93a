"""What goes wrong in a simulation, and its text form: ``NAME: defect=5% where hardware_id=X after 36h brick``."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["DEFAULT_BASE", "Scenario", "parse_scenario", "parse_scenarios", "seconds_of"]

DEFAULT_BASE: Final = 0.004
"""The share of devices whose update fails although nothing is wrong with the release."""

_INSTALL: Final = (20 * 60, 2 * 3600)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhdw])", re.ASCII)
_PERCENTAGE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%", re.ASCII)
_CONDITION: Final = re.compile(r"(hardware_id|group|target_version|away)([=<>])(.+)", re.DOTALL)
_MAX_SECONDS: Final = 10 * 366 * 86400
_MAX_SHOWN: Final = 80
_MAX_NAME: Final = 60
_WORDS: Final = ("defect=", "base=", "install=", "brick", "after", "where", "and")
_HINT: Final = "write for example `late: defect=5% where group=canary after 36h` or `bricks: defect=1% brick`"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What goes wrong in a simulated release.

    Args:
        name: names the scenario in the results.
        defect: the probability that a device with all conditions has the defect, 0 to 1.
        base: the probability that any other device fails, 0 to 1.
        hardware_id: only devices with this hardware id can have the defect.
        group: only devices of this group.
        below: only devices that report an older target version than this one, or none.
        away: only devices that were not seen for longer than this many seconds when the run starts.
        after: the defect shows this many seconds after the good report; 0: during the installation.
        brick: a device with the defect goes silent for ever, instead of reporting a failure.
        install: the shortest and the longest installation in seconds; uniform.

    >>> Scenario.parse("bricks: defect=1% brick").brick
    True
    """

    name: str
    defect: float = 0.0
    base: float = DEFAULT_BASE
    hardware_id: str | None = None
    group: str | None = None
    below: int | None = None
    away: int | None = None
    after: int = 0
    brick: bool = False
    install: tuple[int, int] = field(default=_INSTALL)

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong with the release, so that a stop is a false alarm."""
        return self.defect == 0

    @property
    def is_narrow(self) -> bool:
        """Whether only some devices can have the defect."""
        return (self.hardware_id, self.group, self.below, self.away) != (None,) * 4

    @classmethod
    def parse(cls, text: str) -> Scenario:
        """Parse the text form; see `parse_scenario`.

        Raises:
            InputError: ``bad-scenario``.
        """
        return parse_scenario(text)


def parse_scenario(text: str, *, where: str = "") -> Scenario:
    """Parse one scenario: a name, a colon, and what goes wrong.

    - ``defect=5%``: the share of the devices that have the defect
    - ``where hardware_id=X``, ``group=Y``, ``target_version<40`` or ``away>7d``: only these devices; join several
      conditions with ``and``
    - ``after 36h``: the defect shows this long after the good report
    - ``brick``: the devices go silent
    - ``base=0.4%``: the share of the others that fail
    - ``install=20m..2h``: how long an installation takes

    Args:
        text: the scenario.
        where: where the text comes from, for messages: `` in line 3``.

    Raises:
        InputError: ``bad-scenario``.

    >>> parse_scenario("late: defect=5% where group='field trial' after 36h").group
    'field trial'
    """
    name, colon, rest = text.partition(":")
    name = name.strip()
    if not colon or not name or len(name) > _MAX_NAME or not name.isprintable():
        raise _bad(text, where, "has no name before a colon")
    try:
        words = shlex.split(rest)
    except ValueError:
        raise _bad(text, where, "has a quotation mark without its partner") from None
    reader = _Reader(text, where, Scenario(name))
    rest_of_words = iter(words)
    for word in rest_of_words:
        reader.read(word, rest_of_words)
    return reader.finish()


class _Reader:
    """Reads the words of a scenario, one after the other."""

    def __init__(self, text: str, where: str, scenario: Scenario) -> None:
        self._text, self._where, self._scenario = text, where, scenario
        self._given: set[str] = set()

    def read(self, word: str, following: Iterator[str]) -> None:
        """Read a word, and the one after it if it takes one."""
        key, equals, value = word.partition("=")
        if word == "and" and "where" in self._given:
            key = "where"
        elif key in self._given:
            raise _bad(self._text, self._where, f"gives `{key}` twice")
        self._given.add(key)
        if key in {"defect", "base"} and equals:
            self._set(key, _part(value, self._text, self._where))
        elif key == "install" and equals:
            self._set(key, _range(value, self._text, self._where))
        elif word == "brick":
            self._set(word, value=True)
        elif word == "after":
            self._set(word, _duration(next(following, ""), self._text, self._where))
        elif key == "where" and not equals:
            self._scenario = _condition(self._scenario, next(following, ""), self._text, self._where)
        else:
            near = _core.nearest(word, list(_WORDS))
            raise _bad(self._text, self._where, f"has the unknown word `{word[:_MAX_SHOWN]}`", near)

    def _set(self, key: str, value: Any) -> None:
        self._scenario = replace(self._scenario, **{key: value})

    def finish(self) -> Scenario:
        """The scenario; refuses words without effect."""
        without_effect = {"brick", "after", "where"} & self._given
        if without_effect and not self._scenario.defect:
            raise _bad(self._text, self._where, f"has `{min(without_effect)}` but no `defect=`")
        return self._scenario


def parse_scenarios(lines: Iterable[str]) -> list[Scenario]:
    """Parse a file of scenarios: one a line; empty lines and lines that start with ``#`` are skipped.

    Raises:
        InputError: ``bad-scenario``, with the line.

    >>> [scenario.name for scenario in parse_scenarios(["# nightly", "healthy:", "5%: defect=5%"])]
    ['healthy', '5%']
    """
    found = []
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            found.append(parse_scenario(stripped, where=f" in line {number}"))
    return found


def seconds_of(text: str) -> int | None:
    """Seconds of a duration such as ``36h`` or ``1.5d``; None if it is not one.

    >>> seconds_of("36h"), seconds_of("20m"), seconds_of("soon")
    (129600, 1200, None)
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    seconds = round(float(found[1]) * _UNITS[found[2]])
    return seconds if seconds <= _MAX_SECONDS else None


def _duration(text: str, scenario: str, where: str) -> int:
    seconds = seconds_of(text)
    if seconds is None:
        raise _bad(scenario, where, f"has `{text[:_MAX_SHOWN]}`, which is not a duration such as `36h`")
    return seconds


def _part(text: str, scenario: str, where: str) -> float:
    found = _PERCENTAGE.fullmatch(text)
    if found is None or float(found[1]) > 100:  # noqa: PLR2004 - percent
        raise _bad(scenario, where, f"has `{text[:_MAX_SHOWN]}`, which is not a percentage up to `100%`")
    return float(found[1]) / 100


def _range(text: str, scenario: str, where: str) -> tuple[int, int]:
    shortest, dots, longest = text.partition("..")
    ends = _duration(shortest, scenario, where), _duration(longest if dots else shortest, scenario, where)
    if ends[0] > ends[1]:
        raise _bad(scenario, where, f"has the range `{text[:_MAX_SHOWN]}`, which ends before it starts")
    return ends


def _condition(scenario: Scenario, text: str, whole: str, where: str) -> Scenario:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise _bad(whole, where, f"has `{text[:_MAX_SHOWN]}` where a condition is expected")
    key, operator, value = found.groups()
    if (key, operator) == ("hardware_id", "="):
        changed = replace(scenario, hardware_id=value)
    elif (key, operator) == ("group", "="):
        changed = replace(scenario, group=value)
    elif (key, operator) == ("target_version", "<") and value.isdecimal() and int(value) <= _core.MAX_VERSION:
        changed = replace(scenario, below=int(value))
    elif (key, operator) == ("away", ">"):
        changed = replace(scenario, away=_duration(value, whole, where))
    else:
        raise _bad(whole, where, f"has the condition `{text[:_MAX_SHOWN]}`, which is not one of the four")
    if changed == scenario or any(
        getattr(scenario, name) not in (None, getattr(changed, name))
        for name in ("hardware_id", "group", "below", "away")
    ):
        raise _bad(whole, where, f"has two conditions on `{key}`")
    return changed


def _bad(text: str, where: str, what: str, near: list[str] | None = None) -> InputError:
    shown = text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
    hint = f"did you mean `{near[0]}`?" if near else _HINT
    return InputError(
        "bad-scenario",
        f"the scenario `{shown}`{where} {what}",
        hint=hint,
        fields={"scenario": shown, "near": near or []},
    )
