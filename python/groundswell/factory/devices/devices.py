"""The devices of a factory: importing, listing, grouping, deleting and exporting them."""

from __future__ import annotations

import itertools
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict
from uuid import UUID

from groundswell import _core
from groundswell.arguments import check_keywords, checks_arguments
from groundswell.errors import InputError, NotFoundError
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.devices.denied import DeniedDevice, allow_devices, denied_devices, find_denied
from groundswell.factory.devices.groups import find_group
from groundswell.factory.devices.imports import ImportReport, MappingOptions, import_devices
from groundswell.factory.devices.leaving import LeavingDevices, Moved, import_leaves, would_leave
from groundswell.factory.devices.mappings import Mappings
from groundswell.factory.devices.staging import uuid_column
from groundswell.factory.names import storable
from groundswell.fleet.fleet import DEFAULT_ONLINE_THRESHOLD, as_uuid_list, checked_target_version
from groundswell.fleet.uuid_list import UuidList
from groundswell.ingest.cells import cropped
from groundswell.store import put
from groundswell.text import count, named
from groundswell.values import instant, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta
    from typing import Unpack

    import pyarrow as pa

    from groundswell.factory.devices.fleet_loader import FleetCache
    from groundswell.factory.devices.leaving import DevicesInState, WaveReads
    from groundswell.fleet import Fleet
    from groundswell.fleet.devices import Devices as DeviceList

__all__ = ["SORTS", "DeniedDevice", "Device", "DeviceFilters", "DevicePage", "Devices", "Sort"]

Sort = Literal["ordinal", "name", "-name", "last-seen", "-last-seen", "uuid"]
SORTS: Final[dict[Sort, str]] = {
    "ordinal": "d.ordinal",
    "name": "d.name NULLS LAST, d.ordinal",
    "-name": "d.name DESC NULLS LAST, d.ordinal",
    "last-seen": "d.last_seen NULLS FIRST, d.ordinal",
    "-last-seen": "d.last_seen DESC NULLS LAST, d.ordinal",
    "uuid": "d.uuid",
}
"""The orders of a list, and what they are in SQL."""

_SELECT: Final = (
    "SELECT d.ordinal, CAST(d.uuid AS VARCHAR) AS uuid, d.name, g.name AS group_name, t.name AS tag_name, d.production,"
    " d.last_seen, d.target_version, d.hardware_id FROM devices d LEFT JOIN groups g ON g.group_id = d.group_id"
    " LEFT JOIN tags t ON t.tag_id = d.tag_id"
)
_MAX_PER_PAGE: Final = 1_000_000
_MAX_PAGES: Final = 2**32
"""More than there can be devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a factory knows of a device.

    Args:
        ordinal: its number in this factory: given once, never reused, never changed.
        uuid: lower case, hyphenated.
        name, group, tag, target_version, hardware_id: None where unknown.
        production: a production device; otherwise a test device.
        last_seen: None for a device that was never seen.
    """

    ordinal: int
    uuid: str
    name: str | None
    group: str | None
    tag: str | None
    production: bool
    last_seen: datetime | None
    target_version: int | None
    hardware_id: str | None


@dataclass(frozen=True, slots=True)
class DevicePage:
    """A page of a list of devices.

    Args:
        devices: those of the page, in order.
        total: how many the filters leave, on all pages.
        page: its number, from 1.
        pages: how many there are, at least 1.
    """

    devices: tuple[Device, ...]
    total: int
    page: int
    pages: int


class DeviceFilters(TypedDict, total=False):
    """The keywords of `Devices.list` that say which devices, and in which order."""

    group: str | None
    tag: str | None
    production: bool | None
    name: str | None
    uuid_prefix: str | None
    target_version: int | None
    hardware_id: str | None
    online: bool | None
    online_threshold: timedelta
    wave: str | None
    state: str | None
    sort: Sort
    now: datetime | None


@of_one_process
@checks_arguments
class Devices:
    """``factory.devices``."""

    def __init__(self, context: Context, fleets: FleetCache, book: WaveReads, devices_in_state: DevicesInState) -> None:
        self._context: Final = context
        self._fleets: Final = fleets
        self._book: Final = book
        self._devices_in_state: Final = devices_in_state
        self.mappings: Final = Mappings(context)
        """The mappings of columns that imports saved."""

    def __len__(self) -> int:
        ((number,),) = self._context.store.rows("SELECT count(*) FROM devices WHERE NOT deleted")
        return int(number)

    def fleet(self, *, now: datetime | None = None) -> Fleet:
        """All devices, ready to select from; its ordinals are the factory's.

        The fleet is frozen; it is loaded anew after every change of its devices or groups, and shared until then.

        Cost: one pass over the stored devices, once after each such change.
        """
        return self._fleets.fleet(now=now)

    def find(self, uuid: str) -> Device | None:
        """The device of a uuid, as lists print it; None if the factory does not have it."""
        try:
            UUID(uuid)
        except ValueError:
            return None
        found = self._context.store.rows(f"{_SELECT} WHERE NOT d.deleted AND d.uuid = ?", [uuid])
        return _device(found[0]) if found else None

    def import_(
        self,
        *sources: Any,
        rejects: str | Path | None = None,
        clear: Collection[str] = (),
        dry_run: bool = False,
        now: datetime | None = None,
        progress: bool = False,
        columns: Mapping[str, str] | None = None,
        rows_at: str | None = None,
        uuid5: str | UUID | None = None,
        mapping: str | None = None,
        save_mapping: str | None = None,
    ) -> ImportReport:
        """Take devices in from files or tables: all of them or, with an error, none.

        A row updates the device of its uuid or makes a new one. An absent column or an empty cell keeps what is known.
        `last_seen` and `target_version` form a pair: the newer `last_seen` wins, a version without a time counts as
        reported at `now`, and of two versions of the same second the greater one is taken. Groups that do not exist
        are made. New devices are test devices unless the row says otherwise; a row that would flip a known device is
        bad. Rows of denied devices are skipped and reported.

        Args:
            sources: what `Fleet.read` takes, one or several; several are one import, and must not
                contradict each other.
            rejects: a path to write bad rows to, each with its reason; the good ones are imported.
            clear: columns of which an empty cell, or the absent column, unsets what is known of the devices named.
            dry_run: find out what the import would come to, and store nothing.
            now: the instant of reading, an aware datetime; the clock's unless given.
            progress: draw a progress bar on the terminal if the read takes long.
            columns: where columns are whose names are not recognised, as for `Fleet.read`.
            rows_at: the path of the array of devices in a JSON object, as for `Fleet.read`.
            uuid5: the name space to derive UUIDs in from ids that are not UUIDs, as for `Fleet.read`.
            mapping: the name of a saved mapping, for what the three arguments before do not say.
            save_mapping: keep what these four say under this name, in place of an earlier mapping of that name. It is
                saved with the import, also if no device changes; a dry run saves nothing.

        Returns:
            What it came to. An import that changes nothing leaves no trace in the audit log.

        Raises:
            InputError: what `Fleet.read` raises; ``bad-rows`` for flips, too; ``repeated-uuid`` where files contradict
                each other; ``bad-column``, ``bad-option``, ``no-source``; ``bad-name`` for a mapping to save.
            NotFoundError: ``unknown-mapping``, and what `Fleet.read` raises.

        Cost: reading the files, one join with the known devices, and one pass over those that are named.
        """
        return import_devices(
            self._context,
            sources,
            rejects=None if rejects is None else Path(rejects),
            clear=clear,
            dry_run=dry_run,
            now=now,
            progress=progress,
            options=MappingOptions(columns=columns, rows_at=rows_at, uuid5=uuid5, use=mapping, save=save_mapping),
            leaving=self._import_leaves,
        )

    def _import_leaves(self, cells: pa.Table) -> tuple[LeavingDevices, ...]:
        if not any(wave.active for wave in self._book.all()):
            return ()
        groups, tags = (
            dict(self._context.store.rows(f"SELECT {kind}_id, name FROM {kind}s")) for kind in ("group", "tag")
        )
        return import_leaves(self._book, self.fleet(), cells, groups=groups, tags=tags)

    def list(  # noqa: C901 - a condition for each filter
        self,
        *,
        group: str | None = None,
        tag: str | None = None,
        production: bool | None = None,
        name: str | None = None,
        uuid_prefix: str | None = None,
        target_version: int | None = None,
        hardware_id: str | None = None,
        online: bool | None = None,
        online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
        wave: str | None = None,
        state: str | None = None,
        sort: Sort = "ordinal",
        limit: int = 50,
        page: int = 1,
        now: datetime | None = None,
    ) -> DevicePage:
        """List devices.

        Args:
            group: only devices of this group; empty for those without one.
            tag: only devices on this tag; empty for those without one.
            production: only production devices, or only test devices.
            name: only devices whose name matches this pattern: ``*`` and ``?`` stand for characters.
            uuid_prefix: only devices whose uuid begins like this, hyphens included.
            target_version: only devices that report this version.
            hardware_id: only devices of this hardware.
            online: only devices that were seen within the threshold, or only the others.
            online_threshold: the threshold.
            wave: only devices in a state of this wave; with `state` alone, the only active wave.
            state: which state, as `Waves.devices_in_state` takes it; with `wave` alone, all devices that match the
                wave. The list is as long as the count of this name in the wave's status.
            sort: one of `SORTS`; ``-`` reverses.
            limit: how many devices a page has, 1 to 1 000 000.
            page: which page, from 1. One beyond the last has no devices.
            now: the instant that ages are counted to; the clock's unless given.

        Raises:
            NotFoundError: ``unknown-group``, ``unknown-tag``; ``unknown-wave``, ``no-active-wave``.
            InputError: ``bad-page``, ``bad-sort``, ``bad-version``, ``bad-state``.
            StateError: ``several-active-waves``; ``failures-unknown`` for the state ``failed``.

        Cost: one pass over the devices; sorting those that are left.
        """
        limit, page = int(limit), int(page)  # numpy's, say
        _check_page(limit, page)
        if sort not in SORTS:
            raise InputError(
                "bad-sort",
                f"devices cannot be sorted by `{sort}`",
                hint=f"say one of {', '.join(SORTS)}",
                fields={"sort": str(sort), "sorts": list(SORTS)},
            )
        conditions: list[tuple[str, list[Any]]] = [("NOT d.deleted", [])]
        if group is not None:
            conditions.append(
                ("d.group_id = ?", [find_group(self._context, group)]) if group else ("d.group_id IS NULL", [])
            )
        if tag is not None:
            conditions.append(("d.tag_id = ?", [self._find_tag(tag)]) if tag else ("d.tag_id IS NULL", []))
        if production is not None:
            conditions.append(("d.production = ?", [production]))
        if name is not None:
            conditions.append(("d.name LIKE ? ESCAPE '\\'", [_as_like(storable(name))]))
        if uuid_prefix is not None:
            conditions.append(("starts_with(CAST(d.uuid AS VARCHAR), ?)", [storable(uuid_prefix).lower()]))
        if target_version is not None:
            conditions.append(("d.target_version = ?", [checked_target_version(target_version)]))
        if hardware_id is not None:
            conditions.append(("d.hardware_id = ?", [storable(hardware_id)]))
        if online is not None:
            conditions.append(_online(online_threshold, now, online=online))
        with self._context.store.reading():
            in_state = self._in_state(wave, state, now=now, online_threshold=online_threshold)
            if in_state is not None:
                conditions.append(("d.ordinal IN (SELECT ordinal FROM in_state)", []))
            where = " AND ".join(sql for sql, _ in conditions)
            parameters = [value for _, values in conditions for value in values]
            ((total,),) = self._rows(f"SELECT count(*) AS total FROM devices d WHERE {where}", parameters, in_state)
            found = self._rows(
                f"{_SELECT} WHERE {where} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?",
                [*parameters, limit, (page - 1) * limit],
                in_state,
            )
        return DevicePage(tuple(map(_device, found)), total, page, max(1, -(-total // limit)))

    def _rows(self, sql: str, parameters: Sequence[Any], in_state: pa.Table | None) -> Sequence[tuple[Any, ...]]:
        """The rows of a query, which may name the table `in_state`."""
        if in_state is None:
            return self._context.store.rows(sql, parameters)
        found = self._context.store.table(sql, parameters, in_state=in_state)
        return [tuple(row.values()) for row in found.to_pylist()]

    def _in_state(
        self, wave: str | None, state: str | None, *, now: datetime | None, online_threshold: timedelta
    ) -> pa.Table | None:
        """The ordinals of the devices in a state of a wave; None if neither is given."""
        if wave is None and state is None:
            return None
        import pyarrow as pa

        devices = self._devices_in_state(
            wave,
            "matching" if state is None else state,
            self._fleets.fleet(now=now),
            now=seconds(now),
            online_threshold=online_threshold,
        )
        return pa.table({"ordinal": pa.array(devices.to_ordinals(), pa.uint32())})

    def list_uuids(self, **filters: Unpack[DeviceFilters]) -> Sequence[str]:
        """The UUIDs of all devices that `list` would list on all of its pages, with the same filters and order.

        Args:
            filters: the keywords of `list` other than ``limit`` and ``page``.

        Raises:
            NotFoundError, InputError: as `list`; ``bad-argument`` for another keyword, ``limit`` among them.

        Cost: as `list` for each million of them, and a string for each device.
        """
        check_keywords("list_uuids", filters, DeviceFilters.__annotations__)
        found: list[str] = []
        for number in itertools.count(1):
            page = self.list(**filters, limit=_MAX_PER_PAGE, page=number)
            found += [device.uuid for device in page.devices]
            if number >= page.pages:
                break
        return found

    def show(self, uuid_or_name: str) -> Device:
        """One device, by its uuid in any spelling, or by its name.

        Raises:
            NotFoundError: ``unknown-device``.
            InputError: ``ambiguous-name`` where several devices have the name.
        """
        uuid = _as_uuid(uuid_or_name)
        device = None if uuid is None else self.find(uuid)
        return device or self._named(uuid_or_name)

    def _named(self, name: str) -> Device:
        with self._context.store.reading():
            found = self._context.store.rows(
                f"{_SELECT} WHERE NOT d.deleted AND d.name = ? ORDER BY d.ordinal", [storable(name)]
            )
        if not found:
            raise _unknown_device(name, deletion=self._deletion(name))
        number = len(found)
        if number > 1:
            uuids = [str(row[1]) for row in found]
            raise InputError(
                "ambiguous-name",
                f"{number} devices are named `{cropped(name)}`",
                hint=f"name one by its uuid: {', '.join(uuids[:3])}{' …' if number > 3 else ''}",  # noqa: PLR2004
                fields={"name": name, "count": number, "uuids": uuids},
            )
        return _device(found[0])

    def _deletion(self, text: str) -> Literal["denied", "allowed"] | None:
        """What became of a deleted device, named by its uuid or its name; None if there is none."""
        uuid = _as_uuid(text)
        rows = self._context.store.rows(
            "SELECT allowed FROM devices WHERE deleted AND (uuid = ? OR name = ?) ORDER BY allowed LIMIT 1",
            [uuid, storable(text)],
        )
        if not rows:
            return None
        return "allowed" if rows[0][0] else "denied"

    def would_leave(
        self, devices: DeviceList, group: str | None = None, *, deleted: bool = False
    ) -> tuple[LeavingDevices, ...]:
        """Count the scheduled devices that would leave an active wave. Nothing changes.

        Args:
            devices: the devices; those that the factory does not have are left out.
            group: the group that they would be moved into; None for no group.
            deleted: whether they would be deleted instead.

        Returns:
            A wave each, in the order in which the waves were made; empty if no scheduled device would leave one.

        Raises:
            NotFoundError: ``unknown-group``.
            InputError: ``bad-uuid``.
        """
        with self._context.store.reading():
            if group is not None:
                find_group(self._context, group)
            return self._leaving(as_uuid_list(devices), into=group, deleted=deleted)

    def _leaving(self, devices: UuidList, *, into: str | None, deleted: bool) -> tuple[LeavingDevices, ...]:
        if not len(devices) or not any(wave.active for wave in self._book.all()):
            return ()
        fleet = self.fleet()
        ordinals = fleet.ordinals(devices)
        moved = _core.DeviceSet.from_ordinals(ordinals[ordinals != _core.NO_ORDINAL])
        return would_leave(self._book, fleet, moved, into=into, deleted=deleted)

    def assign(self, devices: DeviceList, group: str | None, *, now: datetime | None = None) -> Moved:
        """Put devices into a group, or with None out of theirs; all of them or, with an error, none.

        Returns:
            How many were elsewhere before; its `leaves` counts the scheduled devices that left an active wave.

        Raises:
            NotFoundError: ``unknown-group``; ``unknown-devices``, every one of them in its fields.
            InputError: ``empty-list``, ``bad-uuid``.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        with self._context.store.changing():
            group_id = None if group is None else find_group(self._context, group)
            rows = self._known(as_uuid_list(devices))
            column = rows.column("group_id")
            elsewhere = pc.is_valid(column) if group_id is None else pc.fill_null(pc.not_equal(column, group_id), True)  # noqa: FBT003
            moved = rows.filter(elsewhere)
            if moved.num_rows == 0:
                return Moved(0)
            leaves = self._leaving(UuidList.of(_uuid_bytes(moved)), into=group, deleted=False)
            now_in = pa.repeat(pa.scalar(group_id, pa.uint32()), moved.num_rows)
            moved = moved.set_column(moved.schema.get_field_index("group_id"), "group_id", now_in)
            into = f"into the group {group}" if group is not None else "out of their groups"
            self._context.commit(
                "devices group",
                f"moved {count(moved.num_rows, 'device')} {into}",
                [put("devices", moved)],
                at=seconds(now),
                details={"group": group, "devices": moved.num_rows, "leaves": [asdict(one) for one in leaves]},
            )
            return Moved(moved.num_rows, leaves)

    def delete(self, devices: DeviceList, *, now: datetime | None = None) -> Moved:
        """Delete devices and put them on the denied list; all of them or, with an error, none.

        A deleted device leaves every set except what waves have staged. Its uuid keeps its ordinal and its name. No
        import brings it back before `allow`.

        Args:
            devices: the devices; a deleted one that was allowed goes back on the denied list.
            now: the instant for the audit log (default: now).

        Returns:
            How many were deleted; its `leaves` counts the scheduled devices that left an active wave.

        Raises:
            NotFoundError: ``unknown-devices``, every one of them in its fields.
            InputError: ``empty-list``, ``bad-uuid``.
        """
        import pyarrow as pa

        with self._context.store.changing():
            rows = self._known(as_uuid_list(devices), "(NOT d.deleted OR d.allowed)")
            number = rows.num_rows
            leaves = self._leaving(as_uuid_list(devices), into=None, deleted=True)
            kept = {name: rows.column(name) for name in ("ordinal", "uuid", "name")}
            no, yes = pa.repeat(False, number), pa.repeat(True, number)  # noqa: FBT003 - cells
            flags = {"production": no, "deleted": yes, "allowed": no}
            self._context.commit(
                "devices delete",
                f"deleted {count(number, 'device')}",
                [put("devices", pa.table({**kept, **flags}))],
                at=seconds(now),
                details={"devices": number, "leaves": [asdict(one) for one in leaves]},
            )
            return Moved(number, leaves)

    def allow(self, devices: DeviceList, *, now: datetime | None = None) -> int:
        """Take deleted devices off the denied list; all of them or, with an error, none.

        The next import that names such a device brings it back, with its ordinal, its name and its history.

        Args:
            devices: the devices.
            now: the instant for the audit log (default: now).

        Returns:
            How many were on the list; those that were allowed before are not counted.

        Raises:
            NotFoundError: ``not-denied`` for devices that were never deleted, every one of them in its fields.
            InputError: ``empty-list``, ``bad-uuid``.
        """
        return allow_devices(self._context, _not_empty(as_uuid_list(devices)), at=seconds(now))

    def find_denied(self, name: str) -> str:
        """The uuid of the denied device that had this name; of one that was allowed to come back if none is denied.

        Raises:
            NotFoundError: ``not-denied``.
            InputError: ``ambiguous-name`` where several denied devices had the name.
        """
        return find_denied(self._context, name)

    def denied(self) -> Sequence[DeniedDevice]:
        """The denied list: the deleted devices that no import brings back, by ordinal; empty if there are none.

        Cost: one pass over the devices.
        """
        return denied_devices(self._context)

    def export(self, path: str | Path, *, now: datetime | None = None, raw: bool = False) -> int:
        """Write all devices to a file that `import_` reads back: CSV, Parquet, JSON, NDJSON or Arrow, by its ending.

        Args:
            path: the file.
            now: the instant that times are counted to (default: now).
            raw: leave cells of CSV as they are that a spreadsheet would execute. Otherwise an apostrophe guards them,
                which `import_` takes off.

        Returns:
            How many devices were written.

        Raises:
            InputError: ``unknown-ending``.
            StorageError: ``cannot-write``; an old file of that name is as it was.
        """
        from groundswell.table_files import write_table

        fleet = self.fleet(now=now)
        write_table(fleet.to_arrow(), Path(path), raw=raw)
        return len(fleet)

    def _known(self, devices: UuidList, there: str = "NOT d.deleted") -> pa.Table:
        """The rows of these devices.

        Args:
            devices: the devices.
            there: the condition in SQL that a device is in the factory.

        Raises:
            NotFoundError: ``unknown-devices``.
        """
        import numpy as np
        import pyarrow as pa

        _not_empty(devices)
        wanted = pa.table({"position": pa.array(np.arange(len(devices))), "uuid": uuid_column(devices.array)})
        rows = self._context.store.table(
            f"SELECT d.* FROM wanted w JOIN devices d ON d.uuid = w.uuid WHERE {there} ORDER BY w.position",
            wanted=wanted,
        )
        if rows.num_rows < len(devices):
            known = set(UuidList.of(_uuid_bytes(rows)).uuids) if rows.num_rows else set()
            unknown = [uuid for uuid in devices.uuids if uuid not in known]
            raise NotFoundError(
                "unknown-devices",
                f"{count(len(unknown), 'listed device is', 'listed devices are')} not in the factory: {named(unknown)}",
                hint="nothing was changed; take them off the list, or import them first",
                fields={"unknown": unknown},
            )
        return rows

    def _find_tag(self, tag: str) -> int:
        ids = {name: number for number, name in self._context.store.rows("SELECT tag_id, name FROM tags")}
        if tag in ids:
            return int(ids[tag])
        near = _core.nearest(storable(tag), list(ids), at_most=3)
        raise NotFoundError(
            "unknown-tag",
            f"no device listens to tag `{cropped(tag)}`",
            hint=f"did you mean {' or '.join(f'`{one}`' for one in near)}?"
            if near
            else "`Factory.status` lists the tags",
            fields={"tag": tag, "nearest": near},
        )


def _not_empty(devices: UuidList) -> UuidList:
    if len(devices) == 0:
        raise InputError("empty-list", "the list of devices is empty", hint="name at least one device")
    return devices


def _online(threshold: timedelta, now: datetime | None, *, online: bool) -> tuple[str, list[Any]]:
    """The condition that a device was seen within the threshold, or was not, and its parameters."""
    since = max(0, seconds(now) - whole_seconds(threshold, "online_threshold"))
    seen = "coalesce(d.last_seen >= ?, false)"
    return seen if online else f"NOT {seen}", [since]


def _uuid_bytes(rows: pa.Table) -> list[bytes]:
    column = rows.column("uuid").combine_chunks()
    storage: list[bytes] = (
        column.chunk(0).storage.to_pylist() if hasattr(column, "chunk") else column.storage.to_pylist()
    )
    return storage


def _device(row: tuple[Any, ...]) -> Device:
    ordinal, uuid, name, group, tag, production, last_seen, target_version, hardware_id = row
    return Device(
        ordinal=ordinal,
        uuid=uuid,
        name=name,
        group=group,
        tag=tag,
        production=production,
        last_seen=None if last_seen is None else instant(last_seen),
        target_version=target_version,
        hardware_id=hardware_id,
    )


def _as_uuid(text: str) -> str | None:
    """The uuid that a text spells; None if it is a name."""
    try:
        return UuidList.of([text]).uuids[0]
    except InputError:
        return None


def _as_like(pattern: str) -> str:
    """A pattern of ``*`` and ``?`` in the terms of LIKE: GLOB takes bytes for characters, and more for patterns."""
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return escaped.replace("*", "%").replace("?", "_")


_DELETIONS: Final = {
    "denied": (
        "the device `{}` was deleted and is on the denied list",
        "`devices.allow` takes it off the list; the next import then brings it back",
    ),
    "allowed": (
        "the device `{}` was deleted, and allowed to come back",
        "the next import that names it brings it back, with its ordinal and its name",
    ),
    None: (
        "no device has the uuid or the name `{}`",
        '`devices.list(name="*PART*")` finds devices by a part of their name',
    ),
}


def _unknown_device(text: str, *, deletion: Literal["denied", "allowed"] | None) -> NotFoundError:
    message, hint = _DELETIONS[deletion]
    return NotFoundError(
        "unknown-device",
        message.format(cropped(text)),
        hint=hint,
        fields={"device": text, "denied": deletion == "denied", "allowed": deletion == "allowed"},
    )


def _check_page(limit: int, page: int) -> None:
    for name, value, most in (("limit", limit, _MAX_PER_PAGE), ("page", page, _MAX_PAGES)):
        if not 1 <= value <= most:
            raise InputError(
                "bad-page",
                f"the {name} is `{value}`",
                hint=f"a page has 1 to {_MAX_PER_PAGE} devices, and pages are counted from 1",
                fields={"limit": limit, "page": page},
            )
