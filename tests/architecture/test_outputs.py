"""Text and files leave the program through one gate each."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[2] / "python/groundswell"

GATE = "cli/output/render.py"
"""Escapes whatever is printed."""

TALKS = {
    GATE: {"click.echo", "click.style", "sys.stdout"},
    "__main__.py": {"sys.stderr"},  # a sentence of its own, before anything is loaded
    "cli/__init__.py": {"sys.stdout"},  # its file descriptor, when the reader has gone
    "cli/questions.py": {"sys.stderr"},  # is it a terminal?
    "cli/commands/strategies.py": {"sys.stderr"},  # the progress bar
    "cli/commands/fleet.py": {"sys.stderr"},  # a progress bar with a label of its own
    "gate.py": {"sys.stdout", "sys.stderr"},  # its own command; it prints numbers, and errors that are escaped
    "ingest/progress.py": {"sys.stderr", "Console"},  # a bar whose label is escaped
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


WRITES = {
    "outputs.py": {"replace_file"},  # the gate for what a user names
    "files.py": {"open"},
    "store/audit/payloads.py": {"replace_file"},  # inside the factory
    "store/audit/snapshots.py": {"replace_file"},  # inside the factory
    "factory/trust/online_keys.py": {"replace_file"},  # inside the factory
    "factory/backup.py": {"replace_file"},  # restoring, into a folder of its own
    "factory/checks/checks.py": {"write_bytes"},  # in a temporary folder
    "store/duckdb/opening.py": {"copyfile"},  # in a temporary folder: a database that may not be written
    "cli/__init__.py": {"NamedTemporaryFile"},  # the traceback of a bug
    "ingest/readers/source_file.py": {"NamedTemporaryFile"},  # the copy of a pipe
}
"""Where files are written, and by what."""
WRITERS = {
    "replace_file",
    "write_bytes",
    "write_text",
    "NamedTemporaryFile",
    "copyfile",
    "copy2",
    "copytree",
    "mkstemp",
}


def writers_used(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            modes = [a.value for a in [*node.args, *(k.value for k in node.keywords)] if isinstance(a, ast.Constant)]
            if name in WRITERS:
                yield name
            elif name in {"open", "fdopen"} and any(str(m) in {"w", "wb", "x", "xb", "a", "ab", "r+b"} for m in modes):
                yield "open"


def test_files_for_users_are_written_through_one_gate() -> None:
    found = {
        str(path.relative_to(PACKAGE)): used for path in PACKAGE.rglob("*.py") if (used := set(writers_used(path)))
    }
    assert found == WRITES
