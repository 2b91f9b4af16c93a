"""A strategy: the file that says how to widen a wave."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from groundswell import _core
from groundswell.decide import strategy_values as values
from groundswell.decide.windows import parse_holiday, parse_window
from groundswell.errors import InputError
from groundswell.input_files import read_file
from groundswell.text import printable

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["Strategy"]

_MAX_BYTES: Final = 1 << 20
_MAX_SHOWN: Final = 60
_DRAWS: Final = ("active", "even")
_STEP_DEFAULTS: Final = {
    "draw": values.choice(*_DRAWS),
    "soak": values.duration,
    "reported": values.least,
    "settled": values.least,
}
"""Keys of a step that may be at the top level, too."""
_TOP: Final[Mapping[str, values.Parser]] = {
    **_STEP_DEFAULTS,
    "zone": values.text,
    "window": None,
    "holidays": None,
    "patience": values.some_time,
    "attempts": values.count,
    "fresh": values.some_time,
    "concurrent": values.count,
    "finish": values.choice("ask", "complete"),
    "stop": None,
    "step": None,
}
_STEP: Final[Mapping[str, values.Parser]] = {
    **_STEP_DEFAULTS,
    "group": values.text,
    "uuids": values.text,
    "limit": values.limit,
    "to": values.goal,
    "prove": values.rate,
    "approve": values.truth,
    "not_before": values.local,
    "deadline": values.deadline,
}
_STOP: Final[Mapping[str, values.Parser]] = {
    "failure": values.rate,
    "by": values.choice("hardware_id", "group"),
    "silence": values.truth,
    "lost": values.rate,
    "devices": values.count,
    "confidence": values.confidence,
    "action": values.choice("hold", "cancel"),
}
_TOML_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to widen a wave, step by step, and when to stop. Read one with `Strategy.read`."""

    name: str
    """The name of the file without its extension."""
    text: str
    """The file."""
    top: dict[str, Any]
    stop: dict[str, Any]
    steps: tuple[dict[str, Any], ...]
    zone: ZoneInfo
    windows: tuple[str, ...]
    holidays: tuple[str, ...]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Strategy:
        r"""Read a strategy file.

        Raises:
            InputError: ``bad-strategy`` with line and column.
            NotFoundError: ``file-not-found``.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "s.toml"
        ...     _ = path.write_text('[stop]\nfailure = "2%"\n[[step]]\nto = "100%"\n')
        ...     Strategy.read(path).failure
        0.02
        """
        file = Path(path)
        data = read_file(file, at_most=_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise _bad(file, "", 0, "is larger than 1 MiB")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise _bad(file, "", 0, "is not UTF-8") from None
        return _Reader(file, text).strategy()

    @classmethod
    def parse(cls, text: str, name: str = "strategy") -> Strategy:
        """Parse the text of a strategy file.

        Args:
            text: TOML.
            name: names the strategy in results. A list ``@FILE`` is relative to the working directory.

        Raises:
            InputError: ``bad-strategy`` with line and column.
        """
        return _Reader(Path(f"{name}.toml"), text).strategy()

    @property
    def failure(self) -> float | None:
        """The limit of the failure rate, as a fraction."""
        limit: float | None = self.stop.get("failure")
        return limit

    @property
    def fresh(self) -> int:
        """For how many seconds a check-in keeps run time running."""
        fresh: int = self.top.get("fresh", 3600)
        return fresh


class _Reader:
    """Reads one file, and says where in it a mistake is."""

    def __init__(self, file: Path, text: str) -> None:
        self._file, self._text = file, text
        try:
            self._data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _TOML_PLACE.search(str(error))
            line = int(found[1]) if found and found[1] else len(text.splitlines())
            column = int(found[2]) if found and found[2] else 1
            raise _bad(
                file, f" in line {line}, column {column}", line, f"is not TOML: {_TOML_PLACE.sub('', str(error))}"
            ) from None
        except RecursionError:
            # `tomllib` follows nested values by recursion, and has no limit of its own.
            raise _bad(file, "", 0, "is nested too deeply") from None

    def strategy(self) -> Strategy:
        data = self._data
        top = self._table(data, _TOP, "", 0)
        stop = self._table(self._of_type(data.get("stop", {}), dict, "stop", "a table `[stop]`"), _STOP, "stop", 0)
        steps = self._of_type(data.get("step", []), list, "step", "tables `[[step]]`")
        if not steps:
            raise _bad(self._file, "", 0, "has no `[[step]]`")
        if "by" in stop and "failure" not in stop:
            raise self._wrong("by", "stop", 0, "requires `failure`")
        read = [self._step(self._of_type(step, dict, "step", "a table"), at) for at, step in enumerate(steps)]
        windows, holidays = self._list("window"), self._list("holidays")
        for one in windows:
            self._check(one, parse_window, "window", "`Mon-Thu 09:00-16:00`")
        for one in holidays:
            self._check(one, parse_holiday, "holidays", "`2026-12-24`")
        return Strategy(
            self._file.stem, self._text, top, stop, tuple(read), self._zone(top), tuple(windows), tuple(holidays)
        )

    def _step(self, step: dict[str, Any], at: int) -> dict[str, Any]:
        read = self._table(step, _STEP, "step", at)
        if not {"group", "uuids", "limit", "to"} & set(read):
            raise _bad(self._file, f" in step {at + 1}", at, "names no devices: give `to`, `limit`, `group` or `uuids`")
        for one, other in (("to", "limit"), ("to", "uuids")):
            if one in read and other in read:
                raise self._wrong(one, "step", at, f"cannot be combined with `{other}`")
        if "uuids" in read:
            read["uuids"] = self._uuids(read["uuids"])
        return read

    def _uuids(self, text: str) -> Any:
        from groundswell.fleet.uuid_list import UuidList

        if not text.startswith("@"):
            return UuidList.parse(text, name="uuids").array
        return UuidList.parse(read_file(self._file.parent / text[1:]), name=text[1:]).array

    def _zone(self, top: Mapping[str, Any]) -> ZoneInfo:
        try:
            return ZoneInfo(top.get("zone", "UTC"))
        except (KeyError, ValueError, OSError):
            raise self._wrong(
                "zone", "", 0, f"is `{printable(str(top['zone'])[:_MAX_SHOWN])}`, which is not a time zone"
            ) from None

    def _list(self, key: str) -> list[Any]:
        if key not in self._data:
            return []
        found: list[Any] = self._of_type(self._data[key], list, key, "a list of texts")
        if not found:
            raise self._wrong(key, "", 0, "is empty")
        return found

    def _check(self, value: object, parse: Any, key: str, example: str) -> None:
        if not isinstance(value, str) or parse(value) is None:
            raise self._wrong(key, "", 0, f"has `{printable(str(value)[:_MAX_SHOWN])}`; write for example {example}")

    def _of_type(self, value: object, kind: type, key: str, what: str) -> Any:
        if not isinstance(value, kind):
            raise self._wrong(key, "", 0, f"is not {what}")
        return value

    def _table(self, data: Mapping[str, Any], keys: Mapping[str, values.Parser], table: str, at: int) -> dict[str, Any]:
        read = {}
        for key, value in data.items():
            if key not in keys:
                near = _core.nearest(key, list(keys))
                raise self._wrong(key, table, at, "is not a key of a strategy", near=near)
            parse = keys[key]
            if parse is None:
                continue
            parsed = parse(value)
            if parsed is None:
                shown = printable(str(value)[:_MAX_SHOWN])
                raise self._wrong(key, table, at, f"is `{shown}`, which is not {_meaning(key, parse)}")
            read[key] = parsed
        return read

    def _wrong(self, key: str, table: str, at: int, what: str, *, near: list[str] | None = None) -> InputError:
        line, column = _place(self._text, key, table, at)
        place = f" in line {line}, column {column}" if line else ""
        return _bad(self._file, place, line, f"has a mistake: `{printable(key[:_MAX_SHOWN])}` {what}", near=near)


def _meaning(key: str, parse: values.Parser) -> str:
    """What a key accepts: the first sentence of its parser."""
    known = {"draw": "`active` or `even`", "finish": "`ask` or `complete`", "action": "`hold` or `cancel`"}
    described = known.get(key, "`hardware_id` or `group`" if key == "by" else (parse.__doc__ or "").rstrip("."))
    return described[:1].lower() + described[1:]


def _place(text: str, key: str, table: str, at: int) -> tuple[int, int]:
    """Line and column of a key, both from 1; 0 if it is not found."""
    current, number = "", -1
    pattern = re.compile(rf"""(\s*)(?:{re.escape(key)}|"{re.escape(key)}"|'{re.escape(key)}')\s*[=.]""")
    header = re.compile(r"\s*\[+\s*([A-Za-z0-9_.\"'-]+)\s*\]+")
    for line, content in enumerate(text.splitlines(), start=1):
        if found := header.match(content):
            current = found[1]
            number += current == "step"
            if current == key and not table:
                return line, content.index(key) + 1
        elif current == table and (table != "step" or number == at) and (match := pattern.match(content)):
            return line, len(match[1]) + 1
    return 0, 0


def _bad(file: Path, place: str, line: int, what: str, *, near: list[str] | None = None) -> InputError:
    hint = f"did you mean `{near[0]}`?" if near else "docs/strategies.md lists the keys and their values"
    return InputError(
        "bad-strategy",
        f"the strategy `{printable(str(file))}`{place} {what}",
        hint=hint,
        fields={"path": str(file), "line": line, "near": near or []},
    )
