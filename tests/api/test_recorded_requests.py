"""The bodies that the real fioctl sent, replayed: state and answer of each (wire.md 7.1).

Its root updates (01 to 06, 14 to 18) have no route yet. Its waves (07, 13) are signed for roots of another factory, so
they are signed again with a key of this one; `support.fioctl` sends the same members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support import recorded
from support.factories import target
from support.fioctl import D, F, Fioctl, FioctlError
from support.wave_factories import CANARY, MATCHING, uuid, uuids

if TYPE_CHECKING:
    from api.conftest import Acme


@pytest.fixture
def wave(acme: Acme, fioctl: Fioctl) -> Fioctl:
    """fioctl, and the active wave ``v1.0`` of version 42."""
    fioctl.waves_init("v1.0", 42, "main", acme.keys)
    return fioctl


def replayed(fioctl: Fioctl, number: str, **changed: Any) -> Any:
    body = {**recorded.request(number), **changed}
    return fioctl.call("POST", f"{F}/waves/v1.0/rollout/", body)


def test_08_a_whole_group(acme: Acme, wave: Fioctl) -> None:
    assert wave.call("POST", f"{F}/waves/v1.0/rollout/", recorded.request_bytes("08"))["device-num"] == len(CANARY)
    assert acme.factory.waves.history("v1.0")[0].whole


def test_09_a_sample_of_a_group(acme: Acme, wave: Fioctl) -> None:
    assert replayed(wave, "09")["device-num"] == len(CANARY)  # 10 were asked for
    assert not acme.factory.waves.history("v1.0")[0].whole


def test_10_a_dry_run_of_a_percentage(acme: Acme, wave: Fioctl) -> None:
    revision = acme.factory.revision
    result = replayed(wave, "10")
    assert result["device-num"] == -(-len(MATCHING) // 10)
    assert len(result["device-uuids"]) == len(result["device-names"]) == result["device-num"]
    assert acme.factory.revision == revision


def test_11_a_list_that_has_no_uuids_names_both(acme: Acme, wave: Fioctl) -> None:
    revision = acme.factory.revision
    with pytest.raises(FioctlError) as refused:
        wave.call("POST", f"{F}/waves/v1.0/rollout/", recorded.request_bytes("11"))
    lines = "\n".join(refused.value.errors)
    assert (refused.value.status, "u-1" in lines, "u-2" in lines) == (400, True, True)
    assert acme.factory.revision == revision
    assert replayed(wave, "11", uuids=uuids([1, 2]))["device-num"] == 1


@pytest.mark.parametrize(("number", "verb", "state"), [("12", "complete", "complete"), ("20", "cancel", "canceled")])
def test_12_and_20_end_a_wave_without_a_body(wave: Fioctl, number: str, verb: str, state: str) -> None:
    assert recorded.request_bytes(number) == b""
    wave.call("POST", f"{F}/waves/v1.0/{verb}/")
    assert wave.get(f"{F}/waves/v1.0/")["status"] == state


def test_19_a_signature_of_a_foreign_key_adds_nothing(wave: Fioctl) -> None:
    before = wave.get(f"{F}/waves/v1.0/?show-targets=1")["targets"]
    with pytest.raises(FioctlError) as refused:
        wave.call("POST", f"{F}/waves/v1.0/sign/", recorded.request_bytes("19"))
    assert refused.value.status == 403
    assert wave.get(f"{F}/waves/v1.0/?show-targets=1")["targets"] == before


def test_21_a_group(fioctl: Fioctl) -> None:
    with pytest.raises(FioctlError) as refused:
        fioctl.call("POST", f"{F}/device-groups/", recorded.request_bytes("21"))
    assert refused.value.status == 409  # the factory has the group
    made = fioctl.call("POST", f"{F}/device-groups/", {**recorded.request("21"), "name": "early"})
    assert made["description"] == "Canary devices"


def test_22_and_23_a_device(fioctl: Fioctl) -> None:
    device = f"{D}/device-16/?factory=acme"
    assert fioctl.call("PATCH", device, recorded.request_bytes("22"))["device-group"] == "canary"
    assert fioctl.call("PATCH", device, recorded.request_bytes("23"))["name"] == "dev2"
    assert fioctl.get(f"{D}/dev2/?factory=acme")["uuid"] == uuid(16)


def test_24_a_target(fioctl: Fioctl) -> None:
    fioctl.call("POST", f"{F}/targets/", recorded.request_bytes("24"))
    names = list(recorded.request("24")["targets"])
    assert [fioctl.get(f"{F}/targets/{name}")["custom"]["version"] for name in names] == ["44"] * len(names)
    name = names[0]
    with pytest.raises(FioctlError) as refused:
        fioctl.call("POST", f"{F}/targets/", {"targets": {name: target(44)["pi-lmp-44"]}})
    assert refused.value.status == 409
