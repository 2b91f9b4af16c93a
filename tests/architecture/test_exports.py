"""What is public is what `__all__` says, in every module."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import groundswell

if TYPE_CHECKING:
    from types import ModuleType

PACKAGE = Path(groundswell.__file__).parent
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages([str(PACKAGE)], prefix="groundswell.")
    if module.name not in {"groundswell._core", "groundswell.__main__"}
    and len(ast.parse(inspect.getsource(importlib.import_module(module.name))).body) > 1  # more than a docstring
)


@pytest.mark.parametrize("name", MODULES)
def test_all_names_what_the_module_defines_in_public(name: str) -> None:
    module = importlib.import_module(name)
    source = ast.parse(inspect.getsource(module))
    defined = {
        node.name
        for node in source.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    assert hasattr(module, "__all__"), f"{name} has no __all__"
    assert defined <= set(module.__all__), f"{name} does not export {sorted(defined - set(module.__all__))}"


@pytest.mark.parametrize("name", ["groundswell", *MODULES])
def test_every_exported_name_is_there(name: str) -> None:
    module: ModuleType = importlib.import_module(name)
    for exported in module.__all__:
        getattr(module, exported)


def test_the_public_names_are_sorted_and_unique() -> None:
    names = groundswell.__all__
    assert len(names) == len(set(names))
    assert names == sorted(names)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Fleets'"):
        groundswell.Fleets  # noqa: B018


NOUNS = ("Devices", "Groups", "Targets", "Keys", "Metadata", "Waves")


def classes_of_the_package() -> dict[str, list[ast.ClassDef]]:
    found: dict[str, list[ast.ClassDef]] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.is_relative_to(PACKAGE / "cli"):
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            elsewhere = isinstance(node, ast.ClassDef) and node.name in NOUNS and "factory" not in file.parts
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not elsewhere:
                found.setdefault(node.name, []).append(node)
    return found


def result_types(cls: ast.ClassDef) -> set[str]:
    """The names in what the public methods and fields of a class are annotated to give."""
    given: list[ast.expr] = []
    for member in cls.body:
        if isinstance(member, ast.FunctionDef) and not member.name.startswith("_") and member.returns is not None:
            given.append(member.returns)
        elif isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            given += [] if member.target.id.startswith("_") else [member.annotation]
    return {node.id for one in given for node in ast.walk(one) if isinstance(node, ast.Name)}


def test_every_type_that_a_public_method_gives_is_public() -> None:
    classes = classes_of_the_package()
    todo, seen = {name for name in groundswell.__all__ if name in classes} | set(NOUNS), set[str]()
    while todo:
        name = todo.pop()
        seen.add(name)
        for cls in classes[name]:
            todo |= {given for given in result_types(cls) if given in classes} - seen
    hidden = seen - set(groundswell.__all__) - set(NOUNS)
    assert not hidden, "export what is new in groundswell/__init__.py"
