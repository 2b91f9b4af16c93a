"""Who else can change a factory: its directory, its files, its online keys."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from groundswell.factory.trust.online_keys import KEYS_FOLDER
from groundswell.store import AUDIT_LOG, DATABASE, LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["open_to_everyone", "permission_warnings"]

_PARTS = ("", KEYS_FOLDER, "audit", DATABASE, AUDIT_LOG, LOCK)


def open_to_everyone(folder: Path) -> list[Path]:
    """The directory, and what is in it, that any user can write to.

    Raises:
        OSError: as it comes.
    """
    return list(_writable(folder, stat.S_IWOTH))


def permission_warnings(folder: Path) -> list[str]:
    """A sentence for each of its parts that other users can write to, those that everyone can write to first."""
    everyone = open_to_everyone(folder)
    group = [path for path in _writable(folder, stat.S_IWGRP) if path not in everyone]
    return [
        *(f"anyone can write to {path}, and so replace keys and history: chmod o-w it" for path in everyone),
        *(f"the group of {path} can write to it, and so replace keys and history: chmod g-w it" for path in group),
    ]


def _writable(folder: Path, who: int) -> Iterator[Path]:
    for part in _PARTS:
        path = folder / part
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        if mode & who and not stat.S_ISLNK(mode):
            yield path
