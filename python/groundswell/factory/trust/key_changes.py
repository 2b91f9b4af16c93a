"""Changes of keys, as values: what a change does to a root, and which change a root that follows another one makes.

A change is recovered from the document alone, and composed again: what differs from that is refused.

Source: wire.md 2.9.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from groundswell.errors import GroundswellError, InputError, TrustError
from groundswell.tuf import read_root
from groundswell.tuf.documents import parse_instant
from groundswell.tuf.roles import Change, next_root

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from groundswell.tuf import Document, PublicKey, Root
    from groundswell.tuf.root import RoleName

__all__ = ["ROOT_LIFE", "ComposedBy", "KeyChange", "change_between", "online_not_offline", "signable"]

ROOT_LIFE: Final = timedelta(days=365)
_MAX_USER: Final = 64
"""A root must stay below 64 KiB, and names each user for each key."""

_ROTATE_ONLINE: Final = "Rotate online keys: "

Kind = Literal["init-root", "init-targets", "add-targets", "rotate-root", "rotate-targets", "rotate-online"]


@dataclass(frozen=True, slots=True)
class ComposedBy:
    """Who composed a root, and when: a part of what the root says.

    Args:
        user: the user, as `signable` spells the name.
        at: the instant; the root expires a year later.
    """

    user: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """What the next root changes.

    Args:
        kind: which change it is.
        replace: for each role, which keyid gives way to which key.
        add: for each role, the keys that are added at the end.
    """

    kind: Kind
    replace: Mapping[RoleName, Mapping[str, PublicKey]] = field(default_factory=dict)
    add: Mapping[RoleName, tuple[PublicKey, ...]] = field(default_factory=dict)

    @classmethod
    def init_root(cls, first: str, new: PublicKey) -> KeyChange:
        """The first offline root key replaces the factory's own."""
        return cls(kind="init-root", replace={"root": {first: new}})

    @classmethod
    def init_targets(cls, new: PublicKey) -> KeyChange:
        """The first offline targets key."""
        return cls(kind="init-targets", add={"targets": (new,)})

    @classmethod
    def add_targets(cls, new: PublicKey) -> KeyChange:
        """One more offline targets key."""
        return cls(kind="add-targets", add={"targets": (new,)})

    @classmethod
    def rotate_root(cls, old: str, new: PublicKey) -> KeyChange:
        """Another offline root key."""
        return cls(kind="rotate-root", replace={"root": {old: new}})

    @classmethod
    def rotate_targets(cls, old: str, new: PublicKey) -> KeyChange:
        """Another offline targets key."""
        return cls(kind="rotate-targets", replace={"targets": {old: new}})

    @classmethod
    def rotate_online(cls, replace: Mapping[RoleName, Mapping[str, PublicKey]]) -> KeyChange:
        """Other online keys."""
        return cls(kind="rotate-online", replace=replace)

    @property
    def new_keys(self) -> list[PublicKey]:
        """The keys that the next root lists and this one does not."""
        replaced = [key for keys in self.replace.values() for key in keys.values()]
        return replaced + [key for keys in self.add.values() for key in keys]

    @property
    def action(self) -> str:
        """What the audit log calls it."""
        return {
            "init-root": "keys init",
            "init-targets": "keys init",
            "add-targets": "keys add-targets",
            "rotate-root": "keys rotate root",
            "rotate-targets": "keys rotate targets",
            "rotate-online": "keys rotate online",
        }[self.kind]

    @property
    def summary(self) -> str:
        """One sentence about it for the audit log."""
        new = self.new_keys[0].keyid
        return {
            "init-root": "took the root offline",
            "init-targets": "took the root offline",
            "add-targets": f"added the targets key {new}",
            "rotate-root": f"rotated the root key to {new}",
            "rotate-targets": f"rotated a targets key to {new}",
            "rotate-online": f"rotated the online keys of {', '.join(self.replace)}",
        }[self.kind]

    def applied_to(self, signed: Mapping[str, Any], by: ComposedBy) -> dict[str, Any]:
        """What the next CI root says.

        Args:
            signed: what the latest one says.
            by: who composes it, and when.
        """
        message = {
            "init-root": "Take the root key offline",
            "init-targets": "Add the first offline targets key",
            "add-targets": "Add an offline targets key",
            "rotate-root": "Rotate the offline root key",
            "rotate-targets": "Rotate an offline targets key",
            "rotate-online": _ROTATE_ONLINE + ", ".join(self.replace),
        }[self.kind]
        return next_root(
            signed,
            replace=self.replace,
            add=self.add,
            expires=by.at + ROOT_LIFE,
            change=Change(by.user, message, by.at),
        )


def change_between(
    old: Root, new: Document, *, first: bool, own_key: Callable[[RoleName], str], label: str
) -> tuple[KeyChange, ComposedBy]:
    """The change that a CI root makes, and who composed it.

    Args:
        old: the root before.
        new: what `groundswell.tuf.signing.parse_signed` returned.
        first: whether the new root is one of the two that take the root offline.
        own_key: the keyid of the factory's own key for a role, in the old root.
        label: what to call the new root in an error.

    Raises:
        TrustError: ``not-composed`` for a root that no change of the factory makes; ``keyid-mismatch``.
        InputError: ``bad-metadata``, ``bad-key``, ``rsa-key``.
    """
    root = read_root(new, label, allow_rsa=True)
    gone: dict[RoleName, list[str]] = {}
    added: dict[RoleName, list[PublicKey]] = {}
    for role in old.roles:
        before, after = old.roles[role].keyids, root.roles[role].keyids
        if lost := [keyid for keyid in before if keyid not in after]:
            gone[role] = lost
        if found := [root.keys[keyid] for keyid in after if keyid not in before]:
            added[role] = found
    change = _change(gone, added, first=first, own_key=own_key)
    if change is not None and change.kind == "rotate-online":
        change = KeyChange.rotate_online(_in_named_order(change.replace, new))
    composed = _composed_by(new)
    if change is None or composed is None:
        raise TrustError(
            "not-composed",
            f"`{label}` is not a root that the factory would compose now",
            hint="nothing was changed; compose the change of keys again, and sign that",
            fields={"source": label, "place": "$.roles" if change is None else '$["x-changelog"]'},
        )
    return change, composed


def _change(
    gone: Mapping[RoleName, list[str]],
    added: Mapping[RoleName, list[PublicKey]],
    *,
    first: bool,
    own_key: Callable[[RoleName], str],
) -> KeyChange | None:
    """The change that takes some keys from roles and gives them others; None if there is no such change."""
    if not gone and list(added) == ["targets"] and len(added["targets"]) == 1:
        (new,) = added["targets"]
        return KeyChange.init_targets(new) if first else KeyChange.add_targets(new)
    swapped = gone.keys() == added.keys() and all(len(gone[role]) == len(added[role]) == 1 for role in gone)
    replace = {role: {gone[role][0]: added[role][0]} for role in gone} if swapped else {}
    if list(replace) == ["root"]:
        ((old, new),) = replace["root"].items()
        return KeyChange.init_root(old, new) if first else KeyChange.rotate_root(old, new)
    if not replace or first or "root" in replace:
        return None
    if all(list(keys) == [own_key(role)] for role, keys in replace.items()):
        return KeyChange.rotate_online(replace)
    return KeyChange(kind="rotate-targets", replace=replace) if list(replace) == ["targets"] else None


def _in_named_order(
    replace: Mapping[RoleName, Mapping[str, PublicKey]], new: Document
) -> Mapping[RoleName, Mapping[str, PublicKey]]:
    """The roles in the order in which the changelog names them, if it names just these."""
    note = new.signed.get("x-changelog")
    message = note.get("message") if isinstance(note, dict) else None
    named = message.removeprefix(_ROTATE_ONLINE).split(", ") if isinstance(message, str) else []
    order = [role for name in named for role in replace if role == name]
    return {role: replace[role] for role in order} if len(order) == len(named) == len(replace) else replace


def _composed_by(new: Document) -> ComposedBy | None:
    note = new.signed.get("x-changelog")
    if not isinstance(note, dict) or not isinstance(note.get("polis-id"), str):
        return None
    if note["polis-id"] != signable(note["polis-id"]):
        return None
    try:
        return ComposedBy(note["polis-id"], parse_instant(note.get("timestamp"), "timestamp"))
    except GroundswellError:
        return None


def signable(user: str) -> str:
    """The name of a user in the characters that every device agent spells alike: ASCII without ``< > &``, not long.

    >>> signable("Zoë <zoe@example.com>")
    'Zoe _zoe@example.com_'
    """
    ascii_text = unicodedata.normalize("NFKD", user).encode("ascii", "ignore").decode()
    return re.sub(r"[^ -~]|[<>&]", "_", ascii_text)[:_MAX_USER].strip() or "unknown"


def online_not_offline(keyid: str) -> InputError:
    """The error about an online targets key where an offline one is to be replaced."""
    return InputError(
        "key-not-in-role",
        f"the key `{keyid}` is an online key, not an offline targets key",
        hint="the rotation of online keys replaces it",
        fields={"role": "targets", "keyid": keyid},
    )
