"""A second implementation of domain.md, "Where devices come from": imports, groups, deletions.

Plain dictionaries, cell by cell and row by row; slow on purpose; without imports from groundswell. A cell that is None
is absent: the column is missing, or the cell is empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

DAY = 24 * 3600
NOTHING = {"", "null", "none", "nil", "nan", "n/a", "#n/a"}
COLUMNS = ("name", "group", "tag", "production", "last_seen", "target_version", "hardware_id")


@dataclass(frozen=True)
class Row:
    """A row of a file. `bad` is a column with an invalid cell."""

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
    """The stored values of a device that is not deleted.

    `version_at` is the instant at which the target version was last reported; None if no version is known.
    """

    name: str | None = None
    group: str | None = None
    tag: str | None = None
    production: bool = False
    last_seen: int | None = None
    target_version: int | None = None
    hardware_id: str | None = None
    version_at: int | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of an import."""

    rows: int = 0
    devices: int = 0
    new: int = 0
    returned: int = 0
    changed: int = 0
    unchanged: int = 0
    denied: int = 0
    outdated: int = 0
    groups_created: tuple[str, ...] = ()
    rejected_rows: int = 0
    test_by_default: int = 0
    confirmed: bool = False
    """Whether a known version was reported again without a time."""


class RefusedError(Exception):
    """The operation must be refused with this code; the error must contain `about`."""

    def __init__(self, code: str, about: Any = None) -> None:
        super().__init__(code)
        self.code = code
        self.about = about


@dataclass
class Registry:
    """A factory's devices and groups. `ordinals` has every device that ever existed, in ordinal order."""

    devices: dict[UUID, Known] = field(default_factory=dict)
    ordinals: list[UUID] = field(default_factory=list)
    groups: dict[str, int] = field(default_factory=dict)
    groups_ever: int = 0
    names: dict[UUID, str | None] = field(default_factory=dict)
    """The names of deleted devices."""
    allowed: set[UUID] = field(default_factory=set)
    """The deleted devices that are no longer on the denied list."""

    @property
    def denied(self) -> list[tuple[UUID, str | None]]:
        """The denied list, by ordinal."""
        return [(uuid, self.names[uuid]) for uuid in self.ordinals if uuid in self.names and uuid not in self.allowed]

    # --- imports

    def import_files(
        self, files: Sequence[Sequence[Row]], *, now: int, clear: Collection[str] = (), rejects: bool = False
    ) -> Outcome:
        """Import several files as one transaction; raises `RefusedError` and changes nothing if a row is bad."""
        read = [self._read(rows, now=now, rejects=rejects) for rows in files]
        whole: dict[UUID, Row] = {}
        for good, _ in read:
            for uuid, row in good.items():
                whole[uuid] = united(whole[uuid], row) if uuid in whole else row
        denied = {uuid for uuid, _ in self.denied} & set(whole)
        found = self._take([row for uuid, row in whole.items() if uuid not in denied], set(clear), now)
        found = replace(found, denied=len(denied))
        return replace(found, rows=sum(map(len, files)), rejected_rows=sum(bad for _, bad in read))

    def faults(self, rows: Sequence[Row], *, now: int) -> dict[int, str]:
        """Row number → column of its first bad cell."""
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
        good = [clamped(said(row), now) for number, row in enumerate(rows) if number not in faults]
        contradictory = {row.uuid for row in good for other in good if row.uuid == other.uuid and row != other}
        if contradictory and not rejects:
            raise RefusedError("repeated-uuid", contradictory)
        aside = sum(row.uuid in contradictory for row in good)
        kept = {row.uuid: row for row in reversed(good) if row.uuid not in contradictory}
        if not kept:
            raise RefusedError("empty-fleet")
        # Keep the order of the first row of each device.
        return {row.uuid: kept[row.uuid] for row in good if row.uuid in kept}, len(faults) + aside

    def _take(self, rows: Iterable[Row], clear: set[str], now: int) -> Outcome:
        confirmed = False
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
                former = self.names.pop(row.uuid, None)
                said |= {"production": bool(row.production), "name": former if row.name is None else row.name}
                self.allowed.discard(row.uuid)
                self.devices[row.uuid] = Known(**said, version_at=reported_at(row, now))
            else:
                counts["outdated"] += is_outdated(before, row, now)
                after = merged(before, row, clear, now)
                # `version_at` is not a visible property of a device.
                kind = "unchanged" if replace(after, version_at=before.version_at) == before else "changed"
                confirmed |= kind == "unchanged" and after != before
                self.devices[row.uuid] = after
            counts[kind] += 1
        return Outcome(groups_created=tuple(created), confirmed=confirmed, **counts)

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
        """Move devices; returns how many were not in the group."""
        if group is not None and group not in self.groups:
            raise RefusedError("unknown-group")
        self._all_known(uuids)
        elsewhere = {uuid for uuid in uuids if self.devices[uuid].group != group}
        self._move(elsewhere, group)
        return len(elsewhere)

    def delete(self, uuids: Sequence[UUID]) -> int:
        self._all_known([uuid for uuid in uuids if uuid not in self.allowed])
        for uuid in set(uuids):
            if uuid in self.devices:
                self.names[uuid] = self.devices.pop(uuid).name
            self.allowed.discard(uuid)
        return len(set(uuids))

    def allow(self, uuids: Sequence[UUID]) -> int:
        """Take deleted devices off the denied list; returns how many were on it."""
        if strangers := [uuid for uuid in dict.fromkeys(uuids) if uuid not in self.names]:
            raise RefusedError("not-denied", strangers)
        found = set(uuids) - self.allowed
        self.allowed |= found
        return len(found)

    def members(self, group: str | None) -> set[UUID]:
        return {uuid for uuid, known in self.devices.items() if known.group == group}

    def _move(self, uuids: Iterable[UUID], group: str | None) -> None:
        for uuid in uuids:
            self.devices[uuid] = replace(self.devices[uuid], group=group)

    def _all_known(self, uuids: Sequence[UUID]) -> None:
        unknown = [uuid for uuid in dict.fromkeys(uuids) if uuid not in self.devices]
        if unknown:
            raise RefusedError("unknown-devices", unknown)


def said(row: Row) -> Row:
    """A row in which the words for an absent value (such as `null`) are replaced by None."""

    def text(cell: str | None) -> str | None:
        return None if cell is None or cell.strip().lower() in NOTHING else cell

    return replace(
        row, name=text(row.name), group=text(row.group), tag=text(row.tag), hardware_id=text(row.hardware_id)
    )


def clamped(row: Row, now: int) -> Row:
    """Replace a `last_seen` in the future by now."""
    return row if row.last_seen is None else replace(row, last_seen=min(row.last_seen, now))


def united(first: Row, second: Row) -> Row:
    """Merge the rows of a device from two files; they may complement but not contradict each other."""
    for column in COLUMNS:
        a, b = getattr(first, column), getattr(second, column)
        if a is not None and b is not None and a != b:
            raise RefusedError("repeated-uuid", {first.uuid})
        first = replace(first, **{column: b if a is None else a})
    return first


def reported_at(row: Row, now: int) -> int | None:
    """The instant at which a row's version was reported; without a `last_seen` it is the import's."""
    if row.target_version is None:
        return None
    return now if row.last_seen is None else row.last_seen


def version_time(known: Known) -> int | None:
    """The instant of the known version: a later `last_seen` without a version confirms it."""
    return max((at for at in (known.version_at, known.last_seen) if at is not None), default=None)


def is_outdated(known: Known, row: Row, now: int) -> bool:
    """Whether a row has a `last_seen` or version that is ignored because a later one is known."""
    if row.last_seen is not None and known.last_seen is not None and row.last_seen < known.last_seen:
        return True
    at, before = reported_at(row, now), version_time(known)
    return row.target_version is not None and before is not None and at is not None and at < before


def merged(known: Known, row: Row, clear: set[str], now: int) -> Known:
    """The values after importing a row: a present cell replaces the value; an absent cell in `clear` unsets it."""
    after = known
    for column in ("name", "group", "tag", "hardware_id"):
        said = getattr(row, column)
        if said is not None or column in clear:
            after = replace(after, **{column: said})
    before = version_time(known)
    if row.last_seen is not None:
        after = replace(after, last_seen=max(row.last_seen, known.last_seen or 0))
    elif "last_seen" in clear:
        after = replace(after, last_seen=None)
    at = now if row.last_seen is None else row.last_seen
    version = known.target_version
    if row.target_version is None:
        if "target_version" in clear and (before is None or at >= before):
            version = None
    elif before is None or at > before:
        version, before = row.target_version, at
    elif at == before:
        version = max(row.target_version, -1 if version is None else version)
    known_at = max(before or 0, after.last_seen or 0)
    return replace(after, target_version=version, version_at=None if version is None else known_at)
