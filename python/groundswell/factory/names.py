"""Names of groups, tags, factories and waves: they travel in URLs, so they are checked from the first day."""

from __future__ import annotations

import contextlib
import getpass
import os
from typing import Final

from groundswell.errors import InputError
from groundswell.ingest.cells import BadCellError, checked_name, cropped

__all__ = ["check_name", "is_null_word", "login_or", "storable"]

_NULL_WORDS: Final = frozenset(("null", "none", "nil", "nan", "n/a", "#n/a"))
"""Words that mean an absent value in every column of an import, in any case."""


def is_null_word(name: str) -> bool:
    """Whether a text means an absent value where it is imported.

    >>> is_null_word("NULL"), is_null_word("NA")
    (True, False)
    """
    return name.strip().lower() in _NULL_WORDS


def check_name(kind: str, name: str) -> str:
    """Check a name that is about to be given to something new.

    Args:
        kind: what is named, such as ``group``.
        name: up to 64 characters: letters, digits and ``_ . + -``, beginning with a letter or a digit.

    Raises:
        InputError: ``bad-name``.

    >>> check_name("group", "us-east-1")
    'us-east-1'
    """
    reason = "is empty"
    if kind in {"group", "tag"} and isinstance(name, str) and is_null_word(name):
        raise InputError(
            "bad-name",
            f"the {kind} name `{cropped(name)}` is a word for nothing: imports read it as an absent value",
            hint="choose another name",
            fields={"kind": kind, "name": name},
        )
    if isinstance(name, str) and name:
        try:
            # A lone surrogate is not text, and not a character of a name either.
            return checked_name(storable(name))
        except BadCellError as error:
            # The hint says what names have.
            reason = str(error).partition(":")[0]
    raise InputError(
        "bad-name",
        f"the {kind} name `{cropped(str(name))}` {reason}",
        hint="a name has up to 64 letters, digits and _ . + -, and begins with a letter or a digit",
        fields={"kind": kind, "name": str(name)},
    )


def storable(text: str) -> str:
    r"""A text to look for in the store: what is no character (an argument of bytes that are no UTF-8) is one there.

    >>> storable("caf\udce9")
    'caf\ufffd\ufffd\ufffd'
    """
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def login_or(user: str | None) -> str:
    """The user who is named, or else the login name.

    Raises:
        InputError: ``empty-user``.
    """
    if user is not None:
        if not user:  # a name of blanks is one that an operating system may have
            raise InputError(
                "empty-user",
                "the user is given but empty: ``",
                hint="name who is at work, or leave it out for the login name",
                fields={"user": user},
            )
        return storable(user)
    with contextlib.suppress(Exception):  # what it raises where there is no name differs from system to system
        return storable(getpass.getuser())
    return f"uid-{os.getuid()}"
