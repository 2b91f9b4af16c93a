"""Factories for benchmarks: empty ones for imports, and ones that are ready for a first wave."""

from __future__ import annotations

import shutil
from functools import cache
from typing import TYPE_CHECKING, Final

from benches.fleets import NOW, folder, table
from benches.targets import write_targets
from groundswell import Factory

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

__all__ = ["FIRST_VERSION", "TAG", "bare", "copy", "ready", "targets_keys"]

TAG: Final = "production"
FIRST_VERSION: Final = 217
"""A later version than the devices report."""
VERSIONS: Final = range(FIRST_VERSION, FIRST_VERSION + 500)
"""A ready factory has targets for this many consecutive waves."""
KEYS: Final = "targets.tgz"


@cache
def bare() -> Path:
    """Make a factory without devices."""
    path = folder() / "bare"
    Factory.create(path, name="acme", now=NOW).close()
    return path


@cache
def ready(size: int) -> Path:
    """Make a factory with the fleet of this size, offline keys (next to it) and CI targets."""
    return ready_with(f"ready-{size}", table(size))


def ready_with(name: str, devices: pa.Table) -> Path:
    """Make a factory with these devices, offline keys (next to it) and CI targets."""
    home = folder() / name
    home.mkdir()
    targets = home / "targets.json"
    write_targets(targets, VERSIONS)
    with Factory.create(home / "acme", name="acme", now=NOW) as factory:
        factory.keys.init(root_keys=home / "root.tgz", targets_keys=home / KEYS, now=NOW)
        factory.targets.import_(targets.read_bytes(), now=NOW)
        factory.devices.import_(devices, now=NOW)
    return home / "acme"


def targets_keys(factory: Path) -> Path:
    """The offline targets key of a factory that is ready."""
    return factory.parent / KEYS


def copy(original: Path, name: str) -> Path:
    """Copy a closed factory, replacing an earlier copy with that name."""
    path = folder() / name
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(original, path)
    return path
