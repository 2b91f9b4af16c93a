"""What has happened in a factory since a plan was made, as its audit log tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundswell.factory.devices.staging import uuid_column
from groundswell.waves import Since

if TYPE_CHECKING:
    from groundswell.factory.context import Context
    from groundswell.fleet.uuid_list import UuidList
    from groundswell.store import Entry
    from groundswell.waves import Plan

__all__ = ["since_plan"]


def since_plan(context: Context, plan: Plan) -> Since:
    """What `check_plan` has to know of the factory's past.

    Cost: reads the audit log if devices or groups have changed since the plan was made.
    """

    def known_among(devices: UuidList) -> int:
        return int(context.store.devices.by_uuid(uuid_column(devices.array)).num_rows)

    def names_of(group_id: int) -> set[str]:
        names: set[str] = set()
        for record in context.store.records():
            details = record.entry.details
            if record.entry.action.startswith("groups ") and details.get("group_id") == group_id:
                names |= {str(details[part]) for part in ("group", "new_name") if part in details}
        return names

    return Since(devices_changed=_devices_changed(context, plan), names_of=names_of, known_among=known_among)


def _devices_changed(context: Context, plan: Plan) -> int | None:
    """How many devices have changed since the plan, at most; None if the log does not tell.

    A plan cannot be older than the revision of its wave. So a forged revision, or a file of an older format, gains no
    more than what has changed since then.
    """
    made_at = plan.factory_revision
    if made_at is not None and made_at >= context.store.changed_at("devices", "groups", "tags"):
        return 0
    changed: int | None = 0
    for record in context.store.records():
        entry = record.entry
        if _makes_revision(entry, plan) or record.seq <= (made_at or 0):
            changed = 0
        elif changed is not None:
            more = _changed_by(entry)
            changed = None if more is None else changed + more
    return changed


def _makes_revision(entry: Entry, plan: Plan) -> bool:
    """Whether an entry brought the plan's wave to the revision that the plan names."""
    details = entry.details
    if details.get("wave") != plan.wave:
        return False
    if plan.wave_revision == 1:
        return entry.action == "waves init"
    # Entries that keep the answer to a request have no digest.
    return entry.action == "waves rollout" and "digest" in details and details.get("rollout") == plan.wave_revision - 1


def _changed_by(entry: Entry) -> int | None:
    if entry.action == "restore":
        return None
    if not entry.action.startswith(("devices ", "groups ")):
        return 0
    details: dict[str, Any] = dict(entry.details)
    return sum(int(details.get(part, 0)) for part in ("new", "returned", "changed", "devices"))
