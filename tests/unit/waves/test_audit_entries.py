"""What the audit log keeps of a change of a wave: never a targets document that the store has already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundswell.store.audit.log import AuditLog
from support.factories import AT

if TYPE_CHECKING:
    from support.wave_factories import Release


def last_entry(release: Release) -> list[tuple[str, str, dict[str, Any]]]:
    """The rows of the last line: table, kind of change, cells."""
    log = AuditLog(release.folder / "acme" / "audit.log", read_only=True)
    try:
        *_, last = log.records()
        return [(one.table, one.kind, row) for one in log.changes(last) for row in one.rows.to_pylist()]
    finally:
        log.close()


def targets_documents(rows: list[tuple[str, str, dict[str, Any]]]) -> int:
    cells = [cell for _, _, row in rows for cell in row.values() if isinstance(cell, bytes)]
    return sum(b'"_type":"Targets"' in cell for cell in cells)


def test_the_entry_of_a_new_wave_holds_its_document(wave: Release) -> None:
    """So the next tests look for what can be found."""
    assert targets_documents(last_entry(wave)) > 0


def test_the_entry_of_a_rollout_holds_no_targets_document(wave: Release) -> None:
    wave.rollout(2)
    rows = last_entry(wave)
    assert targets_documents(rows) == 0
    # The epoch rises: snapshots and timestamps are signed anew, and nothing else of what is served.
    served = [row for table, _, row in rows if table == "publications"]
    assert served
    assert all(set(row) == {"repository", "tag", "variant", "epoch", "snapshot", "timestamp"} for row in served)
    assert [row for table, _, row in rows if table == "waves"] == [{"wave_id": 1, "revision": 2}]
    assert wave.factory.check(now=AT).sound


def test_the_entries_of_a_refresh_and_of_a_cancellation_hold_none(wave: Release) -> None:
    wave.rollout(2)
    wave.factory.metadata.refresh(now=AT)
    assert targets_documents(last_entry(wave)) == 0
    wave.waves.cancel("w", now=AT)
    assert targets_documents(last_entry(wave)) == 0
    assert wave.factory.check(now=AT).sound
