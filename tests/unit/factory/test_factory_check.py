"""`Factory.check` finds every kind of damage: bad rows are written past the code that keeps the rules.

Every statement that `check` makes is shown to fail here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from groundswell.errors import StorageError
from groundswell.factory import Factory
from groundswell.factory.trust.online_keys import KEYS_FOLDER
from support import factories
from support.factories import AT, Keyed, device, embedded_store, later, past_the_store, populate, put_production

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from groundswell.factory.checks.checks import CheckReport

AUDIT = "the audit log yields just this store"
ACCEPTED = "devices accept the root chains and what is served"
ONE = f"'{device(1)}'"


@pytest.fixture(scope="session")
def full_folder(keyed_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a factory that has rows in all of its tables."""
    folder = tmp_path_factory.mktemp("full")
    with factories.keyed_copy(keyed_folder, folder) as keyed:
        factory = keyed.factory
        populate(factory)
        put_production(keyed)
        factory.devices.assign([device(1), device(2)], factory.groups.create("canary", now=AT).name, now=AT)
        factory.devices.delete([device(3)], now=AT)
        factory.waves.init("v42", 42, "main", keys=keyed.targets_keys, now=AT)
        factory.waves.rollout("v42", group="canary", limit=1, request_id="nightly", now=AT)
        assert factory.check(now=AT).sound
    return folder


@pytest.fixture
def full(full_folder: Path, tmp_path: Path) -> Iterator[Keyed]:
    """A copy of it, open."""
    with factories.keyed_copy(full_folder, tmp_path) as keyed:
        yield keyed


def failed(report: CheckReport) -> dict[str, tuple[str, ...]]:
    return {result.name: result.faults for result in report.results if not result.sound}


ROWS = {
    "every row has a key of its own": [
        ("INSERT INTO tags SELECT tag_id, 'other' FROM tags LIMIT 1", "of the table tags is given 2 times"),
        ("INSERT INTO groups SELECT * REPLACE ('other' AS name) FROM groups", "of the table groups is given 2 times"),
        ("INSERT INTO meta VALUES ('name', 'other')", "the key name of the table meta is given 2 times"),
        ("INSERT INTO publications SELECT * FROM publications", "of the table publications is given 2 times"),
        ("INSERT INTO targets_roles SELECT * FROM targets_roles", "of the table targets_roles is given 2 times"),
        ("INSERT INTO roots SELECT * FROM roots", "the key ci 1 of the table roots is given 2 times"),
        ("INSERT INTO ci_targets SELECT * FROM ci_targets", "of the table ci_targets is given 2 times"),
        ("INSERT INTO waves SELECT * FROM waves", "of the table waves is given 2 times"),
        ("INSERT INTO rollouts SELECT * FROM rollouts", "of the table rollouts is given 2 times"),
        ("INSERT INTO requests SELECT * FROM requests", "request nightly of the table requests is given 2 times"),
        (
            "INSERT INTO users SELECT 1, 'user ' || range, 5, 'alice', NULL FROM range(2)",
            "the key 1 of the table users is given 2 times",
        ),
        (
            "INSERT INTO mappings SELECT 'ours', '{}', 5, 'alice' FROM range(2)",
            "the key ours of the table mappings is given 2 times",
        ),
        (
            "INSERT INTO devices SELECT * REPLACE (gen_random_uuid() AS uuid) FROM devices WHERE ordinal = 1",
            "the key 1 of the table devices is given 2 times",
        ),
    ],
    "ordinals are 0, 1, 2 … without a gap": [
        ("DELETE FROM devices WHERE ordinal = 1", "there are 2 devices, and the last ordinal is 2"),
        ("UPDATE devices SET ordinal = 4294967295 WHERE ordinal = 2", "the last ordinal is 4294967295"),
    ],
    "a uuid has one ordinal": [
        (f"UPDATE devices SET uuid = {ONE} WHERE ordinal = 1", f"the uuid {device(1)} has 2 ordinals"),
    ],
    "deleted devices have a name at most, and only they are denied or allowed": [
        ("UPDATE devices SET production = true WHERE deleted", f"the deleted device {device(3)} has properties"),
        ("UPDATE devices SET version_at = 5 WHERE deleted", "has properties"),
        (f"UPDATE devices SET allowed = true WHERE uuid = {ONE}", f"the device {device(1)} is allowed and not deleted"),
        (f"UPDATE devices SET allowed = NULL WHERE uuid = {ONE}", "is neither allowed nor denied"),
        ("UPDATE devices SET tag_id = 1 WHERE deleted", "has properties"),
        ("UPDATE devices SET group_id = 1 WHERE deleted", "has properties"),
        ("UPDATE devices SET last_seen = 1 WHERE deleted", "has properties"),
        ("UPDATE devices SET target_version = 1 WHERE deleted", "has properties"),
        ("UPDATE devices SET hardware_id = 'x' WHERE deleted", "has properties"),
    ],
    "every group and tag of a device exists": [
        (f"UPDATE devices SET group_id = 77 WHERE uuid = {ONE}", f"the device {device(1)} is in the group 77"),
        ("DELETE FROM groups", f"the device {device(1)} is in the group 1"),
        (f"UPDATE devices SET tag_id = 77 WHERE uuid = {ONE}", f"the device {device(1)} is on the tag 77"),
    ],
    "target versions and instants are in their ranges": [
        (f"UPDATE devices SET target_version = -1 WHERE uuid = {ONE}", "reports the version -1"),
        (f"UPDATE devices SET last_seen = 0 WHERE uuid = {ONE}", "was seen at 0"),
        (
            f"UPDATE devices SET version_at = 1, last_seen = 5 WHERE uuid = {ONE}",
            f"the version of the device {device(1)} has a time of its own",
        ),
    ],
    "names of groups and tags are given once, and well formed": [
        (
            ("INSERT INTO groups SELECT * REPLACE (9 AS group_id) FROM groups; UPDATE meta SET value = '10'"
            " WHERE key = 'next_group_id'"),
            "the group canary exists 2 times",
        ),
        ("INSERT INTO tags SELECT 9, name FROM tags WHERE tag_id = 1", "the tag main exists 2 times"),
        ("UPDATE groups SET name = 'no name'", "the name no name is not well formed"),
        ("UPDATE tags SET name = '' WHERE tag_id = 2", "the name  is not well formed"),
        (f"UPDATE tags SET name = '{'a' * 65}' WHERE tag_id = 2", "is not well formed"),
    ],
    "the next group gets a number of its own": [
        ("UPDATE meta SET value = '1' WHERE key = 'next_group_id'", "the group 1 has a number"),
        ("DELETE FROM meta WHERE key = 'next_group_id'", "the group 1 has a number"),
        ("UPDATE meta SET value = 'many' WHERE key = 'next_group_id'", "the group 1 has a number"),
    ],
    "a target version has one target for each hardware": [
        (
            ("UPDATE ci_targets SET target_version = 41, document = (SELECT document FROM ci_targets WHERE name ="
            " 'pi-lmp-41') WHERE name = 'pi-lmp-42'"),
            "version 41 has 2 targets for pi",
        ),
    ],
    "root chains have no gaps and one length": [
        ("DELETE FROM roots WHERE repository = 'ci' AND role_version = 2", "the ci chain has 3 links"),
        ("DELETE FROM roots WHERE repository = 'ci' AND role_version = 1", "the ci chain has 3 links"),
        ("DELETE FROM roots WHERE repository = 'production' AND role_version = 4", "the production chain has 3 links"),
        ("DELETE FROM roots WHERE repository = 'production'", "the production chain has 0 links, and the last is 0"),
        (
            "UPDATE roots SET role_version = 2 WHERE repository = 'ci' AND role_version = 3",
            "the ci chain has 4 links, and the last is 4",
        ),
    ],
    "everything that is served carries the epoch of its repository": [
        ("UPDATE publications SET epoch = epoch + 1 WHERE tag = 'next'", "tag next (tag) of ci carries the epoch 2"),
        ("DELETE FROM meta WHERE key = 'epoch_ci'", "tag main (tag) of ci carries the epoch 1"),
        ("UPDATE meta SET value = 'x' WHERE key = 'epoch_production'", "of production carries the epoch"),
    ],
    "what is served of a tag is its targets role": [
        ("DELETE FROM publications WHERE repository = 'ci' AND tag = 'next'", "the ci role of tag next is not served"),
        (
            "DELETE FROM targets_roles WHERE repository = 'production'",
            "the production role of tag main is served and does not exist",
        ),
        (
            ("UPDATE publications SET targets = (SELECT targets FROM publications WHERE repository = 'ci' AND tag ="
            " 'main') WHERE tag = 'next'"),
            "the ci role of tag next is served as something else",
        ),
    ],
    "a tag has one active wave at most": [
        ("INSERT INTO waves SELECT * REPLACE (9 AS wave_id, 'v43' AS name) FROM waves", "main has 2 active waves"),
    ],
    "names of waves are given once, and well formed": [
        ("INSERT INTO waves SELECT * REPLACE (9 AS wave_id) FROM waves", "the wave v42 exists 2 times"),
        ("UPDATE waves SET name = '$active$'", "the name $active$ of a wave is not well formed"),
    ],
    "a wave is active, or it is complete or canceled and has an end": [
        ("UPDATE waves SET finished_at = 5", "the wave v42 is active, and its end is 5"),
        ("UPDATE waves SET state = 'canceled'", "the wave v42 is canceled, and its end is unknown"),
        ("UPDATE waves SET state = 'paused'", "the wave v42 is paused"),
    ],
    "an active wave is above the production targets of its tag": [
        ("UPDATE waves SET target_version = 41", "the wave v42 brings 41, and main has 41"),
    ],
    "rollouts belong to a wave, and are 1, 2, 3 …": [
        ("UPDATE rollouts SET number = 2", "the wave 1 has 1 rollouts, and the last is 2"),
        ("DELETE FROM waves", "there is no wave 1 for a rollout"),
        ("INSERT INTO rollouts SELECT * REPLACE (3 AS number) FROM rollouts", "the wave 1 has 2 rollouts"),
    ],
    "a request or a plan is answered once, by a rollout that is there": [
        (
            "INSERT INTO requests SELECT * REPLACE ('bob' AS made_by) FROM requests",
            "the request nightly is answered 2 times",
        ),
        ("UPDATE requests SET number = 2", "there is no rollout 2 for the request nightly"),
        ("UPDATE requests SET wave_id = 9", "there is no rollout 1 for the request nightly"),
        ("DELETE FROM rollouts", "there is no rollout 1 for the request nightly"),
    ],
    "a wave's revision counts its rollouts and its end": [
        ("UPDATE waves SET revision = 7", "the wave v42 has the revision 7 and 1 rollouts"),
    ],
    "users have one name each, and every token belongs to a user": [
        ("INSERT INTO users SELECT range, 'bob', 5, 'alice', NULL FROM range(2)", "the user name bob is given 2 times"),
        (
            "INSERT INTO tokens VALUES ('aaaa', 'aa', 9, '[]', NULL, 5, 'alice', NULL, NULL)",
            "the token aaaa belongs to the user 9, who does not exist",
        ),
    ],
    "rollouts hold the devices of their digests, and choose nobody twice": [
        (f"UPDATE rollouts SET digest = '{'ab' * 32}'", "rollout 1 of wave v42 are not those of its digest"),
        (
            "INSERT INTO rollouts SELECT * REPLACE (2 AS number) FROM rollouts",
            "rollout 2 of wave v42 chose 1 devices again",
        ),
    ],
    "production devices are served what waves and production targets say": [
        ("DELETE FROM publications WHERE variant = 'wave v42'", "tag main (wave v42) is not served what its wave"),
        ("DELETE FROM targets_roles WHERE repository = 'production'", "tag main (tag) is served what no wave"),
        ("UPDATE waves SET tag = 'next'", "tag main (wave v42) is served what no wave"),
        ("UPDATE waves SET document = 'x'::BLOB", ""),
    ],
    "CI targets and their roles agree": [
        ("UPDATE ci_targets SET target_version = 7 WHERE name = 'pi-lmp-41'", "is kept as version 7 for pi"),
        ("UPDATE ci_targets SET hardware_id = 'x86' WHERE name = 'pi-lmp-41'", "is kept as version 41 for x86"),
        ("DELETE FROM ci_targets WHERE name = 'pi-lmp-41'", "the CI role of tag main does not hold the targets"),
        ("DELETE FROM targets_roles WHERE tag = 'next'", "the CI role of tag next does not hold the targets"),
        ("UPDATE targets_roles SET role_version = 9 WHERE tag = 'next'", "is kept as version 9, and says that it is 1"),
        ("UPDATE ci_targets SET document = '{}'::BLOB", "is not of the form"),
        ("UPDATE ci_targets SET document = '{'::BLOB", "is not of the form"),
    ],
    "the roots of CI and production go together": [
        (
            ("UPDATE roots SET document = (SELECT document FROM roots WHERE repository = 'ci' AND role_version = 3)"
            " WHERE repository = 'production' AND role_version = 4"),
            "differ in",
        ),
    ],
    ACCEPTED: [
        ("UPDATE roots SET document = '{}'::BLOB WHERE role_version = 4 AND repository = 'ci'", "ci"),
        (
            ("UPDATE publications SET snapshot = (SELECT snapshot FROM publications WHERE tag = 'next') WHERE"
            " tag = 'main' AND repository = 'ci'"),
            "ci, tag main (tag)",
        ),
        ("UPDATE publications SET targets = '{}'::BLOB WHERE variant = 'wave v42'", "production, tag main (wave v42)"),
        ("UPDATE publications SET tag = 'other' WHERE tag = 'next'", "ci, tag other (tag)"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("statement", "sql", "told"), [(name, *one) for name, every in ROWS.items() for one in every])
def test_a_bad_row_is_found(full: Keyed, statement: str, sql: str, told: str) -> None:
    past_the_store(full.factory, sql)
    full.factory.close()  # with all that it remembers
    with Factory.open(full.factory.path) as again:
        found = failed(again.check(now=AT))
    assert statement in found
    assert any(told in fault for fault in found[statement]), found
    # Whatever was written past the audit log is found by that, too.
    assert found[AUDIT]


def test_the_audit_log_alone_finds_what_breaks_no_rule(full: Keyed) -> None:
    past_the_store(full.factory, f"UPDATE devices SET name = 'another' WHERE uuid = {ONE}")
    past_the_store(full.factory, "UPDATE groups SET description = 'another'")
    assert failed(full.factory.check(now=AT)) == {
        AUDIT: ("the table devices is not what the audit log says", "the table groups is not what the audit log says")
    }


def test_a_broken_audit_log_is_found(full: Keyed) -> None:
    log = full.factory.path / "audit.log"
    data = log.read_bytes()
    log.write_bytes(data.replace(b"devices import", b"devices impart", 1))  # a line that is as long as it was
    ((name, faults),) = failed(full.factory.check(now=AT)).items()
    assert name == AUDIT
    assert "is damaged" in faults[0]


KEYS = "the online keys are here, private, and alone"
PERMISSIONS = "not everyone can write to the factory"

WRONG = json.dumps({"keytype": "ED25519", "keyval": {"private": "00" * 32}}).encode()
KEY_DAMAGE: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "gone": (lambda online, _: online.unlink(), "the online key {online} of the role snapshot is not in"),
    "another": (lambda online, _: online.write_bytes(WRONG), "belong"),
    "broken": (lambda online, _: online.write_bytes(b"{"), "broken JSON"),
    "exposed": (lambda online, _: online.chmod(0o640), "others can read"),
    "offline": (lambda _, offline: offline.write_bytes(b"{}"), "the offline key {offline} lies in"),
}


@pytest.mark.parametrize("kind", KEY_DAMAGE)
def test_a_key_that_is_not_as_it_should_be_is_found(full: Keyed, kind: str) -> None:
    keys = full.factory.keys.show().keys
    (offline,) = [key.keyid for key in keys if key.role == "targets" and not key.online]
    online = next(key.keyid for key in keys if key.role == "snapshot")
    folder = full.factory.path / KEYS_FOLDER
    spoil, told = KEY_DAMAGE[kind]
    spoil(folder / f"{online}.sec", folder / f"{offline}.sec")
    ((name, faults),) = failed(full.factory.check(now=AT)).items()
    assert name == KEYS
    assert any(told.format(online=online, offline=offline) in fault for fault in faults), faults


@pytest.mark.parametrize("part", ["", KEYS_FOLDER, "factory.duckdb", "audit.log", "lock"])
def test_a_part_that_anyone_can_write_to_is_found(full: Keyed, part: str) -> None:
    path = full.factory.path / part
    path.chmod(path.stat().st_mode | 0o002)
    assert failed(full.factory.check(now=AT)) == {PERMISSIONS: (f"anyone can write to {path}",)}


def test_every_statement_is_shown_to_fail(full: Keyed) -> None:
    assert {result.name for result in full.factory.check(now=AT).results} == {*ROWS, AUDIT, KEYS, PERMISSIONS}


def test_many_faults_of_one_kind_are_cut_short(factory: Factory) -> None:
    factory.devices.import_(factories.devices(10_100, target_version=1), now=AT)
    past_the_store(factory, "UPDATE devices SET target_version = -1 - CAST(ordinal AS INTEGER)")
    faults = failed(factory.check(now=AT))["target versions and instants are in their ranges"]
    assert (len(faults), faults[-1]) == (10_001, "and more")


def test_what_has_expired_hides_no_damage(full: Keyed) -> None:
    now = later(days=4000)
    assert full.factory.check(now=now).sound
    past_the_store(full.factory, "UPDATE publications SET targets = '{}'::BLOB WHERE variant = 'wave v42'")
    assert failed(full.factory.check(now=now))[ACCEPTED]


def test_a_factory_whose_roots_are_gone_can_be_opened_and_checked(full: Keyed) -> None:
    past_the_store(full.factory, "DELETE FROM roots")
    full.factory.close()
    with Factory.open(full.factory.path) as again:
        found = failed(again.check(now=AT))
        assert found[ACCEPTED]
        assert again.check(now=AT).warnings == ()
        with pytest.raises(StorageError) as caught:
            again.keys.show()
        assert caught.value.code == "store-damaged"
    # And rebuilt: the audit log has them.
    Factory.repair(full.factory.path)
    with Factory.open(full.factory.path) as again:
        assert again.check(now=AT).sound


def test_a_report_says_what_was_checked_and_at_which_revision(full: Keyed) -> None:
    report = full.factory.check(now=AT)
    assert report.revision == full.factory.revision
    assert len(report.results) == len({result.name for result in report.results}) == len(ROWS) + 3
    assert report.sound
    assert report.warnings == ()


def test_a_check_changes_nothing(full: Keyed) -> None:
    embedded_store(full.factory).checkpoint()
    before = factories.every_byte_below(full.factory.path)
    full.factory.check(now=AT)
    assert factories.every_byte_below(full.factory.path) == before
