"""Names of groups, tags, factories and waves: they travel in URLs, so they are checked from the first day."""

from __future__ import annotations

from groundswell.errors import InputError
from groundswell.fleet.rules import BadCellError, checked_name, cropped

__all__ = ["check_name", "storable"]


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
    if isinstance(name, str) and name:
        try:
            return checked_name(name)
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
