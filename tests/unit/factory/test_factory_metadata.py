"""What devices are served: each audience its own, fresh, in step, and whole on the disk."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from groundswell import tuf
from groundswell.errors import GroundswellError, InputError, NotFoundError, StateError
from groundswell.factory.trust import publisher
from groundswell.factory.trust.roots import REPOSITORIES
from groundswell.store import put
from support import factories
from support.device_clients import DeviceClients
from support.factories import AT, Keyed, device, devices, later, plain, populate, put_production, target
from support.served import expiring, publications, served_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from groundswell.factory import Factory
    from groundswell.factory.metadata import Exported

TEST_DEVICE, PRODUCTION_DEVICE = device(1), device(2)


def refusal(command: Any, *arguments: Any, **options: Any) -> GroundswellError:
    with pytest.raises(GroundswellError) as caught:
        command(*arguments, **{"now": AT} | options)
    assert caught.value.hint
    return caught.value


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="session")
def mixed_folder(keyed_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CI targets for main and next, production targets for main and stable, and devices of all kinds."""
    folder = tmp_path_factory.mktemp("mixed")
    kinds = [(tag, production) for tag in ("main", "next", "stable", None) for production in (False, True)]
    table = pa.table(
        {
            "uuid": [device(10 + number) for number in range(len(kinds))],
            "name": [f"{tag}-{production}" for tag, production in kinds],
            "tag": pa.array([tag for tag, _ in kinds], pa.string()),
            "production": [production for _, production in kinds],
        }
    )
    with factories.keyed_copy(keyed_folder, folder) as keyed:
        populate(keyed.factory)
        keyed.factory.devices.import_(table, now=AT)
        put_production(keyed, 41, "main")
        put_production(keyed, 7, "stable")
    return folder


@pytest.fixture
def mixed(mixed_folder: Path, tmp_path: Path) -> Iterator[Factory]:
    """A copy of it, open."""
    with factories.opened(mixed_folder, tmp_path) as factory:
        yield factory


# --- who is served what --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "targets", "why_none"),
    [
        ("main-False", ["pi-lmp-41", "pi-lmp-42"], None),
        ("next-False", ["pi-lmp-42"], None),
        ("stable-False", None, "the tag stable has no CI targets"),
        ("None-False", None, "the device has no tag"),
        ("main-True", ["pi-lmp-41"], None),
        ("next-True", None, "the tag next has no production targets, and no wave covers the device"),
        ("stable-True", ["pi-lmp-7"], None),
        ("None-True", None, "the device has no tag"),
    ],
)
def test_each_device_is_served_its_own_audience_and_tag(
    mixed: Factory, tmp_path: Path, name: str, targets: list[str] | None, why_none: str | None
) -> None:
    one = mixed.devices.show(name)
    onlookers = DeviceClients(tmp_path, one.uuid)
    verdict = onlookers.look(mixed, AT)[one.uuid]
    assert verdict.serves_nothing == (targets is None)
    assert list(verdict.targets) == (targets or [])
    exported = mixed.metadata.export(name, tmp_path / "again", now=AT)
    assert (exported.device, exported.repository) == (one, "production" if one.production else "ci")
    assert (exported.roots, exported.why_none) == (4, why_none)
    assert served_to(mixed, one) == (exported.repository, exported.publication)
    names = {f"{number}.root.json" for number in range(1, 5)}
    assert set(written(tmp_path / "again")) == names | (
        set() if targets is None else {"targets.json", "snapshot.json", "timestamp.json"}
    )


def test_nobody_takes_what_is_for_the_other_audience(mixed: Factory, tmp_path: Path) -> None:
    for name, audience in (("main-True", "ci"), ("main-False", "production")):
        mixed.metadata.export(name, tmp_path / name, now=AT)
        with pytest.raises(GroundswellError) as caught:
            tuf.judge_directory(tmp_path / name, now=AT, audience=audience)  # type: ignore[arg-type]
        assert caught.value.code == "wrong-audience"
    # A test device of the same tag does not take what is served to production devices after its own, nor the reverse.
    for earlier, now in (("main-True", "main-False"), ("main-False", "main-True")):
        with pytest.raises(GroundswellError) as caught:
            tuf.judge_directory(tmp_path / now, now=AT, previous=tmp_path / earlier)
        assert caught.value.code in {"untrusted-root", "rolled-back"}


def test_ci_targets_alone_make_no_production_device_see_anything(keyed: Keyed, tmp_path: Path) -> None:
    populate(keyed.factory)
    onlookers = DeviceClients(tmp_path, PRODUCTION_DEVICE)
    assert onlookers.look(keyed.factory, AT)[PRODUCTION_DEVICE].serves_nothing
    assert publications(keyed.factory, "production") == []
    assert all(
        "production" not in json.loads(one.targets)["signed"]["targets"] for one in publications(keyed.factory, "ci")
    )


def test_devices_that_move_between_tags_follow(mixed: Factory, tmp_path: Path) -> None:
    """In any order, with changes between the moves, and with tags that have nothing to serve among them."""
    test, production = device(50), device(51)
    mixed.devices.import_(devices(2, first=50, production=[False, True]), now=AT)
    onlookers = DeviceClients(tmp_path, test, production)
    versions = itertools.count(100)
    walk = ["main", "next", "main", "stable", "next", "main", None, "stable", "main", "next"]
    for number, tag in enumerate(walk):
        now = later(hours=number)
        mixed.devices.import_(devices(2, first=50, tag=tag), clear=["tag"], now=now)
        if number % 3 == 1:
            mixed.targets.import_(plain(target(next(versions), tags=("main",))), now=now)
        if number % 4 == 2:
            mixed.metadata.refresh(now=now)
        verdicts = onlookers.look(mixed, now)
        assert verdicts[test].serves_nothing == (tag in {None, "stable"})
        assert verdicts[production].serves_nothing == (tag in {None, "next"})


# --- the directory -------------------------------------------------------------------------------------------------


def test_an_export_replaces_an_earlier_one(mixed: Factory, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "metadata"
    mixed.metadata.export("main-False", folder, now=AT)
    left_over = folder / ".targets.json.0123456789abcdef"
    left_over.write_bytes(b"{")
    (folder / "99.root.json").write_bytes(b"{}")
    mixed.metadata.export("main-True", folder, now=AT)
    mixed.metadata.export("main-True", tmp_path / "fresh", now=AT)
    assert written(folder) == written(tmp_path / "fresh")
    # A device that is served nothing has roots alone: nothing of an earlier export stays.
    mixed.metadata.export("None-True", folder, now=AT)
    assert set(written(folder)) == {f"{number}.root.json" for number in range(1, 5)}


@pytest.mark.parametrize(
    "name", ["note.txt", "targets.json.bak", "x.root.json", ".hidden", "root.json", ".targets.json.x"]
)
def test_a_directory_with_other_files_is_left_alone(mixed: Factory, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_text("mine", encoding="utf-8")
    error = refusal(mixed.metadata.export, "main-True", folder)
    assert isinstance(error, InputError)
    assert (error.code, error.fields["files"]) == ("foreign-files", [name])
    assert written(folder) == {name: b"mine"}


def test_a_file_is_no_directory(mixed: Factory, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    assert refusal(mixed.metadata.export, "main-True", tmp_path / "file").code == "not-a-folder"
    assert refusal(mixed.metadata.export, "main-True", tmp_path / "file" / "below").code == "cannot-write"
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_an_unknown_device_makes_no_directory(mixed: Factory, tmp_path: Path) -> None:
    error = refusal(mixed.metadata.export, "nobody", tmp_path / "folder")
    assert isinstance(error, NotFoundError)
    assert error.code == "unknown-device"
    assert not (tmp_path / "folder").exists()


# --- renewal -------------------------------------------------------------------------------------------------------


def timestamps(factory: Factory) -> set[tuple[str, int, str]]:
    return {
        (one.repository, one.epoch, json.loads(one.timestamp)["signed"]["expires"])
        for repository in REPOSITORIES
        for one in publications(factory, repository)
    }


def exported(factory: Factory, tmp_path: Path, name: str, **since: float) -> Exported:
    return factory.metadata.export(name, tmp_path / "renewed", now=later(**since))


@pytest.mark.parametrize("name", ["main-False", "main-True"])
def test_a_timestamp_is_renewed_when_less_than_half_of_its_life_is_left(
    mixed: Factory, tmp_path: Path, name: str
) -> None:
    one = mixed.devices.show(name)
    onlookers = DeviceClients(tmp_path, one.uuid)
    onlookers.look(mixed, AT)
    before, revision = timestamps(mixed), mixed.revision
    exported(mixed, tmp_path, name, days=3.5)
    assert (timestamps(mixed), mixed.revision) == (before, revision)
    exported(mixed, tmp_path, name, days=3.5, seconds=1)
    # All of them at once, in both repositories, in one transaction, each with the next epoch.
    assert mixed.revision == revision + 1
    assert {epoch for _, epoch, _ in timestamps(mixed)} == {epoch + 1 for _, epoch, _ in before}
    assert {expires for _, _, expires in timestamps(mixed)} == {"2026-11-28T23:06:41Z"}
    exported(mixed, tmp_path, name, days=3.5, seconds=2)
    assert mixed.revision == revision + 1
    # A device that slept past the expiry of what it has still follows.
    for days in (4, 11, 60, 300):
        onlookers.look(mixed, later(days=days))


def test_a_device_that_is_served_nothing_renews_nothing(mixed: Factory, tmp_path: Path) -> None:
    revision = mixed.revision
    exported(mixed, tmp_path, "None-True", days=30)
    assert mixed.revision == revision


def test_ci_roles_are_signed_anew_past_half_of_their_life_and_production_roles_never(mixed: Factory) -> None:
    def versions() -> dict[tuple[str, str], tuple[int, str]]:
        found: dict[tuple[str, str], tuple[int, str]] = {}
        for repository in REPOSITORIES:
            for one in publications(mixed, repository):
                signed = json.loads(one.targets)["signed"]
                found[repository, one.tag] = (signed["version"], signed["expires"])
        return found

    before = versions()
    assert mixed.metadata.refresh(now=later(days=182.5)).targets_roles == 0
    assert versions() == before
    renewed = mixed.metadata.refresh(now=later(days=182.5, seconds=1))
    assert renewed.targets_roles == 2
    after = versions()
    for repository, tag in before:
        version, expires = before[repository, tag]
        if repository == "production":
            assert after[repository, tag] == (version, expires)
        else:
            assert after[repository, tag] == (version + 1, "2028-05-18T23:06:41Z")
    # The roles that are kept are those that are served.
    assert mixed.check(now=later(days=182.5, seconds=1)).sound


def test_a_refresh_renews_everything_by_hand(mixed: Factory) -> None:
    before = {repository: epoch for repository, epoch, _ in timestamps(mixed)}
    renewed = mixed.metadata.refresh(now=later(days=1))
    assert renewed.epochs == {repository: epoch + 1 for repository, epoch in before.items()}
    assert (renewed.publications, renewed.targets_roles) == (4, 0)
    assert timestamps(mixed) == {
        (repository, epoch, "2026-11-26T11:06:40Z") for repository, epoch in renewed.epochs.items()
    }


def test_a_refresh_where_nothing_is_served_changes_nothing(keyed: Keyed) -> None:
    revision = keyed.factory.revision
    renewed = keyed.factory.metadata.refresh(now=AT)
    assert (renewed.epochs, renewed.publications, renewed.targets_roles) == ({}, 0, 0)
    assert keyed.factory.revision == revision


def test_all_documents_of_a_repository_carry_one_epoch(mixed: Factory) -> None:
    for repository in REPOSITORIES:
        epochs = set()
        for one in publications(mixed, repository):
            epochs |= {one.epoch, *(json.loads(data)["signed"]["version"] for data in (one.snapshot, one.timestamp))}
        assert len(epochs) == 1


def test_an_epoch_ends_where_agents_cannot_count_further(mixed: Factory) -> None:
    put_epoch = put("meta", [{"key": "epoch_ci", "value": str(2**31 - 2)}])
    mixed._context.commit("test", "let the epoch be nearly at its end", [put_epoch], at=0)
    mixed.metadata.refresh(now=AT)
    error = refusal(mixed.metadata.refresh)
    assert isinstance(error, StateError)
    assert (error.code, error.fields["epoch"]) == ("epoch-exhausted", 2**31)


# --- what expires --------------------------------------------------------------------------------------------------


def told(factory: Factory, **since: float) -> list[str]:
    """What is said to expire, without the remedies."""
    return [sentence.partition(": ")[0] for sentence in expiring(factory, now=later(**since))]


def test_what_expires_is_told_the_most_urgent_first(mixed: Factory) -> None:
    assert told(mixed) == []
    assert told(mixed, days=3.5) == []
    # Seven days are all of a timestamp's life: what is told is that more than half of it is over.
    assert told(mixed, days=3.5, seconds=1) == [
        "the ci timestamp of tag main expires 2026-11-25T11:06:40Z",
        "the ci timestamp of tag next expires 2026-11-25T11:06:40Z",
        "the production timestamp of tag main expires 2026-11-25T11:06:40Z",
        "the production timestamp of tag stable expires 2026-11-25T11:06:40Z",
    ]
    assert "the ci timestamp of tag main expired 2026-11-25T11:06:40Z" in told(mixed, days=7)
    assert all("refresh" in sentence for sentence in expiring(mixed, now=later(days=7)))


def test_roots_targets_and_snapshots_are_told_a_week_before(mixed: Factory) -> None:
    """The production targets of the test expire on the first of November 2027, the roots on the 18th."""
    mixed.metadata.refresh(now=later(days=340))
    assert told(mixed, days=340, hours=12) == []
    assert told(mixed, days=340, hours=13) == [
        "the production targets of tag main expires 2027-11-01T00:00:00Z",
        "the production targets of tag stable expires 2027-11-01T00:00:00Z",
    ]
    mixed.metadata.refresh(now=later(days=359))
    assert told(mixed, days=359) == [
        "the production targets of tag main expired 2027-11-01T00:00:00Z",
        "the production targets of tag stable expired 2027-11-01T00:00:00Z",
        "the ci root expires 2027-11-18T11:06:40Z",
        "the production root expires 2027-11-18T11:06:40Z",
    ]
    found = expiring(mixed, now=later(days=359), within=timedelta(days=3))
    assert [sentence for sentence in found if "root" in sentence] == []


def test_status_and_check_warn_of_what_expires(mixed: Factory) -> None:
    now = later(days=6)
    expected = tuple(expiring(mixed, now=now))
    assert len(expected) == 4
    assert mixed.status(now=now).warnings == expected
    assert mixed.check(now=now).warnings == expected
    # What has expired is a warning, and no fault.
    assert mixed.check(now=later(days=900)).sound


# --- sizes ---------------------------------------------------------------------------------------------------------


def test_a_root_that_is_larger_than_agents_read_is_refused(
    keyed: Keyed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(keyed.factory.keys.show(production=True).root)
    monkeypatch.setattr("groundswell.factory.trust.key_signing._MAX_ROOT", size + 200)
    keyed.factory.keys.rotate_root(root_keys=keyed.root_keys, now=AT)
    error = refusal(
        keyed.factory.keys.add_targets, root_keys=keyed.root_keys, targets_keys=tmp_path / "one-too-many.tgz"
    )
    assert isinstance(error, StateError)
    assert error.code == "role-too-large"
    assert keyed.factory.keys.show().role_version == 5


def test_the_limits_are_those_of_the_agents() -> None:
    assert publisher._MAX_TARGETS == 5_000_000
