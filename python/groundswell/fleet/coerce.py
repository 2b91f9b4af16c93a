"""From the rows of a source to the columns of a fleet, with a list of the cells that are bad.

Chunk by chunk: what is worked out on the way lies in memory that is used again, which at ten million rows is twice as
fast as memory that is fresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from groundswell import _core
from groundswell.fleet import rules
from groundswell.fleet.columns import COLUMNS
from groundswell.fleet.expressions import LEFT_OVER, selected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from uuid import UUID

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.fleet.engine import Session
    from groundswell.fleet.relation import Relation

    _Number = TypeVar("_Number", bound=np.integer[Any])

__all__ = ["BadCell", "Devices", "coerce"]

_TOLERANCE: Final = 24 * 3600
"""How many seconds a device's clock may be fast."""
_NOWHERE: Final = -1
_LATEST_SECOND: Final = 2**32 - 1
"""The last second that a last-seen column can hold, in the year 2106."""


class BadCell(NamedTuple):
    """A cell that its column does not allow.

    Args:
        row: its row, from 0.
        column: the canonical name of its column.
        reason: reads on from the cell.
    """

    row: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Devices:
    """Columns as the core takes them, one entry a row of the source; what a bad cell holds has no meaning.

    Args:
        uuids: uint8 (n, 16).
        last_seen: uint32, seconds since 1970, 0 for never.
        groups: int32 codes into `group_names`, -1 for none.
        tags: int32 codes into `tag_names`, -1 for none.
        production: bool.
        production_said: bool, where the source says whether it is a production device.
        target_versions: int32, -1 for unknown.
        names: strings, or None if the source has no such column.
        hardware_ids: as `names`.
        ahead: bool, where last_seen lay in the future and was taken as now.
        bad: the bad cells, by row and column.
    """

    uuids: npt.NDArray[np.uint8]
    last_seen: npt.NDArray[np.uint32]
    groups: npt.NDArray[np.int32]
    group_names: list[str]
    tags: npt.NDArray[np.int32]
    tag_names: list[str]
    production: npt.NDArray[np.bool_]
    production_said: npt.NDArray[np.bool_]
    target_versions: npt.NDArray[np.int32]
    names: pa.ChunkedArray | None
    hardware_ids: pa.ChunkedArray | None
    ahead: npt.NDArray[np.bool_]
    bad: list[BadCell]

    def __len__(self) -> int:
        return len(self.uuids)

    def only(self, kept: npt.NDArray[np.bool_]) -> Devices:
        """The rows that are kept, and the names that they use."""
        groups, group_names = _compact(self.groups[kept], self.group_names)
        tags, tag_names = _compact(self.tags[kept], self.tag_names)
        return Devices(
            uuids=self.uuids[kept],
            last_seen=self.last_seen[kept],
            groups=groups,
            group_names=group_names,
            tags=tags,
            tag_names=tag_names,
            production=self.production[kept],
            production_said=self.production_said[kept],
            target_versions=self.target_versions[kept],
            names=None if self.names is None else self.names.filter(kept),
            hardware_ids=None if self.hardware_ids is None else self.hardware_ids.filter(kept),
            ahead=self.ahead[kept],
            bad=[],
        )


def _compact(codes: npt.NDArray[np.int32], names: list[str]) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Leave out the names that no row uses any more."""
    import numpy as np

    used = np.unique(codes[codes >= 0])
    renumbered = np.full(len(names) + 1, _NOWHERE, np.int32)
    renumbered[used] = np.arange(len(used), dtype=np.int32)
    return renumbered[codes], [names[code] for code in used]


def coerce(
    session: Session, relation: Relation, used: Mapping[str, int], now: int, namespace: UUID | None = None
) -> Devices:
    """Read the rows of a source in one pass.

    Args:
        session: where the relation lives.
        relation: the rows.
        used: canonical name → position of the column, of those that the source has.
        now: the instant that the future begins after, in seconds since 1970.
        namespace: derive the UUIDs of version 5 in this name space from the column `uuid`.
    """
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    items = [selected(c, *relation.columns[used[c]]) for c in COLUMNS if c in used]
    if namespace is not None:
        items[0] = _id_text(*relation.columns[used["uuid"]])
    table = session.rows(f"SELECT {', '.join(items)} FROM {relation.sql}")
    count = table.num_rows
    bad: list[BadCell] = []
    bad_uuids: list[BadCell] = []
    with ThreadPoolExecutor(1) as beside:
        # These take as long as all the others.
        parsed = beside.submit(_uuids, table.column("uuid"), bad_uuids, namespace)
        last_seen, ahead = _last_seen(table, now, bad)
        groups, group_names = _named(table, "group", rules.name_of_group, bad)
        tags, tag_names = _named(table, "tag", rules.name_of_tag, bad)
        production = _by_value(table, "production", rules.production, bad, np.int8)
        versions = _by_value(table, "target_version", rules.target_version, bad, np.int32)
        uuids = parsed.result()
    bad += bad_uuids
    bad.sort(key=lambda cell: (cell.row, COLUMNS.index(cell.column)))
    return Devices(
        uuids=uuids,
        last_seen=last_seen,
        groups=groups,
        group_names=group_names,
        tags=tags,
        tag_names=tag_names,
        production=np.zeros(count, np.bool_) if production is None else production == 1,
        production_said=np.zeros(count, np.bool_) if production is None else production != _NOWHERE,
        target_versions=np.full(count, _NOWHERE, np.int32) if versions is None else versions,
        names=_free_text(table, "name"),
        hardware_ids=_free_text(table, "hardware_id"),
        ahead=ahead,
        bad=bad,
    )


def _placed(column: pa.ChunkedArray) -> Iterator[tuple[slice, pa.Array]]:
    """The chunks of a column, each with the rows that it holds."""
    begun = 0
    for chunk in column.chunks:
        yield slice(begun, begun + len(chunk)), chunk
        begun += len(chunk)


def _id_text(name: str, kind: str) -> str:
    """What to select for ids that UUIDs are derived from: their text; words for nothing are empty."""
    item = selected("name", name, kind)
    return item.removesuffix('AS "name"') + 'AS "uuid"'


def _uuids(column: pa.ChunkedArray, bad: list[BadCell], namespace: UUID | None) -> npt.NDArray[np.uint8]:
    import numpy as np
    import pyarrow as pa

    # What the core keeps it need not copy again.
    whole = _core.UuidColumn(len(column))
    rows: npt.NDArray[Any]
    for where, chunk in _placed(column):
        if isinstance(chunk.type, pa.UuidType):
            uuids = np.frombuffer(chunk.storage.buffers()[1], np.uint8).reshape(-1, 16)
            uuids = uuids[chunk.offset : chunk.offset + len(chunk)]
            rows = np.flatnonzero(~_is_valid(chunk))
        else:
            uuids, rows = _parsed_uuids(chunk, namespace)
        for row in rows.tolist():
            text = chunk[row].as_py()
            empty = text is None or not str(text).strip(rules.BLANKS)
            bad.append(BadCell(where.start + row, "uuid", "is empty" if empty else "is no UUID"))
        whole.append(uuids)
    return whole.take()


def _parsed_uuids(chunk: pa.Array, namespace: UUID | None) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    import numpy as np

    _, offsets, data = chunk.buffers()
    if len(chunk) == 0:
        return np.empty((0, 16), np.uint8), np.empty(0, np.uint32)
    bounds = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    text = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    if namespace is not None:
        return _core.derive_uuid_column(bounds, text, namespace.bytes)
    return _core.parse_uuid_column(bounds, text)


def _last_seen(table: pa.Table, now: int, bad: list[BadCell]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    import numpy as np

    last_seen, ahead = np.zeros(table.num_rows, np.uint32), np.zeros(table.num_rows, np.bool_)
    if "last_seen" not in table.column_names:
        return last_seen, ahead
    latest = min(max(now, 0), _LATEST_SECOND)
    left_over = table.column(LEFT_OVER)
    for where, chunk in _placed(table.column("last_seen")):
        seconds = _filled(chunk, _core.NEVER_SEEN)
        _settle(left_over.slice(where.start, len(chunk)), where.start, seconds, bad)
        early = np.flatnonzero(seconds < 0).tolist()
        bad.extend(BadCell(where.start + row, "last_seen", rules.too_far_back()) for row in early)
        fast = seconds > now
        if fast.any():
            for row in np.flatnonzero(seconds > now + _TOLERANCE).tolist():
                reason = rules.too_far_ahead(int(seconds[row]), now)
                bad.append(BadCell(where.start + row, "last_seen", reason))
            ahead[where] = fast & (seconds <= now + _TOLERANCE)
        last_seen[where] = np.clip(seconds, 0, latest)
    return last_seen, ahead


def _settle(left_over: pa.ChunkedArray, begun: int, seconds: npt.NDArray[np.int64], bad: list[BadCell]) -> None:
    """Read by the rule, cell by cell, what SQL left over."""
    import numpy as np

    if left_over.null_count == len(left_over):
        return
    for row in np.flatnonzero(left_over.is_valid().to_numpy()).tolist():
        try:
            seconds[row] = rules.last_seen(left_over[row].as_py())
        except rules.BadCellError as reason:
            bad.append(BadCell(begun + row, "last_seen", str(reason)))


def _named(
    table: pa.Table, column: str, rule: Callable[[str], str], bad: list[BadCell]
) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Codes of the names in a column, in the order of their first appearance."""
    import numpy as np

    codes: dict[str, int] = {}

    def code_of(text: str) -> int:
        name = rule(text)
        return codes.setdefault(name, len(codes)) if name else _NOWHERE

    coded = _by_value(table, column, code_of, bad, np.int32)
    if coded is None:
        return np.full(table.num_rows, _NOWHERE, np.int32), []
    return coded, list(codes)


def _is_valid(chunk: pa.Array) -> npt.NDArray[np.bool_]:
    """Where an array is not NULL, from its bitmap; Arrow's own way would import pandas if it is installed."""
    import numpy as np

    bitmap = chunk.buffers()[0]
    if bitmap is None:
        return np.ones(len(chunk), np.bool_)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return bits[chunk.offset : chunk.offset + len(chunk)].astype(np.bool_)


def _filled(chunk: pa.Array, value: int) -> npt.NDArray[Any]:
    """An array of whole numbers with a value for NULL."""
    import numpy as np

    data = np.frombuffer(chunk.buffers()[1], chunk.type.to_pandas_dtype())
    numbers = data[chunk.offset : chunk.offset + len(chunk)].copy()
    if chunk.null_count:
        numbers[~_is_valid(chunk)] = value
    return numbers


def _by_value(
    table: pa.Table, column: str, rule: Callable[[str], int], bad: list[BadCell], kind: type[_Number]
) -> npt.NDArray[_Number] | None:
    """Apply a rule once to each distinct text of a column; a whole number is the text of its digits.

    Returns:
        The rule's value for each row, -1 for empty and bad cells; None if the source has no such column.
    """
    import numpy as np

    if column not in table.column_names:
        return None
    # All chunks share the dictionary of the last.
    encoded: Any = table.column(column).dictionary_encode()
    distinct = encoded.chunk(encoded.num_chunks - 1).dictionary.to_pylist() if encoded.num_chunks else []
    # The last entry is what the index -1 of an empty cell finds.
    values = np.full(len(distinct) + 1, _NOWHERE, kind)
    reasons: dict[int, str] = {}
    for index, value in enumerate(distinct):
        try:
            stripped = str(value).strip(rules.BLANKS)
            values[index] = rule(stripped) if stripped else _NOWHERE
        except rules.BadCellError as reason:
            reasons[index] = str(reason)
    is_bad = np.zeros(len(values), np.bool_)
    is_bad[list(reasons)] = True
    found = np.empty(table.num_rows, kind)
    for where, chunk in _placed(encoded):
        indices = _filled(chunk.indices, _NOWHERE)
        found[where] = values[indices]
        if reasons:
            found_bad = np.flatnonzero(is_bad[indices]).tolist()
            bad.extend(BadCell(where.start + row, column, reasons[int(indices[row])]) for row in found_bad)
    return found


def _free_text(table: pa.Table, column: str) -> pa.ChunkedArray | None:
    import pyarrow as pa

    if column not in table.column_names:
        return None
    found = table.column(column)
    fits = all(chunk.nbytes < 2**31 for chunk in found.chunks)
    return found.cast(pa.string()) if fits else found
