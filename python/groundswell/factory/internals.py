"""What the views of an open factory share: its store, its keys, and what was computed from its tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from groundswell.factory.checks.waves import WaveChecks
from groundswell.factory.devices.fleet_loader import FleetCache
from groundswell.factory.trust.ci_roles import CiRoles
from groundswell.factory.trust.offline_keys import OfflineKeys
from groundswell.factory.trust.online_keys import KEYS_FOLDER, OnlineKeyring
from groundswell.factory.trust.publisher import Publisher
from groundswell.factory.trust.roots import Roots
from groundswell.factory.waves.repository import WaveRepository
from groundswell.factory.waves.serving import Production
from groundswell.values import instant
from groundswell.waves import devices_in_state

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from groundswell import _core
    from groundswell.factory.context import Context
    from groundswell.factory.devices.leaving import DevicesInState
    from groundswell.fleet import Fleet

__all__ = ["Internals"]


@dataclass(frozen=True, slots=True)
class Internals:
    """The parts of an open factory that do not depend on the user. No view shows them."""

    keyring: OnlineKeyring
    roots: Roots
    offline: OfflineKeys
    publisher: Publisher
    ci_roles: CiRoles
    fleets: FleetCache
    book: WaveRepository
    production: Production
    wave_checks: WaveChecks
    devices_in_state: DevicesInState

    @classmethod
    def of(cls, context: Context, path: Path) -> Internals:
        """The parts of the factory in a directory."""
        keyring = OnlineKeyring(path / KEYS_FOLDER)
        roots = Roots(context)
        publisher = Publisher(context, keyring)
        fleets = FleetCache(context)
        book = WaveRepository(context)
        production = Production(context, book, roots)
        return cls(
            keyring=keyring,
            roots=roots,
            offline=OfflineKeys(context, roots, keyring),
            publisher=publisher,
            ci_roles=CiRoles(context, roots, publisher),
            fleets=fleets,
            book=book,
            production=production,
            wave_checks=WaveChecks(book, fleets, production, publisher),
            devices_in_state=partial(_devices_in_state, book),
        )


def _devices_in_state(
    book: WaveRepository, name: str | None, state: str, fleet: Fleet, *, now: int, online_threshold: timedelta
) -> _core.DeviceSet:
    wave = book.history(book.named_or_active(name))
    return devices_in_state(wave, fleet, state, now=instant(now), online_threshold=online_threshold)
