"""The keys of a factory: the first offline keys, more of them, rotation; and what the roots say.

Tarballs are written, synced and in their place before the commit that refers to the keys in them. So a crash leaves a
tarball with a key that no root lists yet, and the same command, run again, takes that key up instead of making another.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, StateError, StorageError, TrustError
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.trust.offline_keys import (
    OfflineKeys,
    holds_listed,
    refuse_inside,
    refuse_same,
    with_first_root,
    write_if_new,
    wrong_role,
)
from groundswell.factory.trust.online_keys import ONLINE_ROLES, ONLINE_ROOT_VERSION, remove_retired
from groundswell.factory.trust.publisher import TAG_VARIANT
from groundswell.factory.trust.resigning import resigned, resigned_waves
from groundswell.factory.trust.roots import REPOSITORIES, new_links
from groundswell.store import put
from groundswell.tuf import (
    PrivateKey,
    parse_document,
    read_root,
    read_tarball,
    signer_of,
)
from groundswell.tuf.roles import Change as RootChange
from groundswell.tuf.roles import next_root
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from groundswell.factory.trust.offline_keys import OfflineRole
    from groundswell.factory.trust.online_keys import OnlineKeyring
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.roots import Repository, Roots
    from groundswell.store import Change
    from groundswell.tuf import PublicKey, Root
    from groundswell.tuf.root import RoleName
    from groundswell.tuf.signers import Signer

    Tarballs = Mapping[Path, Mapping[str, bytes]]

__all__ = ["ONLINE_ROLES", "ROOT_LIFE", "KeyFact", "Keys", "KeysView"]

ROOT_LIFE: Final = timedelta(days=365)
_MAX_USER: Final = 64
"""A root must stay below 64 KiB, and names each user for each key."""


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


@of_one_process
@checks_arguments
class Keys:
    """``factory.keys``."""

    def __init__(
        self, context: Context, roots: Roots, keyring: OnlineKeyring, offline: OfflineKeys, publisher: Publisher
    ) -> None:
        self._context: Final = context
        self._roots: Final = roots
        self._keyring: Final = keyring
        self._offline: Final = offline
        self._publisher: Final = publisher

    def show(self, *, production: bool = False) -> KeysView:
        """What the latest root says."""
        repository: Repository = "production" if production else "ci"
        document = self._roots.latest(repository)
        root = read_root(document, f"the {repository} root", allow_rsa=True)
        owners = document.signed.get("x-key-owners", {})
        facts = [
            KeyFact(
                role=role,
                keyid=key.keyid,
                keytype=key.keytype,
                online=self._keyring.has(key.keyid),
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

    def init(self, *, root_keys: str | Path, targets_keys: str | Path, now: datetime | None = None) -> KeysView:
        """Take the root offline: the first offline root key and the first offline targets key.

        A tarball that does not exist is made, with a fresh key; one that exists gives the key that it holds. The
        factory's first root key moves into the root tarball and is removed from the factory. Run again with the same
        tarballs it finishes what a crash interrupted, or changes nothing.

        Args:
            root_keys: the tarball of the root key; keep it off this machine.
            targets_keys: the tarball of the targets key, with which waves are signed.
            now: the instant of the new roots; the clock's unless given.

        Raises:
            StateError: ``keys-initialised`` where other tarballs did it before.
            InputError: ``bad-tarball``, ``same-tarball``, ``keys-inside``.
            TrustError: ``wrong-role-key``, ``two-active-keys``.
        """
        root_path, targets_path = Path(root_keys), Path(targets_keys)
        refuse_same(root_path, targets_path)
        refuse_inside(root_path, targets_path)
        at = self._signing_instant(now)
        with self._context.store.changing():
            root = self._roots.root("ci")
            if root.version > ONLINE_ROOT_VERSION:
                self._resume(root, root_path, targets_path)
                return self.show()
            (first,) = root.keys_of("root")
            first_key = self._keyring.load(first)
            root_key, root_entries = self._offline.new_key(root_path, "root", root)
            targets_key, targets_entries = self._offline.new_key(targets_path, "targets", root)
            if root_key.public.keyid == targets_key.public.keyid:
                raise wrong_role(str(targets_path), root_key.public.keyid)
            tarballs = {root_path: with_first_root(root_entries, first_key), targets_path: targets_entries}
            self._take_offline(first_key, root_key, targets_key, at, tarballs)
            self._retire()
            return self.show()

    def _take_offline(
        self, first: PrivateKey, root: PrivateKey, targets: PrivateKey, at: datetime, tarballs: Tarballs
    ) -> None:
        third = next_root(
            self._roots.latest("ci").signed,
            replace={"root": {first.public.keyid: root.public}},
            expires=at + ROOT_LIFE,
            change=self._change("Take the root key offline", at),
        )
        fourth = next_root(
            third,
            add={"targets": [targets.public]},
            expires=at + ROOT_LIFE,
            change=self._change("Add the first offline targets key", at),
        )
        signers = [signer_of(root), signer_of(first)]
        links = self._roots.extend(third, signers, now=at)
        last = self._roots.extend(fourth, signers[:1], now=at, after=links)
        changes = [new_links(links), new_links(last)]
        self._commit("keys init", "took the root offline", changes, fourth, at, tarballs=tarballs)

    def _resume(self, root: Root, root_path: Path, targets_path: Path) -> None:
        """Accept the tarballs that did it; refuse others, which would seem to have been taken."""
        for path, role in ((root_path, "root"), (targets_path, "targets")):
            if not path.exists():
                raise _initialised(f"`{path}` is not there", path, root)
            try:
                self._offline.signer(path, cast("OfflineRole", role), root)
            except TrustError as error:
                if error.code != "no-such-key":
                    raise
                raise _initialised(f"`{path}` does not hold the {role} key", path, root) from error
        remove_retired(self._keyring, self._roots.root("ci"))

    def add_targets(self, *, root_keys: str | Path, targets_keys: str | Path, now: datetime | None = None) -> KeysView:
        """Add another offline targets key, such as a second person's; any of them can sign waves.

        Args:
            root_keys: the tarball of the root key, which must sign it.
            targets_keys: the tarball of the new key; made if it does not exist.
            now: the instant of the new root; the clock's unless given.

        Raises:
            StateError: ``keys-not-initialised``.
            InputError: ``bad-tarball``, ``same-tarball``, ``keys-inside``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
        """
        root_path, targets_path = Path(root_keys), Path(targets_keys)
        refuse_same(root_path, targets_path)
        refuse_inside(root_path, targets_path)
        at = self._signing_instant(now)
        with self._context.store.changing():
            root = self._offline.ready_root()
            signer = self._offline.signer(root_path, "root", root)
            if targets_path.exists() and holds_listed(read_tarball(targets_path), root):
                return self.show(production=True)
            key, entries = self._offline.new_key(targets_path, "targets", root)
            signed = next_root(
                self._roots.latest("ci").signed,
                add={"targets": [key.public]},
                expires=at + ROOT_LIFE,
                change=self._change("Add an offline targets key", at),
            )
            changes = [new_links(self._roots.extend(signed, [signer], now=at))]
            self._commit(
                "keys add-targets",
                f"added the targets key {key.public.keyid}",
                changes,
                signed,
                at,
                tarballs={targets_path: entries},
            )
            return self.show(production=True)

    def rotate_root(self, *, root_keys: str | Path, now: datetime | None = None) -> KeysView:
        """Replace the offline root key. The new key joins the old one in the tarball; both sign the new root.

        Args:
            root_keys: the tarball of the root key; it is rewritten with the new key in it.
            now: the instant of the new root; the clock's unless given.

        Raises:
            StateError: ``keys-not-initialised``.
            InputError: ``bad-tarball``, ``keys-inside``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
        """
        path, at = Path(root_keys), self._signing_instant(now)
        refuse_inside(path)
        with self._context.store.changing():
            root = self._offline.ready_root()
            old = self._offline.signer(path, "root", root)
            key, entries = self._offline.new_key(path, "root", root, beside_active=True)
            signed = next_root(
                self._roots.latest("ci").signed,
                replace={"root": {old.public_key.keyid: key.public}},
                expires=at + ROOT_LIFE,
                change=self._change("Rotate the offline root key", at),
            )
            changes = [new_links(self._roots.extend(signed, [signer_of(key), old], now=at))]
            self._commit(
                "keys rotate root",
                f"rotated the root key to {key.public.keyid}",
                changes,
                signed,
                at,
                tarballs={path: entries},
            )
            return self.show()

    def rotate_targets(
        self, *, root_keys: str | Path, targets_keys: str | Path, now: datetime | None = None
    ) -> KeysView:
        """Replace an offline targets key. What production devices are served is signed anew by the new key.

        Args:
            root_keys: the tarball of the root key, which must sign it.
            targets_keys: the tarball of the key to be replaced; it is rewritten with the new key in it.
            now: the instant of the new root; the clock's unless given.

        Raises:
            StateError: ``keys-not-initialised``.
            InputError: ``bad-tarball``, ``same-tarball``, ``keys-inside``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
        """
        root_path, targets_path = Path(root_keys), Path(targets_keys)
        refuse_same(root_path, targets_path)
        refuse_inside(root_path, targets_path)
        at = self._signing_instant(now)
        with self._context.store.changing():
            root = self._offline.ready_root()
            signer = self._offline.signer(root_path, "root", root)
            old = self._offline.signer(targets_path, "targets", root)
            key, entries = self._offline.new_key(targets_path, "targets", root, beside_active=True)
            signed = next_root(
                self._roots.latest("ci").signed,
                replace={"targets": {old.public_key.keyid: key.public}},
                expires=at + ROOT_LIFE,
                change=self._change("Rotate an offline targets key", at),
            )
            changes = [new_links(self._roots.extend(signed, [signer], now=at))]
            swap = {old.public_key.keyid: signer_of(key)}
            self._commit(
                "keys rotate targets",
                f"rotated a targets key to {key.public.keyid}",
                changes,
                signed,
                at,
                swap=swap,
                tarballs={targets_path: entries},
            )
            return self.show(production=True)

    def rotate_online(
        self, *, root_keys: str | Path, roles: Sequence[RoleName] = ONLINE_ROLES, now: datetime | None = None
    ) -> KeysView:
        """Replace online keys. The factory makes the new ones and removes the old ones; the root key must sign it.

        Of a key that the factory has lost this is the remedy.

        Args:
            root_keys: the tarball of the root key.
            roles: whose keys: ``targets``, ``snapshot``, ``timestamp``.
            now: the instant of the new root; the clock's unless given.

        Raises:
            StateError: ``keys-not-initialised``.
            InputError: ``bad-tarball``, ``bad-role``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
        """
        for role in roles or ("",):
            if role not in ONLINE_ROLES:
                raise InputError(
                    "bad-role",
                    f"the role `{role}` has no online key" if role else "no role is named whose online key to rotate",
                    hint=f"say one or more of {', '.join(ONLINE_ROLES)}",
                    fields={"role": role, "roles": list(ONLINE_ROLES)},
                )
        at = self._signing_instant(now)
        with self._context.store.changing():
            root = self._offline.ready_root()
            signer = self._offline.signer(Path(root_keys), "root", root)
            replaced: dict[RoleName, dict[str, PublicKey]] = {}
            swap: dict[str, Signer] = {}
            for role in dict.fromkeys(roles):
                old = self._keyring.own_key(root.keys_of(role))
                new = PrivateKey.generate()
                self._keyring.add(new)
                replaced[role] = {old.keyid: new.public}
                if role == "targets":
                    swap[old.keyid] = signer_of(new)
            signed = next_root(
                self._roots.latest("ci").signed,
                replace=replaced,
                expires=at + ROOT_LIFE,
                change=self._change(f"Rotate online keys: {', '.join(replaced)}", at),
            )
            changes = [new_links(self._roots.extend(signed, [signer], now=at))]
            self._commit(
                "keys rotate online",
                f"rotated the online keys of {', '.join(replaced)}",
                changes,
                signed,
                at,
                swap=swap,
            )
            self._retire()
            return self.show()

    def _retire(self) -> None:
        """Remove what a change that has been made has retired.

        Raises:
            StorageError: ``retired-keys-left``; the change is made all the same.
        """
        try:
            remove_retired(self._keyring, self._roots.root("ci"))
        except StorageError as error:
            raise StorageError(
                "retired-keys-left",
                f"the keys were changed, but the old ones cannot be removed: {error.message}",
                hint="the change is made; the next command that may write there removes them",
                fields=error.fields,
            ) from error

    def _signing_instant(self, now: datetime | None) -> datetime:
        """The instant of a change of keys; refuses a factory that cannot be changed before a tarball is written.

        Raises:
            StateError: ``clock-behind``.
            StorageError: ``cannot-write``.
        """
        self._context.store.require_writable()
        return instant(self._context.signing_seconds(now))

    def _change(self, message: str, at: datetime) -> RootChange:
        return RootChange(_signable(self._context.user), message, at)

    def _commit(
        self,
        action: str,
        summary: str,
        changes: list[Change],
        signed: dict[str, object],
        at: datetime,
        *,
        swap: Mapping[str, Signer] | None = None,
        tarballs: Tarballs | None = None,
    ) -> None:
        """Store new roots, and publish everything anew under them.

        Args:
            action: for the audit log.
            summary: for the audit log.
            changes: the new roots.
            signed: what the last of them says.
            at: the instant.
            swap: keyids whose signatures on targets roles give way to those of another signer.
            tarballs: what each tarball is to hold; written last, so that a refusal leaves them alone.
        """
        root = read_root(dict(signed), allow_rsa=True)
        for repository in REPOSITORIES:
            served = self._publisher.served(repository)
            if swap:
                served = [one._replace(targets=resigned(one.targets, swap, root, repository)) for one in served]
                roles = [
                    {
                        "repository": repository,
                        "tag": one.tag,
                        "role_version": parse_document(one.targets, "Targets", "targets.json").version,
                        "document": one.targets,
                    }
                    for one in served
                    if one.variant == TAG_VARIANT
                ]
                if roles:
                    changes.append(put("targets_roles", roles))
            if swap and repository == "production":
                changes += resigned_waves(self._context.store, self._publisher, swap, root)
            if served:
                changes += self._publisher.publish(repository, served, root, now=at)
        details = {"role_version": root.version}
        for path, entries in (tarballs or {}).items():
            write_if_new(path, entries)
        self._context.commit(action, summary, changes, at=seconds(at), details=details)


def _initialised(what: str, path: Path, root: Root) -> StateError:
    return StateError(
        "keys-initialised",
        f"the factory has its offline keys already, and {what}",
        hint="use the tarballs that they were made in; rotating replaces keys",
        fields={"path": str(path), "role_version": root.version},
    )


def _signable(user: str) -> str:
    """The name of a user as every device agent spells it alike: in ASCII, without ``< > &``, and not too long.

    >>> _signable("Zoë <zoe@example.com>")
    'Zoe _zoe@example.com_'
    """
    ascii_text = unicodedata.normalize("NFKD", user).encode("ascii", "ignore").decode()
    return re.sub(r"[^ -~]|[<>&]", "_", ascii_text)[:_MAX_USER].strip() or "unknown"
