"""Reads JSON: an array of objects, a page of an API's response, concatenated objects, or one object per line.

The core reads it in one pass (`groundswell_core::ingest::json`) and returns the used columns, the line of each row, and
a bounded number of unused keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError
from groundswell.ingest.cells import cropped
from groundswell.ingest.columns import ColumnMatch, misspelt, no_uuid_column, repeated_column, unknown_source
from groundswell.ingest.mapping import NO_MAPPING
from groundswell.ingest.readers.source import Fault, Rows
from groundswell.ingest.readers.source_file import empty_fleet, not_a_table
from groundswell.ingest.spellings import COLUMNS, MEANINGS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from groundswell.errors import GroundswellError
    from groundswell.ingest.duckdb_session import Session
    from groundswell.ingest.mapping import ColumnMapping
    from groundswell.ingest.readers.source_file import SourceFile

__all__ = ["JsonSource", "text_array"]

_MAX_NAMED: Final = 9
_NUMBERS: Final = {column: number for number, column in enumerate(COLUMNS)}
_SPELLINGS: Final = {spelling: _NUMBERS[column] for spelling, column in MEANINGS.items()}


class JsonSource:
    """A JSON or NDJSON file."""

    frozen_at = None

    def __init__(self, file: SourceFile, mapping: ColumnMapping = NO_MAPPING) -> None:
        self._file = file
        self._mapping = mapping
        self.label = file.label

    def rows(self, session: Session) -> Rows:
        """The rows, each with the line on which its object begins."""
        import pyarrow as pa

        wanted = self._paths()
        by_id = self._mapping.namespace is not None and "name" not in self._mapping.columns
        constants = [column for column, source in self._mapping.columns.items() if source.constant is not None]
        off = [*constants, *(["name"] if by_id else [])]
        table = self._read(session, wanted, [_NUMBERS[column] for column in off])
        sources = {column: self._mapping.columns[column].text for column in COLUMNS if column in self._mapping.columns}
        sources |= {COLUMNS[n]: key for n, key in enumerate(table.sources) if key is not None}
        self._check(table, sources)
        arrays = {c: text_array(table.columns[_NUMBERS[c]]) for c in COLUMNS if c in sources and c not in constants}
        if by_id:
            # Keep the id from which the UUID is derived as the device's name.
            sources["name"], arrays["name"] = sources["uuid"], arrays["uuid"]
        columns = [column for column in COLUMNS if column in arrays]
        used = {column: columns.index(column) if column in arrays else -1 for column in COLUMNS if column in sources}
        by_hand = {
            column: source
            for column, source in self._mapping.columns.items()
            if source.constant is not None or source.unit != "s"
        }
        unused = tuple(table.unused)
        match = ColumnMatch(
            used,
            unused,
            misspelt(unused, set(used)),
            {column: sources[column] for column in COLUMNS if column in sources},
            by_hand,
            more_ignored=table.more_unused,
        )
        elements, elements_of_faults = _elements(table)
        rows = pa.table({f"c{n}": arrays[column] for n, column in enumerate(columns)})
        return Rows(
            session.register(rows),
            [sources[column] for column in columns],
            [(name, "VARCHAR") for name in rows.column_names],
            lines=table.lines,
            faults=[
                Fault(line, reason, (text,), element=element)
                for (line, _, reason, text), element in zip(table.faults, elements_of_faults, strict=True)
            ],
            notes=self._notes(table),
            match=match,
            elements=elements,
        )

    def _paths(self) -> dict[str, str]:
        """Canonical column → path, for each column in the user's mapping."""
        wanted = {}
        for column, source in self._mapping.columns.items():
            if source.constant is not None:
                continue
            if (reason := _core.check_json_path(source.path)) is not None:
                raise InputError(
                    "bad-mapping",
                    f"the path `{cropped(source.path)}` of the column `{column}` {reason}",
                    hint='quote a key that contains a dot or a bracket: properties."device.type"',
                    fields={"column": column, "source": cropped(source.text), "reason": reason},
                )
            wanted[column] = source.path
        return wanted

    def _read(self, session: Session, wanted: dict[str, str], off: list[int]) -> _core.JsonTable:
        with self._file.open() as (unzipped, _):
            data = unzipped.read()
        monitor = _core.JsonMonitor()

        def read() -> _core.JsonTable:
            return _core.read_json(
                data,
                named_lines=self._file.suffix in {".ndjson", ".jsonl"},
                sources=[wanted.get(column) for column in COLUMNS],
                off=off,
                spellings=_SPELLINGS,
                rows_at=self._mapping.rows_at,
                monitor=monitor,
            )

        return session.run(read, done=lambda: monitor.done / max(1, len(data)), stop=monitor.stop)

    def _check(self, table: _core.JsonTable, sources: dict[str, str]) -> None:
        """Refuse a document that does not contain devices, or not the columns that the mapping names."""
        if table.broken is not None:
            raise self._broken(*table.broken)
        if table.hopeless:
            raise not_a_table(self.label, "does not consist of JSON objects", _KINDS)
        if self._mapping.rows_at is not None and table.pages == 0:
            raise self._no_array(table)
        rows = len(table.lines)
        if rows == 0:
            if table.faults and "uuid" in sources:
                return  # the objects are reported as bad rows
            if table.faults:
                raise not_a_table(self.label, "contains no JSON objects", _KINDS)
            raise empty_fleet(self.label)
        if table.repeated is not None:
            first, second, number = table.repeated
            raise repeated_column(first, second, COLUMNS[number], self.label)
        has_no_uuid = "uuid" not in sources or _NUMBERS["uuid"] in {number for number, *_ in table.missing}
        if has_no_uuid and rows == 1 and not table.faults and not table.pages and table.arrays:
            raise self._no_devices(table)
        self._check_missing(table)
        if "uuid" not in sources:
            raise no_uuid_column(table.unused, self.label)

    def _check_missing(self, table: _core.JsonTable) -> None:
        """Refuse a mapped path whose keys occur in no row. An index or a filter may match nothing in valid data."""
        for number, taken, is_key, keys in table.missing:
            if is_key:
                column = COLUMNS[number]
                found = keys if taken else [*table.unused, *(key for key in table.sources if key is not None)]
                raise unknown_source(column, self._mapping.columns[column], found, self.label, taken=taken)

    def _notes(self, table: _core.JsonTable) -> list[str]:
        notes = [
            f"no row has a value at `{cropped(self._mapping.columns[COLUMNS[number]].path)}`, the path of the column"
            f" {COLUMNS[number]}"
            for number, _, is_key, _ in table.missing
            if not is_key
        ]
        devices = len(table.lines)
        if table.pages and (table.has_next or (table.total is not None and table.total > devices)):
            of = f" of {table.total}" if table.total is not None else ""
            notes.append(f"`{self.label}` is one page of several: it has {devices}{of} devices")
        return notes

    def _broken(self, line: int, column: int, reason: str, is_cut: bool) -> InputError:  # noqa: FBT001  (from the core)
        if not self._file.head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
            return not_a_table(self.label, "contains no JSON objects", _KINDS)
        return InputError(
            "broken-json",
            f"line {line} of `{self.label}` is broken JSON at column {column}: {reason}",
            hint="the file is truncated: create or fetch it again" if is_cut else "correct it there",
            fields={"source": self.label, "line": line, "column": column, "reason": reason},
        )

    def _no_array(self, table: _core.JsonTable) -> GroundswellError:
        rows_at = str(self._mapping.rows_at)
        keys = [cropped(key) for key in table.page_keys]
        near = _core.nearest(rows_at.rpartition(".")[2], keys, at_most=1)
        there = ", ".join(f"`{key}`" for key in keys[:_MAX_NAMED])
        return InputError(
            "no-rows-at",
            f"`{self.label}` has no array of devices at `{cropped(rows_at)}`",
            hint=f"did you mean `{near[0]}`?"
            if near
            else f"the keys there are {there}"
            if keys
            else "what is there is not an array: give the path of an array of objects",
            fields={"source": self.label, "rows_at": cropped(rows_at), "keys": keys, "nearest": near},
        )

    def _no_devices(self, table: _core.JsonTable) -> InputError:
        keys = [cropped(key) for key in table.arrays]
        shown = " or ".join(f"`{key}`" for key in keys[:_MAX_NAMED])
        return InputError(
            "not-a-table",
            f"`{self.label}` is an object with {'arrays' if keys[1:] else 'one'} at {shown}, not an array of devices",
            hint=f"if the devices are in that array, give `{keys[0]}` as the path of the rows",
            fields={"source": self.label, "arrays": keys},
        )

    def failure(self, error: Exception) -> GroundswellError:
        """Never called, because the relation is a table in memory."""
        return not_a_table(self.label, "cannot be read as JSON", str(error).partition("\n")[0])

    def check(self) -> None:
        """See `SourceFile.check`."""
        self._file.check()


def _elements(table: _core.JsonTable) -> tuple[npt.NDArray[np.int64] | None, list[int | None]]:
    """The numbers of rows and of faults in the order of the text, from 1; none where each has a line of its own."""
    import numpy as np

    rows_before = np.array([rows for _, rows, *_ in table.faults], np.int64)
    lines = np.concatenate([table.lines, np.array([line for line, *_ in table.faults], np.int64)])
    if len(np.unique(lines)) == len(lines):
        return None, [None] * len(rows_before)
    rows = np.arange(len(table.lines), dtype=np.int64)
    of_rows = rows + 1 + np.searchsorted(rows_before, rows, side="right")
    return of_rows, (rows_before + 1 + np.arange(len(rows_before))).tolist()


_KINDS: Final = "give an array of objects, an object with an array `devices`, or one object per line"


def text_array(parts: tuple[Any, Any, Any]) -> pa.Array:
    """Wrap the core's offsets, text and validity bitmap as an Arrow array of large strings, without a copy."""
    import pyarrow as pa

    offsets, data, valid = (pa.py_buffer(part) for part in parts)
    return pa.Array.from_buffers(pa.large_string(), len(parts[0]) - 1, [valid, offsets, data])
