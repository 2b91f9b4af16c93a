"""How sentences for people spell what they count."""

from __future__ import annotations

__all__ = ["count"]


def count(number: int, thing: str, things: str = "") -> str:
    """A number with its thing: ``1 device``, ``12345 devices``.

    >>> count(1, "device"), count(12345, "device")
    ('1 device', '12345 devices')
    >>> count(2, "device matches", "devices match")
    '2 devices match'
    """
    return f"{number} {thing if number == 1 else things or thing + 's'}"
