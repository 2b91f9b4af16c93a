"""An extension of griffe for `make docs`.

Examples in docstrings (``>>>``) become blocks of code: otherwise Markdown reads ``a[0][1]`` as a link. Parameters that
one line describes (``a, b: text``) become one line for each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import griffe

if TYPE_CHECKING:
    from griffe import Object


def fenced(text: str) -> str:
    """The docstring with each example, up to the next blank line, inside a fence."""
    lines: list[str] = []
    inside = False
    for line in [*text.split("\n"), ""]:
        if not inside and line.lstrip().startswith(">>>"):
            lines.append(line[: len(line) - len(line.lstrip())] + "```pycon")
            inside = True
        elif inside and not line.strip():
            lines.append("```")
            inside = False
        lines.append(line)
    return "\n".join(lines[:-1])


_SHARED = re.compile(r"^(?P<indent> +)(?P<names>\w+(?:, \w+)+): (?P<text>.*)$")


def separated(text: str) -> str:
    """The docstring with a line of its own for each parameter."""
    lines: list[str] = []
    for line in text.split("\n"):
        found = _SHARED.match(line)
        if found is None:
            lines.append(line)
        else:
            lines += [f"{found['indent']}{name}: {found['text']}" for name in found["names"].split(", ")]
    return "\n".join(lines)


class Docstrings(griffe.Extension):
    """Rewrites the docstring of every object."""

    def on_object(self, *, obj: Object, **_kwargs: Any) -> None:
        """Replace the docstring of an object, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(separated(obj.docstring.value))
