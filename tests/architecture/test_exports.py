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
