"""Reads a fleet from a source: converts and checks the cells, and drops duplicates. All rows, or none.

1. Open the source; refuse an unsupported one before a long read begins.
2. Read its rows in one pass.
3. Report bad rows, then rows with the same uuid and different data, as an error; or write them to a rejects file.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundswell.csv_cells import unguarded_column
from groundswell.errors import GroundswellError, InputError
from groundswell.files import refuse_overwriting
from groundswell.ingest.coerce import coerce
from groundswell.ingest.columns import match_columns
from groundswell.ingest.derived import with_derived
from groundswell.ingest.detect import name_of, open_source
from groundswell.ingest.duckdb_session import Session
from groundswell.ingest.duplicates import conflict_error, find_duplicates
from groundswell.ingest.mapping import NO_MAPPING
from groundswell.ingest.progress import ProgressBar
from groundswell.ingest.readers.arrow import TableSource, arrow_table, first_sentence
from groundswell.ingest.readers.csv import CsvSource
from groundswell.ingest.readers.source_file import empty_fleet
from groundswell.ingest.rejects import BadRows, refuse, write_rejects
from groundswell.ingest.report import NO_PRODUCTION_COLUMN, FleetColumns, ReadReport
from groundswell.text import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from groundswell.ingest.bad_cells import BadCell
    from groundswell.ingest.coerce import Devices
    from groundswell.ingest.columns import ColumnMatch
    from groundswell.ingest.duplicates import Duplicates
    from groundswell.ingest.mapping import ColumnMapping
    from groundswell.ingest.readers.source import Relation, Source

    Mask = npt.NDArray[np.bool_]
    Judge = Callable[[Devices], Sequence[BadCell]]

__all__ = ["FleetColumns", "ReadReport", "query_fleet", "read_fleet"]


_LARGE: Final = 1 << 24
"""Files of this size in bytes or more get a progress bar without delay (about 450 000 UUIDs in CSV)."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """The rows of a source after conversion; `duplicates` are among the `good` rows."""

    relation: Relation
    match: ColumnMatch
    devices: Devices
    good: Mask
    duplicates: Duplicates
    now: int


def read_fleet(
    source: Any,
    *,
    now: int,
    rejects: Path | None = None,
    progress: bool = False,
    judge: Judge | None = None,
    mapping: ColumnMapping = NO_MAPPING,
) -> FleetColumns:
    """Read a fleet from a file, a database or a table in memory.

    Args:
        source: see ``docs/fleets.md``.
        now: the read instant, in seconds since 1970.
        rejects: write bad rows to this file; without it a bad row is an error.
        progress: draw a progress bar if stderr is a terminal and the read takes long.
        judge: the caller's own check: returns bad cells among those that pass the rules of their columns.
        mapping: the user's mapping of the source's columns.

    Raises:
        InputError, NotFoundError, StorageError: the codes are listed in ``docs/errors.md``.
    """
    if rejects is not None:
        refuse_overwriting(source, rejects)
    with (
        ProgressBar(name_of(source), wanted=progress, at_once=_is_large(source)) as progress_bar,
        contextlib.ExitStack() as cleanup,
    ):
        opened = open_source(source, cleanup, mapping)
        with Session(progress_bar) as session:
            return _read(opened, session, _Options(now, rejects, judge, mapping))


def _is_large(source: object) -> bool:
    with contextlib.suppress(OSError, ValueError):  # opening the file reports these errors
        return isinstance(source, str | Path) and Path(source).stat().st_size >= _LARGE
    return False


def query_fleet(
    sql: str, *, tables: Mapping[str, object], now: int, rejects: Path | None = None, progress: bool = False
) -> FleetColumns:
    """Read a fleet from the result of a query in DuckDB's SQL.

    Args:
        sql: a SELECT that returns the columns of a fleet.
        tables: name in the query → table in memory.
        now: as in `read_fleet`.
        rejects: as in `read_fleet`.
        progress: as in `read_fleet`.

    Raises:
        InputError: ``bad-sql``, and what `read_fleet` raises.
    """
    import duckdb

    with ProgressBar("the query", wanted=progress) as progress_bar, Session(progress_bar) as session:
        for name, table in tables.items():
            session.register(arrow_table(table, f"the table `{name}`"), name)
        try:
            found = session.fetch(sql)
        except duckdb.Error as error:
            raise _bad_sql(sql, f"DuckDB refuses the query: {first_sentence(error)}") from error
        if found is None:
            raise _bad_sql(sql, "the query returns no rows: it is not a SELECT")
        return _read(TableSource(found, "the query"), session, _Options(now, rejects))


def _bad_sql(sql: str, message: str) -> InputError:
    return InputError(
        "bad-sql",
        message,
        hint="give one SELECT; its tables are files ('devices.parquet') and the tables passed by name",
        fields={"sql": sql},
    )


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of `read_fleet`."""

    now: int
    rejects: Path | None = None
    judge: Judge | None = None
    mapping: ColumnMapping = NO_MAPPING


def _read(source: Source, session: Session, options: _Options) -> FleetColumns:
    import duckdb

    try:
        try:
            reading = _reading(source, source.rows(session), session, options)
        except duckdb.Error as error:
            raise source.failure(error) from error
    except GroundswellError:
        # If the file changed during the read, report that instead.
        source.check()
        raise
    source.check()
    found = _finish(source.label, session, reading, options.rejects)
    return _without_guards(found) if isinstance(source, CsvSource) else found


def _without_guards(found: FleetColumns) -> FleetColumns:
    """Remove the apostrophes that exports put before cells that a spreadsheet would execute (`csv_cells`)."""
    names, hardware_ids = (
        None if column is None else unguarded_column(column) for column in (found.names, found.hardware_ids)
    )
    return replace(found, names=names, hardware_ids=hardware_ids)


def _reading(source: Source, relation: Relation, session: Session, options: _Options) -> _Reading:
    import numpy as np

    now, judge, mapping = options.now, options.judge, options.mapping
    match = relation.match or match_columns(relation.names, source.label, mapping)
    relation, match = with_derived(session, relation, match, source.label)
    latest = now if source.frozen_at is None else max(now, source.frozen_at)
    devices = coerce(session, relation, match.used, latest, label=source.label, namespace=mapping.namespace)
    good = np.ones(len(devices), np.bool_)
    good[devices.bad.rows] = False
    if judge is not None:
        found = [cell for cell in judge(devices) if good[cell.row]]
        devices = replace(devices, bad=devices.bad.with_cells(found))
        good[devices.bad.rows] = False
    return _Reading(relation, match, devices, good, find_duplicates(devices, good), latest)


def _finish(label: str, session: Session, reading: _Reading, rejects: Path | None) -> FleetColumns:
    """Refuse bad rows or write them to the rejects file, drop duplicates, and make the report."""
    relation, devices, used = reading.relation, reading.devices, reading.match.used
    total = len(devices) + len(relation.faults)
    if total == 0 and relation.is_text:
        # A query may find no rows, but a text file without rows is a failed export.
        raise empty_fleet(label)
    kept = reading.good.copy()
    kept[reading.duplicates.rows] = False
    if rejects is None:
        rows = BadRows(session, relation, used, devices.bad)
        if len(rows):
            raise refuse(rows, relation, label)
        if reading.duplicates.conflicts.any():
            raise conflict_error(session, relation, used, reading.duplicates, label)
        rejected = 0
    else:
        conflicting = reading.duplicates.conflicting_cells()
        kept[[cell.row for cell in conflicting]] = False
        rows = BadRows(session, relation, used, devices.bad.with_cells(conflicting))
        write_rejects(rejects, rows, relation)
        rejected = len(rows)
        if total and not kept.any():
            raise InputError(
                "empty-fleet",
                f"all rows of `{label}` are bad",
                hint=f"see `{rejects}` for the reasons",
                fields={"source": label},
            )
    return _columns(label, reading, kept, rows=total, rejected=rejected)


def _columns(label: str, reading: _Reading, kept: Mask, *, rows: int, rejected: int) -> FleetColumns:
    devices = reading.devices if kept.all() else reading.devices.only(kept)
    repeated, ahead = rows - rejected - len(devices), int(devices.ahead.sum())
    notes = [*reading.relation.notes]
    if "production" not in reading.match.used:
        sentence = f"`{label}` HAS NO PRODUCTION COLUMN: {_as_test(len(devices))}"
        notes.append(Notice(NO_PRODUCTION_COLUMN, sentence, ""))
    elif len(devices) and not devices.production_said.any():
        notes.append(f"NO ROW OF `{label}` HAS A PRODUCTION VALUE: {_as_test(len(devices))}")
    for column, codes in (("tag", devices.tags), ("group", devices.groups)):
        if len(devices) and not (codes >= 0).any():
            why = "" if column in reading.match.used else f": no column is read as the {column}"
            notes.append(f"NO DEVICE OF `{label}` HAS A {column.upper()}{why}")
    if rejected:
        notes.append(f"{_count(rejected, 'bad row')} set aside")
    if repeated:
        notes.append(f"{_count(repeated, 'row')} dropped as a duplicate: an earlier row has the same data")
    if ahead:
        notes.append(f"{_count(ahead, 'device')} seen up to 24 h in the future, taken as seen now")
    notes += reading.match.notes
    report = ReadReport(
        rows,
        len(devices),
        repeated,
        ahead,
        rejected,
        reading.match.ignored,
        tuple(notes),
        columns=reading.match.sources,
        more_ignored_columns=reading.match.more_ignored,
    )
    return FleetColumns(
        uuids=devices.uuids,
        last_seen=devices.last_seen,
        groups=devices.groups,
        group_names=devices.group_names,
        tags=devices.tags,
        tag_names=devices.tag_names,
        production=devices.production,
        production_said=devices.production_said,
        target_versions=devices.target_versions,
        names=devices.names,
        hardware_ids=devices.hardware_ids,
        present=frozenset(reading.match.used),
        now=reading.now,
        report=report,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} was" if number == 1 else f"{number} {noun}s were"


def _as_test(number: int) -> str:
    return "its device counts as a test device" if number == 1 else f"all {number} devices count as test devices"
