"""Importing devices: an upsert by uuid of whole files, in one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import InputError, StateError
from groundswell.factory.context import Context, refuse_own_database, seconds
from groundswell.factory.devices.denied import DeniedDevice, Skipped, skip_denied
from groundswell.factory.devices.lookup import known_devices
from groundswell.factory.devices.mappings import mapping_change, saved_mapping
from groundswell.factory.devices.staging import incoming, united
from groundswell.factory.devices.upsert import Merged, merge
from groundswell.factory.names import check_name, is_null_word
from groundswell.ingest.bad_cells import BadCell
from groundswell.ingest.cells import cropped
from groundswell.ingest.columns import COLUMNS
from groundswell.ingest.detect import name_of
from groundswell.ingest.mapping import ColumnMapping
from groundswell.ingest.read import read_fleet
from groundswell.ingest.report import NO_PRODUCTION_COLUMN
from groundswell.text import MAX_NAMED, Notice, count, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    import pyarrow as pa

    from groundswell.factory.devices.leaving import LeavingDevices
    from groundswell.factory.devices.lookup import Known
    from groundswell.ingest.coerce import Devices
    from groundswell.ingest.read import FleetColumns

__all__ = ["CLEARABLE", "ImportReport", "MappingOptions", "SourceReport", "import_devices"]

_MAX_UNUSED: Final = 1000

CLEARABLE: Final = tuple(column for column in COLUMNS if column not in {"uuid", "production"})
"""The columns that ``--clear`` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """How the columns of one file were read.

    Args:
        source: its name.
        columns: canonical name → the column that it was read from.
        unused: the columns that were not used; at most 1000.
        more_unused: whether there are more.
    """

    source: str
    columns: dict[str, str]
    unused: tuple[str, ...]
    more_unused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingOptions:
    """What an import is told about the columns of its files.

    Args:
        columns: as for `Fleet.read`.
        rows_at: as for `Fleet.read`.
        uuid5: as for `Fleet.read`.
        use: the name of a saved mapping, which the options above override.
        save: the name to save all of it under.
    """

    columns: Mapping[str, str] | None = None
    rows_at: str | None = None
    uuid5: str | UUID | None = None
    use: str | None = None
    save: str | None = None

    def resolved(self, context: Context) -> ColumnMapping:
        """The mapping to read with.

        Raises:
            InputError: as for `Fleet.read`; ``bad-name`` and ``bad-option`` for a name to save under.
            NotFoundError: ``unknown-mapping``.
        """
        mapping = ColumnMapping.of(self.columns, rows_at=self.rows_at, uuid5=self.uuid5)
        if self.use is not None:
            mapping = mapping.over(saved_mapping(context, self.use))
        if self.save is not None:
            check_name("mapping", self.save)
            if not mapping:
                raise InputError(
                    "bad-option",
                    f"the mapping `{self.save}` would be empty",
                    hint="map a column, or save no mapping",
                    fields={"mapping": self.save},
                )
        return mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import came to.

    Args:
        rows: rows of the files, header lines not counted.
        devices: devices that the files name, denied ones left out: new + returned + changed + unchanged.
        new: devices that the factory had not heard of.
        returned: devices that had been deleted and then allowed, and have their old ordinal and name again.
        changed: known devices of which something is different now.
        unchanged: known devices of which nothing is.
        denied: denied devices that the files name; their rows were skipped.
        denied_devices: the first 100 000 of them, in the order of the files.
        outdated: devices whose row is older than what is known: a last_seen or a target_version was not taken.
        groups_created: groups that did not exist, in the order of their first device.
        rejected_rows: bad rows that were set aside.
        test_by_default: new devices that count as test devices since no row said otherwise.
        notes: sentences for a person, the most important first.
        dry_run: whether nothing was stored.
        columns: canonical name → the column that it was read from, as the first file that has it spells it.
        unused: the columns that were not used, of all files; at most 1000.
        sources: the same for each file.
        mapping_saved: the name under which the mapping was saved; None if it was not (a dry run saves nothing).
        leaves: active waves that scheduled devices leave because a row changes their group or tag, in the order in
            which the waves were made; empty if none does.
    """

    rows: int
    devices: int
    new: int
    returned: int
    changed: int
    unchanged: int
    denied: int
    denied_devices: tuple[DeniedDevice, ...]
    outdated: int
    groups_created: tuple[str, ...]
    rejected_rows: int
    test_by_default: int
    notes: tuple[str, ...]
    dry_run: bool
    columns: dict[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    mapping_saved: str | None = None
    leaves: tuple[LeavingDevices, ...] = ()


def import_devices(
    context: Context,
    sources: Sequence[Any],
    *,
    rejects: Path | None,
    clear: Collection[str],
    dry_run: bool,
    now: datetime | None,
    progress: bool,
    options: MappingOptions,
    leaving: Callable[[pa.Table], tuple[LeavingDevices, ...]],
) -> ImportReport:
    """Import devices; see `groundswell.factory.devices.devices.Devices.import_`.

    `leaving` counts the scheduled devices that leave an active wave, given the changed cells.
    """
    clear = [clear] if isinstance(clear, str) else clear
    _check_clear(clear)
    if not sources:
        raise InputError("no-source", "there is nothing to import", hint="name at least one file")
    if rejects is not None and len(sources) > 1:
        raise InputError(
            "bad-option",
            f"one file of rejects cannot serve `{len(sources)}` sources",
            hint="import the files one by one, each with its own file of rejects",
            fields={"sources": len(sources)},
        )
    for source in sources:
        refuse_own_database(context, source)
    if rejects is not None and not dry_run:
        context.store.require_writable()  # before the file of rejects is written
    at = seconds(now)
    # A file takes minutes to read: others write meanwhile.
    with context.store.reading():
        mapping = options.resolved(context)
        judge, read_at = _Judge(context), context.store.changed_at("devices")
        read = [
            read_fleet(source, now=at, rejects=rejects, progress=progress, judge=judge.bad_cells, mapping=mapping)
            for source in sources
        ]
        tables = [(name_of(source), incoming(columns)) for source, columns in zip(sources, read, strict=True)]
    with context.store.changing():
        if context.store.changed_at("devices") != read_at:
            judge = _Judge(context)
            _refuse_flips(judge, sources, read)
        whole = united(tables)
        known = judge.known(read[0].uuids if len(read) == 1 else whole.column("uuid"))
        whole, known, skipped = skip_denied(whole, known)
        merged = merge(context, whole, known, frozenset(clear), at=at)
        saving = options.save is not None and not dry_run
        saved = mapping_change(context, str(options.save), mapping, at=at) if saving else []
        leaves = () if merged.moved is None else leaving(merged.moved)
        report = replace(
            _report(read, merged, skipped, leaves, _null_word_notes(context), dry_run=dry_run),
            sources=tuple(_source_report(source, columns) for source, columns in zip(sources, read, strict=True)),
            mapping_saved=options.save if saving else None,
        )
        if not dry_run and (merged.changes or saved):
            context.commit(
                "devices import",
                f"imported {count(report.devices, 'device')}: {report.new} new, {report.changed} changed"
                + (f"; saved the mapping {options.save}" if saved else ""),
                [*merged.changes, *saved],
                at=at,
                details={
                    "sources": [name_of(source) for source in sources],
                    "new": report.new,
                    "returned": report.returned,
                    "changed": report.changed,
                    "unchanged": report.unchanged,
                    "denied": report.denied,
                    "cleared": sorted(clear),
                    "groups_created": list(report.groups_created),
                    **({"leaves": [asdict(one) for one in leaves]} if leaves else {}),
                    **({"mapping_saved": options.save, "mapping": mapping.to_data()} if saved else {}),
                    **({"mapping_used": options.use} if options.use is not None else {}),
                },
            )
        return report


def _source_report(source: object, columns: FleetColumns) -> SourceReport:
    report = columns.report
    return SourceReport(
        source=name_of(source),
        columns=dict(report.columns),
        unused=report.ignored_columns[:_MAX_UNUSED],
        more_unused=report.more_ignored_columns or len(report.ignored_columns) > _MAX_UNUSED,
    )


def _check_clear(clear: Collection[str]) -> None:
    for column in clear:
        if column in CLEARABLE:
            continue
        fixed = column in COLUMNS
        near = _core.nearest(column, list(CLEARABLE), at_most=1)
        raise InputError(
            "bad-column",
            f"the column `{column}` cannot be cleared" if fixed else f"there is no column `{column}` to clear",
            hint=f"did you mean `{near[0]}`?" if near and not fixed else f"these can be: {', '.join(CLEARABLE)}",
            fields={"column": column, "clearable": list(CLEARABLE)},
        )


class _Judge:
    """Knows whom the factory has heard of, and finds rows that would flip a test or production device: none may."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._some: Final = context.store.devices.registered() > 0
        self._last: tuple[Any, Known] | None = None

    def known(self, uuids: Any) -> Known | None:
        """The devices of these rows that the factory has heard of; None where it has heard of none at all.

        What was looked up last is kept: the rows that are judged are nearly always those that are merged.
        """
        if not self._some:
            return None
        if self._last is None or self._last[0] is not uuids:
            self._last = uuids, known_devices(self._context, uuids)
        return self._last[1]

    def bad_cells(self, devices: Devices | FleetColumns) -> list[BadCell]:
        """The cells that would flip a device."""
        import numpy as np

        if not devices.production_said.any():
            return []
        known = self.known(devices.uuids)
        if known is None:
            return []
        rows, registered = known.positions, known.rows
        was = registered.column("production").to_numpy()
        flips = np.flatnonzero(
            devices.production_said[rows] & (devices.production[rows] != was) & ~registered.column("deleted").to_numpy()
        )
        found = sorted(zip(rows[flips].tolist(), was[flips].tolist(), strict=True))
        return [
            BadCell(row, "production", f"would flip a device that is registered as a {_kind(production)} device")
            for row, production in found
        ]


def _refuse_flips(judge: _Judge, sources: Sequence[Any], read: Sequence[FleetColumns]) -> None:
    """Judge once more what was read while somebody else changed devices."""
    for source, columns in zip(sources, read, strict=True):
        flips = judge.bad_cells(columns)
        if flips:
            raise StateError(
                "revision-changed",
                f"while `{name_of(source)}` was read, {count(len(flips), 'device')} of it changed in the factory",
                hint="import it again",
                fields={"source": name_of(source), "devices": len(flips)},
            )


def _kind(production: bool) -> str:  # noqa: FBT001 - a cell
    return "production" if production else "test"


def _report(
    read: Sequence[FleetColumns],
    merged: Merged,
    skipped: Skipped,
    leaves: tuple[LeavingDevices, ...],
    null_words: Sequence[str],
    *,
    dry_run: bool,
) -> ImportReport:
    return ImportReport(
        rows=sum(columns.report.rows for columns in read),
        devices=merged.devices,
        new=merged.new,
        returned=merged.returned,
        changed=merged.changed,
        unchanged=merged.devices - merged.new - merged.returned - merged.changed,
        denied=skipped.total,
        denied_devices=skipped.first,
        outdated=merged.outdated,
        groups_created=merged.groups_created,
        rejected_rows=sum(columns.report.rejected_rows for columns in read),
        test_by_default=merged.test_by_default,
        columns={c: source for columns in reversed(read) for c, source in columns.report.columns.items()},
        unused=tuple(dict.fromkeys(name for columns in read for name in columns.report.ignored_columns))[:_MAX_UNUSED],
        notes=(*_leaving_notes(leaves, dry_run=dry_run), *_notes(read, merged, skipped), *null_words),
        dry_run=dry_run,
        leaves=leaves,
    )


def _leaving_notes(leaves: Sequence[LeavingDevices], *, dry_run: bool) -> list[str]:
    notes = []
    for one in leaves:
        verb = "WOULD LEAVE" if dry_run else "LEAVES" if one.devices == 1 else "LEAVE"
        devices = count(one.devices, "SCHEDULED DEVICE", "SCHEDULED DEVICES")
        notes.append(f"{devices} {verb} THE WAVE `{one.wave}`, because a row changes the group or the tag")
    return notes


def _notes(read: Sequence[FleetColumns], merged: Merged, skipped: Skipped) -> list[str]:
    unsaid, outdated = merged.test_by_default, merged.outdated
    notes = []
    if skipped.total:
        notes.append(_denied_note(skipped))
    if unsaid:
        are, count_as = (
            ("IS A PRODUCTION DEVICE", "it counts as a test device")
            if unsaid == 1
            else ("ARE PRODUCTION DEVICES", "they count as test devices")
        )
        notes.append(
            f"NOTHING SAYS THAT {unsaid} OF THE NEW DEVICES {are}: {count_as}, and no later import can change that"
        )
    # What reading alone says of a missing column is true of a file, not of a factory that knows its devices.
    notes += [
        note
        for columns in read
        for note in columns.report.notes
        if not (isinstance(note, Notice) and note.code == NO_PRODUCTION_COLUMN)
    ]
    if outdated:
        rows = "1 row is" if outdated == 1 else f"{outdated} rows are"
        it = "it" if outdated == 1 else "they"
        notes.append(f"{rows} older than what is known: {it} did not replace the target_version or last_seen")
    return notes


def _null_word_notes(context: Context) -> list[str]:
    """Groups and tags of older factories whose names mean an absent value now."""
    notes = []
    for kind, names in (("group", context.store.groups.names()), ("tag", context.store.tags.names())):
        notes += [
            f"the {kind} `{name}` was made from a word for nothing: imports read such cells as absent values"
            for name in sorted(names.values())
            if is_null_word(name)
        ]
    return notes


def _denied_note(skipped: Skipped) -> str:
    shown = skipped.first[:MAX_NAMED]
    texts = [f"{cropped(one.name, 32)} ({one.uuid})" if one.name else one.uuid for one in shown]
    devices = joined(texts, more=skipped.total - len(shown))
    rows = "THE ROW OF 1 DENIED DEVICE" if skipped.total == 1 else f"THE ROWS OF {skipped.total} DENIED DEVICES"
    were, them = ("was", "it") if skipped.total == 1 else ("were", "them")
    return f"SKIPPED {rows}, which {were} deleted before: {devices}; allowing {them} takes {them} off the denied list"
