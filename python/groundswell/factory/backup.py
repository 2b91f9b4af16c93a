"""Backups: a whole factory in one file, and a factory out of such a file.

The file is an uncompressed tar: ``manifest.json`` first, then the files of the factory, whose sizes and digests the
manifest lists. It holds the online keys, so it is written readable by its owner only.

The audit log is checked on the way: who backs up a factory that is not valid is told so, and so is who restores it.

A restored factory may be older than what devices have seen, so its epochs jump: past the timestamp version that the
operator knows of, or by a million.

Source: wire.md 3.9.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from groundswell.errors import InputError, StateError, StorageError
from groundswell.factory.clock import ACCEPTED_CLOCK
from groundswell.factory.context import Context, seconds
from groundswell.factory.placing import placed
from groundswell.factory.trust.online_keys import KEYS_FOLDER, OnlineKeyring
from groundswell.factory.trust.publisher import Publisher
from groundswell.factory.trust.roots import REPOSITORIES, Roots
from groundswell.files import replace_file
from groundswell.input_files import file_not_found, refuse_open_database
from groundswell.json_text import parse_json
from groundswell.outputs import check_output, factory_around, output_file
from groundswell.store import AUDIT_LOG, DATABASE, DuckDBStore, cannot_read
from groundswell.tuf.documents import MAX_VERSION
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from groundswell.store import Change

__all__ = ["EPOCH_JUMP", "Restored", "restore_backup", "write_backup"]

EPOCH_JUMP: Final = 1_000_000
_FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_MAX_MANIFEST: Final = 64 << 20
_BLOCK: Final = 1 << 20
_END: Final = 2 * tarfile.BLOCKSIZE
"""Zeros at the end of an archive."""
_LAST_INSTANT: Final = 253_402_300_800
"""The year 10000, in seconds since 1970."""
_NAMES: Final = re.compile(
    rf"{re.escape(DATABASE)}|{re.escape(AUDIT_LOG)}|audit/[0-9]{{8,}}(?:-[0-9]+-[a-z_]+\.arrow|\.segment|\.snapshot)|{KEYS_FOLDER}/[0-9a-f]{{64}}\.sec"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restoration came to.

    Args:
        path: the factory.
        name: its name.
        revision: its revision now.
        backed_up_at: when the backup was made.
        epochs: the epoch of each repository now: devices must not have seen a higher one.
    """

    path: Path
    name: str
    revision: int
    backed_up_at: datetime
    epochs: dict[str, int]


def write_backup(context: Context, path: Path | IO[bytes], *, now: datetime | None = None) -> int:
    """Write a backup of an open factory; see `groundswell.factory.Factory.backup`."""
    store = context.store
    assert isinstance(store, DuckDBStore)  # noqa: S101 - a backup copies the files of an embedded store
    folder = store.folder
    if isinstance(path, Path) and factory_around(path) is not None:
        raise InputError(
            "backup-inside",
            f"`{path}` lies inside the factory that it would be a backup of",
            hint="write it to another disk",
            fields={"path": str(path)},
        )
    if isinstance(path, Path):
        check_output(path, may_replace="backup")
    with context.store.changing():
        store.checkpoint()
        contents = _contents(store)
        fault = store.log_fault({content.name: content.sha256 for content in contents})
        if fault is not None and isinstance(path, Path) and path.is_file():
            raise _unsound(str(path), f"was left as it is, because the factory `{folder}` is not valid now", fault)
        with _opened(path) as file:
            size = _stream(context, contents, file, seconds(now))
    if fault is not None:
        label = str(path) if isinstance(path, Path) else "the backup"
        raise _unsound(label, "was written, but what it saved is not valid", fault)
    return size


def _opened(path: Path | IO[bytes]) -> contextlib.AbstractContextManager[IO[bytes]]:
    if isinstance(path, Path):
        return output_file(path, mode=0o600, may_replace="backup")
    return contextlib.nullcontext(path)


@dataclass(frozen=True, slots=True)
class _Content:
    """A file of the factory that goes into the backup."""

    name: str
    size: int
    sha256: str
    path: Path
    descriptor: int | None
    """Where it is read from, if not from its path."""

    def blocks(self) -> Iterator[bytes]:
        """What is in it, up to the size that was found first: a log may have grown since."""
        left = self.size
        with _reading(self.path, self.descriptor) as read:
            while left:
                block = read(min(_BLOCK, left), self.size - left)
                if not block:
                    raise cannot_read(self.path, "it became shorter while it was read")
                left -= len(block)
                yield block


@contextlib.contextmanager
def _reading(path: Path, descriptor: int | None) -> Iterator[Callable[[int, int], bytes]]:
    """A function that reads so many bytes at an offset."""
    own = None
    try:
        if descriptor is None:
            descriptor = own = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        yield functools.partial(os.pread, descriptor)
    except OSError as error:
        raise cannot_read(path, error) from error
    finally:
        if own is not None:
            os.close(own)


def _contents(store: DuckDBStore) -> list[_Content]:
    """The files of a factory, each with its size and digest."""
    names = [AUDIT_LOG]
    for below in ("audit", KEYS_FOLDER):
        found = (f"{below}/{file.name}" for file in _files(store.folder / below))
        names += sorted(name for name in found if _NAMES.fullmatch(name))
    # To close a descriptor of the database file would release DuckDB's lock on it: the store keeps one.
    contents = [_measured(DATABASE, store.folder / DATABASE, store.database_file())]
    return contents + [_measured(name, store.folder / name, None) for name in names]


def _measured(name: str, path: Path, descriptor: int | None) -> _Content:
    try:
        size = (path.stat() if descriptor is None else os.fstat(descriptor)).st_size
    except OSError as error:
        raise cannot_read(path, error) from error
    digest = hashlib.sha256()
    for block in _Content(name, size, "", path, descriptor).blocks():
        digest.update(block)
    return _Content(name, size, digest.hexdigest(), path, descriptor)


def _files(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise cannot_read(folder, error) from error


def _stream(context: Context, contents: list[_Content], file: IO[bytes], at: int) -> int:
    """Write a backup in one pass, as a pipe needs it; the number of bytes."""
    manifest = {
        "format": _FORMAT,
        "factory": context.meta("name"),
        "revision": context.store.revision,
        "backed_up_at": at,
        "files": [{"name": content.name, "size": content.size, "sha256": content.sha256} for content in contents],
    }
    data = json.dumps(manifest).encode()
    size = _add(file, _MANIFEST, len(data), [data])
    for content in contents:
        size += _add(file, content.name, content.size, content.blocks())
    return size + file.write(bytes(_END))


def _add(file: IO[bytes], name: str, size: int, blocks: Iterable[bytes]) -> int:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    written = file.write(header.tobuf(tarfile.GNU_FORMAT))
    for block in blocks:
        written += file.write(block)
    return written + file.write(bytes(-size % tarfile.BLOCKSIZE))


def restore_backup(
    backup: Path,
    path: Path,
    *,
    last_timestamp_version: int | None = None,
    user: str,
    now: datetime | None = None,
    accept_clock: bool = False,
) -> Restored:
    """Make a factory out of a backup; see `groundswell.factory.Factory.restore`."""
    _check_version(last_timestamp_version)
    if factory_around(path.parent) is not None:  # the folder itself is a matter of `_refuse_taken`
        check_output(path)
    _refuse_taken(path)
    with placed(path, _refuse_taken) as fresh:
        manifest = _extract(backup, fresh)
        restored, fault = _jump(
            fresh,
            path,
            manifest,
            last=last_timestamp_version,
            user=user,
            at=seconds(now),
            accept_clock=accept_clock,
        )
    if fault is not None:
        raise _unsound(str(path), f"was restored, but what `{backup}` holds is not valid", fault)
    return restored


def _unsound(path: str, what: str, fault: str) -> StorageError:
    return StorageError(
        "unsound-backup",
        f"`{path}` {what}: {fault}",
        hint="use an older backup if there is one; to save a damaged factory as it is, name a new file",
        fields={"path": path, "fault": fault},
    )


def _check_version(version: int | None) -> None:
    if version is not None and not 0 <= version < MAX_VERSION:
        raise InputError(
            "bad-timestamp-version",
            f"the timestamp version `{version}` is no whole number from 0 to {MAX_VERSION - 1}",
            hint="give the highest version of timestamp.json that devices have seen, or leave it out",
            fields={"version": version},
        )


def _refuse_taken(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise StateError(
            "folder-not-empty",
            f"`{path}` is there already" + ("" if path.is_dir() else ", and is a file"),
            hint="a factory is restored to a directory that is empty or does not exist; move the old one away",
            fields={"path": str(path)},
        )


@dataclass(frozen=True, slots=True)
class _Listed:
    """A file that the manifest lists."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What the manifest says, checked."""

    backed_up_at: datetime
    files: tuple[_Listed, ...]


def _extract(backup: Path, fresh: Path) -> _Manifest:
    label = str(backup)
    refuse_open_database(backup)
    try:
        file = backup.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise file_not_found(backup) from error
    except IsADirectoryError as error:
        raise InputError("is-a-folder", f"`{label}` is a folder", hint="name a file", fields={"path": label}) from error
    except OSError as error:
        raise cannot_read(backup, error) from error
    with file:
        manifest = _read_manifest(file, backup)
        for listed in manifest.files:
            if _header(file, backup) != (listed.name, listed.size):
                raise _bad(label, f"is cut off, or holds something else where `{listed.name}` is expected")
            _unpack(file, listed, fresh, backup)
    return manifest


def _read(file: IO[bytes], size: int, backup: Path) -> bytes:
    """So many bytes, or fewer at the end of the file."""
    try:
        return file.read(size)
    except OSError as error:
        raise cannot_read(backup, error) from error


def _header(file: IO[bytes], backup: Path) -> tuple[str, int] | None:
    """The name and the size of the next member; None for what is not a plain file."""
    try:
        # Header by header: the library follows chains of long names and sparse maps, which a backup does not have.
        found = tarfile.TarInfo.frombuf(_read(file, tarfile.BLOCKSIZE, backup), "utf-8", "strict")
    except (tarfile.HeaderError, ValueError):
        return None
    return (found.name, found.size) if found.type in {tarfile.REGTYPE, tarfile.AREGTYPE} else None


def _read_manifest(file: IO[bytes], backup: Path) -> _Manifest:
    label = str(backup)
    name, size = _header(file, backup) or ("", 0)
    if name != _MANIFEST or not 0 <= size <= _MAX_MANIFEST:
        raise _bad(label, "is not a backup of a factory")
    data = _read(file, size, backup)
    _read(file, -size % tarfile.BLOCKSIZE, backup)
    try:
        said = parse_json(data, _MANIFEST, max_bytes=_MAX_MANIFEST)
    except InputError as error:
        raise _bad(label, f"has a bad manifest: {error.message}") from error
    if not isinstance(said, dict) or not isinstance(said.get("format"), int | str):
        raise _bad(label, "has a manifest without a format")
    if said["format"] != _FORMAT:
        raise StateError(
            "newer-factory",
            f"`{label}` has the format {said['format']}, and this groundswell knows {_FORMAT}",
            hint="use the newer version of groundswell that wrote it",
            fields={"path": label, "format": said["format"]},
        )
    at, files = said.get("backed_up_at"), said.get("files")
    if type(at) is not int or not 0 <= at < _LAST_INSTANT:
        raise _bad(label, "has a manifest without the instant of the backup")
    listed = tuple(_listed(entry, label) for entry in files) if isinstance(files, list) else ()
    names = [one.name for one in listed]
    missing = {DATABASE, AUDIT_LOG} - set(names)
    if missing:
        raise _bad(label, f"is not a whole factory: it lacks `{min(missing)}`")
    if len(set(names)) < len(names):
        raise _bad(label, "has a manifest that lists a file twice")
    return _Manifest(instant(at), listed)


def _listed(entry: object, label: str) -> _Listed:
    if isinstance(entry, dict):
        name, size, digest = entry.get("name"), entry.get("size"), entry.get("sha256")
        known = isinstance(name, str) and _NAMES.fullmatch(name) and isinstance(digest, str)
        if known and type(size) is int and size >= 0:
            return _Listed(str(name), size, str(digest))
    raise _bad(label, "has a manifest that lists something else than a file of a factory")


def _unpack(file: IO[bytes], listed: _Listed, fresh: Path, backup: Path) -> None:
    out = fresh / listed.name
    out.parent.mkdir(mode=0o700, exist_ok=True)
    digest, left = hashlib.sha256(), listed.size
    with replace_file(out, mode=0o600) as target:
        while left:
            block = _read(file, min(_BLOCK, left), backup)
            if not block:
                raise _bad(str(backup), f"is cut off in `{listed.name}`")
            digest.update(block)
            target.write(block)
            left -= len(block)
    _read(file, -listed.size % tarfile.BLOCKSIZE, backup)
    if digest.hexdigest() != listed.sha256:
        raise _bad(str(backup), f"is damaged: `{listed.name}` is not what was backed up")


def _jump(
    fresh: Path, path: Path, manifest: _Manifest, *, last: int | None, user: str, at: int, accept_clock: bool
) -> tuple[Restored, str | None]:
    """Let the epochs be higher than any that a device can have seen, and sign what is served under them.

    Returns:
        What was restored, and what is wrong with its audit log, if anything.
    """
    store = DuckDBStore.open(fresh, owner="groundswell restore", wait=0, staged=True)
    try:
        fault = store.log_fault({one.name: one.sha256 for one in manifest.files})
        context = Context(store, fresh, user)
        roots, publisher = Roots(context), Publisher(context, OnlineKeyring(fresh / KEYS_FOLDER))
        changes: list[Change] = []
        epochs: dict[str, int] = {}
        for repository in REPOSITORIES:
            served = publisher.served(repository)
            before = publisher.epoch(repository)
            after = max(before, last) if last is not None else before + EPOCH_JUMP
            epochs[repository] = after + 1
            changes += publisher.publish(
                repository,
                served,
                roots.root(repository),
                now=instant(at),
                epoch=after + 1,
                accept_clock=accept_clock,
            )
        summary = "restored a backup; the epochs jumped"
        details: dict[str, object] = {"epochs": epochs}
        if accept_clock:
            summary += "; accepted the clock"
            details[ACCEPTED_CLOCK] = True
        revision = context.commit("restore", summary, changes, at=at, details=details)
        restored = Restored(
            path=path, name=context.meta("name"), revision=revision, backed_up_at=manifest.backed_up_at, epochs=epochs
        )
        return restored, fault
    finally:
        store.close()


def _bad(label: str, what: str) -> InputError:
    return InputError(
        "bad-backup",
        f"`{label}` {what}",
        hint="nothing was changed; give a file that a backup wrote, or another copy of it",
        fields={"path": label, "reason": what},
    )
