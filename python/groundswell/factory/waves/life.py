"""The life of a wave: made, signed, completed or canceled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from groundswell.arguments import checks_arguments
from groundswell.errors import StateError
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.devices.tag_facts import later_sentence, unsupported_sentence
from groundswell.factory.names import check_name
from groundswell.factory.waves.parts import WaveDetail, WaveParts
from groundswell.factory.waves.repository import changed_cells
from groundswell.factory.waves.serving import signatures_of
from groundswell.factory.waves.signing import WaveSigning
from groundswell.store import put
from groundswell.tuf import SigningRequest, parse_document, public_of, sign_request
from groundswell.values import epoch_seconds, instant
from groundswell.waves import Wave, WaveHistory
from groundswell.waves.records import wave_row
from groundswell.waves.role import supported_hardware

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from groundswell.factory.devices.devices import Devices
    from groundswell.factory.trust.offline_keys import OfflineKeys
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.roots import Roots
    from groundswell.factory.trust.targets import Targets
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.serving import Production
    from groundswell.tuf.signers import Signer

__all__ = ["ROLE_LIFE", "WaveLife"]

ROLE_LIFE: Final = timedelta(days=365)


@of_one_process
@checks_arguments
class WaveLife(WaveParts):
    """The methods of `Waves` that begin and end a wave."""

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
        super().__init__(context, book=book, roots=roots, publisher=publisher, production=production, devices=devices)
        self._offline: Final = offline
        self._signing: Final = WaveSigning(book, production, publisher, offline, targets)

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
        if tag not in self._context.store.tags.names().values():
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
