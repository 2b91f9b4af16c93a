"""The store: where a factory lives on disk, in transactions that survive a crash at any instant."""

from groundswell.store.audit.log import Record
from groundswell.store.changes import Change, Entry, put, remove, set_cells
from groundswell.store.duckdb.store import DuckDBStore
from groundswell.store.faults import cannot_read
from groundswell.store.folder import AUDIT_LOG, DATABASE, LOCK
from groundswell.store.interrupts import InterruptedAfterCommitError
from groundswell.store.process import Home
from groundswell.store.rebuild import differing_tables, rebuild
from groundswell.store.schema import KEYS

__all__ = [
    "AUDIT_LOG",
    "DATABASE",
    "KEYS",
    "LOCK",
    "Change",
    "DuckDBStore",
    "Entry",
    "Home",
    "InterruptedAfterCommitError",
    "Record",
    "cannot_read",
    "differing_tables",
    "put",
    "rebuild",
    "remove",
    "set_cells",
]
