"""Factories that are ready for waves: devices of every kind, offline keys, and CI targets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa

from groundswell.factory import Factory
from groundswell.factory.trust.roots import new_links, signed_root
from groundswell.tuf.roles import next_root, production_of
from support import factories
from support.factories import AT, NOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from groundswell.factory.waves.waves import WaveDetail, Waves
    from groundswell.waves.plan_rollout import RolloutResult
    from reference.selection import Device

VERSIONS = (40, 41, 42, 43, 44, 45)
HARDWARE = "pi"
KEYS = ("targets.tgz", "second.tgz")


def make(folder: Path, *, needed: int = 2, versions: Sequence[int] = VERSIONS) -> Path:
    """Create a factory without devices. A wave needs `needed` signatures: the online one and offline ones."""
    with Factory.create(folder / "acme", name="acme", user="alice", now=AT) as factory:
        factory.keys.init(root_keys=folder / "root.tgz", targets_keys=folder / KEYS[0], now=AT)
        factory.keys.add_targets(root_keys=folder / "root.tgz", targets_keys=folder / KEYS[1], now=AT)
        if needed > 2:
            raise_threshold(factory, folder / "root.tgz", needed)
        targets = [factories.target(version, HARDWARE) for version in versions]
        factory.targets.import_(factories.plain(*targets), now=AT)
    return folder


def raise_threshold(factory: Factory, root_keys: Path, needed: int) -> None:
    """Raise the targets threshold of the production root; there is no command for it yet."""
    signed = next_root(factory._internals.roots.latest("ci").signed, expires=AT + timedelta(days=365))
    signer = factory._internals.offline.signer(root_keys, "root", factory._internals.roots.root("ci"))
    production = production_of(signed, targets_threshold=needed)
    links = new_links({"ci": signed_root(signed, [signer]), "production": signed_root(production, [signer])})
    factory._context.commit("test", "raised the threshold of targets", [links], at=NOW)


def table(devices: Iterable[Device]) -> pa.Table:
    """Devices as a registry export."""
    rows = list(devices)
    return pa.table(
        {
            "uuid": [str(one.uuid) for one in rows],
            "group": pa.array([one.group for one in rows], pa.string()),
            "tag": pa.array([one.tag for one in rows], pa.string()),
            "production": [one.production for one in rows],
            "last_seen": pa.array([one.last_seen for one in rows], pa.int64()),
            "target_version": pa.array([one.target_version for one in rows], pa.int64()),
            "hardware_id": pa.array([one.hardware_id for one in rows], pa.string()),
        }
    )


def cells(uuids: Sequence[UUID], **columns: Any) -> pa.Table:
    """Rows with only some columns; a column of None values has the type null."""
    rows: dict[str, Any] = {"uuid": [str(uuid) for uuid in uuids]}
    for name, value in columns.items():
        kind = pa.int64() if name in {"last_seen", "target_version"} else pa.string()
        rows[name] = pa.array([value] * len(uuids), kind)
    return pa.table(rows)


# --- a small fleet that has a device of every kind ------------------------------------------------------------------

HOUR = 3600
TAG = "main"
CANARY, FIELD, GROUPLESS = range(1, 5), range(5, 15), range(15, 19)
MATCHING = range(1, 19)
TEST_DEVICES, OTHER_TAG, TAGLESS = range(21, 24), range(31, 34), range(41, 43)
STRANGER = factories.device(99)


def uuid(number: int) -> str:
    """The UUID of a numbered device."""
    return factories.device(number)


def uuids(numbers: Iterable[int]) -> list[str]:
    """The UUIDs of numbered devices, in order."""
    return [factories.device(number) for number in numbers]


def numbers(devices: Iterable[str]) -> list[int]:
    """The numbers of devices, in order."""
    return [int(one[-12:], 16) for one in devices]


def small_fleet() -> pa.Table:
    """18 production devices on `TAG` in two groups or none; also test devices, and devices on another tag or none.

    Device n was last seen n hours ago. All report version 41.
    """
    rows = [
        *((n, "canary", TAG, True) for n in CANARY),
        *((n, "field", TAG, True) for n in FIELD),
        *((n, None, TAG, True) for n in GROUPLESS),
        *((n, "canary", TAG, False) for n in TEST_DEVICES),
        *((n, "canary", "beta", True) for n in OTHER_TAG),
        *((n, "field", None, True) for n in TAGLESS),
    ]
    return pa.table(
        {
            "uuid": [uuid(n) for n, *_ in rows],
            "name": [f"device-{n}" for n, *_ in rows],
            "group": pa.array([group for _, group, _, _ in rows], pa.string()),
            "tag": pa.array([tag for _, _, tag, _ in rows], pa.string()),
            "production": [production for *_, production in rows],
            "last_seen": [NOW - n * HOUR for n, *_ in rows],
            "target_version": pa.array([41] * len(rows), pa.int64()),
            "hardware_id": [HARDWARE] * len(rows),
        }
    )


@dataclass
class Release:
    """An open factory with the small fleet, and its tarballs."""

    factory: Factory
    folder: Path

    @property
    def waves(self) -> Waves:
        """Its waves."""
        return self.factory.waves

    @property
    def keys(self) -> Path:
        """The tarball of the first targets key."""
        return self.folder / KEYS[0]

    @property
    def second_keys(self) -> Path:
        """The tarball of the second targets key."""
        return self.folder / KEYS[1]

    def init(self, name: str = "w", version: int = 42, tag: str = TAG, **words: Any) -> WaveDetail:
        """Make a wave."""
        said: dict[str, Any] = {"keys": self.keys, "now": AT}
        return self.waves.init(name, version, tag, **(said | words))

    def rollout(self, limit: Any = None, *, wave: str = "w", **words: Any) -> RolloutResult:
        """Roll the wave out; devices are given by number."""
        if words.get("uuids") is not None and not isinstance(words["uuids"], str):
            words["uuids"] = [uuid(one) if isinstance(one, int) else one for one in words["uuids"]]
        said: dict[str, Any] = {"now": AT}
        return self.waves.rollout(wave, limit, **(said | words))

    def covered(self, wave: str = "w") -> list[int]:
        """The devices that the wave covers now, queried one by one."""
        everyone = [*MATCHING, *TEST_DEVICES, *OTHER_TAG, *TAGLESS]
        return [n for n, one in zip(everyone, self.waves.why(uuids(everyone), wave=wave), strict=True) if one.in_wave]

    def check_in(self, devices: Iterable[int], **columns: Any) -> None:
        """Update devices: `last_seen` is now, unless `columns` say otherwise."""
        rows = cells([UUID(uuid(n)) for n in devices], **({"last_seen": NOW} | columns))
        self.factory.devices.import_(rows, now=AT, clear=[name for name, value in columns.items() if value is None])

    def reopen(self) -> None:
        """Close the factory and open it again."""
        self.factory.close()
        self.factory = Factory.open(self.folder / "acme", user="alice")
