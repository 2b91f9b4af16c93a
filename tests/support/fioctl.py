"""A substitute for fioctl: sends the requests of its commands in their order, and reads the answers as it does.

Written from wire.md, section 2. It signs with the standard client library's own tarball, so it needs no key of ours.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from support import recorded
from support.tuf_forge import canonical_json

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

F = "/ota/factories/acme"
R = "/ota/repo/acme/api/v1/user_repo"
D = "/ota/devices"


class FioctlError(Exception):
    """What fioctl prints after ``ERROR:``, with the status."""

    def __init__(self, status: int, message: str, errors: list[str]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


@dataclass
class Fioctl:
    """fioctl with a token."""

    http: TestClient
    token: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request. A status other than 200, 201, 202 and 204 is an error, whose body must be of fioctl's shape."""
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"OSF-TOKEN": self.token, **headers}
        if content is not None:
            sent["Content-Type"] = "application/json"
        answer = self.http.request(method, path, content=content, headers=sent)
        if answer.status_code not in {200, 201, 202, 204}:
            assert answer.headers["content-type"] == "application/json", answer.text
            told = answer.json()
            assert isinstance(told["message"], str), told
            assert all(isinstance(line, str) for line in told["errors"]), told
            raise FioctlError(answer.status_code, told["message"], told["errors"])
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """A GET request."""
        return self.call("GET", path)

    # --- waves

    def waves_init(self, name: str, version: int, tag: str, keys: Path, prune: tuple[int, ...] = ()) -> Any:
        """``fioctl waves init``."""
        new = self.get(f"{F}/targets/?version={version}")
        assert new, "fioctl: no targets found for the version"
        try:
            production = self.get(f"{F}/prod-targets/?tag={tag}")[tag]["signed"]["targets"]
        except FioctlError as error:
            if error.status != 404:
                raise
            production = {}
        kept = {n: one for n, one in production.items() if int(one["custom"]["version"]) not in prune}
        for target in new.values():
            target["custom"]["tags"] = [tag]
        expires = (datetime.now(UTC) + timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = {"_type": "Targets", "expires": expires, "targets": kept | new, "version": version}
        body = {
            "name": name,
            "version": str(version),
            "tag": tag,
            "targets": {"signatures": [self._sign(keys, canonical_json(signed))], "signed": signed},
        }
        return self.call("POST", f"{F}/waves/", body)

    def waves_sign(self, name: str, keys: Path) -> Any:
        """``fioctl waves sign``."""
        signed = self.get(f"{F}/waves/{name}/?show-targets=1")["targets"]["signed"]
        return self.call("POST", f"{F}/waves/{name}/sign/", {"signatures": [self._sign(keys, canonical_json(signed))]})

    def rollout(self, name: str, *, headers: dict[str, str] | None = None, **asked: Any) -> Any:
        """``fioctl waves rollout``; names have ``_`` for ``-``."""
        body = {"dry-run": False, "return-uuids": False, "return-names": False}
        body |= {key.replace("_", "-"): value for key, value in asked.items()}
        result = self.call("POST", f"{F}/waves/{name}/rollout/", body, **(headers or {}))
        for flag in ("uuids", "names"):  # fioctl indexes the lists up to `device-num`
            assert len(result[f"device-{flag}"]) == (result["device-num"] if body[f"return-{flag}"] else 0)
        return result

    def _sign(self, keys: Path, data: bytes) -> dict[str, str]:
        """Sign with the key of a tarball that the root allows for targets, the online key apart."""
        root = self.get(f"{R}/root.json")["signed"]
        online = self.get(f"{F}/ci-targets.pub")["keyval"]["public"]
        entries = recorded.entries(keys)
        for keyid in root["roles"]["targets"]["keyids"]:
            public = root["keys"][keyid]["keyval"]["public"]
            for name, entry in entries.items():
                if name.endswith(".pub") and json.loads(entry)["keyval"]["public"] == public != online:
                    seed = json.loads(entries[name.removesuffix(".pub") + ".sec"])["keyval"]["private"]
                    signature = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).sign(data)
                    return {"keyid": keyid, "method": "ed25519", "sig": base64.b64encode(signature).decode()}
        raise AssertionError("fioctl: no private key found for key IDs")
