"""Keys that stay in a PKCS#11 token: a smart card, an HSM, SoftHSM.

This module imports its libraries when it is imported, since its class extends one of theirs; `signers.pkcs11_signer`
imports it when such a key is asked for. The extra ``hsm`` brings PyKCS11.

Source: PKCS #11 v3.0, sections 2.3.13 (EdDSA) and 2.1.14 (RSA-PSS); RFC 7512 (URIs).
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

import PyKCS11
from securesystemslib.signer import Key, SecretsHandler, Signature, Signer, SSlibKey

from groundswell.errors import InputError, NotFoundError, TrustError
from groundswell.tuf.keys import PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Pkcs11Signer"]

_POINT: Final = 32
_WRAPPED: Final = b"\x04\x20"
_SALT: Final = 32
_PUBLIC: Final = {PyKCS11.CKK_EC_EDWARDS: "ED25519", PyKCS11.CKK_RSA: "RSA"}


class Pkcs11Signer(Signer):
    """A signer whose private key never leaves its token.

    Each signature opens a session and closes it again, so that a token that was away for a while does no harm.
    """

    def __init__(self, module: Path, token: str, label: str, pin: str, public: PublicKey) -> None:
        self._module, self._token, self._label, self._pin = module, token, label, pin
        self._public = public
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Pkcs11Signer({str(self._module)!r}, token={self._token!r}, label={self._label!r})"

    @classmethod
    def open(cls, module: Path, *, token: str, label: str, pin: str) -> Pkcs11Signer:
        """Find the key pair; see `signers.pkcs11_signer`."""
        with _session(module, token, pin) as session:
            public = _public_key(session, _one(session, PyKCS11.CKO_PUBLIC_KEY, label, token), label)
            _one(session, PyKCS11.CKO_PRIVATE_KEY, label, token)
        return cls(module, token, label, pin, public)

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> Pkcs11Signer:
        """Find a key pair by its URI, ``pkcs11:token=…;object=…?module-path=…``.

        Args:
            priv_key_uri: the URI.
            public_key: the key that must be found there.
            secrets_handler: is asked for the ``"pin"``.

        Raises:
            InputError: ``bad-key-uri``.
            TrustError: ``key-mismatch`` where another key is found; as `open`.
        """
        scheme, _, rest = priv_key_uri.partition(":")
        path, _, query = rest.partition("?")
        parts = {name: unquote(value) for name, _, value in (part.partition("=") for part in path.split(";"))}
        modules = parse_qs(query).get("module-path", [])
        if scheme != "pkcs11" or not {"token", "object"} <= set(parts) or not modules or secrets_handler is None:
            raise InputError(
                "bad-key-uri",
                f"`{priv_key_uri}` does not name a key in a PKCS#11 token",
                hint="write pkcs11:token=TOKEN;object=LABEL?module-path=LIBRARY, and hand over the PIN",
                fields={"uri": priv_key_uri},
            )
        found = cls.open(Path(modules[0]), token=parts["token"], label=parts["object"], pin=secrets_handler("pin"))
        if found.public_key.keyval != public_key.keyval:
            raise TrustError(
                "key-mismatch",
                f"`{priv_key_uri}` holds another key than `{public_key.keyid}`: `{found.public_key.keyid}`",
                hint="name the key pair that belongs to that public key",
                fields={"uri": priv_key_uri, "keyid": public_key.keyid, "found": found.public_key.keyid},
            )
        return found

    @property
    def public_key(self) -> SSlibKey:
        """The public half, as the library has it."""
        key = self._public
        return SSlibKey(key.keyid, key.keytype.lower(), key.method, {"public": key.public})

    def sign(self, payload: bytes) -> Signature:
        """Sign in the token.

        Raises:
            TrustError: ``hsm-refused``.
        """
        with self._lock, _session(self._module, self._token, self._pin) as session:
            private = _one(session, PyKCS11.CKO_PRIVATE_KEY, self._label, self._token)
            raw = bytes(session.sign(private, payload, _mechanism(self._public)))
        return Signature(self._public.keyid, raw.hex())


def _mechanism(public: PublicKey) -> Any:
    if public.keytype == "ED25519":
        return PyKCS11.Mechanism(PyKCS11.CKM_EDDSA, None)
    return PyKCS11.RSA_PSS_Mechanism(
        PyKCS11.CKM_SHA256_RSA_PKCS_PSS, PyKCS11.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256, _SALT
    )


@contextlib.contextmanager
def _session(module: Path, token: str, pin: str) -> Iterator[Any]:
    """A session in which the user is logged in; whatever the token refuses in it is a TrustError."""
    library = PyKCS11.PyKCS11Lib()
    try:
        library.load(str(module))
    except PyKCS11.PyKCS11Error as error:
        raise _not_found(f"there is no PKCS#11 library `{module}`", "name the token's library", module) from error
    try:
        slots = {library.getTokenInfo(slot).label.strip(" \0"): slot for slot in library.getSlotList(tokenPresent=True)}
        if token not in slots:
            labels = ", ".join(f"`{name}`" for name in slots if name) or "none"
            raise _not_found(f"`{module}` has no token `{token}`", f"it has {labels}", module)
        session = library.openSession(slots[token], PyKCS11.CKF_SERIAL_SESSION)
        try:
            _log_in(session, pin)
            yield session
        finally:
            session.closeSession()
    except PyKCS11.PyKCS11Error as error:
        raise TrustError(
            "hsm-refused",
            f"the token `{token}` refused: {error}",
            hint="check the PIN and that the token is there; a few wrong PINs lock it",
            fields={"module": str(module), "token": token, "reason": str(error)},
        ) from error


def _log_in(session: Any, pin: str) -> None:
    try:
        session.login(pin)
    except PyKCS11.PyKCS11Error as error:
        if error.value != PyKCS11.CKR_USER_ALREADY_LOGGED_IN:
            raise


def _one(session: Any, kind: int, label: str, token: str) -> Any:
    found = session.findObjects([(PyKCS11.CKA_CLASS, kind), (PyKCS11.CKA_LABEL, label)])
    if len(found) == 1:
        return found[0]
    half = "public" if kind == PyKCS11.CKO_PUBLIC_KEY else "private"
    count = f"{len(found)} {half} keys" if found else f"no {half} key"
    raise _not_found(
        f"the token `{token}` has {count} `{label}`", "name a key pair by its label, which is unique", None
    )


def _public_key(session: Any, handle: Any, label: str) -> PublicKey:
    (kind,) = session.getAttributeValue(handle, [PyKCS11.CKA_KEY_TYPE])
    keytype = _PUBLIC.get(kind)
    if keytype == "ED25519":
        (point,) = session.getAttributeValue(handle, [PyKCS11.CKA_EC_POINT])
        # Tokens disagree whether the point is wrapped in an OCTET STRING.
        public = bytes(point).removeprefix(_WRAPPED) if len(point) > _POINT else bytes(point)
        return PublicKey.from_document({"keytype": keytype, "keyval": {"public": public.hex()}}, label)
    if keytype == "RSA":
        modulus, exponent = session.getAttributeValue(handle, [PyKCS11.CKA_MODULUS, PyKCS11.CKA_PUBLIC_EXPONENT])
        document = {"keytype": keytype, "keyval": {"public": _rsa_pem(bytes(modulus), bytes(exponent))}}
        return PublicKey.from_document(document, label, allow_rsa=True)
    raise InputError(
        "bad-key",
        f"`{label}` is neither an Ed25519 nor an RSA key",
        hint="make an Ed25519 key in the token",
        fields={"label": label, "type": int(kind)},
    )


def _rsa_pem(modulus: bytes, exponent: bytes) -> str:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    numbers = RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big"))
    return numbers.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _not_found(message: str, hint: str, module: Path | None) -> NotFoundError:
    return NotFoundError(
        "hsm-key-not-found", message, hint=hint, fields={} if module is None else {"module": str(module)}
    )
