"""Reads of devices, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["DeviceQueries"]


class DeviceQueries:
    """As `groundswell.store.port.DeviceReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run
