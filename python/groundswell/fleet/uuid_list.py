"""Lists of UUIDs: read from text and files with every bad value in its place, combined as sets, written back.

What a list looks like is decided in one place, the module ``uuid_list`` of the core.
"""

from __future__ import annotations

import operator
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import PickleBuffer
from typing import IO, TYPE_CHECKING, Any, Final, SupportsIndex, final
from uuid import UUID

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.errors import InputError
from groundswell.fleet.html import SHOWN_ROWS, as_html
from groundswell.fleet.lazy import lazy
from groundswell.fleet.uuid_items import UUID_BYTES, uuid_rows
from groundswell.input_files import read_file, read_text, utf_16_encoding
from groundswell.outputs import output_file
from groundswell.text import count_reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_OUT_OF_BAND: Final = 5
"""The pickle protocol from which on buffers can travel out of band."""

__all__ = ["BadUuid", "UuidList", "UuidListCheck", "read_list"]

MAX_LIST_BYTES: Final = 4 << 30
"""The largest file or text that is read as a list: 115 million UUIDs."""
MAX_STREAM_BYTES: Final = 1 << 29
"""The largest list in a pipe, which may be endless: 14 million UUIDs."""


@checks_arguments
@final
class UuidList:
    """UUIDs, each once, in order of first appearance. Immutable.

    ``a | b``, ``a & b`` and ``a - b`` keep the order of ``a``, then that of ``b``; ``a == b`` compares the order, too.
    A result may be empty; text that is read may not: an unset shell variable must not select a whole fleet.

    Args:
        array: distinct UUIDs, uint8 of shape (n, 16), which is not copied: nobody may write to it from now on. `parse`
            and `of` make lists from everything else.
        duplicates: how many further occurrences were dropped.

    >>> canaries = UuidList.parse("6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11; {6F1C2F3E-1A6F-4D53-A6C5-0A1E7F7C0A11}")
    >>> len(canaries), canaries.duplicates
    (1, 1)
    >>> "6f1c2f3e1a6f4d53a6c50a1e7f7c0a11" in canaries
    True
    """

    def __init__(self, array: npt.NDArray[np.uint8], duplicates: int = 0) -> None:
        self._array = array.view()
        self._array.flags.writeable = False
        self._duplicates = duplicates

    @classmethod
    def parse(cls, source: str | bytes | bytearray | memoryview | os.PathLike[str], *, name: str = "") -> UuidList:
        r"""Read a list from text, or from a file if a path is given: a str is always text.

        Separators are commas, semicolons, pipes and all white space and line breaks of Unicode. Values are UUIDs of
        any case, with or without hyphens, braces, quotes or ``urn:uuid:``. A header ``uuid`` may come first, in any
        spelling that imports accept. A JSON array of strings is a list, too.
        Bytes are UTF-8, or UTF-16 with or without a byte-order mark.

        Args:
            source: text, bytes, or a path.
            name: what messages call the list; the path unless given.

        Returns:
            The distinct UUIDs in order of first appearance, one at least.

        Raises:
            InputError: ``empty-list``; ``bad-uuid``, with all bad values (up to 100 000) in its fields;
                ``not-text``; ``is-a-folder``; ``list-too-large`` for more than 4 GiB (512 MiB in a pipe).
            NotFoundError: ``file-not-found``.
            StorageError: ``cannot-read``.

        Cost: a tenth of a second for a million values, 16 bytes a value and as much again for a while.

        >>> UuidList.parse("uuid\n6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11\n").uuids
        ['6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11']
        >>> UuidList.parse("")
        Traceback (most recent call last):
        groundswell.errors.InputError: the UUID list is empty
        >>> UuidList.parse("6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11, canary-7")
        Traceback (most recent call last):
        groundswell.errors.InputError: `canary-7` in line 1, column 39 is no UUID: `n` at character 3 is no hex digit
        """
        return cls.check(source, name=name).accept()

    @classmethod
    def check(cls, source: str | bytes | bytearray | memoryview | os.PathLike[str], *, name: str = "") -> UuidListCheck:
        r"""Read a list as `parse` does, but report what is wrong with it instead of refusing it.

        Raises:
            InputError: ``not-text``; ``is-a-folder``; ``list-too-large``.
            NotFoundError: ``file-not-found``.
            StorageError: ``cannot-read``.

        >>> check = UuidList.check("6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11\nnone")
        >>> check.count, check.bad_count, check.bad[0].line
        (1, 1, 2)
        """
        if isinstance(source, os.PathLike):
            path = Path(source)
            name = name or str(path)
            data = read_file(path, read=lambda file: read_list(file, name))
        elif isinstance(source, str):
            # A lone surrogate (an argument of bytes that are no text) becomes bytes that the core refuses.
            data = source.encode("utf-8", "surrogatepass")
        else:
            try:
                data = source if isinstance(source, bytes) else bytes(memoryview(source))
            except TypeError:
                raise InputError(
                    "bad-argument",
                    f"the argument `source` is `{ascii(source)[:60]}`, a list of UUIDs is a text, bytes or a path",
                    hint="give the text of the list; `UuidList.of` takes a Python list",
                    fields={"argument": "source", "type": type(source).__name__},
                ) from None
        if len(data) > MAX_LIST_BYTES:
            raise _too_large(name, MAX_LIST_BYTES)
        try:
            report = _core.parse_uuid_list(_marked_or_utf_8(data))
        except InputError as error:
            where = f"`{name}`: " if name else ""
            fields = {**error.fields, "list": name}
            raise InputError(error.code, where + error.message, hint=error.hint, fields=fields) from None
        return UuidListCheck(
            uuids=cls(report.uuids, report.duplicates),
            header=report.header,
            bad=tuple(BadUuid(*bad) for bad in report.bad),
            bad_count=report.bad_count,
            name=name,
        )

    @classmethod
    def of(cls, uuids: Iterable[str | UUID | bytes] | npt.NDArray[np.uint8]) -> UuidList:
        """Make a list of UUIDs that are at hand one by one.

        Args:
            uuids: texts in any form that `parse` accepts, `uuid.UUID` objects or 16 bytes each; or a numpy array,
                uint8 of shape (n, 16), which is copied.

        Returns:
            The distinct UUIDs in order of first appearance; empty if there are none.

        Raises:
            InputError: ``bad-uuid``, naming the first item that is none.

        >>> UuidList.of([UUID(int=1), "00000000000000000000000000000001", bytes(16)]).uuids
        ['00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000000']
        """
        if isinstance(uuids, UuidList):
            return uuids
        if isinstance(uuids, str | bytes | os.PathLike):
            raise InputError(
                "bad-uuid",
                f"`{type(uuids).__name__}` is one value, not UUIDs one by one",
                hint="read text and files with UuidList.parse",
            )
        array = uuid_rows(uuids)
        distinct = _core.union_uuids([array])
        return cls(distinct, len(array) - len(distinct))

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[str]:
        return iter(self.uuids)

    def __contains__(self, uuid: object) -> bool:
        return _key(uuid) in self._keys

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UuidList):
            return NotImplemented
        return self._array.tobytes() == other.array.tobytes()

    def __hash__(self) -> int:
        return hash(self._array.tobytes())

    def __or__(self, other: UuidList) -> UuidList:
        return self._combined(other, _core.union_uuids)

    def __and__(self, other: UuidList) -> UuidList:
        return self._combined(other, _core.intersect_uuids)

    def __sub__(self, other: UuidList) -> UuidList:
        return self._combined(other, _core.subtract_uuids)

    def __repr__(self) -> str:
        return f"<UuidList of {len(self)} UUID{'' if len(self) == 1 else 's'}>"

    def __copy__(self) -> UuidList:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> UuidList:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Pickle the array alone. By protocol 5 its memory can travel out of band, so that processes share it."""
        array: Any = self._array
        data = PickleBuffer(array) if operator.index(protocol) >= _OUT_OF_BAND else array.tobytes()
        return _unpickled, (data, self._duplicates)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The list as an Arrow stream: what polars, pandas, DuckDB and pyarrow read without a copy in Python."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> pa.Table:
        """The list as an Arrow table with one column, ``uuid`` (string, lower case and hyphenated), in order.

        >>> UuidList.of([UUID(int=1)]).to_arrow().column("uuid").to_pylist()
        ['00000000-0000-0000-0000-000000000001']
        """
        import pyarrow as pa

        from groundswell.arrow_columns import uuid_strings

        return pa.table({"uuid": uuid_strings(self._array)})

    def _repr_html_(self) -> str:
        """The list as HTML, for notebooks: how many UUIDs, and the first ten."""
        return as_html(repr(self)[1:-1], ["uuid"], [[uuid] for uuid in self._head()], total=len(self))

    def _head(self) -> list[str]:
        return _core.format_uuids(self._array[:SHOWN_ROWS]).decode("ascii").splitlines()

    @property
    def array(self) -> npt.NDArray[np.uint8]:
        """The UUIDs as uint8 of shape (n, 16), big-endian as printed; read-only."""
        return self._array

    @property
    def duplicates(self) -> int:
        """How many further occurrences were dropped when the list was made."""
        return self._duplicates

    @lazy
    def uuids(self) -> list[str]:
        """The UUIDs as texts, lower case and hyphenated; made when first asked for, some 90 bytes each."""
        return self.text().splitlines()

    def text(self) -> str:
        r"""The list as text that can be read again: one UUID a line, a line feed after each; empty if it is empty.

        >>> UuidList.of([UUID(int=1)]).text()
        '00000000-0000-0000-0000-000000000001\n'
        """
        return _core.format_uuids(self._array).decode("ascii")

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the list to a file, one UUID a line. A crash at any instant leaves the old file or the new one.

        Raises:
            NotFoundError: ``folder-not-found``.
            InputError: ``is-a-folder``.
            StorageError: ``cannot-write``.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "batch.txt"
        ...     UuidList.of([UUID(int=1)]).write(path)
        ...     UuidList.parse(path)
        <UuidList of 1 UUID>
        """
        with output_file(Path(path)) as file:
            file.write(_core.format_uuids(self._array))

    @lazy
    def _keys(self) -> frozenset[bytes]:
        # A set of bytes is several times the list, so only lists that are asked `in` pay for one.
        data = self._array.tobytes()
        return frozenset(data[start : start + UUID_BYTES] for start in range(0, len(data), UUID_BYTES))

    def _combined(
        self, other: UuidList, operation: Callable[[list[npt.NDArray[np.uint8]]], npt.NDArray[np.uint8]]
    ) -> UuidList:
        if not isinstance(other, UuidList):
            return NotImplemented
        return UuidList(operation([self._array, other.array]))


@dataclass(frozen=True, slots=True)
class BadUuid:
    r"""A value of a list that is no UUID.

    Attributes:
        line: the line on which it begins, from 1.
        column: the character of the line at which it begins, from 1.
        text: its text without quotes, cropped to 40 characters, with characters that nobody sees as ``\u200d``.
        reason: what is wrong with it.
    """

    line: int
    column: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UuidListCheck:
    """What a list says and what is wrong with it.

    Attributes:
        uuids: the good values, each once.
        header: whether a header ``uuid`` came first.
        bad: the first bad values, up to 100 000, in the order of the text.
        bad_count: how many bad values there are in all.
        name: what messages call the list; empty for text without a name.
    """

    uuids: UuidList
    header: bool
    bad: tuple[BadUuid, ...]
    bad_count: int
    name: str

    @property
    def count(self) -> int:
        """How many distinct UUIDs there are."""
        return len(self.uuids)

    @property
    def duplicates(self) -> int:
        """How many further occurrences were dropped."""
        return self.uuids.duplicates

    def accept(self, *, skip_bad: bool = False) -> UuidList:
        """The list, if nothing is wrong with it.

        Args:
            skip_bad: leave bad values out instead of refusing the list.

        Raises:
            InputError: ``bad-uuid``; ``empty-list`` if no UUID is left.

        >>> UuidList.check("none, 6f1c2f3e1a6f4d53a6c50a1e7f7c0a11").accept(skip_bad=True)
        <UuidList of 1 UUID>
        """
        if self.bad_count and not skip_bad:
            raise self._bad_uuid()
        if not self.count:
            raise self._empty_list()
        return self.uuids

    def _bad_uuid(self) -> InputError:
        first, more = self.bad[0], self.bad_count - 1
        of_name = f" of `{self.name}`" if self.name else ""
        others = f"; {more} more value{' is' if more == 1 else 's are'} bad" if more else ""
        # More than a header in the first line is a table with more than one column.
        is_table = first.line == 1 and (self.header or any(_is_header(bad) for bad in self.bad))
        return InputError(
            "bad-uuid",
            f"`{first.text}` in line {first.line}, column {first.column}{of_name} is no UUID: {first.reason}{others}",
            hint="keep only the column `uuid` of the table"
            if is_table
            else "`UuidList.check` lists the bad values with their places",
            fields={
                "list": self.name,
                "bad_count": self.bad_count,
                "reasons": count_reasons(bad.reason for bad in self.bad),
                "bad": [asdict(bad) for bad in self.bad],
                "is_table": is_table,
            },
        )

    def _empty_list(self) -> InputError:
        name = f" `{self.name}`" if self.name else ""
        what = "has a header and no UUID" if self.header else "is empty"
        if self.bad_count:
            what = "has bad values only"
        return InputError(
            "empty-list",
            f"the UUID list{name} {what}",
            hint="an empty list never stands for every device: give a UUID, or leave the list out",
            fields={"list": self.name},
        )


def _unpickled(data: Any, duplicates: int) -> UuidList:
    import numpy as np

    array = np.frombuffer(data, np.uint8)
    return UuidList(array.reshape(-1, UUID_BYTES), duplicates)


def _is_header(bad: BadUuid) -> bool:
    return bad.line == 1 and bad.reason.startswith("a header")


def read_list(file: IO[bytes], name: str) -> bytes:
    """Read the text of a list from an open file or a pipe.

    Args:
        file: the list.
        name: what messages call it.

    Raises:
        InputError: ``list-too-large``.
    """
    return read_text(
        file,
        file_limit=MAX_LIST_BYTES,
        stream_limit=MAX_STREAM_BYTES,
        too_large=lambda limit: _too_large(name, limit),
    )


def _too_large(name: str, limit: int) -> InputError:
    hint = "check that it is the list that you mean"
    if limit == MAX_STREAM_BYTES:
        hint += f"; a file that is named may have {MAX_LIST_BYTES} bytes"
    return InputError(
        "list-too-large",
        f"the list `{name}` is larger than {limit} bytes",
        hint=hint,
        fields={"list": name, "max_bytes": limit},
    )


def _marked_or_utf_8(data: bytes) -> bytes:
    """The bytes as the core reads them: UTF-16 without a byte-order mark becomes UTF-8, anything else stays."""
    encoding = utf_16_encoding(data[:64])
    if encoding is None or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data
    if len(data) % 2:
        return data  # cut off: the core refuses the zero bytes
    # A lone surrogate becomes bytes that are not UTF-8, which the core refuses.
    return data.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")


def _key(uuid: object) -> bytes | None:
    """The 16 bytes of a UUID in any form, None for everything else."""
    if isinstance(uuid, UUID):
        return uuid.bytes
    if isinstance(uuid, bytes):
        return uuid
    if not isinstance(uuid, str):
        return None
    try:
        check = UuidList.check(uuid)
    except InputError:
        return None
    is_one = check.count == 1 and not (check.bad_count or check.duplicates or check.header)
    return check.uuids.array.tobytes() if is_one else None
