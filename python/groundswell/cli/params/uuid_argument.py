"""Parses lists of UUIDs given as arguments: the list itself, ``@FILE``, or ``@-`` for stdin."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.factory import Factory
    from groundswell.fleet import UuidList, UuidListCheck

__all__ = [
    "DeviceWords",
    "check_file",
    "check_uuids",
    "file_named",
    "is_file",
    "read_device_words",
    "read_uuid_words",
    "read_uuids",
]


_ALMOST_UUID: Final = re.compile(r"[{(]?[0-9A-Fa-f-]{28,40}[)}]?|urn:uuid:.*")
"""A word of this form is treated as a mistyped UUID, not as a device name."""
_SEPARATORS: Final = " \t\r\n,;|"


def read_uuids(argument: str, option: str) -> UuidList:
    """Parse a list; bad values are an error.

    Args:
        argument: the list, ``@FILE`` or ``@-``.
        option: the name of the argument, such as ``--uuids``, for messages about an inline list.

    Raises:
        InputError: ``empty-list``, ``bad-uuid``, ``not-text``, ``no-file-name``, ``is-a-folder``.
        NotFoundError: ``file-not-found``.
        StorageError: ``cannot-read``.

    >>> read_uuids("6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11", "--uuids")
    <UuidList of 1 UUID>
    """
    check = check_uuids(argument, option)
    try:
        return check.accept()
    except InputError as error:
        if is_file(argument):
            error.fields["file"] = argument
        raise


def read_uuid_words(words: Sequence[str]) -> UuidList:
    """Parse several arguments, each a list, ``@FILE`` or ``@-``, as one list; like `read_uuids`."""
    from functools import reduce
    from operator import or_

    files = [word for word in words if word.startswith("@")]
    inline = [word for word in words if not word.startswith("@")]
    # Parse inline words together: thousands of words are one list. But if a word is empty (an unset shell variable),
    # parse them one by one, so that the empty one is refused.
    texts = inline if any(not word.strip(_SEPARATORS) for word in inline) else ["\n".join(inline)] * bool(inline)
    return reduce(or_, [read_uuids(word, "UUID") for word in [*texts, *files]])


class DeviceWords(NamedTuple):
    """Devices named on a command line: lists of UUIDs, already parsed, and device names, not yet looked up."""

    lists: list[UuidList]
    names: list[str]

    def uuids(self, factory: Factory, *, denied: bool = False) -> UuidList:
        """Look up the names, and return all devices as one list of UUIDs.

        Args:
            factory: the factory.
            denied: look up names among the denied devices.

        Raises:
            NotFoundError: ``unknown-device`` or ``not-denied`` for an unknown name.
            InputError: ``ambiguous-name`` for a name that several devices have.
        """
        from functools import reduce
        from operator import or_

        from groundswell.fleet import UuidList

        find = factory.devices.find_denied if denied else lambda name: factory.devices.show(name).uuid
        named = [find(name) for name in self.names]
        return reduce(or_, [*self.lists, UuidList.of(named)] if named else self.lists)


def read_device_words(words: Sequence[str]) -> DeviceWords:
    """Parse several arguments, each a list of UUIDs, ``@FILE``, ``@-`` or the name of a device.

    Stdin and files are read here, before the factory is opened: the program that writes to our stdin may need it.

    Raises:
        InputError: ``empty-list`` for an empty word; otherwise as `read_uuids`.
    """
    if any(not word.strip(_SEPARATORS) for word in words):
        raise InputError(
            "empty-list",
            "a device is given, but it is empty",
            hint="name each device by its UUID or its name; an unset variable names none",
            fields={"list": "UUID"},
        )
    names = [word for word in words if _is_name(word)]
    rest = [word for word in words if not _is_name(word)]
    return DeviceWords([read_uuid_words(rest)] if rest else [], names)


def _is_name(word: str) -> bool:
    """Whether a word is the name of a device, not a file and not a mistyped UUID."""
    if word.startswith("@") or not word.strip(_SEPARATORS) or is_file(word) or _ALMOST_UUID.fullmatch(word.strip()):
        return False
    check = check_uuids(word, "UUID")
    return check.count == 0 and check.bad_count > 0


def check_uuids(argument: str, option: str) -> UuidListCheck:
    """Parse a list and report its bad values; otherwise like `read_uuids`."""
    from groundswell.fleet import UuidList

    if argument.startswith("@"):
        return check_file(argument.removeprefix("@"))
    return UuidList.check(argument, name=option)


def check_file(name: str) -> UuidListCheck:
    """Parse a list from a file, or from stdin if the name is ``-``, and report its bad values."""
    from groundswell.fleet import UuidList

    if not name:
        raise InputError("no-file-name", "there is no name after `@`", hint="use @FILE, or @- to read stdin")
    if name == "-":
        from groundswell.fleet.list_text import read_list

        # Read bytes, because a list may be UTF-16. If stdin is closed, `sys.stdin` is None.
        return UuidList.check(read_list(sys.stdin.buffer, "stdin") if sys.stdin else b"", name="stdin")
    return UuidList.check(Path(name), name=name)


def file_named(argument: str | None) -> str | None:
    """The file name of an argument ``@FILE``; None for an inline list, stdin or None."""
    if argument is None or not argument.startswith("@") or argument == "@-":
        return None
    return argument.removeprefix("@")


def is_file(argument: str) -> bool:
    """Whether an inline list is the name of an existing file."""
    with contextlib.suppress(OSError, ValueError):  # too long for a name, or contains NUL
        return Path(argument).is_file()
    return False
