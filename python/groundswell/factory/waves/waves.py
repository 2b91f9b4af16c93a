"""The waves of a factory: from a signed target to the last device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, StateError
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.waves.life import ROLE_LIFE, WaveLife
from groundswell.factory.waves.parts import WaveDetail
from groundswell.factory.waves.reading import WaveReading
from groundswell.factory.waves.rollouts import RolloutPlanner
from groundswell.fleet.fleet import DEFAULT_HALF_LIFE, DEFAULT_ONLINE_THRESHOLD
from groundswell.values import epoch_seconds
from groundswell.waves.plan import Plan
from groundswell.waves.request import RolloutRequest

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import SupportsIndex

    from groundswell.factory.devices.devices import Devices
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.fleet.devices import Devices as DeviceList
    from groundswell.values import Denominator
    from groundswell.waves import RolloutResult, Wave

__all__ = ["ROLE_LIFE", "WaveDetail", "Waves"]


@of_one_process
@checks_arguments
class Waves(WaveLife, WaveReading):
    """``factory.waves``."""

    def __init__(self, context: Context, *, book: WaveRepository, devices: Devices, **parts: Any) -> None:
        super().__init__(context, book=book, devices=devices, **parts)
        self._planner: Final = RolloutPlanner(context, book, devices, self._published, self._require_ready)

    def rollout(
        self,
        name: str,
        limit: SupportsIndex | str | None = None,
        *,
        to: SupportsIndex | str | None = None,
        online_only: bool = False,
        group: str | None = None,
        uuids: DeviceList | None = None,
        whole_group: bool = False,
        skip_mismatched: bool = False,
        percent_of: Denominator | None = None,
        seed: SupportsIndex | None = None,
        now: datetime | None = None,
        at: datetime | None = None,
        online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
        half_life: timedelta = DEFAULT_HALF_LIFE,
        request: RolloutRequest | None = None,
        dry_run: bool = False,
        request_id: str | None = None,
        if_revision: int | None = None,
    ) -> RolloutResult:
        """Widen an active wave to more devices.

        - ``group`` and ``whole_group=True``: the whole group, as a standing rule: devices that join it later, too
        - a ``limit``: at most so many of the candidates (of the group, of the list), recently active ones preferred
        - ``uuids`` without a limit: just these devices, each checked; one offender refuses the whole rollout
        - a goal, ``to``: a sample of as many candidates as are missing until so many matching devices (of the group)
          are covered or updated

        candidates = matching ∩ group? ∩ uuids? − covered − updated − unsupported. No wave ever picks a device twice.

        Args:
            name: the wave.
            limit: a count, or a percentage such as ``"2.5%"`` that is rounded up.
            to: instead of a limit, how many matching devices (of the group) are to be covered or updated afterwards: a
                count, or a percentage of them. It cannot be combined with `limit`, `uuids` or `percent_of`.
            online_only: a sample without devices beyond the online threshold.
            group: only devices of this group.
            uuids: only these devices.
            whole_group: the group as a whole; said by name, since nothing that is left out may mean it.
            skip_mismatched: skip listed devices that fail their check instead of refusing.
            percent_of: what a percentage is taken of: ``matching`` (the default), ``remaining`` or ``online``.
            seed: 0 to 2⁶⁴ − 1; a fresh one from the operating system unless given.
            now: the instant that ages are counted to; the clock's unless given.
            at: the instant of the rollout: what history says, and what the lives of metadata begin with; `now` unless
                given. Give it where `now` is not the present.
            online_threshold: up to this age a device has the weight 1.
            half_life: the weight halves with each half-life past the threshold.
            request: all of the above except the name and `at`, as one value, instead of them.
            dry_run: change nothing; the result's `plan` can be applied later. A dry run ignores its `request_id`.
            request_id: an idempotency key, at most 255 bytes, kept in the factory forever. A repeated call with the
                same key returns the first call's result with `replayed` set, also where the wave has finished since.
                `now` and `at` are not part of the request, because a retry comes later.
            if_revision: refuse unless the wave is at this revision. The key is looked up first.

        Returns:
            What it came to. A rollout that takes in no device and makes no rule leaves no history.

        Raises:
            NotFoundError: ``unknown-wave``, ``unknown-group``.
            StateError: ``wave-finished``, ``revision-changed``; ``request-id-used`` where the key stands for another
                request, or another user's.
            TrustError: ``signatures-missing``.
            InputError: ``bad-request-id``, ``nothing-asked``,
                ``whole-group-unsaid``, ``bad-whole-group``, ``bad-limit``, ``empty-list``,
                ``bad-uuid``, ``mismatched-devices`` (every offender with its reason in its fields), ``bad-seed``.

        Cost: a selection, one row and one bitmap; the metadata of each tag is signed anew.
        """
        words = {
            "to": to,
            "percent_of": percent_of,
            "group": group,
            "whole_group": whole_group,
            "uuids": uuids,
            "online_only": online_only,
            "skip_mismatched": skip_mismatched,
            "seed": seed,
            "now": now,
            "online_threshold": online_threshold,
            "half_life": half_life,
        }
        request = _one_request(request, limit, words)
        applied = epoch_seconds(request.recency.now) if at is None else seconds(at)
        with self._context.store.changing():
            wave = self._book.find(name)
            return self._planner.rollout(
                wave, request, at=applied, dry_run=dry_run, request_id=request_id, if_revision=if_revision
            )

    def request_known(self, request_id: str) -> bool:
        """Whether a rollout with this request id was answered before.

        Raises:
            InputError: ``bad-request-id``.
        """
        with self._context.store.reading():
            return self._planner.request_known(request_id)

    def apply(
        self,
        plan: Plan | str | Path,
        *,
        now: datetime | None = None,
        request_id: str | None = None,
        if_revision: int | None = None,
    ) -> RolloutResult:
        """Apply a plan: stage exactly the devices that it names, or refuse and say what changed.

        A plan that was applied before changes nothing: the result is that of the first time, with `replayed` set.

        Args:
            plan: a plan, or the file of one.
            now: the instant of applying; the clock's unless given. The plan keeps the one that ages were counted to.
            request_id: as for `rollout`.
            if_revision: as for `rollout`.

        Raises:
            InputError: ``not-a-plan``, ``edited-plan``, ``other-factory``, ``bad-request-id``.
            NotFoundError: ``unknown-wave``.
            StateError: ``wave-finished``, ``revision-changed``, ``request-id-used``, ``stale-plan``,
                ``plan-mismatch``.
            TrustError: ``signatures-missing``.
        """
        loaded = _plan(plan)
        with self._context.store.changing():
            wave = self._book.find(loaded.wave)
            return self._planner.apply(wave, loaded, at=seconds(now), request_id=request_id, if_revision=if_revision)

    def _require_ready(self, wave: Wave, if_revision: int | None) -> None:
        """Refuse to roll a wave out that cannot be now, or is not at the revision that the caller expects."""
        self._require_active(wave, "rolled out")
        if if_revision is not None and if_revision != wave.revision:
            raise StateError(
                "revision-changed",
                f"the wave `{wave.name}` is at revision {wave.revision}, not at revision {if_revision}",
                hint="nothing was staged; look at what was rolled out since, then decide again",
                fields={"wave": wave.name, "revision": wave.revision, "if_revision": int(if_revision)},
            )
        self._require_signatures(wave)


def _plan(plan: Plan | str | Path) -> Plan:
    if isinstance(plan, Plan):
        plan.check_types()
        return plan
    if not isinstance(plan, str | Path):
        raise InputError(
            "bad-argument",
            f"the argument `plan` of `apply` is `{ascii(plan)[:40]}`, not a plan or the path of one",
            hint="give the `plan` of a dry run, or the file that it was written to",
            fields={"argument": "plan", "type": type(plan).__name__},
        )
    return Plan.read(plan)


def _one_request(
    request: RolloutRequest | None, limit: SupportsIndex | str | None, words: dict[str, Any]
) -> RolloutRequest:
    if request is None:
        return RolloutRequest.of(limit, **words)
    defaults = RolloutRequest.of.__kwdefaults__ or {}
    given = ["limit"] * (limit is not None) + [name for name, value in words.items() if value is not defaults[name]]
    if given or not isinstance(request, RolloutRequest):
        what = f"cannot be combined with `{given[0]}`" if given else f"is `{ascii(request)[:40]}`, not a RolloutRequest"
        raise InputError(
            "bad-argument",
            f"the argument `request` of `rollout` {what}",
            hint="give a `RolloutRequest` alone, or what it consists of",
            fields={"argument": "request", "type": type(request).__name__},
        )
    return request
