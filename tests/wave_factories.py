"""Factories that are ready for waves: with devices of every kind, offline keys beside them, and CI targets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

import factories
from factories import AT, NOW
from groundswell.factory import Factory
from groundswell.factory.roots import new_links, signed_root
from groundswell.tuf import read_tarball
from groundswell.tuf.roles import next_root, production_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from uuid import UUID

    from reference import Device

VERSIONS = (40, 41, 42, 43, 44, 45)
HARDWARE = "pi"
KEYS = ("targets.tgz", "second.tgz")


def make(folder: Path, *, needed: int = 2, versions: Sequence[int] = VERSIONS) -> Path:
    """A factory without devices; `needed` keys must sign a wave: the online one and one or two offline ones."""
    with Factory.create(folder / "acme", name="acme", user="alice", now=AT) as factory:
        factory.keys.init(root_keys=folder / "root.tgz", targets_keys=folder / KEYS[0], now=AT)
        factory.keys.add_targets(root_keys=folder / "root.tgz", targets_keys=folder / KEYS[1], now=AT)
        if needed > 2:
            raise_threshold(factory, folder / "root.tgz", needed)
        targets = [factories.target(version, HARDWARE) for version in versions]
        factory.targets.import_(factories.plain(*targets), now=AT)
    return folder


def raise_threshold(factory: Factory, root_keys: Path, needed: int) -> None:
    """Have the production root ask for more signatures of targets; there is no command for it yet."""
    signed = next_root(factory._roots.latest("ci").signed, expires=AT + timedelta(days=365))
    signer = factory.keys.offline_signer(read_tarball(root_keys), "root", factory._roots.root("ci"))
    production = production_of(signed, targets_threshold=needed)
    links = new_links({"ci": signed_root(signed, [signer]), "production": signed_root(production, [signer])})
    factory._context.commit("test", "raised the threshold of targets", [links], at=NOW)


def table(devices: Iterable[Device]) -> pa.Table:
    """Devices as a registry has them."""
    rows = list(devices)
    return pa.table(
        {
            "uuid": [str(one.uuid) for one in rows],
            "group": pa.array([one.group for one in rows], pa.string()),
            "tag": pa.array([one.tag for one in rows], pa.string()),
            "production": [one.production for one in rows],
            "last_seen": pa.array([one.last_seen for one in rows], pa.int64()),
            "target_version": pa.array([one.target_version for one in rows], pa.int64()),
            "hardware_id": [HARDWARE] * len(rows),
        }
    )


def cells(uuids: Sequence[UUID], **columns: Any) -> pa.Table:
    """Rows that say but a few things of devices; a column that is all None is one of nothing."""
    rows: dict[str, Any] = {"uuid": [str(uuid) for uuid in uuids]}
    for name, value in columns.items():
        kind = pa.int64() if name in {"last_seen", "target_version"} else pa.string()
        rows[name] = pa.array([value] * len(uuids), kind)
    return pa.table(rows)
