"""The roles of waves: composed for a key's holder to sign, and accepted when they come back signed.

Each function needs the caller to be in `reading` or `changing`. Accepting trusts nothing of the composing: it composes
the role again from what the factory knows now, and compares.

Source: domain.md, "Wave life"; wire.md 2.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.errors import NotFoundError, StateError
from groundswell.factory.devices.tag_facts import near_tags
from groundswell.factory.waves.serving import signatures_of
from groundswell.text import MAX_NAMED, count, joined
from groundswell.tuf import SigningRequest, assemble, parse_document, read_targets, sign
from groundswell.tuf.canonical import canonical
from groundswell.tuf.signing import check_composed, parse_signed, valid_signatures
from groundswell.values import instant
from groundswell.waves.role import compose_role

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from groundswell.factory.trust.offline_keys import OfflineKeys
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.targets import Targets
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.serving import Production
    from groundswell.tuf import Document, Root, Target
    from groundswell.waves.records import Wave

__all__ = ["WaveSigning"]


class WaveSigning:
    """Says which bytes to sign for a wave, and takes signed documents."""

    def __init__(
        self,
        book: WaveRepository,
        production: Production,
        publisher: Publisher,
        offline: OfflineKeys,
        targets: Targets,
    ) -> None:
        self._book: Final = book
        self._production: Final = production
        self._publisher: Final = publisher
        self._offline: Final = offline
        self._targets: Final = targets

    def compose_init(
        self,
        name: str,
        target_version: int,
        tag: str,
        *,
        prune: Collection[int],
        source_tag: str | None,
        expires: datetime,
        listening: Mapping[str, int] | None,
        at: int,
    ) -> SigningRequest:
        """The role of a new wave; see `groundswell.factory.waves.waves.Waves.compose`.

        Args:
            name: as there.
            target_version: as there.
            tag: as there.
            prune: as there.
            source_tag: as there.
            expires: as there.
            listening: how many production devices listen to each tag; None if the tag is known to be meant.
            at: the present, in seconds since 1970.
        """
        root = self._offline.ready_root("production")
        self._refuse_unfit(name, tag, listening)
        new = self._new_targets(target_version, source_tag)
        signed = compose_role(
            self._production_role(tag),
            new,
            target_version=target_version,
            tag=tag,
            prune=frozenset(prune),
            expires=expires,
            now=instant(at),
        )
        return self._request(name, canonical(signed), root)

    def accept_init(
        self, name: str, tag: str, document: bytes, *, listening: Mapping[str, int] | None, at: int
    ) -> bytes:
        """The role of a new wave as it is stored, with the signature of the factory.

        Args:
            name: as in `groundswell.factory.waves.waves.Waves.accept`.
            tag: as there.
            document: as there.
            listening: as in `compose_init`.
            at: as in `compose_init`.
        """
        root = self._offline.ready_root("production")
        self._refuse_unfit(name, tag, listening)
        label = _label(name)
        said = parse_signed(document, "Targets", label)
        composed = self._composed_again(said, tag, at)
        check_composed(said, canonical(composed), label)
        offline = valid_signatures(said, self._offline.allowed("targets", root), label)
        online = self._publisher.signer(root, "targets")
        return assemble(said.signed_bytes, [sign(online, said.signed_bytes), *offline])

    def compose_signature(self, wave: Wave) -> SigningRequest:
        """The role of a wave, with the signatures that it has; one of any other offline key may be added."""
        root = self._offline.ready_root("production")
        document = parse_document(wave.document, "Targets", _label(wave.name))
        return self._request(wave.name, document.signed_bytes, root, document)

    def accept_signature(self, wave: Wave, document: bytes) -> tuple[bytes, tuple[str, ...]]:
        """The role of a wave with the signatures that are new in a document, and the keys that made these."""
        root, label = self._offline.ready_root("production"), _label(wave.name)
        known = parse_document(wave.document, "Targets", label)
        said = parse_signed(document, "Targets", label)
        check_composed(said, known.signed_bytes, label)
        before = signatures_of(wave.document, root).valid
        offered = valid_signatures(said, self._offline.allowed("targets", root), label)
        new = [signature for signature in offered if signature["keyid"] not in before]
        keyids = tuple(signature["keyid"] for signature in new)
        kept = [signature for signature in known.signatures if signature["keyid"] not in keyids]
        return assemble(known.signed_bytes, [*kept, *new]), keyids

    def _request(self, name: str, signed_bytes: bytes, root: Root, document: Document | None = None) -> SigningRequest:
        return SigningRequest(
            name=f"wave-{name}",
            role_type="Targets",
            signed_bytes=signed_bytes,
            keyids=tuple(key.keyid for key in self._offline.allowed("targets", root)),
            signatures=() if document is None else document.signatures,
        )

    def _production_role(self, tag: str) -> Document | None:
        role = self._production.roles().get(tag)
        return None if role is None else parse_document(role, "Targets", f"the production targets of {tag}")

    def _composed_again(self, said: Document, tag: str, at: int) -> dict[str, object]:
        """What the factory composes now for the version, the targets and the expiry that a document names."""
        production, names = self._production_role(tag), said.signed["targets"]
        known: Sequence[Target] = ()
        if production is not None and production.signed["targets"]:
            known, _ = read_targets(production.signed["targets"], f"the production targets of {tag}")
        kept = {target.target_version for target in known if target.name in names}
        every = self._new_targets(said.version, None)
        return compose_role(
            production,
            _by_a_tag([target for target in every if target.name in names], every),
            target_version=said.version,
            tag=tag,
            prune={target.target_version for target in known} - kept,
            expires=said.expires,
            now=instant(at),
        )

    def _new_targets(self, target_version: int, source_tag: str | None) -> Sequence[Target]:
        new = self._targets.show(target_version)
        if source_tag is None:
            return new
        chosen = [target for target in new if source_tag in target.tags]
        if not chosen:
            tags = sorted({tag for target in new for tag in target.tags})
            raise NotFoundError(
                "no-source-targets",
                f"no target of version {target_version} carries the tag `{source_tag}`",
                hint=f"they carry {joined(tags[:MAX_NAMED], more=len(tags) - MAX_NAMED)}"
                if tags
                else "they carry no tags",
                fields={"target_version": target_version, "source_tag": source_tag, "tags": tags},
            )
        return chosen

    def _refuse_unfit(self, name: str, tag: str, listening: Mapping[str, int] | None) -> None:
        if any(wave.name == name for wave in self._book.all()):
            raise StateError(
                "wave-name-used",
                f"a wave was named `{name}` before",
                hint="a name is never used again: choose another",
                fields={"wave": name},
            )
        busy = self._book.active_of(tag)
        if busy is not None:
            raise StateError(
                "tag-busy",
                f"wave `{busy.name}` is already active for tag {tag}",
                hint=f"complete or cancel {busy.name} first: a tag has one active wave at a time",
                fields={"wave": busy.name, "tag": tag},
            )
        if listening is not None:
            _refuse_typo(tag, listening)


def _label(name: str) -> str:
    return f"the role of wave {name}"


def _by_a_tag(chosen: Sequence[Target], every: Sequence[Target]) -> Sequence[Target]:
    """Some targets of a version, if all that carry a certain tag were chosen; otherwise all targets of the version."""
    names = {target.name for target in chosen}
    tags = {tag for target in chosen for tag in target.tags}
    if any({target.name for target in every if tag in target.tags} == names for tag in tags):
        return chosen
    return every


def _refuse_typo(tag: str, listening: Mapping[str, int]) -> None:
    near = [] if tag in listening else near_tags(tag, listening)
    if near:
        named = " or ".join(f"`{name}` ({count(listening[name], 'production device')})" for name in near[:3])
        raise StateError(
            "tag-without-devices",
            f"no production device listens to the tag `{tag}`; probably it is a typo of {named}",
            hint="correct the tag, or confirm that it is new: `new_tag`",
            fields={"tag": tag, "nearest": near},
        )
