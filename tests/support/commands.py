"""The result of a command, and the documented exit codes of errors."""

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
"""Error code → exit code, from docs/errors.md."""


@dataclass(frozen=True)
class Ran:
    """The result of a command."""

    code: int
    out: str
    err: str
    slug: str = ""
    """The code of its error; empty if there was none, or if the command ran in another process."""

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def data(self) -> Any:
        """The parsed output of ``--json``."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error of a command with ``--json``: the last line on stderr."""
        error: dict[str, Any] = json.loads(self.err.splitlines()[-1])["error"]
        return error
