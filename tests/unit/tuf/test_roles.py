"""The builders of roots: what they keep, what they drop, what they refuse."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from groundswell import GroundswellError, InputError, TrustError, tuf
from groundswell.tuf import roles

EXPIRES = datetime(2027, 1, 1, tzinfo=UTC)
AT = datetime(2026, 11, 24, tzinfo=UTC)
KEYS = [tuf.PrivateKey.from_seed_hex(f"{i:064x}").public for i in range(1, 9)]
TARGETS, SNAPSHOT, TIMESTAMP, ROOT, OFFLINE, SECOND, NEW_ONLINE, NEW_ROOT = KEYS
ONLINE = tuf.OnlineKeys(TARGETS, SNAPSHOT, TIMESTAMP)
FIRST = roles.root_first(ONLINE, ROOT, expires=EXPIRES)
WITH_OFFLINE = roles.next_root(FIRST, add={"targets": [OFFLINE]}, change=tuf.Change("u1", "add", AT))


def keyids(signed: dict[str, Any], role: str) -> list[str]:
    found: list[str] = signed["roles"][role]["keyids"]
    return found


def test_the_root_before_is_not_changed() -> None:
    before = copy.deepcopy(WITH_OFFLINE)
    roles.next_root(
        WITH_OFFLINE, add={"targets": [SECOND]}, remove={"targets": [OFFLINE.keyid]}, thresholds={"root": 2}
    )
    roles.production_of(WITH_OFFLINE, targets_threshold=3)
    assert before == WITH_OFFLINE


def test_nothing_but_the_version_grows_where_nothing_is_asked_for() -> None:
    assert roles.next_root(FIRST) == FIRST | {"version": 2}


def test_a_key_that_no_role_uses_is_dropped_with_its_owner() -> None:
    owned = roles.next_root(WITH_OFFLINE, add={"targets": [SECOND]}, change=tuf.Change("u2", "second", AT))
    assert set(owned["x-key-owners"]) == {OFFLINE.keyid, SECOND.keyid}
    left = roles.next_root(owned, remove={"targets": [OFFLINE.keyid]})
    assert OFFLINE.keyid not in left["keys"]
    assert left["x-key-owners"] == {SECOND.keyid: {"created-at": "2026-11-24T00:00:00Z", "polis-id": "u2"}}
    none = roles.next_root(left, remove={"targets": [SECOND.keyid]})
    assert "x-key-owners" not in none


def test_a_key_that_another_role_still_uses_is_kept() -> None:
    both = roles.next_root(FIRST, add={"targets": [ROOT]})
    assert ROOT.keyid in roles.next_root(both, remove={"targets": [ROOT.keyid]})["keys"]


def test_an_online_key_that_is_replaced_gives_its_first_place_away() -> None:
    rotated = roles.next_root(WITH_OFFLINE, replace={"targets": {TARGETS.keyid: NEW_ONLINE}})
    assert keyids(rotated, "targets") == [NEW_ONLINE.keyid, OFFLINE.keyid]
    assert TARGETS.keyid not in rotated["keys"]


def test_a_key_that_is_added_stands_at_the_end() -> None:
    assert keyids(roles.next_root(WITH_OFFLINE, add={"targets": [SECOND]}), "targets") == [
        key.keyid for key in (TARGETS, OFFLINE, SECOND)
    ]


def test_the_changelog_is_of_this_root_alone() -> None:
    assert WITH_OFFLINE["x-changelog"] == {"message": "add", "polis-id": "u1", "timestamp": "2026-11-24T00:00:00Z"}
    assert "x-changelog" not in roles.next_root(WITH_OFFLINE)


def test_production_differs_in_the_targets_threshold_alone() -> None:
    production = roles.production_of(WITH_OFFLINE)
    assert production["roles"]["targets"].pop("threshold") == 2
    ci = copy.deepcopy(WITH_OFFLINE)
    assert ci["roles"]["targets"].pop("threshold") == 1
    assert production == ci


@pytest.mark.parametrize("asked", [{"remove": {"root": [OFFLINE.keyid]}}, {"replace": {"root": {"ab": NEW_ROOT}}}])
def test_a_key_that_the_role_does_not_list_cannot_go(asked: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        roles.next_root(FIRST, **asked)
    assert (caught.value.code, caught.value.fields["keyids"]) == ("key-not-in-role", [ROOT.keyid])


@pytest.mark.parametrize(
    "asked",
    [
        {"add": {"targets": [OFFLINE]}},
        {"add": {"targets": [SECOND, SECOND]}},
        {"replace": {"targets": {TARGETS.keyid: OFFLINE}}},
    ],
)
def test_a_key_that_the_role_lists_cannot_be_added(asked: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        roles.next_root(WITH_OFFLINE, **asked)
    assert caught.value.code == "key-already-in-role"


def test_a_message_that_agents_spell_differently_is_refused() -> None:
    for change in (tuf.Change("u1", "grün", AT), tuf.Change("u<1", "green", AT), tuf.Change("u1", "two\nlines", AT)):
        with pytest.raises(InputError) as caught:
            roles.next_root(FIRST, change=change)
        assert caught.value.code == "unsafe-text"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"keys": {"ab" * 32: ROOT.document}}, "keyid-mismatch"),
        ({"keys": {ROOT.keyid: {}}}, "bad-key"),
        ({"roles": {}}, "bad-metadata"),
        ({"roles": FIRST["roles"] | {"root": {"keyids": ROOT.keyid, "threshold": 1}}}, "bad-metadata"),
        ({"roles": FIRST["roles"] | {"root": {"keyids": [ROOT.keyid] * 2, "threshold": 1}}}, "bad-metadata"),
        ({"roles": FIRST["roles"] | {"root": {"keyids": [OFFLINE.keyid], "threshold": 1}}}, "bad-metadata"),
        ({"roles": FIRST["roles"] | {"root": {"keyids": [ROOT.keyid], "threshold": 0}}}, "bad-metadata"),
        ({"roles": FIRST["roles"] | {"root": {"keyids": [ROOT.keyid], "threshold": True}}}, "bad-metadata"),
        ({"roles": FIRST["roles"] | {"root": {"keyids": [[]], "threshold": 1}}}, "bad-metadata"),
    ],
)
def test_a_root_of_another_form_is_not_read(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(GroundswellError) as caught:
        tuf.read_root(FIRST | changes, "1.root.json")
    assert caught.value.code == code
    assert isinstance(caught.value, TrustError if code == "keyid-mismatch" else InputError)


def test_a_root_is_read_with_its_keys_in_order() -> None:
    root = tuf.read_root(WITH_OFFLINE)
    assert root.keys_of("targets") == (TARGETS, OFFLINE)
    assert (root.version, root.roles["snapshot"].threshold) == (2, 1)
