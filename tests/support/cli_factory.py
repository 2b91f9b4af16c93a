"""A small factory for tests of the command line; it has every kind of device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundswell.factory import Factory
from support import factories

if TYPE_CHECKING:
    from pathlib import Path

FLEET = """uuid,name,group,tag,production,last_seen,target_version,hardware_id
00000000-0000-4000-8000-000000000001,gw-1,canary,production,true,2026-11-18T11:00:00Z,41,imx
00000000-0000-4000-8000-000000000002,gw-2,canary,production,true,2026-11-10T00:00:00Z,40,imx
00000000-0000-4000-8000-000000000003,edge-1,us-east,production,true,2026-11-18T10:30:00Z,41,pi
00000000-0000-4000-8000-000000000004,edge-2,,lts,true,,,pi
00000000-0000-4000-8000-000000000005,lab-1,canary,main,false,2026-11-18T11:05:00Z,42,imx
00000000-0000-4000-8000-000000000006,lab-2,,main,false,2026-11-18T01:00:00Z,42,pi
"""
NOW = "2026-11-18T11:06:40Z"
"""`factories.NOW` in the format of the command line."""


def make(folder: Path) -> None:
    """Create the factory ``acme`` at `NOW`, its tarballs, and its ``fleet.csv`` and ``targets.json``."""
    (folder / "fleet.csv").write_text(FLEET)
    shop = {"shop": {"uri": f"hub/shop@sha256:{42:064x}"}}
    targets = [
        factories.target(41, "imx"),
        factories.target(41, "pi"),
        factories.target(42, "imx", ["main", "devel"], docker_compose_apps=shop),
        factories.target(42, "pi"),
    ]
    (folder / "targets.json").write_bytes(factories.plain(*targets))
    with Factory.create(folder / "acme", name="acme", user="alice", now=factories.AT) as factory:
        factory.devices.import_(folder / "fleet.csv", now=factories.AT)
        factory.keys.init(root_keys=folder / "root.tgz", targets_keys=folder / "targets.tgz", now=factories.AT)
        factory.targets.import_(folder / "targets.json", now=factories.AT)
