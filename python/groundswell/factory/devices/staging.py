"""The rows of an import in the store's terms: NULL where a row says nothing, several files as one."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.unknown_values import known_instants, known_names, known_versions
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.ingest.read import FleetColumns

__all__ = ["incoming", "united", "uuid_column", "uuid_rows"]

_MERGED: Final = ("name", "group", "tag", "production", "last_seen", "target_version", "hardware_id")
_MAX_LISTED: Final = 100_000


def uuid_column(uuids: Any) -> pa.Array:
    """UUIDs, uint8 of shape (n, 16), as an Arrow column that DuckDB takes for UUIDs."""
    import numpy as np
    import pyarrow as pa

    data = pa.py_buffer(np.ascontiguousarray(uuids))
    storage = pa.Array.from_buffers(pa.binary(16), len(uuids), [None, data])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def uuid_rows(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.uint8]:
    """An Arrow column of UUIDs as uint8 of shape (n, 16)."""
    import numpy as np
    import pyarrow as pa

    uuids, begun = np.empty((len(column), 16), np.uint8), 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        data = np.frombuffer(chunk.storage.buffers()[1], np.uint8).reshape(-1, 16)
        uuids[begun : begun + len(chunk)] = data[chunk.offset : chunk.offset + len(chunk)]
        begun += len(chunk)
    return uuids


def incoming(columns: FleetColumns) -> pa.Table:
    """The columns of a source, and `position`, the number of the row; groups and tags as dictionaries."""
    import numpy as np
    import pyarrow as pa

    count = len(columns.uuids)

    def text(array: pa.Array | None) -> pa.Array:
        return pa.nulls(count, pa.string()) if array is None else array

    return pa.table(
        {
            "position": pa.array(np.arange(count)),
            "uuid": uuid_column(columns.uuids),
            "name": text(columns.names),
            "group": known_names(columns.groups, columns.group_names),
            "tag": known_names(columns.tags, columns.tag_names),
            "production": pa.array(columns.production, mask=~columns.production_said),
            "last_seen": known_instants(columns.last_seen),
            "target_version": known_versions(columns.target_versions),
            "hardware_id": text(columns.hardware_ids),
        }
    )


def united(tables: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """Several files as one: a device may stand in many of them, as long as they do not contradict each other.

    Returns:
        The rows of the first file in their order, then those of each further file that name other devices. A cell that
        the first file leaves empty has the value of the first one that does not.

    Raises:
        InputError: ``repeated-uuid``.

    Cost: for each further file a hash table of the UUIDs so far, and a copy of the columns.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    (_, whole), *others = tables
    if others:
        whole = _plain(whole)
    for label, table in others:
        other = _plain(table)
        count = whole.num_rows
        uuids = np.concatenate([uuid_rows(whole.column("uuid")), uuid_rows(other.column("uuid"))])
        later, firsts = (np.asarray(numbers, np.int64) for numbers in _core.find_repeated_uuids(uuids))
        _refuse_contradictions(label, whole.take(firsts), other.take(later - count))
        # The row of the other file for each row so far; beyond its end for none.
        beside = np.full(count, other.num_rows, np.int64)
        beside[firsts] = later - count
        beside_rows = pa.array(beside, mask=beside == other.num_rows)
        new = np.ones(other.num_rows, np.bool_)
        new[later - count] = False
        others_alone = other.filter(pa.array(new))
        columns = {"uuid": uuid_column(np.concatenate([uuids[:count], uuids[count:][new]]))}
        for name in _MERGED:
            said = pc.coalesce(whole.column(name), other.column(name).take(beside_rows))
            columns[name] = pa.chunked_array([*said.chunks, *others_alone.column(name).chunks], said.type)
        whole = pa.table({"position": pa.array(np.arange(len(columns["uuid"]))), **columns})
    return whole


def _plain(table: pa.Table) -> pa.Table:
    """The rows with their texts as such, 64-bit offsets, so that columns of several files go together."""
    import pyarrow as pa

    for name in ("name", "group", "tag", "hardware_id"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(name).cast(pa.large_string()))
    return table


def _refuse_contradictions(label: str, first: pa.Table, other: pa.Table) -> None:
    """Refuse rows of two files that name the same devices, in the same order, and say different things of one."""
    import pyarrow.compute as pc

    flags = [pc.fill_null(pc.not_equal(first.column(name), other.column(name)), False) for name in _MERGED]  # noqa: FBT003
    differs = functools.reduce(pc.or_, flags)
    if not pc.any(differs).as_py():
        return
    first, other = first.filter(differs), other.filter(differs)
    total, listed = (
        first.num_rows,
        zip(first.slice(0, _MAX_LISTED).to_pylist(), other.slice(0, _MAX_LISTED).to_pylist(), strict=True),
    )
    conflicts: list[dict[str, Any]] = []
    for a, b in listed:
        columns = {
            column: [_shown(column, a[column]), _shown(column, b[column])]
            for column in _MERGED
            if None not in (a[column], b[column]) and a[column] != b[column]
        }
        conflicts.append({"uuid": str(a["uuid"]), "columns": columns})
    one = conflicts[0]
    values = ", ".join(f"{column} `{a}` and `{b}`" for column, (a, b) in one["columns"].items())
    raise InputError(
        "repeated-uuid",
        f"`{label}` and a file before it have the same uuid `{one['uuid']}` but different data: {values}"
        + (f" (the first of {total} such devices)" if total > 1 else ""),
        hint="import the files one after the other if the later one is to win",
        fields={"source": label, "total": total, "repeated": conflicts},
    )


def _shown(column: str, value: Any) -> Any:
    """A cell as messages show it: an instant is ISO, not seconds."""
    return instant(value).strftime("%Y-%m-%dT%H:%M:%SZ") if column == "last_seen" else value
