"""Facts of the domain are stated once, in the core; Python asks the core."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groundswell import _core

PACKAGE = Path(__file__).parents[2] / "python/groundswell"


@pytest.mark.parametrize(
    ("fact", "spelling"),
    [
        ("MAX_VERSION", r"2\s*\*\*\s*31\s*-\s*1|2_?147_?483_?647|0x7F+\b"),
        ("NAME_PATTERN", r"_\.\+-\]\{0,63\}"),
        ("MAX_CLOCK_SKEW", r"24 \* 3600|86_?400\b.*(ahead|future|skew)"),
    ],
)
def test_no_module_spells_a_fact_of_the_core(fact: str, spelling: str) -> None:
    assert hasattr(_core, fact)
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if re.search(spelling, path.read_text(encoding="utf-8"))
    ]
    # The judge of metadata shares nothing with the side that signs.
    assert [path for path in found if not path.startswith("tuf/judge/")] == []


@given(st.text(alphabet=st.sampled_from("aZ09_.+- é\n"), max_size=70))
@example("a" * 64)
@example("a" * 65)
@example("é" * 65)
def test_the_pattern_of_names_is_the_rule_for_names(name: str) -> None:
    assert (re.fullmatch(_core.NAME_PATTERN, name) is not None) == (_core.reason_for_name(name) is None)
    assert _core.reason_for_name("a" * _core.MAX_NAME_LENGTH) is None
    assert _core.reason_for_name("a" * (_core.MAX_NAME_LENGTH + 1)) is not None


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**63 - 1), st.integers(1, 2**32 - 1))
@example(0, 0, 1)
@example(1_795_000_000, 14_400, 1_795_000_000 - 14_400)
@example(1_795_000_000, 14_400, 1_795_000_000 - 14_401)
@example(-(2**63), 2**63 - 1, 1)
def test_who_was_seen_since_the_threshold_is_online(now: int, threshold: int, last_seen: int) -> None:
    age = max(now - last_seen, 0)
    assert (last_seen >= _core.online_since(now, threshold)) == (age <= threshold)
