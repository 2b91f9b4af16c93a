"""What a Python caller can do about an error or a warning, by its code. The command line has a table of its own.

An error is raised with a hint that every reader understands, or with none. Each skin replaces it where its users need
other words: this table for Python, `groundswell.cli.hints` for a shell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fields = Mapping[str, Any]

__all__ = ["HINTS", "python_hint"]

_REPAIR: Final = "nothing was changed; rebuild the store from the audit log with `Factory.repair`, or restore a backup"
_ROTATE: Final = "restore the file from a backup, or replace the key with `keys.rotate_online`"


def _unless_near(otherwise: str) -> Callable[[Fields], str | None]:
    """A hint for a name that a factory does not have, and no near one; a fleet without a factory has the error's."""
    return lambda fields: otherwise if fields.get("place") == "factory" and not fields.get("nearest") else None


def _device(fields: Fields) -> str | None:
    if fields.get("denied"):
        return "`devices.allow` takes it off the list; the next import then brings it back"
    return None if fields.get("allowed") else '`devices.list(name="*PART*")` finds devices by a part of their name'


def _typed(text: str) -> Callable[[Fields], str | None]:
    """A hint for a value of a wrong type; text that cannot be read has the hint of the error."""
    return lambda fields: text if "type" in fields else None


def _uuid(fields: Fields) -> str | None:
    if "item" in fields:
        return "each item is one UUID; read lists in text with UuidList.parse"
    if "type" in fields:
        return "parse text and files with UuidList.parse"
    return None if fields.get("is_table") or "bad" not in fields else "`UuidList.check` lists the bad values"


HINTS: Final[dict[str, str | Callable[[Fields], str | None]]] = {
    "bad-uuid": _uuid,
    "bad-duration": _typed("give a timedelta of whole seconds, such as timedelta(hours=4)"),
    "bad-instant": _typed("give a datetime with a time zone, such as datetime.now(UTC)"),
    "clock-behind": "set the clock; or, if that record is wrong, accept it: `metadata.refresh(accept_clock=True)`",
    "group-not-empty": "move them to another group, or leave them without one with ungroup=True",
    "keys-not-initialised": "make them with `keys.init`",
    "no-active-wave": "name a wave; `waves.list` lists them",
    "no-factory": "name the directory of a factory, or make one with `Factory.create`",
    "not-a-plan": "give a file that `Plan.write` wrote",
    "not-denied": "nothing was changed; `devices.denied` lists them",
    "online-key-damaged": _ROTATE,
    "online-key-missing": lambda fields: _ROTATE if fields.get("path") else None,
    "store-damaged": lambda fields: _REPAIR if fields.get("remedy") == "repair" else None,
    "unknown-device": _device,
    "unknown-group": _unless_near("`groups.list` lists them; `groups.create` makes one"),
    "unknown-tag": _unless_near("`Factory.status` lists the tags"),
    "unknown-version": lambda fields: None if fields.get("known") else "`targets.import_` imports targets",
    "unknown-wave": _unless_near("`waves.list` lists the waves"),
}
"""Hints by error code: a text, or what makes one out of the error's fields; None keeps the hint of the error."""


def python_hint(code: str, fields: Fields) -> str | None:
    """What a Python caller can do about an error; None if the table has no other words than the error."""
    found = HINTS.get(code)
    return found(fields) if callable(found) else found
