"""The files that CONTRIBUTING.md names are there, so that its lists lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMED = sorted(
    set(re.findall(r"`((?:rust|python|tests|benches|docs)/[\w./-]+)`", PAGE))
    - {"python/groundswell/ingest/readers/NAME.py"}
)


def test_the_page_names_files() -> None:
    assert len(NAMED) > 15
    assert "rust/core/src/sampling/recency.rs" in NAMED


@pytest.mark.parametrize("name", NAMED)
def test_a_named_file_is_there(name: str) -> None:
    assert (ROOT / name).exists()
