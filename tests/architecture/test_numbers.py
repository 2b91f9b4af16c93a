"""Numbers in messages have no thousands separators: `--limit 1,234` would be refused, so nothing prints `1,234`."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "python/groundswell"


def grouping_formats(source: str) -> list[str]:
    """The format specifications in `source` that group digits."""
    specs = [
        ast.unparse(node.format_spec)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None
    ]
    return [spec for spec in specs if "," in spec or "_" in spec.replace("_width", "")]


def test_no_message_groups_digits() -> None:
    found = {path.name: grouping_formats(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}
    assert {name: specs for name, specs in found.items() if specs} == {}


def test_the_law_can_fail() -> None:
    assert grouping_formats("f'{devices:,} devices'") == ["f','"]
