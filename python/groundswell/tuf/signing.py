"""Compose, sign, accept: what a key's holder is asked to sign, and what is taken from an answer.

The holder signs `SigningRequest.signed_bytes`, with `sign_request` or with any other tool. Whoever accepts the answer
trusts nothing in it: `parse_signed` spells what was parsed canonically, and `valid_signatures` verifies over that.

Source: wire.md 3.1, 3.5.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import InputError, TrustError
from groundswell.tuf.canonical import canonical, cropped, parse
from groundswell.tuf.documents import Document, assemble, parse_document, parse_instant
from groundswell.tuf.signatures import verify_bytes
from groundswell.tuf.signers import public_of, sign

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from groundswell.tuf.documents import RoleType
    from groundswell.tuf.keys import PublicKey
    from groundswell.tuf.signers import Signer

__all__ = ["SigningRequest", "check_composed", "parse_signed", "sign_request", "valid_signatures"]

_MAX_BYTES: Final = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRequest:
    """A document that waits for signatures.

    Args:
        name: what the factory calls it, such as ``wave-v42`` or ``ci-root-5``; it can be the name of a file.
        role_type: ``Root`` or ``Targets``.
        signed_bytes: the bytes to be signed: the document in canonical JSON.
        keyids: who may sign it: offline keys.
        needed: how many signatures of these keys the factory needs before it accepts the document.
        signatures: those that it has, by key as they were added.
    """

    name: str
    role_type: RoleType
    signed_bytes: bytes
    keyids: tuple[str, ...]
    needed: int = 1
    signatures: tuple[dict[str, Any], ...] = ()

    @property
    def signed(self) -> dict[str, Any]:
        """What the document says; a copy."""
        signed: dict[str, Any] = parse(self.signed_bytes, self.name)
        return signed

    @property
    def expires(self) -> datetime:
        """When the document ceases to be valid, UTC."""
        return parse_instant(self.signed["expires"], "expires")

    @property
    def document(self) -> bytes:
        """The document with its signatures: what the factory accepts."""
        return assemble(self.signed_bytes, self.signatures)

    def with_signature(self, signature: dict[str, Any]) -> SigningRequest:
        """The same document with one more signature; an earlier one of the same key is replaced.

        Args:
            signature: ``{"keyid": …, "method": …, "sig": base64}``. It is verified when the document is accepted.
        """
        others = [one for one in self.signatures if one["keyid"] != signature["keyid"]]
        return replace(self, signatures=(*others, signature))


def sign_request(request: SigningRequest, signer: Signer) -> SigningRequest:
    """Sign a document with one key. Needs no factory: it may run where the key is.

    Args:
        request: what to sign.
        signer: the key: of a tarball, of a PKCS#11 token, any signer of securesystemslib.

    Returns:
        The request with the signature; its `document` is what the factory accepts.

    Raises:
        TrustError: ``no-such-key`` where the key may not sign this document; ``signing-failed``.

    >>> from groundswell.tuf.keys import PrivateKey
    >>> from groundswell.tuf.signers import signer_of
    >>> key = PrivateKey.from_seed_hex("01" * 32)
    >>> data = canonical({"_type": "Targets", "expires": "2030-01-01T00:00:00Z", "targets": {}, "version": 7})
    >>> request = SigningRequest(name="wave-v7", role_type="Targets", signed_bytes=data, keyids=(key.public.keyid,))
    >>> signed = sign_request(request, signer_of(key))
    >>> [signature["keyid"] == key.public.keyid for signature in signed.signatures], signed.expires.year
    ([True], 2030)
    """
    keyid = public_of(signer).keyid
    if keyid not in request.keyids:
        raise _no_such_key(request.name, [keyid], request.keyids)
    return request.with_signature(sign(signer, request.signed_bytes))


def parse_signed(data: bytes, role_type: RoleType, label: str) -> Document:
    """Read a signed document from outside, in any spelling; its signed part is spelled canonically.

    Args:
        data: the bytes, at most 8 MiB.
        role_type: what its ``_type`` must be.
        label: what to call it in an error.

    Returns:
        The document with ``signed_bytes = canonical(signed)``. No signature is verified.

    Raises:
        InputError, TrustError: as `parse_document`.

    Cost: linear.

    >>> loose = b'{"signatures": [], "signed": {"version": 7, "targets": {}, "expires": "2030-01-01T00:00:00Z",'
    >>> document = parse_signed(loose + b' "_type": "Targets"}}', "Targets", "targets.json")
    >>> document.signed_bytes
    b'{"_type":"Targets","expires":"2030-01-01T00:00:00Z","targets":{},"version":7}'
    """
    if len(data) > _MAX_BYTES:
        raise InputError(
            "bad-metadata",
            f"`{label}` has {len(data)} bytes, more than {_MAX_BYTES >> 20} MiB",
            hint="no device agent reads a document as large as that",
            fields={"source": label, "member": "", "reason": "too large"},
        )
    document = parse_document(data, role_type, label)
    return replace(document, signed_bytes=canonical(document.signed))


def valid_signatures(document: Document, keys: Sequence[PublicKey], label: str) -> list[dict[str, Any]]:
    """The signatures of a document that count, one for each key, in the order of the keys.

    Args:
        document: what `parse_signed` returned.
        keys: the keys that may sign.
        label: what to call the document in an error.

    Returns:
        One signature of each key that signed, at least one. Signatures of other keys are left out.

    Raises:
        TrustError: ``bad-signature`` where a signature of one of the keys does not verify; ``no-such-key`` where none
            of the keys signed.

    Cost: a verification or two for each signature.
    """
    by_keyid = {key.keyid: key for key in keys}
    found = verify_bytes(document.signed_bytes, document.signatures, by_keyid, by_keyid, 1)
    wrong = {keyid: reason for keyid, reason in found.rejected.items() if keyid in by_keyid}
    if wrong:
        raise TrustError(
            "bad-signature",
            f"`{label}` has a bad signature: `{cropped(next(iter(wrong)))}`: {next(iter(wrong.values()))}",
            hint="nothing was changed; sign exactly the bytes that were composed: the canonical JSON of the document",
            fields={"source": label, "rejected": wrong},
        )
    if not found.valid:
        raise _no_such_key(label, list(document.keyids), tuple(by_keyid))
    return [_first_valid(document, by_keyid[keyid]) for keyid in found.valid]


def check_composed(document: Document, expected: bytes, label: str) -> None:
    """Refuse a document that says something else than the factory would have composed.

    Args:
        document: what `parse_signed` returned.
        expected: the canonical bytes of what the factory would compose.
        label: what to call the document in an error.

    Raises:
        TrustError: ``not-composed``, naming the first place that differs.
    """
    if document.signed_bytes != expected:
        place = _difference(document.signed, parse(expected, label), "$")
        raise TrustError(
            "not-composed",
            f"`{label}` says something else at `{place}` than the factory would compose now",
            hint="nothing was changed; compose the document again, sign that, and do not edit it",
            fields={"source": label, "place": place},
        )


def _first_valid(document: Document, key: PublicKey) -> dict[str, Any]:
    for signature in document.signatures:
        if verify_bytes(document.signed_bytes, [signature], {key.keyid: key}, [key.keyid], 1).verified:
            # One spelling of the base64, and no other members.
            text = base64.b64encode(base64.b64decode(signature["sig"])).decode()
            return {"keyid": key.keyid, "method": signature["method"], "sig": text}
    raise AssertionError(key.keyid)  # `verify_bytes` has counted it


def _difference(found: Any, expected: Any, where: str) -> str:
    """The path of the first place where two JSON values differ."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted(found.keys() | expected.keys()):
            if key not in found or key not in expected or found[key] != expected[key]:
                return _difference(found.get(key), expected.get(key), f"{where}.{cropped(key)}")
    return where


def _no_such_key(label: str, holds: list[str], asked: tuple[str, ...]) -> TrustError:
    signed = f"`{'`, `'.join(cropped(keyid) for keyid in holds[:3])}`" if holds else "nobody"
    return TrustError(
        "no-such-key",
        f"`{label}` is signed by {signed}, not by one of the keys that may sign it",
        hint=f"these are: {', '.join(asked)}" if asked else "there are none yet",
        fields={"source": label, "asked": list(asked), "holds": holds[:100]},
    )
