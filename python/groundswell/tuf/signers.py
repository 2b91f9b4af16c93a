"""Signing, through the signers of securesystemslib: a key may live in a file, an HSM or a key service.

Source: wire.md 3.1; the `Signer` interface of securesystemslib.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Protocol

from groundswell.errors import InputError, TrustError
from groundswell.tuf.keys import PrivateKey, PublicKey

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Signer", "pkcs11_signer", "public_of", "sign", "signer_of"]


class Signer(Protocol):
    """What signs: the part of securesystemslib's ``Signer`` that is used here, so that any of its signers will do."""

    @property
    def public_key(self) -> Any:
        """Its public half: ``keytype``, ``keyval``, ``keyid``."""

    def sign(self, payload: bytes) -> Any:
        """Sign; the answer's ``signature`` is in hex."""


def signer_of(key: PrivateKey) -> Signer:
    """The signer of a private key at hand.

    >>> public_of(signer_of(PrivateKey.from_seed_hex("00" * 32))).keyid[:8]
    '339e2ff9'
    """
    from securesystemslib.signer import CryptoSigner, SSlibKey

    public = key.public
    return CryptoSigner(
        key.load(), SSlibKey(public.keyid, public.keytype.lower(), public.method, {"public": public.public})
    )


def pkcs11_signer(module: Path, *, token: str, label: str, pin: str) -> Signer:
    """The signer of a key that stays in a PKCS#11 token: a smart card, an HSM, SoftHSM.

    An Ed25519 key signs by EdDSA. An RSA key signs by RSASSA-PSS with SHA-256; see `PublicKey.from_document` for the
    agents that RSA stops.

    Args:
        module: the token's library, such as ``libsofthsm2.so``.
        token: the label of the token.
        label: the label of the key pair in it.
        pin: the user PIN.

    Raises:
        InputError: ``missing-extra`` without the extra ``hsm``.
        NotFoundError: ``hsm-key-not-found``: no such library, token or key pair.
        TrustError: ``hsm-refused``: the token does not let us in, or would not sign.
    """
    try:
        from groundswell.tuf.pkcs11 import Pkcs11Signer
    except ImportError as error:
        raise InputError(
            "missing-extra",
            "keys in a PKCS#11 token need the package `pykcs11`",
            hint="install it with `pip install 'groundswell[hsm]'`",
            fields={"extra": "hsm"},
        ) from error
    return Pkcs11Signer.open(module, token=token, label=label, pin=pin)


def public_of(signer: Signer) -> PublicKey:
    """The public key of a signer, in the dialect; its keyid is recomputed, whatever the signer calls itself.

    Raises:
        InputError: ``bad-key`` for a type of key that the dialect does not have.
    """
    key = signer.public_key
    document = {"keytype": key.keytype.upper(), "keyval": {"public": key.keyval.get("public")}}
    return PublicKey.from_document(document, f"the key {key.keyid}", allow_rsa=True)


def sign(signer: Signer, signed_bytes: bytes) -> dict[str, Any]:
    """Sign bytes and verify what came back: a signature that does not hold must not leave this room.

    Args:
        signer: whose key signs.
        signed_bytes: exactly the bytes of ``signed`` as they are kept and served.

    Returns:
        ``{"keyid": …, "method": …, "sig": base64}``.

    Raises:
        TrustError: ``signing-failed`` where the signer's signature does not verify with its own public key.

    >>> sign(signer_of(PrivateKey.from_seed_hex("00" * 32)), b"{}")["method"]
    'ed25519'
    """
    public = public_of(signer)
    raw = bytes.fromhex(signer.sign(signed_bytes).signature)
    if not public.verify(public.method, raw, signed_bytes):
        raise TrustError(
            "signing-failed",
            f"the signature that the key `{public.keyid}` made does not verify",
            hint="the device that holds the key is broken, or holds another private key under that name",
            fields={"keyid": public.keyid},
        )
    return {"keyid": public.keyid, "method": public.method, "sig": base64.b64encode(raw).decode()}
