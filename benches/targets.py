"""Writes a synthetic ``targets.json`` for the hardware ids and versions of synthetic fleets."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_targets"]

HARDWARE = ("imx8mm-gateway", "raspberrypi4-64", "intel-corei7-64", "stm32mp15-sensor", "jetson-orin-nano")
"""The hardware ids of ``groundswell fleet synth``."""
VERSIONS = range(200, 218)
"""Its target versions."""
TAGS = ("main", "devel")
"""The tags of its test devices."""


def write_targets(path: Path, versions: range = VERSIONS) -> None:
    """Write one target for each hardware and version."""
    targets = dict(_target(hardware, version) for version in versions for hardware in HARDWARE)
    path.write_text(json.dumps(targets, indent=1), encoding="utf-8")


def _target(hardware: str, version: int) -> tuple[str, dict[str, Any]]:
    name = f"{hardware}-lmp-{version}"
    digest = hashlib.sha256(name.encode()).hexdigest()
    custom = {
        "docker_compose_apps": {"shop": {"uri": f"hub.example/acme/shop@sha256:{digest}"}},
        "hardwareIds": [hardware],
        "name": f"{hardware}-lmp",
        "tags": list(TAGS),
        "targetFormat": "OSTREE",
        "version": str(version),
    }
    return name, {"custom": custom, "hashes": {"sha256": digest}, "length": 0}
