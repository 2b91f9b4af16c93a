"""The online keys of a factory: one file each, readable by its owner only. They never leave this folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from groundswell.errors import TrustError
from groundswell.files import replace_file
from groundswell.tuf.canonical import canonical, parse
from groundswell.tuf.keys import PrivateKey, PublicKey
from groundswell.tuf.signers import signer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from groundswell.tuf.signers import Signer

__all__ = ["KEYS_FOLDER", "OnlineKeyring"]

KEYS_FOLDER: Final = "keys"
_ENDING: Final = ".sec"


class OnlineKeyring:
    """The folder of private keys with which the factory signs by itself, each in a file named by its keyid."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder

    def add(self, key: PrivateKey) -> None:
        """Keep a key; it is on the disk when this returns.

        Raises:
            StorageError: ``cannot-write``.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with replace_file(self._path(key.public.keyid), mode=0o600) as file:
            file.write(canonical(key.document))

    def has(self, keyid: str) -> bool:
        """Whether the key is here."""
        return self._path(keyid).exists()

    def own_key(self, keys: Sequence[PublicKey]) -> PublicKey:
        """Of the keys of a role, which may be offline keys, too, the one that is here; the first if it was lost."""
        return next((key for key in keys if self.has(key.keyid)), keys[0])

    def load(self, public: PublicKey) -> PrivateKey:
        """The private half of a key.

        Raises:
            TrustError: ``online-key-missing``; ``key-mismatch`` for a file that holds another key.
            InputError: ``broken-json``, ``bad-key`` for a file that holds none.
        """
        path = self._path(public.keyid)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise TrustError(
                "online-key-missing",
                f"the online key `{public.keyid}` cannot be read from `{self.folder}`: {error.strerror}",
                hint="restore the folder from a backup, or rotate the online keys",
                fields={"keyid": public.keyid, "path": str(path)},
            ) from error
        return PrivateKey.from_document(parse(data, str(path)), str(path), public=public)

    def signer(self, public: PublicKey) -> Signer:
        """A signer of a key; as `load`."""
        return signer_of(self.load(public))

    def held(self) -> set[str]:
        """The keyids that are here."""
        if not self.folder.is_dir():
            return set()
        return {path.name.removesuffix(_ENDING) for path in self.folder.iterdir() if path.name.endswith(_ENDING)}

    def exposed(self) -> list[str]:
        """Files that others than their owner may read."""
        return [
            path.name
            for path in sorted(self.folder.iterdir() if self.folder.is_dir() else [])
            if path.stat().st_mode & 0o077
        ]

    def keep_only(self, keyids: Collection[str]) -> None:
        """Remove every other key: retired ones, and those that a crash left of a change that never was."""
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if path.name.removesuffix(_ENDING) not in keyids:
                path.unlink(missing_ok=True)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _path(self, keyid: str) -> Path:
        return self.folder / f"{keyid}{_ENDING}"
