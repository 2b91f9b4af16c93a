"""A command of the command line that has ended, and what the documentation says of its errors."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| \w+ \| ([0-9]) \|$", re.MULTILINE)
EXIT_CODES = {
    slug: int(code) for slug, code in _ROW.findall((Path(__file__).parents[2] / "docs/errors.md").read_text("utf-8"))
}
"""The exit code of every error, as docs/errors.md has it."""


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str
    slug: str = ""
    """The code of the error that it told; empty if there was none, or where the command was a process of its own."""

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def data(self) -> Any:
        """What ``--json`` printed."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error that a command with ``--json`` told, which is the last of what it told."""
        error: dict[str, Any] = json.loads(self.err.splitlines()[-1])["error"]
        return error
