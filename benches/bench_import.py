"""Import the rows of a file into a factory, and with DuckDB alone into a database; both durably."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import duckdb

from benches.factories import bare, copy
from benches.fleets import NOW, file, folder
from benches.work import OURS, Case, Task, Work
from groundswell import Factory

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES: Final = (1_000_000,)
FULL_SIZES: Final = (10_000_000,)
WARM_BELOW: Final = 10_000_000
"""From this size on an import takes ten seconds, so a warm-up has no effect."""
ENDINGS: Final = {"CSV": "csv", "Parquet": "parquet"}
TYPES: Final = {
    "uuid": "UUID",
    "name": "VARCHAR",
    "group": "VARCHAR",
    "tag": "VARCHAR",
    "production": "BOOLEAN",
    "last_seen": "TIMESTAMPTZ",
    "target_version": "INTEGER",
    "hardware_id": "VARCHAR",
}


# --- ours ----------------------------------------------------------------------------------------------------------


class _Importer:
    """An open factory: empty before each import, or already with the rows."""

    def __init__(self, size: int, ending: str, *, fresh: bool) -> None:
        self._source = file(size, ending)
        self._fresh = fresh
        self._name = f"{size}-{ending}-{'fresh' if fresh else 'again'}"
        self._factory = Factory.open(copy(bare(), self._name))
        if not fresh:
            self.run()

    def setup(self) -> None:
        if self._fresh:
            self._factory.close()
            self._factory = Factory.open(copy(bare(), self._name))

    def run(self) -> object:
        return self._factory.devices.import_(self._source, now=NOW)


def ours(size: int, ending: str, *, fresh: bool) -> Task:
    importer = _Importer(size, ending, fresh=fresh)
    return Task(importer.run, importer.setup, warm=size < WARM_BELOW)


# --- DuckDB alone --------------------------------------------------------------------------------------------------


def _source(size: int, ending: str) -> str:
    path = file(size, ending)
    if ending == "parquet":
        return f"(SELECT * REPLACE (uuid::UUID AS uuid) FROM read_parquet('{path}'))"
    columns = ", ".join(f"\"{name}\": '{type_}'" for name, type_ in TYPES.items())
    return f"(SELECT * FROM read_csv('{path}', header = true, columns = {{{columns}}}))"


_NEWER: Final = "(known.last_seen IS NULL OR said.last_seen >= known.last_seen)"
_SET: Final = ", ".join(f'"{name}" = coalesce(said."{name}", known."{name}")' for name in TYPES if name != "uuid")
_DIFFERENT: Final = "({}) IS DISTINCT FROM ({})".format(
    *(", ".join(f'{table}."{name}"' for name in TYPES) for table in ("said", "known"))
)


def _merge(source: str, condition: str) -> str:
    return f"""
        MERGE INTO devices AS known USING {source} AS said ON known.uuid = said.uuid
        WHEN MATCHED AND {condition} THEN UPDATE SET {_SET}
        WHEN NOT MATCHED THEN INSERT"""


def merge(source: str) -> str:
    return _merge(source, _NEWER)


def merge_of_changes(source: str) -> str:
    return _merge(source, f"{_NEWER} AND {_DIFFERENT}")


def on_conflict(source: str) -> str:
    sets = ", ".join(f'"{name}" = coalesce(excluded."{name}", "{name}")' for name in TYPES if name != "uuid")
    newer = "devices.last_seen IS NULL OR excluded.last_seen >= devices.last_seen"
    return f"INSERT INTO devices SELECT * FROM {source} ON CONFLICT (uuid) DO UPDATE SET {sets} WHERE {newer}"


class _Upserter:
    """A connection to a database with one table."""

    def __init__(self, statement: Callable[[str], str], size: int, ending: str, *, fresh: bool) -> None:
        self._path = folder() / f"{statement.__name__}-{size}-{ending}-{fresh}.duckdb"
        self._key = " PRIMARY KEY" if statement is on_conflict else ""
        self._statement = statement(_source(size, ending))
        self._fresh = fresh
        self.connection = self._connect()
        if not fresh:
            self.run()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        self._path.unlink(missing_ok=True)
        connection = duckdb.connect(str(self._path))
        columns = ", ".join(f'"{name}" {type_}' for name, type_ in TYPES.items())
        connection.execute(f"CREATE TABLE devices ({columns.replace('UUID', 'UUID' + self._key)})")
        connection.execute("CHECKPOINT")
        return connection

    def setup(self) -> None:
        if self._fresh:
            self.connection.close()
            self.connection = self._connect()

    def run(self) -> object:
        self.connection.execute(self._statement)
        return self.connection.execute("CHECKPOINT")


def upserter(statement: Callable[[str], str], size: int, ending: str, *, fresh: bool) -> Task:
    made = _Upserter(statement, size, ending, fresh=fresh)
    return Task(made.run, made.setup, warm=size < WARM_BELOW)


# --- the same rows, and the clock ----------------------------------------------------------------------------------

PEERS: Final = {
    "DuckDB: MERGE": merge,
    "DuckDB: MERGE of what differs": merge_of_changes,
    "DuckDB: INSERT … ON CONFLICT, primary key": on_conflict,
}


def works(size: int) -> list[Work]:
    return [
        Work(
            f"Import {kind}, {'fresh' if fresh else 'again'}",
            f"{size:,}",
            size,
            {
                OURS: partial(ours, size, ending, fresh=fresh),
                **{name: partial(upserter, statement, size, ending, fresh=fresh) for name, statement in PEERS.items()},
            },
        )
        for kind, ending in ENDINGS.items()
        for fresh in (True, False)
    ]


def test_all_have_the_same_rows_at_the_end(size: int) -> None:
    few = min(size, 10_000)
    for ending in ENDINGS.values():
        with Factory.open(copy(bare(), f"check-{ending}")) as factory:
            assert factory.devices.import_(file(few, ending), now=NOW).new == few
            assert factory.devices.import_(file(few, ending), now=NOW).unchanged == few
            seen = factory.devices.fleet().last_seen
        for statement in PEERS.values():
            for fresh in (True, False):
                made = _Upserter(statement, few, ending, fresh=fresh)
                made.run()
                query = "SELECT count(DISTINCT uuid), sum(epoch(last_seen))::BIGINT, count(*) FROM devices"
                assert made.connection.execute(query).fetchone() == (few, int(seen.sum()), few)


def test_import(case: Case, measure: Callable[[Case], None]) -> None:
    measure(case)
