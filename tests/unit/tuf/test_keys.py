"""Keys: their forms, their names, and what they verify. The judge is the library `cryptography`."""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from groundswell import GroundswellError, InputError, TrustError
from groundswell.tuf import PrivateKey, PublicKey, sign, signer_of

SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
"""The first test vector of RFC 8032, section 7.1."""

SIGNATURE = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
    "55141438e7a100b"
)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def document(public: str = PUBLIC, keytype: str = "ED25519") -> dict[str, Any]:
    return {"keytype": keytype, "keyval": {"public": public}}


def rsa_documents(key: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return document(public, "RSA"), {"keytype": "RSA", "keyval": {"private": private}}


def test_the_vector_of_the_rfc() -> None:
    key = PrivateKey.from_seed_hex(SEED)
    assert key.public.public == PUBLIC
    assert key.public.verify("ed25519", bytes.fromhex(SIGNATURE), b"")
    assert not key.public.verify("ed25519", bytes.fromhex(SIGNATURE), b" ")
    assert not key.public.verify("rsassa-pss-sha256", bytes.fromhex(SIGNATURE), b"")
    assert not key.public.verify("ed25519", b"", b"")


def test_the_keyid_is_the_hash_of_the_subject_public_key_info() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SEED)).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert PublicKey.from_document(document()).keyid == hashlib.sha256(spki).hexdigest()
    assert PublicKey.from_document(document()).document == document()


def test_a_seed_with_its_public_key_behind_it_is_the_same_key() -> None:
    key = PrivateKey.from_seed_hex(SEED + PUBLIC)
    assert (key.seed_hex, key.public.public) == (SEED, PUBLIC)
    with pytest.raises(InputError, match="do not belong together"):
        PrivateKey.from_seed_hex(SEED + "00" * 32)


def test_generated_keys_differ_and_are_read_back() -> None:
    first, second = PrivateKey.generate(), PrivateKey.generate()
    assert first.seed_hex != second.seed_hex
    assert PrivateKey.from_document(first.document, public=first.public) == first


def test_a_secret_is_never_shown() -> None:
    key = PrivateKey.from_seed_hex(SEED)
    assert SEED not in repr(key)
    assert SEED not in str(key)
    for bad in (SEED[:-1], SEED.upper(), SEED + "zz"):
        with pytest.raises(InputError) as caught:
            PrivateKey.from_seed_hex(bad)
        assert bad not in str(caught.value)
        assert bad not in str(caught.value.fields)
    assert pickle.loads(pickle.dumps(key)) == key


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        {"keytype": "ED25519"},
        {"keytype": "ED25519", "keyval": PUBLIC},
        {"keytype": "ED25519", "keyval": {}},
        {"keytype": "ED25519", "keyval": {"public": 7}},
        document(keytype="ed25519"),
        document(keytype="ED448"),
        document(PUBLIC.upper()),
        document(PUBLIC[:-2]),
        document(PUBLIC + "00"),
        document(PUBLIC[:-1] + "g"),
        document(""),
    ],
)
def test_what_is_no_key_is_refused(bad: Any) -> None:
    with pytest.raises(InputError) as caught:
        PublicKey.from_document(bad, "first-root.pub")
    assert caught.value.code == "bad-key"
    assert "`first-root.pub`" in caught.value.message


def test_halves_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(TrustError) as caught:
        PrivateKey.from_document(
            {"keytype": "ED25519", "keyval": {"private": "00" * 32}},
            "x.sec",
            public=PublicKey.from_document(document()),
        )
    assert caught.value.code == "key-mismatch"


def test_rsa_is_taken_by_name_alone_and_the_agents_that_stop_are_told(rsa_key: rsa.RSAPrivateKey) -> None:
    public, private = rsa_documents(rsa_key)
    for read in (lambda: PublicKey.from_document(public), lambda: PrivateKey.from_document(private)):
        with pytest.raises(InputError) as caught:
            read()
        assert caught.value.code == "rsa-key"
        assert caught.value.fields["agents"] == ["fiotuf", "fioup --tuf"]
        assert "fiotuf" in caught.value.message
    key = PrivateKey.from_document(private, allow_rsa=True)
    assert key.public.keyid == PublicKey.from_document(public, allow_rsa=True).keyid


def test_rsa_signs_by_pss_with_a_salt_of_32_bytes(rsa_key: rsa.RSAPrivateKey) -> None:
    from base64 import b64decode

    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
    from cryptography.hazmat.primitives.hashes import SHA256

    key = PrivateKey.from_document(rsa_documents(rsa_key)[1], allow_rsa=True)
    signature = sign(signer_of(key), b"data")
    assert signature["method"] == "rsassa-pss-sha256"
    rsa_key.public_key().verify(b64decode(signature["sig"]), b"data", PSS(MGF1(SHA256()), 32), SHA256())
    other_salt = rsa_key.sign(b"data", PSS(MGF1(SHA256()), 20), SHA256())
    assert not key.public.verify("rsassa-pss-sha256", other_salt, b"data")
    with pytest.raises(InputError, match="no seed"):
        _ = key.seed_hex


def test_the_keyid_of_an_rsa_key_does_not_depend_on_how_its_text_ends(rsa_key: rsa.RSAPrivateKey) -> None:
    public, _ = rsa_documents(rsa_key)
    text = public["keyval"]["public"]
    keys = [PublicKey.from_document(document(t, "RSA"), allow_rsa=True) for t in (text, text.rstrip("\n"))]
    assert keys[0].keyid == keys[1].keyid
    assert keys[1].document["keyval"]["public"] == text.rstrip("\n")


def test_what_is_called_rsa_and_is_none_is_refused() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    for key in (small, curve):
        with pytest.raises(GroundswellError) as caught:
            PublicKey.from_document(rsa_documents(key)[0], allow_rsa=True)
        assert caught.value.code == "bad-key"
    for text in ("", "no PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(InputError) as refused:
            PublicKey.from_document(document(text, "RSA"), allow_rsa=True)
        assert refused.value.code == "bad-key"
        with pytest.raises(InputError) as refused:
            PrivateKey.from_document({"keytype": "RSA", "keyval": {"private": text}}, allow_rsa=True)
        assert refused.value.code == "bad-key"
    with pytest.raises(InputError, match="another type of key"):
        PrivateKey.from_document(rsa_documents(curve)[1], allow_rsa=True)
