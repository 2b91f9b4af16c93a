"""Signed documents: the envelope, and what every role has in common.

What was signed is kept as the bytes that came, never as a value that is spelled anew.

Source: wire.md 3.1, 3.5.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from groundswell import _core
from groundswell.errors import InputError, TrustError
from groundswell.tuf.canonical import canonical, cropped, is_canonical, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_VERSION", "Document", "RoleType", "assemble", "format_instant", "parse_document", "parse_instant"]

RoleType = Literal["Root", "Targets", "Snapshot", "Timestamp"]

MAX_VERSION: Final = _core.MAX_VERSION
"""Some agents keep versions in 32 bits."""

_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_HOLDS: Final[dict[RoleType, tuple[str, ...]]] = {
    "Root": ("keys", "roles"),
    "Targets": ("targets",),
    "Snapshot": ("meta",),
    "Timestamp": ("meta",),
}


@dataclass(frozen=True, slots=True)
class Document:
    """A signed document as it came.

    Args:
        type: its ``_type``.
        signed: what it says; not to be changed.
        signed_bytes: the bytes of ``signed``, exactly as they stand in `raw`.
        signatures: as they stand in it.
        raw: the whole document.
    """

    type: RoleType
    signed: dict[str, Any]
    signed_bytes: bytes
    signatures: tuple[dict[str, Any], ...]
    raw: bytes

    @property
    def version(self) -> int:
        """The version of the role, 1 or more."""
        version: int = self.signed["version"]
        return version

    @property
    def expires(self) -> datetime:
        """When it ceases to be valid, UTC."""
        return parse_instant(self.signed["expires"], "expires")

    @property
    def keyids(self) -> tuple[str, ...]:
        """Who claims to have signed it."""
        return tuple(signature["keyid"] for signature in self.signatures)


def parse_document(data: bytes, role_type: RoleType, label: str) -> Document:
    """Read a signed document of one role.

    Args:
        data: the bytes; they need not be canonical (fioctl's are not), but strict JSON.
        role_type: what its ``_type`` must be, letter for letter.
        label: what to call it in an error.

    Returns:
        The document; no signature is verified.

    Raises:
        InputError: ``broken-json`` and ``ambiguous-json`` as in `canonical.parse`; ``bad-metadata`` where a member is
            missing or has the wrong form.
        TrustError: ``wrong-role`` for a document of another ``_type``.

    Cost: linear.

    >>> signed = b'{"_type": "Targets", "expires": "2030-01-01T00:00:00Z", "targets": {}, "version": 7}'
    >>> document = parse_document(b'{"signatures": [], "signed": %b}' % signed, "Targets", "targets.json")
    >>> document.version, document.signed_bytes == signed
    (7, True)
    """
    document = parse(data, label)
    if not isinstance(document, dict) or set(document) != {"signatures", "signed"}:
        raise _bad(label, "", 'is not an object with exactly "signatures" and "signed"')
    signatures, signed = document["signatures"], document["signed"]
    if not isinstance(signatures, list) or not all(_is_signature(signature) for signature in signatures):
        raise _bad(label, "signatures", 'is not a list of objects with the texts "keyid", "method" and "sig"')
    _check_signed(signed, role_type, label)
    return Document(role_type, signed, _span_of(data, "signed"), tuple(signatures), data)


def assemble(signed_bytes: bytes, signatures: Iterable[dict[str, Any]]) -> bytes:
    """Put a document together: its canonical bytes, as they are kept and served.

    Args:
        signed_bytes: what was signed, canonical.
        signatures: in the order in which they are to stand.

    Raises:
        InputError: ``not-canonical`` where agents would spell the signed part in another way than it was signed.

    Cost: linear.

    >>> assemble(b'{"a":1}', [{"sig": "x", "keyid": "k", "method": "m"}])
    b'{"signatures":[{"keyid":"k","method":"m","sig":"x"}],"signed":{"a":1}}'
    """
    if not is_canonical(signed_bytes):
        raise InputError(
            "not-canonical",
            "the signed part is not in canonical JSON, so that devices would refuse its signatures",
            hint="sign the canonical bytes: keys sorted, no white space",
            fields={"beginning": cropped(signed_bytes.decode("utf-8", "replace"))},
        )
    return b'{"signatures":' + canonical(list(signatures)) + b',"signed":' + signed_bytes + b"}"


def parse_instant(text: Any, label: str) -> datetime:
    """Read an instant of the dialect: exactly ``YYYY-MM-DDTHH:MM:SSZ``.

    Raises:
        InputError: ``bad-instant`` for any other spelling; some agents refuse fractions and offsets.

    >>> parse_instant("2027-11-23T15:44:01Z", "expires").isoformat()
    '2027-11-23T15:44:01+00:00'
    """
    if isinstance(text, str) and _INSTANT.fullmatch(text):
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            pass
    raise InputError(
        "bad-instant",
        f"`{label}` is `{cropped(str(text))}`, which is not an instant of metadata",
        hint="spell it in UTC and whole seconds, such as 2027-11-23T15:44:01Z",
        fields={"name": label, "value": cropped(str(text))},
    )


def format_instant(when: datetime) -> str:
    """Spell an instant for metadata, a begun second not counted.

    Raises:
        InputError: ``bad-instant`` for a datetime without a time zone.

    >>> format_instant(datetime(2027, 11, 23, 15, 44, 1, 999, tzinfo=UTC))
    '2027-11-23T15:44:01Z'
    """
    if when.utcoffset() is None:
        raise InputError(
            "bad-instant",
            f"`{when}` has no time zone",
            hint="give an instant with a time zone",
            fields={"value": str(when), "type": "datetime"},
        )
    # Not strftime("%Y"): that writes years before 1000 with fewer than four digits on some systems.
    return when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _is_signature(signature: Any) -> bool:
    return isinstance(signature, dict) and all(
        isinstance(signature.get(member), str) for member in ("keyid", "method", "sig")
    )


def _check_signed(signed: Any, role_type: RoleType, label: str) -> None:
    if not isinstance(signed, dict):
        raise _bad(label, "signed", "is not an object")
    if signed.get("_type") != role_type:
        raise TrustError(
            "wrong-role",
            f"`{label}` says that it is `{cropped(str(signed.get('_type')))}`, not `{role_type}`",
            hint="a document of another role was put in its place; roles are spelled with a capital letter",
            fields={"source": label, "type": cropped(str(signed.get("_type"))), "expected": role_type},
        )
    version = signed.get("version")
    if type(version) is not int or not 1 <= version <= MAX_VERSION:
        raise _bad(label, "signed.version", f"is not an integer from 1 to {MAX_VERSION}")
    try:
        parse_instant(signed.get("expires"), "signed.expires")
    except InputError as error:
        raise _bad(label, "signed.expires", "is not an instant such as 2027-11-23T15:44:01Z") from error
    for member in _HOLDS[role_type]:
        if not isinstance(signed.get(member), dict):
            raise _bad(label, f"signed.{member}", "is not an object")


def _bad(label: str, member: str, what: str) -> InputError:
    return InputError(
        "bad-metadata",
        f"`{member}` of `{label}` {what}" if member else f"`{label}` {what}",
        hint="this is not metadata of the dialect that the devices read",
        fields={"source": label, "member": member, "reason": what},
    )


def _span_of(data: bytes, member: str) -> bytes:
    """The bytes of one member of an object that `parse` has accepted, so each key is there once."""
    text = data.decode()
    decoder = json.JSONDecoder()
    at = _after_space(text, _after_space(text, 0) + 1)
    while True:
        key, end = decoder.raw_decode(text, at)
        start = _after_space(text, _after_space(text, end) + 1)
        _, end = decoder.raw_decode(text, start)
        if key == member:
            return text[start:end].encode()
        at = _after_space(text, _after_space(text, end) + 1)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
