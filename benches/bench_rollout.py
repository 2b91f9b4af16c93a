"""Whole rollouts: select, stage durably, store history, publish; compared with a server's table in SQLite."""

from __future__ import annotations

import math
import random
import sqlite3
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from benches.factories import FIRST_VERSION, TAG, ready, ready_with, targets_keys
from benches.fleets import HALF_LIFE, LAST_STEP, NOW, NOW_SECONDS, THRESHOLD, folder, table
from benches.work import OURS, Case, Task, Work
from groundswell import Factory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZES: Final = (1_000_000,)
FULL_SIZES: Final = ()
LIMIT: Final = 10_000
WHOLE: Final = "everyone"
_SAMPLE: Final = "Roll out 10,000"
_GROUP: Final = "Roll out a whole group"


@cache
def _one_group(size: int) -> pa.Table:
    """The fleet, with all devices as production devices of one group on the wave's tag."""
    made = table(size)
    for name, value in (("group", WHOLE), ("tag", TAG), ("production", True)):
        made = made.set_column(made.column_names.index(name), name, pa.array([value]).take(pa.array([0] * size)))
    return made


# --- ours ----------------------------------------------------------------------------------------------------------


class _Waves:
    """An open factory with its fleet loaded, and consecutive waves."""

    def __init__(self, path: Path) -> None:
        self._factory = Factory.open(path)
        self._factory.devices.fleet(now=NOW)
        self._keys = targets_keys(path)
        self._number = 0
        self.begin()

    def begin(self) -> None:
        """Complete the present wave, and start the next, whose targets replace those of the last."""
        version = FIRST_VERSION + self._number
        if self._number:
            self._factory.waves.complete(now=NOW)
        prune = [version - 2] if self._number > 1 else []
        self._number += 1
        self._factory.waves.init(self._name, version, TAG, keys=self._keys, prune=prune, now=NOW)

    @property
    def _name(self) -> str:
        return f"wave-{self._number}"

    def sample(self) -> int:
        return len(self._factory.waves.rollout(self._name, LIMIT, now=NOW).plan.devices)

    def whole_group(self) -> object:
        return self._factory.waves.rollout(self._name, group=WHOLE, whole_group=True, now=NOW)

    def covered(self) -> int:
        return self._factory.waves.status(self._name, now=NOW).progress.covered

    def close(self) -> None:
        self._factory.close()


def _sample(size: int) -> Task:
    waves = _Waves(ready(size))
    return Task(waves.sample, waves.begin)


def _whole_group(size: int) -> Task:
    waves = _Waves(ready_with(f"whole-{size}", _one_group(size)))
    return Task(waves.whole_group, waves.begin)


# --- SQLite --------------------------------------------------------------------------------------------------------


class _Server:
    """A server's tables: devices with an index, and the chosen devices of each wave."""

    def __init__(self, devices: pa.Table, name: str) -> None:
        path = folder() / f"{name}.sqlite"
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA cache_size = -1000000")
        self._connection.create_function("clock", 1, self._clock)
        self._connection.execute(
            'CREATE TABLE devices (id INTEGER PRIMARY KEY, uuid BLOB, "group" TEXT, tag TEXT, production INTEGER,'
            " last_seen INTEGER, target_version INTEGER)"
        )
        self._connection.execute(
            "CREATE TABLE wave_devices (wave INTEGER, device INTEGER, PRIMARY KEY (wave, device)) WITHOUT ROWID"
        )
        seen = pc.fill_null(devices["last_seen"].cast(pa.int64()), 0)
        columns = [devices[name].to_pylist() for name in ("uuid", "group", "tag", "production")]
        rows = zip(*columns, seen.to_pylist(), devices["target_version"].to_pylist(), strict=True)
        self._connection.execute("BEGIN")
        self._connection.executemany(
            'INSERT INTO devices (uuid, "group", tag, production, last_seen, target_version) VALUES (?, ?, ?, ?, ?, ?)',
            rows,
        )
        self._connection.execute('CREATE INDEX by_group ON devices ("group", tag)')
        self._connection.execute("COMMIT")
        self.wave = 1

    @staticmethod
    def _clock(last_seen: int) -> float:
        step = min(LAST_STEP, max(0, -((NOW_SECONDS - THRESHOLD - last_seen) * -8 // HALF_LIFE)))
        return float(-math.log(1 - random.random()) * 2 ** (step / 8))

    def begin(self) -> None:
        """Start the next wave, after a checkpoint of the write-ahead log."""
        self.wave += 1
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def sample(self) -> int:
        older = f"AND (target_version IS NULL OR target_version < {FIRST_VERSION})"
        return self._stage(f"{older} ORDER BY clock(last_seen) LIMIT ?", LIMIT)

    def whole_group(self) -> int:
        return self._stage('AND "group" = ?', WHOLE)

    def _stage(self, which: str, value: object) -> int:
        self._connection.execute("BEGIN IMMEDIATE")
        staged = self._connection.execute(
            "INSERT INTO wave_devices SELECT ?, id FROM devices"
            " WHERE production AND tag = ?"
            f" AND id NOT IN (SELECT device FROM wave_devices WHERE wave = ?) {which}",
            (self.wave, TAG, self.wave, value),
        ).rowcount
        self._connection.execute("COMMIT")
        return staged


def _server_sample(size: int) -> Task:
    server = _Server(table(size), f"sample-{size}")
    return Task(server.sample, server.begin)


def _server_whole_group(size: int) -> Task:
    server = _Server(_one_group(size), f"whole-{size}")
    return Task(server.whole_group, server.begin)


# --- the same devices, and the clock -------------------------------------------------------------------------------

SQLITE: Final = "SQLite: a row for each device"


def works(size: int) -> list[Work]:
    return [
        Work(
            f"{_SAMPLE} of the fleet",
            f"{size:,}",
            size,
            {OURS: partial(_sample, size), SQLITE: partial(_server_sample, size)},
        ),
        Work(
            _GROUP,
            f"{size:,}",
            size,
            {OURS: partial(_whole_group, size), SQLITE: partial(_server_whole_group, size)},
        ),
    ]


def test_both_take_in_as_many(size: int) -> None:
    few = min(size, 20_000)
    devices = _one_group(few)
    waves, server = _Waves(ready_with("check", devices)), _Server(devices, "check")
    assert waves.sample() == server.sample() == LIMIT
    waves.begin()
    server.begin()
    waves.whole_group()
    assert waves.covered() == server.whole_group() == few
    waves.close()


def test_rollout(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
