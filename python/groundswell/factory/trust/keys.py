"""The keys of a factory: the first offline keys, more of them, rotation; and what the roots say.

A change has three steps: the factory composes documents, the holders of keys sign them, the factory accepts them. The
methods for keys in tarballs are the three in one call.

Tarballs are written, synced and in their place before the commit that refers to the keys in them. So a crash leaves a
tarball with a key that no root lists yet, and the same command, run again, takes that key up instead of making another.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from groundswell.arguments import checks_arguments
from groundswell.factory.context import Context, of_one_process
from groundswell.factory.trust.key_changes import ROOT_LIFE, KeyChange, online_not_offline
from groundswell.factory.trust.key_facts import KeyFact, KeysView, keys_view
from groundswell.factory.trust.key_signing import KeySigning
from groundswell.factory.trust.offline_keys import (
    OfflineKeys,
    holds_listed,
    initialised,
    tarball_paths,
    with_first_root,
    write_tarballs,
    wrong_role,
)
from groundswell.factory.trust.online_keys import ONLINE_ROLES, ONLINE_ROOT_VERSION, check_online_roles, remove_retired
from groundswell.tuf import PrivateKey, public_of, read_tarball, sign_request, signer_of
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from groundswell.factory.trust.online_keys import OnlineKeyring
    from groundswell.factory.trust.publisher import Publisher
    from groundswell.factory.trust.roots import Repository, Roots
    from groundswell.tuf import PublicKey, Root, SigningRequest
    from groundswell.tuf.root import RoleName
    from groundswell.tuf.signers import Signer

    Tarballs = Mapping[Path, Mapping[str, bytes]]

__all__ = ["ONLINE_ROLES", "ROOT_LIFE", "KeyFact", "Keys", "KeysView"]


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
        self._signing: Final = KeySigning(context, roots, keyring, offline, publisher)

    def show(self, *, production: bool = False) -> KeysView:
        """What the latest root says."""
        repository: Repository = "production" if production else "ci"
        return keys_view(self._roots, self._keyring, repository)

    # --- in one call, with keys in tarballs

    def init(self, *, root_keys: str | Path, targets_keys: str | Path, now: datetime | None = None) -> KeysView:
        """Take the root offline: the first offline root key and the first offline targets key.

        A tarball that does not exist is made, with a fresh key; one that exists gives the key that it holds. The
        factory's first root key moves into the root tarball and is removed from the factory. Run again with the same
        tarballs it finishes what a crash interrupted, or changes nothing.

        Args:
            root_keys: the tarball of the root key; keep it off this machine.
            targets_keys: the tarball of the targets key, with which waves are signed.
            now: the instant of the new roots (default: now).

        Raises:
            StateError: ``keys-initialised`` where other tarballs did it before.
            InputError: ``bad-tarball``, ``same-tarball``, ``keys-inside``.
            TrustError: ``wrong-role-key``, ``two-active-keys``.
        """
        root_path, targets_path = tarball_paths(root_keys, targets_keys)
        at = self._signing_instant(now)
        with self._context.store.reading():
            root = self._roots.root("ci")
            if root.version > ONLINE_ROOT_VERSION:
                self._offline.require_same(root, root_path, targets_path)
                requests: tuple[SigningRequest, ...] = ()
            else:
                (first,) = root.keys_of("root")
                first_key = self._keyring.load(first)
                root_key, root_entries = self._offline.new_key(root_path, "root", root)
                targets_key, targets_entries = self._offline.new_key(targets_path, "targets", root)
                if root_key.public.keyid == targets_key.public.keyid:
                    raise wrong_role(str(targets_path), root_key.public.keyid)
                requests = self._compose_init(root, root_key.public, targets_key.public, at)
        if not requests:
            with self._context.store.changing():
                remove_retired(self._keyring, self._roots.root("ci"))
            return self.show()
        tarballs = {root_path: with_first_root(root_entries, first_key), targets_path: targets_entries}
        self._sign_and_accept(requests, [signer_of(root_key)], at, tarballs=tarballs)
        return self.show()

    def add_targets(self, *, root_keys: str | Path, targets_keys: str | Path, now: datetime | None = None) -> KeysView:
        """Add another offline targets key, such as a second person's; any of them can sign waves.

        Args:
            root_keys: the tarball of the root key, which must sign it.
            targets_keys: the tarball of the new key; made if it does not exist.
            now: the instant of the new root (default: now).

        Raises:
            StateError: ``keys-not-initialised``.
            InputError: ``bad-tarball``, ``same-tarball``, ``keys-inside``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
        """
        root_path, targets_path = tarball_paths(root_keys, targets_keys)
        at = self._signing_instant(now)
        with self._context.store.reading():
            root = self._offline.ready_root()
            signer = self._offline.signer(root_path, "root", root)
            if targets_path.exists() and holds_listed(read_tarball(targets_path), root):
                return self.show(production=True)
            key, entries = self._offline.new_key(targets_path, "targets", root)
            requests = self._signing.compose([KeyChange.add_targets(key.public)], at)
        self._sign_and_accept(requests, [signer], at, tarballs={targets_path: entries})
        return self.show(production=True)

    def rotate_root(self, *, root_keys: str | Path, now: datetime | None = None) -> KeysView:
        """Replace the offline root key. The new key joins the old one in the tarball; both sign the new root.

        Args:
            root_keys: the tarball of the root key; it is rewritten with the new key in it.
            now: the instant of the new root (default: now).

        Raises:
            StateError: ``keys-not-initialised``.
            InputError: ``bad-tarball``, ``keys-inside``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
        """
        (path,), at = tarball_paths(root_keys), self._signing_instant(now)
        with self._context.store.reading():
            root = self._offline.ready_root()
            old = self._offline.signer(path, "root", root)
            key, entries = self._offline.new_key(path, "root", root, beside_active=True)
            requests = self._signing.compose([KeyChange.rotate_root(public_of(old).keyid, key.public)], at)
        self._sign_and_accept(requests, [signer_of(key), old], at, tarballs={path: entries})
        return self.show()

    def rotate_targets(
        self, *, root_keys: str | Path, targets_keys: str | Path, now: datetime | None = None
    ) -> KeysView:
        """Replace an offline targets key. What production devices are served is signed anew by the new key.

        Args:
            root_keys: the tarball of the root key, which must sign it.
            targets_keys: the tarball of the key to be replaced; it is rewritten with the new key in it.
            now: the instant of the new root (default: now).

        Raises:
            StateError: ``keys-not-initialised``.
            InputError: ``bad-tarball``, ``same-tarball``, ``keys-inside``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
        """
        root_path, targets_path = tarball_paths(root_keys, targets_keys)
        at = self._signing_instant(now)
        with self._context.store.reading():
            root = self._offline.ready_root()
            signer = self._offline.signer(root_path, "root", root)
            old = self._offline.signer(targets_path, "targets", root)
            key, entries = self._offline.new_key(targets_path, "targets", root, beside_active=True)
            requests = self._signing.compose([KeyChange.rotate_targets(public_of(old).keyid, key.public)], at)
        self._sign_and_accept(requests, [signer, signer_of(key)], at, tarballs={targets_path: entries})
        return self.show(production=True)

    def rotate_online(
        self, *, root_keys: str | Path, roles: Sequence[RoleName] = ONLINE_ROLES, now: datetime | None = None
    ) -> KeysView:
        """Replace online keys. The factory makes the new ones and removes the old ones; the root key must sign it.

        Of a key that the factory has lost this is the remedy.

        Args:
            root_keys: the tarball of the root key.
            roles: whose keys: ``targets``, ``snapshot``, ``timestamp``.
            now: the instant of the new root (default: now).

        Raises:
            StateError: ``keys-not-initialised``.
            InputError: ``bad-tarball``, ``bad-role``.
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``.
        """
        check_online_roles(roles)
        at = self._signing_instant(now)
        with self._context.store.reading():
            root = self._offline.ready_root()
            signer = self._offline.signer(Path(root_keys), "root", root)
            change, fresh = self._new_online(roles, root)
            requests = self._signing.compose([change], at)
        self._sign_and_accept(requests, [signer], at, new_online={key.public.keyid: key for key in fresh})
        return self.show()

    def compose_init(
        self, *, root_key: PublicKey, targets_key: PublicKey, now: datetime | None = None
    ) -> tuple[SigningRequest, ...]:
        """Say which bytes the first offline root key must sign to take the root offline. Nothing is stored.

        The first of three steps: the holder of each key signs its documents (`groundswell.tuf.sign_request`, or any
        tool), and `accept` takes the signed documents. The factory signs with its first root key when it accepts.

        Args:
            root_key: the public half of the first offline root key.
            targets_key: the public half of the first offline targets key.
            now: the instant of the new roots (default: now).

        Returns:
            The next two roots of each chain; each has its bytes, its expiry, and the keys that may sign it.

        Raises:
            StateError: ``keys-initialised``, ``clock-behind``.
            InputError: ``key-already-in-role`` for a key that a root has listed before, or for one key in both roles.
        """
        at = self._signing_instant(now)
        with self._context.store.reading():
            return self._compose_init(self._roots.root("ci"), root_key, targets_key, at)

    def compose_add_targets(self, key: PublicKey, *, now: datetime | None = None) -> tuple[SigningRequest, ...]:
        """Say which bytes the offline root key must sign to add an offline targets key; as `compose_init`.

        Args:
            key: the public half of the new key.
            now: the instant of the new roots (default: now).

        Raises:
            StateError: ``keys-not-initialised``, ``clock-behind``.
            InputError: ``key-already-in-role`` for a key that a root has listed before.
        """
        return self._compose(lambda _: KeyChange.add_targets(key), now)

    def compose_rotate_root(
        self, old: str, new: PublicKey, *, now: datetime | None = None
    ) -> tuple[SigningRequest, ...]:
        """Say which bytes the old root key and the new one must both sign; as `compose_init`.

        Args:
            old: the keyid of the offline root key that is replaced.
            new: the public half of the key that replaces it.
            now: the instant of the new roots (default: now).

        Raises:
            StateError: ``keys-not-initialised``, ``clock-behind``.
            InputError: ``key-not-in-role``; ``key-already-in-role`` for a key that a root has listed before.
        """
        return self._compose(lambda _: KeyChange.rotate_root(old, new), now)

    def compose_rotate_targets(
        self, old: str, new: PublicKey, *, now: datetime | None = None
    ) -> tuple[SigningRequest, ...]:
        """Say which bytes must be signed to replace an offline targets key; as `compose_init`.

        The root key signs the next roots. The new targets key signs what production devices are served: the targets
        roles and waves that the old key signed.

        Args:
            old: the keyid of the offline targets key that is replaced.
            new: the public half of the key that replaces it.
            now: the instant of the new roots (default: now).

        Raises:
            StateError: ``keys-not-initialised``, ``clock-behind``.
            InputError: ``key-not-in-role``; ``key-already-in-role`` for a key that a root has listed before.
        """

        def change(root: Root) -> KeyChange:
            if old in {key.keyid for key in root.keys_of("targets")} - {k.keyid for k in self._offline_targets(root)}:
                raise online_not_offline(old)
            return KeyChange.rotate_targets(old, new)

        return self._compose(change, now)

    def compose_rotate_online(
        self, *, roles: Sequence[RoleName] = ONLINE_ROLES, now: datetime | None = None
    ) -> tuple[SigningRequest, ...]:
        """Make new online keys, and say which bytes the root key must sign to replace the old ones; as `compose_init`.

        The new private keys stay in the factory's folder of keys. They are used when the documents are accepted, and
        removed when another root is accepted instead. Backups do not hold them.

        Args:
            roles: whose keys: ``targets``, ``snapshot``, ``timestamp``.
            now: the instant of the new roots (default: now).

        Raises:
            StateError: ``keys-not-initialised``, ``clock-behind``.
            InputError: ``bad-role``.
            StorageError: ``cannot-write``.
        """
        check_online_roles(roles)

        def change(root: Root) -> KeyChange:
            composed, fresh = self._new_online(roles, root)
            for key in fresh:
                self._keyring.add_pending(key)
            return composed

        return self._compose(change, now)

    def accept(self, documents: Mapping[str, bytes], *, now: datetime | None = None) -> KeysView:
        """Make a change of keys of the documents that the holders of the keys have signed.

        All checks are made here, against what the factory knows now: the documents are those that one of the
        `compose_` methods composes now for the same keys, user and instant; each is signed by the keys that its
        request names, over the canonical form of what it says; the roots may follow the latest ones.

        Args:
            documents: the signed documents, ``{"signatures": […], "signed": {…}}`` each, by the name of its request.
            now: the present (default: now).

        Returns:
            What the new CI root says.

        Raises:
            InputError: ``broken-json``, ``ambiguous-json``, ``bad-metadata``, ``bad-key``, ``rsa-key``;
                ``key-already-in-role`` for a key that a root has listed before.
            TrustError: ``root-version`` where the roots have changed since; ``not-composed`` for documents that the
                factory would not compose now; ``bad-signature``, ``no-such-key``, ``root-not-signed-by-old``,
                ``root-not-signed-by-new``, ``root-expired``, ``online-key-missing``, ``wrong-role``.
            StateError: ``clock-behind``, ``role-too-large``.
            StorageError: ``cannot-write``, ``retired-keys-left``.

        Cost: a signature or two for each document; the metadata of each tag is signed anew.
        """
        at = self._signing_instant(now)
        with self._context.store.changing():
            self._signing.accept(documents, at)
            return self.show()

    def _compose(self, change: Callable[[Root], KeyChange], now: datetime | None) -> tuple[SigningRequest, ...]:
        at = self._signing_instant(now)
        with self._context.store.reading():
            return self._signing.compose([change(self._offline.ready_root())], at)

    def _compose_init(
        self, root: Root, root_key: PublicKey, targets_key: PublicKey, at: datetime
    ) -> tuple[SigningRequest, ...]:
        if root.version > ONLINE_ROOT_VERSION:
            raise initialised("its roots list them", self._context.path, root)
        (first,) = root.keys_of("root")
        changes = [KeyChange.init_root(first.keyid, root_key), KeyChange.init_targets(targets_key)]
        return self._signing.compose(changes, at)

    def _new_online(self, roles: Sequence[RoleName], root: Root) -> tuple[KeyChange, list[PrivateKey]]:
        """The change that replaces the online keys of some roles, and the new keys."""
        fresh = {role: PrivateKey.generate() for role in dict.fromkeys(roles)}
        replaced = {role: {self._keyring.own_key(root.keys_of(role)).keyid: key.public} for role, key in fresh.items()}
        return KeyChange.rotate_online(replaced), list(fresh.values())

    def _offline_targets(self, root: Root) -> list[PublicKey]:
        own = self._keyring.own_key(root.keys_of("targets"))
        return [key for key in root.keys_of("targets") if key != own]

    def _sign_and_accept(
        self,
        requests: Sequence[SigningRequest],
        signers: Sequence[Signer],
        at: datetime,
        *,
        tarballs: Tarballs | None = None,
        new_online: Mapping[str, PrivateKey] | None = None,
    ) -> None:
        """Sign each document with those keys that may, and accept the documents. Tarballs come before the commit."""
        documents = {}
        for request in requests:
            signed = request
            for signer in signers:
                if public_of(signer).keyid in request.keyids:
                    signed = sign_request(signed, signer)
            documents[request.name] = signed.document
        with self._context.store.changing():
            before = partial(write_tarballs, tarballs or {})
            self._signing.accept(documents, at, new_online=new_online, before_commit=before)

    def _signing_instant(self, now: datetime | None) -> datetime:
        """The instant of a change of keys; refuses a factory that cannot be changed before a tarball is written.

        Raises:
            StateError: ``clock-behind``.
            StorageError: ``cannot-write``.
        """
        self._context.store.require_writable()
        return instant(self._context.signing_seconds(now))
