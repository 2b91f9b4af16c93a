"""Chooses the reader for a source: by its type, then by its first bytes, and last by its file extension."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import InputError
from groundswell.ingest.cells import cropped
from groundswell.ingest.mapping import NO_MAPPING
from groundswell.ingest.readers.arrow import ARROW_FILE, TableSource, arrow_table, read_arrow_file
from groundswell.ingest.readers.csv import CsvSource
from groundswell.ingest.readers.database import SCHEMES, read_database
from groundswell.ingest.readers.json import JsonSource
from groundswell.ingest.readers.parquet import MAGIC, ParquetSource
from groundswell.ingest.readers.source_file import HEAD, first_line, not_a_table, open_file

if TYPE_CHECKING:
    import contextlib

    from groundswell.ingest.mapping import ColumnMapping
    from groundswell.ingest.readers.source import Source
    from groundswell.ingest.readers.source_file import SourceFile

__all__ = ["name_of", "open_source"]

_ARROW_STREAM: Final = b"\xff\xff\xff\xff"
_SCHEME: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")
_ZIP: Final = b"PK\x03\x04"
_AS_CSV: Final = "save the sheet as CSV in UTF-8 (in Excel: Save As, CSV UTF-8)"
# Unsupported formats that users try: first bytes, description, hint.
_UNSUPPORTED: Final = (
    (b"SQLite format 3\0", "is an SQLite database", "name the table: sqlite:///PATH#TABLE"),
    (b"\xd0\xcf\x11\xe0", "is an old or a protected spreadsheet", _AS_CSV),
    (b"FEA1", "is in Feather version 1", "write it as Feather version 2 (Arrow) or Parquet"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd", "decompress it first (gzip is read as it is)"),
    (b"BZh", "is compressed with bzip2", "decompress it first (gzip is read as it is)"),
    (b"\xfd7zXZ", "is compressed with xz", "decompress it first (gzip is read as it is)"),
    (b"\xff\xfe\0\0", "is in UTF-32", "save it in UTF-8"),
    (b"\0\0\xfe\xff", "is in UTF-32", "save it in UTF-8"),
)
_KINDS: Final = "a CSV, Parquet, JSON, NDJSON or Arrow file"


def name_of(source: object) -> str:
    """The name of a source in messages. A database URI is not shown, because it may contain a password.

    >>> name_of("fleets/export.csv"), name_of("postgresql://me:secret@host/db#devices")
    ('fleets/export.csv', 'database')
    """
    if isinstance(source, str | Path):
        return "database" if _SCHEME.match(str(source)) else str(source)
    return f"the {type(source).__name__}"


def open_source(source: Any, cleanup: contextlib.ExitStack, mapping: ColumnMapping = NO_MAPPING) -> Source:
    """Find the reader for a source. Unsupported sources are refused before a long read begins.

    Args:
        source: a path, a URI, or a table in memory.
        cleanup: the caller closes it after the read.
        mapping: the user's mapping of its columns.

    Raises:
        InputError: ``bad-source``, ``not-a-table``, ``empty-fleet``; ``bad-rows-at`` for a path of rows if the source
            is not JSON; and what the readers raise.
        NotFoundError: the file or table does not exist.
        StorageError: the source cannot be read.
    """
    opened = _opened(source, cleanup, mapping)
    if mapping.rows_at is not None and not isinstance(opened, JsonSource):
        raise InputError(
            "bad-rows-at",
            f"`{opened.label}` is not JSON, so it has no array at `{cropped(mapping.rows_at)}`",
            hint="omit the path of the rows: only JSON has one",
            fields={"source": opened.label, "rows_at": cropped(mapping.rows_at), "reason": "not JSON"},
        )
    return opened


def _opened(source: Any, cleanup: contextlib.ExitStack, mapping: ColumnMapping) -> Source:
    if isinstance(source, str) and (found := _SCHEME.match(source)):
        if found["scheme"].lower() in SCHEMES:
            return read_database(source, mapping)
        raise InputError(
            "bad-source",
            f"a fleet cannot be read from a `{found['scheme']}://` address",
            hint="download it to a file first; databases are sqlite:///PATH#TABLE and postgresql://…#TABLE",
            fields={"scheme": found["scheme"]},
        )
    if isinstance(source, str | Path):
        return _reader_of(open_file(Path(source), cleanup), mapping)
    if hasattr(source, "__arrow_c_stream__"):
        return TableSource(arrow_table(source, name_of(source)), name_of(source), mapping=mapping)
    lazy = " and call its collect()" if hasattr(source, "collect") else ""
    raise InputError(
        "bad-source",
        f"a fleet cannot be read from an object of type `{type(source).__name__}`",
        hint=f"give a path, a database URI, or a table that supports Arrow (pandas 2.2 or later, polars){lazy}",
        fields={"type": type(source).__name__},
    )


def _reader_of(file: SourceFile, mapping: ColumnMapping) -> Source:
    head = file.head
    if file.gzipped and head.startswith((MAGIC, ARROW_FILE)):
        raise not_a_table(
            file.label, "is a compressed format that is compressed again with gzip", "decompress it first"
        )
    if head.startswith(MAGIC):
        return ParquetSource(file)
    if head.startswith(ARROW_FILE) or (head.startswith(_ARROW_STREAM) and b"\0" in head[:16]):
        return read_arrow_file(file, mapping)
    _refuse_unsupported(file)
    if b"\0" in first_line(head):
        raise not_a_table(file.label, "is not a table", f"give {_KINDS}")
    if file.suffix in {".parquet", ".pq", ".arrow", ".feather"}:
        raise not_a_table(
            file.label, f"is not a {file.suffix} file, although its name has that extension", f"give {_KINDS}"
        )
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")):
        return JsonSource(file, mapping)
    if file.suffix in {".json", ".ndjson", ".jsonl"}:
        # Trust the extension even if the first line is broken: then it is reported as a bad row.
        return JsonSource(file, mapping)
    return CsvSource(file)


def _refuse_unsupported(file: SourceFile) -> None:
    for magic, what, hint in _UNSUPPORTED:
        if file.head.startswith(magic):
            raise not_a_table(file.label, what, hint)
    if file.head.startswith(_ZIP):
        raise not_a_table(file.label, *_zip(file))


def _zip(file: SourceFile) -> tuple[str, str]:
    """Description and hint for a zip archive. A spreadsheet has typical member names at both ends of the file."""
    with file.open() as (archive, _):
        archive.seek(max(0, file.stamp[0] - HEAD))
        ends = file.head[:HEAD] + archive.read(HEAD)
    if b"xl/workbook" in ends or b"xl/worksheets/" in ends:
        return "is a spreadsheet (.xlsx)", _AS_CSV
    if b"application/vnd.oasis.opendocument.spreadsheet" in ends[:1000]:
        return "is a spreadsheet (.ods)", "save the sheet as CSV in UTF-8"
    return "is a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV in UTF-8"
