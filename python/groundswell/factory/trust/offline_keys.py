"""The offline keys of a factory, which it does not hold: in tarballs, in HSMs, with other people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from groundswell.errors import InputError, StateError, TrustError
from groundswell.factory.trust.online_keys import ONLINE_ROOT_VERSION
from groundswell.outputs import factory_around
from groundswell.tuf import PrivateKey, entries_of, public_of, read_tarball
from groundswell.tuf.tarball import Tarball, write_tarball

if TYPE_CHECKING:
    from collections.abc import Mapping

    from groundswell.factory.context import Context
    from groundswell.factory.trust.online_keys import OnlineKeyring
    from groundswell.factory.trust.roots import Repository, Roots
    from groundswell.tuf import PublicKey, Root
    from groundswell.tuf.signers import Signer

__all__ = [
    "OfflineKeys",
    "OfflineRole",
    "holds_listed",
    "initialised",
    "tarball_paths",
    "with_first_root",
    "write_tarballs",
    "wrong_role",
]

OfflineRole = Literal["root", "targets"]
"""The roles that offline keys sign."""

_FIRST_ROOT: Final = "/first-root"


class OfflineKeys:
    """Finds who may sign offline."""

    def __init__(self, context: Context, roots: Roots, keyring: OnlineKeyring) -> None:
        self._context: Final = context
        self._roots: Final = roots
        self._keyring: Final = keyring

    def ready_root(self, repository: Repository = "ci") -> Root:
        """The latest root, which lists offline keys.

        Raises:
            StateError: ``keys-not-initialised``.
        """
        root = self._roots.root("ci")
        if root.version <= ONLINE_ROOT_VERSION:
            raise StateError(
                "keys-not-initialised",
                f"the factory `{self._context.path}` has no offline keys yet",
                hint="make them first",
                fields={"role_version": root.version},
            )
        return root if repository == "ci" else self._roots.root(repository)

    def allowed(self, role: OfflineRole, root: Root) -> list[PublicKey]:
        """The keys that may sign a role offline, in the order of the root."""
        return [key for key in root.keys_of(role) if not self._keyring.has(key.keyid)]

    def signer(self, keys: str | Path | Signer, role: OfflineRole, root: Root) -> Signer:
        """The signer of one key that may sign a role offline.

        Args:
            keys: the path of a tarball; or a signer, such as one of an HSM.
            role: the role.
            root: the root that lists the key.

        Raises:
            TrustError: ``no-such-key``, ``wrong-role-key``, ``two-active-keys``, ``no-private-key``.
            InputError: ``bad-tarball``.
        """
        allowed = self.allowed(role, root)
        if isinstance(keys, str | Path):
            others: dict[str, tuple[PublicKey, ...]] = {name: root.keys_of(name) for name in root.roles if name != role}
            return read_tarball(Path(keys)).signer_for(allowed, role, others=others)
        keyid, keyids = public_of(keys).keyid, [key.keyid for key in allowed]
        if keyid not in keyids:
            raise TrustError(
                "no-such-key",
                f"the key `{keyid}` is none of the offline {role} keys of the production root",
                hint=f"these are: {', '.join(keyids)}",
                fields={"role": role, "asked": keyids, "holds": [keyid]},
            )
        return keys

    def require_same(self, root: Root, root_path: Path, targets_path: Path) -> None:
        """Accept the tarballs that took the root offline; refuse others, which would seem to have been taken.

        Raises:
            StateError: ``keys-initialised``.
        """
        paths: tuple[tuple[Path, OfflineRole], ...] = ((root_path, "root"), (targets_path, "targets"))
        for path, role in paths:
            if not path.exists():
                raise initialised(f"`{path}` is not there", path, root)
            try:
                self.signer(path, role, root)
            except TrustError as error:
                if error.code != "no-such-key":
                    raise
                raise initialised(f"`{path}` does not hold the {role} key", path, root) from error

    def new_key(
        self, path: Path, role: OfflineRole, root: Root, *, beside_active: bool = False
    ) -> tuple[PrivateKey, dict[str, bytes]]:
        """The key of a tarball that no root has listed yet, or a fresh one; and the entries that the tarball gets.

        Args:
            path: the tarball; it need not exist.
            role: the role that the key is for.
            root: the latest root.
            beside_active: whether the tarball may hold the key that is active now, as it does when that is rotated.

        Raises:
            TrustError: ``wrong-role-key``, ``two-active-keys``.
            InputError: ``bad-tarball``.
        """
        if not path.exists():
            key = PrivateKey.generate()
            return key, entries_of(key, role)
        tarball = read_tarball(path)
        known = self._roots.ever_listed()
        other_role = "targets" if role == "root" else "root"
        # Nobody means to use the first root key of another factory again.
        fresh = [
            entry
            for entry in tarball.keys
            if entry.public.keyid not in known and entry.private is not None and not entry.name.endswith(_FIRST_ROOT)
        ]
        for entry in fresh:
            if f"fioctl-{other_role}-" in entry.name:
                raise wrong_role(tarball.label, entry.public.keyid, role=role, holds=other_role)
        active = {key.keyid: name for name in ("root", "targets") for key in root.keys_of(name)}
        for entry in tarball.keys:
            holds = active.get(entry.public.keyid)
            first = holds == "root" and role == "root"
            if holds is not None and not beside_active and not first:
                raise wrong_role(tarball.label, entry.public.keyid, role=role, holds=holds)
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


def holds_listed(tarball: Tarball, root: Root) -> bool:
    """Whether a tarball has a private key that the root lists for targets."""
    listed = {key.keyid for key in root.keys_of("targets")}
    return any(entry.public.keyid in listed and entry.private is not None for entry in tarball.keys)


def with_first_root(entries: dict[str, bytes], key: PrivateKey) -> dict[str, bytes]:
    """A tarball's entries and the factory's first root key, under the name that fioctl gives it if that is free."""
    named = entries_of(key, "first-root")
    if any(entries.get(name, data) != data for name, data in named.items()):
        named = entries_of(key, "root")
    return {**entries, **named}


def _write_if_new(path: Path, entries: Mapping[str, bytes]) -> None:
    """Write a tarball, unless it has these entries already."""
    if path.exists() and read_tarball(path).entries == dict(entries):
        return
    write_tarball(path, entries)


def _refuse_inside(*paths: Path) -> None:
    """Refuse tarballs inside the factory.

    Raises:
        InputError: ``keys-inside``.
    """
    for path in paths:
        if factory_around(path) is not None:
            raise InputError(
                "keys-inside",
                f"`{path}` lies inside the factory, which must not hold offline keys",
                hint="name a file elsewhere, best on a disk that is kept in a safe",
                fields={"path": str(path)},
            )


def _refuse_same(root_path: Path, targets_path: Path) -> None:
    """Refuse one tarball for both roles.

    Raises:
        InputError: ``same-tarball``.
    """
    if os.path.realpath(root_path) == os.path.realpath(targets_path):
        raise InputError(
            "same-tarball",
            f"`{root_path}` is named for the root key and for the targets key",
            hint="name two files: the root key stays in a safe while the targets key signs waves",
            fields={"path": str(root_path)},
        )


def wrong_role(label: str, keyid: str, *, role: str = "targets", holds: str = "root") -> TrustError:
    """The error about a tarball that holds a key of another role."""
    return TrustError(
        "wrong-role-key",
        f"`{label}` holds a {holds} key where a {role} key is asked for: `{keyid}`",
        hint=f"give the tarball of the {role} key, or the name of a file that does not exist yet",
        fields={"source": label, "role": role, "holds": holds, "keyid": keyid},
    )


def tarball_paths(*paths: str | Path) -> tuple[Path, ...]:
    """The paths of tarballs of offline keys, which are different files outside of the factory."""
    found = tuple(Path(path) for path in paths)
    if len(found) > 1:
        _refuse_same(*found)
    _refuse_inside(*found)
    return found


def write_tarballs(tarballs: Mapping[Path, Mapping[str, bytes]]) -> None:
    """Write tarballs, each with its entries; what they hold is replaced as a whole or not at all."""
    for path, entries in tarballs.items():
        _write_if_new(path, entries)


def initialised(what: str, path: Path, root: Root) -> StateError:
    """The error about a factory whose root is offline already."""
    return StateError(
        "keys-initialised",
        f"the factory has its offline keys already, and {what}",
        hint="use the tarballs that they were made in; rotating replaces keys",
        fields={"path": str(path), "role_version": root.version},
    )
