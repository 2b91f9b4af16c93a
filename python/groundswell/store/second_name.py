"""A second name for a database file, for a forked child whose ancestor had it open.

DuckDB keeps one instance per file name and process. The ancestor's instance is still in the memory of the child and
cannot be used or closed there, so the child opens the same file through a hard link. DuckDB's lock is on the file, not
on its name.

DuckDB names the write-ahead log after the database, so nobody replays the one beside the link if the child is killed.
Nothing is lost: the next owner reads those changes from the audit log.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from typing import TYPE_CHECKING, Final

from groundswell.files import sync_folder, temporary_path
from groundswell.store.process import Descriptor, Home, inherited

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SecondName", "usable_name"]


class SecondName:
    """A folder beside a database with a hard link to it, and to the write-ahead log that a killed owner left.

    A killed process leaves the folder behind, and whoever opens the store next removes it.

    Args:
        database: the file.

    Raises:
        OSError: as it comes, also where the file system has no hard links.
    """

    def __init__(self, database: Path) -> None:
        folder = temporary_path(database)
        self.path: Final = folder / database.name
        """The second name."""
        self._home: Final = Home(database.parent)
        self._folder: Final = folder
        self._logs: Final = [
            file
            for file in database.parent.glob(f"{database.name}.*")
            if "wal" in file.suffixes[-1] and ".damaged-" not in file.name
        ]
        self._folder.mkdir(mode=0o700)
        self._mark: Final = Descriptor(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._mark.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            for file in (database, *self._logs):
                os.link(file, folder / file.name)
        except BaseException:
            self.remove()
            raise

    def drop_old_logs(self) -> None:
        """Remove the write-ahead logs beside the database; before it, a checkpoint.

        Raises:
            OSError: as it comes.
        """
        while self._logs:
            self._logs[-1].unlink(missing_ok=True)
            self._logs.pop()
        sync_folder(self._folder.parent)

    def remove(self) -> None:
        """Remove the second name, once the database is closed. Does nothing in a forked process."""
        if self._home.is_here:
            with contextlib.suppress(OSError):
                shutil.rmtree(self._folder)
            self._mark.close()


@contextlib.contextmanager
def usable_name(database: Path) -> Iterator[Path]:
    """A name under which this process can open a database file, for the time of a block.

    Raises:
        OSError: as `SecondName`.
    """
    if not inherited(database):
        yield database
        return
    second = SecondName(database)
    try:
        yield second.path
    finally:
        second.remove()
