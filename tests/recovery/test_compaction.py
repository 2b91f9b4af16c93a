"""Compaction: entries and their chain stay, rows go, and nothing acknowledged is lost, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import StorageError
from groundswell.factory import Factory
from groundswell.store.duckdb import store as store_module
from support import crashes
from support.crash_scenes import ACME, NOW, USER, Facts, keyed, lines, opened, scattered, seen, table
from support.crashes import drawn
from support.factories import past_the_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.crashes import Servers

LARGE = 2000


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factory with rows in segments and in a sidecar, never compacted."""
    place = tmp_path_factory.mktemp("original")
    keyed(place)
    with opened(place) as factory:
        factory.devices.import_(table(6, LARGE, name=scattered(LARGE), production=True), now=NOW)
    return place


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "place")
    return tmp_path / "place"


def entries(place: Path) -> list[Any]:
    return [json.loads(line) for line in (place / ACME / "audit.log").read_bytes().splitlines()]


def beside(place: Path) -> list[str]:
    return sorted(path.name for path in (place / ACME / "audit").iterdir())


def rows_of(facts: Facts | None) -> Any:
    """What the tables hold but for the facts that every entry changes."""
    assert facts is not None
    return {name: rows for name, rows in facts["tables"].items() if name != "meta"}


def compacted(place: Path) -> Any:
    with opened(place) as factory:
        return factory.compact(now=NOW)


# --- what stays and what goes


def test_entries_stay_as_they_were_and_rows_go(place: Path) -> None:
    log = place / ACME / "audit.log"
    before, rows, size = log.read_bytes(), rows_of(seen(place / ACME, check=True)), len(entries(place))
    report = compacted(place)
    assert log.read_bytes().startswith(before)
    after = entries(place)[size:]
    # Two checkpoints: each is an entry with the digest of its snapshot, and of the line that the snapshot is of.
    assert [entry["action"] for entry in after] == ["compact", "compact"]
    for entry in after:
        said, line = (
            entry["checkpoint"],
            log.read_bytes().splitlines(keepends=True)[entry["checkpoint"]["revision"] - 1],
        )
        assert said["head"] == entry["previous"] == hashlib.sha256(line).hexdigest()
        data = (place / ACME / "audit" / said["file"]).read_bytes()
        assert (said["size"], said["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert beside(place) == list(report.snapshots)
    assert report.payload_bytes == 0
    assert report.freed_bytes > 0
    facts = seen(place / ACME, check=True)
    assert facts is not None
    assert facts["faults"] == []
    assert rows_of(facts) == rows


def test_compacting_twice_changes_nothing(place: Path) -> None:
    first = compacted(place)
    again = compacted(place)
    assert (again.revision, again.snapshots, again.freed_bytes) == (first.revision, first.snapshots, 0)


def test_the_last_two_snapshots_stay(place: Path) -> None:
    compacted(place)
    with opened(place) as factory:
        factory.groups.create("lab", now=NOW)
    second = compacted(place)
    assert beside(place) == list(second.snapshots)
    assert [entry["checkpoint"]["file"] for entry in entries(place) if "checkpoint" in entry][-2:] == beside(place)


@pytest.mark.parametrize("harm", ["none", "newest damaged", "newest gone", "older damaged"])
def test_a_compacted_factory_is_rebuilt_without_a_backup(place: Path, harm: str) -> None:
    older, newest = compacted(place).snapshots
    with opened(place) as factory:
        factory.devices.import_(table(0, 3, name=["x", "y", "z"], production=True), now=NOW)
    sound = rows_of(seen(place / ACME, check=True))
    snapshot = place / ACME / "audit" / (older if harm == "older damaged" else newest)
    if "damaged" in harm:
        snapshot.write_bytes(snapshot.read_bytes()[:-1] + b"x")
    elif harm == "newest gone":
        snapshot.unlink()
    (place / ACME / "factory.duckdb").unlink()
    Factory.repair(place / ACME)
    with opened(place) as factory:
        faults = [fault for result in factory.check(now=NOW).results for fault in result.faults]
        assert bool(faults) == (harm != "none")
        assert all(snapshot.name in fault for fault in faults)
        # The way out of a damaged snapshot is another checkpoint.
        factory.compact(now=NOW)
    facts = seen(place / ACME, check=True)
    assert facts is not None
    assert facts["faults"] == []
    assert rows_of(facts) == sound


def test_two_damaged_snapshots_are_refused_with_the_way_out(place: Path) -> None:
    for name in compacted(place).snapshots:
        (place / ACME / "audit" / name).write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        Factory.repair(place / ACME)
    assert caught.value.code == "store-damaged"
    assert "restore a backup" in caught.value.hint


def test_a_store_that_is_not_what_its_log_says_is_not_compacted(place: Path) -> None:
    with opened(place) as factory:
        past_the_store(factory, "UPDATE devices SET target_version = 0 WHERE ordinal = 1")
        before = beside(place)
        with pytest.raises(StorageError) as caught:
            factory.compact(now=NOW)
    assert (caught.value.code, caught.value.fields["remedy"]) == ("store-damaged", "repair")
    assert beside(place) == before
    Factory.repair(place / ACME)
    compacted(place)


def test_a_compacted_factory_is_backed_up_and_restored(place: Path) -> None:
    compacted(place)
    with opened(place) as factory:
        factory.groups.create("lab", now=NOW)
        factory.backup(place / "backup")
    Factory.restore(place / "backup", place / "restored", user=USER, now=NOW)
    facts, restored = seen(place / ACME, check=True), seen(place / "restored", check=True)
    assert facts is not None
    assert restored is not None
    assert restored["faults"] == []
    assert restored["devices"] == facts["devices"]
    assert restored["groups"] == facts["groups"]
    (place / "restored" / "factory.duckdb").unlink()
    Factory.repair(place / "restored")
    again = seen(place / "restored", check=True)
    assert again is not None
    assert again["tables"] == restored["tables"]


# --- by itself


def test_a_factory_compacts_itself_after_a_change(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_PAYLOADS_TO_STORE", 0)
    monkeypatch.setattr(store_module, "_COMPACT_ABOVE", 10_000)
    with opened(place) as factory:
        for number in range(3):
            factory.groups.create(f"group-{number}", now=NOW)
        assert factory.check(now=NOW).sound
    # The first change found the sidecar of the import; the payloads of the others are too small.
    assert lines(place / ACME)[-5:] == ["groups create", "compact", "compact", "groups create", "groups create"]
    assert [name.partition(".")[2] for name in beside(place)] == ["snapshot", "snapshot", "segment"]


def test_a_small_factory_does_not(place: Path) -> None:
    with opened(place) as factory:
        factory.groups.create("lab", now=NOW)
    assert "compact" not in lines(place / ACME)


def test_a_change_is_made_also_if_compacting_after_it_fails(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_PAYLOADS_TO_STORE", 0)
    monkeypatch.setattr(store_module, "_COMPACT_ABOVE", 10_000)

    def full(*_: object) -> None:
        raise StorageError("cannot-write", "the disk is full", hint="free space")

    monkeypatch.setattr(store_module, "write_snapshot", full)
    with opened(place) as factory:
        assert factory.groups.create("lab", now=NOW).name == "lab"
        assert factory.check(now=NOW).sound
    assert "compact" not in lines(place / ACME)


# --- kill -9 and full disks


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with crashes.running() as running:
        yield running


def kinds(steps: list[str]) -> list[str]:
    """The steps without the parts of names that differ from run to run."""
    return [re.sub("[0-9a-f]{16,}|[0-9]+", "…", step) for step in steps]


def test_kill_9_at_any_step_of_a_compaction_loses_nothing(servers: Servers) -> None:
    rehearsal = servers.rehearsed("compact")
    stages, steps = rehearsal["stages"], rehearsal["steps"]
    requests: list[dict[str, Any]] = [
        {"mode": mode, "step": step, "check": True, "resume": "acknowledged"}
        for step, what in enumerate(steps, start=1)
        for mode in ("kill", *(["tear"] if what.startswith("write") else []))
    ]
    kind = [f"{one['mode']} {kinds(steps)[one['step'] - 1]}" for one in requests]
    killed = 0
    for request, found in servers.ask_all("crash", "compact", drawn(requests, kind, share=1 / 24)):
        assert found["error"] == "", (request, found)
        killed += found["killed"]
        done = min(found["acknowledged"], len(stages) - 1)
        before, after = stages[done][ACME], stages[min(done + 1, len(stages) - 1)][ACME]
        now = found["seen"][ACME]
        assert "refused" not in now, (request, found)
        # A compaction killed between its two checkpoints has written one of them.
        assert before["revision"] <= now["revision"] <= after["revision"], (request, found)
        assert rows_of(now) in (rows_of(before), rows_of(after)), (request, found)
        assert now["groups"] in (before["groups"], after["groups"]), (request, found)
        unknown = {name for name in now["files"] if name.startswith("audit/.")}
        assert not unknown, (request, found)
        finally_ = found["seen after"][ACME]
        assert finally_["faults"] == [], (request, found)
        assert rows_of(finally_) == rows_of(stages[-1][ACME]), (request, found)
        kept = [name for name in finally_["files"] if name.startswith("audit/")]
        assert len(kept) == 2, (request, found)
    assert killed > 0


def test_a_disk_that_refuses_a_compaction_loses_nothing_and_is_reported(servers: Servers) -> None:
    act = 0
    stages = servers.rehearsed("compact")["stages"]
    (_, whole), *_ = servers.ask_all("refuse", "compact", [{"act": act, "mode": "count", "step": 0, "error": 0}])
    requests: list[dict[str, Any]] = [
        {"act": act, "mode": mode, "step": step, "error": number}
        for step in range(1, len(whole["steps"]) + 1)
        for mode, number in (("fail once", 5), ("fail writes", 28))
    ]
    codes = set()
    kind = [f"{one['mode']} {kinds(whole['steps'])[one['step'] - 1]}" for one in requests]
    for request, found in servers.ask_all("refuse", "compact", drawn(requests, kind, share=1 / 24)):
        assert "bug" not in found, (request, found)
        told, *after = found["errors"]
        assert after == [None], (request, found)
        now = found["seen"][ACME]
        assert now["faults"] == [], (request, found)
        assert now["devices"] == stages[act][ACME]["devices"], (request, found)
        if told is not None:
            assert told[0] == "StorageError", (request, told)
            codes.add(told[1])
    assert "cannot-write" in codes
    assert codes <= {"cannot-write", "cannot-read", "outcome-unknown"}
