"""Factories for tests (created once and copied), tables of devices, and import files of every format."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa

from groundswell import tuf
from groundswell.factory import Factory
from groundswell.factory.trust.publisher import Publisher, Served
from groundswell.store import DuckDBStore, put
from reference.registry import COLUMNS, Row
from support.tuf_forge import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

NOW = 1_795_000_000
AT = datetime.fromtimestamp(NOW, tz=UTC)
DAY = timedelta(days=1)


def later(**ago: float) -> datetime:
    """NOW plus a duration, which may be negative."""
    return AT + timedelta(**ago)


def device(number: int) -> str:
    """The UUID of a number."""
    return str(UUID(int=0xA0000000_0000_4000_8000_000000000000 + number))


def devices(count: int, first: int = 1, **columns: Any) -> pa.Table:
    """A table of `count` devices; each additional column is one value for all, or a list."""
    rows: dict[str, Any] = {"uuid": [device(number) for number in range(first, first + count)]}
    return pa.table(rows | {name: v if isinstance(v, list) else [v] * count for name, v in columns.items()})


@dataclass(frozen=True)
class Keyed:
    """An open factory with offline keys, and the paths of their tarballs."""

    factory: Factory
    root_keys: Path
    targets_keys: Path


def embedded_store(factory: Factory) -> DuckDBStore:
    """The store of an open factory, for tests that look behind its port."""
    store = factory._context.store
    assert isinstance(store, DuckDBStore)
    return store


def make(folder: Path) -> Path:
    """Create a factory in a folder, and close it."""
    Factory.create(folder / "acme", name="acme", user="alice", now=AT).close()
    return folder


def make_keyed(bare: Path, folder: Path) -> Path:
    """Copy a factory to a folder, and create its offline keys next to it."""
    with opened(bare, folder) as factory:
        factory.keys.init(root_keys=folder / "root.tgz", targets_keys=folder / "targets.tgz", now=AT)
    return folder


def opened(original: Path, folder: Path) -> Factory:
    """Copy a folder with a factory, and open the copy."""
    shutil.copytree(original, folder, dirs_exist_ok=True)
    return Factory.open(folder / "acme", user="alice")


@contextlib.contextmanager
def keyed_copy(original: Path, folder: Path) -> Iterator[Keyed]:
    """Copy a folder with a factory and its offline keys, and open the copy."""
    with opened(original, folder) as factory:
        yield Keyed(factory, folder / "root.tgz", folder / "targets.tgz")


def target(
    version: int, hardware: str = "pi", tags: Sequence[str] = ("main",), *, name: str | None = None, **custom: Any
) -> dict[str, Any]:
    """A mapping name → target, as `Factory.targets.import_` accepts it."""
    return {
        name or f"{hardware}-lmp-{version}": {
            "custom": {
                "hardwareIds": [hardware],
                "tags": list(tags),
                "targetFormat": "OSTREE",
                "version": str(version),
                **custom,
            },
            "hashes": {"sha256": f"{version:064x}"},
            "length": 0,
        }
    }


def plain(*targets: dict[str, Any]) -> bytes:
    """Several targets as one JSON object."""
    return json.dumps({name: document for one in targets for name, document in one.items()}).encode()


def populate(factory: Factory) -> None:
    """Test devices on the tags main and next, a production device on main; CI targets of two versions."""
    table = devices(3, tag=["main", "main", "next"], production=[False, True, False], target_version=41)
    factory.devices.import_(table, now=AT)
    factory.targets.import_(plain(target(41), target(42, tags=("main", "next"))), now=AT)


def put_production(
    keyed: Keyed, version: int = 41, tag: str = "main", *, offline: bool = True, expires: str = "2027-11-01T00:00:00Z"
) -> bytes:
    """Store production targets directly, as a completed wave would; returns the role."""
    factory = keyed.factory
    root = tuf.read_root(tuf.parse_document(factory.keys.show(production=True).root, "Root", "the root"))
    signed = canonical_json(
        {"_type": "Targets", "expires": expires, "targets": target(version, tags=(tag,)), "version": version}
    )
    keyring = factory._internals.keyring
    signers = [keyring.signer(keyring.own_key(root.keys_of("targets")))]
    if offline:
        signers.append(factory._internals.offline.signer(keyed.targets_keys, "targets", root))
    document = tuf.assemble(signed, [tuf.sign(signer, signed) for signer in signers])
    row = {"repository": "production", "tag": tag, "role_version": version, "document": document}
    publisher = Publisher(factory._context, keyring)
    served = [one for one in publisher.served("production") if one.tag != tag]
    changes = publisher.publish("production", [*served, Served(tag, "tag", document)], root, now=AT)
    factory._context.commit("test", "put production targets in", [put("targets_roles", [row]), *changes], at=NOW)
    return document


def past_the_store(factory: Factory, sql: str) -> None:
    """Write to the database directly, bypassing the audit log and all rules."""
    with embedded_store(factory)._using() as connection:
        connection.execute(sql)


def every_byte_below(folder: Path) -> dict[str, bytes]:
    """Relative path → content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- files to import -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A file with rows, and the line on which each begins, if the format has lines."""

    path: Path
    lines: list[int] | None = None


def write_rows(folder: Path, name: str, rows: Iterable[Row], columns: Sequence[str], kind: str) -> Written:
    """Write rows like a registry, with some of the columns; a `bad` cell gets an invalid value."""
    cells = [_cells(row, columns) for row in rows]
    path = folder / f"{name}.{kind}"
    lines = _WRITERS[kind](path, ["uuid", *columns], cells)
    return Written(path, lines)


_BAD = {"group": "no name!", "tag": "<b>", "production": "perhaps", "last_seen": "yesterday", "target_version": "-7"}


def _cells(row: Row, columns: Sequence[str]) -> dict[str, Any]:
    # Write every third UUID in upper case, and every second without hyphens.
    text = str(row.uuid) if row.uuid.int % 2 else row.uuid.hex
    cells: dict[str, Any] = {"uuid": text.upper() if row.uuid.int % 3 == 0 else text}
    for column in columns:
        value = getattr(row, column)
        if column == "last_seen" and value is not None and value % 2:
            value = datetime.fromtimestamp(value, tz=UTC).isoformat()
        cells[column] = _BAD[column] if row.bad == column else value
    return cells


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _write_csv(path: Path, columns: list[str], cells: list[dict[str, Any]]) -> list[int]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    lines = []
    for row in cells:
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow([_text(row[column]) for column in columns])
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return lines


def _write_ndjson(path: Path, columns: list[str], cells: list[dict[str, Any]]) -> list[int]:
    path.write_text(
        "".join(json.dumps({column: row[column] for column in columns}) + "\n" for row in cells), encoding="utf-8"
    )
    return list(range(1, len(cells) + 1))


def _write_json(path: Path, columns: list[str], cells: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps([{column: row[column] for column in columns} for row in cells]), encoding="utf-8")


def as_text_table(columns: list[str], cells: list[dict[str, Any]]) -> pa.Table:
    """The cells as an Arrow table of strings; absent cells are NULL."""
    return pa.table(
        {
            column: pa.array([None if row[column] is None else _text(row[column]) for row in cells], pa.string())
            for column in columns
        }
    )


def _write_parquet(path: Path, columns: list[str], cells: list[dict[str, Any]]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(as_text_table(columns, cells), path)


def _write_arrow(path: Path, columns: list[str], cells: list[dict[str, Any]]) -> None:
    table = as_text_table(columns, cells)
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


_WRITERS: dict[str, Callable[[Path, list[str], list[dict[str, Any]]], list[int] | None]] = {
    "csv": _write_csv,
    "ndjson": _write_ndjson,
    "json": _write_json,
    "parquet": _write_parquet,
    "arrow": _write_arrow,
}
KINDS = tuple(_WRITERS)
ALL_COLUMNS = COLUMNS
