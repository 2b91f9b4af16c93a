"""Changes of few rows, made by statements with parameters, beside the same changes by way of Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundswell.store.changes import Change, put, remove, set_cells
from groundswell.store.duckdb import database
from groundswell.store.duckdb.small_changes import apply_few
from groundswell.store.schema import KEYS
from support import profiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
blobs = st.binary(max_size=6)

ROWS: dict[str, Any] = {
    "meta": st.fixed_dictionaries({"key": st.sampled_from(["a", "b", "c", "é"]), "value": texts}),
    "groups": st.fixed_dictionaries(
        {
            "group_id": st.integers(1, 4),
            "name": texts,
            "description": texts,
            "created_at": st.integers(0, 2**40),
            "created_by": texts,
            "updated_at": st.none() | st.integers(0, 2**40),
            "updated_by": st.none() | texts,
        }
    ),
    "publications": st.fixed_dictionaries(
        {
            "repository": st.sampled_from(["ci", "production"]),
            "tag": st.sampled_from(["main", "'; DROP TABLE meta; --"]),
            "variant": st.just("tag"),
            "epoch": st.integers(1, 2**31 - 1),
            "targets": blobs,
            "snapshot": blobs,
            "timestamp": blobs,
        }
    ),
}


def _key(table: str, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column] for column in KEYS[table])


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """Changes one after another, as the factory makes them: each key once in a change, new rows only where none is."""
    there: dict[str, set[tuple[Any, ...]]] = {table: set() for table in ROWS}
    changes = []
    for _ in range(draw(st.integers(1, 6))):
        table = draw(st.sampled_from(list(ROWS)))
        drawn = draw(st.lists(ROWS[table], min_size=1, max_size=4))
        rows = list({_key(table, row): row for row in drawn}.values())
        keys = {_key(table, row) for row in rows}
        kind = draw(st.sampled_from(["put", "put", "remove", "add", "set"]))
        if kind == "remove":
            changes.append(remove(table, [{key: row[key] for key in KEYS[table]} for row in rows]))
            there[table] -= keys
        elif kind == "set":
            columns = [name for name in rows[0] if name not in KEYS[table]]
            cells = draw(st.sets(st.sampled_from(columns), min_size=1)) | set(KEYS[table])
            rows = [row for row in rows if _key(table, row) in there[table]]
            if rows:
                changes.append(set_cells(table, [{name: row[name] for name in row if name in cells} for row in rows]))
        else:
            new = kind == "add" and not keys & there[table]
            changes.append(put(table, rows, new=new))
            there[table] |= keys
    return changes


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]]:
    """Two stores of the newest shape."""
    paths = [tmp_path / "few.duckdb", tmp_path / "arrow.duckdb"]
    made = [database.connect(path) for path in paths]
    for connection, path in zip(made, paths, strict=True):
        database.migrate(connection, path, new=True)
    yield made[0], made[1]
    for connection in made:
        connection.close()


def _contents(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: connection.execute(database.ordered(table)).fetchall() for table in ROWS}


def _apply(connection: duckdb.DuckDBPyConnection, changes: Sequence[Change]) -> None:
    connection.execute("DELETE FROM meta WHERE key NOT IN ('format')")
    connection.execute("DELETE FROM groups")
    connection.execute("DELETE FROM publications")
    database.apply(connection, changes, 1, "head")


@settings(
    max_examples=profiles.examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=histories())
def test_both_ways_come_to_the_same_rows(
    connections: tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection], changes: list[Change]
) -> None:
    few, arrow = connections
    _apply(few, changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "apply_few", lambda *_: False)
        _apply(arrow, changes)
    assert _contents(few) == _contents(arrow)


def test_what_is_not_for_statements_is_left_alone(
    connections: tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection],
) -> None:
    connection, _ = connections
    many = put("meta", [{"key": str(number), "value": ""} for number in range(33)])
    without_a_column = put("groups", [{"group_id": 1, "name": "a", "description": "", "created_at": 0}])
    twice = put("meta", [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}])
    before = _contents(connection)
    for change in (many, without_a_column, twice):
        assert not apply_few(connection, change)
    assert _contents(connection) == before
