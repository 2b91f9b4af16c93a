"""No input ends in anything but a result or an error of ours: those that once did, and some seconds of new ones.

`make fuzz SECONDS=600` looks for more.
"""

from __future__ import annotations

import pytest

from fuzz.campaign import run_campaign, run_worker
from fuzz.parsers import PARSERS, kept_cases

SECONDS = 3
"""For each parser; together about a minute."""


@pytest.mark.parametrize("name", PARSERS)
def test_cases_that_once_ended_badly(name: str) -> None:
    cases = kept_cases(name)
    if cases:
        result = run_worker(name, seed=0, seconds=60, cases=cases)
        assert not result.findings, result.findings[0].what
        assert result.cases == len(cases)


@pytest.mark.parametrize("name", PARSERS)
def test_new_cases(name: str) -> None:
    result = run_campaign(name, seed=20_261_130, seconds=SECONDS)
    assert not result.findings, f"{result.findings[0].what}\n{result.findings[0].data[:500]!r}"
    assert result.cases > 0
