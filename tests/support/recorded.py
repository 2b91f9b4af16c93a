"""Reads the recorded test data with only the standard library."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data" / "tuf"
GATEWAYS = ("prod-41", "wave-42")
TARBALLS = ("root", "targets", "k2")
SERVED = ("timestamp.json", "snapshot.json", "targets.json")


def request_bytes(number: str) -> bytes:
    (path,) = (DATA / "requests").glob(f"{number}-*.json")
    return path.read_bytes()


def request(number: str) -> Any:
    return json.loads(request_bytes(number))


def gateway(name: str) -> Path:
    return DATA / "gateway" / name


def tarball(name: str) -> Path:
    return DATA / "offline-keys" / f"{name}.tgz"


def entries(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
    return found


def seeds() -> dict[str, str]:
    """Every recorded private key, by our names: the online roles, first-root, root, targets, k2."""
    found: dict[str, str] = json.loads((DATA / "offline-keys" / "online-keys.seed.json").read_text())
    found["first-root"] = found.pop("root")
    for name in TARBALLS:
        for entry, data in entries(tarball(name)).items():
            if entry.endswith(".sec") and "first-root" not in entry:
                found["offline-" + name] = json.loads(data)["keyval"]["private"]
    return found


def signed_as_sent(data: bytes, *path: str) -> bytes:
    """The bytes of the member ``signed`` below `path`, cut out of a request as they were sent."""
    decoder = json.JSONDecoder()
    text = data.decode()
    at = 0
    for key in (*path, "signed"):
        at = text.index(f'"{key}":', at) + len(key) + 3
    return text[at : decoder.raw_decode(text, at)[1]].encode()
