"""Converts an iterable of UUIDs to an array of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from groundswell import _core
from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

__all__ = ["UUID_BYTES", "uuid_rows"]

UUID_BYTES: Final = 16


def uuid_rows(uuids: Iterable[str | UUID | bytes] | npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Convert UUIDs to an array with one row of 16 bytes for each item, in order.

    Args:
        uuids: an iterable of str, `uuid.UUID` or bytes (16 each), such as a column of Arrow, pandas or polars; or a
            numpy array, uint8 of shape (n, 16).

    Returns:
        uint8 of shape (n, 16); a numpy array is returned unchanged.

    Raises:
        InputError: ``bad-uuid`` for the first item that is not a UUID; ``bad-argument`` if `uuids` is not iterable.

    >>> uuid_rows(["00000000-0000-0000-0000-000000000102"])[:, -2:].tolist()
    [[1, 2]]
    """
    import numpy as np

    if isinstance(uuids, np.ndarray) and uuids.dtype == np.uint8 and uuids.shape[1:] == (UUID_BYTES,):
        return uuids
    if hasattr(uuids, "to_pylist"):
        # An Arrow column yields pyarrow scalars.
        uuids = uuids.to_pylist()
    try:
        iter(uuids)
    except TypeError as error:
        raise InputError(
            "bad-argument",
            f"the argument `uuids` is `{ascii(uuids)[:40]}`, which is not a series of UUIDs",
            hint="give each UUID as a str, a uuid.UUID or 16 bytes, in a list or an array",
            fields={"argument": "uuids", "value": ascii(uuids)[:40], "type": type(uuids).__name__},
        ) from error
    cells = [_cell(item, position) for position, item in enumerate(uuids, start=1)]
    offsets = np.zeros(len(cells) + 1, dtype=np.int64)
    np.cumsum([len(cell) for cell in cells], out=offsets[1:])
    array, bad = _core.parse_uuid_column(offsets, np.frombuffer(b"".join(cells), dtype=np.uint8))
    if len(bad):
        row = int(bad[0])
        raise _bad_item(cells[row].decode("utf-8", "backslashreplace"), row + 1, len(bad))
    return array


def _cell(item: object, position: int) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8", "surrogatepass")
    if isinstance(item, UUID):
        return item.hex.encode()
    if isinstance(item, bytes) and len(item) == UUID_BYTES:
        return item.hex().encode()
    what = f"of {len(item)} bytes" if isinstance(item, bytes) else f"a `{type(item).__name__}`"
    raise InputError(
        "bad-uuid",
        f"item {position} is {what}, not a UUID",
        hint="give each UUID as a str, a uuid.UUID or 16 bytes",
        fields={"item": position},
    )


def _bad_item(text: str, position: int, bad_count: int) -> InputError:
    found = _core.parse_uuid_list(text.replace("\0", "\\0").encode()).bad
    shown, why = (found[0][3], f": {found[0][4]}") if found else (text[:40], "")
    more = bad_count - 1
    others = f"; {more} more {'is' if more == 1 else 'are'} bad" if more else ""
    return InputError(
        "bad-uuid",
        f"item {position}, `{shown}`, is not a UUID{why}{others}",
        hint="each item is one UUID",
        fields={"item": position, "text": shown, "bad_count": bad_count},
    )
