"""Converts the rows of a source to the columns of a fleet, and collects the bad cells.

Works in batches. The core checks each cell on its own, independent of its source and batch.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.ingest.bad_cells import BadCell, BadCells
from groundswell.ingest.columns import COLUMNS
from groundswell.ingest.readers.source import NumberCells, TextCells, UuidCells
from groundswell.unknown_values import NEVER_SEEN, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.ingest.bad_cells import CoreBadCells
    from groundswell.ingest.duckdb_session import Session
    from groundswell.ingest.readers.source import Cells, Relation

__all__ = ["BadCell", "Devices", "coerce"]

_MAX_BAD: Final = 5_000_000
"""Maximum number of bad cells and faults. A source with more is probably the wrong file."""


@dataclass(frozen=True, slots=True)
class Devices:
    """The columns that the core needs, with one entry for each row of the source. Entries of bad cells are undefined.

    Args:
        uuids: uint8 (n, 16).
        last_seen: uint32, seconds since 1970, 0 for never.
        groups: int32 codes into `group_names`, -1 for none.
        tags: int32 codes into `tag_names`, -1 for none.
        production: bool.
        production_said: bool, true where the source has a `production` value.
        target_versions: int32, -1 for unknown.
        names: strings, or None if the source has no such column.
        hardware_ids: as `names`.
        ahead: bool, true where last_seen was in the future and was replaced by now.
        bad: the bad cells.
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
    bad: BadCells

    def __len__(self) -> int:
        return len(self.uuids)

    def only(self, kept: npt.NDArray[np.bool_]) -> Devices:
        """The rows where `kept` is true; group and tag names that no row uses are dropped."""
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
            bad=BadCells.found([], self.bad.now),
        )


def _compact(codes: npt.NDArray[np.int32], names: list[str]) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Drop the names that no code refers to, and renumber the codes."""
    import numpy as np

    used = np.unique(codes[codes >= 0])
    renumbered = np.full(len(names) + 1, UNKNOWN, np.int32)
    renumbered[used] = np.arange(len(used), dtype=np.int32)
    return renumbered[codes], [names[code] for code in used]


def coerce(
    session: Session,
    relation: Relation,
    used: Mapping[str, int],
    now: int,
    *,
    label: str,
    namespace: UUID | None = None,
) -> Devices:
    """Read the rows of a source in one pass.

    Args:
        session: the DuckDB session of the relation.
        relation: the rows.
        used: canonical name → position of the column in the source.
        now: later instants are in the future, in seconds since 1970.
        label: the source's name in messages.
        namespace: derive UUIDs of version 5 in this name space from the column `uuid`.

    Raises:
        InputError: ``not-a-table`` for more than 5 million bad cells and rows.
    """
    from concurrent.futures import ThreadPoolExecutor

    reader = _Reader(now, namespace)
    columns = {column: used[column] for column in COLUMNS if column in used}
    with ThreadPoolExecutor(1) as executor:
        for rows, cells in relation.pieces(session, columns, uuids_as_text=namespace is not None):
            # Parsing the UUIDs takes about as long as parsing all other columns, so do both at the same time.
            uuids = executor.submit(reader.read_uuids, cells["uuid"])
            for column, found in cells.items():
                if column != "uuid":
                    reader.read(column, found)
            reader.found("uuid", uuids.result())
            reader.rows += rows
            if reader.bad_count + len(relation.faults) > _MAX_BAD:
                raise _too_many_bad(label)
    return reader.devices(frozenset(columns))


def _too_many_bad(label: str) -> InputError:
    return InputError(
        "not-a-table",
        f"`{label}` has more than {_MAX_BAD} bad cells and rows",
        hint="check that it is the right file; read a part of it to see what is wrong",
        fields={"source": label},
    )


@dataclass(slots=True)
class _Reader:
    """Collects the columns batch by batch."""

    now: int
    namespace: UUID | None
    rows: int = 0
    bad_count: int = 0
    uuids: _core.UuidColumn = field(default_factory=lambda: _core.UuidColumn(0))
    names: dict[str, _core.NameReader] = field(
        default_factory=lambda: {kind: _core.NameReader(kind) for kind in ("group", "tag")}
    )
    arrays: dict[str, list[Any]] = field(default_factory=dict)
    bad: list[tuple[int, str, CoreBadCells]] = field(default_factory=list)
    own_bad: list[BadCell] = field(default_factory=list)

    def read_uuids(self, cells: Cells) -> CoreBadCells:
        """Read the UUIDs of a batch. Another thread may read the batch's other columns at the same time."""
        if isinstance(cells, UuidCells):
            self.uuids.append(cells.uuids)
            return _absent(cells)
        assert isinstance(cells, TextCells)  # noqa: S101 (`expressions` has no other result)
        if self.namespace is not None:
            return self._derive_uuids(cells, self.namespace)
        uuids, bad = _core.read_uuids(cells.offsets, cells.data, cells.are_bytes)
        self.uuids.append(uuids)
        return bad

    def _derive_uuids(self, cells: TextCells, namespace: UUID) -> CoreBadCells:
        import numpy as np

        self._refuse_nul("uuid", cells)
        self._refuse_json_ids(cells)
        uuids, _ = _core.derive_uuid_column(cells.offsets, cells.data, namespace.bytes)
        self.uuids.append(uuids)
        # An id must be a text: a cell that is absent or not UTF-8 is a bad cell.
        _, _, validity, (bad, codes, _) = _core.read_free_texts(cells.offsets, cells.data)
        valid = np.unpackbits(validity, bitorder="little", count=len(cells.offsets) - 1)
        rows = np.flatnonzero(valid == 0).astype(np.uint32)
        reasons = np.full(len(rows), _core.CELL_REASONS.index("empty"), np.uint8)
        reasons[np.isin(rows, bad)] = codes
        return rows, reasons, np.zeros(len(rows), np.int64)

    def read(self, column: str, cells: Cells) -> None:
        """Read the cells of a column other than `uuid`."""
        if isinstance(cells, NumberCells):
            self._read_numbers(column, cells)
            return
        assert isinstance(cells, TextCells)  # noqa: S101 (`expressions` has no other result)
        text = cells.offsets, cells.data
        bad: CoreBadCells
        if column in self.names:
            codes, bad = self.names[column].read(*text)
            self._keep(column, codes, bad)
        elif column == "production":
            truths, bad = _core.read_truths(*text)
            self._keep(column, truths, bad)
        elif column == "target_version":
            versions, bad = _core.read_versions(*text)
            self._keep(column, versions, bad)
        elif column == "last_seen":
            seconds, ahead, bad = _core.read_instants(*text, self.now)
            self._keep(column, seconds, bad)
            self._keep("ahead", ahead)
        else:
            self._read_texts(column, cells)

    def _read_numbers(self, column: str, cells: NumberCells) -> None:
        numbers = cells.values, cells.valid
        if column == "production":
            truths, bad = _core.check_truth_numbers(*numbers)
            self._keep(column, truths, bad)
        elif column == "target_version":
            versions, bad = _core.check_version_numbers(*numbers)
            self._keep(column, versions, bad)
        else:
            seconds, ahead, bad = _core.check_instant_numbers(*numbers, cells.are_numbers, self.now)
            self._keep(column, seconds, bad)
            self._keep("ahead", ahead)

    def _refuse_nul(self, column: str, cells: TextCells) -> None:
        """CSV has no way to write a NUL, and C strings end there."""
        import numpy as np

        if cells.data.all():
            return
        rows = np.unique(np.searchsorted(cells.offsets, np.flatnonzero(cells.data == 0), side="right") - 1)
        self._refuse(column, rows.tolist(), "has the character NUL")

    def _refuse_json_ids(self, cells: TextCells) -> None:
        """An object's text has no canonical form, so it would name another device in the next export."""
        import numpy as np

        begins = cells.offsets[:-1][np.diff(cells.offsets) > 1]
        if not np.isin(cells.data[begins], (ord("{"), ord("["))).any():
            return
        rows = []
        for row, (start, end) in enumerate(itertools.pairwise(cells.offsets.tolist())):
            if end - start > 1 and cells.data[start] in b"{[" and _is_json(cells.data[start:end].tobytes()):
                rows.append(row)
        self._refuse("uuid", rows, "is a JSON object or array, not an id: map the column to a member of it")

    def _refuse(self, column: str, rows: list[int], reason: str) -> None:
        self.own_bad += [BadCell(self.rows + row, column, reason) for row in rows]
        self.bad_count += len(rows)

    def _read_texts(self, column: str, cells: TextCells) -> None:
        import pyarrow as pa

        self._refuse_nul(column, cells)
        offsets, data, validity, bad = _core.read_free_texts(cells.offsets, cells.data)
        buffers = [pa.py_buffer(validity), pa.py_buffer(offsets), pa.py_buffer(data)]
        texts = pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)
        self._keep(column, texts.cast(pa.string()) if len(data) < 2**31 else texts, bad)

    def _keep(self, column: str, array: Any, bad: CoreBadCells | None = None) -> None:
        self.arrays.setdefault(column, []).append(array)
        if bad is not None:
            self.found(column, bad)

    def found(self, column: str, bad: CoreBadCells) -> None:
        """Add bad cells of the current batch."""
        if len(bad[0]):
            self.bad.append((self.rows, column, bad))
            self.bad_count += len(bad[0])

    def devices(self, used: frozenset[str]) -> Devices:
        import numpy as np

        production = self._whole("production", np.int8, UNKNOWN)
        return Devices(
            uuids=self.uuids.take(),
            last_seen=self._whole("last_seen", np.uint32, NEVER_SEEN),
            groups=self._whole("group", np.int32, UNKNOWN),
            group_names=self.names["group"].take_names(),
            tags=self._whole("tag", np.int32, UNKNOWN),
            tag_names=self.names["tag"].take_names(),
            production=production == 1,
            production_said=production != UNKNOWN,
            target_versions=self._whole("target_version", np.int32, UNKNOWN),
            names=self._texts("name", used),
            hardware_ids=self._texts("hardware_id", used),
            ahead=self._whole("ahead", np.bool_, fill=False),
            bad=BadCells.found(self.bad, self.now).with_cells(self.own_bad),
        )

    def _whole(self, column: str, kind: Any, fill: int) -> npt.NDArray[Any]:
        import numpy as np

        parts = self.arrays.pop(column, [])
        if not parts:
            return np.full(self.rows, fill, kind)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _texts(self, column: str, used: frozenset[str]) -> pa.ChunkedArray | None:
        import pyarrow as pa

        if column not in used:
            return None
        parts = self.arrays.pop(column, [])
        kind = pa.large_string() if any(part.type == pa.large_string() for part in parts) else pa.string()
        return pa.chunked_array([part.cast(kind) for part in parts], kind)


def _is_json(text: bytes) -> bool:
    with contextlib.suppress(ValueError):
        json.loads(text)
        return True
    return False


def _absent(cells: UuidCells) -> CoreBadCells:
    import numpy as np

    rows = np.empty(0, np.uint32) if cells.valid is None else np.flatnonzero(~cells.valid).astype(np.uint32)
    empty = _core.CELL_REASONS.index("empty")
    return rows, np.full(len(rows), empty, np.uint8), np.zeros(len(rows), np.int64)
