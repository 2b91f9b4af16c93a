"""Text for people: counts, shortened lists, and the escaping of untrusted text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MAX_NAMED", "Notice", "count", "count_reasons", "joined", "named", "printable"]

MAX_NAMED: Final = 5
"""Maximum number of examples in a message; the fields of an error have all of them."""
_MAX_REASON: Final = 120


class Notice(str):
    """A warning with its remedy.

    Each surface may replace the remedy with its own (see `groundswell.cli.hints`). The default remedy is for Python.

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
            code: stable slug; surfaces look up their remedy by it.
            what: the sentence, without a full stop.
            remedy: what to do, in Python or in neutral words; may be empty.
        """
        self = super().__new__(cls, f"{what}: {remedy}" if remedy else what)
        self.code, self.what = code, what
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle code, sentence and remedy."""
        return Notice, (self.code, self.what, self[len(self.what) + 2 :])


def count(number: int, thing: str, things: str = "") -> str:
    """A number with its noun, in the singular or plural: ``1 device``, ``12345 devices``.

    >>> count(1, "device"), count(12345, "device")
    ('1 device', '12345 devices')
    >>> count(2, "device matches", "devices match")
    '2 devices match'
    """
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def named(items: Sequence[object], *, most: int = MAX_NAMED) -> str:
    """The first `most` items of a list in backticks, and how many more there are.

    >>> named(["a", "b"]), named([1, 2, 3, 4], most=2)
    ('`a`, `b`', '`1`, `2` and 2 more')
    """
    return joined([f"`{item}`" for item in items[:most]], more=len(items) - most)


def joined(items: Iterable[object], *, more: int = 0) -> str:
    """Join items with commas, and append how many more there are.

    >>> joined(["a (1)", "b (2)"], more=3), joined(["a"], more=-1)
    ('a (1), b (2) and 3 more', 'a')
    """
    text = ", ".join(str(item) for item in items)
    return f"{text} and {more} more" if more > 0 else text


def count_reasons(reasons: Iterable[str]) -> dict[str, int]:
    """Count equal reasons; the most frequent one comes first. Reasons longer than 120 characters are cropped.

    >>> count_reasons(["is empty", "is not a UUID", "is not a UUID"])
    {'is not a UUID': 2, 'is empty': 1}
    """
    counts: dict[str, int] = {}
    for reason in reasons:
        shown = reason if len(reason) <= _MAX_REASON else f"{reason[: _MAX_REASON - 1]}…"
        counts[shown] = counts.get(shown, 0) + 1
    return dict(sorted(counts.items(), key=lambda entry: -entry[1]))


def printable(text: str) -> str:
    r"""Escape the characters of a text that a terminal would interpret or hide. The result is one line.

    These are control characters (line breaks included), format characters such as bidirectional overrides, separators
    other than the space, unassigned characters and lone surrogates. Printable text is returned unchanged, so the
    function is idempotent.

    >>> printable("a\x1b[2Jb\n"), printable("a\u202eb"), printable("\udcff")
    ('a\\x1b[2Jb\\n', 'a\\u202eb', '\\udcff')
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
