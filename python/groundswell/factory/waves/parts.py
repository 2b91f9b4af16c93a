"""What the methods of `Waves` share: how a wave stands, and what may be done with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import StateError, TrustError
from groundswell.factory.devices.tag_facts import TagFacts
from groundswell.factory.waves.serving import signatures_of
from groundswell.text import MAX_NAMED, joined
from groundswell.tuf import parse_document
from groundswell.values import instant
from groundswell.waves.progress import no_target_for, signatures_needed
from groundswell.waves.role import without_deltas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from groundswell.factory.context import Context
    from groundswell.factory.devices.devices import Devices
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.roots import Roots
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.serving import Production
    from groundswell.store import Change
    from groundswell.waves import Wave

__all__ = ["WaveDetail", "WaveParts"]


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


class WaveParts:
    """The parts of the factory that waves need, and questions about one wave."""

    def __init__(
        self,
        context: Context,
        *,
        book: WaveRepository,
        roots: Roots,
        publisher: Publisher,
        production: Production,
        devices: Devices,
    ) -> None:
        self._context: Final = context
        self._book: Final = book
        self._roots: Final = roots
        self._publisher: Final = publisher
        self._production: Final = production
        self._devices: Final = devices
        self._facts: Final = TagFacts(context.store)

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

    def _published(self, waves: Sequence[Wave], at: int, roles: Mapping[str, bytes] | None = None) -> list[Change]:
        """Everything that production devices are served, signed anew."""
        root = self._roots.root("production")
        served = self._production.served(self._production.roles() if roles is None else roles, waves, root)
        return self._publisher.publish("production", served, root, now=instant(at))

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

    def _require_signatures(self, wave: Wave) -> None:
        found = signatures_of(wave.document, self._roots.root("production"))
        if not found.verified:
            raise TrustError(
                "signatures-missing",
                f"the wave `{wave.name}` lacks {found.missing} of its signatures",
                hint="have it signed with another offline targets key",
                fields={"wave": wave.name, "missing": found.missing, "valid": list(found.valid)},
            )

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


def _own_targets(wave: Wave, documents: dict[str, Any]) -> dict[str, Any]:
    version = str(wave.target_version)
    return {name: target for name, target in sorted(documents.items()) if target["custom"]["version"] == version}
