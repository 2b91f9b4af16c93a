"""Tarballs of offline keys, as fioctl writes and reads them.

A gzip'd tar of ``tufrepo/keys/fioctl-{root|targets}-{keyid}.{pub,sec}`` and, from a factory's first day,
``tufrepo/keys/first-root.{pub,sec}``; mode 0, time 0, no folders. File names don't matter to a reader: a key is found
by its public half. Nothing is ever extracted, and what is read is bounded.

Source: wire.md section 4.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from groundswell.errors import GroundswellError, InputError, TrustError
from groundswell.input_files import read_file
from groundswell.outputs import output_file
from groundswell.tuf.canonical import canonical, cropped, parse
from groundswell.tuf.keys import PrivateKey, PublicKey
from groundswell.tuf.signers import signer_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from groundswell.tuf.signers import Signer

__all__ = ["KeyEntry", "Tarball", "entries_of", "read_tarball", "write_tarball"]

_FOLDER: Final = "tufrepo/keys/"
_MAX_FILE: Final = 1 << 20
_MAX_UNPACKED: Final = 8 << 20
_MAX_ENTRY: Final = 64 << 10
_MAX_ENTRIES: Final = 1000
_BLOCK: Final = 512
_EXTENSIONS: Final = b"LKxgXNS"
_MAX_CHAINED: Final = 4
_END: Final = bytes(2 * _BLOCK)


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key in a tarball.

    Args:
        name: its entries without the ending, such as ``tufrepo/keys/fioctl-root-ce52…``.
        public: the public half.
        private: the private half, if the tarball has it.
    """

    name: str
    public: PublicKey
    private: PrivateKey | None


@dataclass(frozen=True, slots=True)
class Tarball:
    """A tarball of offline keys, read into memory.

    Args:
        label: what to call it in an error: its path.
        keys: the keys, in the order of the file.
        entries: every entry as it is, for writing the tarball again with other keys beside them.
    """

    label: str
    keys: tuple[KeyEntry, ...]
    entries: dict[str, bytes]

    def __repr__(self) -> str:
        return f"Tarball({self.label!r}, {[key.public.keyid for key in self.keys]})"

    def signer_for(
        self, allowed: Iterable[PublicKey], role: str, *, others: Mapping[str, Iterable[PublicKey]] | None = None
    ) -> Signer:
        """The signer of the one key that is asked for.

        Args:
            allowed: the keys, one of which is wanted.
            role: what they are keys of, as an error should call it: ``"root"``, ``"targets"``.
            others: the keys of other roles, so that an error can tell what the tarball holds instead.

        Raises:
            TrustError: as `key_for`.
        """
        entry = self.key_for(allowed, role, others=others)
        if entry.private is None:
            raise TrustError(
                "no-private-key",
                f"`{self.label}` holds only the public half of the {role} key `{entry.public.keyid}`",
                hint="use the tarball in which the key was made",
                fields={"source": self.label, "role": role, "keyid": entry.public.keyid},
            )
        return signer_of(entry.private)

    def key_for(
        self, allowed: Iterable[PublicKey], role: str, *, others: Mapping[str, Iterable[PublicKey]] | None = None
    ) -> KeyEntry:
        """The one key that is asked for.

        Args:
            allowed: as in `signer_for`.
            role: as in `signer_for`.
            others: as in `signer_for`.

        Raises:
            TrustError: ``wrong-role-key`` where the tarball holds a key of another role; ``no-such-key`` where it
                holds none of the keys; ``two-active-keys`` where it holds more than one.
        """
        keyids = list(dict.fromkeys(key.keyid for key in allowed))
        found: dict[str, KeyEntry] = {}
        for entry in self.keys:
            keyid = entry.public.keyid
            if keyid in keyids and (keyid not in found or found[keyid].private is None):
                found[keyid] = entry
        if not found:
            raise self._none_of(keyids, role, others or {})
        if len(found) > 1:
            raise TrustError(
                "two-active-keys",
                f"`{self.label}` holds two active keys of the role {role}: `{'`, `'.join(found)}`",
                hint="keep one active key in a tarball, so that it is plain who signs",
                fields={"source": self.label, "role": role, "keyids": list(found)},
            )
        return next(iter(found.values()))

    def _none_of(self, keyids: list[str], role: str, others: Mapping[str, Iterable[PublicKey]]) -> TrustError:
        held = {entry.public.keyid for entry in self.keys}
        for other, keys in others.items():
            for key in keys:
                if other != role and key.keyid in held:
                    return TrustError(
                        "wrong-role-key",
                        f"`{self.label}` holds a {other} key where a {role} key is asked for: `{key.keyid}`",
                        hint=f"give the tarball of the {role} key",
                        fields={"source": self.label, "role": role, "holds": other, "keyid": key.keyid},
                    )
        asked = f"which is one of `{'`, `'.join(keyids)}`" if keyids else "of which there is none yet"
        return TrustError(
            "no-such-key",
            f"`{self.label}` does not hold the {role} key, {asked}",
            hint="give the tarball in which that key was made",
            fields={"source": self.label, "role": role, "asked": keyids, "holds": sorted(held)},
        )


def read_tarball(path: Path, *, allow_rsa: bool = False) -> Tarball:
    """Read a tarball of offline keys.

    Args:
        path: the file.
        allow_rsa: as in `PublicKey.from_document`.

    Returns:
        The tarball; it holds at least one key. RSA keys that are not allowed stay in its entries alone.

    Raises:
        InputError: ``bad-tarball`` for what is not a gzip'd tar, is truncated, too large, or holds no key or a ``.sec``
            without its ``.pub``; ``broken-json``, ``ambiguous-json``, ``bad-key`` and, for a tarball without any
            other key, ``rsa-key`` name the entry.
        TrustError: ``key-mismatch`` where the halves of a key don't belong together.
        NotFoundError, StorageError: as `read_file`.

    Cost: bounded by 8 MiB.
    """
    label = str(path)
    entries = _entries(_unpacked(read_file(path, at_most=_MAX_FILE + 1), label), label)
    keys: list[KeyEntry] = []
    refused: InputError | None = None
    for name, data in entries.items():
        where = f"{cropped(name)} in {label}"
        stem, dot, ending = name.rpartition(".")
        if dot and ending == "sec" and f"{stem}.pub" not in entries:
            raise _bad(label, f"holds `{cropped(name)}` without the `.pub` beside it", entry=name)
        if dot and ending == "pub":
            try:
                public = PublicKey.from_document(parse(data.strip(), where), where, allow_rsa=allow_rsa)
            except InputError as error:
                if error.code != "rsa-key":
                    raise
                # fioctl leaves old keys in a tarball: one of another type does not spoil those that can be used.
                refused = refused or error
                continue
            private = None
            if f"{stem}.sec" in entries:
                where = f"{cropped(stem)}.sec in {label}"
                private = PrivateKey.from_document(
                    parse(entries[f"{stem}.sec"].strip(), where), where, public=public, allow_rsa=allow_rsa
                )
            keys.append(KeyEntry(stem, public, private))
    if not keys:
        raise refused or _bad(label, "holds no key")
    return Tarball(label, tuple(keys), entries)


def entries_of(key: PrivateKey, role: Literal["root", "targets", "first-root"]) -> dict[str, bytes]:
    """The two entries of a key, named and spelled as fioctl does.

    Args:
        key: the key.
        role: what it is made for; ``"first-root"`` for the key of a factory's first roots.

    >>> [name.partition("-")[0] for name in entries_of(PrivateKey.from_seed_hex("00" * 32), "root")]
    ['tufrepo/keys/fioctl', 'tufrepo/keys/fioctl']
    """
    stem = _FOLDER + ("first-root" if role == "first-root" else f"fioctl-{role}-{key.public.keyid}")
    return {f"{stem}.pub": canonical(key.public.document), f"{stem}.sec": canonical(key.document)}


def write_tarball(path: Path, entries: Mapping[str, bytes]) -> None:
    """Write a tarball of offline keys, readable by its owner only; it replaces `path` as a whole or not at all.

    Args:
        path: the file.
        entries: what it holds, by name: of `entries_of`, and of `Tarball.entries` when keys are added to a tarball.

    Raises:
        NotFoundError, InputError, StorageError: as `output_file`.

    The same entries always come to the same bytes.
    """
    archive = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=archive, mtime=0) as packed:
        for name in sorted(entries):
            header = tarfile.TarInfo(name)
            header.size, header.mode, header.mtime = len(entries[name]), 0, 0
            packed.write(_header_bytes(header))
            packed.write(entries[name] + bytes(-len(entries[name]) % _BLOCK))
        packed.write(_END)
    with output_file(path, mode=0o600, may_replace="keys") as file:
        file.write(archive.getvalue())


def _header_bytes(header: tarfile.TarInfo) -> bytes:
    """A header as fioctl writes it; a name that is too long for that, of an entry that somebody added, as GNU does."""
    try:
        return header.tobuf(tarfile.USTAR_FORMAT)
    except ValueError:
        return header.tobuf(tarfile.GNU_FORMAT)


def _unpacked(data: bytes, label: str) -> bytes:
    if len(data) > _MAX_FILE:
        raise _bad(label, f"is larger than {_MAX_FILE >> 20} MiB")
    if not data:
        raise _bad(label, "is empty")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            unpacked = packed.read(_MAX_UNPACKED + 1)
    except gzip.BadGzipFile as error:
        damaged = data.startswith(b"\x1f\x8b")
        raise _bad(label, "is damaged: its checksum is wrong" if damaged else "is not a gzip file") from error
    except EOFError as error:
        raise _bad(label, "is truncated") from error
    except zlib.error as error:
        raise _bad(label, "is damaged: it does not unpack") from error
    if len(unpacked) > _MAX_UNPACKED:
        raise _bad(label, f"unpacks to more than {_MAX_UNPACKED >> 20} MiB")
    return unpacked


def _entries(data: bytes, label: str) -> dict[str, bytes]:
    _check_headers(data, label)
    entries: dict[str, bytes] = {}
    after = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                after = archive.offset
                if not member.isdir():
                    entries[member.name] = _content(archive, member, entries, label)
    except GroundswellError:
        raise
    except (tarfile.TarError, ValueError, OverflowError, OSError, LookupError, RecursionError) as error:
        raise _bad(label, "is truncated" if entries else "is gzip, but holds no tar archive") from error
    # The library takes a header cut in two, or a damaged one, for the end.
    if len(data) <= after or any(data[after:]):
        raise _bad(label, "is truncated or damaged: its end is missing")
    return entries


def _check_headers(data: bytes, label: str) -> None:
    """Refuse what the library would follow without end: headers that only say something about the next one."""
    at = chained = 0
    while at + _BLOCK <= len(data) and data[at] != 0:
        kind, size = data[at + 156 : at + 157], _size(data[at + 124 : at + 136])
        chained = chained + 1 if kind in _EXTENSIONS else 0
        if chained > _MAX_CHAINED:
            raise _bad(label, f"has more than {_MAX_CHAINED} headers in a row that name no file")
        if size is None or size > _MAX_UNPACKED:
            return  # the library says what is wrong with it
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK


def _size(text: bytes) -> int | None:
    """The size in a header, in octal or, after a byte of 128, in binary; None if it is neither."""
    if text[:1] == b"\x80":
        return int.from_bytes(text[1:], "big")
    try:
        return int(text.rstrip(b"\0 ").lstrip() or b"0", 8)
    except ValueError:
        return None


def _content(archive: Any, member: tarfile.TarInfo, entries: dict[str, bytes], label: str) -> bytes:
    shown = cropped(member.name)
    if not member.isreg() or member.issparse():
        raise _bad(label, f"holds `{shown}`, which is not a plain file", entry=member.name)
    if member.name in entries:
        raise _bad(label, f"holds `{shown}` twice", entry=member.name)
    if member.size > _MAX_ENTRY:
        raise _bad(label, f"holds `{shown}` of {member.size} bytes, which is too large for a key", entry=member.name)
    if len(entries) == _MAX_ENTRIES:
        raise _bad(label, f"holds more than {_MAX_ENTRIES} entries")
    content: bytes = archive.extractfile(member).read()
    return content


def _bad(label: str, what: str, *, entry: str | None = None) -> InputError:
    return InputError(
        "bad-tarball",
        f"`{label}` {what}",
        hint="give a tarball of offline keys that Groundswell or fioctl wrote; restore it from its safe copy",
        fields={"source": label, "reason": what} | ({} if entry is None else {"entry": cropped(entry)}),
    )
