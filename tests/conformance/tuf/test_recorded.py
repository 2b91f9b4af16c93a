"""What fioctl sent, read by us: its signatures verify, its keys have the names that it gives them."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import tuf
from groundswell.tuf.canonical import canonical, is_canonical
from support import recorded
from support import tuf_forge as workshop

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ROOT_REQUESTS = ("02", "05", "15", "16", "17")


def keys_of(root: dict[str, Any]) -> dict[str, tuf.PublicKey]:
    return {keyid: tuf.PublicKey.from_document(document) for keyid, document in root["keys"].items()}


def last_root() -> tuf.Root:
    data = (recorded.gateway("prod-41") / "5.root.json").read_bytes()
    return tuf.read_root(tuf.parse_document(data, "Root", "5.root.json"))


@pytest.mark.parametrize("number", ["07", "13"])
def test_the_offline_signature_of_a_wave_covers_the_bytes_that_were_sent(number: str) -> None:
    data = recorded.request_bytes(number)
    signed = recorded.signed_as_sent(data, "targets")
    keys = keys_of(recorded.request("05")["ci-root"]["signed"])
    keyid = workshop.keyid("offline-targets")
    signatures = recorded.request(number)["targets"]["signatures"]
    assert tuf.verify_bytes(signed, signatures, keys, [keyid], 1).valid == (keyid,)
    assert is_canonical(signed)


@pytest.mark.parametrize("number", ["07", "13"])
def test_a_wave_is_parsed_with_its_signed_bytes_as_they_came(number: str) -> None:
    sent = recorded.request_bytes(number)
    start = sent.index(b'"targets":{"signed"') + len(b'"targets":')
    document = tuf.parse_document(sent[start:-1], "Targets", "the wave")
    assert document.signed_bytes == recorded.signed_as_sent(sent, "targets")
    assert document.version == int(recorded.request(number)["version"])
    keyid = workshop.keyid("offline-targets")
    assert tuf.verify(document, last_root().keys, [keyid], 1).verified


@pytest.mark.parametrize(
    ("number", "member", "name", "wave"),
    [("17", "targets-signatures", "production", "07"), ("17", "waves-signatures", "v2.0", "13")],
)
def test_a_second_targets_key_signs_what_is_there(number: str, member: str, name: str, wave: str) -> None:
    signatures = recorded.request(number)[member][name]
    signed = recorded.signed_as_sent(recorded.request_bytes(wave), "targets")
    keyid = workshop.keyid("offline-k2")
    assert tuf.verify_bytes(signed, signatures, last_root().keys, [keyid], 1).valid == (keyid,)


def test_the_signature_of_waves_sign_verifies() -> None:
    signed = recorded.signed_as_sent(recorded.request_bytes("13"), "targets")
    keyid = workshop.keyid("offline-k2")
    signatures = recorded.request("19")["signatures"]
    assert tuf.verify_bytes(signed, signatures, last_root().keys, [keyid], 1).valid == (keyid,)


@pytest.mark.parametrize("number", ROOT_REQUESTS)
@pytest.mark.parametrize("which", ["ci-root", "prod-root"])
def test_every_keyid_of_a_root_recomputes(number: str, which: str) -> None:
    signed = recorded.request(number)[which]["signed"]
    assert [key.keyid for key in keys_of(signed).values()] == list(signed["keys"])


@pytest.mark.parametrize("number", ["02", "05", "16", "17"])
@pytest.mark.parametrize("which", ["ci-root", "prod-root"])
def test_a_root_sent_in_another_order_verifies_once_it_is_canonical(number: str, which: str) -> None:
    sent = recorded.signed_as_sent(recorded.request_bytes(number), which)
    assert not is_canonical(sent)
    root = recorded.request(number)[which]
    signed = canonical(root["signed"])
    keys = keys_of(root["signed"]) | {
        workshop.keyid(name): tuf.PublicKey.from_document(workshop.key_document(name)) for name in ("first-root",)
    }
    asked = [signature["keyid"] for signature in root["signatures"]]
    assert asked
    assert tuf.verify_bytes(signed, root["signatures"], keys, asked, len(asked)).verified
    assert tuf.verify_bytes(sent, root["signatures"], keys, asked, 1).valid == ()


@pytest.mark.parametrize(
    ("number", "version"), [("02", 3), ("05", 4), ("16", 5)], ids=["root key", "targets key", "second targets key"]
)
def test_a_production_root_as_put_comes_to_the_bytes_that_are_served(number: str, version: int) -> None:
    root = recorded.request(number)["prod-root"]
    served = (recorded.gateway("prod-41") / f"{version}.root.json").read_bytes()
    assert tuf.assemble(canonical(root["signed"]), root["signatures"]) == served


def test_the_first_rotation_bears_both_signatures_and_the_chain_takes_it() -> None:
    chain = [
        tuf.parse_document(path.read_bytes(), "Root", path.name)
        for path in sorted(recorded.gateway("wave-42").glob("*.root.json"))
    ]
    assert [root.version for root in chain] == [1, 2, 3, 4, 5]
    assert set(chain[2].keyids) == {workshop.keyid("first-root"), workshop.keyid("offline-root")}
    tuf.check_first_root(chain[0], now=NOW)
    for old, new in itertools.pairwise(chain):
        tuf.check_next_root(old, new, production=True, now=NOW)


@pytest.mark.parametrize("number", ["02", "05", "16"])
def test_a_recorded_pair_of_roots_differs_in_the_targets_threshold_alone(number: str) -> None:
    ci, production = (
        tuf.parse_document(json.dumps(recorded.request(number)[which]).encode(), "Root", which)
        for which in ("ci-root", "prod-root")
    )
    tuf.check_pair(ci, production)
    assert tuf.roles.production_of(ci.signed) == production.signed


@pytest.mark.parametrize("gateway", recorded.GATEWAYS)
def test_every_served_file_is_canonical_and_comes_to_itself(gateway: str) -> None:
    kinds = {"timestamp": "Timestamp", "snapshot": "Snapshot", "targets": "Targets"}
    for path in recorded.gateway(gateway).iterdir():
        kind: Any = kinds.get(path.stem, "Root")
        document = tuf.parse_document(path.read_bytes(), kind, path.name)
        assert tuf.assemble(document.signed_bytes, document.signatures) == document.raw == path.read_bytes()
        assert canonical(document.signed) == document.signed_bytes


@pytest.mark.parametrize("gateway", recorded.GATEWAYS)
def test_a_device_takes_the_recorded_repository(gateway: str) -> None:
    version = int(gateway[-2:])
    verdict = tuf.judge_directory(recorded.gateway(gateway), now=NOW, audience="production", tag="production")
    assert (verdict.root_version, verdict.snapshot_version, verdict.targets_version) == (5, version, version)
    assert verdict.timestamp_version == version * 1000
    assert verdict.audience == "production"
    assert verdict.notes == ()
    assert verdict.signed_by["targets"] == (workshop.keyid("targets"), workshop.keyid("offline-targets"))


def test_a_device_moves_from_production_to_the_wave() -> None:
    before = recorded.gateway("prod-41")
    verdict = tuf.judge_directory(
        recorded.gateway("wave-42"), now=NOW, previous=before, trusted_root=before / "2.root.json"
    )
    assert len(verdict.targets) == 4


@pytest.mark.parametrize("number", ["07", "13"])
def test_the_targets_of_a_wave_are_a_targets_file(number: str) -> None:
    file = tuf.read_targets_file(json.dumps(recorded.request(number)["targets"]).encode(), "the wave")
    assert file.foreign_signatures == 1
    assert file.notes == ()
    newest = int(recorded.request(number)["version"])
    assert {target.hardware_id for target in file.targets if target.target_version == newest} == {
        "intel-corei7-64",
        "raspberrypi4-64",
    }


def test_targets_that_fioctl_adds_are_a_targets_file() -> None:
    file = tuf.read_targets_file(recorded.request_bytes("24"), "the request")
    assert [(target.target_version, target.tags) for target in file.targets] == [(44, ("main",))] * 2


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("number", ["07", "13"])
def test_openssl_accepts_the_recorded_signature_and_ours(number: str, tmp_path: Path) -> None:
    """An implementation that shares no code with ours: the recorded signature and the one that we make are one."""
    import base64

    signed = recorded.signed_as_sent(recorded.request_bytes(number), "targets")
    ours = tuf.sign(tuf.signer_of(tuf.PrivateKey.from_seed_hex(workshop.SEEDS["offline-targets"])), signed)
    assert [ours] == recorded.request(number)["targets"]["signatures"]
    spki = bytes.fromhex("302a300506032b6570032100" + workshop.key_document("offline-targets")["keyval"]["public"])
    (tmp_path / "key.der").write_bytes(spki)
    (tmp_path / "data").write_bytes(signed)
    (tmp_path / "sig").write_bytes(base64.b64decode(ours["sig"]))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.der", "-keyform", "DER", "-rawin"]
    run = subprocess.run([*command, "-in", "data", "-sigfile", "sig"], cwd=tmp_path, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
