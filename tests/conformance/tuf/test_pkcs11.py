"""A key that stays in a PKCS#11 token signs a targets role; the token is SoftHSM, in a folder of the test."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import InputError, NotFoundError, TrustError, tuf
from groundswell.tuf import roles
from groundswell.tuf.canonical import canonical
from support.corruptions import LAST_ROOT
from support.tuf_forge import Repository, private
from support.verdicts import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIBRARY = next(
    (path for folder in ("lib", "lib64", "local/lib") for path in Path("/usr", folder).rglob("libsofthsm2.so")), None
)
pytestmark = [
    pytest.mark.skipif(
        LIBRARY is None or shutil.which("softhsm2-util") is None, reason="SoftHSM (softhsm2) is not installed"
    ),
    pytest.mark.skipif(importlib.util.find_spec("PyKCS11") is None, reason="the extra `hsm` is not installed"),
]
PIN = "1234"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    assert LIBRARY is not None
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        command = ["softhsm2-util", "--init-token", "--free", "--label", "groundswell", "--so-pin", PIN, "--pin", PIN]
        subprocess.run(command, check=True, capture_output=True)
        make_keys(LIBRARY)
        yield LIBRARY


def make_keys(library: Path) -> None:
    import PyKCS11 as p11  # noqa: N813  # its names are long enough

    lib = p11.PyKCS11Lib()
    lib.load(str(library))
    slots = {lib.getTokenInfo(slot).label.strip(" \0"): slot for slot in lib.getSlotList(tokenPresent=True)}
    session = lib.openSession(slots["groundswell"], p11.CKF_SERIAL_SESSION | p11.CKF_RW_SESSION)
    session.login(PIN)
    kinds: list[tuple[str, Any, list[Any]]] = [
        ("ed", p11.CKM_EC_EDWARDS_KEY_PAIR_GEN, [(p11.CKA_EC_PARAMS, bytes.fromhex("06032b6570"))]),
        (
            "rsa",
            p11.CKM_RSA_PKCS_KEY_PAIR_GEN,
            [(p11.CKA_MODULUS_BITS, 2048), (p11.CKA_PUBLIC_EXPONENT, (1, 0, 1)), (p11.CKA_VERIFY, True)],
        ),
        ("double", p11.CKM_EC_EDWARDS_KEY_PAIR_GEN, [(p11.CKA_EC_PARAMS, bytes.fromhex("06032b6570"))]),
        ("double", p11.CKM_EC_EDWARDS_KEY_PAIR_GEN, [(p11.CKA_EC_PARAMS, bytes.fromhex("06032b6570"))]),
    ]
    for label, mechanism, attributes in kinds:
        common = [(p11.CKA_TOKEN, True), (p11.CKA_LABEL, label)]
        secret = [(p11.CKA_PRIVATE, True), (p11.CKA_SENSITIVE, True), (p11.CKA_SIGN, True)]
        session.generateKeyPair(common + attributes, common + secret, mecha=p11.Mechanism(mechanism, None))
    session.closeSession()


def test_a_key_in_the_token_signs_a_targets_role_that_a_device_takes(library: Path, tmp_path: Path) -> None:
    signer = tuf.pkcs11_signer(library, token="groundswell", label="ed", pin=PIN)
    public = tuf.public_of(signer)
    repository = Repository()
    signed = repository.document(LAST_ROOT)["signed"]
    signed = roles.next_root(signed, add={"targets": [public]})
    repository.sign("6.root.json", signed, ["offline-root"])
    targets = canonical(repository.document("targets.json")["signed"])
    online = tuf.signer_of(tuf.PrivateKey.from_seed_hex(private("targets").private_bytes_raw().hex()))
    signatures = [tuf.sign(one, targets) for one in (online, signer)]
    repository.files["targets.json"] = tuf.assemble(targets, signatures)
    repository.relink()
    verdict = tuf.judge_directory(repository.write(tmp_path / "r"), now=NOW, audience="production")
    assert verdict.signed_by["targets"][-1] == public.keyid
    assert signatures[1]["method"] == "ed25519"


def test_an_rsa_key_in_the_token_signs_by_pss(library: Path) -> None:
    signer = tuf.pkcs11_signer(library, token="groundswell", label="rsa", pin=PIN)
    public = tuf.public_of(signer)
    signature = tuf.sign(signer, b"{}")
    assert (signature["method"], public.keytype) == ("rsassa-pss-sha256", "RSA")
    assert tuf.verify_bytes(b"{}", [signature], {public.keyid: public}, [public.keyid], 1).verified


def test_a_key_is_found_by_its_uri_and_must_be_the_one_that_is_expected(library: Path) -> None:
    from groundswell.tuf.pkcs11 import Pkcs11Signer

    uri = f"pkcs11:token=groundswell;object=ed?module-path={library}"
    signer = tuf.pkcs11_signer(library, token="groundswell", label="ed", pin=PIN)
    found = Pkcs11Signer.from_priv_key_uri(uri, signer.public_key, lambda _: PIN)
    assert found.public_key.keyid == signer.public_key.keyid
    other = tuf.pkcs11_signer(library, token="groundswell", label="rsa", pin=PIN).public_key
    with pytest.raises(TrustError) as caught:
        Pkcs11Signer.from_priv_key_uri(uri, other, lambda _: PIN)
    assert caught.value.code == "key-mismatch"
    with pytest.raises(InputError) as refused:
        Pkcs11Signer.from_priv_key_uri("pkcs11:token=groundswell", other, lambda _: PIN)
    assert refused.value.code == "bad-key-uri"


def test_the_pin_appears_nowhere(library: Path) -> None:
    signer = tuf.pkcs11_signer(library, token="groundswell", label="ed", pin=PIN)
    assert PIN not in repr(signer)


@pytest.mark.parametrize(
    ("asked", "error", "code", "told"),
    [
        ({"token": "none"}, NotFoundError, "hsm-key-not-found", "no token `none`"),
        ({"label": "none"}, NotFoundError, "hsm-key-not-found", "no public key `none`"),
        ({"label": "double"}, NotFoundError, "hsm-key-not-found", "2 public keys `double`"),
        ({"pin": "9999"}, TrustError, "hsm-refused", "CKR_PIN_INCORRECT"),
    ],
)
def test_what_the_token_does_not_have_or_allow_is_told(
    asked: dict[str, str], error: type[Exception], code: str, told: str, library: Path
) -> None:
    with pytest.raises(error, match=told) as caught:
        tuf.pkcs11_signer(library, **({"token": "groundswell", "label": "ed", "pin": PIN} | asked))
    assert vars(caught.value)["code"] == code


def test_a_library_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        tuf.pkcs11_signer(tmp_path / "none.so", token="t", label="l", pin=PIN)
    assert caught.value.code == "hsm-key-not-found"


def test_a_token_that_signs_wrongly_is_found_out(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = tuf.pkcs11_signer(library, token="groundswell", label="ed", pin=PIN)
    honest: Callable[[bytes], Any] = signer.sign
    monkeypatch.setattr(signer, "sign", lambda payload: honest(payload + b" "))
    with pytest.raises(TrustError) as caught:
        tuf.sign(signer, b"{}")
    assert caught.value.code == "signing-failed"
