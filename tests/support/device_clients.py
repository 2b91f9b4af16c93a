"""Simulated devices that fetch metadata after each change of a factory: a new one, and one for each earlier state.

They verify it with `groundswell.tuf.judge_directory`, which shares no code with the signing side and is itself tested
against the behaviour of real agents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundswell import tuf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from groundswell.factory import Factory


class DeviceClients:
    """Some devices of one factory. Each stands for a new device and for devices that last saw an earlier state."""

    def __init__(self, folder: Path, *uuids: str) -> None:
        self.folder = folder / "onlookers"
        self.uuids = uuids
        self.seen: dict[str, list[Path]] = {uuid: [] for uuid in uuids}

    def look(self, factory: Factory, now: datetime) -> dict[str, tuf.Verdict]:
        """Fetch and verify the metadata of each device now, as a new device and after every earlier state."""
        verdicts = {}
        for uuid in self.uuids:
            folder = self.folder / uuid / str(len(self.seen[uuid]))
            exported = factory.metadata.export(uuid, folder, now=now)
            audience: tuf.Audience = "production" if exported.device.production else "ci"
            tag = exported.device.tag if exported.publication is not None else None
            verdict = tuf.judge_directory(folder, now=now, audience=audience, tag=tag)
            assert verdict.audience == audience
            assert (verdict.timestamp_version is None) == (exported.publication is None)
            for earlier in self.seen[uuid]:
                again = tuf.judge_directory(
                    folder, now=now, audience=audience, tag=tag, previous=earlier, trusted_root=earlier / "1.root.json"
                )
                assert again == verdict
            self.seen[uuid].append(folder)
            verdicts[uuid] = verdict
        return verdicts

    def file(self, uuid: str, name: str) -> bytes:
        """A file that a device fetched last."""
        return (self.seen[uuid][-1] / name).read_bytes()

    def chain(self, uuid: str) -> Sequence[bytes]:
        """The root chain that a device fetched last."""
        folder = self.seen[uuid][-1]
        count = len(list(folder.glob("*.root.json")))
        return [(folder / f"{number}.root.json").read_bytes() for number in range(1, count + 1)]
