"""What a root says: which keys there are, and who may sign which role.

Source: wire.md 3.1 to 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from groundswell.errors import InputError, TrustError
from groundswell.tuf.canonical import cropped
from groundswell.tuf.keys import PublicKey

if TYPE_CHECKING:
    from groundswell.tuf.documents import Document

__all__ = ["ROLES", "Role", "RoleName", "Root", "read_root"]

RoleName = Literal["root", "targets", "snapshot", "timestamp"]

ROLES: Final[tuple[RoleName, ...]] = ("root", "targets", "snapshot", "timestamp")
"""The names of the roles, as ``roles`` of a root spells them."""

_MAX_THRESHOLD: Final = 1000


@dataclass(frozen=True, slots=True)
class Role:
    """Who may sign a role.

    Args:
        keyids: the keys, in the order of the root.
        threshold: how many of them must.
    """

    keyids: tuple[str, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class Root:
    """A root as types.

    Args:
        version: its version.
        keys: every key, by keyid.
        roles: the four roles, by name.
    """

    version: int
    keys: dict[str, PublicKey]
    roles: dict[RoleName, Role]

    def keys_of(self, role: RoleName) -> tuple[PublicKey, ...]:
        """The keys that may sign a role, in the order of the root."""
        return tuple(self.keys[keyid] for keyid in self.roles[role].keyids)


def read_root(document: Document | dict[str, Any], label: str = "the root", *, allow_rsa: bool = False) -> Root:
    """Read the signed part of a root.

    Args:
        document: a document of the type Root, or its signed part.
        label: what to call it in an error.
        allow_rsa: as in `PublicKey.from_document`.

    Raises:
        InputError: ``bad-metadata`` for what is not of the form of a root; ``bad-key`` and ``rsa-key``.
        TrustError: ``keyid-mismatch`` for a key that stands under an id which is not its own.

    Cost: linear in the number of keys.
    """
    signed = document if isinstance(document, dict) else document.signed
    keys: dict[str, PublicKey] = {}
    for keyid, written in signed["keys"].items():
        key = PublicKey.from_document(written, f"the key {cropped(keyid)} of {label}", allow_rsa=allow_rsa)
        if key.keyid != keyid:
            raise TrustError(
                "keyid-mismatch",
                f"`{label}` lists the key `{key.keyid}` under the id `{cropped(keyid)}`",
                hint="a key's id is the SHA-256 of its SubjectPublicKeyInfo; this root was not made for these devices",
                fields={"source": label, "keyid": cropped(keyid), "computed": key.keyid},
            )
        keys[keyid] = key
    roles: dict[RoleName, Role] = {name: _role(signed["roles"].get(name), name, keys, label) for name in ROLES}
    return Root(signed["version"], keys, roles)


def _role(written: Any, name: str, keys: dict[str, PublicKey], label: str) -> Role:
    if not isinstance(written, dict) or not isinstance(written.get("keyids"), list):
        raise _bad(label, f"roles.{name}", 'is not an object with a list "keyids"')
    keyids, threshold = written["keyids"], written.get("threshold")
    if type(threshold) is not int or not 1 <= threshold <= _MAX_THRESHOLD:
        raise _bad(label, f"roles.{name}.threshold", f"is not an integer from 1 to {_MAX_THRESHOLD}")
    if not all(isinstance(keyid, str) for keyid in keyids) or len(set(keyids)) != len(keyids):
        raise _bad(label, f"roles.{name}.keyids", "is not a list of different texts")
    for keyid in keyids:
        if keyid not in keys:
            raise _bad(label, f"roles.{name}.keyids", f"names the key `{cropped(keyid)}`, which is not among `keys`")
    return Role(tuple(keyids), threshold)


def _bad(label: str, member: str, what: str) -> InputError:
    return InputError(
        "bad-metadata",
        f"`{member}` of `{label}` {what}",
        hint="this is not a root of the dialect that the devices read",
        fields={"source": label, "member": member, "reason": what},
    )
