"""Lists of UUIDs: parsed from text and files, combined as sets, and written to files.

The syntax of a list is defined in one place: the module ``uuid_list`` of the core.
"""

from __future__ import annotations

import operator
import os
from dataclasses import dataclass
from pathlib import Path
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, final
from uuid import UUID

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.errors import InputError
from groundswell.fleet.bad_uuid import BadUuid
from groundswell.fleet.html import SHOWN_ROWS, as_html
from groundswell.fleet.lazy import lazy
from groundswell.fleet.list_text import list_text
from groundswell.fleet.uuid_items import UUID_BYTES, uuid_rows
from groundswell.outputs import output_file
from groundswell.text import count_reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_OUT_OF_BAND: Final = 5
"""The first pickle protocol with out-of-band buffers."""

__all__ = ["BadUuid", "UuidList", "UuidListCheck"]


@checks_arguments
@final
class UuidList:
    """Distinct UUIDs in order of first appearance. Immutable.

    ``a | b``, ``a & b`` and ``a - b`` keep the order of ``a``, then that of ``b``; ``a == b`` compares the order, too.
    The result of an operator may be empty. A text that is parsed must not be empty: an unset shell variable must not
    select a whole fleet.

    Args:
        array: distinct UUIDs, uint8 of shape (n, 16). It is not copied, so it must not be modified afterwards. Use
            `parse` and `of` for any other input.
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
        r"""Parse a list from text, or from a file if a path is given. A str is always text, never a path.

        Separators are commas, semicolons, pipes, and all white space and line breaks of Unicode. Values are UUIDs in
        upper or lower case, with or without hyphens, braces, quotes or ``urn:uuid:``. The first value may be a header
        ``uuid``, in any spelling that imports accept. A JSON array of strings is a list, too.
        Bytes are UTF-8, or UTF-16 with or without a byte-order mark.

        Args:
            source: text, bytes, or a path.
            name: the list's name in messages (default: the path).

        Returns:
            The distinct UUIDs in order of first appearance; at least one.

        Raises:
            InputError: ``empty-list``; ``bad-uuid``, with all bad values (up to 100 000) in its fields;
                ``not-text``; ``is-a-folder``; ``list-too-large`` for more than 4 GiB (512 MiB in a pipe).
            NotFoundError: ``file-not-found``.
            StorageError: ``cannot-read``.

        Cost: 0.1 s for a million values; memory: 16 bytes per value, and 32 while parsing.

        >>> UuidList.parse("uuid\n6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11\n").uuids
        ['6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11']
        >>> UuidList.parse("")
        Traceback (most recent call last):
        groundswell.errors.InputError: the UUID list is empty
        >>> UuidList.parse("6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11, canary-7")
        Traceback (most recent call last):
        groundswell.errors.InputError: `canary-7` in line 1, column 39 is not a UUID: `n` at character 3 is no hex digit
        """
        return cls.check(source, name=name).accept()

    @classmethod
    def check(cls, source: str | bytes | bytearray | memoryview | os.PathLike[str], *, name: str = "") -> UuidListCheck:
        r"""Parse a list like `parse`, but report bad values instead of raising an error.

        Raises:
            InputError: ``not-text``; ``is-a-folder``; ``list-too-large``.
            NotFoundError: ``file-not-found``.
            StorageError: ``cannot-read``.

        >>> check = UuidList.check("6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11\nnone")
        >>> check.count, check.bad_count, check.bad[0].line
        (1, 1, 2)
        """
        data, name = list_text(source, name)
        try:
            report = _core.parse_uuid_list(data)
        except InputError as error:
            where = f"`{name}`: " if name else ""
            fields = {**error.fields, "list": name}
            raise InputError(error.code, where + error.message, hint=error.neutral_hint, fields=fields) from None
        return UuidListCheck(
            uuids=cls(report.uuids, report.duplicates),
            header=report.header,
            bad=tuple(BadUuid(*bad) for bad in report.bad),
            bad_count=report.bad_count,
            name=name,
        )

    @classmethod
    def of(cls, uuids: Iterable[str | UUID | bytes] | npt.NDArray[np.uint8]) -> UuidList:
        """Make a list from an iterable of UUIDs.

        Args:
            uuids: texts in any form that `parse` accepts, `uuid.UUID` objects or 16 bytes each; or a numpy array,
                uint8 of shape (n, 16), which is copied.

        Returns:
            The distinct UUIDs in order of first appearance; empty if there are none.

        Raises:
            InputError: ``bad-uuid`` for the first item that is not a UUID.

        >>> UuidList.of([UUID(int=1), "00000000000000000000000000000001", bytes(16)]).uuids
        ['00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000000']
        """
        if isinstance(uuids, UuidList):
            return uuids
        if isinstance(uuids, str | bytes | os.PathLike):
            raise InputError(
                "bad-uuid",
                f"`{type(uuids).__name__}` is one value, not an iterable of UUIDs",
                hint="parse it as a list",
                fields={"type": type(uuids).__name__},
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
        """Pickle only the array. Protocol 5 can pass it as an out-of-band buffer that processes share."""
        array: Any = self._array
        data = PickleBuffer(array) if operator.index(protocol) >= _OUT_OF_BAND else array.tobytes()
        return _unpickle, (data, self._duplicates)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table of `to_arrow` as an Arrow stream: for polars, pandas, DuckDB and pyarrow."""
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
        """How many duplicates were dropped when the list was made."""
        return self._duplicates

    @lazy
    def uuids(self) -> list[str]:
        """The UUIDs as str, in lower case with hyphens; created on first access, about 90 bytes each."""
        return self.text().splitlines()

    def text(self) -> str:
        r"""The list as text that `parse` accepts: one UUID per line, each with a line feed; empty for an empty list.

        >>> UuidList.of([UUID(int=1)]).text()
        '00000000-0000-0000-0000-000000000001\n'
        """
        return _core.format_uuids(self._array).decode("ascii")

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the list to a file, one UUID per line. A crash at any instant leaves the old file or the new one.

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
        # Built on the first `in`: a set of bytes objects is several times larger than the array.
        data = self._array.tobytes()
        return frozenset(data[start : start + UUID_BYTES] for start in range(0, len(data), UUID_BYTES))

    def _combined(
        self, other: UuidList, operation: Callable[[list[npt.NDArray[np.uint8]]], npt.NDArray[np.uint8]]
    ) -> UuidList:
        if not isinstance(other, UuidList):
            return NotImplemented
        return UuidList(operation([self._array, other.array]))


@dataclass(frozen=True, slots=True, kw_only=True)
class UuidListCheck:
    """The result of `UuidList.check`: the good values and the bad values of a list.

    Attributes:
        uuids: the good values, without duplicates.
        header: whether the list begins with a header ``uuid``.
        bad: the first bad values, up to 100 000, in the order of the text.
        bad_count: how many bad values there are in all.
        name: the list's name in messages; empty for text without a name.
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
        """How many duplicates were dropped."""
        return self.uuids.duplicates

    def accept(self, *, skip_bad: bool = False) -> UuidList:
        """Return the list if it has no bad values.

        Args:
            skip_bad: skip bad values instead of refusing the list.

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
        # A first line with more than a header `uuid` is that of a table with several columns.
        is_table = first.line == 1 and (self.header or any(_is_header(bad) for bad in self.bad))
        return InputError(
            "bad-uuid",
            f"`{first.text}` in {first.place}{of_name} is not a UUID: {first.reason}{others}",
            hint="keep only the column `uuid` of the table"
            if is_table
            else "check the list: that names each bad value with its place",
            fields={
                "list": self.name,
                "bad_count": self.bad_count,
                "reasons": count_reasons(bad.reason for bad in self.bad),
                "bad": [bad.to_json() for bad in self.bad],
                "is_table": is_table,
            },
        )

    def _empty_list(self) -> InputError:
        name = f" `{self.name}`" if self.name else ""
        what = "has a header but no UUID" if self.header else "is empty"
        if self.bad_count:
            what = "has bad values only"
        return InputError(
            "empty-list",
            f"the UUID list{name} {what}",
            hint="an empty list never means all devices: give a UUID, or omit the list",
            fields={"list": self.name},
        )


def _unpickle(data: Any, duplicates: int) -> UuidList:
    import numpy as np

    array = np.frombuffer(data, np.uint8)
    return UuidList(array.reshape(-1, UUID_BYTES), duplicates)


def _is_header(bad: BadUuid) -> bool:
    return bad.line == 1 and bad.reason.startswith("a header")


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
