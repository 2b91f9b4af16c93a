"""One file as a device reads it: bounded, strict, canonical.

The agents spell a document anew before they verify it, and each must come to the bytes that were served. The spelling
here is securesystemslib's; those of the agents agree with it on printable ASCII without ``< > &``, so anything else in
a file is refused.

Source: wire.md 3.1, 3.5, 3.6 (limits).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn

from groundswell.errors import InputError, TrustError
from groundswell.input_files import read_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Evidence", "malformed", "read_evidence", "refusal"]

_LIMITS: Final = {"Root": 64 << 10, "Timestamp": 16_384, "Snapshot": 64 << 10, "Targets": 5_000_000}
"""The smallest limits among the agents, in bytes."""

_MAX_VERSION: Final = 2**31 - 1
_MAX_DEPTH: Final = 64
_SAFE: Final = re.compile(rb"[ -%'-;=?-~]*")
_EXPIRES: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that is what it says it is, as far as can be told without keys.

    Args:
        file: its name, for errors.
        data: its bytes.
        signed: its signed part.
        signed_bytes: the canonical bytes of it.
        signatures: keyid, method and sig of each.
        version: of the role.
        expires: of the role.
    """

    file: str
    data: bytes
    signed: dict[str, Any]
    signed_bytes: bytes
    signatures: list[tuple[str, str, str]]
    version: int
    expires: datetime


def read_evidence(path: Path, kind: str) -> Evidence:
    """Read one file.

    Args:
        path: the file.
        kind: what its ``_type`` must be.

    Raises:
        InputError: ``broken-json``.
        TrustError: ``metadata-too-large``, ``malformed-metadata``, ``wrong-role``, ``metadata-not-canonical``,
            ``unsafe-metadata``, ``repeated-signature``.
        NotFoundError, StorageError: as `read_file`.
    """
    file = str(path)
    data = read_file(path, at_most=_LIMITS[kind] + 1)
    if len(data) > _LIMITS[kind]:
        raise refusal(
            "metadata-too-large",
            file,
            f"is larger than the {_LIMITS[kind]} bytes that agents take for a {kind.lower()}",
        )
    document = _strict(data, file)
    _check_texts(document, file, kind)
    if not isinstance(document, dict) or not isinstance(document.get("signed"), dict):
        raise malformed(file, 'has no object "signed"')
    signed = document["signed"]
    if signed.get("_type") != kind:
        raise refusal("wrong-role", file, f"is a `{str(signed.get('_type'))[:40]}` where a `{kind}` belongs")
    if data != _spelled(document):
        raise refusal(
            "metadata-not-canonical", file, "is not in canonical JSON, so that agents compute other hashes over it"
        )
    if (end := _safe_until(data)) < len(data):
        raise refusal(
            "unsafe-metadata", file, f"holds the byte 0x{data[end]:02x} at {end}, which not every agent spells alike"
        )
    version, expires = signed.get("version"), signed.get("expires")
    if type(version) is not int or not 1 <= version <= _MAX_VERSION:
        raise malformed(file, f"has no version from 1 to {_MAX_VERSION}")
    return Evidence(file, data, signed, _spelled(signed), _signatures(document, file), version, _instant(expires, file))


def _check_texts(document: Any, file: str, kind: str) -> None:
    r"""Refuse deep nesting, and line breaks but in the PEM text of a root's RSA key; a walk without recursion.

    go-tuf spells a line break as it is and the others as ``\n``, so that one of them refuses the signature.
    """
    waiting: list[tuple[Any, tuple[str, ...]]] = [(document, ())]
    while waiting:
        value, path = waiting.pop()
        if len(path) > _MAX_DEPTH:
            raise _broken(file, "nested too deeply")
        if isinstance(value, dict):
            waiting += [(key, (*path, "a key")) for key in value]
            waiting += [(item, (*path, key)) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(item, (*path, str(at))) for at, item in enumerate(value)]
        elif isinstance(value, str) and "\n" in value and not _is_pem(value, path, kind):
            where = ".".join(path)[:80]
            raise refusal(
                "unsafe-metadata",
                file,
                f"holds a line break in `{where}`, which not every agent spells alike",
                path=where,
            )


def _is_pem(value: str, path: tuple[str, ...], kind: str) -> bool:
    is_key = kind == "Root" and path[:2] == ("signed", "keys") and path[3:] == ("keyval", "public")
    return is_key and value.startswith("-----BEGIN ")


def refusal(code: str, file: str, what: str, **fields: Any) -> TrustError:
    """Why a device would refuse a file.

    Args:
        code: the slug; each refusal has its own.
        file: the file, as the beginning of the sentence.
        what: the rest of it.
        fields: the same facts as data.
    """
    return TrustError(
        code,
        f"`{file}` {what}",
        hint="a device would refuse this; publish the metadata again from the factory",
        fields={"file": file, "reason": what} | fields,
    )


def malformed(file: str, what: str) -> TrustError:
    """A file that is JSON, but not of the form of its role."""
    return refusal("malformed-metadata", file, what)


def _strict(data: bytes, file: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key is there twice")
        return dict(pairs)

    def no_number(text: str) -> NoReturn:
        raise ValueError(f"`{text[:20]}` is not an integer")

    try:
        return json.loads(data.decode(), object_pairs_hook=once, parse_float=no_number, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise _broken(file, str(error)[:100] if isinstance(error, ValueError) else "nested too deeply") from error


def _broken(file: str, what: str) -> InputError:
    return InputError(
        "broken-json",
        f"`{file}` is not strict JSON: {what}",
        hint="publish the metadata again from the factory",
        fields={"file": file, "source": file, "reason": what},
    )


def _spelled(value: Any) -> bytes:
    from securesystemslib.formats import encode_canonical

    # The one line break that the dialect knows is inside the PEM text of an RSA key, where files spell it as \n.
    return (str(encode_canonical(value))).replace("\n", "\\n").encode("utf-8", "surrogatepass")


def _safe_until(data: bytes) -> int:
    found = _SAFE.match(data)
    return 0 if found is None else found.end()


def _signatures(document: dict[str, Any], file: str) -> list[tuple[str, str, str]]:
    written = document.get("signatures")
    if not isinstance(written, list):
        raise malformed(file, 'has no list "signatures"')
    found: list[tuple[str, str, str]] = []
    for signature in written:
        members = signature if isinstance(signature, dict) else {}
        keyid, method, sig = (members.get(part) for part in ("keyid", "method", "sig"))
        if not isinstance(keyid, str) or not isinstance(method, str) or not isinstance(sig, str):
            raise malformed(file, "has a signature without keyid, method and sig")
        if any(keyid == earlier for earlier, _, _ in found):
            raise refusal("repeated-signature", file, f"bears two signatures of the key `{keyid[:64]}`", keyid=keyid)
        found.append((keyid, method, sig))
    return found


def _instant(text: Any, file: str) -> datetime:
    if isinstance(text, str) and _EXPIRES.fullmatch(text):
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            pass
    raise malformed(file, "has no expiry of the form YYYY-MM-DDTHH:MM:SSZ")
