"""Files that a command writes for its user: what they must never take the place of.

Every output passes through `output_file` (tests/architecture checks it). It refuses a path inside a factory, and a file
that holds keys, a backup or a part of a factory: a slip of the fingers must not cost what nobody can make again.
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
"""Files of the store, one of which every factory has, a damaged one as well."""
_OTHER_MARKS: Final = ("lock", "keys", "audit", "factory.duckdb")
"""What stands beside an audit log; the system has files called ``audit.log``, too."""

Held = Literal["keys", "backup"]

_HEAD: Final = 1 << 16
_UNPACKED: Final = 1 << 18
_GZIP: Final = b"\x1f\x8b"
_AUDIT: Final = re.compile(rb'\{"seq":[0-9]+,"at":-?[0-9]+,"by":')
_PRIVATE_KEY: Final = re.compile(rb'-----BEGIN [A-Z ]*PRIVATE KEY-----|"keyval"\s*:\s*\{\s*"private"\s*:')


@contextlib.contextmanager
def output_file(path: Path, *, mode: int | None = None, may_replace: Held | None = None) -> Iterator[IO[bytes]]:
    """Open a file for a command's output; it takes the place of `path` when the block ends without an error.

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


def check_output(path: Path, *, may_replace: Held | None = None) -> None:
    """Refuse a path that must not be written to. Symbolic links are followed; hard links are known by their content.

    Args:
        path: the file or folder that is to be written.
        may_replace: what a file that is there may hold: a tarball of keys takes the place of another one.

    Raises:
        InputError: ``inside-factory`` for a path inside a factory; ``would-overwrite`` for a file that holds
            private keys, a backup, an audit log or a database.

    Cost: a look at each folder above the path, and at the first 64 KiB of a file that is there.

    >>> check_output(Path("batch.lst"))
    """
    if (factory := factory_around(path)) is not None:
        raise InputError(
            "inside-factory",
            f"`{path}` lies inside the factory `{factory}`",
            hint="name a file outside of it",
            fields={"path": str(path), "factory": str(factory)},
        )
    held, what = _held(path)
    if what and (held is None or held != may_replace):
        raise InputError(
            "would-overwrite",
            f"`{path}` holds {what}, which would be overwritten",
            hint="name another file, or move that one away",
            fields={"path": str(path), "holds": what},
        )


def check_distinct(outputs: Mapping[str, str | None], inputs: Mapping[str, str | None]) -> None:
    """Refuse two outputs to one file, and an output to a file that is read.

    Args:
        outputs: paths by the options that they were given as; None for an option that was not given.
        inputs: the same for what is read.

    Raises:
        InputError: ``would-overwrite``.

    >>> check_distinct({"-o": "a", "--rejects": "b"}, {"SOURCE": "c"})
    """
    written = [(option, path) for option, path in outputs.items() if path is not None]
    for at, (option, path) in enumerate(written):
        for other, taken in [*written[:at], *((name, one) for name, one in inputs.items() if one is not None)]:
            if _is_same_file(path, taken):
                raise InputError(
                    "would-overwrite",
                    f"`{option}` would overwrite `{path}`, which `{other}` names as well",
                    hint="name another file",
                    fields={"path": path, "options": [option, other]},
                )


def factory_around(path: Path) -> Path | None:
    """The factory that a path lies in, or is; None if there is none."""
    try:
        real = Path(os.path.realpath(path))
        return next((folder for folder in (real, *real.parents) if _is_factory(folder)), None)
    except (OSError, ValueError):  # a folder that nobody may look into; a NUL in the name
        return None


def _is_factory(folder: Path) -> bool:
    if (folder / FACTORY_MARKS[0]).is_file():
        return True
    return (folder / FACTORY_MARKS[1]).is_file() and any((folder / name).exists() for name in _OTHER_MARKS)


def _held(path: Path) -> tuple[Held | None, str]:
    """What a file holds that is worth keeping, and in words; nothing if it may be replaced."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return None, ""
        if (status.st_dev, status.st_ino) in open_databases:
            return None, "a database"  # to open and close it would release its lock
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return None, ""
    return _recognised(head)


def _recognised(head: bytes) -> tuple[Held | None, str]:
    if head[8:12] == b"DUCK":
        return None, "a database"
    if _AUDIT.match(head):
        return None, "the audit log of a factory"
    if head.startswith(_GZIP):
        with contextlib.suppress(zlib.error):
            head = zlib.decompressobj(31).decompress(head, _UNPACKED)
    found: tuple[Held | None, str] = None, ""
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
