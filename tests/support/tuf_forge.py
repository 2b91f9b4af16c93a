"""Creates and corrupts metadata without any code of groundswell: canonical JSON is that of securesystemslib, signatures
are those of cryptography, and the keys are the recorded ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.formats import encode_canonical

from support import recorded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SEEDS = recorded.seeds()
ROLE_OF = {"timestamp.json": "timestamp", "snapshot.json": "snapshot", "targets.json": "targets"}
ONLINE_AND_OFFLINE = ("targets", "offline-targets")


def canonical_json(value: Any) -> bytes:
    return str(encode_canonical(value)).encode()


def private(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SEEDS[name]))


def keyid(name: str) -> str:
    spki = private(name).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def key_document(name: str) -> dict[str, Any]:
    return {"keytype": "ED25519", "keyval": {"public": private(name).public_key().public_bytes_raw().hex()}}


def signature(name: str, data: bytes) -> dict[str, str]:
    sig = base64.b64encode(private(name).sign(data)).decode()
    return {"keyid": keyid(name), "method": "ed25519", "sig": sig}


class Repository:
    """A recorded repository that can be changed and written to another folder."""

    def __init__(self, name: str = "prod-41") -> None:
        self.files = {path.name: path.read_bytes() for path in recorded.gateway(name).iterdir()}

    def document(self, name: str) -> Any:
        return json.loads(self.files[name])

    def put(self, name: str, document: Any) -> None:
        self.files[name] = canonical_json(document)

    def sign(self, name: str, signed: Any, keys: Iterable[str]) -> None:
        self.put(name, {"signatures": [signature(key, canonical_json(signed)) for key in keys], "signed": signed})

    def edit(self, name: str, keys: Iterable[str], /, **changes: Any) -> None:
        """Change members of ``signed``, and sign the document again."""
        self.sign(name, self.document(name)["signed"] | changes, keys)

    def relink(self, **versions: int) -> None:
        """Update the hashes: of targets in the snapshot, and of the snapshot in the timestamp."""
        for name, below in (("snapshot.json", "targets.json"), ("timestamp.json", "snapshot.json")):
            role = ROLE_OF[name]
            data = self.files[below]
            link = {
                "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
                "length": len(data),
                "version": self.document(below)["signed"]["version"],
            }
            version = versions.get(role, self.document(name)["signed"]["version"])
            self.edit(name, [role], meta={below: link}, version=version)

    def write(self, folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
        return folder
