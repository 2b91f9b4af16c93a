"""What the latest root of a chain says, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundswell.factory.trust.online_keys import ONLINE_ROOT_VERSION
from groundswell.tuf import read_root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from groundswell.factory.trust.online_keys import OnlineKeyring
    from groundswell.factory.trust.roots import Repository, Roots

__all__ = ["KeyFact", "KeysView", "keys_view"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFact:
    """A key of the latest root.

    Args:
        role: the role that it signs.
        keyid: its id.
        keytype: ``ED25519`` or ``RSA``.
        online: whether the factory holds its private half.
        owner: who added it; None for the keys of the first root.
        created_at: when, as the root spells it.
    """

    role: str
    keyid: str
    keytype: str
    online: bool
    owner: str | None
    created_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysView:
    """What the latest root of a chain says.

    Args:
        repository: ``ci`` or ``production``.
        role_version: its version.
        expires: when it expires.
        thresholds: how many keys must sign each role.
        keys: its keys, by role in the order of the root.
        ready: whether waves can be signed: there are offline keys of root and targets.
        root: the document, as it is served.
    """

    repository: str
    role_version: int
    expires: datetime
    thresholds: Mapping[str, int]
    keys: tuple[KeyFact, ...]
    ready: bool
    root: bytes


def keys_view(roots: Roots, keyring: OnlineKeyring, repository: Repository) -> KeysView:
    """What the latest root of a chain says."""
    document = roots.latest(repository)
    root = read_root(document, f"the {repository} root", allow_rsa=True)
    owners = document.signed.get("x-key-owners", {})
    facts = [
        KeyFact(
            role=role,
            keyid=key.keyid,
            keytype=key.keytype,
            online=keyring.has(key.keyid),
            owner=owners.get(key.keyid, {}).get("polis-id"),
            created_at=owners.get(key.keyid, {}).get("created-at"),
        )
        for role in root.roles
        for key in root.keys_of(role)
    ]
    return KeysView(
        repository=repository,
        role_version=document.version,
        expires=document.expires,
        thresholds={role: root.roles[role].threshold for role in root.roles},
        keys=tuple(facts),
        ready=document.version > ONLINE_ROOT_VERSION,
        root=document.raw,
    )
