"""What each role says: builders of ``signed``, without keys, clock or I/O.

- root: v1 and v2 are the same for CI and production; from v3 on production differs in its targets threshold alone.
- The online targets key stands first among the targets keyids; new keys are added at the end.
- A key that no role uses is dropped, and its owner with it.
- targets have no member beyond the four of the dialect: fioctl would drop it when it signs again.

Source: wire.md 2.9, 3.1, 3.3, 3.7.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundswell.errors import InputError
from groundswell.tuf.canonical import check_safe, cropped
from groundswell.tuf.documents import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from groundswell.tuf.keys import PublicKey
    from groundswell.tuf.root import RoleName

__all__ = ["Change", "OnlineKeys", "next_root", "production_of", "root_first", "snapshot", "targets", "timestamp"]


@dataclass(frozen=True, slots=True)
class OnlineKeys:
    """The public halves of the keys with which the factory signs by itself."""

    targets: PublicKey
    snapshot: PublicKey
    timestamp: PublicKey

    def as_dict(self) -> dict[RoleName, PublicKey]:
        """By the name of the role."""
        return {"targets": self.targets, "snapshot": self.snapshot, "timestamp": self.timestamp}


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes a root, when, and why: its changelog, and the owner of the keys that it adds.

    Args:
        polis_id: the user, as the API calls them.
        message: why, in printable ASCII without ``< > &``.
        at: when.
    """

    polis_id: str
    message: str
    at: datetime


def root_first(online: OnlineKeys, root: PublicKey, *, expires: datetime) -> dict[str, Any]:
    """The first root, the same for CI and production.

    Args:
        online: the factory's keys, one for each role that it signs by itself.
        root: the key of the root role.
        expires: when the root expires.
    """
    keys = {key.keyid: key.document for key in (root, online.targets, online.snapshot, online.timestamp)}
    roles = {name: {"keyids": [key.keyid], "threshold": 1} for name, key in online.as_dict().items()}
    return {
        "_type": "Root",
        "consistent_snapshot": False,
        "expires": format_instant(expires),
        "keys": keys,
        "roles": {"root": {"keyids": [root.keyid], "threshold": 1}} | roles,
        "version": 1,
    }


def next_root(
    previous: Mapping[str, Any],
    *,
    add: Mapping[RoleName, Iterable[PublicKey]] | None = None,
    remove: Mapping[RoleName, Iterable[str]] | None = None,
    replace: Mapping[RoleName, Mapping[str, PublicKey]] | None = None,
    thresholds: Mapping[RoleName, int] | None = None,
    expires: datetime | None = None,
    change: Change | None = None,
) -> dict[str, Any]:
    """The root after `previous`: version + 1, with the changes asked for and no other.

    Args:
        previous: the signed part of the root before; not changed.
        add: keys for each role, put at the end.
        remove: keyids that each role loses.
        replace: for each role, which keyid gives its place to which key. So an online key keeps the first place.
        thresholds: new thresholds, by role.
        expires: a new expiry; None keeps the old one.
        change: the changelog; None for a root without one.

    Returns:
        ``signed``, with keys that no role uses dropped.

    Raises:
        InputError: ``key-not-in-role`` for a key to be removed or replaced that the role does not list;
            ``key-already-in-role`` for one to be added that it does; ``unsafe-text`` for a message that not every
            agent would spell alike.
    """
    signed = copy.deepcopy(dict(previous))
    signed["version"] += 1
    if expires is not None:
        signed["expires"] = format_instant(expires)
    added: list[PublicKey] = []
    for name, replacements in (replace or {}).items():
        for keyid, key in replacements.items():
            keyids = _listed(signed, name, keyid)
            _check_new(keyids, name, key)
            keyids[keyids.index(keyid)] = key.keyid
            added.append(key)
    for name, gone in (remove or {}).items():
        for keyid in gone:
            _listed(signed, name, keyid).remove(keyid)
    for name, keys in (add or {}).items():
        for key in keys:
            keyids = signed["roles"][name]["keyids"]
            _check_new(keyids, name, key)
            keyids.append(key.keyid)
            added.append(key)
    for name, threshold in (thresholds or {}).items():
        signed["roles"][name]["threshold"] = threshold
    signed["keys"].update((key.keyid, key.document) for key in added)
    _note(signed, change, added)
    _drop_unused(signed)
    return signed


def production_of(ci_root: Mapping[str, Any], *, targets_threshold: int = 2) -> dict[str, Any]:
    """The production root that goes with a CI root: the same but for the targets threshold.

    Args:
        ci_root: the signed part of the CI root; not changed.
        targets_threshold: how many keys must sign production targets: the online one and an offline one.
    """
    signed = copy.deepcopy(dict(ci_root))
    signed["roles"]["targets"]["threshold"] = targets_threshold
    return signed


def targets(documents: Mapping[str, Any], *, version: int, expires: datetime) -> dict[str, Any]:
    """A targets role.

    Args:
        documents: ``{name: {"custom", "hashes", "length"}}``.
        version: the version of the role.
        expires: when it expires.
    """
    return {
        "_type": "Targets",
        "expires": format_instant(expires),
        "targets": dict(documents),
        "version": version,
    }


def snapshot(targets_bytes: bytes, targets_version: int, *, version: int, expires: datetime) -> dict[str, Any]:
    """The snapshot of one targets document.

    Args:
        targets_bytes: the whole document as it is served, signatures included.
        targets_version: the version of its role.
        version: the version of the snapshot.
        expires: when it expires.
    """
    return {
        "_type": "Snapshot",
        "expires": format_instant(expires),
        "meta": {"targets.json": _link(targets_bytes, targets_version)},
        "version": version,
    }


def timestamp(snapshot_bytes: bytes, snapshot_version: int, *, version: int, expires: datetime) -> dict[str, Any]:
    """The timestamp of one snapshot document.

    Args:
        snapshot_bytes: the whole document as it is served, signatures included.
        snapshot_version: the version of its role.
        version: the version of the timestamp.
        expires: when it expires.
    """
    return {
        "_type": "Timestamp",
        "expires": format_instant(expires),
        "meta": {"snapshot.json": _link(snapshot_bytes, snapshot_version)},
        "version": version,
    }


def _link(document: bytes, version: int) -> dict[str, Any]:
    return {"hashes": {"sha256": hashlib.sha256(document).hexdigest()}, "length": len(document), "version": version}


def _listed(signed: dict[str, Any], name: str, keyid: str) -> list[str]:
    keyids: list[str] = signed["roles"][name]["keyids"]
    if keyid not in keyids:
        raise InputError(
            "key-not-in-role",
            f"the role `{name}` does not list the key `{cropped(keyid)}`",
            hint=f"it lists {', '.join(f'`{listed}`' for listed in keyids)}",
            fields={"role": name, "keyid": keyid, "keyids": list(keyids)},
        )
    return keyids


def _check_new(keyids: list[str], name: str, key: PublicKey) -> None:
    if key.keyid in keyids:
        raise InputError(
            "key-already-in-role",
            f"the role `{name}` lists the key `{key.keyid}` already",
            hint="make a new key, or leave the root as it is",
            fields={"role": name, "keyid": key.keyid},
        )


def _note(signed: dict[str, Any], change: Change | None, added: Iterable[PublicKey]) -> None:
    signed.pop("x-changelog", None)
    if change is None:
        return
    at = format_instant(change.at)
    signed["x-changelog"] = {"message": change.message, "polis-id": change.polis_id, "timestamp": at}
    check_safe(signed["x-changelog"], "x-changelog")
    owners = signed.setdefault("x-key-owners", {})
    owners.update((key.keyid, {"created-at": at, "polis-id": change.polis_id}) for key in added)


def _drop_unused(signed: dict[str, Any]) -> None:
    used = {keyid for role in signed["roles"].values() for keyid in role["keyids"]}
    for member in ("keys", "x-key-owners"):
        if member in signed:
            signed[member] = {keyid: value for keyid, value in signed[member].items() if keyid in used}
    if not signed.get("x-key-owners", True):
        del signed["x-key-owners"]
