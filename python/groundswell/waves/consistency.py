"""Whether the parts of a plan can be true together. A seal does not show that: it is not secret.

- its names are names, its algorithm and its rule for candidates are known, its settings are possible
- its kind is that of its request, and its digest that of its devices
- candidates ≤ matching; the limit resolves to `wanted`; it has as many devices as that and the candidates allow
- devices ⊆ list, matching ≤ the length of the list; equal if no offender was skipped

`groundswell.waves.check_plan` compares a plan with a factory.

Source: domain.md, "Plans" and "Rollout".
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.fleet.uuid_list import UuidList
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from groundswell.values import Limit
    from groundswell.waves.plan_facts import PlanFacts

__all__ = ["check_consistent", "contradictory", "impossible_settings"]

_MAX_SECONDS: Final = timedelta.max // timedelta(seconds=1)
_NAME: Final = re.compile(_core.NAME_PATTERN)
_HUNDRED_PERCENT: Final = 100_000
_ANY_DEVICE: Final = "00000000-0000-0000-0000-000000000000"


def check_consistent(plan: PlanFacts, label: str = "the plan") -> None:
    """Refuse a plan whose fields contradict each other.

    Args:
        plan: the plan.
        label: what to call it in an error.

    Raises:
        InputError: ``contradictory-plan``.

    Cost: a digest of the devices, and a look-up of each in the list.
    """
    for reason in _contradictions(plan):
        raise contradictory(label, reason)


def contradictory(label: str, reason: str) -> InputError:
    """The error for a plan that cannot be true."""
    return InputError(
        "contradictory-plan",
        f"`{label}` contradicts itself: {reason}",
        hint="nothing was staged; make the plan again",
        fields={"source": label, "reason": reason},
    )


def impossible_settings(facts: Mapping[str, Any]) -> Iterator[str]:
    """The settings of a plan, as JSON, that no rollout can have; wrong types are not looked at."""
    half_life, threshold, now = (facts.get(name) for name in ("half_life", "online_threshold", "now"))
    if type(half_life) is int and not 1 <= half_life <= _MAX_SECONDS:
        yield f"no rollout has a half-life of {half_life} s"
    if type(threshold) is int and not 0 <= threshold <= _MAX_SECONDS:
        yield f"no rollout has an online threshold of {threshold} s"
    if type(now) is int:
        try:
            instant(now)
        except OverflowError:
            yield f"`now` is {now}, which is not an instant"


def _contradictions(plan: PlanFacts) -> Iterator[str]:
    yield from _impossible(plan)
    yield from _wrong_kind(plan)
    yield from _wrong_counts(plan)
    if plan.request.limit.is_goal:
        yield from _wrong_goal(plan, plan.request.limit)
    elif not plan.request.limit.is_all:
        yield from _wrong_limit(plan, plan.request.limit)
    if plan.listed is not None:
        yield from _wrong_list(plan, plan.listed)
    if _core.digest_uuids(plan.devices.array).hex() != plan.digest:
        yield "its digest is not that of its devices"


def _impossible(plan: PlanFacts) -> Iterator[str]:
    names = {"factory": plan.factory, "wave": plan.wave, "tag": plan.tag, "group": plan.group}
    for what, name in [*names.items(), *(("group", name) for name in plan.whole_groups)]:
        if name is not None and not _NAME.fullmatch(name):
            yield f"`{name[:40]}` cannot be the name of a {what}"
    if len(set(plan.whole_groups)) != len(plan.whole_groups):
        yield "it names a group twice among those rolled out whole"
    if plan.algorithm != _core.ALGORITHM:
        yield f"there is no algorithm {plan.algorithm}; this groundswell knows {_core.ALGORITHM}"
    if not 1 <= plan.candidates_rule <= _core.CANDIDATES_RULE:
        yield f"there is no rule {plan.candidates_rule} for candidates"


def _wrong_kind(plan: PlanFacts) -> Iterator[str]:
    request = plan.request
    if plan.listed is not None and not len(plan.listed):
        # The factory knew none of the listed devices; for the kind it only matters that there was a list.
        request = request.selecting(uuids=UuidList.of([_ANY_DEVICE]))
    try:
        kind = request.core().kind
    except InputError as error:
        yield f"its request is refused: {error.message}"
        return
    if kind != plan.kind or (plan.group is None) != (plan.group_id is None):
        yield f"it is of the kind `{plan.kind}`, and its request is not"


def _wrong_counts(plan: PlanFacts) -> Iterator[str]:
    count, kind = len(plan), plan.kind
    if plan.candidates > plan.matching:
        yield f"it counts {plan.candidates} candidates among {plan.matching} matching devices"
    if count > plan.matching:
        yield f"it has {count} devices, and {plan.matching} match"
    if kind in {"whole-group", "listed"}:
        # A list that skips offenders leaves out matching devices of hardware without a target.
        fewer = kind == "listed" and plan.skip_mismatched and count <= plan.wanted <= plan.matching
        if plan.wanted != plan.matching and not fewer:
            yield f"{plan.matching} devices match, and it wants {plan.wanted} of them"
        if plan.candidates > count:
            yield f"it leaves out candidates: it counts {plan.candidates}, and has {count} devices"
    elif count > min(plan.wanted, plan.candidates):
        yield f"it has {count} devices of {plan.wanted} wanted among {plan.candidates} candidates"
    elif count < min(plan.wanted, plan.candidates) and not plan.request.selector.narrows_samples:
        yield f"it has only {count} devices of {plan.wanted} wanted among {plan.candidates} candidates"


def _wrong_limit(plan: PlanFacts, limit: Limit) -> Iterator[str]:
    if limit.count is not None:
        least = most = limit.count
    else:
        # Nobody can tell any more how many were online; of the others the number is known.
        of = plan.candidates if plan.percent_of == "remaining" else plan.matching
        most = _part(limit, of)
        least = 0 if plan.percent_of == "online" else most
    if not least <= plan.wanted <= most:
        yield f"the limit {plan.limit} cannot come to {plan.wanted} devices"


def _wrong_goal(plan: PlanFacts, goal: Limit) -> Iterator[str]:
    asked = goal.count if goal.count is not None else _part(goal, plan.matching)
    # Matching devices that are no candidates are covered, updated or of hardware without a target.
    least = max(0, asked - (plan.matching - plan.candidates))
    if not least <= plan.wanted <= asked:
        yield f"the goal {goal} cannot leave {plan.wanted} devices to take in"


def _part(limit: Limit, of: int) -> int:
    """p% of a number, rounded up."""
    return -(-of * (limit.thousandths or 0) // _HUNDRED_PERCENT)


def _wrong_list(plan: PlanFacts, on_list: UuidList) -> Iterator[str]:
    listed = len(on_list)
    if plan.matching > listed or (not plan.skip_mismatched and plan.matching != listed):
        yield f"{plan.matching} of its {listed} listed devices match"
    outside = plan.devices - on_list
    if len(outside):
        yield f"its device `{outside.uuids[0]}` is not on its list"
