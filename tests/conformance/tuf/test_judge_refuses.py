"""Whatever is tampered with, the judge refuses for its own reason, as a device would."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import InputError, TrustError, tuf
from support import recorded
from support.corruptions import (
    LAST_ROOT,
    announce,
    changed,
    custom_text,
    drop_signature,
    edit_root,
    one_key_under_two_ids,
    pretty,
    relinked,
    rename_method,
    reorder,
    repeat_signature,
    spoil_signature,
    swap,
    under_another_id,
    with_rsa,
    with_targets_keys,
)
from support.tuf_forge import ONLINE_AND_OFFLINE, Repository, keyid
from support.verdicts import NOW, refusal

if TYPE_CHECKING:
    from pathlib import Path

LATER = datetime(2028, 1, 1, tzinfo=UTC)


MATRIX: dict[str, tuple[str, str, Any]] = {
    # what is done: (the code, the file that is named, how)
    "a bit flips in a signed text of the timestamp": (
        "bad-signature",
        "timestamp.json",
        lambda r: r.put("timestamp.json", changed(r.document("timestamp.json"), version=41001)),
    ),
    "a signature of the timestamp is spoilt": (
        "bad-signature",
        "timestamp.json",
        lambda r: spoil_signature(r, "timestamp.json"),
    ),
    "a bit flips in the snapshot": (
        "hash-mismatch",
        "snapshot.json",
        lambda r: r.put("snapshot.json", changed(r.document("snapshot.json"), version=42)),
    ),
    "a bit flips in the targets": (
        "hash-mismatch",
        "targets.json",
        lambda r: r.put("targets.json", changed(r.document("targets.json"), expires="2029-11-23T15:44:01Z")),
    ),
    "the targets are changed and linked, but not signed anew": (
        "bad-signature",
        "targets.json",
        relinked(lambda r: r.put("targets.json", changed(r.document("targets.json"), expires="2029-11-23T15:44:01Z"))),
    ),
    "a bit flips in a root": (
        "bad-signature",
        LAST_ROOT,
        lambda r: r.put(LAST_ROOT, changed(r.document(LAST_ROOT), expires="2029-11-23T15:44:01Z")),
    ),
    "a bit flips in a root in the middle": (
        "bad-signature",
        "3.root.json",
        lambda r: r.put("3.root.json", changed(r.document("3.root.json"), expires="2029-11-23T15:44:01Z")),
    ),
    "a key signs twice": (
        "repeated-signature",
        "targets.json",
        relinked(lambda r: repeat_signature(r, "targets.json")),
    ),
    "the offline signature is missing": (
        "too-few-signatures",
        "targets.json",
        relinked(lambda r: drop_signature(r, "targets.json")),
    ),
    "the online signature is missing": (
        "too-few-signatures",
        "targets.json",
        relinked(lambda r: drop_signature(r, "targets.json", 0)),
    ),
    "the timestamp has no signature": (
        "too-few-signatures",
        "timestamp.json",
        lambda r: drop_signature(r, "timestamp.json"),
    ),
    "the snapshot key signs the timestamp": (
        "too-few-signatures",
        "timestamp.json",
        lambda r: r.edit("timestamp.json", ["snapshot"]),
    ),
    "an offline key of another factory signs the targets": (
        "too-few-signatures",
        "targets.json",
        relinked(lambda r: r.edit("targets.json", ["targets", "offline-root"])),
    ),
    "a new root lacks the old root key": (
        "root-not-signed-by-old",
        "3.root.json",
        lambda r: drop_signature(r, "3.root.json"),
    ),
    "a new root lacks the new root key": (
        "root-not-signed-by-new",
        "3.root.json",
        lambda r: drop_signature(r, "3.root.json", 0),
    ),
    "the snapshot stands in for the timestamp": (
        "wrong-role",
        "timestamp.json",
        lambda r: swap(r, "timestamp.json", "snapshot.json"),
    ),
    "the timestamp stands in for the snapshot": (
        "wrong-role",
        "snapshot.json",
        lambda r: swap(r, "snapshot.json", "timestamp.json"),
    ),
    "a type in lower case": (
        "wrong-role",
        "timestamp.json",
        lambda r: r.edit("timestamp.json", ["timestamp"], _type="timestamp"),
    ),
    "the timestamp expired": (
        "expired-metadata",
        "timestamp.json",
        lambda r: r.edit("timestamp.json", ["timestamp"], expires="2026-11-24T00:00:00Z"),
    ),
    "the snapshot expired": (
        "expired-metadata",
        "snapshot.json",
        relinked(lambda r: r.edit("snapshot.json", ["snapshot"], expires="2026-11-23T00:00:00Z")),
    ),
    "the targets expired": (
        "expired-metadata",
        "targets.json",
        relinked(lambda r: r.edit("targets.json", ONLINE_AND_OFFLINE, expires="2026-11-23T00:00:00Z")),
    ),
    "the last root expired": ("expired-metadata", LAST_ROOT, lambda r: edit_root(r, expires="2026-11-23T00:00:00Z")),
    "an unknown method": ("unknown-method", "timestamp.json", lambda r: rename_method(r, "timestamp.json", "ed448")),
    "a method in capitals": ("unknown-method", LAST_ROOT, lambda r: rename_method(r, LAST_ROOT, "ED25519")),
    "a method of another type of key": (
        "bad-signature",
        "timestamp.json",
        lambda r: rename_method(r, "timestamp.json", "rsassa-pss-sha256"),
    ),
    "a pretty timestamp": ("metadata-not-canonical", "timestamp.json", lambda r: pretty(r, "timestamp.json")),
    "pretty targets, linked": (
        "metadata-not-canonical",
        "targets.json",
        relinked(lambda r: pretty(r, "targets.json")),
    ),
    "a pretty root": ("metadata-not-canonical", "2.root.json", lambda r: pretty(r, "2.root.json")),
    "signed before signatures": ("metadata-not-canonical", "timestamp.json", lambda r: reorder(r, "timestamp.json")),
    "a line break at the end": (
        "metadata-not-canonical",
        "snapshot.json",
        lambda r: r.files.update({"snapshot.json": r.files["snapshot.json"] + b"\n"}),
    ),
    "a root too many": ("root-version", "6.root.json", lambda r: r.files.update({"6.root.json": r.files[LAST_ROOT]})),
    "a root that is skipped": ("root-chain-gap", "2.root.json", lambda r: r.files.pop("2.root.json")),
    "the first root is gone": ("root-chain-gap", "1.root.json", lambda r: r.files.pop("1.root.json")),
    "a root after a gap": (
        "root-chain-gap",
        "6.root.json",
        lambda r: r.files.update({"7.root.json": r.files[LAST_ROOT]}),
    ),
    "no root at all": ("no-root", "", lambda r: [r.files.pop(f"{n}.root.json") for n in range(1, 6)]),
    "two roots change places": (
        "root-version",
        "3.root.json",
        lambda r: r.files.update({"3.root.json": r.files["4.root.json"], "4.root.json": r.files["3.root.json"]}),
    ),
    "a key under an id that is not its own": ("keyid-mismatch", LAST_ROOT, under_another_id),
    "one key under two ids": ("keyid-mismatch", LAST_ROOT, one_key_under_two_ids),
    "a role lists a key twice": (
        "malformed-metadata",
        LAST_ROOT,
        lambda r: edit_root(
            r,
            roles=r.document(LAST_ROOT)["signed"]["roles"]
            | {"targets": {"keyids": [keyid("targets")] * 2, "threshold": 2}},
        ),
    ),
    "a threshold of 0": ("malformed-metadata", LAST_ROOT, lambda r: with_targets_keys(r, 0)),
    "the length does not fit": (
        "length-mismatch",
        "targets.json",
        lambda r: r.put("targets.json", changed(r.document("targets.json"), version=410)),
    ),
    "the version does not fit": (
        "version-mismatch",
        "targets.json",
        lambda r: announce(r, "snapshot.json", "targets.json", version=40),
    ),
    "the hash does not fit": (
        "hash-mismatch",
        "targets.json",
        lambda r: announce(r, "snapshot.json", "targets.json", hashes={"sha256": "ab" * 32}),
    ),
    "no hash is given": (
        "malformed-metadata",
        "timestamp.json",
        lambda r: announce(r, "timestamp.json", "snapshot.json", hashes=None),
    ),
    "the snapshot is missing": ("metadata-missing", "snapshot.json", lambda r: r.files.pop("snapshot.json")),
    "the timestamp is missing": ("metadata-missing", "timestamp.json", lambda r: r.files.pop("timestamp.json")),
    "text beyond ASCII": ("unsafe-metadata", "targets.json", lambda r: custom_text(r, "grün")),
    "an angle bracket": ("unsafe-metadata", "targets.json", lambda r: custom_text(r, "a<b")),
    "an expiry with a fraction": (
        "malformed-metadata",
        "timestamp.json",
        lambda r: r.edit("timestamp.json", ["timestamp"], expires="2030-01-01T00:00:00.5Z"),
    ),
    "a version beyond 31 bits": (
        "malformed-metadata",
        "timestamp.json",
        lambda r: r.edit("timestamp.json", ["timestamp"], version=2**31),
    ),
    "a version of 0": (
        "malformed-metadata",
        "timestamp.json",
        lambda r: r.edit("timestamp.json", ["timestamp"], version=0),
    ),
    "a version that is true": (
        "malformed-metadata",
        "timestamp.json",
        lambda r: r.edit("timestamp.json", ["timestamp"], version=True),
    ),
    "a timestamp larger than agents take": (
        "metadata-too-large",
        "timestamp.json",
        lambda r: r.edit("timestamp.json", ["timestamp"], x="x" * 20_000),
    ),
    "no JSON": ("broken-json", "snapshot.json", lambda r: r.files.update({"snapshot.json": b'{"signed":'})),
    "no UTF-8": ("broken-json", "timestamp.json", lambda r: r.files.update({"timestamp.json": b"\xff\xfe"})),
    "a key twice": (
        "broken-json",
        "timestamp.json",
        lambda r: r.files.update(
            {"timestamp.json": r.files["timestamp.json"].replace(b'"signed":', b'"signed":1,"signed":')}
        ),
    ),
    "a number with a fraction": (
        "broken-json",
        "timestamp.json",
        lambda r: r.files.update({"timestamp.json": r.files["timestamp.json"].replace(b":41000", b":41000.0")}),
    ),
    "no object": ("malformed-metadata", "timestamp.json", lambda r: r.files.update({"timestamp.json": b"[]"})),
    "signatures are no list": (
        "malformed-metadata",
        "timestamp.json",
        lambda r: r.put("timestamp.json", r.document("timestamp.json") | {"signatures": {}}),
    ),
    "a signature without a method": (
        "malformed-metadata",
        "timestamp.json",
        lambda r: r.put("timestamp.json", r.document("timestamp.json") | {"signatures": [{"keyid": "x", "sig": ""}]}),
    ),
    "a root with an RSA key": ("rsa-root", LAST_ROOT, with_rsa),
    "a consistent snapshot": ("malformed-metadata", LAST_ROOT, lambda r: edit_root(r, consistent_snapshot=True)),
    "a key of an unknown type": (
        "malformed-metadata",
        LAST_ROOT,
        lambda r: edit_root(
            r,
            keys=r.document(LAST_ROOT)["signed"]["keys"] | {"ef" * 32: {"keytype": "ED448", "keyval": {"public": ""}}},
        ),
    ),
}


@pytest.mark.parametrize("spoilt", MATRIX)
def test_what_is_tampered_with_is_refused_for_its_own_reason(spoilt: str, tmp_path: Path) -> None:
    code, file, tamper = MATRIX[spoilt]
    repository = Repository()
    tamper(repository)
    error = refusal(repository.write(tmp_path / "repository"))
    assert (error.code, str(error)) == (code, error.message)
    assert error.fields["file"].endswith(file)
    assert isinstance(error, InputError if code == "broken-json" else TrustError)
    assert error.hint


@pytest.mark.parametrize("name", ["1.root.json", "3.root.json", LAST_ROOT, *recorded.SERVED])
@pytest.mark.parametrize("where", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("bit", [0, 4])
def test_no_flipped_bit_is_taken(name: str, where: float, bit: int, tmp_path: Path) -> None:
    repository = Repository()
    data = bytearray(repository.files[name])
    data[int(len(data) * where)] ^= 1 << bit
    repository.files[name] = bytes(data)
    error = refusal(repository.write(tmp_path / "repository"))
    assert isinstance(error, TrustError | InputError)
    assert error.fields["file"].endswith(".json")


def test_the_repository_of_the_workshop_is_taken_unspoilt(tmp_path: Path) -> None:
    repository = Repository()
    repository.relink()
    repository.edit("targets.json", ONLINE_AND_OFFLINE)
    for name in recorded.SERVED:
        assert repository.files[name] == (recorded.gateway("prod-41") / name).read_bytes()
    assert tuf.judge_directory(repository.write(tmp_path / "r"), now=NOW).targets_version == 41


def test_a_signature_more_than_is_needed_does_no_harm(tmp_path: Path) -> None:
    repository = Repository()
    repository.edit("targets.json", ["targets", "offline-targets", "offline-k2", "snapshot"])
    repository.relink()
    verdict = tuf.judge_directory(repository.write(tmp_path / "r"), now=NOW)
    assert verdict.signed_by["targets"] == tuple(keyid(name) for name in ("targets", "offline-targets", "offline-k2"))


def test_any_two_of_the_targets_keys_will_do(tmp_path: Path) -> None:
    repository = Repository()
    repository.edit("targets.json", ["offline-k2", "targets"])
    repository.relink()
    assert tuf.judge_directory(repository.write(tmp_path / "r"), now=NOW).targets_version == 41


def test_old_roots_may_have_expired_the_last_one_may_not(tmp_path: Path) -> None:
    repository = Repository()
    for version in (1, 2):
        repository.edit(f"{version}.root.json", ["first-root"], expires="2020-01-01T00:00:00Z")
    assert tuf.judge_directory(repository.write(tmp_path / "r"), now=NOW).root_version == 5
    error = refusal(recorded.gateway("prod-41"), now=LATER)
    assert (error.code, error.fields["file"][-len(LAST_ROOT) :]) == ("expired-metadata", LAST_ROOT)
