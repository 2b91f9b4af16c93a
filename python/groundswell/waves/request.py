"""What a rollout asks for: one value from the command line to the core, the plan file and the history.

Callers' words are parsed once, in `RolloutRequest.of`. `RolloutRequest.to_json` and `RolloutRequest.from_json` are the
only text form: plan files, rows of history and idempotency keys contain it.

Source: domain.md, "Rollout: what each selector means".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from groundswell import _core
from groundswell.arguments import refuse_empty
from groundswell.errors import InputError
from groundswell.fleet.devices import as_uuid_list
from groundswell.fleet.fleet import DEFAULT_HALF_LIFE, DEFAULT_ONLINE_THRESHOLD
from groundswell.tuf.documents import format_instant, parse_instant
from groundswell.values import ALL, Limit, epoch_seconds, instant, parse_goal, parse_limit, parse_seed, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import SupportsIndex

    from groundswell.fleet.devices import Devices
    from groundswell.fleet.uuid_list import UuidList
    from groundswell.values import Denominator

__all__ = ["LATER_PARTS", "PARTS", "Draw", "OnMismatch", "Recency", "RolloutKind", "RolloutRequest", "RolloutSelector"]

Draw = Literal["active"]
OnMismatch = Literal["refuse", "skip"]
RolloutKind = Literal["whole-group", "sample", "listed", "sample-within-list"]

_NO_DURATION: Final = timedelta()
_MAX_SECONDS: Final = timedelta.max // timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSelector:
    """Which devices a rollout asks for.

    Args:
        group: only devices of this group.
        whole_group: the group as a whole, as a standing rule: it also covers devices that join the group later.
        uuids: only these devices, each of them checked; None for no list.
        online_only: no devices beyond the online threshold; for samples only.
    """

    group: str | None = None
    whole_group: bool = False
    uuids: UuidList | None = None
    online_only: bool = False

    @property
    def narrows_samples(self) -> bool:
        """Whether a sample leaves candidates out: it may then have fewer devices than its limit and the candidates."""
        return self.online_only


@dataclass(frozen=True, slots=True, kw_only=True)
class Recency:
    """How recently active devices are preferred.

    Args:
        now: ages are computed at this instant; UTC, in whole seconds.
        online_threshold: up to this age a device has the weight 1.
        half_life: past the threshold, the weight halves with each half-life.
    """

    now: datetime
    online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD
    half_life: timedelta = DEFAULT_HALF_LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRequest:
    """What a rollout asks for. `of` makes one from the words of a caller.

    Args:
        selector: which devices.
        limit: how many: a count, a percentage with its denominator, or a goal (`Limit.is_goal`); `ALL` for no limit.
        draw: how a sample is drawn: ``active`` prefers recently active devices.
        recency: the instant and the settings of that preference.
        seed: decides a sample, 0 to 2⁶⁴ − 1; None: `with_seed` draws a fresh one.
        on_mismatch: what to do about listed devices that fail their check: ``refuse`` the rollout, or ``skip`` them.

    >>> request = RolloutRequest.of("2.5%", group="canary", seed=7, now=datetime(2026, 11, 24, tzinfo=UTC))
    >>> request.limit.thousandths, request.selector.group
    (2500, 'canary')
    >>> RolloutRequest.from_json(request.to_json()) == request
    True
    """

    selector: RolloutSelector = field(default_factory=RolloutSelector)
    limit: Limit = ALL
    draw: Draw = "active"
    recency: Recency
    seed: int | None = None
    on_mismatch: OnMismatch = "refuse"

    @classmethod
    def of(
        cls,
        limit: SupportsIndex | str | None = None,
        *,
        to: SupportsIndex | str | None = None,
        percent_of: Denominator | None = None,
        group: str | None = None,
        whole_group: bool = False,
        uuids: Devices | None = None,
        online_only: bool = False,
        skip_mismatched: bool = False,
        seed: SupportsIndex | None = None,
        now: datetime | None = None,
        online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
        half_life: timedelta = DEFAULT_HALF_LIFE,
    ) -> RolloutRequest:
        """Parse what a caller asks for; the arguments are those of `Waves.rollout`.

        Whether the parts fit together is decided where a rollout is planned.

        Raises:
            InputError: ``bad-limit``, ``bad-goal``, ``bad-denominator``, ``bad-uuid``, ``empty-list``, ``bad-seed``,
                ``bad-instant``, ``bad-duration``; ``empty-text`` for an empty group.

        Cost: that of reading the list.

        >>> RolloutRequest.of(to="25%").limit.is_goal
        True
        >>> RolloutRequest.of(0)
        Traceback (most recent call last):
        groundswell.errors.InputError: the limit `0` selects nothing
        """
        refuse_empty(group=group)
        parsed = _parsed(limit, to, percent_of)
        listed = None if uuids is None else as_uuid_list(uuids, "uuids")
        return cls(
            selector=RolloutSelector(
                group=group, whole_group=bool(whole_group), uuids=listed, online_only=bool(online_only)
            ),
            limit=parsed,
            recency=Recency(
                now=instant(epoch_seconds(datetime.now(UTC) if now is None else now)),
                online_threshold=timedelta(seconds=whole_seconds(online_threshold, "online_threshold")),
                half_life=timedelta(seconds=whole_seconds(half_life, "half_life")),
            ),
            seed=None if seed is None else parse_seed(seed),
            on_mismatch="skip" if skip_mismatched else "refuse",
        )

    def with_seed(self) -> RolloutRequest:
        """The same request with its seed, or with a fresh one from the operating system if it has none."""
        return self if self.seed is not None else replace(self, seed=parse_seed(None))

    def selecting(self, **parts: Any) -> RolloutRequest:
        """The same request with other parts of its selector.

        >>> RolloutRequest.of(5).selecting(group="canary").selector.group
        'canary'
        """
        return replace(self, selector=replace(self.selector, **parts))

    def core(self) -> _core.RolloutRequest:
        """The request as the core takes it.

        Raises:
            InputError: ``bad-setting``.
        """
        selector, recency = self.selector, self.recency
        return _core.RolloutRequest(
            group=selector.group,
            listed=None if selector.uuids is None else selector.uuids.array,
            whole_group=selector.whole_group,
            online_only=selector.online_only,
            limit=self.limit,
            skip_mismatched=self.on_mismatch == "skip",
            seed=self.seed or 0,
            now=epoch_seconds(recency.now),
            online_threshold=whole_seconds(recency.online_threshold, "online_threshold"),
            half_life=whole_seconds(recency.half_life, "half_life"),
        )

    def to_json(self) -> dict[str, Any]:
        """The request in JSON types.

        Returns:
            ``listed`` is the length of the list; the list itself, which may be large, is written elsewhere. Seeds are
            texts, durations are seconds, ``now`` is ISO 8601 in UTC. A part that a later version added (`LATER_PARTS`)
            is left out where it has its default, so that the text of an older request stays the same.

        >>> RolloutRequest.of(5, seed=2**60, now=datetime(2026, 11, 24, tzinfo=UTC)).to_json()["seed"]
        '1152921504606846976'
        """
        selector, limit = self.selector, self.limit
        text = None if limit.is_all else str(limit)
        data = {
            "group": selector.group,
            "whole_group": selector.whole_group,
            "listed": None if selector.uuids is None else len(selector.uuids),
            "online_only": selector.online_only,
            "limit": None if limit.is_goal else text,
            "to": text if limit.is_goal else None,
            "percent_of": limit.percent_of,
            "skip_mismatched": self.on_mismatch == "skip",
            # Beyond 2⁵³ many readers of JSON change a number.
            "seed": None if self.seed is None else str(self.seed),
            "now": format_instant(self.recency.now),
            "online_threshold": whole_seconds(self.recency.online_threshold, "online_threshold"),
            "half_life": whole_seconds(self.recency.half_life, "half_life"),
            "draw": self.draw,
        }
        return {name: value for name, value in data.items() if name not in LATER_PARTS or value != LATER_PARTS[name]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, uuids: UuidList | None = None) -> RolloutRequest:
        """The request that `to_json` wrote, or that an older version wrote.

        Args:
            data: the parts by name. Older texts have ``now`` in seconds since 1970 and lack ``whole_group``, ``to`` and
                ``online_only``; the oldest rows of history lack ``skip_mismatched``.
            uuids: the list; ``listed`` is not read.

        Raises:
            InputError: ``not-a-request`` for a part that is missing, of the wrong type, or unknown.
        """
        parts = {"to": None, "online_only": False, "skip_mismatched": False, "listed": None, **LATER_PARTS, **data}
        if parts.get("whole_group") is None:
            limited = parts.get("limit") is not None or parts["to"] is not None
            parts["whole_group"] = parts.get("group") is not None and uuids is None and not limited
        missing_or_unknown = sorted(set(parts) ^ set(PARTS))
        wrong = missing_or_unknown or sorted(name for name, check in PARTS.items() if not check(parts[name]))
        if wrong:
            raise _not_a_request(wrong[0], parts.get(wrong[0]))
        limit, goal = parts["limit"], parts["to"]
        if limit is not None and goal is not None:
            raise _not_a_request("to", goal)
        return cls(
            selector=RolloutSelector(
                group=parts["group"],
                whole_group=parts["whole_group"],
                uuids=uuids,
                online_only=parts["online_only"],
            ),
            limit=parse_limit(limit, parts["percent_of"]) if goal is None else parse_goal(goal),
            draw=parts["draw"],
            recency=Recency(
                now=_instant(parts["now"]),
                online_threshold=timedelta(seconds=parts["online_threshold"]),
                half_life=timedelta(seconds=parts["half_life"]),
            ),
            seed=None if parts["seed"] is None else int(parts["seed"]),
            on_mismatch="skip" if parts["skip_mismatched"] else "refuse",
        )


LATER_PARTS: Final[dict[str, Any]] = {"draw": "active"}
"""Parts that texts of older versions lack, each with its default. A new part of the request comes here."""


def _not_a_request(name: str, value: object) -> InputError:
    """The error for a part of a request that cannot be read."""
    shown = ascii(value)[:40]
    return InputError(
        "not-a-request",
        f"the part `{name}` of a rollout request is missing, unknown or of the wrong kind: {shown}",
        hint="give what `RolloutRequest.to_json` returned",
        fields={"part": name, "value": shown},
    )


def _parsed(limit: SupportsIndex | str | None, to: SupportsIndex | str | None, percent_of: Denominator | None) -> Limit:
    if to is None:
        return parse_limit(limit, "matching" if percent_of is None else percent_of)
    goal = parse_goal(to)
    for name, given in (("a limit", None if limit is None else parse_limit(limit)), ("percent_of", percent_of)):
        if given is not None:
            raise InputError(
                "bad-goal",
                f"a goal (`to`) cannot be combined with {name}",
                hint="a goal replaces the limit; combine it with nothing but a group",
                fields={"with": name},
            )
    return goal


def _instant(value: str | int) -> datetime:
    return parse_instant(value, "now") if isinstance(value, str) else instant(value)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_limit_or_none(value: object) -> bool:
    return value is None or (isinstance(value, str) and _reads(parse_limit, value))


def _is_seed_or_none(value: object) -> bool:
    return value is None or (
        isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(2**64))
        and int(value) < 2**64
    )  # fmt: skip


def _is_instant(value: object) -> bool:
    return (type(value) is int or isinstance(value, str)) and _reads(_instant, value)


def _is_duration(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_SECONDS


def _reads(read: Callable[[Any], object], value: object) -> bool:
    try:
        read(value)
    except (InputError, OverflowError):
        return False
    return True


PARTS: Final[dict[str, Callable[[object], bool]]] = {
    "group": _is_text_or_none,
    "whole_group": _is_bool,
    "listed": lambda _: True,
    "online_only": _is_bool,
    "limit": _is_limit_or_none,
    "to": _is_limit_or_none,
    "percent_of": lambda value: isinstance(value, str) and _reads(lambda of: parse_limit(1, of), value),
    "skip_mismatched": _is_bool,
    "seed": _is_seed_or_none,
    "now": _is_instant,
    "online_threshold": _is_duration,
    "half_life": _is_duration,
    "draw": lambda value: value in get_args(Draw),
}
"""How each part of the JSON is recognised."""
