"""How texts for people count, and how they show text from outside."""

from __future__ import annotations

from typing import Any, Self

__all__ = ["Notice", "count", "printable"]


class Notice(str):
    """A sentence about what needs attention, with what to do about it.

    Each surface replaces the remedy by its own: see `groundswell.cli.hints`. As a text it speaks Python.

    >>> notice = Notice("no-targets", "there are no targets yet", "`targets.import_` imports them")
    >>> notice
    'there are no targets yet: `targets.import_` imports them'
    >>> notice.code, notice.what
    ('no-targets', 'there are no targets yet')
    """

    __slots__ = ("code", "what")

    code: str
    what: str

    def __new__(cls, code: str, what: str, remedy: str) -> Self:
        """Join a sentence and its remedy.

        Args:
            code: stable slug of the remedy.
            what: the sentence, without a full stop.
            remedy: what to do, in Python or in neutral words; may be empty.
        """
        self = super().__new__(cls, f"{what}: {remedy}" if remedy else what)
        self.code, self.what = code, what
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by parts."""
        return Notice, (self.code, self.what, self[len(self.what) + 2 :])


def count(number: int, thing: str, things: str = "") -> str:
    """A number with its thing: ``1 device``, ``12345 devices``.

    >>> count(1, "device"), count(12345, "device")
    ('1 device', '12345 devices')
    >>> count(2, "device matches", "devices match")
    '2 devices match'
    """
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def printable(text: str) -> str:
    r"""A text on one line, with what a terminal would obey or hide escaped.

    Escaped are control characters (line breaks, too), format characters such as the marks that reverse the direction
    of text, separators other than the space, unassigned characters and lone surrogates. Text that is printable
    already is returned as it is, so escaping twice is the same as once.

    >>> printable("a\x1b[2Jb\n"), printable("a\u202eb"), printable("\udcff")
    ('a\\x1b[2Jb\\n', 'a\\u202eb', '\\udcff')
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
