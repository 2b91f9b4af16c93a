"""What `Factory.check` proves of waves: their rows, their history, and that what is served follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.waves import verify
from groundswell.waves.history import no_devices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from groundswell.factory.devices.fleet_loader import FleetCache
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.waves.repository import WaveRepository
    from groundswell.factory.waves.serving import Production

__all__ = ["WaveChecks"]


class WaveChecks:
    """The checks that no query can make; the caller is in `reading` or `changing`."""

    def __init__(self, book: WaveRepository, fleets: FleetCache, production: Production, publisher: Publisher) -> None:
        self._book: Final = book
        self._fleets: Final = fleets
        self._production: Final = production
        self._publisher: Final = publisher

    def checks(self) -> dict[str, Callable[[], Iterator[str]]]:
        """By what should hold: what finds the faults."""
        return {
            "rollouts hold the devices of their digests, and choose nobody twice": self._history,
            "production devices are served what waves and production targets say": self._served,
        }

    def _history(self) -> Iterator[str]:
        for wave in self._book.all():
            for one in verify(self._book.history(wave), self._fleets.fleet()):
                if not one.holds:
                    yield f"the devices of rollout {one.number} of wave {wave.name} are not those of its digest"
            chosen = no_devices()
            for rollout in self._book.rollouts(wave):
                if rollout.whole:
                    continue
                again = chosen & rollout.devices
                if len(again):
                    yield f"rollout {rollout.number} of wave {wave.name} chose {len(again)} devices again"
                chosen |= rollout.devices

    def _served(self) -> Iterator[str]:
        wanted, found = set(self._production.offered()), set(self._publisher.served("production"))
        for one in sorted(wanted - found):
            yield f"tag {one.tag} ({one.variant}) is not served what its wave or its production targets say"
        for one in sorted(found - wanted):
            yield f"tag {one.tag} ({one.variant}) is served what no wave and no production targets say"
