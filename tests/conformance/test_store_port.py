"""Law: whatever implements the port of the store answers each named read as plain sets of rows do.

The suite takes the store as a parameter. The DuckDB store and the one in memory (`support.memory_store`) pass it; a
further store is one more line in `STORES`.
"""

from __future__ import annotations

import itertools
import random
import threading
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

import pyarrow as pa
import pytest

from groundswell.errors import StateError
from groundswell.store import KEYS, DuckDBStore, Entry, put, remove, set_cells
from groundswell.store.port import ROW_RULES
from groundswell.store.rows import DeviceFilter, DeviceSort
from support.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from groundswell.store import Change
    from groundswell.store.port import Store

ENTRY = Entry(at=1, by="alice", action="test", summary="a test")


def _duckdb(folder: Path) -> Store:
    folder.mkdir()
    return DuckDBStore.create(folder, owner="test", entry=ENTRY, changes=[])


def _memory(folder: Path) -> Store:
    store = MemoryStore(folder)
    store.commit(ENTRY, [])
    return store


STORES: dict[str, Callable[[Path], Store]] = {"duckdb": _duckdb, "memory": _memory}
"""Each makes a store without rows at revision 1."""


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = STORES[request.param](tmp_path / "store")
    yield made
    made.close()


# --- rows

NAMES = ["a", "B", "b*", "[x]", "ab", "a_b", "a%b", "ü", None, "a"]


def uuid(ordinal: int) -> UUID:
    """UUIDs whose order is not that of the ordinals."""
    return UUID(int=(ordinal * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)


def device(ordinal: int, **cells: Any) -> dict[str, Any]:
    row = {"ordinal": ordinal, "uuid": uuid(ordinal), "name": None, "group_id": None, "tag_id": None}
    row |= {"production": False, "last_seen": None, "target_version": None, "hardware_id": None}
    return row | {"deleted": False, "allowed": False, "version_at": None} | cells


def fleet(count: int = 60, seed: int = 7) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    rows = []
    for ordinal in range(count):
        if draw.random() < 0.15:
            rows.append(device(ordinal, name=draw.choice(NAMES), deleted=True, allowed=draw.random() < 0.5))
            continue
        rows.append(
            device(
                ordinal,
                name=draw.choice(NAMES),
                group_id=draw.choice([None, 1, 2]),
                tag_id=draw.choice([None, 1, 2]),
                production=draw.random() < 0.7,
                last_seen=draw.choice([None, 100, 200, 300]),
                target_version=draw.choice([None, 0, 41, 42, 43]),
                hardware_id=draw.choice([None, "pi", "x86"]),
            )
        )
    return rows


TYPES: dict[str, pa.DataType] = {
    "ordinal": pa.uint32(), "name": pa.string(), "group_id": pa.uint32(), "tag_id": pa.uint32(),
    "production": pa.bool_(), "last_seen": pa.uint32(), "target_version": pa.int32(), "hardware_id": pa.string(),
    "deleted": pa.bool_(), "allowed": pa.bool_(), "version_at": pa.uint32(),
}  # fmt: skip


def uuids(values: list[UUID]) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one.bytes for one in values], pa.binary(16)))


def device_table(rows: list[dict[str, Any]]) -> pa.Table:
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in TYPES.items()}
    return pa.table(columns | {"uuid": uuids([row["uuid"] for row in rows])})


def add_devices(rows: list[dict[str, Any]]) -> Change:
    return put("devices", device_table(rows), new=True)


def group(group_id: int, name: str) -> dict[str, Any]:
    row = {"group_id": group_id, "name": name, "description": "", "created_at": 5, "created_by": "alice"}
    return row | {"updated_at": None, "updated_by": None}


def user(user_id: int, name: str, **cells: Any) -> dict[str, Any]:
    return {"user_id": user_id, "name": name, "created_at": 5, "created_by": "root", "disabled_at": None} | cells


def token(token_id: str, user_id: int, **cells: Any) -> dict[str, Any]:
    row = {"token_id": token_id, "digest": token_id * 16, "user_id": user_id, "scopes": '["read"]', "group_ids": None}
    return row | {"created_at": 5, "created_by": "root", "expires_at": None, "revoked_at": None} | cells


def wave(wave_id: int, name: str, **cells: Any) -> dict[str, Any]:
    row = {"wave_id": wave_id, "name": name, "target_version": 42, "tag": "main", "state": "active", "revision": 1}
    row |= {"document": b"role", "created_at": 5, "created_by": "alice", "finished_at": None, "finished_by": None}
    return row | cells


def rollout(wave_id: int, number: int) -> dict[str, Any]:
    texts = dict.fromkeys(("kind", "applied_by", "selector", "whole_groups", "seed", "digest"), "text")
    numbers = ("applied_at", "selected_at", "online_threshold", "half_life", "algorithm", "matching", "candidates")
    row = {"wave_id": wave_id, "number": number, **texts, **dict.fromkeys(numbers, 1), "wanted": 1}
    return row | {"device_count": 1, "devices": b"set", "listed": None, "group_id": None, "candidates_rule": 2}


def answer(kind: str, key: str, **cells: Any) -> dict[str, Any]:
    row = {"kind": kind, "key": key, "made_at": 5, "made_by": "alice", "fingerprint": "f", "wave_id": 1, "number": 1}
    return row | {"result": "{}", "devices": None, "listed": None} | cells


def ci_target(name: str, version: int, hardware_id: str) -> dict[str, Any]:
    row = {"name": name, "target_version": version, "hardware_id": hardware_id, "document": name.encode()}
    return row | {"added_at": 5, "added_by": "alice"}


def role(repository: str, tag: str, version: int = 1) -> dict[str, Any]:
    return {"repository": repository, "tag": tag, "role_version": version, "document": f"{repository} {tag}".encode()}


def publication(repository: str, tag: str, variant: str = "tag", epoch: int = 1) -> dict[str, Any]:
    row = {"repository": repository, "tag": tag, "variant": variant, "epoch": epoch}
    return row | {"targets": f"{repository} {tag}".encode(), "snapshot": b"s", "timestamp": b"t"}


def roots(length: int) -> list[dict[str, Any]]:
    return [
        {"repository": repository, "role_version": version, "document": f"{repository} {version}".encode()}
        for repository in ("ci", "production")
        for version in range(1, length + 1)
    ]


def facts(**values: str) -> Change:
    return put("meta", [{"key": key, "value": value} for key, value in values.items()])


def sound() -> list[Change]:
    """Rows of every table that contradict no rule."""
    return [
        add_devices(fleet()),
        put("groups", [group(1, "canary"), group(2, "beta")], new=True),
        put("tags", [{"tag_id": 1, "name": "main"}, {"tag_id": 2, "name": "next"}], new=True),
        facts(name="acme", next_group_id="3", epoch_ci="1", epoch_production="1"),
        put("roots", roots(2), new=True),
        put("ci_targets", [ci_target("b", 42, "pi"), ci_target("a", 42, "x86"), ci_target("c", 41, "pi")], new=True),
        put("targets_roles", [role("production", "main", 41), role("ci", "next"), role("ci", "main")], new=True),
        put(
            "publications",
            [publication("production", "main"), publication("ci", "next"), publication("ci", "main")],
            new=True,
        ),
        put("publications", [publication("production", "main", "wave one")], new=True),
        put(
            "waves",
            [
                wave(2, "two", tag="edge", state="canceled", revision=2, finished_at=9, finished_by="bob"),
                wave(1, "one", revision=3),
            ],
            new=True,
        ),
        put("rollouts", [rollout(1, 2), rollout(1, 1)], new=True),
        put("requests", [answer("request", "k"), answer("plan", "k", number=2), answer("request", "z", number=None)]),
        put("users", [user(2, "bob", disabled_at=9), user(1, "alice")], new=True),
        put("tokens", [token("bbbb", 2), token("aaaa", 1), token("dddd", 1, created_at=4)], new=True),
        put("mappings", [{"name": n, "mapping": "{}", "saved_at": 5, "saved_by": "bob"} for n in ("z", "a")], new=True),
    ]


@pytest.fixture
def full(store: Store) -> Store:
    store.commit(ENTRY, sound())
    return store


def present(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if not row["deleted"]]


# --- an empty store


def test_a_store_without_rows_answers_with_nothing(store: Store) -> None:
    devices, groups, tags, trust = store.devices, store.groups, store.tags, store.trust
    assert (devices.count(), devices.registered()) == (0, 0)
    assert devices.columns().num_rows == devices.in_group(1).num_rows == devices.by_uuid(uuids([uuid(1)])).num_rows == 0
    assert devices.by_uuid(uuids([])).num_rows == 0
    assert devices.find(str(uuid(1))) is None
    assert devices.page(DeviceFilter(), limit=5) == (0, [])
    assert [*devices.named("a"), *devices.deleted(), *devices.deleted(name="a"), *devices.counts(seen_since=1)] == []
    assert (groups.names(), list(groups.all()), groups.find(1)) == ({}, [], None)
    assert (tags.names(), list(tags.in_use())) == ({}, [])
    assert (tags.production_devices(), tags.versions_above("main", 0)) == ({}, {})
    assert [*store.waves.all(), *store.waves.active_tags(), *store.waves.rollouts_after(1, 0)] == []
    assert store.waves.request("request", "k") is None
    assert [*trust.root_chain("ci"), *trust.ci_targets(), *trust.targets_role_rows(), *trust.publications("ci")] == []
    assert (trust.latest_root("ci"), trust.ci_target_count()) == (None, 0)
    assert (trust.targets_roles("ci"), trust.served_targets("ci")) == ({}, {})
    assert (store.facts.get("name"), list(store.mappings.all()), store.mappings.find("a")) == (None, [], None)


# --- devices


def test_devices_are_counted_and_found(full: Store) -> None:
    rows = fleet()
    assert (full.devices.count(), full.devices.registered()) == (len(present(rows)), len(rows))
    for row in rows:
        found = full.devices.find(str(row["uuid"]))
        assert (found is None) == row["deleted"]
        if found is not None:
            assert (found.ordinal, found.last_seen, found.production) == (
                row["ordinal"], row["last_seen"], row["production"],
            )  # fmt: skip
            assert found.group == {None: None, 1: "canary", 2: "beta"}[row["group_id"]]
            assert found.tag == {None: None, 1: "main", 2: "next"}[row["tag_id"]]
    named = [row["ordinal"] for row in present(rows) if row["name"] == "a"]
    assert [one.ordinal for one in full.devices.named("a")] == named


def test_the_columns_are_all_rows_by_ordinal(full: Store) -> None:
    full.commit(ENTRY, [put("devices", device_table([device(3, name="moved to the end")]))])
    rows = fleet()
    rows[3] = device(3, name="moved to the end")
    table = full.devices.columns()
    assert set(table.column_names) == set(rows[0]) - {"allowed", "version_at"}
    for name in table.column_names:
        assert table.column(name).to_pylist() == [row[name] for row in rows], name


def test_rows_are_found_by_uuid_with_their_positions(full: Store) -> None:
    rows = fleet()
    asked = [uuid(number) for number in (50, 3, 1000, 17, 4)]
    found = full.devices.by_uuid(pa.chunked_array([uuids(asked[:2]), uuids(asked[2:])]))
    ordinals = [3, 4, 17, 50]
    assert found.column("ordinal").to_pylist() == ordinals
    assert found.column("position").type == pa.uint32()
    assert [asked[position] for position in found.column("position").to_pylist()] == [uuid(n) for n in ordinals]
    assert set(found.column_names) == {"position", *rows[0]} - {"uuid"}
    for name in set(found.column_names) - {"position"}:
        assert found.column(name).to_pylist() == [rows[number][name] for number in ordinals], name


def test_the_members_of_a_group_are_whole_rows(full: Store) -> None:
    members = [row for row in fleet() if row["group_id"] == 2]
    found = full.devices.in_group(2)
    assert set(found.column_names) == set(members[0])
    for name in found.column_names:
        assert found.column(name).to_pylist() == [row[name] for row in members], name


def pattern_matches(name: str | None, pattern: str) -> bool:
    """``*`` and ``?``, by trying every way to match."""
    if name is None:
        return False
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(pattern_matches(name[begin:], pattern[1:]) for begin in range(len(name) + 1))
    return bool(name) and pattern[0] in {"?", name[0]} and pattern_matches(name[1:], pattern[1:])


FILTERS: list[tuple[DeviceFilter, Callable[[dict[str, Any]], bool]]] = [
    (DeviceFilter(), lambda _: True),
    (DeviceFilter(group_id=2), lambda row: row["group_id"] == 2),
    (DeviceFilter(group_id=9), lambda _: False),
    (DeviceFilter(no_group=True), lambda row: row["group_id"] is None),
    (DeviceFilter(tag_id=1), lambda row: row["tag_id"] == 1),
    (DeviceFilter(no_tag=True), lambda row: row["tag_id"] is None),
    (DeviceFilter(no_tag=True, no_group=True), lambda row: row["tag_id"] is row["group_id"] is None),
    (DeviceFilter(production=True), lambda row: row["production"]),
    (DeviceFilter(production=False), lambda row: not row["production"]),
    (DeviceFilter(target_version=0), lambda row: row["target_version"] == 0),
    (DeviceFilter(hardware_id="pi"), lambda row: row["hardware_id"] == "pi"),
    (DeviceFilter(seen_since=200), lambda row: (row["last_seen"] or 0) >= 200),
    (DeviceFilter(not_seen_since=200), lambda row: (row["last_seen"] or 0) < 200),
    (DeviceFilter(uuid_prefix=str(uuid(5))[:1]), lambda row: str(row["uuid"]).startswith(str(uuid(5))[:1])),
    (DeviceFilter(ordinals=pa.array([1, 7, 7, 30], pa.uint32())), lambda row: row["ordinal"] in {1, 7, 30}),
    (DeviceFilter(ordinals=pa.array([], pa.uint32())), lambda _: False),
    (
        DeviceFilter(ordinals=pa.array(range(30), pa.uint32()), tag_id=1),
        lambda row: row["ordinal"] < 30 and row["tag_id"] == 1,
    ),
    *(
        (DeviceFilter(name=pattern), lambda row, pattern=pattern: pattern_matches(row["name"], pattern))
        for pattern in ("a", "a*", "*b", "?", "a?b", "a_b", "a%b", "[x]", "*", "b*", "")
    ),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FILTERS)))
def test_a_filter_leaves_the_devices_that_it_says(full: Store, number: int) -> None:
    which, meets = FILTERS[number]
    wanted = [row["ordinal"] for row in present(fleet()) if meets(row)]
    total, found = full.devices.page(which, limit=1000)
    assert (total, [row.ordinal for row in found]) == (len(wanted), wanted)


@pytest.mark.parametrize("sort", get_args(DeviceSort))
def test_pages_follow_each_other_in_order(full: Store, sort: DeviceSort) -> None:
    rows, sign = present(fleet()), -1 if sort.startswith("-") else 1
    if sort == "ordinal":
        wanted = rows
    elif sort == "uuid":
        wanted = sorted(rows, key=lambda row: row["uuid"].int)
    elif sort.endswith("last-seen"):
        wanted = sorted(rows, key=lambda row: (sign * (row["last_seen"] or 0), row["ordinal"]))
    else:
        # Names in the order of their bytes; equal ones by ordinal; devices without a name last.
        order = sorted({row["name"].encode() for row in rows if row["name"] is not None}, reverse=sign < 0)
        wanted = [row for name in order for row in rows if (row["name"] or "").encode() == name]
        wanted += [row for row in rows if row["name"] is None]
    pages = [full.devices.page(DeviceFilter(), sort=sort, limit=7, offset=at)[1] for at in range(0, len(rows) + 7, 7)]
    assert [row.ordinal for page in pages for row in page] == [row["ordinal"] for row in wanted]


def test_deleted_devices_are_listed_with_their_names(full: Store) -> None:
    gone = [row for row in fleet() if row["deleted"]]
    assert [tuple(one) for one in full.devices.deleted()] == [
        (str(row["uuid"]), row["name"], row["allowed"]) for row in gone
    ]
    for row in gone:
        by_name = [str(one["uuid"]) for one in gone if row["name"] is not None and one["name"] == row["name"]]
        assert [one.uuid for one in full.devices.deleted(name=row["name"] or "none")] == by_name
        both = {str(row["uuid"]), *by_name}
        assert {one.uuid for one in full.devices.deleted(uuid=str(row["uuid"]), name=row["name"] or "none")} == both


def test_counts_add_up_to_the_devices(full: Store) -> None:
    rows, groups, tags = present(fleet()), full.groups.names(), full.tags.names()
    found = full.devices.counts(seen_since=200)
    assert len({one[:4] for one in found}) == len(found)
    for one in found:
        same = [
            row
            for row in rows
            if (row["production"], tags.get(row["tag_id"]), groups.get(row["group_id"]), row["target_version"])
            == one[:4]
        ]
        assert one[4:] == (len(same), sum((row["last_seen"] or 0) >= 200 for row in same))
    assert sum(one.devices for one in found) == len(rows)


# --- groups, tags, facts, mappings


def test_groups_are_named_listed_and_counted(full: Store) -> None:
    rows = fleet()
    assert list(full.groups.names().items()) == [(1, "canary"), (2, "beta")]
    found = full.groups.all()
    assert [one.name for one in found] == ["beta", "canary"]
    for one in found:
        members = [row for row in rows if row["group_id"] == one.group_id]
        assert (one.devices, one.production_devices) == (len(members), sum(row["production"] for row in members))
        assert one[:7] == tuple(group(one.group_id, one.name).values())
    assert full.groups.find(2) == group(2, "beta")
    assert full.groups.find(3) is None


def test_tags_are_counted(full: Store) -> None:
    rows = [row for row in present(fleet()) if row["production"]]
    assert list(full.tags.names().items()) == [(1, "main"), (2, "next")]
    assert list(full.tags.in_use()) == ["edge", "main", "next"]
    wanted = {name: sum(row["tag_id"] == number for row in rows) for number, name in ((1, "main"), (2, "next"))}
    assert full.tags.production_devices() == wanted
    versions = [row["target_version"] for row in rows if row["tag_id"] == 1]
    later = {version: versions.count(version) for version in (42, 43)}
    assert list(full.tags.versions_above("main", 41).items()) == list(later.items())
    assert full.tags.versions_above("none", 41) == {}


def test_users_and_tokens_are_in_order(full: Store) -> None:
    assert [(one.user_id, one.name, one.disabled_at) for one in full.access.users()] == [
        (1, "alice", None),
        (2, "bob", 9),
    ]
    assert [(one.token_id, one.user_id) for one in full.access.tokens()] == [("dddd", 1), ("aaaa", 1), ("bbbb", 2)]
    assert full.access.tokens()[1] == tuple(token("aaaa", 1).values())


def test_facts_and_mappings_are_found_by_name(full: Store) -> None:
    assert (full.facts.get("name"), full.facts.get("next_group_id"), full.facts.get("nothing")) == ("acme", "3", None)
    assert [one.name for one in full.mappings.all()] == ["a", "z"]
    found = full.mappings.find("z")
    assert found is not None
    assert tuple(found) == ("z", "{}", 5, "bob")
    assert full.mappings.find("Z") is None


# --- waves and trust


def test_waves_rollouts_and_requests_are_whole_rows(full: Store) -> None:
    assert [one["name"] for one in full.waves.all()] == ["one", "two"]
    assert full.waves.all()[0] == wave(1, "one", revision=3)
    assert list(full.waves.active_tags()) == ["main"]
    assert [one["number"] for one in full.waves.rollouts_after(1, 0)] == [1, 2]
    assert list(full.waves.rollouts_after(1, 1)) == [rollout(1, 2)]
    assert [*full.waves.rollouts_after(1, 2), *full.waves.rollouts_after(2, 0)] == []
    assert full.waves.request("plan", "k") == answer("plan", "k", number=2)
    assert full.waves.request("plan", "z") is None


def test_roots_targets_and_publications_are_in_order(full: Store) -> None:
    trust = full.trust
    assert list(trust.root_chain("ci")) == [b"ci 1", b"ci 2"]
    assert trust.latest_root("production") == b"production 2"
    assert list(trust.ci_targets()) == [ci_target("c", 41, "pi"), ci_target("a", 42, "x86"), ci_target("b", 42, "pi")]
    assert trust.ci_target_count() == 3
    assert list(trust.targets_roles("ci").items()) == [("main", b"ci main"), ("next", b"ci next")]
    assert list(trust.targets_role_rows()) == [role("ci", "main"), role("ci", "next"), role("production", "main", 41)]
    assert [(one.tag, one.variant) for one in trust.publications("production")] == [
        ("main", "tag"),
        ("main", "wave one"),
    ]
    assert tuple(trust.publications("ci")[0]) == ("main", "tag", 1, b"ci main", b"s", b"t")
    assert list(trust.served_targets("ci").items()) == [(("main", "tag"), b"ci main"), (("next", "tag"), b"ci next")]


# --- commits


def test_a_commit_changes_all_that_it_says_and_nothing_else(full: Store) -> None:
    before = {table: full.changed_at(table) for table in KEYS}
    cells = pa.table({"ordinal": pa.array([2, 5], pa.uint32()), "target_version": pa.array([99, None], pa.int32())})
    revision = full.commit(
        ENTRY,
        [
            set_cells("devices", cells),
            remove("groups", [{"group_id": 1}]),
            put("mappings", [{"name": "a", "mapping": "[]", "saved_at": 6, "saved_by": "eve"}]),
        ],
    )
    assert full.revision == revision == 3
    rows = fleet()
    rows[2]["target_version"], rows[5]["target_version"] = 99, None
    assert full.devices.columns().column("target_version").to_pylist() == [row["target_version"] for row in rows]
    assert full.devices.columns().column("name").to_pylist() == [row["name"] for row in rows]
    assert full.groups.names() == {2: "beta"}
    assert [tuple(one) for one in full.mappings.all()] == [("a", "[]", 6, "eve"), ("z", "{}", 5, "bob")]
    for table in KEYS:
        assert full.changed_at(table) == (3 if table in {"devices", "groups", "mappings"} else before[table]), table
    assert full.changed_at(*KEYS) == 3


def test_each_commit_has_a_record(store: Store) -> None:
    entries = [Entry(at=n, by="bob", action="groups create", summary="s", details={"n": n}) for n in (5, 6)]
    for entry in entries:
        store.commit(entry, [facts(n=str(entry.at))])
    assert [(one.seq, one.entry) for one in store.records()] == list(zip((1, 2, 3), (ENTRY, *entries), strict=True))
    assert store.facts.get("n") == "6"


def test_a_snapshot_stays_as_it_was_while_another_thread_commits(full: Store) -> None:
    def rename() -> None:
        full.commit(ENTRY, [put("groups", [group(1, "renamed")]), facts(name="other")])

    with full.reading():
        assert full.groups.names()[1] == "canary"
        writer = threading.Thread(target=rename)
        writer.start()
        writer.join()
        with full.reading():
            assert (full.groups.names()[1], full.facts.get("name"), full.revision) == ("canary", "acme", 2)
        assert full.changed_at("groups") == 2
    assert (full.groups.names()[1], full.facts.get("name"), full.revision) == ("renamed", "other", 3)
    assert full.changed_at("groups") == 3


def test_a_writer_sees_its_own_commits(full: Store) -> None:
    with full.changing(), full.reading(), full.changing():
        full.commit(ENTRY, [facts(name="one")])
        assert (full.facts.get("name"), full.revision) == ("one", 3)


def test_a_closed_store_refuses(store: Store) -> None:
    store.close()
    store.close()
    for act in (
        store.require_open,
        store.require_writable,
        lambda: store.commit(ENTRY, []),
        store.tags.names,
    ):
        with pytest.raises(StateError) as caught:
            act()
        assert caught.value.code == "factory-closed"


# --- checks


def test_a_sound_store_has_no_faults(full: Store) -> None:
    assert {rule: list(full.checks.faults(rule, 10)) for rule in ROW_RULES} == {rule: [] for rule in ROW_RULES}


FAULTS: dict[str, list[Change]] = {
    "every row has a key of its own": [put("tags", [{"tag_id": 1, "name": "again"}], new=True)],
    "ordinals are 0, 1, 2 … without a gap": [add_devices([device(99)])],
    "a uuid has one ordinal": [add_devices([device(60, uuid=uuid(1))])],
    "deleted devices have a name at most, and only they are denied or allowed": [
        add_devices([device(60, deleted=True, hardware_id="pi"), device(61, allowed=True), device(62, allowed=None)])
    ],
    "every group and tag of a device exists": [add_devices([device(60, group_id=9), device(61, tag_id=9)])],
    "target versions and instants are in their ranges": [
        add_devices([device(60, target_version=-1), device(61, last_seen=0), device(62, version_at=7)])
    ],
    "names of groups and tags are given once, and well formed": [
        put("groups", [group(3, "beta"), group(4, "-")]),
        facts(next_group_id="9"),
    ],
    "the next group gets a number of its own": [facts(next_group_id="2")],
    "a target version has one target for each hardware": [put("ci_targets", [ci_target("d", 41, "pi")], new=True)],
    "root chains have no gaps and one length": [remove("roots", [{"repository": "ci", "role_version": 2}])],
    "everything that is served carries the epoch of its repository": [facts(epoch_ci="2")],
    "what is served of a tag is its targets role": [
        remove("publications", [{"repository": "ci", "tag": "main", "variant": "tag"}])
    ],
    "a tag has one active wave at most": [put("waves", [wave(3, "three")], new=True)],
    "names of waves are given once, and well formed": [
        put("waves", [wave(3, "one", tag="x"), wave(4, "two", tag="y"), wave(5, "", tag="z")], new=True)
    ],
    "a wave is active, or it is complete or canceled and has an end": [
        put("waves", [wave(3, "a", tag="x", state="paused"), wave(4, "b", tag="y", finished_at=7)], new=True)
    ],
    "an active wave is above the production targets of its tag": [
        put("waves", [wave(1, "one", revision=3, target_version=41)])
    ],
    "rollouts belong to a wave, and are 1, 2, 3 …": [put("rollouts", [rollout(9, 1), rollout(2, 2)], new=True)],
    "a request or a plan is answered once, by a rollout that is there": [
        put("requests", [answer("plan", "new", number=7), answer("plan", "other", wave_id=9)], new=True)
    ],
    "a wave's revision counts its rollouts and its end": [put("waves", [wave(1, "one", revision=2)])],
    "users have one name each, and every token belongs to a user": [
        put("users", [user(3, "bob")], new=True),
        put("tokens", [token("cccc", 9)], new=True),
    ],
}
COUNTS = {
    "deleted devices have a name at most, and only they are denied or allowed": 3,
    "every group and tag of a device exists": 2,
    "target versions and instants are in their ranges": 3,
    "names of groups and tags are given once, and well formed": 2,
    "everything that is served carries the epoch of its repository": 2,
    "names of waves are given once, and well formed": 3,
    "a wave is active, or it is complete or canceled and has an end": 2,
    "rollouts belong to a wave, and are 1, 2, 3 …": 2,
    "a request or a plan is answered once, by a rollout that is there": 2,
    "users have one name each, and every token belongs to a user": 2,
}
"""How many faults the rows above have, where it is not one."""


@pytest.mark.parametrize("rule", ROW_RULES)
def test_each_rule_finds_the_rows_that_break_it(full: Store, rule: str) -> None:
    full.commit(ENTRY, FAULTS[rule])
    found = full.checks.faults(rule, 100)
    assert len(found) == COUNTS.get(rule, 1), found
    assert all(found)
    assert len(full.checks.faults(rule, 1)) == 1


@pytest.mark.parametrize("table", KEYS)
def test_all_rows_of_a_table_are_in_the_order_of_its_key(full: Store, table: str) -> None:
    rows = full.checks.rows_of(table)
    keys = list(zip(*(rows.column(column).to_pylist() for column in KEYS[table]), strict=True))
    own = {"revision", "audit_head", "format"}  # facts that a store may keep about itself
    put_in = [change.rows for change in sound() if change.table == table]
    wanted = [row for one in put_in for row in zip(*(one.column(c).to_pylist() for c in KEYS[table]), strict=True)]
    assert [key for key in keys if key[0] not in own] == sorted(wanted)


def test_both_stores_answer_alike_after_the_same_changes(tmp_path: Path) -> None:
    one, other = (make(tmp_path / name) for name, make in STORES.items())
    for seed, store in itertools.product(range(3), (one, other)):
        draw = random.Random(seed)
        rows = [row | {"ordinal": 100 * seed + row["ordinal"], "uuid": uuid(100 * seed + row["ordinal"])}
                for row in fleet(100, seed)]  # fmt: skip
        store.commit(ENTRY, [add_devices(rows), put("groups", [group(seed + 1, f"g{seed}")])])
        gone = draw.sample(rows, 10)
        store.commit(
            ENTRY,
            [put("devices", device_table([device(row["ordinal"], uuid=row["uuid"], deleted=True) for row in gone]))],
        )
        assert store.devices.registered() == 100 * (seed + 1)
    assert one.devices.columns().to_pylist() == other.devices.columns().to_pylist()
    assert one.devices.page(DeviceFilter(), sort="name", limit=500) == other.devices.page(
        DeviceFilter(), sort="name", limit=500
    )
    assert sorted(one.devices.counts(seen_since=1), key=str) == sorted(other.devices.counts(seen_since=1), key=str)
    assert list(one.groups.all()) == list(other.groups.all())
    for store in (one, other):
        store.close()
