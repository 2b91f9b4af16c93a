"""The life of a wave, as fioctl drives it (wire.md 2.1 to 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.fioctl import F, Fioctl, FioctlError
from support.wave_factories import CANARY, MATCHING, STRANGER, TEST_DEVICES, numbers, uuid, uuids

if TYPE_CHECKING:
    from api.conftest import Acme


@pytest.fixture
def wave(acme: Acme, fioctl: Fioctl) -> Fioctl:
    """fioctl, and the wave ``w`` of version 42."""
    fioctl.waves_init("w", 42, "main", acme.keys)
    return fioctl


def test_a_wave_from_init_to_complete(acme: Acme, fioctl: Fioctl) -> None:
    made = fioctl.waves_init("w", 42, "main", acme.keys)
    assert (made["name"], made["version"], made["status"]) == ("w", "42", "active")
    assert made["change-meta"]["created-by"] == "bob"
    assert made["change-meta"]["updated-at"] == ""

    canary = fioctl.rollout("w", group="canary")
    assert canary["device-num"] == len(CANARY)
    sample = fioctl.rollout("w", group="field", limit=3, return_uuids=True, return_names=True)
    assert sample["device-names"] == [f"device-{number}" for number in numbers(sample["device-uuids"])]
    wide = fioctl.rollout("w", percentage=50, dry_run=True, return_names=True)
    assert wide["device-num"] == 9
    assert [one["group-name"] for one in fioctl.get(f"{F}/waves/w/")["rollout-history"]] == ["canary", "field"]

    status = fioctl.get(f"{F}/waves/$active$/status/?offline-threshold=4")
    assert (status["name"], status["version"], status["finished-at"]) == ("w", 42, "")
    assert (status["total-devices"], status["scheduled-devices"]) == (len(MATCHING), len(CANARY) + 3)
    assert [group["name"] for group in status["rollout-groups"]] == ["canary", "field"]
    assert [group["name"] for group in status["other-groups"]] == [""]
    assert [group["devices-online"] for group in status["rollout-groups"]] == [3, 0]

    fioctl.call("POST", f"{F}/waves/w/complete/")
    done = fioctl.get(f"{F}/waves/w/")
    assert done["status"] == "complete"
    assert done["change-meta"]["updated-at"]
    assert fioctl.get(f"{F}/prod-targets/?tag=main")["main"]["signed"]["version"] == 42


def test_a_second_wave_builds_on_production(acme: Acme, wave: Fioctl) -> None:
    wave.call("POST", f"{F}/waves/w/complete/")
    wave.waves_init("next", 43, "main", acme.keys, prune=(42,))
    (role,) = wave.get(f"{F}/wave-targets/?name=").values()
    assert list(role["signed"]["targets"]) == ["pi-lmp-43"]
    wave.call("POST", f"{F}/waves/next/cancel/")
    assert [one["name"] for one in wave.get(f"{F}/waves/?limit=1&page=1")["waves"]] == ["next"]
    assert wave.get(f"{F}/waves/?limit=1&page=1")["next"].endswith("limit=1&page=2")
    assert wave.get(f"{F}/waves/?limit=1&page=2")["next"] is None
    assert [one["name"] for one in wave.get(f"{F}/waves/?status=complete")["waves"]] == ["w"]
    assert wave.get(f"{F}/waves/?tag=other")["total"] == 0


def test_a_second_signature(acme: Acme, wave: Fioctl) -> None:
    before = wave.get(f"{F}/waves/w/?show-targets=1")["targets"]
    wave.waves_sign("w", acme.second_keys)
    wave.waves_sign("w", acme.second_keys)  # the same key again changes nothing
    after = wave.get(f"{F}/waves/w/?show-targets=1")["targets"]
    assert (len(before["signatures"]), len(after["signatures"])) == (2, 3)
    assert after["signed"] == before["signed"]


def test_nothing_to_show_is_not_found_only_where_it_was_named(fioctl: Fioctl) -> None:
    assert fioctl.get(f"{F}/prod-targets/?tag=") == {}
    assert fioctl.get(f"{F}/wave-targets/?name=") == {}
    for path in ("prod-targets/?tag=main", "wave-targets/?name=w", "waves/w/", "waves/$active$/status/"):
        with pytest.raises(FioctlError) as refused:
            fioctl.get(f"{F}/{path}")
        assert refused.value.status == 404, path


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "no selector": ({}, 400),
    "limit 0": ({"group": "canary", "limit": 0}, 400),
    "negative limit": ({"group": "canary", "limit": -1}, 400),
    "no uuids": ({"group": "canary", "uuids": []}, 400),
    "blank uuids": ({"group": "canary", "uuids": [""]}, 400),
    "empty group": ({"group": ""}, 400),
    "percentage 0": ({"percentage": 0}, 400),
    "percentage 101": ({"percentage": 101}, 400),
    "limit and percentage": ({"limit": 1, "percentage": 1}, 400),
    "not a uuid": ({"uuids": ["u-1", "u-2"]}, 400),
    "unknown group": ({"group": "canari"}, 404),
    "limit as an object": ({"limit": {}}, 400),
    "flag as text": ({"limit": 1, "dry-run": "yes"}, 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_rollout_that_is_refused_stages_nothing(acme: Acme, wave: Fioctl, name: str) -> None:
    asked, status = REFUSED[name]
    revision = acme.factory.revision
    with pytest.raises(FioctlError) as refused:
        wave.rollout("w", **asked)
    assert refused.value.status == status
    assert acme.factory.revision == revision


def test_offenders_of_a_list_are_named(wave: Fioctl) -> None:
    with pytest.raises(FioctlError) as refused:
        wave.rollout("w", uuids=[uuid(1), STRANGER, *uuids(TEST_DEVICES)])
    assert refused.value.status == 400
    lines = "\n".join(refused.value.errors)
    assert STRANGER in lines
    assert all(one in lines for one in uuids(TEST_DEVICES))
    assert uuid(1) not in lines


def test_a_request_key_answers_the_same_again(acme: Acme, wave: Fioctl) -> None:
    key = {"Idempotency-Key": "nightly"}
    first = wave.rollout("w", headers=key, group="field", limit=2, return_uuids=True)
    again = wave.rollout("w", headers=key, group="field", limit=2, return_uuids=True)
    assert again["device-uuids"] == first["device-uuids"]
    assert len(acme.factory.waves.history("w")) == 1
    with pytest.raises(FioctlError) as refused:
        wave.rollout("w", headers=key, group="field", limit=3)
    assert refused.value.status == 409


def test_finished_waves_are_final(wave: Fioctl) -> None:
    wave.call("POST", f"{F}/waves/w/cancel/")
    for path in ("complete", "cancel"):
        with pytest.raises(FioctlError) as refused:
            wave.call("POST", f"{F}/waves/w/{path}/")
        assert refused.value.status == 409


def test_a_role_with_a_byte_changed_after_signing_is_refused(acme: Acme, fioctl: Fioctl) -> None:
    class Tampering(Fioctl):
        def call(self, method: str, path: str, body: object = None, **headers: str) -> object:
            if method == "POST":
                assert isinstance(body, dict)
                body["targets"]["signed"]["targets"]["pi-lmp-42"]["custom"]["arch"] = "x"
            return super().call(method, path, body, **headers)

    revision = acme.factory.revision
    with pytest.raises(FioctlError) as refused:
        Tampering(acme.http, fioctl.token).waves_init("w", 42, "main", acme.keys)
    assert refused.value.status == 403
    assert acme.factory.revision == revision
