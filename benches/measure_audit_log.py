"""Measures how large an audit log gets and how long `check` takes: ``python -m benches.measure_audit_log [FOLDER]``.

Two works: 200 imports of 100 000 devices of which 90 000 have checked in since the one before, and `check` after 400
rollouts to a factory of 50 000 devices. It prints bytes and seconds of CPU, not of the clock: a shared machine delays
both.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from groundswell.factory import Factory
from groundswell.values import instant

NOW = 1_795_478_400
DEVICES, CHECK_INS, IMPORTS, ROLLOUTS = 100_000, 90_000, 200, 400
TAGS, GROUPS = ("main", "production"), [f"group-{number}" for number in range(20)]


def _fleet(chance: np.random.Generator) -> pa.Table:
    raw = chance.bytes(16 * DEVICES)
    return pa.table(
        {
            "uuid": [raw[16 * i : 16 * i + 16].hex() for i in range(DEVICES)],
            "name": [f"device-{i:06d}" for i in range(DEVICES)],
            "group": [GROUPS[i % len(GROUPS)] for i in range(DEVICES)],
            "tag": [TAGS[i % 10 > 0] for i in range(DEVICES)],
            "production": [i % 10 > 0 for i in range(DEVICES)],
            "last_seen": NOW - chance.integers(1, 86_400, DEVICES),
            "target_version": pa.array([41] * DEVICES, pa.int32()),
            "hardware_id": ["raspberrypi4-64"] * DEVICES,
        }
    )


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _imports(folder: Path) -> None:
    chance = np.random.default_rng(7)
    fleet, begun = _fleet(chance), time.process_time()
    compactions = 0.0
    with Factory.create(folder / "acme", name="acme", now=instant(NOW)) as factory:
        factory.devices.import_(fleet, now=instant(NOW))
        for number in range(1, IMPORTS):
            seen = fleet.column("last_seen").to_numpy().copy()
            which = chance.permutation(DEVICES)[:CHECK_INS]
            at = NOW + number * 3600
            seen[which] = at - chance.integers(0, 3600, CHECK_INS)
            fleet = fleet.set_column(fleet.column_names.index("last_seen"), "last_seen", pa.array(seen))
            before = factory.revision
            factory.devices.import_(fleet, now=instant(at))
            compactions += factory.revision - before > 1
        path = folder / "acme"
        beside = _size(path / "audit") + (path / "audit.log").stat().st_size
        store = (path / "factory.duckdb").stat().st_size
        spent = time.process_time() - begun
        print(f"{IMPORTS} imports: {beside / 1e6:.1f} MB next to a store of {store / 1e6:.1f} MB,")
        print(f"  {compactions:.0f} compactions, {spent / IMPORTS:.2f} s of CPU for each import")
        begun = time.process_time()
        sound = factory.check(now=instant(NOW + IMPORTS * 3600)).sound
        print(f"  check: {time.process_time() - begun:.2f} s of CPU, sound: {sound}")


def _rollouts(folder: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support import releases

    path, now = releases.make_factory(folder, releases.devices()), instant(releases.NOW)
    with Factory.open(path) as factory:
        factory.waves.init("v42", 42, releases.TAG, keys=folder / "targets.tgz", now=now)
        begun = time.process_time()
        for number in range(ROLLOUTS):
            factory.waves.rollout("v42", limit=20, seed=number, now=now)
        spent = time.process_time() - begun
        print(f"{ROLLOUTS} rollouts: {1000 * spent / ROLLOUTS:.1f} ms of CPU each,")
        payloads, entries = _size(path / "audit"), (path / "audit.log").stat().st_size
        print(f"  {payloads / 1e6:.1f} MB of payloads, {entries / 1e6:.1f} MB of entries")
        begun = time.process_time()
        sound = factory.check(now=now).sound
        print(f"  check: {time.process_time() - begun:.2f} s of CPU, sound: {sound}")


if __name__ == "__main__":
    for work in (_rollouts, _imports):
        with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
            work(Path(name))
