"""Which production documents are served at all, and which of them a device gets.

For each tag: its production targets; those of its active wave, once it has its signatures; and those of canceled waves
above the production targets, for devices that run them already. A wave that lacks signatures is served to nobody:
devices would refuse it.

Source: domain.md, "Which metadata a device is served".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, TypeVar

from groundswell import _core
from groundswell.factory.context import CachedQuery
from groundswell.factory.trust.publisher import TAG_VARIANT, Served, variant_of
from groundswell.tuf import Verification, parse_document, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from groundswell.factory.context import Context
    from groundswell.factory.trust.roots import Repository, Roots
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.fleet import Fleet
    from groundswell.tuf import Root
    from groundswell.tuf.keys import PublicKey
    from groundswell.waves.records import Wave

__all__ = ["Production", "signatures_of"]


_KEPT: Final = 4096
"""What is known of so many documents is remembered: all that are served are looked at whenever one of them changes."""
_VERIFIED: Final[dict[tuple[bytes, tuple[tuple[str, PublicKey], ...], tuple[str, ...], int], Verification]] = {}
_VERSIONS: Final[dict[bytes, int]] = {}

_Key = TypeVar("_Key")
_Known = TypeVar("_Known", Verification, int)


def signatures_of(document: bytes, root: Root) -> Verification:
    """How far the signatures of a production targets role go."""
    role = root.roles["targets"]
    threshold = max(2, role.threshold)

    def found() -> Verification:
        return verify(parse_document(document, "Targets", "the targets role"), root.keys, role.keyids, threshold)

    said = hashlib.sha256(document).digest(), tuple(root.keys.items()), role.keyids, threshold
    return _remembered(_VERIFIED, said, found)


class Production:
    """What production devices are served."""

    def __init__(self, context: Context, book: WaveRepository, roots: Roots) -> None:
        self._context: Final = context
        self._book: Final = book
        self._roots: Final = roots
        self._roles: Final = CachedQuery(context, ["targets_roles"], self._read_roles)
        self._offers: Final = CachedQuery(context, ["targets_roles", "waves", "roots"], self._work_out_offers)

    def roles(self) -> Mapping[str, bytes]:
        """The production targets roles by tag."""
        return self._roles.get()

    def _read_roles(self) -> Mapping[str, bytes]:
        return self._context.store.trust.targets_roles("production")

    def served(self, roles: Mapping[str, bytes], waves: Iterable[Wave], root: Root) -> Sequence[Served]:
        """All documents that some production device is served.

        Args:
            roles: the production targets role of each tag.
            waves: all waves.
            root: the latest production root.
        """
        versions = {tag: _version(document) for tag, document in roles.items()}
        found = [Served(tag, TAG_VARIANT, document) for tag, document in roles.items()]
        for wave in waves:
            offered = _core.is_wave_offered(
                target_version=wave.target_version, state=wave.state, production_version=versions.get(wave.tag)
            )
            if offered and signatures_of(wave.document, root).verified:
                found.append(Served(wave.tag, variant_of(wave), wave.document))
        return found

    def offered(self) -> Sequence[Served]:
        """What should be served now."""
        return self.served(self.roles(), self._book.all(), self._roots.root("production"))

    def _work_out_offers(self) -> tuple[Mapping[str, int], Mapping[str, Sequence[Wave]]]:
        """By tag: the version of the production targets, and the waves whose documents are served."""
        variants = {(one.tag, one.variant) for one in self.offered()}
        waves: dict[str, list[Wave]] = {}
        for wave in self._book.all():
            if (wave.tag, variant_of(wave)) in variants:
                waves.setdefault(wave.tag, []).append(wave)
        return {tag: _version(document) for tag, document in self.roles().items()}, waves

    def served_to(self, uuid: bytes, fleet: Fleet) -> tuple[Repository, str, str] | None:
        """The repository, tag and variant of the documents that a device is served; None for none."""
        (ordinal,) = fleet.ordinals([uuid]).tolist()
        if ordinal == _core.NO_ORDINAL:
            return None
        _, tag, production, _, target_version = fleet.core.device(ordinal)
        if tag is None:
            return None
        versions, offered = self._offers.get() if production else ({}, {})
        waves = offered.get(tag, ())
        decided = _core.targets_variant(
            production=production,
            tagged=True,
            target_version=target_version,
            waves=[(wave.target_version, wave.state, self._covers(wave, uuid, fleet)) for wave in waves],
            production_version=versions.get(tag),
        )
        if isinstance(decided, int):
            return "production", tag, variant_of(waves[decided])
        return None if decided == "nothing" else (decided, tag, TAG_VARIANT)

    def _covers(self, wave: Wave, uuid: bytes, fleet: Fleet) -> bool:
        membership = self._book.core(wave).membership(fleet.core, uuid, state=wave.state)
        return membership is not None and membership.covered


def _version(document: bytes) -> int:
    said = hashlib.sha256(document).digest()
    return _remembered(_VERSIONS, said, lambda: parse_document(document, "Targets", "the production targets").version)


def _remembered(known: dict[_Key, _Known], said: _Key, find: Callable[[], _Known]) -> _Known:
    found = known.get(said)
    if found is None:
        if len(known) >= _KEPT:
            known.clear()
        found = known[said] = find()
    return found
