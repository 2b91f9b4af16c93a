"""Measures the suites: each suite is a module with `works(size)`, and its cases are measured only here."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Final

import pytest

from benches.work import Case, Task, cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

TURN: Final = 0.1
"""Minimum duration of a turn in seconds; short runs are repeated."""
ENOUGH: Final = 5.0
"""A contender that has run for this many seconds at one work is not run again."""
SLOW: Final = 0.2
"""A contender that takes longer than this is warmed up only once, not in every turn."""
MAX_RUNS: Final = 40

_prepared: dict[str, Task] = {}
_spent: dict[str, float] = {}
_took: dict[str, float] = {}
_at_work: list[tuple[str, str]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--size", type=int, default=100_000, help="devices, or values of a list")


@pytest.fixture
def size(request: pytest.FixtureRequest) -> int:
    chosen: int = request.config.getoption("--size")
    return chosen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        works = metafunc.module.works(metafunc.config.getoption("--size"))
        metafunc.parametrize("case", cases(works), ids=str)


@pytest.fixture
def measure(benchmark: BenchmarkFixture) -> Callable[[Case], None]:
    """Run one turn of a contender: warm it up, then run it as often as the turn allows."""

    def run(case: Case) -> None:
        _begin(case)
        name = case.contender
        if _spent.get(name, 0) > ENOUGH:
            pytest.skip(f"has run for {_spent[name]:.0f} s at this work")
        if name not in _prepared:
            _prepared[name] = case.work.contenders[name]()
        task = _prepared[name]
        if task.warm and _took.get(name, 0) < SLOW:
            _took[name] = _once(task)
        rounds = max(1, min(MAX_RUNS, int(TURN / _took.get(name, TURN))))
        begun = time.perf_counter()
        pedantic: Callable[..., object] = benchmark.pedantic
        pedantic(task.run, setup=_silent(task.setup), rounds=rounds, iterations=1)
        _spent[name] = _spent.get(name, 0) + time.perf_counter() - begun
        facts = task.facts() if task.facts else {}
        benchmark.extra_info |= {
            "heading": case.work.heading,
            "column": case.work.column,
            "size": case.work.size,
            "contender": name,
            "turn": case.turn,
            "amount": case.work.amount,
            "facts": facts,
        }

    return run


def _begin(case: Case) -> None:
    """Release the data that the contenders of the last work had prepared, which may be gigabytes."""
    if _at_work == [case.work.key]:
        return
    _at_work[:] = [case.work.key]
    for kept in (_prepared, _spent, _took):
        kept.clear()
    gc.collect()


def _once(task: Task) -> float:
    if task.setup is not None:
        task.setup()
    begun = time.perf_counter()
    task.run()
    return time.perf_counter() - begun


def _silent(setup: Callable[[], object] | None) -> Callable[[], None] | None:
    """Drop the setup's result: pytest-benchmark would use it as arguments."""
    if setup is None:
        return None

    def silent() -> None:
        setup()

    return silent
