"""Where the disk fails so that nobody knows whether a line is on it, the line keeps what it refers to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from groundswell import Factory
from groundswell.errors import StorageError
from groundswell.store import Entry, remove, set_cells
from support.factories import AT, embedded_store

if TYPE_CHECKING:
    from pathlib import Path

# Enough for the rows to lie beside the log, and for a thread of their own.
DEVICES = 30_000


def devices(version: int) -> pa.Table:
    return pa.table(
        {
            "uuid": [f"{n * 2654435761 % 2**32:032x}" for n in range(DEVICES)],
            "name": [f"device-{n * 7919}" for n in range(DEVICES)],
            "production": [True] * DEVICES,
            "target_version": [version + n % 2 for n in range(DEVICES)],
        }
    )


@pytest.mark.parametrize("line_survives", [True, False])
def test_a_line_that_cannot_be_taken_back_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, line_survives: bool
) -> None:
    """The line is written, its sync fails, and so does cutting it off again."""
    Factory.create(tmp_path / "acme", name="acme", now=AT).close()
    log = tmp_path / "acme" / "audit.log"
    before = log.stat().st_size
    sync = os.fsync

    def fails(number: int) -> None:
        if os.path.samestat(os.fstat(number), log.stat()) and log.stat().st_size > before:
            raise OSError(5, "Input/output error")
        sync(number)

    def refuses(_number: int, _size: int) -> None:
        raise OSError(5, "Input/output error")

    factory = Factory.open(tmp_path / "acme")
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", fails)
        disk.setattr(os, "ftruncate", refuses)
        with pytest.raises(StorageError) as caught:
            factory.devices.import_(devices(41), now=AT)
    assert caught.value.code == "outcome-unknown"
    factory.close()
    if not line_survives:
        os.truncate(log, before)
    with Factory.open(tmp_path / "acme") as again:
        assert len(again.devices.fleet()) == (DEVICES if line_survives else 0)
        assert again.check(now=AT).sound
        again.devices.import_(devices(42), now=AT)
        assert set(again.devices.fleet().target_versions) == {42, 43}


def test_cells_that_are_set_are_set_again_when_the_store_is_rebuilt(tmp_path: Path) -> None:
    """Rows of the kind `set` change the cells that they name, of the rows that they name, and nothing else."""
    with Factory.create(tmp_path / "acme", name="acme", now=AT) as factory:
        factory.devices.import_(devices(41).slice(0, 4), now=AT)
        store = embedded_store(factory)
        entry = Entry(at=0, by="a test", action="test", summary="sets cells", details={})
        before = store._run.rows("SELECT * EXCLUDE (target_version, name) FROM devices ORDER BY ordinal")
        cells = pa.table({"ordinal": pa.array([2, 0], pa.uint32()), "target_version": pa.array([77, None], pa.int32())})
        store.commit(entry, [set_cells("devices", cells)])
        strangers = pa.table({"ordinal": pa.array([99], pa.uint32()), "name": ["nobody"]})
        store.commit(entry, [set_cells("devices", strangers)])
        versions = store._run.rows("SELECT target_version FROM devices ORDER BY ordinal")
        assert versions == [(None,), (42,), (77,), (42,)]
        assert store._run.rows("SELECT * EXCLUDE (target_version, name) FROM devices ORDER BY ordinal") == before
        store.commit(entry, [remove("devices", pa.table({"ordinal": pa.array([3], pa.uint32())}))])
    (tmp_path / "acme" / "factory.duckdb").unlink()
    Factory.repair(tmp_path / "acme")
    with Factory.open(tmp_path / "acme") as again:
        assert embedded_store(again)._run.rows("SELECT target_version FROM devices ORDER BY ordinal") == versions[:3]
