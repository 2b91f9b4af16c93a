"""Reads tables of SQLite and PostgreSQL through ADBC. Every column is fetched as text, which the core parses."""

from __future__ import annotations

import contextlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from groundswell import _core
from groundswell.errors import InputError, NotFoundError, StorageError
from groundswell.ingest.duckdb_session import identifier, literal
from groundswell.ingest.mapping import NO_MAPPING
from groundswell.ingest.readers.arrow import TableSource, first_sentence
from groundswell.input_files import file_not_found

if TYPE_CHECKING:
    import pyarrow as pa

    from groundswell.ingest.mapping import ColumnMapping

__all__ = ["SCHEMES", "read_database"]

SCHEMES: Final = {"sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql"}
"""URI scheme → the pip extra that installs the driver."""


@dataclass(frozen=True, slots=True)
class _Dialect:
    """The SQL that depends on the database.

    Args:
        tables: query for the names of the tables.
        columns: query for the column names of a table; the placeholder takes the table's name as a quoted literal.
        cell: expression that converts a column to text.
        in_schemas: whether a table name may have the form SCHEMA.TABLE.
    """

    tables: str
    columns: str
    cell: str
    in_schemas: bool

    def table(self, name: str) -> str:
        """Quote the name of a table."""
        return ".".join(map(identifier, name.split(".", 1))) if self.in_schemas else identifier(name)

    def columns_of(self, name: str) -> str:
        """The query for the column names of a table."""
        return self.columns.format(literal(self.table(name) if self.in_schemas else name))


_DIALECTS: Final = {
    # SQLite types cells, not columns: convert a blob (a 16-byte UUID) to hex digits, and any other cell to its text.
    "sqlite": _Dialect(
        tables="SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'",
        columns="SELECT name FROM pragma_table_info({})",
        cell="CASE typeof({0}) WHEN 'blob' THEN hex({0}) ELSE CAST({0} AS TEXT) END AS {0}",
        in_schemas=False,
    ),
    # Convert through JSON: it writes instants with their offset and arrays as arrays, independent of session settings.
    "postgresql": _Dialect(
        tables="SELECT CASE table_schema WHEN 'public' THEN '' ELSE table_schema || '.' END || table_name"
        " FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
        columns="SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass({})"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        cell="to_jsonb({0}) #>> '{{}}' AS {0}",
        in_schemas=True,
    ),
}


def read_database(uri: str, mapping: ColumnMapping = NO_MAPPING) -> TableSource:
    """Read a table of a database.

    Args:
        uri: ``sqlite:///FILE#TABLE`` (four slashes before an absolute path), ``postgresql://…#TABLE`` or
            ``postgresql://…#SCHEMA.TABLE``.
        mapping: the user's mapping of its columns.

    Raises:
        InputError: ``missing-extra``; ``no-table-named`` if the URI does not name a table.
        NotFoundError: ``file-not-found``; ``unknown-table``, with the most similar name.
        StorageError: ``cannot-connect``; ``cannot-read``.
    """
    parts = urlsplit(uri)
    name = unquote(parts.fragment)
    driver = SCHEMES[parts.scheme]
    # `shown` is the URI without the password.
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    dbapi = _driver(driver)
    if driver == "sqlite":
        path = Path(unquote(parts.path.removeprefix("/")))
        if not path.is_file():
            raise file_not_found(path)
        # Open read-only, because otherwise SQLite would create the file of a misspelt name.
        target = f"file:{quote(str(path))}?mode=ro"
    else:
        target = urlunsplit(parts._replace(fragment=""))
    try:
        connection = dbapi.connect(target)
    except dbapi.Error as error:
        raise StorageError(
            "cannot-connect",
            f"cannot connect to `{shown}`: {_without_password(error, parts.password)}",
            hint="check the address, and that the database runs and accepts your login",
            fields={"source": shown},
        ) from error
    with contextlib.closing(connection):
        try:
            table = _read(connection, name, shown, _DIALECTS[driver])
        except dbapi.Error as error:
            raise StorageError(
                "cannot-read",
                f"`{shown}` cannot be read: {_without_password(error, parts.password)}",
                hint="check that it is a database and that you may read the table",
                fields={"source": shown},
            ) from error
    return TableSource(table, f"{shown}#{name}", mapping=mapping)


def _driver(name: str) -> Any:
    try:
        return importlib.import_module(f"adbc_driver_{name}.dbapi")
    except ImportError as error:
        raise InputError(
            "missing-extra",
            f"reading from {name} needs a driver that is not installed",
            hint=f"install it with: pip install 'groundswell[{name}]'",
            fields={"extra": name},
        ) from error


def _without_password(error: Exception, password: str | None) -> str:
    said = first_sentence(error)
    return said.replace(password, "…") if password else said


def _read(connection: Any, name: str, shown: str, dialect: _Dialect) -> pa.Table:
    found = _column(connection, dialect.columns_of(name)) if name else []
    if not found:
        raise _no_table(name, shown, sorted(_column(connection, dialect.tables)))
    cells = ", ".join(dialect.cell.format(identifier(column)) for column in found)
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(f"SELECT {cells} FROM {dialect.table(name)}")
        return cursor.fetch_arrow_table()


def _column(connection: Any, sql: str) -> list[str]:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def _no_table(name: str, shown: str, tables: list[str]) -> InputError | NotFoundError:
    known = ", ".join(f"`{table}`" for table in tables[:20]) or "none"
    if not name:
        return InputError(
            "no-table-named",
            f"`{shown}` does not name the table to read",
            hint=f"append # and the name of a table; its tables are {known}",
            fields={"source": shown, "tables": tables},
        )
    near = _core.nearest(name, tables, 1)
    return NotFoundError(
        "unknown-table",
        f"there is no table `{name}` in `{shown}`",
        hint=f"did you mean `{near[0]}`?" if near else f"its tables are {known}",
        fields={"source": shown, "table": name, "nearest": near},
    )
