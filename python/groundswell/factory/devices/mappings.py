"""The mappings of columns that a factory remembers: saved by an import, used by the next ones by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell import _core
from groundswell.errors import NotFoundError
from groundswell.factory.context import Context, seconds
from groundswell.factory.names import check_name, storable
from groundswell.ingest.cells import cropped
from groundswell.ingest.mapping import ColumnMapping
from groundswell.store import put, remove
from groundswell.values import instant

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.store import Change
    from groundswell.store.rows import MappingRow

__all__ = ["Mappings", "SavedMapping", "mapping_change", "saved_mapping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedMapping:
    """A mapping that a factory remembers.

    Args:
        name: by which imports use it.
        columns: canonical name of a column → where it is in the source.
        rows_at: the path of the array of devices in a JSON object; None for an array, lines or ``devices``.
        uuid5: the name space in which UUIDs are derived; None to read UUIDs.
        saved_at: when it was saved last.
        saved_by: the user who did.
    """

    name: str
    columns: dict[str, str]
    rows_at: str | None
    uuid5: str | None
    saved_at: datetime
    saved_by: str


class Mappings:
    """``factory.devices.mappings``. `Devices.import_` saves and uses them."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context

    def list(self) -> tuple[SavedMapping, ...]:
        """All saved mappings, by name."""
        return tuple(_saved(row) for row in self._context.store.mappings.all())

    def find(self, name: str) -> SavedMapping:
        """The saved mapping of a name.

        Raises:
            NotFoundError: ``unknown-mapping``, with the nearest name.
        """
        return _find(self._context, name)

    def delete(self, name: str, *, now: datetime | None = None) -> None:
        """Forget a saved mapping.

        Raises:
            NotFoundError: ``unknown-mapping``.
        """
        at = seconds(now)
        with self._context.store.changing():
            found = _find(self._context, name)
            self._context.commit(
                "devices mappings delete",
                f"deleted the mapping {found.name}",
                [remove("mappings", [{"name": found.name}])],
                at=at,
                details={"mapping": found.name},
            )


def saved_mapping(context: Context, name: str) -> ColumnMapping:
    """The saved mapping of a name, to read with.

    Raises:
        NotFoundError: ``unknown-mapping``.
    """
    found = _find(context, name)
    return ColumnMapping.of(found.columns, rows_at=found.rows_at, uuid5=found.uuid5)


def mapping_change(context: Context, name: str, mapping: ColumnMapping, *, at: int) -> list[Change]:
    """What saving a mapping changes: nothing if the same mapping has this name.

    Raises:
        InputError: ``bad-name``.
    """
    check_name("mapping", name)
    text = json.dumps(mapping.to_data(), ensure_ascii=False, sort_keys=True)
    known = context.store.mappings.find(name)
    if known is not None and known.mapping == text:
        return []
    row = {"name": name, "mapping": text, "saved_at": at, "saved_by": context.user}
    return [put("mappings", [row], new=known is None)]


def _find(context: Context, name: str) -> SavedMapping:
    wanted = storable(str(name))
    found = context.store.mappings.find(wanted)
    if found is not None:
        return _saved(found)
    names = [row.name for row in context.store.mappings.all()]
    near = _core.nearest(wanted, names, at_most=1)
    there = ", ".join(names[:10]) or "none is saved"
    raise NotFoundError(
        "unknown-mapping",
        f"there is no mapping `{cropped(str(name))}`",
        hint=f"did you mean `{near[0]}`?" if near else f"the factory has: {there}",
        fields={"mapping": cropped(str(name)), "nearest": near},
    )


def _saved(row: MappingRow) -> SavedMapping:
    data: dict[str, Any] = json.loads(row.mapping)
    return SavedMapping(
        name=row.name,
        columns=data["columns"],
        rows_at=data["rows_at"],
        uuid5=data["uuid5"],
        saved_at=instant(row.saved_at),
        saved_by=row.saved_by,
    )
