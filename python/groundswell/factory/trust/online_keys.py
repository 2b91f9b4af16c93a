"""The online keys of a factory: one file each, readable by its owner only. They never leave this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.errors import GroundswellError, InputError, StorageError, TrustError
from groundswell.files import remove_leftovers, replace_file, sync_folder
from groundswell.store import Home, cannot_read
from groundswell.tuf.canonical import canonical, parse
from groundswell.tuf.keys import PrivateKey, PublicKey
from groundswell.tuf.signers import signer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from groundswell.tuf.root import RoleName, Root
    from groundswell.tuf.signers import Signer

__all__ = [
    "KEYS_FOLDER",
    "ONLINE_ROLES",
    "ONLINE_ROOT_VERSION",
    "OnlineKeyring",
    "check_online_roles",
    "remove_retired",
]

KEYS_FOLDER: Final = "keys"
ONLINE_ROLES: Final[tuple[RoleName, ...]] = ("targets", "snapshot", "timestamp")
"""The roles that the factory signs by itself."""

ONLINE_ROOT_VERSION: Final = 2
"""Up to this version the factory holds the root key itself."""

_ENDING: Final = ".sec"
_PENDING: Final = ".new"
"""The ending of a key that a composed root lists, and that no root lists yet."""
_WAY_OUT: Final = "restore the file from a backup, or rotate the online keys"


class OnlineKeyring:
    """The folder of private keys with which the factory signs by itself, each in a file named by its keyid."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self._home: Final = Home(folder.parent)

    def add(self, key: PrivateKey) -> None:
        """Keep a key; it is on the disk when this returns.

        Raises:
            StorageError: ``cannot-write``.
        """
        self._write(key, _ENDING)

    def _write(self, key: PrivateKey, ending: str) -> None:
        self._home.require()
        try:
            if not self.folder.is_dir():
                self.folder.mkdir(mode=0o700)
                sync_folder(self.folder.parent)
        except OSError as error:
            raise _cannot_write(self.folder, error, "nothing was changed; free space, or get permission") from error
        with replace_file(self._path(key.public.keyid, ending), mode=0o600) as file:
            file.write(canonical(key.document))

    def add_pending(self, key: PrivateKey) -> None:
        """Keep a key that a composed root lists, until a root with it or another one is accepted.

        Raises:
            StorageError: ``cannot-write``.
        """
        self._write(key, _PENDING)

    def pending(self, public: PublicKey) -> PrivateKey:
        """The private half of a key that `add_pending` kept; as `load`."""
        return self._load(public, _PENDING)

    def drop_pending(self) -> None:
        """Remove the keys that `add_pending` kept: the roots that list them can follow no more, or have followed.

        Raises:
            StorageError: ``cannot-write``.
        """
        self._remove([file for file in self._names() if file.suffix == _PENDING])

    def has(self, keyid: str) -> bool:
        """Whether the key is here."""
        try:
            self._path(keyid).stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise cannot_read(self._path(keyid), error) from error
        return True

    def own_key(self, keys: Sequence[PublicKey]) -> PublicKey:
        """Of the keys of a role, which may be offline keys, too, the one that is here; the first if it was lost."""
        return next((key for key in keys if self.has(key.keyid)), keys[0])

    def load(self, public: PublicKey) -> PrivateKey:
        """The private half of a key.

        Raises:
            TrustError: ``online-key-missing``; ``online-key-damaged`` for a file that does not hold the key.
            StorageError: ``cannot-read``.
        """
        return self._load(public, _ENDING)

    def _load(self, public: PublicKey, ending: str) -> PrivateKey:
        path = self._path(public.keyid, ending)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise TrustError(
                "online-key-missing",
                f"the online key `{public.keyid}` is not in `{self.folder}`",
                hint=_WAY_OUT,
                fields={"keyid": public.keyid, "path": str(path)},
            ) from error
        except OSError as error:
            raise cannot_read(path, error) from error
        try:
            return PrivateKey.from_document(parse(data, str(path)), str(path), public=public)
        except GroundswellError as error:
            raise TrustError(
                "online-key-damaged",
                f"`{path}` does not hold the online key of its name: {error.message}",
                hint=_WAY_OUT,
                fields={"keyid": public.keyid, "path": str(path), "reason": error.message},
            ) from error

    def signer(self, public: PublicKey) -> Signer:
        """A signer of a key; as `load`."""
        return signer_of(self.load(public))

    def held(self) -> set[str]:
        """The keyids that are here."""
        return {file.stem for file in self._files()}

    def exposed(self) -> list[str]:
        """Files that others than their owner may read."""
        return [path.name for path in sorted(self._names()) if path.stat().st_mode & 0o077]

    def keep_only(self, keyids: Collection[str]) -> None:
        """Remove every other key: retired ones, and those that a crash left of a change that never was.

        Raises:
            StorageError: ``cannot-write``.
        """
        self._home.require()
        remove_leftovers(self.folder)
        self._remove([file for file in self._files() if file.stem not in keyids])

    def _remove(self, files: Sequence[Path]) -> None:
        try:
            for file in files:
                file.unlink(missing_ok=True)
            if files:
                sync_folder(self.folder)
        except OSError as error:
            hint = "keys that nothing needs any more may still be there; get permission to write there"
            raise _cannot_write(self.folder, error, hint) from error

    def _files(self) -> list[Path]:
        return [file for file in self._names() if file.suffix == _ENDING]

    def _names(self) -> list[Path]:
        self._home.require()
        try:
            return list(self.folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise cannot_read(self.folder, error) from error

    def _path(self, keyid: str, ending: str = _ENDING) -> Path:
        self._home.require()
        return self.folder / f"{keyid}{ending}"


def check_online_roles(roles: Sequence[RoleName]) -> None:
    """Refuse roles that the factory does not sign by itself, and no role at all.

    Raises:
        InputError: ``bad-role``.
    """
    for role in roles or ("",):
        if role not in ONLINE_ROLES:
            raise InputError(
                "bad-role",
                f"the role `{role}` has no online key" if role else "no role is named whose online key to rotate",
                hint=f"use one or more of {', '.join(ONLINE_ROLES)}",
                fields={"role": role, "roles": list(ONLINE_ROLES)},
            )


def remove_retired(keyring: OnlineKeyring, root: Root) -> None:
    """Remove private keys that the latest root does not list: retired ones, and leftovers of a crash.

    Raises:
        StorageError: ``cannot-write``.
    """
    wanted = {key.keyid for role in ONLINE_ROLES for key in root.keys_of(role)}
    if root.version <= ONLINE_ROOT_VERSION:
        wanted |= {key.keyid for key in root.keys_of("root")}
    keyring.keep_only(wanted)


def _cannot_write(folder: Path, error: OSError, hint: str) -> StorageError:
    reason = error.strerror or str(error)
    return StorageError(
        "cannot-write",
        f"`{folder}` cannot be written: {reason}",
        hint=hint,
        fields={"path": str(folder), "reason": reason},
    )
