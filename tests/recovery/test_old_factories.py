"""A factory of commit 7424a07 opens, verifies, migrates, is rebuilt from its old log lines, and can be compacted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groundswell.errors import StorageError
from groundswell.factory import Factory
from support.crash_scenes import ACME, NOW, USER, lines, old, opened, seen, uuid

if TYPE_CHECKING:
    from pathlib import Path

REVISION = 11


@pytest.fixture
def place(tmp_path: Path) -> Path:
    old(tmp_path)
    return tmp_path


def test_it_opens_and_verifies(place: Path) -> None:
    before = (place / ACME / "audit.log").read_bytes()
    with opened(place) as factory:
        assert factory.revision == REVISION
        assert factory.check(now=NOW).sound
        assert len(factory.devices) == 2007
        assert all(one.holds for one in factory.waves.verify("v42"))
        # What was deleted then is denied now.
        assert [one.uuid for one in factory.devices.denied()] == [uuid(7)]
        factory.waves.rollout("v42", limit=1, seed=1, now=NOW)
        assert factory.check(now=NOW).sound
    assert (place / ACME / "audit.log").read_bytes().startswith(before)
    assert len(lines(place / ACME)) == REVISION + 1


def test_it_is_rebuilt_from_its_log(place: Path) -> None:
    sound = seen(place / ACME, check=True)
    assert sound is not None
    (place / ACME / "factory.duckdb").write_bytes(b"rubbish" * 1000)
    assert Factory.repair(place / ACME)[0] == REVISION
    facts = seen(place / ACME, check=True)
    assert facts is not None
    assert facts["faults"] == []
    assert facts["tables"] == sound["tables"]


def test_a_damaged_line_of_it_is_found(place: Path) -> None:
    log = place / ACME / "audit.log"
    data = bytearray(log.read_bytes())
    data[data.index(b'"data":"') + 100] ^= 1
    log.write_bytes(data)
    with opened(place) as factory:
        assert not factory.check(now=NOW).sound
        with pytest.raises(StorageError):
            factory.compact(now=NOW)
    with pytest.raises(StorageError):
        Factory.repair(place / ACME)


def test_it_can_be_compacted(place: Path) -> None:
    before = (place / ACME / "audit.log").read_bytes()
    with opened(place) as factory:
        report = factory.compact(now=NOW)
        assert factory.check(now=NOW).sound
    # Old lines are whole, because their digests are over their rows; the sidecar is gone.
    assert (place / ACME / "audit.log").read_bytes().startswith(before)
    assert sorted(path.name for path in (place / ACME / "audit").iterdir()) == list(report.snapshots)
    sound = seen(place / ACME, check=True)
    (place / ACME / "factory.duckdb").unlink()
    Factory.repair(place / ACME)
    assert seen(place / ACME, check=True) == sound


def test_its_backup_restores(place: Path) -> None:
    restored = Factory.restore(place / "backup", place / "restored", user=USER, now=NOW)
    assert restored.revision == REVISION + 1
    facts = seen(place / "restored", check=True)
    assert facts is not None
    assert facts["faults"] == []
