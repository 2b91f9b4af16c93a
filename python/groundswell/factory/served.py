"""Which production documents are served at all, and which of them a device gets.

For each tag: its production targets; those of its active wave, once it has its signatures; and those of canceled waves
above the production targets, for devices that run them already.

Source: domain.md, "Which metadata a device is served".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.factory.publisher import TAG_VARIANT, Served
from groundswell.tuf import parse_document, verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from groundswell.factory.context import Context
    from groundswell.factory.devices import Device
    from groundswell.factory.wave_book import WaveBook
    from groundswell.fleet import Fleet
    from groundswell.tuf import Root, Verification
    from groundswell.waves.records import Wave

__all__ = ["Production", "signatures_of", "variant_of"]


def variant_of(wave: Wave) -> str:
    """What the documents of a wave are called among those of its tag."""
    return f"wave {wave.name}"


def signatures_of(document: bytes, root: Root) -> Verification:
    """How far the signatures of a production targets role go."""
    role = root.roles["targets"]
    return verify(
        parse_document(document, "Targets", "the targets role"), root.keys, role.keyids, max(2, role.threshold)
    )


class Production:
    """What production devices are served."""

    def __init__(self, context: Context, book: WaveBook) -> None:
        self._context: Final = context
        self._book: Final = book

    def roles(self) -> dict[str, bytes]:
        """The production targets roles by tag."""
        rows = self._context.store.rows("SELECT tag, document FROM targets_roles WHERE repository = 'production'")
        return {tag: bytes(document) for tag, document in rows}

    def served(self, roles: Mapping[str, bytes], waves: Iterable[Wave], root: Root) -> Sequence[Served]:
        """All documents that some production device is served.

        Args:
            roles: the production targets role of each tag.
            waves: all waves.
            root: the latest production root.
        """
        found = [Served(tag, TAG_VARIANT, document) for tag, document in roles.items()]
        versions = {tag: _version(document) for tag, document in roles.items()}
        for wave in waves:
            above = wave.target_version > versions.get(wave.tag, 0)
            wanted = wave.state == "active" or (wave.state == "canceled" and above)
            if wanted and signatures_of(wave.document, root).verified:
                found.append(Served(wave.tag, variant_of(wave), wave.document))
        return found

    def variant(self, device: Device, fleet: Fleet) -> str | None:
        """Which of its tag's documents a production device is served; None for none."""
        role = self.roles().get(device.tag or "")
        waves = [wave for wave in self._book.all() if wave.tag == device.tag and wave.state != "complete"]
        standings = [self.standing(wave, fleet, device.uuid) for wave in waves]
        decided = _core.served(
            production=device.production,
            tagged=device.tag is not None,
            target_version=device.target_version,
            waves=[
                (wave.target_version, wave.state, standing is not None and standing.covered)
                for wave, standing in zip(waves, standings, strict=True)
            ],
            production_version=None if role is None else _version(role),
        )
        if isinstance(decided, int):
            return variant_of(waves[decided])
        return TAG_VARIANT if decided != "nothing" else None

    def standing(self, wave: Wave, fleet: Fleet, uuid: str) -> _core.Standing | None:
        """Where a wave puts a device; None if the fleet does not have it."""
        from uuid import UUID

        return self._book.core(wave).standing(fleet.core, UUID(uuid).bytes, state=wave.state)


def _version(document: bytes) -> int:
    return parse_document(document, "Targets", "the production targets").version
