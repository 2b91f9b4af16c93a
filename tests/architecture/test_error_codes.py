"""Every error code that the sources can raise is documented and tested."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FAMILIES = {"InputError", "NotFoundError", "StateError", "TrustError", "StorageError"}


RAISERS = FAMILIES | {"refusal"}
"""What makes an error of a code: the families, and how the judge of metadata says why a device would refuse."""
CODE_PARAMETER = "short"
"""The parameter by which a code is handed on to a raiser."""
HANDED_ON = {"evidence.py": "code", "keyring.py": CODE_PARAMETER, "uuid_list.py": "error.code"}
"""Where a raiser gets a code that stands elsewhere."""


def raisers() -> Iterator[tuple[Path, ast.expr]]:
    """The first argument of everything that makes an error."""
    for path in (ROOT / "python").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                if name in RAISERS:
                    yield path, node.args[0]


def codes_handed_on() -> Iterator[str]:
    for path in (ROOT / "python").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == CODE_PARAMETER:
                yield ast.literal_eval(node.value)
            if isinstance(node, ast.arguments):
                named = zip(node.kwonlyargs, node.kw_defaults, strict=True)
                yield from (ast.literal_eval(value) for arg, value in named if arg.arg == CODE_PARAMETER and value)


def codes_in_python() -> set[str]:
    literal = {node.value for _, node in raisers() if isinstance(node, ast.Constant)}
    return {code for code in literal if isinstance(code, str)} | set(codes_handed_on())


def codes_in_rust() -> set[str]:
    source = (ROOT / "rust/py/src/convert/errors.rs").read_text(encoding="utf-8")
    return set(re.findall(r'"(?:Input|NotFound|State|Trust|Storage)Error",\s*"([a-z0-9-]+)"', source))


CODES = sorted(codes_in_python() | codes_in_rust())


def test_codes_are_found_in_both_languages() -> None:
    assert {"bad-limit", "expired-metadata", "too-few-signatures", "root-not-signed-by-old"} <= codes_in_python()
    assert "unknown-group" in codes_in_rust()


def test_a_code_stands_where_it_can_be_found() -> None:
    others = {path.name: ast.unparse(node) for path, node in raisers() if not isinstance(node, ast.Constant)}
    assert others == HANDED_ON


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
