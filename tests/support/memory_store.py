"""A store in memory, of dicts and lists: the second implementation of `groundswell.store.port`.

It is the judge of the first one, so it knows no SQL and computes each read from plain rows. Tables are never changed in
place: a commit replaces them, so that a snapshot is a reference to those of before.
"""

from __future__ import annotations

import contextlib
import fnmatch
import re
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from groundswell.errors import StateError
from groundswell.store.audit.log import Record
from groundswell.store.process import Home
from groundswell.store.rows import (
    DeletedDevice,
    DeviceCount,
    DeviceRow,
    GroupRow,
    MappingRow,
    PublicationRow,
    TokenRow,
    UserRow,
)
from groundswell.store.schema import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from uuid import UUID

    from groundswell.store.changes import Change, Entry
    from groundswell.store.port import Row
    from groundswell.store.rows import DeviceFilter, DeviceSort

Table = dict[tuple[Any, ...], dict[str, Any]]
"""Rows by their key. A key that is given twice has two rows, so a damaged store has the second one under (*key, 2)."""

_DEVICE: Final[dict[str, pa.DataType]] = {
    "ordinal": pa.uint32(),
    "uuid": pa.uuid(),
    "name": pa.string(),
    "group_id": pa.uint32(),
    "tag_id": pa.uint32(),
    "production": pa.bool_(),
    "last_seen": pa.uint32(),
    "target_version": pa.int32(),
    "hardware_id": pa.string(),
    "deleted": pa.bool_(),
    "allowed": pa.bool_(),
    "version_at": pa.uint32(),
}
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "devices": {**dict.fromkeys(_DEVICE), "allowed": False},
    "rollouts": {"candidates_rule": 1},
}
_FLEET: Final = ("ordinal", "uuid", "name", "group_id", "tag_id", "production", "last_seen", "target_version",
                 "hardware_id", "deleted")  # fmt: skip


def _uuids(values: Sequence[UUID]) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one.bytes for one in values], pa.binary(16)))


def _device_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pa.Table:
    arrays = {
        name: _uuids([row["uuid"] for row in rows])
        if name == "uuid"
        else pa.array([row[name] for row in rows], _DEVICE[name])
        for name in columns
    }
    return pa.table(arrays)


class MemoryStore:
    """As `groundswell.store.port.Store`."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self.home: Final = Home(folder)
        self.read_only: Final = None
        self._state = _State({table: {} for table in KEYS}, 0, dict.fromkeys(KEYS, 0))
        self._mine: Final = threading.local()
        self._writing: Final = threading.RLock()
        self._records: Final[list[Record]] = []
        self._closed = False
        self.devices: Final = _Devices(self._tables)
        self.groups: Final = _Groups(self._tables)
        self.tags: Final = _Tags(self._tables)
        self.waves: Final = _Waves(self._tables)
        self.trust: Final = _Trust(self._tables)
        self.facts: Final = _Facts(self._tables)
        self.mappings: Final = _Mappings(self._tables)
        self.access: Final = _Access(self._tables)
        self.checks: Final = _Checks(self._tables)

    def _now(self) -> _State:
        snapshot: _State | None = getattr(self._mine, "snapshot", None)
        return self._state if snapshot is None else snapshot

    def _tables(self) -> dict[str, Table]:
        self.require_open()
        return self._now().tables

    def _depth(self) -> int:
        depth: int = getattr(self._mine, "changing", 0)
        return depth

    @property
    def revision(self) -> int:
        return self._now().revision

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        if getattr(self._mine, "snapshot", None) is not None or self._depth():
            yield
            return
        self._mine.snapshot = self._state
        try:
            yield
        finally:
            self._mine.snapshot = None

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        with self._writing:
            self._mine.changing = self._depth() + 1
            try:
                yield
            finally:
                self._mine.changing -= 1

    def commit(self, entry: Entry, changes: Sequence[Change]) -> int:
        self.require_writable()
        with self.changing():
            tables = dict(self._state.tables)
            for change in changes:
                tables[change.table] = _changed(tables[change.table], change)
            revision = self._state.revision + 1
            changed_at = self._state.changed_at | dict.fromkeys((change.table for change in changes), revision)
            self._records.append(Record(revision, entry, f"head {revision}", f"head {revision - 1}", ()))
            self._state = _State(tables, revision, changed_at)
            return revision

    def changed_at(self, *tables: str) -> int:
        return max(self._now().changed_at[table] for table in tables)

    def records(self) -> Iterator[Record]:
        return iter(self._records[: self.revision])

    def require_open(self) -> None:
        if self._closed:
            raise StateError("factory-closed", "the store is closed")

    def require_writable(self) -> None:
        self.require_open()

    def close(self) -> None:
        self._closed = True


@dataclass(frozen=True)
class _State:
    tables: dict[str, Table]
    revision: int
    changed_at: dict[str, int]


def _changed(table: Table, change: Change) -> Table:
    after = dict(table)
    for row in change.rows.to_pylist():
        key = tuple(row[column] for column in KEYS[change.table])
        if change.kind == "remove":
            after.pop(key, None)
        elif change.kind == "set":
            if key in after:
                after[key] = after[key] | row
        else:
            while change.kind == "add" and key in after:
                key = (*key, "again")
            after[key] = _DEFAULTS.get(change.table, {}) | row
    return after


class _Reads:
    def __init__(self, tables: Callable[[], dict[str, Table]]) -> None:
        self._tables: Final = tables

    def _rows(self, table: str, *by: str) -> list[dict[str, Any]]:
        found = self._tables()[table].values()
        return sorted(found, key=lambda row: tuple(row[column] for column in by or KEYS[table]))

    def _names(self, kind: str) -> dict[int, str]:
        return {row[f"{kind}_id"]: row["name"] for row in self._rows(f"{kind}s")}


class _Devices(_Reads):
    def count(self) -> int:
        return sum(not row["deleted"] for row in self._rows("devices"))

    def registered(self) -> int:
        return len(self._rows("devices"))

    def columns(self) -> pa.Table:
        return _device_table(self._rows("devices"), _FLEET)

    def by_uuid(self, uuids: pa.Array | pa.ChunkedArray) -> pa.Table:
        positions = {uuid: position for position, uuid in enumerate(uuids.to_pylist())}
        rows = [row for row in self._rows("devices") if row["uuid"] in positions]
        found = _device_table(rows, [name for name in _DEVICE if name != "uuid"])
        return found.append_column("position", pa.array([positions[row["uuid"]] for row in rows], pa.uint32()))

    def in_group(self, group_id: int) -> pa.Table:
        return _device_table([row for row in self._rows("devices") if row["group_id"] == group_id], list(_DEVICE))

    def _present(self) -> list[DeviceRow]:
        groups, tags = self._names("group"), self._names("tag")
        return [
            DeviceRow(
                row["ordinal"], str(row["uuid"]), row["name"], groups.get(row["group_id"]), tags.get(row["tag_id"]),
                row["production"], row["last_seen"], row["target_version"], row["hardware_id"],
            )
            for row in self._rows("devices")
            if not row["deleted"]
        ]  # fmt: skip

    def find(self, uuid: str) -> DeviceRow | None:
        return next((row for row in self._present() if row.uuid == uuid), None)

    def named(self, name: str) -> Sequence[DeviceRow]:
        return [row for row in self._present() if row.name == name]

    def page(
        self, which: DeviceFilter, *, sort: DeviceSort = "ordinal", limit: int, offset: int = 0
    ) -> tuple[int, Sequence[DeviceRow]]:
        stored = {row["ordinal"]: row for row in self._rows("devices")}
        found = [row for row in self._present() if _meets(row, stored[row.ordinal], which)]
        return len(found), _sorted(found, sort)[offset : offset + limit]

    def deleted(self, *, uuid: str | None = None, name: str | None = None) -> Sequence[DeletedDevice]:
        every = [
            DeletedDevice(str(row["uuid"]), row["name"], row["allowed"])
            for row in self._rows("devices")
            if row["deleted"]
        ]
        if uuid is None and name is None:
            return every
        return [one for one in every if one.uuid == uuid or (name is not None and one.name == name)]

    def counts(self, *, seen_since: int) -> Sequence[DeviceCount]:
        every, online = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
        for row in self._present():
            key = (row.production, row.tag, row.group, row.target_version)
            every[key] += 1
            online[key] += row.last_seen is not None and row.last_seen >= seen_since
        return [DeviceCount._make((*key, number, online[key])) for key, number in every.items()]


def _meets(row: DeviceRow, stored: Mapping[str, Any], which: DeviceFilter) -> bool:
    equal = {
        "group_id": which.group_id,
        "tag_id": which.tag_id,
        "production": which.production,
        "target_version": which.target_version,
        "hardware_id": which.hardware_id,
    }
    since = which.seen_since
    not_since = which.not_seen_since
    return (
        all(stored[column] == value for column, value in equal.items() if value is not None)
        and not (which.no_group and stored["group_id"] is not None)
        and not (which.no_tag and stored["tag_id"] is not None)
        and (which.name is None or (row.name is not None and _matches(row.name, which.name)))
        and (which.uuid_prefix is None or row.uuid.startswith(which.uuid_prefix))
        and (since is None or (row.last_seen is not None and row.last_seen >= since))
        and (not_since is None or row.last_seen is None or row.last_seen < not_since)
        and (which.ordinals is None or row.ordinal in which.ordinals.to_pylist())
    )


def _matches(name: str, pattern: str) -> bool:
    """``*`` and ``?`` alone are special: a bracket of fnmatch is escaped."""
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), name) is not None


def _sorted(rows: list[DeviceRow], sort: DeviceSort) -> list[DeviceRow]:
    if sort == "uuid":
        return sorted(rows, key=lambda row: row.uuid)
    if sort in {"last-seen", "-last-seen"}:
        sign = 1 if sort == "last-seen" else -1
        return sorted(rows, key=lambda row: (sign * (row.last_seen or 0), row.ordinal))
    if sort == "ordinal":
        return rows
    named = sorted((row for row in rows if row.name is not None), key=lambda row: str(row.name).encode())
    if sort == "-name":
        named = sorted(named, key=lambda row: str(row.name).encode(), reverse=True)
    return named + [row for row in rows if row.name is None]


class _Groups(_Reads):
    def names(self) -> dict[int, str]:
        return self._names("group")

    def all(self) -> Sequence[GroupRow]:
        devices = self._rows("devices")
        found = []
        for row in self._rows("groups", "name"):
            members = [one for one in devices if one["group_id"] == row["group_id"]]
            facts = [row[name] for name in GroupRow._fields[:7]]
            found.append(GroupRow._make((*facts, len(members), sum(one["production"] for one in members))))
        return found

    def find(self, group_id: int) -> Row | None:
        return self._tables()["groups"].get((group_id,))


class _Tags(_Reads):
    def names(self) -> dict[int, str]:
        return self._names("tag")

    def in_use(self) -> Sequence[str]:
        roles_and_waves = (row["tag"] for table in ("targets_roles", "waves") for row in self._rows(table))
        return sorted({*self._names("tag").values(), *roles_and_waves})

    def _listening(self) -> list[tuple[str, dict[str, Any]]]:
        names = self._names("tag")
        rows = [row for row in self._rows("devices") if row["production"] and not row["deleted"]]
        return [(names[row["tag_id"]], row) for row in rows if row["tag_id"] in names]

    def production_devices(self) -> dict[str, int]:
        return dict(sorted(Counter(tag for tag, _ in self._listening()).items()))

    def versions_above(self, tag: str, target_version: int) -> dict[int, int]:
        versions = [row["target_version"] for of, row in self._listening() if of == tag]
        return dict(sorted(Counter(one for one in versions if one is not None and one > target_version).items()))


class _Waves(_Reads):
    def all(self) -> Sequence[Row]:
        return self._rows("waves")

    def active_tags(self) -> Sequence[str]:
        return [row["tag"] for row in self._rows("waves") if row["state"] == "active"]

    def rollouts_after(self, wave_id: int, number: int) -> Sequence[Row]:
        return [row for row in self._rows("rollouts") if row["wave_id"] == wave_id and row["number"] > number]

    def request(self, kind: str, key: str) -> Row | None:
        return self._tables()["requests"].get((kind, key))


class _Trust(_Reads):
    def root_chain(self, repository: str) -> Sequence[bytes]:
        return [row["document"] for row in self._rows("roots") if row["repository"] == repository]

    def latest_root(self, repository: str) -> bytes | None:
        return next(reversed(self.root_chain(repository)), None)

    def ci_targets(self) -> Sequence[Row]:
        return self._rows("ci_targets", "target_version", "name")

    def ci_target_count(self) -> int:
        return len(self._rows("ci_targets"))

    def targets_roles(self, repository: str) -> Mapping[str, bytes]:
        return {row["tag"]: row["document"] for row in self._rows("targets_roles") if row["repository"] == repository}

    def targets_role_rows(self) -> Sequence[Row]:
        return self._rows("targets_roles")

    def publications(self, repository: str) -> Sequence[PublicationRow]:
        rows = [row for row in self._rows("publications") if row["repository"] == repository]
        return [PublicationRow(*(row[name] for name in PublicationRow._fields)) for row in rows]

    def served_targets(self, repository: str) -> Mapping[tuple[str, str], bytes]:
        return {(one.tag, one.variant): one.targets for one in self.publications(repository)}


class _Facts(_Reads):
    def get(self, key: str) -> str | None:
        row = self._tables()["meta"].get((key,))
        return None if row is None else row["value"]


class _Mappings(_Reads):
    def all(self) -> Sequence[MappingRow]:
        return [MappingRow(*(row[name] for name in MappingRow._fields)) for row in self._rows("mappings")]

    def find(self, name: str) -> MappingRow | None:
        return next((row for row in self.all() if row.name == name), None)


class _Access(_Reads):
    def users(self) -> Sequence[UserRow]:
        return [UserRow(*(row[name] for name in UserRow._fields)) for row in self._rows("users")]

    def tokens(self) -> Sequence[TokenRow]:
        rows = sorted(self._rows("tokens"), key=lambda row: (row["created_at"], row["token_id"]))
        return [TokenRow(*(row[name] for name in TokenRow._fields)) for row in rows]


_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")


class _Checks(_Reads):
    def rows_of(self, table: str) -> pa.Table:
        rows = self._rows(table)
        return _device_table(rows, list(_DEVICE)) if table == "devices" else pa.Table.from_pylist(rows)

    def faults(self, rule: str, limit: int) -> Sequence[str]:
        return [f"{rule}: {what}" for what in _FAULTS[rule](self)][:limit]

    # Each finds the faults of one rule, as what is wrong about it.

    def repeated_keys(self) -> list[Any]:
        return [
            key
            for table, columns in KEYS.items()
            for key, times in Counter(tuple(row[c] for c in columns) for row in self._rows(table)).items()
            if times > 1
        ]

    def gaps(self) -> list[Any]:
        ordinals = {row["ordinal"] for row in self._rows("devices")}
        return ["gap"] if ordinals and max(ordinals) != len(ordinals) - 1 else []

    def repeated_uuids(self) -> list[Any]:
        return _repeated(row["uuid"] for row in self._rows("devices"))

    def deleted_with_properties(self) -> list[Any]:
        rows = self._rows("devices")
        properties = ("group_id", "tag_id", "last_seen", "target_version", "version_at", "hardware_id")
        return [
            *(r for r in rows if r["deleted"] and (r["production"] or any(r[c] is not None for c in properties))),
            *(r for r in rows if r["allowed"] and not r["deleted"]),
            *(r for r in rows if r["allowed"] is None),
        ]

    def lost_groups_and_tags(self) -> list[Any]:
        return [
            row
            for kind in ("group", "tag")
            for row in self._rows("devices")
            if row[f"{kind}_id"] is not None and row[f"{kind}_id"] not in self._names(kind)
        ]

    def out_of_range(self) -> list[Any]:
        rows = self._rows("devices")
        return [
            *(r for r in rows if r["target_version"] is not None and r["target_version"] < 0),
            *(r for r in rows if r["last_seen"] == 0),
            *(
                r
                for r in rows
                if r["version_at"] is not None
                and (r["target_version"] is None or (r["last_seen"] is not None and r["version_at"] <= r["last_seen"]))
            ),
        ]

    def bad_names(self) -> list[Any]:
        groups, tags = (
            [row["name"] for row in self._rows("groups")],
            [row["name"] for row in self._rows("tags")],
        )
        return [*_repeated(groups), *_repeated(tags), *(n for n in groups + tags if not _NAME.fullmatch(n))]

    def next_group(self) -> list[Any]:
        numbers = [row["group_id"] for row in self._rows("groups")]
        row = self._tables()["meta"].get(("next_group_id",))
        return ["next"] if numbers and max(numbers) >= int(row["value"] if row else 0) else []

    def repeated_targets(self) -> list[Any]:
        return _repeated((row["target_version"], row["hardware_id"]) for row in self._rows("ci_targets"))

    def root_chains(self) -> list[Any]:
        chains = {
            repository: [row["role_version"] for row in self._rows("roots") if row["repository"] == repository]
            for repository in ("ci", "production")
        }
        length = max((len(chain) for chain in chains.values()), default=0)
        return [name for name, chain in chains.items() if not chain or chain != list(range(1, length + 1))]

    def epochs(self) -> list[Any]:
        facts = {key: row["value"] for (key,), row in self._tables()["meta"].items()}
        return [
            row for row in self._rows("publications") if facts.get(f"epoch_{row['repository']}") != str(row["epoch"])
        ]

    def unserved_roles(self) -> list[Any]:
        served = {
            (row["repository"], row["tag"]): row["targets"]
            for row in self._rows("publications")
            if row["variant"] == "tag"
        }
        roles = {(row["repository"], row["tag"]): row["document"] for row in self._rows("targets_roles")}
        return [key for key in served.keys() | roles.keys() if served.get(key) != roles.get(key)]

    def busy_tags(self) -> list[Any]:
        return _repeated(row["tag"] for row in self._rows("waves") if row["state"] == "active")

    def wave_names(self) -> list[Any]:
        names = [row["name"] for row in self._rows("waves")]
        return [*_repeated(names), *(name for name in names if not _NAME.fullmatch(name))]

    def wave_ends(self) -> list[Any]:
        ended = {"active": False, "complete": True, "canceled": True}
        return [r for r in self._rows("waves") if ended.get(r["state"]) is not (r["finished_at"] is not None)]

    def waves_below(self) -> list[Any]:
        roles = {
            row["tag"]: row["role_version"] for row in self._rows("targets_roles") if row["repository"] == "production"
        }
        active = [row for row in self._rows("waves") if row["state"] == "active"]
        return [row for row in active if row["target_version"] <= roles.get(row["tag"], -1)]

    def rollout_numbers(self) -> list[Any]:
        numbers: dict[int, list[int]] = {}
        for row in self._rows("rollouts"):
            numbers.setdefault(row["wave_id"], []).append(row["number"])
        known = {row["wave_id"] for row in self._rows("waves")}
        return [
            *(wave for wave, found in numbers.items() if found != list(range(1, len(found) + 1))),
            *(wave for wave, found in numbers.items() for _ in found if wave not in known),
        ]

    def answers(self) -> list[Any]:
        rows, rollouts = self._rows("requests"), self._tables()["rollouts"]
        return [
            *_repeated((row["kind"], row["key"]) for row in rows),
            *(r for r in rows if r["number"] is not None and (r["wave_id"], r["number"]) not in rollouts),
        ]

    def wave_revisions(self) -> list[Any]:
        numbers = Counter(row["wave_id"] for row in self._rows("rollouts"))
        return [
            row
            for row in self._rows("waves")
            if row["revision"] != 1 + numbers[row["wave_id"]] + (row["state"] != "active")
        ]

    def users_and_tokens(self) -> list[Any]:
        users = {row["user_id"] for row in self._rows("users")}
        return [
            *_repeated(row["name"] for row in self._rows("users")),
            *(row for row in self._rows("tokens") if row["user_id"] not in users),
        ]


def _repeated(values: Any) -> list[Any]:
    return [value for value, times in Counter(values).items() if times > 1]


_FAULTS: Final[Mapping[str, Callable[[_Checks], list[Any]]]] = {
    "every row has a key of its own": _Checks.repeated_keys,
    "ordinals are 0, 1, 2 … without a gap": _Checks.gaps,
    "a uuid has one ordinal": _Checks.repeated_uuids,
    "deleted devices have a name at most, and only they are denied or allowed": _Checks.deleted_with_properties,
    "every group and tag of a device exists": _Checks.lost_groups_and_tags,
    "target versions and instants are in their ranges": _Checks.out_of_range,
    "names of groups and tags are given once, and well formed": _Checks.bad_names,
    "the next group gets a number of its own": _Checks.next_group,
    "a target version has one target for each hardware": _Checks.repeated_targets,
    "root chains have no gaps and one length": _Checks.root_chains,
    "everything that is served carries the epoch of its repository": _Checks.epochs,
    "what is served of a tag is its targets role": _Checks.unserved_roles,
    "a tag has one active wave at most": _Checks.busy_tags,
    "names of waves are given once, and well formed": _Checks.wave_names,
    "a wave is active, or it is complete or canceled and has an end": _Checks.wave_ends,
    "an active wave is above the production targets of its tag": _Checks.waves_below,
    "rollouts belong to a wave, and are 1, 2, 3 …": _Checks.rollout_numbers,
    "a request or a plan is answered once, by a rollout that is there": _Checks.answers,
    "a wave's revision counts its rollouts and its end": _Checks.wave_revisions,
    "users have one name each, and every token belongs to a user": _Checks.users_and_tokens,
}
