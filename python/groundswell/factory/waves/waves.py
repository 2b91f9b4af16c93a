"""The waves of a factory: from a signed target to the last device."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, StateError, TrustError
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.devices.tag_facts import TagFacts, later_sentence, require_tag, unsupported_sentence
from groundswell.factory.names import check_name
from groundswell.factory.trust.expiries import expiry_warnings
from groundswell.factory.waves.repository import changed_cells
from groundswell.factory.waves.rollouts import RolloutPlanner
from groundswell.factory.waves.serving import signatures_of
from groundswell.factory.waves.signing import WaveSigning
from groundswell.factory.waves.why import why
from groundswell.fleet.fleet import DEFAULT_HALF_LIFE, DEFAULT_ONLINE_THRESHOLD, as_uuid_list
from groundswell.fleet.uuid_list import UuidList
from groundswell.store import put
from groundswell.text import MAX_NAMED, joined
from groundswell.tuf import SigningRequest, parse_document, public_of, sign_request
from groundswell.values import epoch_seconds, instant
from groundswell.waves import Wave, WaveHistory, devices_in_state, progress, verify
from groundswell.waves.plan import Plan
from groundswell.waves.progress import no_target_for, signatures_needed
from groundswell.waves.records import wave_row
from groundswell.waves.request import RolloutRequest
from groundswell.waves.role import supported_hardware, without_deltas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import SupportsIndex

    from groundswell import _core
    from groundswell.factory.devices.devices import Devices
    from groundswell.factory.trust.offline_keys import OfflineKeys
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.roots import Roots
    from groundswell.factory.trust.targets import Targets
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.serving import Production
    from groundswell.fleet.devices import Devices as DeviceList
    from groundswell.fleet.fleet import Fleet
    from groundswell.store import Change
    from groundswell.values import Denominator

    Changes = list[Change]  # inside `Waves`, `list` is a method
    from groundswell.tuf.signers import Signer
    from groundswell.waves import Rollout, RolloutResult, Verified, WaveStatus, WhyReport
    from groundswell.waves.progress import DeviceState

__all__ = ["ROLE_LIFE", "WaveDetail", "Waves"]

ROLE_LIFE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveDetail:
    """A wave and what stands about it.

    Args:
        wave: the wave.
        rollouts: how many were applied.
        expires: when its targets role expires.
        targets: the names of the targets of its version.
        signed_by: the keys whose signatures count.
        signatures_missing: how many more it needs before it can be rolled out.
        warnings: sentences that an operator should read.
        without_target: matching devices that are not updated, and for whose hardware the wave has no target, by
            hardware id; counted by `Waves.complete` only, empty otherwise.
    """

    wave: Wave
    rollouts: int
    expires: datetime
    targets: tuple[str, ...]
    signed_by: tuple[str, ...]
    signatures_missing: int
    warnings: tuple[str, ...]
    without_target: dict[str, int] = field(default_factory=dict)


@of_one_process
@checks_arguments
class Waves:
    """``factory.waves``."""

    def __init__(
        self,
        context: Context,
        *,
        book: WaveRepository,
        roots: Roots,
        publisher: Publisher,
        production: Production,
        devices: Devices,
        targets: Targets,
        offline: OfflineKeys,
    ) -> None:
        self._context: Final = context
        self._book: Final = book
        self._roots: Final = roots
        self._publisher: Final = publisher
        self._production: Final = production
        self._devices: Final = devices
        self._offline: Final = offline
        self._desk: Final = RolloutPlanner(context, book, devices, self._published, self._require_ready)
        self._facts: Final = TagFacts(context.store)
        self._signing: Final = WaveSigning(book, production, publisher, offline, targets)

    # --- reading

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

    # --- the life of a wave

    def init(
        self,
        name: str,
        target_version: int,
        tag: str,
        *,
        keys: str | Path | Signer,
        prune: Iterable[int] = (),
        source_tag: str | None = None,
        expires: datetime | None = None,
        new_tag: bool = False,
        dry_run: bool = False,
        now: datetime | None = None,
    ) -> WaveDetail:
        """Make a wave: sign the targets role that brings a version to the production devices of a tag.

        Nothing is rolled out yet.

        Args:
            name: up to 64 letters, digits and ``_ . + -``; a name is never used again.
            target_version: the version; its CI targets are taken, one for each hardware.
            tag: the tag.
            keys: the tarball of an offline targets key, or a signer of one (an HSM's, say).
            prune: versions of production targets that are left out from now on.
            source_tag: only CI targets that carry this tag.
            expires: when the role expires; in 365 days unless given.
            new_tag: the tag is meant, although no production device listens to it and it is within two edits of one
                that devices listen to.
            dry_run: work the role out, sign it, and store nothing.
            now: the instant; the clock's unless given.

        Raises:
            InputError: ``bad-name``, ``expired-role``, ``bad-prune``, ``bad-tarball``.
            NotFoundError: ``unknown-version``, ``no-source-targets``.
            StateError: ``keys-not-initialised``, ``wave-name-used``, ``tag-busy``, ``version-not-above``,
                ``target-in-production``, ``tag-without-devices``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
        """
        with self._context.store.reading():
            request = self.compose(
                name,
                target_version,
                tag,
                prune=prune,
                source_tag=source_tag,
                expires=expires,
                new_tag=new_tag,
                now=now,
            )
            signer = self._offline.signer(keys, "targets", self._offline.ready_root("production"))
        # No lock is held while the key is asked: it may be in an HSM, or with a person.
        document = sign_request(request, signer).document
        return self._accept(name, tag, document, new_tag=new_tag, dry_run=dry_run, now=now)

    def compose(
        self,
        name: str,
        target_version: int,
        tag: str,
        *,
        prune: Iterable[int] = (),
        source_tag: str | None = None,
        expires: datetime | None = None,
        new_tag: bool = False,
        now: datetime | None = None,
    ) -> SigningRequest:
        """Say which bytes must be signed for a new wave. Nothing is stored.

        The first of three steps: the holder of an offline targets key signs them (`groundswell.tuf.sign_request`, or
        any tool), and `accept` takes the signed document. `init` is the three in one call.

        Args:
            name: as for `init`.
            target_version: as for `init`.
            tag: as for `init`.
            prune: as for `init`.
            source_tag: as for `init`.
            expires: as for `init`.
            new_tag: as for `init`.
            now: the present (default: now).

        Returns:
            The targets role without signatures, its canonical bytes, and the keys that may sign it.

        Raises:
            InputError: ``bad-name``, ``expired-role``, ``bad-prune``.
            NotFoundError: ``unknown-version``, ``no-source-targets``.
            StateError: ``keys-not-initialised``, ``wave-name-used``, ``tag-busy``, ``version-not-above``,
                ``target-in-production``, ``tag-without-devices``.
        """
        at = seconds(now)
        self._check_names(name, tag)
        with self._context.store.reading():
            return self._signing.compose_init(
                name,
                target_version,
                tag,
                prune=frozenset(prune),
                source_tag=source_tag,
                expires=instant(at) + ROLE_LIFE if expires is None else instant(epoch_seconds(expires, "expires")),
                listening=None if new_tag else self._facts.devices_by_tag(),
                at=at,
            )

    def accept(
        self, name: str, tag: str, document: bytes, *, new_tag: bool = False, now: datetime | None = None
    ) -> WaveDetail:
        """Make a wave of a targets role that the holder of an offline key has signed.

        All checks are made here, against what the factory knows now: whoever composed the document, whatever has
        changed since. The signatures must hold over the canonical form of what the document says.

        Args:
            name: the name of the wave; it need not be the one that was composed for.
            tag: its tag.
            document: ``{"signatures": […], "signed": {…}}``. It says what `compose` says for some version, prune
                versions, source tag and expiry.
            new_tag: as for `init`.
            now: the present (default: now).

        Raises:
            InputError: ``broken-json``, ``ambiguous-json``, ``bad-metadata``; otherwise as `compose`.
            NotFoundError, StateError: as `compose`.
            TrustError: ``not-composed`` where it says something that the factory would not compose now;
                ``bad-signature``; ``no-such-key`` where no offline targets key signed it; ``wrong-role``.
        """
        return self._accept(name, tag, document, new_tag=new_tag, dry_run=False, now=now)

    def _accept(
        self, name: str, tag: str, document: bytes, *, new_tag: bool, dry_run: bool, now: datetime | None
    ) -> WaveDetail:
        at = seconds(now)
        self._check_names(name, tag)
        with self._context.store.changing():
            waves, listening = self._book.all(), self._facts.devices_by_tag()
            role = self._signing.accept_init(name, tag, document, listening=None if new_tag else listening, at=at)
            wave = self._new_wave(max((one.wave_id for one in waves), default=0) + 1, name, tag, role, at)
            if not dry_run:
                changes = [put("waves", [wave_row(wave)], new=True), *self._published([*waves, wave], at)]
                self._context.commit(
                    "waves init",
                    f"made the wave {name}, which brings version {wave.target_version} to tag {tag}",
                    changes,
                    at=at,
                    details={"wave": name, "target_version": wave.target_version, "tag": tag},
                )
            made = self._detail(wave)
            return replace(made, warnings=(*made.warnings, *self._forewarnings(wave, listening, now)))

    def _check_names(self, name: str, tag: str) -> None:
        check_name("wave", name)
        if not self._context.store.rows("SELECT 1 FROM tags WHERE name = ?", [tag]):
            check_name("tag", tag)

    def sign(self, name: str, *, keys: str | Path | Signer, now: datetime | None = None) -> WaveDetail:
        """Add one more offline signature to an active wave; the same key again changes nothing.

        Plans stay good: what a rollout comes to does not depend on who signed.

        Args:
            name: the wave.
            keys: the tarball of an offline targets key, or a signer of one.
            now: the instant; the clock's unless given.

        Raises:
            NotFoundError: ``unknown-wave``.
            StateError: ``wave-finished``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
            InputError: ``bad-tarball``.
        """
        with self._context.store.reading():
            request = self.compose_signature(name)
            root = self._offline.ready_root("production")
            signer = self._offline.signer(keys, "targets", root)
            wave = self._book.find(name)
            if public_of(signer).keyid in signatures_of(wave.document, root).valid:
                return self._detail(wave)
        return self.accept_signature(name, sign_request(request, signer).document, now=now)

    def compose_signature(self, name: str) -> SigningRequest:
        """Say which bytes one more offline key must sign for an active wave: those of its role.

        Raises:
            NotFoundError: ``unknown-wave``.
            StateError: ``wave-finished``, ``keys-not-initialised``.
        """
        with self._context.store.reading():
            wave = self._book.find(name)
            self._require_active(wave, "signed")
            return self._signing.compose_signature(wave)

    def accept_signature(self, name: str, document: bytes, *, now: datetime | None = None) -> WaveDetail:
        """Add the new offline signatures of a document to an active wave; without a new one nothing changes.

        Args:
            name: the wave.
            document: the role of the wave with one more signature, or several.
            now: the instant (default: now).

        Raises:
            NotFoundError: ``unknown-wave``.
            StateError: ``wave-finished``, ``keys-not-initialised``.
            InputError: ``broken-json``, ``ambiguous-json``, ``bad-metadata``.
            TrustError: ``not-composed`` for another document than the wave's role; ``bad-signature``; ``no-such-key``
                where no offline targets key signed it; ``wrong-role``.
        """
        at = seconds(now)
        with self._context.store.changing():
            wave = self._book.find(name)
            self._require_active(wave, "signed")
            role, keyids = self._signing.accept_signature(wave, document)
            if not keyids:
                return self._detail(wave)
            signed, named = replace(wave, document=role), ", ".join(keyids)
            self._store(signed, "waves sign", f"signed the wave {name} with the key {named}", at, keyid=named)
            return self._detail(signed)

    def complete(
        self, name: str | None = None, *, allow_downgrade: bool = False, now: datetime | None = None
    ) -> WaveDetail:
        """Make the wave's targets the production targets of its tag, for every production device on it. Final.

        Args:
            name: the wave (default: the only active one).
            allow_downgrade: complete it although it offers devices a version below the one that they report. The audit
                log records it.
            now: the instant (default: now).

        Raises:
            NotFoundError: ``unknown-wave``, ``no-active-wave``.
            StateError: ``several-active-waves``, ``wave-finished``, ``would-downgrade``.
            TrustError: ``signatures-missing``.
        """
        at = seconds(now)
        with self._context.store.changing():
            wave = self._book.named_or_active(name)
            self._require_active(wave, "completed")
            self._require_signatures(wave)
            downgraded = self._downgraded(wave)
            if downgraded and not allow_downgrade:
                raise _would_downgrade(wave, downgraded)
            accepted: dict[str, object] = {}
            if allow_downgrade:
                accepted = {"allow_downgrade": True, "downgraded": {str(v): n for v, n in downgraded.items()}}
            done = self._finished(wave, "complete", at)
            row = {
                "repository": "production",
                "tag": wave.tag,
                "role_version": wave.target_version,
                "document": wave.document,
            }
            self._store(done, "waves complete", f"completed the wave {wave.name}", at, role=row, **accepted)
            return self._detail(done, self._without_target(done, now))

    def cancel(self, name: str | None = None, *, now: datetime | None = None) -> WaveDetail:
        """End the wave: devices that have updated stay where they are, the rest never see it. Final.

        Raises:
            NotFoundError: ``unknown-wave``, ``no-active-wave``.
            StateError: ``several-active-waves``, ``wave-finished``.
        """
        at = seconds(now)
        with self._context.store.changing():
            wave = self._book.named_or_active(name)
            self._require_active(wave, "canceled")
            done = self._finished(wave, "canceled", at)
            self._store(done, "waves cancel", f"canceled the wave {wave.name}", at)
            return self._detail(done)

    # --- rollouts

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
            return self._desk.rollout(
                wave, request, at=applied, dry_run=dry_run, request_id=request_id, if_revision=if_revision
            )

    def request_known(self, request_id: str) -> bool:
        """Whether a rollout with this request id was answered before.

        Raises:
            InputError: ``bad-request-id``.
        """
        with self._context.store.reading():
            return self._desk.request_known(request_id)

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
            return self._desk.apply(wave, loaded, at=seconds(now), request_id=request_id, if_revision=if_revision)

    # --- what they share

    def _forewarnings(self, wave: Wave, listening: Mapping[str, int], now: datetime | None) -> Iterator[str]:
        """What to know about the devices of a new wave's tag."""
        if wave.tag not in listening:
            yield f"no production device listens to the tag {wave.tag} yet"
        later = self._facts.later_than(wave.target_version, wave.tag)
        if later:
            yield later_sentence(later, wave.target_version)
        targets = parse_document(wave.document, "Targets", "the role").signed["targets"]
        core = WaveHistory.of(wave, supported_hardware=supported_hardware(targets, wave.target_version)).core
        fleet = self._devices.fleet(now=now).core
        unsupported = dict(core.hardware_without_target(fleet, core.unsupported(fleet)))
        if unsupported:
            yield unsupported_sentence(unsupported)

    def _downgraded(self, wave: Wave) -> Mapping[int, int]:
        if not wave.active:
            return {}
        root = self._roots.root("production")
        protected = {
            one.target_version
            for one in self._book.all()
            if one.tag == wave.tag and one.state == "canceled" and signatures_of(one.document, root).verified
        }
        later = self._facts.later_than(wave.target_version, wave.tag)
        return {version: devices for version, devices in later.items() if version not in protected}

    def _published(self, waves: Sequence[Wave], at: int, roles: Mapping[str, bytes] | None = None) -> Changes:
        """Everything that production devices are served, signed anew."""
        root = self._roots.root("production")
        served = self._production.served(self._production.roles() if roles is None else roles, waves, root)
        return self._publisher.publish("production", served, root, now=instant(at))

    def _store(
        self, wave: Wave, action: str, summary: str, at: int, *, role: dict[str, Any] | None = None, **details: object
    ) -> None:
        before = self._book.find(wave.name)
        waves = [wave if one.wave_id == wave.wave_id else one for one in self._book.all()]
        changes, roles = [changed_cells(before, wave)], dict(self._production.roles())
        if role is not None:
            changes.append(put("targets_roles", [role]))
            roles |= {wave.tag: wave.document}
        changes += self._published(waves, at, roles)
        self._context.commit(action, summary, changes, at=at, details={"wave": wave.name, **details})

    @staticmethod
    def _require_active(wave: Wave, verb: str) -> None:
        if not wave.active:
            when = "" if wave.finished_at is None else f" since {wave.finished_at:%Y-%m-%dT%H:%M:%SZ}"
            raise StateError(
                "wave-finished",
                f"the wave `{wave.name}` is {wave.state}{when}, so it cannot be {verb}",
                hint="a finished wave never changes again; make a new one",
                fields={"wave": wave.name, "state": wave.state},
            )

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

    def _require_signatures(self, wave: Wave) -> None:
        found = signatures_of(wave.document, self._roots.root("production"))
        if not found.verified:
            raise TrustError(
                "signatures-missing",
                f"the wave `{wave.name}` lacks {found.missing} of its signatures",
                hint="have it signed with another offline targets key",
                fields={"wave": wave.name, "missing": found.missing, "valid": list(found.valid)},
            )

    def _new_wave(self, wave_id: int, name: str, tag: str, document: bytes, at: int) -> Wave:
        version = parse_document(document, "Targets", "the role").version
        return Wave.begin(name, version, tag, at=instant(at), by=self._context.user, wave_id=wave_id, document=document)

    def _finished(self, wave: Wave, state: Any, at: int) -> Wave:
        return replace(
            wave,
            state=state,
            revision=wave.revision + 1,
            finished_at=instant(at),
            finished_by=self._context.user,
        )

    def _without_target(self, wave: Wave, now: datetime | None) -> dict[str, int]:
        """The devices that the completed wave could not update, by hardware id."""
        core, fleet = self._book.core(wave), self._devices.fleet(now=now).core
        left = core.unsupported(fleet) - core.updated(fleet)
        return dict(core.hardware_without_target(fleet, left))

    def _detail(self, wave: Wave, without_target: dict[str, int] | None = None) -> WaveDetail:
        document = parse_document(wave.document, "Targets", f"the role of wave {wave.name}")
        found = signatures_of(wave.document, self._roots.root("production"))
        own = _own_targets(wave, document.signed["targets"])
        missing = found.missing if wave.active else 0
        warnings = []
        if missing:
            warnings.append(signatures_needed(missing))
        if without_target:
            warnings.append(no_target_for(without_target))
        without = without_deltas(own)
        if without and wave.active:
            names = joined(without[:MAX_NAMED], more=len(without) - MAX_NAMED)
            warnings.append(
                f"no static deltas were made for {names}: devices will fetch every changed file whole; for"
                " smaller downloads run `ostree static-delta generate --from=OLD --to=NEW` where it is published,"
                " and import its targets with their delta-stats before the wave is made"
            )
        return WaveDetail(
            wave=wave,
            rollouts=len(self._book.rollouts(wave)),
            expires=document.expires,
            targets=tuple(own),
            signed_by=found.valid,
            signatures_missing=missing,
            warnings=tuple(warnings),
            without_target=without_target or {},
        )

    def _known_versions(self, wave: Wave) -> set[int]:
        """The versions that production devices of the tag can get, by its production targets or its active wave."""
        documents = [self._production.roles().get(wave.tag)]
        active = self._book.active_of(wave.tag)
        documents.append(None if active is None else active.document)
        return {
            int(target["custom"]["version"])
            for document in documents
            if document is not None
            for target in parse_document(document, "Targets", "a targets role").signed["targets"].values()
        }


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


def _would_downgrade(wave: Wave, downgraded: Mapping[int, int]) -> StateError:
    return StateError(
        "would-downgrade",
        f"completing `{wave.name}` would offer version {wave.target_version} to devices that are past it:"
        f" {later_sentence(downgraded, wave.target_version)}",
        hint="make a wave of a later version, or accept that agents may go back: `allow_downgrade`",
        fields={
            "wave": wave.name,
            "target_version": wave.target_version,
            "devices": sum(downgraded.values()),
            "versions": {str(version): devices for version, devices in downgraded.items()},
        },
    )


def _own_targets(wave: Wave, documents: dict[str, Any]) -> dict[str, Any]:
    version = str(wave.target_version)
    return {name: target for name, target in sorted(documents.items()) if target["custom"]["version"] == version}
