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
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pyarrow as pa

    from groundswell.store.audit.log import Record
    from groundswell.store.changes import Change, Entry
    from groundswell.store.process import Home
    from groundswell.store.rows import (
        DeletedDevice,
        DeviceCount,
        DeviceFilter,
        DeviceRow,
        DeviceSort,
        GroupRow,
        MappingRow,
        PublicationRow,
        TokenRow,
        UserRow,
    )

__all__ = [
    "ROW_RULES",
    "AccessReads",
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

ROW_RULES: Final = (
    "every row has a key of its own",
    "ordinals are 0, 1, 2 … without a gap",
    "a uuid has one ordinal",
    "deleted devices have a name at most, and only they are denied or allowed",
    "every group and tag of a device exists",
    "target versions and instants are in their ranges",
    "names of groups and tags are given once, and well formed",
    "the next group gets a number of its own",
    "a target version has one target for each hardware",
    "root chains have no gaps and one length",
    "everything that is served carries the epoch of its repository",
    "what is served of a tag is its targets role",
    "a tag has one active wave at most",
    "names of waves are given once, and well formed",
    "a wave is active, or it is complete or canceled and has an end",
    "an active wave is above the production targets of its tag",
    "rollouts belong to a wave, and are 1, 2, 3 …",
    "a request or a plan is answered once, by a rollout that is there",
    "a wave's revision counts its rollouts and its end",
    "users have one name each, and every token belongs to a user",
)
"""What holds of the rows of a sound store. Tables have no constraints, so `Factory.check` proves these statements."""


class DeviceReads(Protocol):
    """Devices. A deleted device keeps its row: its ordinal, its uuid and its name."""

    def count(self) -> int:
        """How many devices there are, without deleted ones."""

    def registered(self) -> int:
        """How many ordinals were given: the number of rows, and the next ordinal."""

    def columns(self) -> pa.Table:
        """Every row by ordinal: the columns of a fleet.

        Returns:
            ``ordinal``, ``uuid``, ``name``, ``group_id``, ``tag_id``, ``production``, ``last_seen`` (seconds since
            1970), ``target_version``, ``hardware_id`` and ``deleted``.
        """

    def by_uuid(self, uuids: pa.Array | pa.ChunkedArray) -> pa.Table:
        """The rows of these devices, deleted ones included, by ordinal.

        Args:
            uuids: an array of ``pa.uuid()``, each once.

        Returns:
            All columns of the rows but ``uuid``, and ``position``, the number of the uuid in `uuids` (uint32). A uuid
            that the store does not know has no row.

        Cost: a join; no more than twice what a pass over all devices costs.
        """

    def in_group(self, group_id: int) -> pa.Table:
        """All columns of the rows of a group's devices, by ordinal."""

    def find(self, uuid: str) -> DeviceRow | None:
        """The device of a uuid (lower case, hyphenated); None if there is none, or it is deleted."""

    def named(self, name: str) -> Sequence[DeviceRow]:
        """The devices of this name, by ordinal, without deleted ones."""

    def page(
        self, which: DeviceFilter, *, sort: DeviceSort = "ordinal", limit: int, offset: int = 0
    ) -> tuple[int, Sequence[DeviceRow]]:
        """How many devices a filter leaves, and at most `limit` of them from `offset` on."""

    def deleted(self, *, uuid: str | None = None, name: str | None = None) -> Sequence[DeletedDevice]:
        """Deleted devices by ordinal: all of them, or those that have this uuid or had this name."""

    def counts(self, *, seen_since: int) -> Sequence[DeviceCount]:
        """Devices counted by production, tag, group and target version, in any order; deleted ones left out.

        Args:
            seen_since: a device counts as online if it was seen at this instant (seconds since 1970) or later.
        """


class GroupReads(Protocol):
    """Groups of devices."""

    def names(self) -> dict[int, str]:
        """The name of each group by its number, ascending."""

    def all(self) -> Sequence[GroupRow]:
        """Every group with the number of its devices, by name."""

    def find(self, group_id: int) -> Row | None:
        """All columns of a group; None if there is none."""


class TagReads(Protocol):
    """Tags, and how many devices listen to them."""

    def names(self) -> dict[int, str]:
        """The name of each tag by its number, ascending."""

    def in_use(self) -> Sequence[str]:
        """The tags that a device ever had, or that a targets role or a wave has, by name."""

    def production_devices(self) -> dict[str, int]:
        """How many production devices listen to each tag, by name; tags without any are left out."""

    def versions_above(self, tag: str, target_version: int) -> dict[int, int]:
        """How many production devices of a tag report each later version, ascending."""


class WaveReads(Protocol):
    """Waves, their rollouts, and the requests that were answered."""

    def all(self) -> Sequence[Row]:
        """Every wave, in the order in which they were made."""

    def active_tags(self) -> Sequence[str]:
        """The tags that have an active wave, in the order in which these were made."""

    def rollouts_after(self, wave_id: int, number: int) -> Sequence[Row]:
        """The rollouts of a wave with a higher number, ascending."""

    def request(self, kind: str, key: str) -> Row | None:
        """The answered request of this kind and key; None if there was none."""


class TrustReads(Protocol):
    """Roots, CI targets, targets roles, and what is served."""

    def root_chain(self, repository: str) -> Sequence[bytes]:
        """The links of a root chain, oldest first: the first is version 1."""

    def latest_root(self, repository: str) -> bytes | None:
        """The last link of a root chain; None if there is none."""

    def ci_targets(self) -> Sequence[Row]:
        """Every CI target, by version and name."""

    def ci_target_count(self) -> int:
        """How many CI targets there are."""

    def targets_roles(self, repository: str) -> Mapping[str, bytes]:
        """The targets roles of a repository by tag, ascending by tag."""

    def targets_role_rows(self) -> Sequence[Row]:
        """Every targets role, by repository and tag."""

    def publications(self, repository: str) -> Sequence[PublicationRow]:
        """The sets of documents that a repository serves, by tag and variant."""

    def served_targets(self, repository: str) -> Mapping[tuple[str, str], bytes]:
        """The targets documents that a repository serves, by tag and variant."""


class FactReads(Protocol):
    """Facts of the factory as a whole: text by key."""

    def get(self, key: str) -> str | None:
        """The value of a key; None if it was never set."""


class MappingReads(Protocol):
    """Saved mappings of import columns."""

    def all(self) -> Sequence[MappingRow]:
        """Every mapping, by name."""

    def find(self, name: str) -> MappingRow | None:
        """The mapping of this name; None if there is none."""


class AccessReads(Protocol):
    """Users of the API and their tokens."""

    def users(self) -> Sequence[UserRow]:
        """Every user, in the order in which they were added."""

    def tokens(self) -> Sequence[TokenRow]:
        """Every token, oldest first; tokens of one second by their id."""


class CheckReads(Protocol):
    """Rows that contradict what must hold of a sound store."""

    def faults(self, rule: str, limit: int) -> Sequence[str]:
        """At most `limit` sentences, each about rows that break a rule, one of `ROW_RULES`."""

    def rows_of(self, table: str) -> pa.Table:
        """All rows of a table, one of `groundswell.store.KEYS`, in the order of its key."""


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
    def access(self) -> AccessReads:
        """Reads of users and tokens."""

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
