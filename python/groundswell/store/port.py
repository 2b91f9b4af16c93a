"""The port of the store: what a factory reads and writes, without a word of SQL.

A store is a `Store`. Reads are *named reads*, grouped by noun, such as `store.waves.all()`. They take plain values,
filters included, and return plain values:

- an Arrow table where there may be a row for each device, with UUIDs as ``pa.uuid()``;
- a `Row`, which is a mapping from column names to cells, where a caller needs all columns of a few rows;
- tuples, numbers and text otherwise.

A cell that the store has no value for is None (null in Arrow). A name that the store has no row for gives None or an
empty result, never an error. Each read sees one state of the store: that of `reading`, or the newest one.

`groundswell.store.duckdb` implements the port. `tests/conformance/test_store_port.py` states what every implementation
must do; a second implementation is a folder beside ``duckdb`` that passes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from groundswell.store.audit.log import Record
    from groundswell.store.changes import Change, Entry
    from groundswell.store.process import Home

__all__ = [
    "CheckReads",
    "DeviceReads",
    "FactReads",
    "GroupReads",
    "MappingReads",
    "Row",
    "Store",
    "TagReads",
    "TrustReads",
    "WaveReads",
]

Row = Mapping[str, Any]
"""A row by the names of its columns."""


class DeviceReads(Protocol):
    """Devices, deleted ones included: they keep their ordinal."""


class GroupReads(Protocol):
    """Groups of devices."""


class TagReads(Protocol):
    """Tags, and how many devices listen to them."""


class WaveReads(Protocol):
    """Waves, their rollouts, and the requests that were answered."""

    def all(self) -> Sequence[Row]:
        """Every wave, in the order in which they were made."""

    def rollouts_after(self, wave_id: int, number: int) -> Sequence[Row]:
        """The rollouts of a wave with a higher number, ascending."""

    def request(self, kind: str, key: str) -> Row | None:
        """The answered request of this kind and key; None if there was none."""


class TrustReads(Protocol):
    """Roots, CI targets, targets roles, and what is served."""


class FactReads(Protocol):
    """Facts of the factory as a whole: text by key."""

    def get(self, key: str) -> str | None:
        """The value of a key; None if it was never set."""


class MappingReads(Protocol):
    """Saved mappings of import columns."""


class CheckReads(Protocol):
    """Rows that contradict what must hold of a sound store."""


class Store(Protocol):
    """Where a factory lives. Threads may share it: one writes at a time, and others read meanwhile."""

    @property
    def folder(self) -> Path:
        """The directory of the factory."""

    @property
    def home(self) -> Home:
        """The process that the store belongs to."""

    @property
    def read_only(self) -> OSError | None:
        """Why nothing can be written; None if the store can be written."""

    @property
    def revision(self) -> int:
        """The number of changes made so far; inside `reading`, as of its snapshot."""

    @property
    def devices(self) -> DeviceReads:
        """Reads of devices."""

    @property
    def groups(self) -> GroupReads:
        """Reads of groups."""

    @property
    def tags(self) -> TagReads:
        """Reads of tags."""

    @property
    def waves(self) -> WaveReads:
        """Reads of waves, rollouts and requests."""

    @property
    def trust(self) -> TrustReads:
        """Reads of roots, targets and what is served."""

    @property
    def facts(self) -> FactReads:
        """Reads of facts."""

    @property
    def mappings(self) -> MappingReads:
        """Reads of saved mappings."""

    @property
    def checks(self) -> CheckReads:
        """Reads that find faults."""

    def reading(self) -> AbstractContextManager[None]:
        """See one state of the store until the end of the block, whatever other threads commit meanwhile.

        Inside `changing` this does nothing: nobody else commits there.
        """

    def changing(self) -> AbstractContextManager[None]:
        """Keep other writers out, from the reads that a change is computed from to its commit. Readers go on."""

    def commit(self, entry: Entry, changes: Sequence[Change]) -> int:
        """Make changes, all of them or none; they are durable when this returns. Returns the new revision."""

    def changed_at(self, *tables: str) -> int:
        """The revision that last changed one of these tables, or that the store was opened at."""

    def records(self) -> Iterator[Record]:
        """The lines of the audit log, oldest first."""

    def require_open(self) -> None:
        """Refuse to go on once the store is closed.

        Raises:
            StateError: ``factory-closed``, ``forked-factory``.
        """

    def require_writable(self) -> None:
        """Refuse to go on where nothing can be written.

        Raises:
            StateError: ``factory-closed``, ``forked-factory``.
            StorageError: ``cannot-write``.
        """

    def close(self) -> None:
        """Close the store. A second call does nothing."""
