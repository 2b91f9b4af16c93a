"""Unknown values: null in Arrow tables and in the store, a number of its own in the columns of a fleet.

A column of a fleet is an array of numbers without nulls, as the core takes it. In it, `NEVER_SEEN` stands for a device
that was never seen, and `UNKNOWN` for an unknown target version, no group and no tag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell import _core

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["NEVER_SEEN", "UNKNOWN", "filled", "known_instants", "known_names", "known_versions"]

NEVER_SEEN: Final = _core.NEVER_SEEN
UNKNOWN: Final = -1


def known_instants(seconds: npt.NDArray[Any]) -> pa.Array:
    """Instants of a fleet (seconds since 1970), null for `NEVER_SEEN`.

    >>> import numpy as np
    >>> known_instants(np.array([7, NEVER_SEEN], np.uint32)).to_pylist()
    [7, None]
    """
    import pyarrow as pa

    return pa.array(seconds, mask=seconds == NEVER_SEEN)


def known_versions(versions: npt.NDArray[Any]) -> pa.Array:
    """Target versions of a fleet, null for `UNKNOWN`.

    >>> import numpy as np
    >>> known_versions(np.array([42, UNKNOWN], np.int32)).to_pylist()
    [42, None]
    """
    import pyarrow as pa

    return pa.array(versions, mask=versions < 0)


def known_names(codes: npt.NDArray[Any], names: list[str]) -> pa.DictionaryArray:
    """Names by codes of a fleet, null for `UNKNOWN`.

    >>> import numpy as np
    >>> known_names(np.array([1, UNKNOWN], np.int32), ["canary", "main"]).to_pylist()
    ['main', None]
    """
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(names, pa.string()))


def filled(column: pa.Array | pa.ChunkedArray, unknown: int) -> npt.NDArray[Any]:
    """A column of numbers or truth values as numpy has it, with `unknown` for null; not to be written to.

    `to_numpy` and `fill_null` import pandas if it is installed, which would add 0.1 s to every command.

    >>> import pyarrow as pa
    >>> filled(pa.array([42, None], pa.int32()), UNKNOWN).tolist()
    [42, -1]
    """
    import numpy as np
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        chunks = [filled(chunk, unknown) for chunk in column.chunks]
        return np.concatenate(chunks) if chunks else np.empty(0, column.type.to_pandas_dtype())
    if pa.types.is_boolean(column.type):
        return filled(column.cast(pa.uint8()), unknown).view(np.bool_)
    if not column.null_count:
        return np.from_dlpack(column)
    valid = np.from_dlpack(column.is_valid().cast(pa.uint8())).view(np.bool_)
    values = np.frombuffer(column.buffers()[1], column.type.to_pandas_dtype())
    whole: npt.NDArray[Any] = values[column.offset : column.offset + len(column)]
    return np.where(valid, whole, whole.dtype.type(unknown))
