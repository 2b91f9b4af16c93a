"""The audit log of a factory, read: who did what, and whether the chain and the stored rows agree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, StorageError
from groundswell.factory.context import Context, of_one_process
from groundswell.ingest.cells import cropped
from groundswell.store import DuckDBStore, differing_tables
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

__all__ = ["Audit", "AuditEntry", "log_faults"]

_HEX: Final = frozenset("0123456789abcdef")
_HEAD_LENGTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An entry of the audit log.

    Args:
        number: its number, from 1: the revision of the factory after it.
        at: when.
        by: the user.
        action: the command, such as ``groups create``.
        summary: one sentence.
        details: the same facts as data.
        head: the SHA-256 of the entry, which covers all entries before it.
    """

    number: int
    at: datetime
    by: str
    action: str
    summary: str
    details: Mapping[str, Any]
    head: str


def log_faults(context: Context) -> Iterator[str]:
    """What is wrong with the audit log, or with the rows that it leaves; one sentence each.

    Raises:
        StorageError: ``store-damaged``, which is a fault too; ``cannot-read``.

    Cost: replays what was changed since the newest checkpoint.
    """
    store = context.store
    assert isinstance(store, DuckDBStore)  # noqa: S101 - only an embedded store has an audit log of its own
    fault = store.log_fault()
    if fault is not None:
        yield fault
        return
    for table in differing_tables(store):
        yield f"the table {table} is not what the audit log says"


@of_one_process
@checks_arguments
class Audit:
    """``factory.audit``."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context

    def list(self, *, after: int = 0, limit: int = 1_000_000) -> Sequence[AuditEntry]:
        """Entries, oldest first.

        Args:
            after: only entries with a higher number.
            limit: at most so many.

        Raises:
            InputError: ``bad-page``.
            StorageError: ``store-damaged``, ``cannot-read``.

        Cost: reads the log.
        """
        if after < 0 or limit < 1:
            raise InputError(
                "bad-page",
                f"there are no {limit} entries after entry {after}",
                hint="`after` is 0 or more, and `limit` 1 or more",
                fields={"after": int(after), "limit": int(limit)},
            )
        found = (record for record in self._context.store.records() if record.seq > after)
        return [
            AuditEntry(
                number=record.seq,
                at=instant(record.entry.at),
                by=record.entry.by,
                action=record.entry.action,
                summary=record.entry.summary,
                details=record.entry.details,
                head=record.head,
            )
            for record in islice(found, limit)
        ]

    def head(self) -> tuple[int, str]:
        """The number and the SHA-256 of the last entry. Keep it elsewhere to pin the log up to there.

        Cost: reads the log.
        """
        last = self.list()[-1]
        return last.number, last.head

    def verify(self, head: str | None = None) -> int:
        """Check the chain of the log against the stored rows, and against a head that was kept elsewhere.

        Args:
            head: the SHA-256 of an entry, in hex: what `head` returned once. It must still be in the chain.

        Returns:
            The number of entries.

        Raises:
            InputError: ``bad-head``.
            StorageError: ``audit-failed``, with every fault in its fields; ``cannot-read``.

        Cost: reads the log, and replays what was changed since the newest checkpoint.
        """
        if head is not None and (len(head) != _HEAD_LENGTH or not _HEX.issuperset(head)):
            raise InputError(
                "bad-head",
                f"`{cropped(head)}` is not the head of an audit log",
                hint="give the 64 hex digits that were kept",
                fields={"head": cropped(head)},
            )
        with self._context.store.changing():
            try:
                faults = list(log_faults(self._context))
                heads = [record.head for record in self._context.store.records()] if not faults else []
            except StorageError as error:
                if error.code != "store-damaged":
                    raise
                faults, heads = [error.message], []
        if not faults and head is not None and head not in heads:
            faults = [f"no entry has the head {head}: the log was replaced or cut since it was kept"]
        if faults:
            raise StorageError(
                "audit-failed",
                f"the audit log is not sound: {faults[0]}",
                hint="nothing was changed; compare with a backup before anything is repaired",
                fields={"faults": faults},
            )
        return len(heads)
