"""Whose signatures a device counts: the keys and roles of one root.

Source: TUF specification 1.0, section 5; wire.md 3.2, 3.3, 3.6.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.tuf.judge.evidence import malformed, refusal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from groundswell.tuf.judge.evidence import Evidence

__all__ = ["Keyring", "keyring_of"]

_ROLES: Final = ("root", "targets", "snapshot", "timestamp")
_METHODS: Final = ("ed25519", "rsassa-pss-sha256")
_HEX_KEY: Final = re.compile(r"[0-9a-f]{64}")
_MAX_THRESHOLD: Final = 1000
_SALT: Final = 32


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys and roles of one root.

    Args:
        keys: by keyid.
        keyids: which of them may sign each role.
        thresholds: how many of them must.
        has_rsa: whether there is an RSA key, which some agents refuse together with the whole root.
    """

    keys: dict[str, Ed25519PublicKey | RSAPublicKey]
    keyids: dict[str, tuple[str, ...]]
    thresholds: dict[str, int]
    has_rsa: bool

    def signers(self, evidence: Evidence, role: str, *, short: str = "too-few-signatures") -> tuple[str, ...]:
        """Who signed, of those that may.

        Args:
            evidence: the file.
            role: which role's keys count.
            short: the code of the refusal where signatures are missing.

        Raises:
            TrustError: ``unknown-method`` for a signature by a method that an agent doesn't know, whosever it is;
                ``bad-signature`` where a signature that is needed does not hold; `short` where it is not there.
        """
        for keyid, method, _ in evidence.signatures:
            if method not in _METHODS:
                raise refusal(
                    "unknown-method",
                    evidence.file,
                    f"bears a signature by the method `{method[:40]}`",
                    keyid=keyid,
                    method=method,
                )
        by_keyid = {keyid: (method, sig) for keyid, method, sig in evidence.signatures}
        good: list[str] = []
        bad: list[str] = []
        for keyid in self.keyids[role]:
            if keyid in by_keyid:
                holds = _holds(self.keys[keyid], *by_keyid[keyid], evidence.signed_bytes)
                (good if holds else bad).append(keyid)
        threshold = self.thresholds[role]
        if len(good) < threshold and bad:
            raise refusal(
                "bad-signature",
                evidence.file,
                f"bears a signature of the {role} key `{bad[0]}` that does not hold",
                role=role,
                keyids=bad,
            )
        if len(good) < threshold:
            raise refusal(
                short,
                evidence.file,
                f"bears {len(good)} signatures of {role} keys; {threshold} are needed",
                role=role,
                valid=good,
                threshold=threshold,
            )
        return tuple(good)


def keyring_of(root: Evidence) -> Keyring:
    """The keys and roles of a root.

    Raises:
        TrustError: ``malformed-metadata``; ``keyid-mismatch`` for a key under a name that is not its own.
    """
    written, roles = root.signed.get("keys"), root.signed.get("roles")
    if not isinstance(written, dict) or not isinstance(roles, dict):
        raise malformed(root.file, "has no keys and roles")
    if root.signed.get("consistent_snapshot") is not False:
        raise malformed(root.file, "does not say that its snapshot is not consistent")
    keys: dict[str, Ed25519PublicKey | RSAPublicKey] = {}
    has_rsa = False
    for keyid, document in written.items():
        keytype, key, spki = _key(document, root.file)
        if hashlib.sha256(spki).hexdigest() != keyid:
            raise refusal(
                "keyid-mismatch",
                root.file,
                f"lists a key under the id `{keyid[:64]}`, which is not its own",
                keyid=keyid,
            )
        keys[keyid] = key
        has_rsa = has_rsa or keytype == "RSA"
    keyids, thresholds = {}, {}
    for name in _ROLES:
        role = roles.get(name)
        listed = role.get("keyids") if isinstance(role, dict) else None
        if not isinstance(listed, list) or not all(isinstance(keyid, str) and keyid in keys for keyid in listed):
            raise malformed(root.file, f"has no role `{name}` of keys that it lists")
        if len(set(listed)) < len(listed):
            raise malformed(root.file, f"lists a key twice in the role `{name}`")
        threshold = role["threshold"] if isinstance(role, dict) and "threshold" in role else None
        if type(threshold) is not int or not 1 <= threshold <= _MAX_THRESHOLD:
            raise malformed(root.file, f"has no threshold of 1 or more in the role `{name}`")
        keyids[name], thresholds[name] = tuple(listed), threshold
    return Keyring(keys, keyids, thresholds, has_rsa)


def _key(document: Any, file: str) -> tuple[str, Ed25519PublicKey | RSAPublicKey, bytes]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    key: Any = None
    try:
        keytype, public = document["keytype"], document["keyval"]["public"]
        if keytype == "ED25519" and _HEX_KEY.fullmatch(public):
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        elif keytype == "RSA":
            key = load_pem_public_key(public.encode())
    except (KeyError, TypeError, AttributeError, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey | RSAPublicKey) or isinstance(key, RSAPublicKey) != (keytype == "RSA"):
        raise malformed(file, "lists a key that is neither ED25519 in hex nor RSA in PEM")
    return keytype, key, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _holds(key: Ed25519PublicKey | RSAPublicKey, method: str, sig: str, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
    from cryptography.hazmat.primitives.hashes import SHA256

    is_ed25519 = isinstance(key, Ed25519PublicKey)
    if (method == "ed25519") != is_ed25519:
        return False
    try:
        raw = base64.b64decode(sig, validate=True)
        if isinstance(key, Ed25519PublicKey):
            key.verify(raw, data)
        else:
            key.verify(raw, data, PSS(MGF1(SHA256()), _SALT), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True
