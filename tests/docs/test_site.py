"""What `make docs` builds has every page and every public name."""

from __future__ import annotations

import re
from pathlib import Path

import groundswell

ROOT = Path(__file__).parents[2]


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r": ([\w/-]+\.md)$", navigation, re.MULTILINE)
    pages = sorted(str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md"))
    assert sorted(listed) == pages


def test_the_reference_has_every_public_name() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/reference").glob("*.md"))
    documented = re.findall(r"^::: groundswell\.(\w+)$", pages, re.MULTILINE)
    internal_or_text = {"_core"}
    names = {name for name in groundswell.__all__ if not name.startswith("__")}
    assert sorted(set(documented) - internal_or_text) == sorted(names)
    assert len(documented) == len(set(documented))
