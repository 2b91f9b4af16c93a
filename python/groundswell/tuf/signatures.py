"""The one verification loop of the signing side.

It walks the *allowed* keyids, not the signatures of the document: each allowed key counts once, however often its
signature is repeated, and a key that the role does not list counts never.

Source: TUF specification 1.0, section 5.1 and "threshold of keys"; wire.md 3.1, 3.3.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from groundswell.tuf.canonical import cropped
from groundswell.tuf.keys import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from groundswell.tuf.documents import Document
    from groundswell.tuf.keys import PublicKey

__all__ = ["Verification", "verify", "verify_bytes"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What the signatures of a document come to.

    Args:
        valid: the allowed keyids with a valid signature, in the order of the role.
        missing: how many more are needed; 0 when the threshold is met.
        rejected: what does not count, with its reason, by keyid.
    """

    valid: tuple[str, ...]
    missing: int
    rejected: dict[str, str] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        """Whether the threshold is met."""
        return self.missing == 0


def verify(document: Document, keys: Mapping[str, PublicKey], keyids: Iterable[str], threshold: int) -> Verification:
    """Count the allowed keys that signed a document.

    Args:
        document: what was signed, with its signatures.
        keys: the keys of the root, by keyid.
        keyids: the keyids that the role allows.
        threshold: how many of them are needed.

    Returns:
        ``valid = { k in keyids : a signature of k verifies over the signed bytes }``,
        ``missing = max(0, threshold - |valid|)``.

    Cost: a verification for each allowed key that signed.
    """
    return verify_bytes(document.signed_bytes, document.signatures, keys, keyids, threshold)


def verify_bytes(
    signed_bytes: bytes,
    signatures: Sequence[Any],
    keys: Mapping[str, PublicKey],
    keyids: Iterable[str],
    threshold: int,
) -> Verification:
    """As `verify`, for signed bytes and signatures that come apart from each other.

    >>> from groundswell.tuf.keys import PrivateKey
    >>> from groundswell.tuf.signers import sign, signer_of
    >>> key = PrivateKey.from_seed_hex("01" * 32)
    >>> signature = sign(signer_of(key), b"{}")
    >>> keyid = key.public.keyid
    >>> verify_bytes(b"{}", [signature, signature], {keyid: key.public}, [keyid], 2).missing
    1
    """
    by_keyid: dict[str, list[dict[str, Any]]] = {}
    rejected: dict[str, str] = {}
    for signature in signatures:
        keyid = signature.get("keyid") if isinstance(signature, dict) else None
        if isinstance(keyid, str):
            by_keyid.setdefault(keyid, []).append(signature)
    valid: list[str] = []
    allowed = list(dict.fromkeys(keyids))
    for keyid in allowed:
        if keyid not in by_keyid:
            continue
        key = keys.get(keyid)
        fault: str | None = "the root lists no such key"
        if key is not None and key.keyid == keyid:
            # A second, broken copy does not spoil a good signature; two good ones are one key.
            faults = [_fault(key, signature, signed_bytes) for signature in by_keyid[keyid]]
            fault = None if None in faults else faults[0]
        if fault is None:
            valid.append(keyid)
        else:
            rejected[keyid] = fault
    for keyid in by_keyid:
        if keyid not in allowed:
            rejected[keyid] = "the role does not list this key"
    return Verification(tuple(valid), max(0, threshold - len(valid)), rejected)


def _fault(key: PublicKey, signature: dict[str, Any], data: bytes) -> str | None:
    method, text = signature.get("method"), signature.get("sig")
    if method not in METHODS:
        return f"the method `{cropped(str(method))}` is unknown"
    if METHODS[method] != key.keytype:
        return f"the method `{method}` does not go with a key of type `{key.keytype}`"
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        raw = None
    if raw is None:
        return "the signature is not base64"
    return None if key.verify(method, raw, data) else "the signature does not verify"
