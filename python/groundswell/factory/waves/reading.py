"""The waves of a factory, read: lists, status, explanations, history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from groundswell.arguments import checks_arguments
from groundswell.factory.context import of_one_process, seconds
from groundswell.factory.devices.tag_facts import later_sentence, require_tag
from groundswell.factory.trust.expiries import expiry_warnings
from groundswell.factory.waves.parts import WaveDetail, WaveParts
from groundswell.factory.waves.why import why
from groundswell.fleet.fleet import DEFAULT_ONLINE_THRESHOLD, as_uuid_list
from groundswell.fleet.uuid_list import UuidList
from groundswell.values import instant
from groundswell.waves import Wave, devices_in_state, progress, verify
from groundswell.waves.progress import signatures_needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from groundswell import _core
    from groundswell.fleet.devices import Devices as DeviceList
    from groundswell.fleet.fleet import Fleet
    from groundswell.waves import Rollout, Verified, WaveStatus, WhyReport
    from groundswell.waves.progress import DeviceState

__all__ = ["WaveReading"]


@of_one_process
@checks_arguments
class WaveReading(WaveParts):
    """The methods of `Waves` that change nothing."""

    def list(self, *, tag: str | None = None, state: str | None = None) -> Sequence[Wave]:
        """Waves, newest first.

        Args:
            tag: only waves for this tag.
            state: only waves in this state: ``active``, ``complete``, ``canceled``.

        Raises:
            NotFoundError: ``unknown-tag`` for a tag that no device, target or wave has.
        """
        if tag is not None:
            require_tag(self._context.store, tag)
        waves = reversed(self._book.all())
        return [wave for wave in waves if tag in (None, wave.tag) and state in (None, wave.state)]

    def show(self, name: str | None = None) -> WaveDetail:
        """One wave; the only active one unless it is named.

        Raises:
            NotFoundError: ``unknown-wave``, ``no-active-wave``.
            StateError: ``several-active-waves``.
        """
        with self._context.store.reading():
            wave = self._book.named_or_active(name)
            return self._detail(wave)

    def status(
        self,
        name: str | None = None,
        *,
        now: datetime | None = None,
        online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
    ) -> WaveStatus:
        """How far a wave has come, for its tag and for each group; the only active wave unless it is named.

        Args:
            name: the wave.
            now: the instant that ages are counted to; the clock's unless given.
            online_threshold: devices seen within it are online.

        Raises:
            NotFoundError: ``unknown-wave``, ``no-active-wave``.
            StateError: ``several-active-waves``.

        Cost: a few passes over the matching devices' sets.
        """
        with self._context.store.reading():
            wave = self._book.named_or_active(name)
            found = progress(
                self._book.history(wave),
                self._devices.fleet(now=now),
                now=instant(seconds(now)),
                online_threshold=online_threshold,
                known_versions=self._known_versions(wave),
            )
            missing = self._detail(wave).signatures_missing
            needed = [signatures_needed(missing)] if missing else []
            expiring = expiry_warnings(self._context, self._roots, self._publisher, now=now)
            later = self._facts.later_than(wave.target_version, wave.tag) if wave.active else {}
            newer = [later_sentence(later, wave.target_version)] if later else []
            # What `show` warns of besides these was known when the wave was made.
            return replace(found, warnings=(*needed, *found.warnings, *expiring, *newer))

    def would_downgrade(self, name: str | None = None) -> Mapping[int, int]:
        """Which later versions `complete` would take devices back from; the only active wave unless it is named.

        Devices on the version of a canceled wave are protected: they are served that wave's targets.

        Returns:
            For each version how many devices report it, ascending; empty if no device would be downgraded.

        Raises:
            NotFoundError: ``unknown-wave``, ``no-active-wave``.
            StateError: ``several-active-waves``.
        """
        with self._context.store.reading():
            return self._downgraded(self._book.named_or_active(name))

    def devices_in_state(
        self,
        name: str | None,
        state: DeviceState,
        *,
        now: datetime | None = None,
        online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
    ) -> _core.DeviceSet:
        """The devices behind one count of `status`, for the whole tag.

        Args:
            name: the wave; the only active one if None.
            state: ``scheduled``, ``updated``, ``newer``, ``on-version``, ``older``, ``silent``, ``unsupported``,
                ``unscheduled``, ``covered``, ``staged``, ``online`` or ``matching`` (the total).
            now: the instant that ages are counted to (default: now).
            online_threshold: devices seen within it are online.

        Returns:
            Their ordinals.

        Raises:
            InputError: ``bad-state``.
            NotFoundError: ``unknown-wave``, ``no-active-wave``.
            StateError: ``several-active-waves``; ``failures-unknown`` for ``failed``: devices do not report outcomes
                yet.

        Cost: a few passes over the matching devices' sets.
        """
        with self._context.store.reading():
            wave = self._book.named_or_active(name)
            fleet = self._devices.fleet(now=now)
            return devices_in_state(
                self._book.history(wave), fleet, state, now=instant(seconds(now)), online_threshold=online_threshold
            )

    def why(self, devices: DeviceList, *, wave: str | None = None, now: datetime | None = None) -> Sequence[WhyReport]:
        """For each device: is it in the wave or not, since which rollout, by which rule, and what is it served now.

        Args:
            devices: which.
            wave: the wave; for each device the active wave of its tag, or else the latest one, unless given.
            now: the instant of asking; the clock's unless given.

        Raises:
            NotFoundError: ``unknown-wave``.
            InputError: ``bad-uuid``, ``empty-list``.
        """
        with self._context.store.reading():
            named = None if wave is None else self._book.find(wave)
            return why(as_uuid_list(devices), named, self._devices.fleet(now=now), self._book, self._production)

    def history(self, name: str | None = None) -> Sequence[Rollout]:
        """The applied rollouts of a wave, oldest first; the only active wave unless it is named.

        Raises:
            NotFoundError: ``unknown-wave``, ``no-active-wave``.
            StateError: ``several-active-waves``.
        """
        with self._context.store.reading():
            return self._book.rollouts(self._book.named_or_active(name))

    def rollout_uuids(self, name: str | None, number: int) -> Sequence[str]:
        """The devices of one rollout, ascending by ordinal.

        Raises:
            NotFoundError: ``unknown-wave``, ``no-active-wave``, ``unknown-rollout``.
            StateError: ``several-active-waves``.
        """
        with self._context.store.reading():
            rollout = self._book.history(self._book.named_or_active(name)).rollout(number)
            # The factory's own fleet has a row for each ordinal ever given.
            return UuidList(self._devices.fleet().core.uuids(rollout.devices.to_ordinals())).uuids

    def verify(
        self, name: str | None = None, *, fleet: Fleet | None = None, number: int | None = None
    ) -> Sequence[Verified]:
        """Check the digests of past rollouts and, given the fleet as it was, work their picks out again.

        Args:
            name: the wave; the only active one unless given.
            fleet: a frozen fleet: what `Fleet.write` wrote at the time.
            number: only this rollout, since a frozen fleet is that of one moment; all of them unless given.

        Raises:
            NotFoundError: ``unknown-wave``, ``no-active-wave``, ``unknown-rollout``.
            StateError: ``several-active-waves``.
        """
        with self._context.store.reading():
            history = self._book.history(self._book.named_or_active(name))
            return verify(history, self._devices.fleet(), frozen=fleet, number=number)
