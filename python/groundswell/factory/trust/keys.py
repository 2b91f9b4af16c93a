"""The keys of a factory: the first offline keys, more of them, rotation; and what the roots say.

Tarballs are written, synced and in their place before the commit that refers to the keys in them. So a crash leaves a
tarball with a key that no root lists yet, and the same command, run again, takes that key up instead of making another.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, StateError, StorageError, TrustError
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.trust.publisher import TAG_VARIANT, variant_of
from groundswell.factory.trust.roots import REPOSITORIES, new_links
from groundswell.outputs import factory_around
from groundswell.store import put
from groundswell.tuf import (
    PrivateKey,
    entries_of,
    parse_document,
    public_of,
    read_root,
    read_tarball,
    sign,
    signer_of,
)
from groundswell.tuf.documents import assemble
from groundswell.tuf.roles import Change as RootChange
from groundswell.tuf.roles import next_root
from groundswell.tuf.signatures import verify_bytes
from groundswell.tuf.tarball import Tarball, write_tarball
from groundswell.values import instant
from groundswell.waves.records import wave_from_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

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
ONLINE_ROLES: Final[tuple[RoleName, ...]] = ("targets", "snapshot", "timestamp")
_ONLINE_ROOT_VERSION: Final = 2
_FIRST_ROOT: Final = "/first-root"
_MAX_USER: Final = 64
"""A root must stay below 64 KiB, and names each user for each key."""
_OfflineRole = Literal["root", "targets"]


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

    def __init__(self, context: Context, roots: Roots, keyring: OnlineKeyring, publisher: Publisher) -> None:
        self._context: Final = context
        self._roots: Final = roots
        self._keyring: Final = keyring
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
            ready=document.version > _ONLINE_ROOT_VERSION,
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
        _refuse_same(root_path, targets_path)
        self._refuse_inside(root_path, targets_path)
        at = self._signing_instant(now)
        with self._context.store.changing():
            root = self._roots.root("ci")
            if root.version > _ONLINE_ROOT_VERSION:
                self._resume(root, root_path, targets_path)
                return self.show()
            (first,) = root.keys_of("root")
            first_key = self._keyring.load(first)
            root_key, root_entries = self._new_key(root_path, "root", root)
            targets_key, targets_entries = self._new_key(targets_path, "targets", root)
            if root_key.public.keyid == targets_key.public.keyid:
                raise _wrong_role(str(targets_path), root_key.public.keyid)
            tarballs = {root_path: _with_first_root(root_entries, first_key), targets_path: targets_entries}
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
                self._signer(path, cast("_OfflineRole", role), root)
            except TrustError as error:
                if error.code != "no-such-key":
                    raise
                raise _initialised(f"`{path}` does not hold the {role} key", path, root) from error
        self.tidy()

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
        _refuse_same(root_path, targets_path)
        self._refuse_inside(root_path, targets_path)
        at = self._signing_instant(now)
        with self._context.store.changing():
            root = self._ready()
            signer = self._signer(root_path, "root", root)
            if targets_path.exists() and self._holds_listed(read_tarball(targets_path), root):
                return self.show(production=True)
            key, entries = self._new_key(targets_path, "targets", root)
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
        self._refuse_inside(path)
        with self._context.store.changing():
            root = self._ready()
            old = self._signer(path, "root", root)
            key, entries = self._new_key(path, "root", root, beside_active=True)
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
        _refuse_same(root_path, targets_path)
        self._refuse_inside(root_path, targets_path)
        at = self._signing_instant(now)
        with self._context.store.changing():
            root = self._ready()
            signer = self._signer(root_path, "root", root)
            old = self._signer(targets_path, "targets", root)
            key, entries = self._new_key(targets_path, "targets", root, beside_active=True)
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
            root = self._ready()
            signer = self._signer(Path(root_keys), "root", root)
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

    def _resigned_waves(self, swap: Mapping[str, Signer], root: Root) -> list[Change]:
        """The roles of waves under a new root.

        Of active ones, even if they still wait for signatures, and of canceled ones that are served to devices which
        run them: what is published next is made of these.
        """
        rows = self._context.store.table("SELECT * FROM waves WHERE state <> 'complete'").to_pylist()
        served = {(one.tag, one.variant) for one in self._publisher.served("production")}
        rows = [
            row for row in rows if row["state"] == "active" or (row["tag"], variant_of(wave_from_row(row))) in served
        ]
        changed = [row | {"document": assemble(*_swapped(bytes(row["document"]), swap, root))} for row in rows]
        return [put("waves", changed)] if changed else []

    def tidy(self) -> None:
        """Remove private keys that the latest root does not list: retired ones, and leftovers of a crash."""
        root = self._roots.root("ci")
        wanted = {key.keyid for role in ONLINE_ROLES for key in root.keys_of(role)}
        if root.version <= _ONLINE_ROOT_VERSION:
            wanted |= {key.keyid for key in root.keys_of("root")}
        self._keyring.keep_only(wanted)

    def _retire(self) -> None:
        """Remove what a change that has been made has retired.

        Raises:
            StorageError: ``retired-keys-left``; the change is made all the same.
        """
        try:
            self.tidy()
        except StorageError as error:
            raise StorageError(
                "retired-keys-left",
                f"the keys were changed, but the old ones cannot be removed: {error.message}",
                hint="the change is made; the next command that may write there removes them",
                fields=error.fields,
            ) from error

    # --- what the commands share

    def _signing_instant(self, now: datetime | None) -> datetime:
        """The instant of a change of keys; refuses a factory that cannot be changed before a tarball is written.

        Raises:
            StateError: ``clock-behind``.
            StorageError: ``cannot-write``.
        """
        self._context.store.require_writable()
        return instant(self._context.signing_seconds(now))

    @staticmethod
    def _refuse_inside(*paths: Path) -> None:
        for path in paths:
            if factory_around(path) is not None:
                raise InputError(
                    "keys-inside",
                    f"`{path}` lies inside the factory, which must not hold offline keys",
                    hint="name a file elsewhere, best on a disk that is kept in a safe",
                    fields={"path": str(path)},
                )

    def _change(self, message: str, at: datetime) -> RootChange:
        return RootChange(_signable(self._context.user), message, at)

    def _ready(self) -> Root:
        root = self._roots.root("ci")
        if root.version <= _ONLINE_ROOT_VERSION:
            raise StateError(
                "keys-not-initialised",
                f"the factory `{self._context.path}` has no offline keys yet",
                hint="make them with `keys.init`",
                fields={"role_version": root.version},
            )
        return root

    def ready_root(self, repository: Repository) -> Root:
        """The latest root, which lists offline keys.

        Raises:
            StateError: ``keys-not-initialised``.
        """
        self._ready()
        return self._roots.root(repository)

    def checked_signer(self, signer: Signer, role: _OfflineRole, root: Root) -> Signer:
        """A signer of the caller's, such as one of an HSM, if its key may sign a role offline.

        Raises:
            TrustError: ``no-such-key``.
        """
        keyid = public_of(signer).keyid
        allowed = [key.keyid for key in root.keys_of(role) if not self._keyring.has(key.keyid)]
        if keyid not in allowed:
            raise TrustError(
                "no-such-key",
                f"the key `{keyid}` is none of the offline {role} keys of the production root",
                hint=f"these are: {', '.join(allowed)}",
                fields={"role": role, "asked": allowed, "holds": [keyid]},
            )
        return signer

    def _signer(self, path: Path, role: _OfflineRole, root: Root) -> Signer:
        return self.offline_signer(read_tarball(path), role, root)

    def offline_signer(self, tarball: Tarball, role: _OfflineRole, root: Root) -> Signer:
        """The signer of the one key in a tarball that may sign a role offline."""
        allowed = [key for key in root.keys_of(role) if not self._keyring.has(key.keyid)]
        others: dict[str, tuple[PublicKey, ...]] = {name: root.keys_of(name) for name in root.roles if name != role}
        return tarball.signer_for(allowed, role, others=others)

    @staticmethod
    def _holds_listed(tarball: Tarball, root: Root) -> bool:
        listed = {key.keyid for key in root.keys_of("targets")}
        return any(entry.public.keyid in listed and entry.private is not None for entry in tarball.keys)

    def _new_key(
        self, path: Path, role: _OfflineRole, root: Root, *, beside_active: bool = False
    ) -> tuple[PrivateKey, dict[str, bytes]]:
        """The key of a tarball that no root has listed yet, or a fresh one; and what the tarball is to hold."""
        if not path.exists():
            key = PrivateKey.generate()
            return key, entries_of(key, role)
        tarball = read_tarball(path)
        known = self._roots.ever_listed()
        other_role = "targets" if role == "root" else "root"
        # The first root key of another factory is no key that anyone means to use again.
        fresh = [
            entry
            for entry in tarball.keys
            if entry.public.keyid not in known and entry.private is not None and not entry.name.endswith(_FIRST_ROOT)
        ]
        for entry in fresh:
            if f"fioctl-{other_role}-" in entry.name:
                raise _wrong_role(tarball.label, entry.public.keyid, role=role, holds=other_role)
        active = {key.keyid: name for name in ("root", "targets") for key in root.keys_of(name)}
        for entry in tarball.keys:
            holds = active.get(entry.public.keyid)
            first = holds == "root" and role == "root"
            if holds is not None and not beside_active and not first:
                raise _wrong_role(tarball.label, entry.public.keyid, role=role, holds=holds)
        if len(fresh) > 1:
            raise TrustError(
                "two-active-keys",
                f"`{tarball.label}` holds `{len(fresh)}` keys that could become the {role} key",
                hint="keep one of them in the tarball, so that it is plain which",
                fields={"source": tarball.label, "role": role, "keyids": [entry.public.keyid for entry in fresh]},
            )
        if fresh:
            assert fresh[0].private is not None  # noqa: S101 - it was asked for above
            return fresh[0].private, dict(tarball.entries)
        key = PrivateKey.generate()
        return key, {**tarball.entries, **entries_of(key, role)}

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
                served = [one._replace(targets=_resigned(one.targets, swap, root, repository)) for one in served]
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
                changes += self._resigned_waves(swap, root)
            if served:
                changes += self._publisher.publish(repository, served, root, now=at)
        details = {"role_version": root.version}
        for path, entries in (tarballs or {}).items():
            _write(path, entries)
        self._context.commit(action, summary, changes, at=seconds(at), details=details)


def _swapped(document: bytes, swap: Mapping[str, Signer], root: Root) -> tuple[bytes, list[dict[str, Any]]]:
    """The signed bytes and the signatures of a role under a new root: some replaced, those of dropped keys gone."""
    parsed = parse_document(document, "Targets", "targets.json")
    listed = set(root.roles["targets"].keyids)
    signatures = []
    for signature in parsed.signatures:
        if signature["keyid"] in swap:
            signatures.append(sign(swap[signature["keyid"]], parsed.signed_bytes))
        elif signature["keyid"] in listed:
            signatures.append(signature)
    return parsed.signed_bytes, signatures


def _resigned(document: bytes, swap: Mapping[str, Signer], root: Root, repository: Repository) -> bytes:
    """A targets document with the signatures of some keys replaced; those of keys that the root dropped go."""
    signed_bytes, signatures = _swapped(document, swap, root)
    needed = 1 if repository == "ci" else max(2, root.roles["targets"].threshold)
    found = verify_bytes(signed_bytes, signatures, root.keys, root.roles["targets"].keyids, needed)
    if not found.verified:
        raise TrustError(
            "signatures-missing",
            f"a targets role that is being served would lack `{found.missing}` signatures under the new root",
            hint="nothing was changed; keep its keys, or have it signed by another key first",
            fields={"missing": found.missing, "repository": repository},
        )
    return assemble(signed_bytes, signatures)


def _initialised(what: str, path: Path, root: Root) -> StateError:
    return StateError(
        "keys-initialised",
        f"the factory has its offline keys already, and {what}",
        hint="use the tarballs that they were made in; rotating replaces keys",
        fields={"path": str(path), "role_version": root.version},
    )


def _with_first_root(entries: dict[str, bytes], key: PrivateKey) -> dict[str, bytes]:
    """A tarball's entries and the factory's first root key, under the name that fioctl gives it if that is free."""
    named = entries_of(key, "first-root")
    if any(entries.get(name, data) != data for name, data in named.items()):
        named = entries_of(key, "root")
    return {**entries, **named}


def _write(path: Path, entries: Mapping[str, bytes]) -> None:
    """Write a tarball, unless it holds just that already."""
    if path.exists() and read_tarball(path).entries == dict(entries):
        return
    write_tarball(path, entries)


def _signable(user: str) -> str:
    """The name of a user as every device agent spells it alike: in ASCII, without ``< > &``, and not too long.

    >>> _signable("Zoë <zoe@example.com>")
    'Zoe _zoe@example.com_'
    """
    ascii_text = unicodedata.normalize("NFKD", user).encode("ascii", "ignore").decode()
    return re.sub(r"[^ -~]|[<>&]", "_", ascii_text)[:_MAX_USER].strip() or "unknown"


def _refuse_same(root_path: Path, targets_path: Path) -> None:
    if os.path.realpath(root_path) == os.path.realpath(targets_path):
        raise InputError(
            "same-tarball",
            f"`{root_path}` is named for the root key and for the targets key",
            hint="name two files: the root key stays in a safe while the targets key signs waves",
            fields={"path": str(root_path)},
        )


def _wrong_role(label: str, keyid: str, *, role: str = "targets", holds: str = "root") -> TrustError:
    return TrustError(
        "wrong-role-key",
        f"`{label}` holds a {holds} key where a {role} key is asked for: `{keyid}`",
        hint=f"give the tarball of the {role} key, or the name of a file that does not exist yet",
        fields={"source": label, "role": role, "holds": holds, "keyid": keyid},
    )
