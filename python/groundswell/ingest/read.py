"""Reading a fleet: from a source to columns that are coerced, checked and free of repetitions. All of it, or nothing.

1. The source is opened; what cannot be a table is refused before any long read.
2. Its rows are read fast, in one pass.
3. At the first sign of trouble they are read again with their places, and that reading is the judge.
4. Bad rows, then uuids that stand twice with different data, are an error; or they are set aside in a rejects file.
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
from groundswell.ingest.duplicates import find_repeats, refuse_conflicts
from groundswell.ingest.mapping import NO_MAPPING
from groundswell.ingest.progress import ProgressBar
from groundswell.ingest.readers.arrow import TableSource, arrow_table, first_sentence
from groundswell.ingest.readers.csv import CsvSource
from groundswell.ingest.readers.source_file import empty_fleet
from groundswell.ingest.rejects import BadRows, refuse, write_rejects
from groundswell.ingest.report import FleetColumns, ReadReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from groundswell.ingest.bad_cells import BadCell
    from groundswell.ingest.coerce import Devices
    from groundswell.ingest.columns import ColumnMatch
    from groundswell.ingest.duplicates import Repeats
    from groundswell.ingest.mapping import ColumnMapping
    from groundswell.ingest.readers.source import Relation, Source

    Mask = npt.NDArray[np.bool_]
    Judge = Callable[[Devices], Sequence[BadCell]]

__all__ = ["FleetColumns", "ReadReport", "query_fleet", "read_fleet"]


_LARGE: Final = 1 << 24
"""The bytes from which on a file is worth a progress bar at once; a million UUIDs in CSV are twice as many."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of a source; `repeats` are among the rows that are `good`."""

    relation: Relation
    match: ColumnMatch
    devices: Devices
    good: Mask
    repeats: Repeats
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
        now: the instant of reading, in seconds since 1970.
        rejects: where to set bad rows aside; without it a bad row is an error.
        progress: draw a progress bar if stderr is a terminal and the read takes long.
        judge: finds cells that are bad for a reason of the caller's, among those that no rule of a column forbids.
        mapping: what the user says about the columns of the source.

    Raises:
        InputError, NotFoundError, StorageError: the page lists the codes.
    """
    if rejects is not None:
        refuse_overwriting(source, rejects)
    with (
        ProgressBar(name_of(source), wanted=progress, at_once=_is_large(source)) as meter,
        contextlib.ExitStack() as cleanup,
    ):
        opened = open_source(source, cleanup, mapping)
        with Session(meter) as session:
            return _read(opened, session, _Options(now, rejects, judge, mapping))


def _is_large(source: object) -> bool:
    with contextlib.suppress(OSError, ValueError):  # what is no file is told elsewhere
        return isinstance(source, str | Path) and Path(source).stat().st_size >= _LARGE
    return False


def query_fleet(
    sql: str, *, tables: Mapping[str, object], now: int, rejects: Path | None = None, progress: bool = False
) -> FleetColumns:
    """Read a fleet by a query in DuckDB's SQL.

    Args:
        sql: a query whose columns are those of a fleet.
        tables: tables in memory, by the names that the query knows them under.
        now: as in `read_fleet`.
        rejects: as in `read_fleet`.
        progress: as in `read_fleet`.

    Raises:
        InputError: ``bad-sql``, and what `read_fleet` raises.
    """
    import duckdb

    with ProgressBar("the query", wanted=progress) as meter, Session(meter) as session:
        for name, table in tables.items():
            session.register(arrow_table(table, f"the table `{name}`"), name)
        try:
            found = session.fetch(sql)
        except duckdb.Error as error:
            raise _bad_sql(sql, f"DuckDB refuses the query: {first_sentence(error)}") from error
        if found is None:
            raise _bad_sql(sql, "the query has no rows to read: it is no SELECT")
        return _read(TableSource(found, "the query"), session, _Options(now, rejects))


def _bad_sql(sql: str, message: str) -> InputError:
    return InputError(
        "bad-sql",
        message,
        hint="give one SELECT; files are tables ('devices.parquet'), and so is what is passed by name",
        fields={"sql": sql},
    )


@dataclass(frozen=True, slots=True)
class _Options:
    """What a caller of `read_fleet` wants."""

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
        # What is wrong with a file that moved meanwhile is that it moved.
        source.check()
        raise
    source.check()
    found = _finished(source.label, session, reading, options.rejects)
    return _unguarded(found) if isinstance(source, CsvSource) else found


def _unguarded(found: FleetColumns) -> FleetColumns:
    """Without the guards that exports put before cells that a spreadsheet would execute."""
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
        devices = replace(devices, bad=devices.bad.and_also(found))
        good[devices.bad.rows] = False
    return _Reading(relation, match, devices, good, find_repeats(devices, good), latest)


def _finished(label: str, session: Session, reading: _Reading, rejects: Path | None) -> FleetColumns:
    """Refuse or set aside what is bad, drop what is said again, and report."""
    relation, devices, used = reading.relation, reading.devices, reading.match.used
    total = len(devices) + len(relation.faults)
    if total == 0 and relation.is_text:
        # A table without rows may be what a query finds; a text file without any is an export that went wrong.
        raise empty_fleet(label)
    kept = reading.good.copy()
    kept[reading.repeats.rows] = False
    if rejects is None:
        rows = BadRows(session, relation, used, devices.bad)
        if len(rows):
            raise refuse(rows, relation, label)
        if reading.repeats.conflicts.any():
            raise refuse_conflicts(session, relation, used, reading.repeats, label)
        rejected = 0
    else:
        contradictory = reading.repeats.contradictory()
        kept[[cell.row for cell in contradictory]] = False
        rows = BadRows(session, relation, used, devices.bad.and_also(contradictory))
        write_rejects(rejects, rows, relation)
        rejected = len(rows)
        if total and not kept.any():
            raise InputError(
                "empty-fleet",
                f"no row of `{label}` is good",
                hint=f"see `{rejects}` for the reasons",
                fields={"source": label},
            )
    return _columns(label, reading, kept, rows=total, rejected=rejected)


def _columns(label: str, reading: _Reading, kept: Mask, *, rows: int, rejected: int) -> FleetColumns:
    devices = reading.devices if kept.all() else reading.devices.only(kept)
    repeated, ahead = rows - rejected - len(devices), int(devices.ahead.sum())
    notes = [*reading.relation.notes]
    if "production" not in reading.match.used:
        notes.append(f"`{label}` HAS NO PRODUCTION COLUMN: {_as_test(len(devices))}")
    elif len(devices) and not devices.production_said.any():
        notes.append(f"NO ROW OF `{label}` HAS A PRODUCTION VALUE: {_as_test(len(devices))}")
    for column, codes in (("tag", devices.tags), ("group", devices.groups)):
        if len(devices) and not (codes >= 0).any():
            why = "" if column in reading.match.used else f": no column is read as the {column}"
            notes.append(f"NO DEVICE OF `{label}` HAS A {column.upper()}{why}")
    if rejected:
        notes.append(f"{_count(rejected, 'bad row')} set aside")
    if repeated:
        notes.append(f"{_count(repeated, 'row')} left out that only said again what an earlier row said")
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
