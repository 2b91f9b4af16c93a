"""Compose, sign, accept: the factory accepts from a key's holder only what it would have composed itself.

The judge of the accepted documents is `groundswell.tuf.judge`, which shares no code with the signing side.
"""

from __future__ import annotations

import base64
import copy
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import tuf
from groundswell.errors import GroundswellError
from groundswell.tuf.canonical import canonical
from support.device_clients import DeviceClients
from support.factories import AT, device, later, plain, target
from support.wave_factories import HARDWARE, TAG, uuid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from groundswell.tuf import SigningRequest
    from support.wave_factories import Release


def signer(path: Path) -> Any:
    private = next(entry.private for entry in tuf.read_tarball(path).keys if entry.private)
    return tuf.signer_of(private)


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(GroundswellError) as caught:
        act()
    return caught.value.code


def compose(release: Release, name: str = "w", version: int = 42, **words: Any) -> SigningRequest:
    return release.waves.compose(name, version, TAG, **({"now": AT} | words))


def signed_by(key: Any, signed: Any, *, spelling: Callable[[Any], bytes] | None = None) -> bytes:
    """A document that a holder signs over a spelling of its own; sent in that spelling."""
    data = json.dumps(signed, sort_keys=True, separators=(",", ":")).encode() if spelling is None else spelling(signed)
    return b'{"signatures":' + json.dumps([tuf.sign(key, data)]).encode() + b',"signed":' + data + b"}"


def test_a_wave_of_three_steps_is_the_wave_of_one(release: Release, tmp_path: Path) -> None:
    request = compose(release)
    revision = release.factory.revision
    made = release.waves.accept("w", TAG, tuf.sign_request(request, signer(release.keys)).document, now=AT)
    assert release.factory.revision == revision + 1
    three, tag = made.wave.document, made.wave.tag
    assert made.signatures_missing == 0
    assert (request.name, request.expires, request.needed) == ("wave-w", later(days=365), 1)
    release.waves.cancel("w", now=AT)
    assert release.init("one").wave.document == three, "the same bytes, and so the same metadata"
    release.waves.rollout("one", group="canary", whole_group=True, now=AT)
    verdict = DeviceClients(tmp_path, uuid(1)).look(release.factory, AT)[uuid(1)]
    assert verdict.targets == (f"{HARDWARE}-lmp-42",)
    assert tag == TAG


def test_composing_changes_nothing_and_needs_no_key(release: Release) -> None:
    before = release.factory.revision
    request = compose(release)
    assert release.factory.revision == before
    assert request.signatures == ()
    offline = {key.keyid for key in release.factory.keys.show(production=True).keys if not key.online}
    assert set(request.keyids) < offline
    assert canonical(request.signed) == request.signed_bytes
    assert request.signed["targets"][f"{HARDWARE}-lmp-42"]["custom"]["tags"] == [TAG]


def test_any_tool_can_sign_the_bytes(release: Release) -> None:
    """Ed25519 by the library cryptography alone, as an HSM would."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    request = compose(release)
    (entry,) = [entry for entry in tuf.read_tarball(release.keys).keys if entry.private]
    assert entry.private is not None
    raw = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(entry.private.seed_hex)).sign(request.signed_bytes)
    signature = {"keyid": entry.public.keyid, "method": "ed25519", "sig": base64.b64encode(raw).decode()}
    made = release.waves.accept("w", TAG, request.with_signature(signature).document, now=AT)
    assert entry.public.keyid in made.signed_by


def test_a_key_that_may_not_sign_is_refused(release: Release) -> None:
    request, stranger = compose(release), tuf.signer_of(tuf.PrivateKey.generate())
    assert code_of(lambda: tuf.sign_request(request, stranger)) == "no-such-key"
    for key in (stranger, signer(release.folder / "root.tgz")):
        document = signed_by(key, request.signed)
        assert code_of(lambda document=document: release.waves.accept("w", TAG, document, now=AT)) == "no-such-key"  # type: ignore[misc]
    keyring = release.factory._internals.keyring
    root = release.factory._internals.roots.root("production")
    online = keyring.signer(keyring.own_key(root.keys_of("targets")))
    document = signed_by(online, request.signed)
    assert code_of(lambda: release.waves.accept("w", TAG, document, now=AT)) == "no-such-key"
    assert release.waves.list() == []


def edits() -> list[tuple[str, Callable[[dict[str, Any]], object], str]]:
    name = f"{HARDWARE}-lmp-42"
    other = target(42, "imx8", tags=(TAG,))
    return [
        ("hash", lambda said: said["targets"][name]["hashes"].update(sha256="00" * 32), "not-composed"),
        ("length", lambda said: said["targets"][name].update(length=7), "not-composed"),
        ("tag", lambda said: said["targets"][name]["custom"].update(tags=["beta"]), "not-composed"),
        ("a member of custom", lambda said: said["targets"][name]["custom"].update(uri="x"), "not-composed"),
        ("a member", lambda said: said.update(spec_version="1.0"), "not-composed"),
        ("a target more", lambda said: said["targets"].update(other), "not-composed"),
        ("no target", lambda said: said["targets"].clear(), "not-composed"),
        ("a version of 43", lambda said: said.update(version=43), "not-composed"),
        ("an unknown version", lambda said: said.update(version=99), "unknown-version"),
        ("the past", lambda said: said.update(expires="2026-11-17T00:00:00Z"), "expired-role"),
        ("another role", lambda said: said.update(_type="Snapshot"), "wrong-role"),
        ("another member of a target", lambda said: said["targets"][name].update(size=1), "not-composed"),
    ]


@pytest.mark.parametrize(("what", "edit", "code"), edits(), ids=[what for what, *_ in edits()])
def test_content_that_the_factory_would_not_have_composed_is_refused(
    release: Release, what: str, edit: Callable[[dict[str, Any]], object], code: str
) -> None:
    """Even if the right key has signed it."""
    said = copy.deepcopy(compose(release).signed)
    edit(said)
    document = signed_by(signer(release.keys), said)
    assert code_of(lambda: release.waves.accept("w", TAG, document, now=AT)) == code, what
    assert release.waves.list() == []


def test_an_expiry_a_source_tag_and_pruned_versions_are_the_composers_choice(release: Release) -> None:
    release.init("old", 41)
    release.waves.complete("old", allow_downgrade=True, now=AT)
    release.factory.targets.import_(plain(target(46, "pi", tags=("a",)), target(46, "imx8", tags=("b",))), now=AT)
    request = compose(release, version=46, prune=[41], source_tag="b", expires=later(days=9))
    assert sorted(request.signed["targets"]) == ["imx8-lmp-46"]
    made = release.waves.accept("w", TAG, tuf.sign_request(request, signer(release.keys)).document, now=AT)
    assert (made.targets, made.expires) == (("imx8-lmp-46",), later(days=9))


def test_a_document_that_fits_no_more_is_refused(release: Release) -> None:
    """The factory moved between compose and accept."""
    key = signer(release.keys)
    document = tuf.sign_request(compose(release), key).document
    release.init("other", 41)
    assert code_of(lambda: release.waves.accept("w", TAG, document, now=AT)) == "tag-busy"
    release.waves.complete("other", allow_downgrade=True, now=AT)
    # Version 41 is now among the production targets, so the role must keep it or prune it; pruning it is allowed.
    assert release.waves.accept("w", TAG, document, now=AT).wave.target_version == 42
    release.waves.complete("w", now=AT)
    assert code_of(lambda: release.waves.accept("again", TAG, document, now=AT)) == "version-not-above", "a replay"
    assert code_of(lambda: release.waves.accept("w", TAG, document, now=AT)) == "wave-name-used"


def test_retagged_targets_make_no_document_stale_but_other_targets_do(release: Release) -> None:
    document = tuf.sign_request(compose(release), signer(release.keys)).document
    release.factory.targets.import_(plain(target(42, "imx8", tags=("other",))), now=AT)
    # The version has a second target now: the document is that of the source tag `main`.
    assert release.waves.accept("w", TAG, document, now=AT).targets == (f"{HARDWARE}-lmp-42",)
    release.waves.cancel("w", now=AT)
    release.factory.targets.prune([42], now=AT)
    assert code_of(lambda: release.waves.accept("v", TAG, document, now=AT)) == "unknown-version"


def loose(signed: Any) -> bytes:
    return json.dumps(signed, indent=1).encode()


def test_the_signature_holds_over_the_canonical_form_alone(release: Release) -> None:
    request, key = compose(release), signer(release.keys)
    over_loose = signed_by(key, request.signed, spelling=loose)
    assert code_of(lambda: release.waves.accept("w", TAG, over_loose, now=AT)) == "bad-signature"
    # Spelled loosely on the way, signed canonically: what is stored is canonical.
    (signature,) = tuf.sign_request(request, key).signatures
    sent = json.dumps({"signed": request.signed, "signatures": [signature]}, indent=2).encode()
    made = release.waves.accept("w", TAG, sent, now=AT)
    assert tuf.parse_document(made.wave.document, "Targets", "role").signed_bytes == request.signed_bytes


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'{"signed":{},"signatures":[]}', b'{"signed":{},"signatures":[],"more":1}', b"\xff", b"1" * 99],
)
def test_what_is_not_a_document_is_bad_input(release: Release, raw: bytes) -> None:
    with pytest.raises(GroundswellError) as caught:
        release.waves.accept("w", TAG, raw, now=AT)
    assert caught.value.exit_code in {2, 5}


def test_a_document_is_bounded(release: Release) -> None:
    assert code_of(lambda: release.waves.accept("w", TAG, b" " * (9 << 20), now=AT)) == "bad-metadata"


def test_a_key_counts_once_however_often_it_signs(strict: Release) -> None:
    """Three signatures are needed: the online one and two offline ones."""
    request = tuf.sign_request(compose(strict), signer(strict.keys))
    (signature,) = request.signatures
    broken = signature | {"sig": base64.b64encode(bytes(64)).decode()}
    sent = json.dumps({"signed": request.signed, "signatures": [broken, signature, signature]}).encode()
    made = strict.waves.accept("w", TAG, sent, now=AT)
    assert made.signatures_missing == 1
    assert len(tuf.parse_document(made.wave.document, "Targets", "role").signatures) == 2
    assert code_of(lambda: strict.rollout(1)) == "signatures-missing"


def test_two_holders_sign_one_document(strict: Release) -> None:
    request = compose(strict)
    for path in (strict.keys, strict.second_keys):
        request = tuf.sign_request(request, signer(path))
    assert strict.waves.accept("w", TAG, request.document, now=AT).signatures_missing == 0


def test_a_second_signature_in_three_steps(strict: Release) -> None:
    strict.init()
    request = strict.waves.compose_signature("w")
    assert len(request.signatures) == 2
    before = strict.factory.revision
    assert strict.waves.accept_signature("w", request.document, now=AT).signatures_missing == 1, "nothing new"
    assert strict.factory.revision == before
    signed = tuf.sign_request(request, signer(strict.second_keys))
    assert strict.waves.accept_signature("w", signed.document, now=AT).signatures_missing == 0
    assert strict.factory.revision == before + 1
    strict.waves.accept_signature("w", signed.document, now=AT)
    assert strict.factory.revision == before + 1, "a replay changes nothing"


def test_a_second_signature_is_checked(strict: Release) -> None:
    strict.init()
    request = strict.waves.compose_signature("w")
    edited = request.signed | {"expires": "2030-01-01T00:00:00Z"}
    key, accept = signer(strict.second_keys), strict.waves.accept_signature
    assert code_of(lambda: accept("w", signed_by(key, edited), now=AT)) == "not-composed"
    stranger = tuf.signer_of(tuf.PrivateKey.generate())
    assert code_of(lambda: accept("w", signed_by(stranger, request.signed), now=AT)) == "no-such-key"
    assert code_of(lambda: accept("w", signed_by(key, request.signed, spelling=loose), now=AT)) == "bad-signature"
    assert strict.waves.show("w").signatures_missing == 1
    strict.waves.cancel("w", now=AT)
    assert code_of(lambda: accept("w", signed_by(key, request.signed), now=AT)) == "wave-finished"
    assert code_of(lambda: strict.waves.compose_signature("w")) == "wave-finished"


class SlowSigner:
    """A key whose holder takes a while: it waits until it is told to go on."""

    def __init__(self, key: Any) -> None:
        self._key, self.asked, self.go_on = key, threading.Event(), threading.Event()

    @property
    def public_key(self) -> Any:
        return self._key.public_key

    def sign(self, payload: bytes) -> Any:
        self.asked.set()
        assert self.go_on.wait(60)
        return self._key.sign(payload)


@pytest.mark.parametrize("act", ["init", "sign"])
def test_while_a_key_is_asked_others_read_and_write(strict: Release, act: str) -> None:
    if act == "sign":
        strict.init()
    slow, made = SlowSigner(signer(strict.second_keys)), list[Any]()
    work: Callable[[], Any] = (
        (lambda: strict.init(keys=slow)) if act == "init" else (lambda: strict.waves.sign("w", keys=slow, now=AT))
    )
    thread = threading.Thread(target=lambda: made.append(work()))
    thread.start()
    try:
        assert slow.asked.wait(60)
        # In the main thread, while the other one waits for the key.
        before = strict.factory.revision
        strict.factory.groups.create("meanwhile", now=AT)
        assert strict.factory.revision == before + 1
        assert "meanwhile" in [group.name for group in strict.factory.groups.list()]
        assert strict.factory.devices.show(uuid(1)).uuid == device(1)
    finally:
        slow.go_on.set()
        thread.join(60)
    assert made[0].wave.name == "w"
    assert strict.waves.show("w").signed_by


def test_a_factory_that_moved_while_a_key_was_asked_refuses(release: Release) -> None:
    slow, refused = SlowSigner(signer(release.keys)), list[str]()
    thread = threading.Thread(target=lambda: refused.append(code_of(lambda: release.init(keys=slow))))
    thread.start()
    try:
        assert slow.asked.wait(60)
        release.init("quicker", 43)
    finally:
        slow.go_on.set()
        thread.join(60)
    assert refused == ["tag-busy"]
    assert [wave.name for wave in release.waves.list()] == ["quicker"]
