"""Resolves a strategy for runs that start at an instant: windows become intervals, defaults are filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.decide.resolved import Least, ResolvedStep, ResolvedStrategy
from groundswell.decide.windows import open_intervals, parse_holiday, parse_window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from groundswell.decide.strategy import Strategy

__all__ = ["resolve"]

_DAY: Final = 86400


def resolve(strategy: Strategy, start: datetime, end: datetime, *, name: str = "") -> ResolvedStrategy:
    """The strategy for runs that start at an instant, with its windows up to the end.

    Args:
        strategy: the strategy.
        start: an aware datetime.
        end: an aware datetime after it.
        name: replaces the name of the strategy.
    """
    windows = None
    if strategy.windows or strategy.holidays:
        always = [parse_window(text) for text in strategy.windows or ("00:00-24:00",)]
        closed = [parse_holiday(text) for text in strategy.holidays]
        windows = tuple(
            open_intervals(
                [window for window in always if window is not None],
                [days for days in closed if days is not None],
                strategy.zone,
                start=start,
                end=end,
            )
        )
    top, stop = strategy.top, strategy.stop
    return ResolvedStrategy(
        name=name or strategy.name,
        steps=tuple(_step(strategy, step, start) for step in strategy.steps),
        failure=stop.get("failure"),
        by=stop.get("by") if "failure" in stop else None,
        silence=stop.get("silence", True),
        lost=stop.get("lost"),
        devices=stop.get("devices"),
        alpha=stop.get("confidence", 0.05),
        cancel=stop.get("action") == "cancel",
        patience=top.get("patience", _DAY),
        attempts=top.get("attempts", 1),
        concurrent=top.get("concurrent"),
        complete=top.get("finish") == "complete",
        windows=windows,
    )


def _step(strategy: Strategy, step: Mapping[str, Any], start: datetime) -> ResolvedStep:
    not_before = step.get("not_before")
    after = 0 if not_before is None else (not_before.replace(tzinfo=strategy.zone) - start).total_seconds()
    deadline = step.get("deadline")
    return ResolvedStep(
        group=step.get("group"),
        uuids=step.get("uuids"),
        limit=step.get("to") or step.get("limit"),
        draw=step.get("draw", strategy.top.get("draw", "active")),
        soak=step.get("soak", strategy.top.get("soak", _DAY)),
        reported=step.get("reported", strategy.top.get("reported", Least(thousandths=60_000))),
        settled=step.get("settled", strategy.top.get("settled", Least(thousandths=98_000))),
        prove=step.get("prove"),
        approve=step.get("approve", False),
        not_before=max(0, int(after)),
        deadline=None if deadline in (None, -1) else deadline,
    )
