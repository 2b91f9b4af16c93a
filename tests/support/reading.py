"""Shared helpers of the tests of fleet reading."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import GroundswellError
from groundswell.ingest.read import FleetColumns, read_fleet

if TYPE_CHECKING:
    from pathlib import Path

NOW = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp())
DAY = 24 * 3600


def device(number: int) -> str:
    """The UUID of a number."""
    return str(uuid.UUID(int=0xA0000000_0000_4000_8000_000000000000 + number))


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(source: Any, **options: Any) -> FleetColumns:
    return read_fleet(source, **{"now": NOW, **options})


def refusal(source: Any, **options: Any) -> GroundswellError:
    """The error that reading a source raises."""
    with pytest.raises(GroundswellError) as caught:
        read(source, **options)
    assert caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


def uuids(columns: FleetColumns) -> list[str]:
    return [str(uuid.UUID(bytes=row.tobytes())) for row in columns.uuids]


def groups(columns: FleetColumns) -> list[str | None]:
    return [None if code < 0 else columns.group_names[code] for code in columns.groups]


def tags(columns: FleetColumns) -> list[str | None]:
    return [None if code < 0 else columns.tag_names[code] for code in columns.tags]


def texts(column: Any) -> list[str | None]:
    """The names or hardware ids."""
    found: list[str | None] = column.to_pylist()
    return found
