"""Every example in a docstring is executed, those of the stub included."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import groundswell
from groundswell import _core

PACKAGE = Path(groundswell.__file__).parent
MODULES = sorted(
    ["groundswell"]
    + [
        module.name
        for module in pkgutil.walk_packages([str(PACKAGE)], prefix="groundswell.")
        if module.name not in {"groundswell._core", "groundswell.__main__"}
    ]
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def stub_docstrings() -> list[tuple[str, str]]:
    stub = ast.parse((PACKAGE / "_core.pyi").read_text(encoding="utf-8"))
    nodes = [n for n in ast.walk(stub) if isinstance(n, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(n)]
    return [(node.name, ast.get_docstring(node) or "") for node in nodes]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, text in stub_docstrings() if ">>>" in text])
def test_examples_of_the_stub(name: str, text: str) -> None:
    example = doctest.DocTestParser().get_doctest(text, vars(_core).copy(), name, "_core.pyi", 0)
    assert doctest.DocTestRunner().run(example).failed == 0


def test_examples_are_found() -> None:
    assert any(">>>" in text for _, text in stub_docstrings())
