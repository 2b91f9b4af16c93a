"""A wrong type of an argument is an input error that names the argument, on the whole public surface."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

import groundswell
from groundswell import Factory, Fleet, GroundswellError, InputError, UuidList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TABLE = pa.table({"uuid": [f"{i:032x}" for i in range(1, 11)], "production": [True] * 10, "group": ["a"] * 10})


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    with Factory.create(tmp_path_factory.mktemp("made") / "acme", name="acme", now=NOW) as made:
        made.devices.import_(TABLE, now=NOW)
        yield made


# What mypy refuses is what is tested here.
FLEET: Any = Fleet.read(TABLE, now=NOW)
UNTYPED: Any = groundswell
CALLS: list[tuple[str, Callable[[Any], Any]]] = [
    ("group", lambda _: FLEET.select(1, group=7)),
    ("tag", lambda _: FLEET.select(1, tag=b"main")),
    ("include_test", lambda _: FLEET.select(1, include_test="no")),
    ("skip_mismatched", lambda _: FLEET.select(1, skip_mismatched=None)),
    ("uuids", lambda _: FLEET.select(1, uuids=5)),
    ("exclude", lambda _: FLEET.select(1, exclude=5)),
    ("uuids", lambda _: FLEET.ordinals(3.5)),
    ("online_threshold", lambda _: FLEET.select(1, online_threshold=4)),
    ("now", lambda _: FLEET.select(1, now="2026-11-24T00:00:00Z")),
    ("path", lambda _: FLEET.write(3)),
    ("progress", lambda _: UNTYPED.Fleet.read(TABLE, progress="yes")),
    ("sql", lambda _: UNTYPED.Fleet.query(3)),
    ("tag", lambda _: UNTYPED.LiveFleet(FLEET).select(1, tag=3)),
    ("name", lambda _: UNTYPED.UuidList.parse("a" * 32, name=3)),
    ("source", lambda _: UNTYPED.UuidList.parse(1.5)),
    ("uuids", lambda _: UNTYPED.UuidList.of(1.5)),
    ("path", lambda _: UNTYPED.UuidList.of([]).write(1.5)),
    ("ordinals", lambda _: FLEET.to_arrow("x")),
    ("ordinals", lambda _: FLEET.hardware_counts(1.5)),
    ("limit", lambda f: f.devices.list_uuids(limit="x")),
    ("group", lambda f: f.devices.list(group="\ud800")),
    ("name", lambda f: f.groups.create("\ud800")),
    ("name", lambda f: f.waves.show("\ud800")),
    ("path", lambda _: FLEET.write("\ud800.parquet")),
    ("tag", lambda _: FLEET.select(1, tag="\ud800")),
    ("colour", lambda f: f.devices.list_uuids(colour="x")),
    ("source", lambda _: UNTYPED.UuidList.parse(None)),
    ("source", lambda _: UNTYPED.UuidList.check(7)),
    ("group", lambda f: f.devices.list(group=1)),
    ("group", lambda f: f.devices.list_uuids(group=1)),
    ("limit", lambda f: f.devices.list(limit="50")),
    ("production", lambda f: f.devices.list(production="yes")),
    ("target_version", lambda f: f.devices.list(target_version="42")),
    ("uuid_or_name", lambda f: f.devices.show(7)),
    ("devices", lambda f: f.devices.assign(7, "a")),
    ("group", lambda f: f.devices.assign(["0" * 31 + "1"], 7)),
    ("path", lambda f: f.devices.export(7)),
    ("dry_run", lambda f: f.devices.import_(TABLE, dry_run="no")),
    ("name", lambda f: f.groups.create(7)),
    ("clear", lambda f: f.devices.import_(TABLE, clear=1.5)),
    ("clear", lambda f: f.devices.import_(TABLE, clear=b"name")),
    ("clear", lambda f: f.devices.import_(TABLE, clear=[3])),
    ("sort", lambda f: f.devices.list(sort=[])),
    ("document", lambda f: f.targets.add("t", "x")),
    ("target_versions", lambda f: f.targets.prune("42")),
    ("target_versions", lambda f: f.targets.prune(["42"])),
    ("target_versions", lambda f: f.targets.prune(1.5)),
    ("roles", lambda f: f.keys.rotate_online(root_keys="k.tgz", roles=7)),
    ("new_name", lambda f: f.groups.rename("a", None)),
    ("ungroup", lambda f: f.groups.delete("a", ungroup="no")),
    ("target_version", lambda f: f.targets.show("42")),
    ("tag", lambda f: f.targets.list(tag=1)),
    ("root_keys", lambda f: f.keys.init(root_keys=1, targets_keys="x")),
    ("name", lambda f: f.waves.show(1)),
    ("target_version", lambda f: f.waves.init("w", "42", "main", keys="k.tgz")),
    ("whole_group", lambda f: f.waves.rollout("w", group="a", whole_group="yes")),
    ("wave", lambda f: f.waves.why(["a" * 32], wave=1)),
    ("number", lambda f: f.waves.rollout_uuids("w", "1")),
    ("device", lambda f: f.metadata.export(7, "x")),
    ("path", lambda f: f.backup(7)),
    ("path", lambda _: UNTYPED.Factory.open(7)),
    ("wait", lambda _: UNTYPED.Factory.open("x", wait=10)),
    ("name", lambda _: UNTYPED.Factory.create("x", name=7)),
]


@pytest.mark.parametrize(("argument", "call"), CALLS, ids=[f"{i}-{name}" for i, (name, _) in enumerate(CALLS)])
def test_a_wrong_type_names_the_argument(factory: Factory, argument: str, call: Callable[[Any], Any]) -> None:
    with pytest.raises(InputError) as refused:
        call(factory)
    assert f"`{argument}`" in refused.value.message
    assert refused.value.hint


def test_what_numpy_calls_an_int_or_a_bool_is_one(factory: Factory) -> None:
    assert factory.devices.list(limit=np.int64(3)).devices  # type: ignore[arg-type]
    factory.settings.set_max_whole_group(np.int64(3))  # type: ignore[arg-type]
    assert factory.settings.max_whole_group == 3
    assert len(FLEET.select(1, include_test=np.bool_(True)).uuids) == 1  # noqa: FBT003


def test_paths_of_any_kind_are_paths(tmp_path: Path) -> None:
    FLEET.write(tmp_path / "frozen.parquet")
    assert len(Fleet.read(Path(tmp_path / "frozen.parquet"), now=NOW)) == 10


def test_a_text_that_is_not_a_uuid_has_no_device(factory: Factory) -> None:
    assert factory.devices.find("x") is None
    assert factory.devices.find(str(UUID(int=1))) is not None


def test_a_path_with_a_nul_is_named(tmp_path: Path) -> None:
    uuids = UuidList.of([bytes(16)])
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: uuids.write("a\0b"), "bad-argument"),
        (lambda: FLEET.write("a\0b"), "bad-argument"),
        (lambda: Factory.open("a\0b"), "bad-argument"),
        (lambda: Factory.create(tmp_path / "a\0b", name="x"), "bad-argument"),
        (lambda: Fleet.read(pa.table({"uuid": ["0" * 32]}), rejects="a\0b"), "bad-argument"),
        (lambda: Fleet.read("a\0b"), "file-not-found"),
        (lambda: UNTYPED.merge_selections(None), "bad-argument"),
        (lambda: FLEET.select(limit=1, percent_of=np.zeros(3)), "bad-denominator"),
    ]
    for call, code in calls:
        with pytest.raises(GroundswellError) as caught:
            call()
        assert caught.value.code == code
