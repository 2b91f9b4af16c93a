"""The rows of an import in the store's terms: NULL where a row says nothing, several files as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import InputError
from groundswell.unknown_values import known_instants, known_names, known_versions
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.factory.context import Context
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


def united(context: Context, tables: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """Several files as one: a device may stand in many of them, as long as they do not contradict each other.

    Raises:
        InputError: ``repeated-uuid``.
    """
    (_, whole), *others = tables
    for label, other in others:
        _refuse_contradictions(context, label, whole, other)
        cells = ", ".join(f'coalesce(a."{column}", b."{column}") AS "{column}"' for column in ("uuid", *_MERGED))
        whole = context.store.table(
            "SELECT row_number() OVER (ORDER BY a.position NULLS LAST, b.position) - 1 AS position,"
            f" {cells} FROM a FULL JOIN b ON a.uuid = b.uuid ORDER BY position",
            a=whole,
            b=other,
        )
    return whole


def _refuse_contradictions(context: Context, label: str, whole: pa.Table, other: pa.Table) -> None:
    differs = " OR ".join(f'a."{column}" <> b."{column}"' for column in _MERGED)
    pairs = ", ".join(f'a."{column}" AS "a_{column}", b."{column}" AS "b_{column}"' for column in _MERGED)
    found = context.store.table(
        f"SELECT CAST(a.uuid AS VARCHAR) AS uuid, {pairs} FROM a JOIN b ON a.uuid = b.uuid WHERE {differs}"
        " ORDER BY b.position",
        a=whole,
        b=other,
    )
    if found.num_rows == 0:
        return
    conflicts: list[dict[str, Any]] = []
    for row in found.slice(0, _MAX_LISTED).to_pylist():
        columns = {
            column: [_shown(column, row[f"a_{column}"]), _shown(column, row[f"b_{column}"])]
            for column in _MERGED
            if None not in (row[f"a_{column}"], row[f"b_{column}"]) and row[f"a_{column}"] != row[f"b_{column}"]
        }
        conflicts.append({"uuid": row["uuid"], "columns": columns})
    first = conflicts[0]
    values = ", ".join(f"{column} `{a}` and `{b}`" for column, (a, b) in first["columns"].items())
    raise InputError(
        "repeated-uuid",
        f"`{label}` and a file before it have the same uuid `{first['uuid']}` but different data: {values}"
        + (f" (the first of {found.num_rows} such devices)" if found.num_rows > 1 else ""),
        hint="import the files one after the other if the later one is to win",
        fields={"source": label, "total": found.num_rows, "repeated": conflicts},
    )


def _shown(column: str, value: Any) -> Any:
    """A cell as messages show it: an instant is ISO, not seconds."""
    return instant(value).strftime("%Y-%m-%dT%H:%M:%SZ") if column == "last_seen" else value
