"""Every error code that the sources can raise is documented and tested."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAMILIES = {"InputError", "NotFoundError", "StateError", "TrustError", "StorageError"}


def codes_in_python() -> set[str]:
    codes = set()
    for path in (ROOT / "python").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                value = node.args[0].value
                if name in FAMILIES and isinstance(value, str):
                    codes.add(value)
    return codes


def codes_in_rust() -> set[str]:
    source = (ROOT / "rust/py/src/errors.rs").read_text(encoding="utf-8")
    return set(re.findall(r'"(?:Input|NotFound|State|Trust|Storage)Error",\s*"([a-z0-9-]+)"', source))


CODES = sorted(codes_in_python() | codes_in_rust())


def test_codes_are_found_in_both_languages() -> None:
    assert "bad-limit" in codes_in_python()
    assert "unknown-group" in codes_in_rust()


@pytest.mark.parametrize("code", CODES)
def test_the_code_is_a_slug_in_the_documentation(code: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    assert f"`{code}`" in (ROOT / "docs/errors.md").read_text(encoding="utf-8")


CANNOT_BE_RAISED = {"too-many-devices"}  # that takes 64 GB of UUIDs


@pytest.mark.parametrize("code", sorted(set(CODES) - CANNOT_BE_RAISED))
def test_the_code_is_raised_in_a_test(code: str) -> None:
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path.parent.name not in {"architecture", "data"}]
    assert any(f'"{code}"' in path.read_text(encoding="utf-8") for path in tests)


def test_no_documented_code_has_gone() -> None:
    documented = re.findall(
        r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs/errors.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(set(documented)) == CODES
