"""JSON: an array of objects, an object with ``devices`` as the hosted product's API answers, or an object a line.

DuckDB reads the first and the last fast; ``groundswell.fleet.json_reader`` reads all of them, with lines.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from groundswell.fleet.columns import match_columns, no_uuid_column
from groundswell.fleet.engine import literal
from groundswell.fleet.json_reader import read_json
from groundswell.fleet.relation import Relation
from groundswell.fleet.source_file import empty_fleet, not_a_table

if TYPE_CHECKING:
    from groundswell.errors import GroundswellError
    from groundswell.fleet.engine import Session
    from groundswell.fleet.json_reader import JsonTable
    from groundswell.fleet.source_file import SourceFile

__all__ = ["JsonSource"]

_PLACEHOLDER: Final = "unused"


class JsonSource:
    """A JSON or NDJSON file."""

    frozen_at = None

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self.label = file.label
        self._form = _form(file.head)

    def quick(self, session: Session) -> Relation:
        """The rows as DuckDB reads them, if it can; every key that occurs in any object is a column."""
        import duckdb

        if self._form is None:
            return self.careful(session)
        objects = (
            f"read_json_objects({self._file.sql}, format = '{self._form}', compression = {self._file.compression})"
        )
        try:
            # Not from a sample: a key that comes up late in the file is as good as any other.
            keys = session.rows(
                f"SELECT DISTINCT unnest(json_keys(json)) AS key FROM {objects} WHERE json_type(json) = 'OBJECT'"
                " ORDER BY key"
            )
        except duckdb.Error:
            return self.careful(session)
        names = keys.column("key").to_pylist()
        if not names:
            return self.careful(session)
        used = sorted(match_columns(names, self.label).used.values())
        paths = ", ".join(literal(f'$."{names[i]}"') for i in used)
        items = ", ".join(f"found[{n}] AS c{i}" for n, i in enumerate(used, start=1))
        # One call for all keys, so that each object is parsed once.
        sql = f"(SELECT {items} FROM (SELECT json_extract_string(json, [{paths}]) AS found FROM {objects}))"
        columns = [(f"c{i}", "VARCHAR") if i in used else (_PLACEHOLDER, "VARCHAR") for i in range(len(names))]
        return Relation(sql, names, columns, exact=False)

    def careful(self, session: Session) -> Relation:
        """The rows as Python's json module reads them, each with the line on which its object begins."""
        with self._file.open() as (unzipped, _):
            data = unzipped.read()
        found = read_json(data, self.label, by_line=self._form == "newline_delimited")
        if not found.names:
            raise self._nothing(found)
        sql = session.register(found.table)
        columns = [(name, "VARCHAR") for name in found.table.column_names]
        return Relation(sql, found.names, columns, lines=found.lines, faults=found.faults, notes=found.notes)

    def _nothing(self, found: JsonTable) -> GroundswellError:
        """Not one key: an empty array, empty objects, or no objects at all."""
        if found.faults:
            return not_a_table(self.label, "holds no JSON objects", "give an array of objects, or an object a line")
        if len(found.lines):
            return no_uuid_column([], self.label)
        return empty_fleet(self.label)

    def failure(self, error: Exception) -> GroundswellError:
        """Never needed by the careful relation, which is a table in memory."""
        return not_a_table(self.label, "cannot be read as JSON", str(error).partition("\n")[0])

    def check(self) -> None:
        """See `SourceFile.check`."""
        self._file.check()


def _form(head: bytes) -> str | None:
    """How DuckDB calls the form of a JSON file; None if only the careful reader knows it."""
    text = head.decode("utf-8-sig", "replace").lstrip()
    if text.startswith("["):
        return "array"
    line, end, _ = text.partition("\n")
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return None
    wrapped = isinstance(first, dict) and isinstance(first.get("devices"), list)
    return "newline_delimited" if end and isinstance(first, dict) and not wrapped else None
