"""Why devices are in a wave or not, and what each of them is served now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundswell import _core
from groundswell.factory.trust.publisher import TAG_VARIANT
from groundswell.waves import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.serving import Production
    from groundswell.fleet import Fleet, UuidList
    from groundswell.waves import Wave, WaveHistory, WhyReport

__all__ = ["why"]


def why(
    devices: UuidList, wave: Wave | None, fleet: Fleet, book: WaveRepository, production: Production
) -> Sequence[WhyReport]:
    """A report for each device; see `groundswell.factory.waves.waves.Waves.why`."""
    named = None if wave is None else book.history(wave)
    found = []
    for row, ordinal in zip(devices.array, fleet.ordinals(devices).tolist(), strict=True):
        uuid = row.tobytes()
        if ordinal == _core.NO_ORDINAL:
            found.append(explain(named, fleet, uuid))
            continue
        _, tag, *_ = fleet.core.device(ordinal)
        served = _served(uuid, tag, fleet, production)
        found.append(explain(named or _latest_of(tag, book), fleet, uuid, served=served))
    return found


def _latest_of(tag: str | None, book: WaveRepository) -> WaveHistory | None:
    """The active wave of a tag, or else the latest one."""
    own = [wave for wave in book.all() if wave.tag == tag]
    wave = next((wave for wave in own if wave.active), own[-1] if own else None)
    return None if wave is None else book.history(wave)


def _served(uuid: bytes, tag: str | None, fleet: Fleet, production: Production) -> str:
    if tag is None:
        return "nothing: it has no tag"
    wanted = production.served_to(uuid, fleet)
    if wanted is None:
        return f"nothing: tag {tag} has no production targets"
    repository, _, variant = wanted
    if repository == "ci":
        return f"the CI targets of tag {tag}"
    return f"the production targets of tag {tag}" if variant == TAG_VARIANT else f"the targets of {variant}"
