"""Law: what a view of a factory shows is what its documentation lists. Internals are not public."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.factory import Factory

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs/reference/factory.md"
VIEWS = (
    "Factory",
    "audit",
    "devices",
    "devices.mappings",
    "groups",
    "keys",
    "metadata",
    "settings",
    "targets",
    "tokens",
    "users",
    "waves",
)


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    with Factory.create(tmp_path_factory.mktemp("views") / "acme", name="acme", user="alice") as made:
        yield made


def view(factory: Factory, name: str) -> Any:
    found: Any = factory
    for part in name.split(".") if name != "Factory" else ():
        found = getattr(found, part)
    return found


def public(one: Any) -> set[str]:
    return {name for name in dir(one) if not name.startswith("_")}


def documented() -> dict[str, set[str]]:
    """The names of each view in the table of the page: `` | `view` | `name`, `name` | ``."""
    rows = re.findall(r"^\| `([\w.]+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", names)) for name, names in rows}


def test_the_page_lists_every_view() -> None:
    assert sorted(documented()) == sorted(VIEWS)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_shows_what_the_page_lists(factory: Factory, name: str) -> None:
    assert public(view(factory, name)) == documented()[name]


@pytest.mark.parametrize("name", VIEWS)
def test_what_a_view_shows_has_a_docstring(factory: Factory, name: str) -> None:
    found = view(factory, name)
    for attribute in public(found):
        member = inspect.getattr_static(type(found), attribute, None)
        if member is not None:
            assert inspect.getdoc(member), f"{name}.{attribute}"


def test_no_other_view_can_be_reached(factory: Factory) -> None:
    """Each public attribute that is an object of the package is a view of the page."""
    reached = set()
    todo = [("Factory", factory)]
    while todo:
        name, one = todo.pop()
        reached.add(name)
        for attribute in public(one):
            if isinstance(inspect.getattr_static(type(one), attribute, None), property):
                continue
            value = getattr(one, attribute)
            if type(value).__module__.startswith("groundswell.") and not callable(value):
                todo.append((attribute if name == "Factory" else f"{name}.{attribute}", value))
    assert reached == set(VIEWS)
