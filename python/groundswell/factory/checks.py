"""Proving that a factory is what its rules say. Each check is independent of the code that keeps the rule."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from groundswell.errors import GroundswellError
from groundswell.factory.context import Context, seconds
from groundswell.factory.roots import REPOSITORIES
from groundswell.fleet.quantities import instant
from groundswell.store import differing_tables
from groundswell.tuf.judge import judge_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from groundswell.factory.metadata import Metadata
    from groundswell.factory.online_keys import OnlineKeyring
    from groundswell.factory.publisher import Publication
    from groundswell.factory.roots import Repository, Roots

__all__ = ["CheckReport", "CheckResult", "check_factory"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found.

    Args:
        name: what was checked, as a statement that should hold.
        faults: sentences, each about something that does not hold; none for a sound factory.
    """

    name: str
    faults: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What all checks found.

    Args:
        revision: the revision that was checked.
        results: by check.
        warnings: what is no fault, but wants attention: what expires soon.
    """

    revision: int
    results: tuple[CheckResult, ...]
    warnings: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return all(result.sound for result in self.results)


# Statements about rows: each query finds the rows for which the statement does not hold.
_ROWS: Final = {
    "ordinals are 0, 1, 2 … and given once": (
        "SELECT 'the ordinal ' || ordinal || ' is given ' || count(*) || ' times' FROM devices GROUP BY ordinal"
        " HAVING count(*) > 1 UNION ALL SELECT 'there are ' || count(*) || ' devices, and the last ordinal is '"
        " || max(ordinal) FROM devices HAVING count(*) > 0 AND max(ordinal) + 1 <> count(*)"
    ),
    "a uuid has one ordinal": (
        "SELECT 'the uuid ' || uuid || ' has ' || count(*) || ' ordinals' FROM devices GROUP BY uuid"
        " HAVING count(*) > 1"
    ),
    "deleted devices are in no group and on no tag": (
        "SELECT 'the deleted device ' || uuid || ' has properties' FROM devices WHERE deleted AND (name IS NOT NULL OR"
        " group_id IS NOT NULL OR tag_id IS NOT NULL OR production OR last_seen IS NOT NULL OR"
        " target_version IS NOT NULL OR hardware_id IS NOT NULL)"
    ),
    "every group and tag of a device exists": (
        "SELECT 'the device ' || uuid || ' is in the group ' || group_id || ', which does not exist' FROM devices"
        " WHERE group_id IS NOT NULL AND group_id NOT IN (SELECT group_id FROM groups)"
        " UNION ALL SELECT 'the device ' || uuid || ' is on the tag ' || tag_id || ', which does not exist'"
        " FROM devices"
        " WHERE tag_id IS NOT NULL AND tag_id NOT IN (SELECT tag_id FROM tags)"
    ),
    "names of groups and tags are given once, and well formed": (
        "SELECT 'the name ' || name || ' is given ' || count(*) || ' times' FROM groups GROUP BY name"
        " HAVING count(*) > 1"
        " UNION ALL SELECT 'the tag ' || name || ' exists ' || count(*) || ' times' FROM tags GROUP BY name"
        " HAVING count(*) > 1 UNION ALL SELECT 'the name ' || name || ' is not well formed' FROM"
        " (SELECT name FROM groups UNION ALL SELECT name FROM tags)"
        " WHERE NOT regexp_full_match(name, '[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}')"
    ),
    "the next group gets a number of its own": (
        "SELECT 'the next group would get the number ' || value || ' of another' FROM meta WHERE key = 'next_group_id'"
        " AND CAST(value AS UINTEGER) <= (SELECT max(group_id) FROM groups)"
    ),
    "a target version has one target for each hardware": (
        "SELECT 'version ' || target_version || ' has ' || count(*) || ' targets for ' || hardware_id FROM ci_targets"
        " GROUP BY target_version, hardware_id HAVING count(*) > 1"
    ),
    "root chains have no gaps": (
        "SELECT 'the ' || repository || ' chain has ' || count(*) || ' links, and the last is ' || max(role_version)"
        " FROM roots GROUP BY repository HAVING count(*) <> max(role_version) OR min(role_version) <> 1"
    ),
    "everything that is served carries the epoch of its repository": (
        "SELECT 'tag ' || tag || ' (' || variant || ') of ' || repository || ' carries the epoch ' || epoch FROM"
        " publications p WHERE epoch <> (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch_' || p.repository)"
    ),
}
_MOST_FAULTS: Final = 20


def check_factory(
    context: Context, roots: Roots, keyring: OnlineKeyring, metadata: Metadata, *, now: datetime | None
) -> CheckReport:
    """Run all checks; see `groundswell.factory.Factory.check`."""
    at = instant(seconds(now))
    checks: dict[str, Callable[[], Iterator[str]]] = {
        "devices accept the root chains and what is served": lambda: _judged(roots, metadata, at),
        "the online keys are here, and private": lambda: _keys(roots, keyring),
        "the audit log yields just this store": lambda: _replayed(context),
    }
    with context.store.turn():
        context.store.require_open()
        results = [_result(name, _rows(context, sql)) for name, sql in _ROWS.items()]
        results += [_result(name, check()) for name, check in checks.items()]
        return CheckReport(context.store.revision, tuple(results), _warnings(metadata, now))


def _warnings(metadata: Metadata, now: datetime | None) -> tuple[str, ...]:
    try:
        return tuple(metadata.expiring(now=now))
    except GroundswellError:
        return ()  # what cannot be read is told as a fault above


def _result(name: str, faults: Iterator[str]) -> CheckResult:
    found: list[str] = []
    try:
        for fault in faults:
            if len(found) == _MOST_FAULTS:
                found.append("and more")
                break
            found.append(fault)
    except GroundswellError as error:
        found.append(error.message)
    return CheckResult(name, tuple(found))


def _rows(context: Context, sql: str) -> Iterator[str]:
    for (fault,) in context.store.rows(f"{sql} LIMIT {_MOST_FAULTS + 1}"):
        yield fault


def _judged(roots: Roots, metadata: Metadata, now: datetime) -> Iterator[str]:
    for repository in REPOSITORIES:
        chain = roots.chain(repository)
        served = [None, *metadata.publications(repository)]
        for publication in served:
            try:
                _judge(repository, chain, publication, now)
            except GroundswellError as error:
                # What has expired is told as a warning: it is no sign of damage.
                if error.code != "expired-metadata":
                    where = "" if publication is None else f", tag {publication.tag} ({publication.variant})"
                    yield f"{repository}{where}: {error.message}"


def _judge(repository: Repository, chain: list[bytes], publication: Publication | None, now: datetime) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, link in enumerate(chain, start=1):
            (folder / f"{number}.root.json").write_bytes(link)
        if publication is not None:
            (folder / "targets.json").write_bytes(publication.targets)
            (folder / "snapshot.json").write_bytes(publication.snapshot)
            (folder / "timestamp.json").write_bytes(publication.timestamp)
        judge_directory(
            folder,
            now=now,
            audience=repository if publication is not None else None,
            tag=publication.tag if publication is not None else None,
            allow_rsa=True,
        )


def _keys(roots: Roots, keyring: OnlineKeyring) -> Iterator[str]:
    root = roots.root("ci")
    for role in ("targets", "snapshot", "timestamp"):
        keys = [key for key in root.keys_of(role) if keyring.has(key.keyid)]
        if not keys:
            yield f"no online key of the role {role} is in {keyring.folder}"
        for key in keys:
            keyring.load(key)
    listed = {key.keyid for role in root.roles for key in root.keys_of(role)}
    for keyid in sorted(keyring.held() - listed):
        yield f"the retired key {keyid} is still in {keyring.folder}"
    for file in keyring.exposed():
        yield f"others can read {keyring.folder / file}"


def _replayed(context: Context) -> Iterator[str]:
    for table in differing_tables(context.store):
        yield f"the table {table} is not what the audit log says"
