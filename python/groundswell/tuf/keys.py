"""Keys: what they are called, what they verify.

A key's id is the SHA-256 of its SubjectPublicKeyInfo in DER, so that it can be recomputed from the key alone and one
key cannot stand under two names. Its ``public`` text is kept as it was written: fioctl compares it character by
character.

Source: wire.md 3.2, 3.6.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from groundswell.errors import InputError, TrustError
from groundswell.tuf.canonical import cropped

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

__all__ = ["METHODS", "KeyType", "PrivateKey", "PublicKey"]

KeyType = Literal["ED25519", "RSA"]

METHODS: Final[dict[str, KeyType]] = {"ed25519": "ED25519", "rsassa-pss-sha256": "RSA"}
"""The signature methods of the dialect, and the type of key that each goes with."""

_ED25519_SPKI: Final = bytes.fromhex("302a300506032b6570032100")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
_KEY_BYTES: Final = 32
_RSA_BITS: Final = range(2048, 8193)
_RSA_STOPS: Final = ("fiotuf", "fioup --tuf")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key of the dialect.

    Args:
        keytype: ``"ED25519"`` or ``"RSA"``.
        public: 32 bytes in lower-case hex, or a PEM text for RSA, as written.
        keyid: SHA-256 of the SubjectPublicKeyInfo, 64 hex digits.

    >>> key = PublicKey.from_document({"keytype": "ED25519", "keyval": {"public": "6c" * 32}})
    >>> key.keyid[:8], key.method
    ('2aff3854', 'ed25519')
    """

    keytype: KeyType
    public: str
    keyid: str

    @classmethod
    def from_document(cls, document: Any, label: str = "the key", *, allow_rsa: bool = False) -> PublicKey:
        """Read ``{"keytype": …, "keyval": {"public": …}}``.

        Args:
            document: the parsed JSON.
            label: what to call it in an error.
            allow_rsa: RSA keys stop some agents (wire.md 3.6), so they are asked for by name.

        Raises:
            InputError: ``bad-key`` for what is not a key of the dialect; ``rsa-key`` for an RSA key not asked for.
        """
        keytype, public = _parts(document, "public", label)
        if keytype == "ED25519":
            return cls("ED25519", public, _keyid(_ED25519_SPKI + _hex_bytes(public, label, {_KEY_BYTES})))
        if not allow_rsa:
            raise _rsa_refused(label)
        return cls("RSA", public, _keyid(_rsa_spki(public, label)))

    @property
    def document(self) -> dict[str, Any]:
        """The key as root metadata and ``.pub`` files spell it."""
        return {"keytype": self.keytype, "keyval": {"public": self.public}}

    @property
    def method(self) -> str:
        """The signature method that goes with the key."""
        return next(method for method, keytype in METHODS.items() if keytype == self.keytype)

    def verify(self, method: str, signature: bytes, data: bytes) -> bool:
        """Whether `signature`, made by `method`, is this key's over `data`; a method of another type of key is not.

        Cost: about 0.1 ms.

        Source: RFC 8032 (Ed25519); RFC 8017 (RSASSA-PSS with SHA-256, MGF1 and a salt of 32 bytes).
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if METHODS.get(method) != self.keytype:
            return False
        try:
            if self.keytype == "ED25519":
                Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public)).verify(signature, data)
            else:
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=_KEY_BYTES)
                _load_rsa(self.public).verify(signature, data, pss, hashes.SHA256())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key of the dialect: an online key of the factory, or one of an offline tarball.

    Its text never appears in a representation.

    Args:
        keytype: ``"ED25519"`` or ``"RSA"``.
        private: the seed, 32 bytes in lower-case hex (the 64 bytes of seed and public key also occur), or PEM for RSA.
        public: the public half.

    >>> key = PrivateKey.from_seed_hex("00" * 32)
    >>> key.public.public[:8], key.public.keyid[:8], "private" in repr(key)
    ('3b6a27bc', '339e2ff9', False)
    """

    keytype: KeyType
    private: str = field(repr=False)
    public: PublicKey

    @classmethod
    def generate(cls) -> PrivateKey:
        """A fresh Ed25519 key from the operating system's randomness."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls.from_seed_hex(Ed25519PrivateKey.generate().private_bytes_raw().hex())

    @classmethod
    def from_seed_hex(cls, seed: str, label: str = "the key") -> PrivateKey:
        """The Ed25519 key of a seed of 32 bytes (or of the 64 bytes of seed and public key) in lower-case hex.

        Raises:
            InputError: ``bad-key``.
        """
        return cls.from_document({"keytype": "ED25519", "keyval": {"private": seed}}, label)

    @classmethod
    def from_document(
        cls, document: Any, label: str = "the key", *, public: PublicKey | None = None, allow_rsa: bool = False
    ) -> PrivateKey:
        """Read ``{"keytype": …, "keyval": {"private": …}}``.

        Args:
            document: the parsed JSON.
            label: what to call it in an error.
            public: the public half that it must fit; its spelling is kept.
            allow_rsa: as in `PublicKey.from_document`.

        Raises:
            InputError: ``bad-key`` for what is not a key of the dialect; ``rsa-key`` for an RSA key not asked for.
            TrustError: ``key-mismatch`` where the private key is not that of `public`.
        """
        keytype, private = _parts(document, "private", label)
        if keytype == "ED25519":
            derived = _ed25519_public(private, label)
        elif allow_rsa:
            derived = _rsa_public(private, label)
        else:
            raise _rsa_refused(label)
        if public is not None and public.keyid != derived.keyid:
            raise TrustError(
                "key-mismatch",
                f"the private key of `{label}` belongs to the key `{derived.keyid}`, not to `{public.keyid}` beside it",
                hint="the file was put together wrongly; take it from where it was made",
                fields={"source": label, "private_keyid": derived.keyid, "public_keyid": public.keyid},
            )
        return cls(derived.keytype, private, public or derived)

    @property
    def seed_hex(self) -> str:
        """The seed of an Ed25519 key, 64 hex digits.

        Raises:
            InputError: ``bad-key`` for an RSA key, which has none.
        """
        if self.keytype != "ED25519":
            raise _bad_key("the key", "is an RSA key, which has no seed")
        return self.private[: 2 * _KEY_BYTES]

    @property
    def document(self) -> dict[str, Any]:
        """The key as ``.sec`` files spell it."""
        return {"keytype": self.keytype, "keyval": {"private": self.private}}

    def load(self) -> Ed25519PrivateKey | RSAPrivateKey:
        """The key as the library `cryptography` has it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if self.keytype == "ED25519":
            return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.seed_hex))
        return _load_private_rsa(self.private, "the key")


def _parts(document: Any, half: str, label: str) -> tuple[str, str]:
    if not isinstance(document, dict) or not isinstance(document.get("keyval"), dict):
        raise _bad_key(label, 'is not an object with "keytype" and "keyval"')
    keytype, text = document.get("keytype"), document["keyval"].get(half)
    if keytype not in ("ED25519", "RSA"):
        raise _bad_key(label, f"has the type `{cropped(str(keytype))}`, which is neither `ED25519` nor `RSA`")
    if not isinstance(text, str):
        raise _bad_key(label, f'has no "{half}" text in its "keyval"')
    return keytype, text


def _hex_bytes(text: str, label: str, lengths: set[int]) -> bytes:
    if not _HEX.fullmatch(text) or len(text) // 2 not in lengths:
        wanted = " or ".join(str(length) for length in sorted(lengths))
        # The text itself may be half of a secret, so it is not shown.
        raise _bad_key(label, f"is not {wanted} bytes in lower-case hex")
    return bytes.fromhex(text)


def _ed25519_public(private: str, label: str) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data = _hex_bytes(private, label, {_KEY_BYTES, 2 * _KEY_BYTES})
    public = Ed25519PrivateKey.from_private_bytes(data[:_KEY_BYTES]).public_key().public_bytes_raw()
    if data[_KEY_BYTES:] not in (b"", public):
        raise _bad_key(label, "holds a seed and a public key that do not belong together")
    return PublicKey("ED25519", public.hex(), _keyid(_ED25519_SPKI + public))


def _rsa_public(private: str, label: str) -> PublicKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = _load_private_rsa(private, label).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return PublicKey("RSA", pem, _keyid(_rsa_spki(pem, label)))


def _load_private_rsa(private: str, label: str) -> RSAPrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _bad_key(label, "is not an RSA private key in PEM without a password") from error
    if not isinstance(key, RSAPrivateKey):
        raise _bad_key(label, "is called `RSA` and is another type of key")
    return key


def _rsa_spki(public: str, label: str) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = _load_rsa(public)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad_key(label, "is not an RSA public key in PEM") from error
    if not isinstance(key, RSAPublicKey):
        raise _bad_key(label, "is called `RSA` and is another type of key")
    if key.key_size not in _RSA_BITS:
        raise _bad_key(label, f"is an RSA key of {key.key_size} bits; 2048 to 8192 are taken")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _load_rsa(public: str) -> RSAPublicKey:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    return load_pem_public_key(public.encode())  # type: ignore[return-value]  # _rsa_spki checks the type


def _keyid(spki: bytes) -> str:
    return hashlib.sha256(spki).hexdigest()


def _bad_key(label: str, what: str) -> InputError:
    return InputError(
        "bad-key",
        f"`{label}` {what}",
        hint='a key is {"keytype":"ED25519","keyval":{"public":"<64 hex digits>"}}, with "private" for the secret half',
        fields={"source": label, "reason": what},
    )


def _rsa_refused(label: str) -> InputError:
    return InputError(
        "rsa-key",
        f"`{label}` is an RSA key, with which {' and '.join(f'`{agent}`' for agent in _RSA_STOPS)} stop working",
        hint="use an ED25519 key",
        fields={"source": label, "agents": list(_RSA_STOPS)},
    )
