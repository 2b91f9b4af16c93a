"""The devices of a factory: importing, listing, grouping, deleting and exporting them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.arguments import check_keywords, checks_arguments
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.devices.denied import DeniedDevice, allow_devices, denied_devices, find_denied
from groundswell.factory.devices.device import SORTS, Device, DeviceFilters, DevicePage, Sort
from groundswell.factory.devices.finding import find_device, not_empty, show_device
from groundswell.factory.devices.groups import find_group
from groundswell.factory.devices.imports import ImportReport, MappingOptions, import_devices
from groundswell.factory.devices.leaving import LeavingDevices, Moved, import_leaves, would_leave
from groundswell.factory.devices.listing import MAX_PER_PAGE, list_devices
from groundswell.factory.devices.mappings import Mappings
from groundswell.factory.devices.moving import assign_devices, delete_devices
from groundswell.factory.devices.renaming import rename_device
from groundswell.fleet.devices import as_uuid_list
from groundswell.fleet.fleet import DEFAULT_ONLINE_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta
    from typing import Unpack
    from uuid import UUID

    import pyarrow as pa

    from groundswell.factory.devices.fleet_loader import FleetCache
    from groundswell.factory.devices.leaving import DevicesInState, WaveReads
    from groundswell.fleet import Fleet
    from groundswell.fleet.devices import Devices as DeviceList
    from groundswell.fleet.uuid_list import UuidList

__all__ = ["SORTS", "DeniedDevice", "Device", "DeviceFilters", "DevicePage", "Devices", "Sort"]


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
        return self._context.store.devices.count()

    def fleet(self, *, now: datetime | None = None) -> Fleet:
        """All devices, ready to select from; its ordinals are the factory's.

        The fleet is frozen; it is loaded anew after every change of its devices or groups, and shared until then.

        Cost: one pass over the stored devices, once after each such change.
        """
        return self._fleets.fleet(now=now)

    def find(self, uuid: str) -> Device | None:
        """The device of a uuid, as lists print it; None if the factory does not have it."""
        return find_device(self._context, uuid)

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
        store = self._context.store
        return import_leaves(self._book, self.fleet(), cells, groups=store.groups.names(), tags=store.tags.names())

    def list(
        self,
        *,
        group: str | None = None,
        no_group: bool = False,
        tag: str | None = None,
        no_tag: bool = False,
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
            group: only devices of this group.
            no_group: only devices without a group.
            tag: only devices on this tag.
            no_tag: only devices without a tag.
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
            InputError: ``bad-page``, ``bad-sort``, ``bad-version``, ``bad-state``; ``empty-text`` for a text that is
                given but empty; ``bad-option`` for a group with `no_group`, or a tag with `no_tag`.
            StateError: ``several-active-waves``; ``failures-unknown`` for the state ``failed``.

        Cost: one pass over the devices; sorting those that are left.
        """
        return list_devices(
            self._context,
            self._fleets,
            self._devices_in_state,
            group=group,
            no_group=no_group,
            tag=tag,
            no_tag=no_tag,
            production=production,
            name=name,
            uuid_prefix=uuid_prefix,
            target_version=target_version,
            hardware_id=hardware_id,
            online=online,
            online_threshold=online_threshold,
            wave=wave,
            state=state,
            sort=sort,
            limit=limit,
            page=page,
            now=now,
        )

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
            page = self.list(**filters, limit=MAX_PER_PAGE, page=number)
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
        return show_device(self._context, uuid_or_name)

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

    def rename(self, device: str, new_name: str, *, now: datetime | None = None) -> Device:
        """Give a device another name.

        Args:
            device: its uuid or name.
            new_name: up to 256 printable characters; no other device may have it.
            now: the instant for the audit log (default: now).

        Raises:
            NotFoundError: ``unknown-device``.
            InputError: ``bad-name``; ``ambiguous-name`` where several devices have the name `device`.
            StateError: ``device-name-used``.
        """
        at = seconds(now)
        with self._context.store.changing():
            return rename_device(self._context, device, new_name, at=at)

    def assign(self, devices: DeviceList, group: str | None, *, now: datetime | None = None) -> Moved:
        """Put devices into a group, or with None out of theirs; all of them or, with an error, none.

        Returns:
            How many were elsewhere before; its `leaves` counts the scheduled devices that left an active wave.

        Raises:
            NotFoundError: ``unknown-group``; ``unknown-devices``, every one of them in its fields.
            InputError: ``empty-list``, ``bad-uuid``.
        """
        with self._context.store.changing():
            return assign_devices(
                self._context,
                as_uuid_list(devices),
                group,
                None if group is None else find_group(self._context, group),
                leaving=lambda moved: self._leaving(moved, into=group, deleted=False),
                at=seconds(now),
            )

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
        with self._context.store.changing():
            return delete_devices(
                self._context,
                as_uuid_list(devices),
                leaving=lambda gone: self._leaving(gone, into=None, deleted=True),
                at=seconds(now),
            )

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
        return allow_devices(self._context, not_empty(as_uuid_list(devices)), at=seconds(now))

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
