"""Scenes for the kill tests: each is a sequence of acts on a separate factory. Also observes a factory afterwards.

An act is acknowledged when it has returned. All instants and users are given, so an act without a random key always
produces the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from groundswell.errors import GroundswellError
from groundswell.factory import Factory
from groundswell.tuf import read_tarball

NOW = datetime.fromtimestamp(1_795_000_000, tz=UTC)
USER = "alice"
ACME = "acme"
LARGE = 4000
"""Number of devices whose rows do not fit into a line of the audit log."""

OLD_FACTORY = Path(__file__).parents[1] / "data" / "factories" / "7424a07.tar.xz"

Facts = dict[str, Any]
Act = Callable[[Factory, Path], object]


def uuid(number: int) -> str:
    digits = f"{0xB0000000_0000_4000_8000_000000000000 + number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def table(first: int, count: int, **columns: Any) -> pa.Table:
    """A table of numbered devices; each column is one value for all, or a list."""
    rows: dict[str, Any] = {"uuid": [uuid(number) for number in range(first, first + count)]}
    return pa.table(rows | {name: v if isinstance(v, list) else [v] * count for name, v in columns.items()})


def scattered(count: int) -> list[str]:
    """Names that do not compress."""
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def target(version: int) -> dict[str, Any]:
    return {
        "custom": {
            "hardwareIds": ["pi"],
            "name": "pi-lmp",
            "tags": ["main"],
            "targetFormat": "OSTREE",
            "version": str(version),
        },
        "hashes": {"sha256": f"{version:064x}"},
        "length": 0,
    }


# --- factories to begin with


def bare(place: Path) -> None:
    Factory.create(place / ACME, name=ACME, user=USER, now=NOW).close()


def stocked(place: Path) -> None:
    """A factory with two groups of devices."""
    bare(place)
    with opened(place) as factory:
        rows = table(0, 6, group=["canary"] * 2 + ["field"] * 4, tag="main", production=True, target_version=41)
        factory.devices.import_(rows, now=NOW)


def keyed(place: Path) -> None:
    stocked(place)
    with opened(place) as factory:
        factory.keys.init(**tarballs(place), now=NOW)
        factory.targets.add("pi-lmp-42", target(42), now=NOW)


def planned(place: Path) -> None:
    """A factory with a wave and a plan file for it."""
    keyed(place)
    with opened(place) as factory:
        factory.waves.init("v42", 42, "main", keys=place / "targets.tgz", now=NOW)
        factory.waves.rollout("v42", limit=2, seed=7, now=NOW, dry_run=True).plan.write(place / "plan.json")


def backed_up(place: Path) -> None:
    keyed(place)
    with opened(place) as factory:
        factory.backup(place / "backup")
        factory.groups.create("later", now=NOW)


def broken(place: Path) -> None:
    """A factory with a damaged database."""
    keyed(place)
    database = place / ACME / "factory.duckdb"
    database.write_bytes(b"rubbish" * 1000)


def behind(place: Path) -> None:
    """A factory whose database lacks several lines of the audit log, one of them large, as after a kill."""
    stocked(place)
    database = place / ACME / "factory.duckdb"
    older = database.read_bytes()
    with opened(place) as factory:
        factory.devices.import_(table(4, LARGE, name=scattered(LARGE), production=True), now=NOW)
        factory.groups.create("later", now=NOW)
    database.write_bytes(older)


def compacted(place: Path) -> None:
    """A factory that was compacted, and changed after it."""
    keyed(place)
    with opened(place) as factory:
        factory.compact(now=NOW)
        factory.groups.create("lab", now=NOW)


def old(place: Path) -> None:
    """A factory as the code of commit 7424a07 left it, and a backup of it; its log lines hold their rows."""
    with tarfile.open(OLD_FACTORY) as archive:
        archive.extractall(place, filter="data")


def opened(place: Path) -> Factory:
    return Factory.open(place / ACME, user=USER, wait=timedelta(seconds=5))


def tarballs(place: Path) -> dict[str, Path]:
    return {"root_keys": place / "root.tgz", "targets_keys": place / "targets.tgz"}


# --- commands


@dataclass(frozen=True)
class Scene:
    """A command: acts on an open factory, or one act that opens the factory itself."""

    prepare: Callable[[Path], None]
    acts: tuple[Act, ...] = ()
    alone: Callable[[Path], object] | None = None

    def run(self, place: Path, acknowledge: Callable[[], None], first: int = 0) -> None:
        if self.alone is not None:
            self.alone(place)
            acknowledge()
            return
        with opened(place) as factory:
            for act in self.acts[first:]:
                act(factory, place)
                acknowledge()


SCENES = {
    "create": Scene(lambda _: None, alone=bare),
    "import": Scene(
        stocked,
        (
            lambda factory, _: factory.devices.import_(
                table(4, 4, group="lab", tag="main", production=True, target_version=42), now=NOW
            ),
            lambda factory, _: factory.devices.delete([uuid(0), uuid(7)], now=NOW),
            lambda factory, _: factory.devices.allow([uuid(0)], now=NOW),
            lambda factory, _: factory.devices.import_(table(0, 1, name="back", production=True), now=NOW),
        ),
    ),
    "large import": Scene(
        stocked,
        (lambda factory, _: factory.devices.import_(table(4, LARGE, name=scattered(LARGE), production=True), now=NOW),),
    ),
    "groups": Scene(
        stocked,
        (
            lambda factory, _: factory.groups.create("lab", "on the desk", now=NOW),
            lambda factory, _: factory.devices.assign([uuid(0), uuid(5)], "lab", now=NOW),
            lambda factory, _: factory.groups.rename("lab", "bench", now=NOW),
            lambda factory, _: factory.groups.delete("field", ungroup=True, now=NOW),
        ),
    ),
    "keys": Scene(
        stocked,
        (
            lambda factory, place: factory.keys.init(**tarballs(place), now=NOW),
            lambda factory, place: factory.keys.add_targets(
                root_keys=place / "root.tgz", targets_keys=place / "second.tgz", now=NOW
            ),
            lambda factory, place: factory.keys.rotate_targets(**tarballs(place), now=NOW),
            lambda factory, place: factory.keys.rotate_root(root_keys=place / "root.tgz", now=NOW),
            lambda factory, place: factory.keys.rotate_online(root_keys=place / "root.tgz", now=NOW),
        ),
    ),
    "targets": Scene(
        keyed,
        (
            lambda factory, _: factory.targets.add("pi-lmp-43", target(43), now=NOW),
            lambda factory, _: factory.metadata.refresh(now=NOW),
            lambda factory, _: factory.targets.prune([42], now=NOW),
        ),
    ),
    "waves": Scene(
        keyed,
        (
            lambda factory, place: factory.waves.init("v42", 42, "main", keys=place / "targets.tgz", now=NOW),
            lambda factory, _: factory.waves.rollout("v42", group="canary", whole_group=True, seed=7, now=NOW),
            lambda factory, _: factory.waves.rollout("v42", limit=2, seed=7, now=NOW),
            lambda factory, _: factory.waves.complete("v42", now=NOW),
        ),
    ),
    "canceled wave": Scene(
        keyed,
        (
            lambda factory, place: factory.waves.init("v42", 42, "main", keys=place / "targets.tgz", now=NOW),
            lambda factory, _: factory.waves.rollout("v42", limit="50%", seed=7, now=NOW),
            lambda factory, _: factory.waves.cancel("v42", now=NOW),
        ),
    ),
    "retries": Scene(
        planned,
        (
            lambda factory, place: factory.waves.apply(place / "plan.json", now=NOW),
            lambda factory, _: factory.waves.rollout("v42", limit=2, seed=7, now=NOW, request_id="two"),
            lambda factory, _: factory.waves.rollout(
                "v42", uuids=[uuid(99)], skip_mismatched=True, seed=7, now=NOW, request_id="nobody"
            ),
        ),
    ),
    "backup": Scene(backed_up, (lambda factory, place: factory.backup(place / "backup"),)),
    "restore": Scene(
        backed_up, alone=lambda place: Factory.restore(place / "backup", place / "restored", user=USER, now=NOW)
    ),
    "compact": Scene(compacted, (lambda factory, _: factory.compact(now=NOW),)),
    "migration": Scene(old, alone=lambda place: opened(place).close()),
    "recovery": Scene(behind, alone=lambda place: opened(place).close()),
    "repair": Scene(broken, alone=lambda place: Factory.repair(place / ACME)),
    "export": Scene(keyed, (lambda factory, place: factory.metadata.export(uuid(0), place / "exported", now=NOW),)),
}


# --- observations


def observe(place: Path, *, check: bool) -> Facts:
    """Observe a folder. Opening the factory after a crash completes or rolls back an unfinished act."""
    facts: Facts = {name: seen(place / name, check=check) for name in (ACME, "restored")}
    facts["litter"] = sorted(path.name for path in place.iterdir() if path.name.startswith("."))
    facts["tarballs"] = {
        path.name: sorted(entry.public.keyid for entry in read_tarball(path).keys if entry.private)
        for path in place.glob("*.tgz")
    }
    backup = place / "backup"
    if backup.exists():
        facts["backup"] = {"sha256": hashlib.sha256(backup.read_bytes()).hexdigest(), "whole": restorable(backup)}
    exported = place / "exported"
    if exported.exists():
        facts["exported"] = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(exported.iterdir())
        }
    return facts


def seen(path: Path, *, check: bool) -> Facts | None:
    """Observe a factory: its state, the error of opening it, or None if it does not exist."""
    if not path.exists():
        return None
    try:
        factory = Factory.open(path, user=USER, wait=timedelta(seconds=0))
    except GroundswellError as error:
        return {"refused": error.code}
    with factory:
        devices = factory.devices.list(limit=20).devices
        facts: Facts = {
            "revision": factory.revision,
            "devices": {d.uuid: [d.ordinal, d.name, d.group, d.tag, d.production, d.target_version] for d in devices},
            "groups": {group.name: [group.group_id, group.devices] for group in factory.groups.list()},
            "root": factory.keys.show().role_version,
            "active": {
                role: [fact.keyid for fact in factory.keys.show().keys if fact.role == role and not fact.online]
                for role in ("root", "targets")
            },
            "online": [[fact.role, fact.keyid] for fact in factory.keys.show().keys if fact.online],
            "faults": [fault for result in factory.check(now=NOW).results for fault in result.faults] if check else [],
        }
    return facts | {"log": lines(path), "files": files(path), "tables": tables(path / "factory.duckdb")}


def lines(path: Path) -> list[str]:
    """The actions of the audit log, after verifying the digest of each line and the chain of digests."""
    before, actions = "0" * 64, []
    data = (path / "audit.log").read_bytes()
    assert data.endswith(b"\n"), "the audit log ends with an incomplete line"
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        entry = json.loads(line)
        assert (entry["seq"], entry["previous"]) == (number, before)
        assert entry["sha256"] == hashlib.sha256(line[: line.rindex(b',"sha256"')]).hexdigest()
        for change in entry["changes"]:
            if "data" in change:  # a line of an older version
                assert change["sha256"] == hashlib.sha256(base64.b64decode(change["data"])).hexdigest()
                continue
            rows = path / "audit" / change.get("file", change.get("segment"))
            if rows.exists():  # a checkpoint may have replaced it
                data = rows.read_bytes()[change.get("at", 0) :][: change.get("size")]
                assert change["sha256"] == hashlib.sha256(data).hexdigest()
        if "checkpoint" in entry:
            snapshot = path / "audit" / entry["checkpoint"]["file"]
            kept = not snapshot.exists() or hashlib.sha256(snapshot.read_bytes()).hexdigest()
            assert kept in {True, entry["checkpoint"]["sha256"]}
        before = hashlib.sha256(line).hexdigest()
        actions.append(entry["action"])
    return actions


def files(path: Path) -> list[str]:
    """The files of a closed factory, after checking that only the owner may read them."""
    found = [file for file in path.rglob("*") if file.is_file()]
    for file in found:
        assert file.stat().st_mode & 0o077 == 0, f"others may read {file}"
    return sorted(str(file.relative_to(path)) for file in found)


def tables(database: Path) -> dict[str, list[Any]]:
    """Number of rows and digest of each table of a closed database.

    Ignores the stored digest of the last audit log line, because equal rows may be serialised differently in the log.
    """
    import duckdb

    found: dict[str, list[Any]] = {}
    with duckdb.connect(str(database), read_only=True) as connection:
        for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall():
            rows = connection.execute(f'SELECT * FROM "{name}" ORDER BY ALL').fetchall()
            rows = [row for row in rows if row[0] != "audit_head"]
            found[name] = [len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()]
    return found


def restorable(backup: Path) -> bool:
    """Whether a backup is complete: every file has the digest in the manifest."""
    digests: dict[str, str] = {}
    digests_in_manifest: dict[str, str] = {}
    with tarfile.open(backup, "r:") as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            data = content.read()
            if member.name == "manifest.json":
                digests_in_manifest = {entry["name"]: entry["sha256"] for entry in json.loads(data)["files"]}
            else:
                digests[member.name] = hashlib.sha256(data).hexdigest()
    return bool(digests) and digests == digests_in_manifest


@dataclass
class Outcome:
    """The result of an act with a failing disk: empty if it returned, otherwise the class and the code of its error."""

    errors: list[list[str] | None] = field(default_factory=list)

    def take(self, act: Callable[[], object]) -> None:
        try:
            act()
        except GroundswellError as error:
            self.errors.append([type(error).__name__, error.code, error.message, error.hint])
        else:
            self.errors.append(None)
