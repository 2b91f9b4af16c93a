"""Walls of the house that no import tool sees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_core_knows_no_python_and_lints_refuse_clocks_files_and_networks() -> None:
    manifest = tomllib.loads((ROOT / "rust/core/Cargo.toml").read_text(encoding="utf-8"))
    assert not {"pyo3", "numpy"} & set(manifest["dependencies"])
    # `make lint` runs clippy, which refuses what is listed here. Each entry says what to do instead.
    lints = tomllib.loads((ROOT / "rust/core/clippy.toml").read_text(encoding="utf-8"))
    refused = [*lints["disallowed-types"], *lints["disallowed-methods"]]
    assert all(entry["reason"] for entry in refused)
    assert {entry["path"].split("::")[1] for entry in refused} >= {"fs", "net", "time", "process", "env"}


def test_only_the_gates_import_the_big_libraries() -> None:
    gates = {
        "duckdb": {"ingest", "store"},
        "click": {"cli"},
        "rich": {"ingest"},
        "pyroaring": {"fleet"},
        "cryptography": {"tuf"},
        "securesystemslib": {"tuf"},
        "PyKCS11": {"tuf"},
        "matplotlib": {"decide"},
    }
    for path in (ROOT / "python/groundswell").rglob("*.py"):
        room = path.relative_to(ROOT / "python/groundswell").parts[0]
        source = path.read_text(encoding="utf-8")
        for library, gate in gates.items():
            if re.search(rf"^\s*(import|from) {library}\b", source, re.MULTILINE):
                assert room in gate, f"{path} imports {library}, whose gate is {sorted(gate)}"


def test_the_reference_imports_nothing_of_ours() -> None:
    references = sorted((ROOT / "tests/reference").glob("*.py"))
    assert references
    for path in references:
        assert not re.search(r"^\s*(import|from) groundswell", path.read_text(encoding="utf-8"), re.MULTILINE), path


def test_the_judge_of_metadata_shares_nothing_with_the_signing_side() -> None:
    allowed = re.compile(r"groundswell\.(errors|input_files|tuf\.judge(\.[a-z]+)?)")
    found = []
    for path in (ROOT / "python/groundswell/tuf/judge").rglob("*.py"):
        found += re.findall(
            r"^\s*(?:from|import) (groundswell[a-z_.]*)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    assert "groundswell.errors" in found
    assert [module for module in found if not allowed.fullmatch(module)] == []
