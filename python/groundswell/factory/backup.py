"""Backups: a whole factory in one file, and a factory out of such a file.

The file is an uncompressed tar: ``manifest.json`` first, then the files of the factory, whose sizes and digests the
manifest lists. It holds the online keys, so it is written readable by its owner only.

A restored factory may be older than what devices have seen, so its epochs jump: past the timestamp version that the
operator knows of, or by a million.

Source: wire.md 3.9.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from groundswell.errors import GroundswellError, InputError, StateError, StorageError
from groundswell.factory.context import Context, seconds
from groundswell.factory.online_keys import KEYS_FOLDER, OnlineKeyring
from groundswell.factory.placing import placed
from groundswell.factory.publisher import Publisher
from groundswell.factory.roots import REPOSITORIES, Roots
from groundswell.files import replace_file
from groundswell.fleet.quantities import instant
from groundswell.input_files import file_not_found
from groundswell.outputs import check_output, factory_around, output_file
from groundswell.store import AUDIT_LOG, DATABASE, DuckDBStore
from groundswell.tuf.documents import LARGEST_VERSION

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.store import Change

__all__ = ["EPOCH_JUMP", "Restored", "restore_backup", "write_backup"]

EPOCH_JUMP: Final = 1_000_000
_FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_MOST_MANIFEST: Final = 64 << 20
_BLOCK: Final = 1 << 20
_END: Final = bytes(1024)
_NAMES: Final = re.compile(
    rf"{re.escape(DATABASE)}|{re.escape(AUDIT_LOG)}|audit/[0-9]{{8,}}-[0-9]+-[a-z_]+\.arrow|{KEYS_FOLDER}/[0-9a-f]{{64}}\.sec"
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
    folder = context.store.folder
    if isinstance(path, Path) and factory_around(path) is not None:
        raise InputError(
            "backup-inside",
            f"`{path}` lies inside the factory that it would be a backup of",
            hint="write it to another disk",
            fields={"path": str(path)},
        )
    if isinstance(path, Path):
        check_output(path, may_replace="backup")
    with context.store.turn():
        context.store.checkpoint()
        names = [DATABASE, AUDIT_LOG]
        for below in ("audit", KEYS_FOLDER):
            names += sorted(
                f"{below}/{file.name}" for file in _files(folder / below) if _NAMES.fullmatch(f"{below}/{file.name}")
            )
        files = [
            {"name": name, "size": (folder / name).stat().st_size, "sha256": _digest(folder / name)} for name in names
        ]
        manifest = {
            "format": _FORMAT,
            "factory": context.meta("name"),
            "revision": context.store.revision,
            "backed_up_at": seconds(now),
            "files": files,
        }
        with _opened(path) as file:
            size = _add(file, _MANIFEST, io.BytesIO(json.dumps(manifest).encode()), None)
            for entry in files:
                with (folder / str(entry["name"])).open("rb") as content:
                    size += _add(file, str(entry["name"]), content, int(str(entry["size"])))
            file.write(_END)
            return size + len(_END)


def _opened(path: Path | IO[bytes]) -> contextlib.AbstractContextManager[IO[bytes]]:
    if isinstance(path, Path):
        return output_file(path, mode=0o600, may_replace="backup")
    return contextlib.nullcontext(path)


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.is_file()] if folder.is_dir() else []


def _add(file: IO[bytes], name: str, content: IO[bytes], size: int | None) -> int:
    """Write one file of the tar; how many bytes it takes there. A pipe is never asked where it is."""
    header = tarfile.TarInfo(name)
    if size is None:
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
    header.size, header.mode = size, 0o600
    file.write(header.tobuf(tarfile.GNU_FORMAT))
    shutil.copyfileobj(content, file, _BLOCK)
    padding = -size % 512
    file.write(bytes(padding))
    return 512 + size + padding


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore_backup(
    backup: Path,
    path: Path,
    *,
    last_timestamp_version: int | None = None,
    user: str,
    now: datetime | None = None,
) -> Restored:
    """Make a factory out of a backup; see `groundswell.factory.Factory.restore`."""
    _check_version(last_timestamp_version)
    if factory_around(path.parent) is not None:  # the folder itself is a matter of `_refuse_taken`
        check_output(path)
    _refuse_taken(path)
    with placed(path, _refuse_taken) as fresh:
        manifest = _extract(backup, fresh)
        epochs, name, revision = _jump(fresh, last_timestamp_version, user, now)
    return Restored(
        path=path, name=name, revision=revision, backed_up_at=instant(int(manifest["backed_up_at"])), epochs=epochs
    )


def _check_version(version: int | None) -> None:
    if version is not None and not 0 <= version < LARGEST_VERSION:
        raise InputError(
            "bad-timestamp-version",
            f"the timestamp version `{version}` is no whole number from 0 to {LARGEST_VERSION - 1}",
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


def _extract(backup: Path, fresh: Path) -> dict[str, Any]:
    label = str(backup)
    try:
        file = backup.open("rb")
    except FileNotFoundError as error:
        raise file_not_found(backup) from error
    except OSError as error:
        raise StorageError(
            "cannot-read",
            f"`{backup}` cannot be read: {error.strerror}",
            hint="get permission to read it",
            fields={"path": label, "reason": error.strerror or ""},
        ) from error
    with file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                return _unpack(archive, fresh, label)
        except GroundswellError:
            raise
        except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
            raise _bad(label, "is no backup of a factory, or is cut off") from error


def _unpack(archive: tarfile.TarFile, fresh: Path, label: str) -> dict[str, Any]:
    first = archive.next()
    content = archive.extractfile(first) if first is not None and first.name == _MANIFEST else None
    if first is None or content is None or first.size > _MOST_MANIFEST:
        raise _bad(label, "is no backup of a factory")
    manifest: dict[str, Any] = json.loads(content.read())
    if manifest["format"] != _FORMAT:
        raise StateError(
            "newer-factory",
            f"`{label}` has the format {manifest['format']}, and this groundswell knows {_FORMAT}",
            hint="use the newer version of groundswell that wrote it",
            fields={"path": label, "format": manifest["format"]},
        )
    missing = {DATABASE, AUDIT_LOG} - {str(entry["name"]) for entry in manifest["files"]}
    if missing:
        raise _bad(label, f"is no whole factory: it lacks `{min(missing)}`")
    for entry in manifest["files"]:
        name = str(entry["name"])
        member = archive.next()
        if member is None or member.name != name or not member.isreg() or not _NAMES.fullmatch(name):
            raise _bad(label, f"is cut off, or holds something else where `{name[:100]}` is expected")
        source = archive.extractfile(member)
        assert source is not None  # noqa: S101 - it is a regular file
        out = fresh / name
        out.parent.mkdir(mode=0o700, exist_ok=True)
        with replace_file(out, mode=0o600) as file:
            shutil.copyfileobj(source, file, _BLOCK)
        if out.stat().st_size != entry["size"] or _digest(out) != entry["sha256"]:
            raise _bad(label, f"is damaged: `{name}` is not what was backed up")
    return manifest


def _jump(fresh: Path, last: int | None, user: str, now: datetime | None) -> tuple[dict[str, int], str, int]:
    """Let the epochs be higher than any that a device can have seen, and sign what is served under them."""
    at = seconds(now)
    store = DuckDBStore.open(fresh, owner="groundswell restore", wait=0)
    try:
        context = Context(store, fresh, user)
        roots, publisher = Roots(context), Publisher(context, OnlineKeyring(fresh / KEYS_FOLDER))
        changes: list[Change] = []
        epochs: dict[str, int] = {}
        for repository in REPOSITORIES:
            served = publisher.served(repository)
            before = publisher.epoch(repository)
            after = max(before, last) if last is not None else before + EPOCH_JUMP
            epochs[repository] = after + 1
            changes += publisher.publish(repository, served, roots.root(repository), now=instant(at), epoch=after + 1)
        summary = "restored a backup; the epochs jumped"
        revision = context.commit("restore", summary, changes, at=at, details={"epochs": epochs})
        return epochs, context.meta("name"), revision
    finally:
        store.close()


def _bad(label: str, what: str) -> InputError:
    return InputError(
        "bad-backup",
        f"`{label}` {what}",
        hint="nothing was changed; give a file that a backup wrote, or another copy of it",
        fields={"path": label, "reason": what},
    )
