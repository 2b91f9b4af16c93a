"""A factory that is ready for its first wave, created once and copied: 50 000 devices in several groups."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from groundswell.factory import Factory
from groundswell.values import instant

if TYPE_CHECKING:
    from pathlib import Path


NOW = 1_795_478_400
TAG = "production"
HARDWARE = "raspberrypi4-64"
GROUPS = {
    "canary": 5,
    "beta": 20,
    "us-east-1": 400,
    "us-east": 3_000,
    "us-west": 1_000,
    "apac": 1_000,
    "eu-emea": 40_000,
    None: 4_575,
}
DEVICES = sum(GROUPS.values())
TEST_DEVICES = 200


def devices(groups: dict[str | None, int] = GROUPS, *, test_devices: int = TEST_DEVICES, seed: int = 7) -> pa.Table:
    """Production devices on `TAG` in groups, in random order, and some test devices on `main`."""
    chance = np.random.default_rng(seed)
    count = sum(groups.values())
    group = [name for name, number in groups.items() for _ in range(number)] + [None] * test_devices
    order = chance.permutation(count + test_devices)
    production = np.arange(count + test_devices) < count
    raw = chance.bytes(16 * (count + test_devices))
    ages = np.minimum(chance.exponential(86_400, count + test_devices), 3_000_000).astype(np.int64)
    return pa.table(
        {
            "uuid": [raw[16 * i : 16 * i + 16].hex() for i in range(count + test_devices)],
            "name": [f"device-{i:06d}" for i in range(count + test_devices)],
            "group": pa.array([group[i] for i in order], pa.string()),
            "tag": [TAG if production[i] else "main" for i in order],
            "production": production[order],
            "last_seen": NOW - ages,
            "target_version": pa.array(np.full(count + test_devices, 41, np.int32)),
            "hardware_id": [HARDWARE] * (count + test_devices),
        }
    )


def target(version: int, hardware: str = HARDWARE, tags: tuple[str, ...] = ("main",)) -> dict[str, object]:
    """A mapping name → CI target."""
    custom = {"hardwareIds": [hardware], "tags": list(tags), "targetFormat": "OSTREE", "version": str(version)}
    return {f"{hardware}-lmp-{version}": {"custom": custom, "hashes": {"sha256": f"{version:064x}"}, "length": 0}}


def make_factory(folder: Path, table: pa.Table, versions: tuple[int, ...] = (41, 42, 43)) -> Path:
    """Create a factory with devices, offline keys (next to it) and CI targets of these versions."""
    path, now = folder / "acme", instant(NOW)
    with Factory.create(path, name="acme", now=now) as factory:
        factory.devices.import_(table, now=now)
        factory.keys.init(root_keys=folder / "root.tgz", targets_keys=folder / "targets.tgz", now=now)
        document = {name: value for version in versions for name, value in target(version).items()}
        factory.targets.import_(json.dumps(document).encode(), now=now)
    return path
