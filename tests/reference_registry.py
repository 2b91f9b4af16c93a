"""The rules of domain.md, "Where devices come from", stated a second time: imports, groups, deletions.

Plain dictionaries, cell by cell and row by row; slow on purpose; it imports nothing of Groundswell. A cell that is None
says nothing: the column is absent, or the cell is empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

DAY = 24 * 3600
COLUMNS = ("name", "group", "tag", "production", "last_seen", "target_version", "hardware_id")


@dataclass(frozen=True)
class Row:
    """What a row of a file says of a device. `bad` is a column whose cell no rule allows."""

    uuid: UUID
    name: str | None = None
    group: str | None = None
    tag: str | None = None
    production: bool | None = None
    last_seen: int | None = None
    target_version: int | None = None
    hardware_id: str | None = None
    bad: str | None = None


@dataclass(frozen=True)
class Known:
    """What is known of a device that is not deleted."""

    name: str | None = None
    group: str | None = None
    tag: str | None = None
    production: bool = False
    last_seen: int | None = None
    target_version: int | None = None
    hardware_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What an import came to."""

    rows: int = 0
    devices: int = 0
    new: int = 0
    returned: int = 0
    changed: int = 0
    unchanged: int = 0
    outdated: int = 0
    groups_created: tuple[str, ...] = ()
    rejected_rows: int = 0
    test_by_default: int = 0


class RefusedError(Exception):
    """It must be refused, with this code; `about` is what the error must name."""

    def __init__(self, code: str, about: Any = None) -> None:
        super().__init__(code)
        self.code = code
        self.about = about


@dataclass
class Registry:
    """A factory's devices and groups. `ordinals` has every device that ever was, in the order of its number."""

    devices: dict[UUID, Known] = field(default_factory=dict)
    ordinals: list[UUID] = field(default_factory=list)
    groups: dict[str, int] = field(default_factory=dict)
    groups_ever: int = 0

    # --- imports

    def import_files(
        self, files: Sequence[Sequence[Row]], *, now: int, clear: Collection[str] = (), rejects: bool = False
    ) -> Outcome:
        """Take in some files as one import: all of it, or `RefusedError` and nothing."""
        read = [self._read(rows, now=now, rejects=rejects) for rows in files]
        whole: dict[UUID, Row] = {}
        for good, _ in read:
            for uuid, row in good.items():
                whole[uuid] = united(whole[uuid], row) if uuid in whole else row
        found = self._take(whole.values(), set(clear))
        return replace(found, rows=sum(map(len, files)), rejected_rows=sum(bad for _, bad in read))

    def faults(self, rows: Sequence[Row], *, now: int) -> dict[int, str]:
        """The column of the first bad cell, by the number of the row."""
        found = {}
        for number, row in enumerate(rows):
            known = self.devices.get(row.uuid)
            ahead = row.last_seen is not None and row.last_seen > now + DAY
            if row.bad or ahead:
                found[number] = row.bad or "last_seen"
            elif known is not None and row.production is not None and row.production != known.production:
                found[number] = "production"
        return found

    def _read(self, rows: Sequence[Row], *, now: int, rejects: bool) -> tuple[dict[UUID, Row], int]:
        faults = self.faults(rows, now=now)
        if faults and not rejects:
            raise RefusedError("bad-rows", faults)
        good = [clamped(row, now) for number, row in enumerate(rows) if number not in faults]
        contradictory = {row.uuid for row in good for other in good if row.uuid == other.uuid and row != other}
        if contradictory and not rejects:
            raise RefusedError("repeated-uuid", contradictory)
        aside = sum(row.uuid in contradictory for row in good)
        kept = {row.uuid: row for row in reversed(good) if row.uuid not in contradictory}
        if not kept:
            raise RefusedError("empty-fleet")
        # In the order of the first row of each.
        return {row.uuid: kept[row.uuid] for row in good if row.uuid in kept}, len(faults) + aside

    def _take(self, rows: Iterable[Row], clear: set[str]) -> Outcome:
        counts = dict.fromkeys(("devices", "new", "returned", "changed", "unchanged", "outdated", "test_by_default"), 0)
        created: list[str] = []
        for row in rows:
            counts["devices"] += 1
            if row.group is not None and row.group not in self.groups:
                self._make_group(row.group)
                created.append(row.group)
            before = self.devices.get(row.uuid)
            if before is None:
                kind = "returned" if row.uuid in self.ordinals else "new"
                if kind == "new":
                    self.ordinals.append(row.uuid)
                counts["test_by_default"] += row.production is None
                said = {column: getattr(row, column) for column in COLUMNS}
                self.devices[row.uuid] = Known(**said | {"production": bool(row.production)})
            else:
                counts["outdated"] += is_outdated(before, row)
                after = merged(before, row, clear)
                kind = "unchanged" if after == before else "changed"
                self.devices[row.uuid] = after
            counts[kind] += 1
        return Outcome(groups_created=tuple(created), **counts)

    # --- groups and deletions

    def _make_group(self, name: str) -> None:
        self.groups_ever += 1
        self.groups[name] = self.groups_ever

    def create_group(self, name: str) -> None:
        if name in self.groups:
            raise RefusedError("group-exists")
        self._make_group(name)

    def rename_group(self, name: str, new: str) -> None:
        if name not in self.groups:
            raise RefusedError("unknown-group")
        if new != name and new in self.groups:
            raise RefusedError("group-exists")
        number = self.groups.pop(name)
        self.groups[new] = number
        self._move(self.members(name), new)

    def delete_group(self, name: str, *, ungroup: bool) -> None:
        if name not in self.groups:
            raise RefusedError("unknown-group")
        if self.members(name) and not ungroup:
            raise RefusedError("group-not-empty")
        self._move(self.members(name), None)
        del self.groups[name]

    def assign(self, uuids: Sequence[UUID], group: str | None) -> int:
        """Move devices; how many were elsewhere."""
        if group is not None and group not in self.groups:
            raise RefusedError("unknown-group")
        self._all_known(uuids)
        elsewhere = {uuid for uuid in uuids if self.devices[uuid].group != group}
        self._move(elsewhere, group)
        return len(elsewhere)

    def delete(self, uuids: Sequence[UUID]) -> int:
        self._all_known(uuids)
        for uuid in set(uuids):
            del self.devices[uuid]
        return len(set(uuids))

    def members(self, group: str | None) -> set[UUID]:
        return {uuid for uuid, known in self.devices.items() if known.group == group}

    def _move(self, uuids: Iterable[UUID], group: str | None) -> None:
        for uuid in uuids:
            self.devices[uuid] = replace(self.devices[uuid], group=group)

    def _all_known(self, uuids: Sequence[UUID]) -> None:
        unknown = [uuid for uuid in dict.fromkeys(uuids) if uuid not in self.devices]
        if unknown:
            raise RefusedError("unknown-devices", unknown)


def clamped(row: Row, now: int) -> Row:
    """A clock may be fast by a day: what lies in the future counts as now."""
    return row if row.last_seen is None else replace(row, last_seen=min(row.last_seen, now))


def united(first: Row, second: Row) -> Row:
    """What two files say of one device; they may add to each other, not contradict."""
    for column in COLUMNS:
        a, b = getattr(first, column), getattr(second, column)
        if a is not None and b is not None and a != b:
            raise RefusedError("repeated-uuid", {first.uuid})
        first = replace(first, **{column: b if a is None else a})
    return first


def is_outdated(known: Known, row: Row) -> bool:
    """Whether a row was seen before what is known. One that does not say when counts as said now."""
    return known.last_seen is not None and row.last_seen is not None and row.last_seen < known.last_seen


def merged(known: Known, row: Row, clear: set[str]) -> Known:
    """What is known after a row: each cell that says something replaces, or unsets where that is asked for."""
    pair = {"last_seen", "target_version"}
    after = known
    for column in COLUMNS:
        said = getattr(row, column)
        kept_as_pair = column in pair and is_outdated(known, row)
        if column != "production" and not kept_as_pair and (said is not None or column in clear):
            after = replace(after, **{column: said})
    return after
