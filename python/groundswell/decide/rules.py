"""How the statistical rules of a strategy share its α (strategies.md, "Sharing α")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundswell.decide.resolved import ResolvedStrategy

__all__ = ["alpha_of_rules", "test_over_all"]


def alpha_of_rules(plan: ResolvedStrategy) -> float:
    """The α of each statistical rule: `failure`, `silence` and `lost` share evenly what the run has."""
    rules = (plan.failure is not None) + plan.silence + (plan.lost is not None)
    return plan.alpha / max(rules, 1)


def test_over_all(plan: ResolvedStrategy, alpha: float) -> float:
    """The α of the failure test over all devices: half of the rule's with `by`, whose values share the other half."""
    return alpha if plan.by is None else alpha / 2
