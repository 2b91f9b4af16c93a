"""Protects factories, keys and backups from being overwritten by a command's output file.

Every output goes through `output_file` (tests/architecture checks this). It refuses a path inside a factory, and a file
that contains keys, a backup or part of a factory: a typing error must not destroy data that cannot be recreated.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal

from groundswell.errors import InputError
from groundswell.files import replace_file
from groundswell.input_files import open_databases

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["check_distinct", "check_output", "factory_around", "output_file"]

FACTORY_MARKS: Final = ("factory.duckdb", "audit.log")
"""Files that identify a factory's folder. Even a damaged factory has at least one of them."""
_OTHER_MARKS: Final = ("lock", "keys", "audit", "factory.duckdb")
"""An ``audit.log`` identifies a factory only next to one of these: other programs use the name ``audit.log``, too."""

ProtectedContent = Literal["keys", "backup"]

_HEAD_BYTES: Final = 1 << 16
_MAX_UNPACKED_BYTES: Final = 1 << 18
_GZIP: Final = b"\x1f\x8b"
_AUDIT_LINE: Final = re.compile(rb'\{"seq":[0-9]+,"at":-?[0-9]+,"by":')
_PRIVATE_KEY: Final = re.compile(rb'-----BEGIN [A-Z ]*PRIVATE KEY-----|"keyval"\s*:\s*\{\s*"private"\s*:')


@contextlib.contextmanager
def output_file(
    path: Path, *, mode: int | None = None, may_replace: ProtectedContent | None = None
) -> Iterator[IO[bytes]]:
    """Open a file for a command's output. It replaces `path` when the block ends without an error.

    Args:
        path: as in `replace_file`.
        mode: as in `replace_file`.
        may_replace: as in `check_output`.

    Raises:
        InputError: as `check_output`; ``is-a-folder``.
        NotFoundError, StorageError: as `replace_file`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "list"
    ...     with output_file(path) as file:
    ...         _ = file.write(b"new")
    ...     path.read_bytes()
    b'new'
    """
    check_output(path, may_replace=may_replace)
    with replace_file(path, mode=mode) as file:
        yield file


def check_output(path: Path, *, may_replace: ProtectedContent | None = None) -> None:
    """Refuse an output path that would destroy protected data.

    Symbolic links are followed. The content of an existing file is examined, so hard links are recognised, too.

    Args:
        path: the file or folder to be written.
        may_replace: protected content that may be overwritten, such as ``"keys"`` when a new key tarball is written.

    Raises:
        InputError: ``inside-factory`` for a path inside a factory; ``would-overwrite`` for a file that contains
            private keys, a backup, an audit log or a database.

    Cost: a few `stat` calls for each parent folder, and reading the first 64 KiB of an existing file.

    >>> check_output(Path("batch.lst"))
    """
    if (factory := factory_around(path)) is not None:
        raise InputError(
            "inside-factory",
            f"`{path}` is inside the factory `{factory}`",
            hint="choose a file outside of it",
            fields={"path": str(path), "factory": str(factory)},
        )
    kind, what = _protected_content(path)
    if what and (kind is None or kind != may_replace):
        raise InputError(
            "would-overwrite",
            f"`{path}` contains {what}, which would be overwritten",
            hint="choose another file, or move that one away",
            fields={"path": str(path), "holds": what},
        )


def check_distinct(outputs: Mapping[str, str | None], inputs: Mapping[str, str | None]) -> None:
    """Refuse two outputs with the same path, and an output to an input file.

    Args:
        outputs: option → path; None for an option that was not given.
        inputs: the same for the input files.

    Raises:
        InputError: ``would-overwrite``.

    >>> check_distinct({"-o": "a", "--rejects": "b"}, {"SOURCE": "c"})
    """
    written = [(option, path) for option, path in outputs.items() if path is not None]
    for at, (option, path) in enumerate(written):
        for other, used in [*written[:at], *((name, one) for name, one in inputs.items() if one is not None)]:
            if _is_same_file(path, used):
                raise InputError(
                    "would-overwrite",
                    f"`{option}` would overwrite `{path}`, which `{other}` also uses",
                    hint="choose another file",
                    fields={"path": path, "options": [option, other]},
                )


def factory_around(path: Path) -> Path | None:
    """The folder of the factory that contains the path, or that is the path; None if it is not in a factory."""
    try:
        real = Path(os.path.realpath(path))
        return next((folder for folder in (real, *real.parents) if _is_factory(folder)), None)
    except (OSError, ValueError):  # no permission to enter a folder; NUL in the name
        return None


def _is_factory(folder: Path) -> bool:
    if (folder / FACTORY_MARKS[0]).is_file():
        return True
    return (folder / FACTORY_MARKS[1]).is_file() and any((folder / name).exists() for name in _OTHER_MARKS)


def _protected_content(path: Path) -> tuple[ProtectedContent | None, str]:
    """The kind of protected content in a file, and its description; (None, "") if the file may be replaced.

    A description without a kind means that `may_replace` cannot allow it.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return None, ""
        if (status.st_dev, status.st_ino) in open_databases:
            return None, "a database"  # not opened here: closing it would release DuckDB's lock
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return None, ""
    return _recognise(head)


def _recognise(head: bytes) -> tuple[ProtectedContent | None, str]:
    if head[8:12] == b"DUCK":
        return None, "a database"
    if _AUDIT_LINE.match(head):
        return None, "the audit log of a factory"
    if head.startswith(_GZIP):
        with contextlib.suppress(zlib.error):
            head = zlib.decompressobj(31).decompress(head, _MAX_UNPACKED_BYTES)
    found: tuple[ProtectedContent | None, str] = None, ""
    if head[257:262] == b"ustar":
        if head.startswith(b"manifest.json\0") and b'"backed_up_at"' in head:
            found = "backup", "a backup of a factory"
        elif b"tufrepo/keys/" in head or _PRIVATE_KEY.search(head):
            found = "keys", "offline keys"
    elif head.lstrip().startswith((b"{", b"-----BEGIN")) and _PRIVATE_KEY.search(head):
        found = None, "a private key"
    return found


def _is_same_file(path: str, other: str) -> bool:
    with contextlib.suppress(OSError, ValueError):
        if Path(path).exists() and Path(other).exists():
            return Path(path).is_file() and Path(path).samefile(other)
        return os.path.realpath(path) == os.path.realpath(other)
    return False
