"""Devices, groups, the denied list, targets, roots and the overview, as fioctl asks for them (wire.md 2.4 to 2.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groundswell.errors import InputError, NotFoundError, StateError
from support.factories import target
from support.fioctl import D, F, Fioctl, FioctlError, R
from support.wave_factories import CANARY, FIELD, MATCHING, TEST_DEVICES, uuid

if TYPE_CHECKING:
    from api.conftest import Acme


def names(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [one["name"] for one in page["devices"]]


def test_a_list_filters_sorts_and_pages(fioctl: Fioctl) -> None:
    def listed(query: str, limit: int = 500) -> list[str]:
        return names(fioctl.get(f"{D}/?factory=acme&limit={limit}&{query}"))

    assert listed("group=canary&prod=1&match_tag=main") == [f"device-{n}" for n in CANARY]
    assert listed("group=canary&prod=0") == [f"device-{n}" for n in TEST_DEVICES]
    assert listed("name=device-1%3F&sortby=-name&prod=1&match_tag=main")[0] == "device-18"
    assert listed("sortby=-last_seen&prod=1&match_tag=main")[:3] == ["device-1", "device-2", "device-3"]
    assert listed(f"uuid={uuid(7)}") == ["device-7"]
    assert listed("target_name=pi-lmp-41", 1000)
    assert listed("target_name=pi-lmp-42") == []
    assert listed("mine=1") == []
    first = fioctl.get(f"{D}/?factory=acme&limit=10&sortby=name")
    second = fioctl.get(first["next"].removeprefix("http://testserver"))
    assert (first["total"], first["pages"], len(first["devices"])) == (26, 3, 10)
    assert not set(names(first)) & set(names(second))


@pytest.mark.parametrize("query", ["limit=7", "limit=500&page=0", "limit=x", "limit=500&sortby=tag", "target_name=x"])
def test_a_list_refuses_what_fioctl_would_not_send(fioctl: Fioctl, query: str) -> None:
    with pytest.raises(FioctlError) as refused:
        fioctl.get(f"{D}/?factory=acme&{query}")
    assert refused.value.status == 400


def test_one_device_by_name_and_by_uuid(acme: Acme, fioctl: Fioctl) -> None:
    fioctl.waves_init("w", 42, "main", acme.keys)
    fioctl.rollout("w", group="canary")
    by_name = fioctl.get(f"{D}/device-1/?factory=acme")
    assert by_name == fioctl.get(f"{D}/{uuid(1)}/?factory=acme&by-uuid=1")
    assert (by_name["group"]["name"], by_name["device-group"]) == ("canary", "canary")
    assert (by_name["is-prod"], by_name["is-wave"], by_name["target-name"]) == (True, True, "pi-lmp-41")
    assert fioctl.get(f"{D}/device-5/?factory=acme")["is-wave"] is False
    assert fioctl.get(f"{D}/device-15/?factory=acme")["group"] is None
    assert fioctl.get(f"{D}/device-1/updates/?factory=acme") == {"updates": [], "total": 0, "next": None}
    with pytest.raises(FioctlError) as refused:
        fioctl.get(f"{D}/device-99/?factory=acme")
    assert refused.value.status == 404


def test_rename_group_delete_and_allow(acme: Acme, fioctl: Fioctl) -> None:
    fioctl.call("PATCH", f"{D}/device-1/?factory=acme", {"name": "gate [1] *?"})
    moved = fioctl.call("PATCH", f"{D}/gate%20%5B1%5D%20%2A%3F/?factory=acme", {"group": "field"})
    assert (moved["uuid"], moved["device-group"]) == (uuid(1), "field")
    assert fioctl.call("PATCH", f"{D}/{uuid(1)}/?factory=acme", {"group": ""})["device-group"] == ""
    fioctl.call("DELETE", f"{D}/{uuid(1)}/?factory=acme", b"")
    denied = fioctl.get(f"{F}/denied-devices/?limit=20&page=1")
    assert [(one["uuid"], one["name"]) for one in denied["devices"]] == [(uuid(1), "gate [1] *?")]
    fioctl.call("DELETE", f"{F}/denied-devices/{uuid(1)}/")
    assert fioctl.get(f"{F}/denied-devices/?limit=20&page=1")["total"] == 0
    assert acme.factory.check().sound


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "device-2"}, 409),
        ({"name": " "}, 400),
        ({"name": "null"}, 400),
        ({"name": "x" * 300}, 400),
        ({"name": "a\u202eb"}, 400),
        ({"group": "canari"}, 404),
        ({"owner": "u1"}, 400),
        ({}, 400),
    ],
)
def test_a_change_of_a_device_that_is_refused(acme: Acme, fioctl: Fioctl, body: dict[str, str], status: int) -> None:
    revision = acme.factory.revision
    with pytest.raises(FioctlError) as refused:
        fioctl.call("PATCH", f"{D}/device-1/?factory=acme", body)
    assert refused.value.status == status
    assert acme.factory.revision == revision


def test_a_taken_name_has_its_code(acme: Acme) -> None:
    with pytest.raises(StateError) as refused:
        acme.factory.devices.rename("device-1", "device-2")
    assert refused.value.code == "device-name-used"
    assert acme.factory.devices.rename("device-1", "device-1").name == "device-1"


def test_groups(fioctl: Fioctl) -> None:
    made = fioctl.call("POST", f"{F}/device-groups/", {"name": "lab", "description": "in Bern"})
    assert (made["name"], made["description"]) == ("lab", "in Bern")
    changed = fioctl.call("PATCH", f"{F}/device-groups/lab/", {"name": "labs", "description": "two"})
    assert (changed["id"], changed["name"], changed["description"]) == (made["id"], "labs", "two")
    assert changed["change-meta"]["updated-by"] == "bob"
    assert fioctl.call("PATCH", f"{F}/device-groups/labs/", {"description": ""})["description"] == ""
    for method, path, body, status in (
        ("POST", "", {"name": "labs"}, 409),
        ("PATCH", "labs/", {"name": "canary", "description": "x"}, 409),
        ("PATCH", "nope/", {"name": "x"}, 404),
        ("DELETE", "canary/", None, 409),
    ):
        with pytest.raises(FioctlError) as refused:
            fioctl.call(method, f"{F}/device-groups/{path}", body)
        assert refused.value.status == status
    fioctl.call("DELETE", f"{F}/device-groups/labs/")
    assert [one["name"] for one in fioctl.get(f"{F}/device-groups/")["groups"]] == ["canary", "field"]


def test_targets(acme: Acme, fioctl: Fioctl) -> None:
    assert list(fioctl.get(f"{F}/targets/?version=42")) == ["pi-lmp-42"]
    assert fioctl.get(f"{F}/targets/?version=7") == {}
    document = fioctl.get(f"{F}/targets/pi-lmp-42")
    assert document["custom"]["version"] == "42"
    assert fioctl.get("/projects/acme/lmp/builds/latest/?all=1")["data"]["build"]["build_id"] == 45
    new = target(46, "x86")
    fioctl.call("POST", f"{F}/targets/", {"targets": new, "targets-creator": "fioctl"})
    fioctl.call("PATCH", f"{F}/targets/", {"targets": {"x86-lmp-46": {"custom": {"tags": ["main", "next"]}}}})
    assert fioctl.get(f"{F}/targets/x86-lmp-46")["custom"]["tags"] == ["main", "next"]
    fioctl.call("DELETE", f"{F}/targets/", {"targets": ["x86-lmp-46"]})
    for method, body, status in (
        ("DELETE", {"targets": ["x86-lmp-46"]}, 404),
        ("DELETE", {"targets": []}, 400),
        ("PATCH", {"targets": {"pi-lmp-42": {}}}, 400),
        ("PATCH", {"targets": {"nope": {"custom": {"tags": ["main"]}}}}, 404),
        ("POST", {"targets": {"pi-lmp-42": {**document, "length": 5}}}, 409),
        ("POST", {"targets": 5}, 400),
    ):
        with pytest.raises(FioctlError) as refused:
            fioctl.call(method, f"{F}/targets/", body)
        assert refused.value.status == status, (method, body)
    assert acme.factory.check().sound


def test_unknown_targets_and_roots_have_their_codes(acme: Acme) -> None:
    with pytest.raises(NotFoundError) as refused:
        acme.factory.targets.prune_names(["pi-lmp-4"])
    assert refused.value.code == "unknown-target"
    with pytest.raises(InputError) as none:
        acme.factory.targets.retag({})
    assert none.value.code == "no-targets"
    with pytest.raises(NotFoundError) as past:
        acme.factory.metadata.root("ci", 9)
    assert past.value.code == "unknown-root"


@pytest.mark.parametrize("production", ["", "?production=1"])
def test_roots_end_with_404(fioctl: Fioctl, production: str) -> None:
    chain = [fioctl.get(f"{R}/{version}.root.json{production}") for version in range(1, 6)]
    assert [root["signed"]["version"] for root in chain] == [1, 2, 3, 4, 5]
    assert chain[-1] == fioctl.get(f"{R}/root.json{production}")
    with pytest.raises(FioctlError) as past:
        fioctl.get(f"{R}/6.root.json{production}")
    assert past.value.status == 404
    key = fioctl.get(f"{F}/ci-targets.pub")
    assert key in fioctl.get(f"{R}/root.json")["signed"]["keys"].values()


def test_the_overview_counts_each_device_once(acme: Acme, fioctl: Fioctl) -> None:
    fioctl.waves_init("w", 42, "main", acme.keys)
    fioctl.rollout("w", group="canary")
    fioctl.rollout("w", group="field", limit=2)
    status = fioctl.get(f"{F}/status/?offline-threshold=4")
    assert status["total-devices"] == 26
    total = sum(tag["devices-total"] for kind in ("tags", "prod-tags", "wave-tags") for tag in status[kind])
    assert total == 26
    (main,) = status["wave-tags"]
    assert (main["name"], main["devices-total"], main["devices-online"]) == ("main", len(CANARY) + 2, 3)
    groups = {group["name"]: group["devices-total"] for group in main["device-groups"]}
    assert groups == {"canary": len(CANARY), "field": 2}
    outside = {tag["name"]: tag["devices-total"] for tag in status["prod-tags"]}
    assert outside == {"main": len(MATCHING) - len(CANARY) - 2, "beta": 3, "": 2}
    (rest,) = [tag for tag in status["prod-tags"] if tag["name"] == "main"]
    assert {g["name"]: g["devices-total"] for g in rest["device-groups"]} == {"field": len(FIELD) - 2, "": 4}


def test_users(fioctl: Fioctl) -> None:
    me = fioctl.get(f"{F}/users/self/")
    assert me["name"] == "bob"
    assert me in fioctl.get(f"{F}/users/")
