"""The groups of a factory. A device is in at most one; rules refer to the group itself, not to its name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, NotFoundError, StateError
from groundswell.factory.context import Context, of_one_process, seconds
from groundswell.factory.devices.leaving import LeavingDevices, Moved, would_leave
from groundswell.factory.names import check_name, storable
from groundswell.ingest.cells import cropped
from groundswell.store import put, remove
from groundswell.text import count
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from groundswell.factory.devices.fleet_loader import FleetCache
    from groundswell.factory.devices.leaving import WaveReads

__all__ = ["Group", "Groups", "find_group", "group_ids", "group_row"]

_MAX_DESCRIPTION: Final = 1000
_MAX_NEAR: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as it is now.

    Args:
        group_id: its number; never given again.
        name: its name; may change.
        description: free text.
        devices: how many devices are in it.
        production_devices: how many of them are production devices.
        created_at, created_by: when and by whom it was made.
        updated_at, updated_by: the same of its last change; None if there was none.
    """

    group_id: int
    name: str
    description: str
    devices: int
    production_devices: int
    created_at: datetime
    created_by: str
    updated_at: datetime | None
    updated_by: str | None


def group_row(group_id: int, name: str, description: str, *, at: int, by: str) -> dict[str, object]:
    """The row of a new group."""
    return {
        "group_id": group_id,
        "name": name,
        "description": description,
        "created_at": at,
        "created_by": by,
        "updated_at": None,
        "updated_by": None,
    }


def group_ids(context: Context) -> dict[str, int]:
    """Every group's number by its name, ascending by number."""
    return {name: number for number, name in context.store.groups.names().items()}


def find_group(context: Context, name: str) -> int:
    """The number of the group of this name.

    Raises:
        NotFoundError: ``unknown-group``, with the nearest names.
    """
    ids = group_ids(context)
    if name in ids:
        return ids[name]
    near = _core.nearest(storable(name), list(ids), at_most=_MAX_NEAR)
    raise NotFoundError(
        "unknown-group",
        f"no group is named `{cropped(name)}`",
        hint=f"did you mean {' or '.join(f'`{one}`' for one in near)}?"
        if near
        else "name a group of the factory, or make one first",
        fields={"group": name, "nearest": near, "place": "factory"},
    )


@of_one_process
@checks_arguments
class Groups:
    """``factory.groups``."""

    def __init__(self, context: Context, fleets: FleetCache, book: WaveReads) -> None:
        self._context: Final = context
        self._fleets: Final = fleets
        self._book: Final = book

    def list(self) -> Sequence[Group]:
        """All groups, by name.

        Cost: one pass over the devices.
        """
        return [
            Group(
                group_id=row.group_id,
                name=row.name,
                description=row.description,
                devices=row.devices,
                production_devices=row.production_devices,
                created_at=instant(row.created_at),
                created_by=row.created_by,
                updated_at=None if row.updated_at is None else instant(row.updated_at),
                updated_by=row.updated_by,
            )
            for row in self._context.store.groups.all()
        ]

    def show(self, name: str) -> Group:
        """One group.

        Raises:
            NotFoundError: ``unknown-group``, with the nearest names.
        """
        with self._context.store.reading():
            self.find(name)
            return next(group for group in self.list() if group.name == name)

    def find(self, name: str) -> int:
        """The number of the group of this name.

        Raises:
            NotFoundError: ``unknown-group``, with the nearest names.
        """
        return find_group(self._context, name)

    def create(self, name: str, description: str = "", *, now: datetime | None = None) -> Group:
        """Make a group without devices.

        Raises:
            InputError: ``bad-name``, ``bad-description``.
            StateError: ``group-exists``.
        """
        check_name("group", name)
        _check_description(description)
        at = seconds(now)
        with self._context.store.changing():
            self._refuse_taken(name)
            group_id = int(self._context.meta("next_group_id", "1"))  # a number that no group ever had
            row = group_row(group_id, name, description, at=at, by=self._context.user)
            counter = {"key": "next_group_id", "value": str(group_id + 1)}
            self._context.commit(
                "groups create",
                f"made the group {name}",
                [put("groups", [row], new=True), put("meta", [counter])],
                at=at,
                details={"group": name, "group_id": group_id},
            )
            return self.show(name)

    def rename(self, name: str, new_name: str, *, now: datetime | None = None) -> Group:
        """Give a group another name; its devices and the rules that refer to it stay.

        Raises:
            NotFoundError: ``unknown-group``.
            InputError: ``bad-name``.
            StateError: ``group-exists``.
        """
        check_name("group", new_name)
        with self._context.store.changing():
            group_id = self.find(name)
            if new_name == name:
                return self.show(name)
            self._refuse_taken(new_name)
            details = {"group": name, "group_id": group_id, "new_name": new_name}
            summary = f"renamed the group {name} to {new_name}"
            self._update(group_id, {"name": new_name}, summary=summary, verb="rename", details=details, now=now)
            return self.show(new_name)

    def describe(self, name: str, description: str, *, now: datetime | None = None) -> Group:
        """Give a group another description.

        Raises:
            NotFoundError: ``unknown-group``.
            InputError: ``bad-description``.
        """
        _check_description(description)
        with self._context.store.changing():
            group_id = self.find(name)
            details = {"group": name, "group_id": group_id, "description": description}
            summary, values = f"described the group {name}", {"description": description}
            self._update(group_id, values, summary=summary, verb="describe", details=details, now=now)
            return self.show(name)

    def update(
        self, name: str, *, new_name: str | None = None, description: str | None = None, now: datetime | None = None
    ) -> Group:
        """Change the name of a group, its description, or both at once.

        Args:
            name: the group.
            new_name: its new name; None to keep it.
            description: its new description; None to keep it.
            now: the instant for the audit log (default: now).

        Raises:
            NotFoundError: ``unknown-group``.
            InputError: ``bad-name``, ``bad-description``.
            StateError: ``group-exists``.
        """
        with self._context.store.changing():
            if description is None:
                return self.show(name) if new_name is None else self.rename(name, new_name, now=now)
            if new_name in {None, name}:
                return self.describe(name, description, now=now)
            check_name("group", new_name or "")
            _check_description(description)
            group_id = self.find(name)
            self._refuse_taken(new_name or "")
            details = {"group": name, "group_id": group_id, "new_name": new_name, "description": description}
            summary = f"renamed the group {name} to {new_name}, and described it"
            values = {"name": new_name or "", "description": description}
            self._update(group_id, values, summary=summary, verb="update", details=details, now=now)
            return self.show(new_name or "")

    def would_leave(self, name: str) -> tuple[LeavingDevices, ...]:
        """Count the scheduled devices that would leave an active wave if a group were deleted. Nothing changes.

        Raises:
            NotFoundError: ``unknown-group``.
        """
        with self._context.store.reading():
            self.find(name)
            if not any(wave.active for wave in self._book.all()):
                return ()
            fleet = self._fleets.fleet()
            members = fleet.core.group(name)
            return () if members is None else would_leave(self._book, fleet, members, into=None)

    def delete(self, name: str, *, ungroup: bool = False, now: datetime | None = None) -> Moved:
        """Delete a group. Rules that refer to it go with it; a new group of the same name inherits none.

        Args:
            name: the group.
            ungroup: let its devices be without a group; otherwise a group that has any is refused.
            now: the instant for the audit log; the clock's unless given.

        Returns:
            How many devices were in it; its `leaves` counts the scheduled devices that left an active wave.

        Raises:
            NotFoundError: ``unknown-group``.
            StateError: ``group-not-empty``.
        """
        at = seconds(now)
        with self._context.store.changing():
            group_id = self.find(name)
            members = self._context.store.devices.in_group(group_id)
            if members.num_rows and not ungroup:
                raise StateError(
                    "group-not-empty",
                    f"the group `{name}` is not empty: it has {count(members.num_rows, 'device')}",
                    hint="move them to another group, or leave them without one",
                    fields={"group": name, "devices": members.num_rows},
                )
            leaves = self.would_leave(name) if members.num_rows else ()
            changes = [remove("groups", [{"group_id": group_id}])]
            if members.num_rows:
                import pyarrow as pa

                at_column = members.schema.get_field_index("group_id")
                none = pa.nulls(members.num_rows, pa.uint32())
                changes.append(put("devices", members.set_column(at_column, "group_id", none)))
            self._context.commit(
                "groups delete",
                f"deleted the group {name}, which had {count(members.num_rows, 'device')}",
                changes,
                at=at,
                details={
                    "group": name,
                    "group_id": group_id,
                    "devices": members.num_rows,
                    "leaves": [asdict(one) for one in leaves],
                },
            )
            return Moved(members.num_rows, leaves)

    def _refuse_taken(self, name: str) -> None:
        if name in group_ids(self._context):
            raise StateError(
                "group-exists",
                f"there is a group named `{name}` already",
                hint="choose another name, or use that group",
                fields={"group": name},
            )

    def _update(
        self,
        group_id: int,
        values: dict[str, str],
        *,
        summary: str,
        verb: str,
        details: dict[str, object],
        now: datetime | None,
    ) -> None:
        at = seconds(now)
        row = self._context.store.groups.find(group_id)
        assert row is not None  # noqa: S101 - the caller has found it, and no other writer comes in between
        changed = {**row, **values, "updated_at": at, "updated_by": self._context.user}
        self._context.commit(f"groups {verb}", summary, [put("groups", [changed])], at=at, details=details)


def _check_description(description: str) -> None:
    length, shown = len(description), cropped(description, 40)
    if length > _MAX_DESCRIPTION:
        what, hint = f"has {length} characters", f"keep it to {_MAX_DESCRIPTION} characters"
    elif storable(description) != description:
        what, hint = "holds bytes that are no UTF-8", "write it in UTF-8"
    else:
        return
    raise InputError(
        "bad-description",
        f"the description `{shown}` {what}",
        hint=hint,
        fields={"length": length, "most": _MAX_DESCRIPTION},
    )
