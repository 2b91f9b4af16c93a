"""The tables of the store: what identifies a row of each, and the migrations that make them."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEYS", "Migration", "migrations", "same_row"]

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "meta": ("key",),
    "devices": ("ordinal",),
    "groups": ("group_id",),
    "tags": ("tag_id",),
    "roots": ("repository", "role_version"),
    "ci_targets": ("name",),
    "targets_roles": ("repository", "tag"),
    "waves": ("wave_id",),
    "rollouts": ("wave_id", "number"),
    "requests": ("kind", "key"),
    "mappings": ("name",),
    "users": ("user_id",),
    "tokens": ("token_id",),
    "publications": ("repository", "tag", "variant"),
}
"""For each table the columns that identify a row."""

_FILE: Final = re.compile(r"(?P<number>[0-9]{4})-[a-z0-9-]+\.sql")


def same_row(table: str) -> str:
    """The condition in SQL that a row `t` of a table and a row `c` have the same key.

    >>> same_row("rollouts")
    't."wave_id" = c."wave_id" AND t."number" = c."number"'
    """
    return " AND ".join(f't."{key}" = c."{key}"' for key in KEYS[table])


class Migration(NamedTuple):
    """One step from an older shape of the store to the next."""

    number: int
    sql: str


def migrations() -> list[Migration]:
    """All migrations, in the order in which they run.

    >>> [migration.number for migration in migrations()][:1]
    [1]
    """
    folder = resources.files("groundswell.store.duckdb") / "migrations"
    found = [(match, file) for file in folder.iterdir() if (match := _FILE.fullmatch(file.name))]
    return sorted(Migration(int(match["number"]), file.read_text(encoding="utf-8")) for match, file in found)
