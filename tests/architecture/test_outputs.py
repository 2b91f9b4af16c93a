"""Text and files leave the program through one gate each."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[2] / "python/groundswell"

GATE = "cli/render.py"
"""Escapes whatever is printed."""

TALKS = {
    GATE: {"click.echo", "click.style", "click.confirm", "sys.stdout"},
    "__main__.py": {"sys.stderr"},  # a sentence of its own, before anything is loaded
    "cli/__init__.py": {"sys.stdout"},  # its file descriptor, when the reader has gone
    "cli/questions.py": {"sys.stderr"},  # is it a terminal?
    "cli/fleet.py": {"sys.stderr"},  # a progress bar with a label of its own
    "fleet/progress.py": {"sys.stderr", "Console"},  # a bar whose label is escaped
}
PRINTERS = {"click.echo", "click.secho", "click.style", "click.confirm", "click.prompt", "print", "sys.stdout"}
PRINTERS |= {"sys.stderr", "sys.__stdout__", "sys.__stderr__", "click.get_text_stream", "Console", "rich.print"}
PRINTERS |= {"click.get_binary_stream", "click.echo_via_pager", "click.edit", "click.pause"}


def names_used(path: Path) -> Iterator[str]:
    """Every name and every dotted name in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute | ast.Name):
            yield ast.unparse(node)


def test_only_the_gate_prints() -> None:
    found = {
        str(path.relative_to(PACKAGE)): used
        for path in PACKAGE.rglob("*.py")
        if (used := PRINTERS & set(names_used(path)))
    }
    assert found == TALKS
