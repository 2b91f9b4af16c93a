"""``groundswell devices``: import, list, show, group, delete and export devices."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import click
from click.core import ParameterSource

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.commands.mappings import mappings
from groundswell.cli.output.columns import column_lines
from groundswell.cli.output.csv_output import print_csv
from groundswell.cli.output.render import count, note, printable, say, stdout_stream
from groundswell.cli.output.tables import facts, instant_text, print_json, print_lines, table
from groundswell.cli.params.completion import (
    complete_devices,
    complete_devices_and_groups,
    complete_groups,
    complete_states,
    complete_tags,
    complete_waves,
)
from groundswell.cli.params.factory_option import directory_option, now_option, open_factory
from groundswell.cli.params.mapping_options import columns_of, mapping_options
from groundswell.cli.params.options import json_option, online_threshold_option, yes_option
from groundswell.cli.params.stdin_source import sources_of, spooled_stdin
from groundswell.cli.params.texts import FILE, NAME, OUTPUT, OUTPUT_OR_STDOUT
from groundswell.cli.params.uuid_argument import read_device_words
from groundswell.cli.questions import ask_leaving
from groundswell.table_files import FORMATS, write_rows
from groundswell.text import MAX_NAMED, joined

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from groundswell.factory import Device, Factory, ImportReport
    from groundswell.factory.devices.devices import Sort

__all__ = [
    "allow",
    "delete",
    "denied",
    "device_data",
    "devices",
    "export",
    "group",
    "import_devices",
    "list_devices",
    "show",
]

_SORTS = ["ordinal", "name", "-name", "last-seen", "-last-seen", "uuid"]


@click.group(cls=ExamplesGroup)
def devices() -> None:
    """Import, list, group, delete and export devices."""


devices.add_command(mappings)


@devices.command("import", short_help="Import devices from files.")
@click.argument("files", metavar="FILE…", type=FILE, nargs=-1, required=True)
@click.option("--rejects", metavar="FILE", type=OUTPUT, help="Write bad rows to FILE, and import the good rows.")
@click.option("--clear", metavar="COLUMN", multiple=True, help="An empty cell of COLUMN unsets the known value.")
@mapping_options
@click.option("--mapping", metavar="NAME", type=NAME, help="Use a saved mapping; options given here override it.")
@click.option(
    "--save-mapping", metavar="NAME", type=NAME, help="Save the mapping under NAME, with the import (not in a dry run)."
)
@click.option("--dry-run", is_flag=True, help="Print what the import would change, and store nothing.")
@json_option
@now_option
@directory_option
def import_devices(
    files: tuple[str, ...],
    *,
    rejects: str | None,
    clear: tuple[str, ...],
    column: tuple[str, ...],
    rows_at: str | None,
    uuid5: str | None,
    mapping: str | None,
    save_mapping: str | None,
    dry_run: bool,
    as_json: bool,
    now: datetime | None,
    directory: str | None,
) -> None:
    """Import devices from FILE…: all rows, or none if a row is bad.

    A row updates the device with its uuid, or creates it. An absent column or an empty cell keeps the known value.
    FILE is CSV, Parquet, JSON, NDJSON or Arrow, - for stdin, or sqlite:///FILE#TABLE or postgresql://…#TABLE.
    """
    columns = columns_of(column)
    sources = sources_of(files)
    with spooled_stdin(sources), open_factory(directory) as factory:
        report = factory.devices.import_(
            *sources,
            rejects=rejects,
            clear=clear,
            dry_run=dry_run,
            now=now,
            progress=True,
            columns=columns or None,
            rows_at=rows_at,
            uuid5=uuid5,
            mapping=mapping,
            save_mapping=save_mapping,
        )
    for text in report.notes:
        note(text)
    if as_json:
        print_json(asdict(report))
        return
    _tell_import(report)


def _tell_import(report: ImportReport) -> None:
    did = "would import" if report.dry_run else "imported"
    if not report.dry_run and report.unchanged == report.devices:
        did = "nothing to do for"
    parts = [f"{report.new} new", f"{report.changed} changed", f"{report.unchanged} unchanged"]
    if report.returned:
        parts.append(f"{report.returned} that had been deleted")
    if report.denied:
        parts.append(f"{report.denied} denied and skipped")
    say(f"{did} {count(report.devices, 'device')}: {', '.join(parts)}")
    if report.groups_created:
        groups = report.groups_created
        shown = joined(groups[:MAX_NAMED], more=len(groups) - MAX_NAMED)
        say(
            f"{'would make' if report.dry_run else 'made'} {count(len(report.groups_created), 'group')}: {shown}",
        )
    if report.rejected_rows:
        say(f"set {count(report.rejected_rows, 'bad row')} aside")
    if report.mapping_saved is not None:
        say(f"saved the mapping {report.mapping_saved}")
    for source in report.sources:
        if len(report.sources) > 1:
            say(f"{source.source}:")
        for line in column_lines(source.columns, source.unused, more=source.more_unused):
            say(line)


@devices.command("list", context_settings={"show_default": True})
@click.option("-g", "--group", type=NAME, shell_complete=complete_groups, help="Only devices of this group.")
@click.option("--no-group", is_flag=True, help="Only devices without a group.")
@click.option("-t", "--tag", type=NAME, shell_complete=complete_tags, help="Only devices on this tag.")
@click.option("--no-tag", is_flag=True, help="Only devices without a tag.")
@click.option("--production/--test", default=None, help="Only production devices, or only test devices.")
@click.option("--name", metavar="PATTERN", type=NAME, help="Only devices whose name matches; * and ? are wildcards.")
@click.option("--uuid", "uuid_prefix", metavar="PREFIX", type=NAME, help="Only devices whose uuid begins with PREFIX.")
@click.option("--target-version", metavar="VERSION", type=int, help="Only devices that report this target version.")
@click.option("--hardware-id", metavar="ID", type=NAME, help="Only devices with this hardware id.")
@click.option("--online/--offline", default=None, help="Only online devices, or only offline devices.")
@online_threshold_option
@click.option("--sort", type=click.Choice(_SORTS), default="ordinal", help="Sort by this; - sorts in reverse.")
@click.option("-n", "--limit", metavar="N", type=int, default=50, help="Devices per page.")
@click.option("-p", "--page", metavar="N", type=int, default=1, help="Number of the page.")
@click.option(
    "--wave", metavar="NAME", type=NAME, shell_complete=complete_waves, help="Only devices in a state of this wave."
)
@click.option(
    "--state",
    metavar="STATE",
    type=NAME,
    shell_complete=complete_states,
    help="The state: a count of `waves status`, such as scheduled.",
)
@click.option(
    "--uuids", "only_uuids", is_flag=True, help="Print only the UUIDs, of all pages: a list for other commands."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, of all pages (default with --csv) or of one (-n, -p).")
@click.option("--raw", is_flag=True, help="With --csv: do not guard cells that a spreadsheet would execute.")
@json_option
@now_option
@directory_option
def list_devices(
    *,
    group: str | None,
    no_group: bool,
    tag: str | None,
    no_tag: bool,
    production: bool | None,
    name: str | None,
    uuid_prefix: str | None,
    target_version: int | None,
    hardware_id: str | None,
    online: bool | None,
    online_threshold: timedelta,
    sort: str,
    limit: int,
    page: int,
    wave: str | None,
    state: str | None,
    only_uuids: bool,
    as_csv: bool,
    raw: bool,
    as_json: bool,
    now: datetime | None,
    directory: str | None,
) -> None:
    """List devices, page by page.

    STATE is scheduled, updated, on-version, newer, older, silent, unsupported, unscheduled, covered, staged, online or
    matching, as `groundswell waves status` counts them. Without --wave it refers to the only active wave.
    """
    if (no_group and group) or (no_tag and tag):
        raise click.UsageError("--no-group and --no-tag exclude --group and --tag")
    if only_uuids and as_json:
        raise click.UsageError("--uuids prints a list and --json prints a page: use one of them")
    if as_csv and (only_uuids or as_json):
        raise click.UsageError("use one of --csv, --uuids and --json")
    if raw and not as_csv:
        raise click.UsageError("--raw requires --csv")
    filters: dict[str, Any] = {
        "group": group,
        "no_group": no_group,
        "tag": tag,
        "no_tag": no_tag,
        "production": production,
        "name": name,
        "uuid_prefix": uuid_prefix,
        "target_version": target_version,
        "hardware_id": hardware_id,
        "online": online,
        "online_threshold": online_threshold,
        "wave": wave,
        "state": state,
        "sort": cast("Sort", sort),
        "now": now,
    }
    if only_uuids:
        with open_factory(directory) as factory:
            uuids = factory.devices.list_uuids(**filters)
        # Print after closing the factory: the program that reads the list may need it.
        print_lines(uuids)
        return
    if as_csv:
        typed = any(
            click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT
            for option in ("limit", "page")
        )
        with open_factory(directory) as factory:
            listed = (
                factory.devices.list(**filters, limit=limit, page=page).devices
                if typed
                else _all_pages(factory, filters)
            )
        print_csv(_CSV_COLUMNS, map(_csv_row, listed), raw=raw)
        return
    with open_factory(directory) as factory:
        found = factory.devices.list(**filters, limit=limit, page=page)
    if as_json:
        rows = [device_data(device) for device in found.devices]
        print_json({"devices": rows, "total": found.total, "page": found.page, "pages": found.pages})
        return
    header = ["uuid", "name", "group", "tag", "kind", "last seen", "version", "hardware"]
    print_lines(table(header, map(_row, found.devices)))
    if found.total and not found.devices:
        note(f"there is no page {found.page}")
    say(f"page {found.page} of {found.pages}, {count(found.total, 'device')}")


_CSV_COLUMNS = ("uuid", "name", "group", "tag", "production", "last_seen", "target_version", "hardware_id")
"""Column names that `devices import` accepts, so that the output can be imported."""


def _csv_row(device: Device) -> list[str | None]:
    version = device.target_version
    return [
        device.uuid,
        device.name,
        device.group,
        device.tag,
        "true" if device.production else "false",
        instant_text(device.last_seen),
        None if version is None else str(version),
        device.hardware_id,
    ]


def _all_pages(factory: Factory, filters: dict[str, Any]) -> list[Device]:
    found: list[Device] = []
    for number in itertools.count(1):
        page = factory.devices.list(**filters, limit=1_000_000, page=number)
        found += page.devices
        if number >= page.pages:
            break
    return found


def _row(device: Device) -> list[object]:
    version = device.target_version
    return [
        device.uuid,
        device.name,
        device.group,
        device.tag,
        "production" if device.production else "test",
        instant_text(device.last_seen),
        None if version is None else str(version),
        device.hardware_id,
    ]


def device_data(device: Device) -> dict[str, Any]:
    """Convert a device to JSON types."""
    return asdict(device) | {"last_seen": instant_text(device.last_seen)}


@devices.command()
@click.argument("device", metavar="UUID|NAME", type=NAME, shell_complete=complete_devices)
@json_option
@directory_option
def show(device: str, *, as_json: bool, directory: str | None) -> None:
    """Show all columns of a device."""
    with open_factory(directory) as factory:
        found = factory.devices.show(device)
    if as_json:
        print_json(device_data(found))
        return
    names = ("uuid", "ordinal", "name", "group", "tag", "production", "last_seen", "target_version", "hardware_id")
    data = device_data(found)
    print_lines(facts((name.replace("_", " "), _plain(data[name])) for name in names))


def _plain(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@devices.command(short_help="Move devices to a group, or out of their groups.")
@click.argument(
    "words", metavar="UUID|NAME… GROUP", nargs=-1, required=True, shell_complete=complete_devices_and_groups
)
@click.option("--unset", is_flag=True, help="Take the devices out of their groups; then all arguments are devices.")
@yes_option
@json_option
@directory_option
def group(words: tuple[str, ...], *, unset: bool, yes: bool, as_json: bool, directory: str | None) -> None:
    """Move devices to GROUP: all of them, or none if one is unknown.

    UUID may also be a device's name, a list, @FILE or @- for stdin. If the move takes scheduled devices out of an
    active wave, the command asks first; without a terminal it requires --yes.
    """
    if not unset and len(words) == 1:
        raise click.UsageError("give at least one device and, last, the group")
    devices_named = read_device_words(words if unset else words[:-1])
    into = None if unset else words[-1]
    with open_factory(directory) as factory:
        named = devices_named.uuids(factory)
        ask_leaving("devices group", factory.devices.would_leave(named, into), yes=yes)
        moved = factory.devices.assign(named, into)
    if as_json:
        print_json({"group": into, "moved": moved, "already": len(named) - moved})
        return
    where = "out of their groups" if into is None else f"to the group {printable(into)}"
    already = len(named) - moved
    say(
        f"moved {count(moved, 'device')} {where}"
        + (f"; {count(already, 'was', 'were')} already there" if already else ""),
    )


@devices.command(short_help="Delete devices and put them on the denied list.")
@click.argument("words", metavar="UUID|NAME…", nargs=-1, required=True, shell_complete=complete_devices)
@yes_option
@json_option
@directory_option
def delete(words: tuple[str, ...], *, yes: bool, as_json: bool, directory: str | None) -> None:
    """Delete devices and put them on the denied list: all of them, or none if one is unknown.

    UUID may also be a device's name, a list, @FILE or @- for stdin. A deleted device leaves every group and wave.
    Imports skip it until `groundswell devices allow` takes it off the denied list. If scheduled devices leave an active
    wave, the command asks first; without a terminal it requires --yes.
    """
    # Read stdin before opening the factory: the program that writes to our stdin may need it.
    devices_named = read_device_words(words)
    with open_factory(directory) as factory:
        named = devices_named.uuids(factory)
        ask_leaving("devices delete", factory.devices.would_leave(named, deleted=True), yes=yes)
        deleted = factory.devices.delete(named)
    if as_json:
        print_json({"deleted": deleted})
        return
    say(f"deleted {count(deleted, 'device')}")


@devices.command(short_help="Take deleted devices off the denied list.")
@click.argument("words", metavar="UUID|NAME…", nargs=-1, required=True)
@json_option
@directory_option
def allow(words: tuple[str, ...], *, as_json: bool, directory: str | None) -> None:
    """Take deleted devices off the denied list: all of them, or none if one was never deleted.

    The next import with such a device restores it, with its ordinal, its name and its history. UUID may also
    be the name that a device had, a list, @FILE or @- for stdin.
    """
    devices_named = read_device_words(words)
    with open_factory(directory) as factory:
        named = devices_named.uuids(factory, denied=True)
        allowed = factory.devices.allow(named)
    already = len(named) - allowed
    if as_json:
        print_json({"allowed": allowed, "already": already})
        return
    say(
        f"allowed {count(allowed, 'device')}; the next import that has them restores them"
        + (f"; {count(already, 'was', 'were')} already allowed" if already else "")
    )


@devices.command(short_help="Print the denied list.")
@click.option("--uuids", "only_uuids", is_flag=True, help="Print only the UUIDs: a list for other commands.")
@json_option
@directory_option
def denied(*, only_uuids: bool, as_json: bool, directory: str | None) -> None:
    """Print the denied list: the deleted devices that imports skip, with their names."""
    if only_uuids and as_json:
        raise click.UsageError("use one of --uuids and --json")
    with open_factory(directory) as factory:
        found = factory.devices.denied()
    if as_json:
        print_json({"denied": [asdict(device) for device in found], "total": len(found)})
        return
    if only_uuids:
        print_lines(device.uuid for device in found)
        return
    print_lines(table(["uuid", "name"], [[device.uuid, device.name] for device in found]))
    say(f"{count(len(found), 'device')} denied")


@devices.command(short_help="Write all devices to a file or stdout.")
@click.argument("file", type=OUTPUT_OR_STDOUT)
@click.option(
    "--format",
    "format_",
    metavar="FORMAT",
    type=click.Choice(FORMATS),
    help="Format on stdout: csv (default), parquet, json, ndjson or arrow. A file has that of its extension.",
)
@click.option("--raw", is_flag=True, help="Do not guard CSV cells that a spreadsheet would execute.")
@directory_option
def export(file: str, *, format_: str | None, raw: bool, directory: str | None) -> None:
    """Write all devices to FILE, which `devices import` can read; - is stdout.

    FILE has the extension .csv, .parquet, .json, .ndjson or .arrow, and is replaced atomically.
    """
    if file != "-":
        if format_ is not None:
            raise click.UsageError("--format is for stdout: the format of a file is that of its extension")
        with open_factory(directory) as factory:
            written = factory.devices.export(file, raw=raw)
        say(f"wrote {count(written, 'device')} to {printable(file)}")
        return
    with stdout_stream() as stream:
        with open_factory(directory) as factory:
            fleet = factory.devices.fleet()
        # Write after closing the factory: the program that reads the devices may need it.
        write_rows(fleet.to_arrow(), stream, format_ or FORMATS[0], raw=raw)
    say(f"wrote {count(len(fleet), 'device')} to stdout")
