"""Law: no SQL above the store. What a factory reads, it reads by name.

`groundswell.store` has the SQL of the store, and `groundswell.ingest` that of its own in-memory database.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import groundswell

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(groundswell.__file__).parent
WITH_SQL = ("store", "ingest")
MODULES = [file for file in sorted(PACKAGE.rglob("*.py")) if file.relative_to(PACKAGE).parts[0] not in WITH_SQL]
SQL = re.compile(
    r"\bSELECT\b.*\bFROM\b|\bSELECT (?:\*|[0-9]+|count\()|\bINSERT INTO\b|\bUPDATE\b.*\bSET\b|\bDELETE FROM\b"
    r"|\b(?:LEFT|FULL) JOIN\b|\b(?:CREATE|ALTER|DROP) TABLE\b|\bORDER BY\b|\bIS (?:NOT )?NULL\b",
    re.DOTALL,
)
RUNNERS = {"rows", "table", "mappings", "execute", "sql"}
"""Methods that run SQL: of the store's query runner, and of a connection of DuckDB."""


def docstrings(tree: ast.AST) -> set[int]:
    """The ids of the docstrings in a module, of classes, functions and attributes."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def violations(source: str) -> Iterator[str]:
    """The texts of a module that are SQL, and its calls that run SQL."""
    tree = ast.parse(source)
    prose = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value for part in node.values if isinstance(part, ast.Constant))
            text = " ? ".join(part for part in parts if isinstance(part, str))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            text = node.value
        else:
            text = ""
        if SQL.search(text):
            yield f"line {node.lineno}: {text[:80]}"  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RUNNERS:
            receiver = ast.unparse(node.func.value)
            if receiver.split(".")[-1] in {"store", "_store", "connection", "cursor", "duckdb"}:
                yield f"line {node.lineno}: {ast.unparse(node.func)}(…)"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if any(name.split(".")[0] == "duckdb" for name in names):
                yield f"line {node.lineno}: imports duckdb"


@pytest.mark.parametrize("module", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_above_the_store_has_no_sql(module: Path) -> None:
    assert list(violations(module.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "context.store.rows(text)",
        "self._context.store.table(text, devices=devices)",
        'query = f"SELECT {columns} FROM devices"',
        'query = "SELECT 1"',
        'query = ("SELECT name" " FROM groups")',
        'query = "DELETE FROM meta"',
        'query = "INSERT INTO meta VALUES (1)"',
        'query = "UPDATE devices SET name = 1"',
        'conditions.append("d.group_id IS NULL")',
        "def read():\n    import duckdb",
        "from duckdb import connect",
    ],
)
def test_sql_in_a_module_would_be_found(source: str) -> None:
    assert list(violations(source))


def test_prose_is_not_sql() -> None:
    source = (
        '"""SELECT uuid FROM devices, as `Fleet.query` takes it."""\nhint = "update the list, or set a name from it"'
    )
    assert list(violations(source)) == []
