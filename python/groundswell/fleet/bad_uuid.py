"""A value of a list that is not a UUID."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["BadUuid"]


@dataclass(frozen=True, slots=True)
class BadUuid:
    r"""A value of a list that is not a UUID.

    Attributes:
        line: the line on which it begins, from 1.
        column: the character of the line at which it begins, from 1.
        element: the element of the JSON array that it is part of, from 1. None if the list is not an array.
        text: its text without quotes, cropped to 40 characters; invisible characters are escaped, like ``\u200d``.
        reason: what is wrong with it.
    """

    line: int
    column: int
    element: int | None
    text: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As JSON; without `element` where there is none."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def place(self) -> str:
        """Where it is, in words."""
        element = "" if self.element is None else f" (element {self.element})"
        return f"line {self.line}, column {self.column}{element}"
