"""Reads that find faults, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell import _core
from groundswell.store.duckdb.database import ordered
from groundswell.store.schema import KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from groundswell.store.duckdb.query_runner import QueryRunner

__all__ = ["CheckQueries"]

_NAME: Final = f"'{_core.NAME_PATTERN}'"
"""Names of groups, tags and waves, as a regular expression."""


class CheckQueries:
    """As `groundswell.store.port.CheckReads`."""

    def __init__(self, run: QueryRunner) -> None:
        self._run: Final = run

    def faults(self, rule: str, limit: int) -> Sequence[str]:
        """At most `limit` sentences, each about rows that break a rule, one of `ROW_RULES`."""
        return [fault for (fault,) in self._run.rows(f"SELECT * FROM ({_RULES[rule]}) LIMIT ?", [limit])]

    def rows_of(self, table: str) -> pa.Table:
        """All rows of a table, one of `groundswell.store.KEYS`, in the order of its key."""
        return self._run.table(ordered(table))


def _repeated_keys() -> str:
    queries = []
    for table, keys in KEYS.items():
        named = ", ".join(f'"{key}"' for key in keys)
        shown = " || ' ' || ".join(f'CAST("{key}" AS VARCHAR)' for key in keys)
        queries.append(
            f"SELECT 'the key ' || {shown} || ' of the table {table} is given ' || count(*) || ' times'"
            f' FROM "{table}" GROUP BY {named} HAVING count(*) > 1'
        )
    return " UNION ALL ".join(queries)


_RULES: Final[dict[str, str]] = {
    "every row has a key of its own": _repeated_keys(),
    "ordinals are 0, 1, 2 … without a gap": (
        "SELECT 'there are ' || count(*) || ' devices, and the last ordinal is ' || max(ordinal)"
        " FROM devices HAVING count(*) > 0 AND max(ordinal) <> count(DISTINCT ordinal) - 1"
    ),
    "a uuid has one ordinal": (
        "SELECT 'the uuid ' || uuid || ' has ' || count(*) || ' ordinals' FROM devices GROUP BY uuid"
        " HAVING count(*) > 1"
    ),
    "deleted devices have a name at most, and only they are denied or allowed": (
        "SELECT 'the deleted device ' || uuid || ' has properties' FROM devices WHERE deleted AND ("
        "group_id IS NOT NULL OR tag_id IS NOT NULL OR production OR last_seen IS NOT NULL OR"
        " target_version IS NOT NULL OR version_at IS NOT NULL OR hardware_id IS NOT NULL)"
        " UNION ALL SELECT 'the device ' || uuid || ' is allowed and not deleted' FROM devices"
        " WHERE allowed AND NOT deleted"
        " UNION ALL SELECT 'the device ' || uuid || ' is neither allowed nor denied' FROM devices WHERE allowed IS NULL"
    ),
    "every group and tag of a device exists": (
        "SELECT 'the device ' || uuid || ' is in the group ' || group_id || ', which does not exist' FROM devices"
        " WHERE group_id IS NOT NULL AND group_id NOT IN (SELECT group_id FROM groups)"
        " UNION ALL SELECT 'the device ' || uuid || ' is on the tag ' || tag_id || ', which does not exist'"
        " FROM devices WHERE tag_id IS NOT NULL AND tag_id NOT IN (SELECT tag_id FROM tags)"
    ),
    "target versions and instants are in their ranges": (
        "SELECT 'the device ' || uuid || ' reports the version ' || target_version FROM devices"
        " WHERE target_version < 0"
        " UNION ALL SELECT 'the device ' || uuid || ' was seen at 0, which means never' FROM devices"
        " WHERE last_seen = 0"
        " UNION ALL SELECT 'the version of the device ' || uuid || ' has a time of its own, and needs none'"
        " FROM devices WHERE version_at IS NOT NULL AND (target_version IS NULL OR version_at <= last_seen)"
    ),
    "names of groups and tags are given once, and well formed": (
        "SELECT 'the group ' || name || ' exists ' || count(*) || ' times' FROM groups GROUP BY name"
        " HAVING count(*) > 1"
        " UNION ALL SELECT 'the tag ' || name || ' exists ' || count(*) || ' times' FROM tags GROUP BY name"
        " HAVING count(*) > 1"
        " UNION ALL SELECT 'the name ' || name || ' is not well formed' FROM (SELECT name FROM groups UNION ALL"
        " SELECT name FROM tags)"
        f" WHERE NOT regexp_full_match(name, {_NAME})"
    ),
    "the next group gets a number of its own": (
        "SELECT 'the group ' || max(group_id) || ' has a number that is still to be given' FROM groups"
        " HAVING count(*) > 0 AND max(group_id) >= coalesce("
        "(SELECT TRY_CAST(value AS BIGINT) FROM meta WHERE key = 'next_group_id' LIMIT 1), 0)"
    ),
    "a target version has one target for each hardware": (
        "SELECT 'version ' || target_version || ' has ' || count(*) || ' targets for ' || hardware_id FROM ci_targets"
        " GROUP BY target_version, hardware_id HAVING count(*) > 1"
    ),
    "root chains have no gaps and one length": (
        "SELECT 'the ' || name || ' chain has ' || count(role_version) || ' links, and the last is '"
        " || coalesce(max(role_version), 0) FROM (VALUES ('ci'), ('production')) AS chain(name)"
        " LEFT JOIN roots ON repository = name GROUP BY name"
        " HAVING count(role_version) = 0 OR min(role_version) <> 1"
        " OR max(role_version) <> count(DISTINCT role_version)"
        " OR max(role_version) <> (SELECT max(role_version) FROM roots)"
    ),
    "everything that is served carries the epoch of its repository": (
        "SELECT 'tag ' || tag || ' (' || variant || ') of ' || repository || ' carries the epoch ' || epoch"
        " FROM publications p WHERE epoch IS DISTINCT FROM"
        " (SELECT TRY_CAST(value AS BIGINT) FROM meta WHERE key = 'epoch_' || p.repository LIMIT 1)"
    ),
    "what is served of a tag is its targets role": (
        "SELECT 'the ' || coalesce(p.repository, r.repository) || ' role of tag ' || coalesce(p.tag, r.tag) ||"
        " CASE WHEN p.tag IS NULL THEN ' is not served' WHEN r.tag IS NULL THEN ' is served and does not exist'"
        " ELSE ' is served as something else' END"
        " FROM (SELECT * FROM publications WHERE variant = 'tag') p FULL JOIN targets_roles r"
        " ON p.repository = r.repository AND p.tag = r.tag WHERE p.targets IS DISTINCT FROM r.document"
    ),
    "a tag has one active wave at most": (
        "SELECT 'the tag ' || tag || ' has ' || count(*) || ' active waves' FROM waves WHERE state = 'active'"
        " GROUP BY tag HAVING count(*) > 1"
    ),
    "names of waves are given once, and well formed": (
        "SELECT 'the wave ' || name || ' exists ' || count(*) || ' times' FROM waves GROUP BY name HAVING count(*) > 1"
        " UNION ALL SELECT 'the name ' || name || ' of a wave is not well formed' FROM waves"
        f" WHERE NOT regexp_full_match(name, {_NAME})"
    ),
    "a wave is active, or it is complete or canceled and has an end": (
        "SELECT 'the wave ' || name || ' is ' || state || ', and its end is ' || coalesce(CAST(finished_at AS VARCHAR),"
        " 'unknown') FROM waves WHERE (CASE state WHEN 'active' THEN finished_at IS NULL WHEN 'complete' THEN"
        " finished_at IS NOT NULL WHEN 'canceled' THEN finished_at IS NOT NULL ELSE false END) IS DISTINCT FROM true"
    ),
    "an active wave is above the production targets of its tag": (
        "SELECT 'the wave ' || w.name || ' brings ' || w.target_version || ', and ' || w.tag || ' has ' ||"
        " r.role_version FROM waves w JOIN targets_roles r ON r.repository = 'production' AND r.tag = w.tag"
        " WHERE w.state = 'active' AND w.target_version <= r.role_version"
    ),
    "rollouts belong to a wave, and are 1, 2, 3 …": (
        "SELECT 'the wave ' || wave_id || ' has ' || count(*) || ' rollouts, and the last is ' || max(number)"
        " FROM rollouts GROUP BY wave_id HAVING count(*) <> max(number) OR min(number) <> 1"
        " UNION ALL SELECT 'there is no wave ' || wave_id || ' for a rollout' FROM rollouts"
        " WHERE wave_id NOT IN (SELECT wave_id FROM waves)"
    ),
    "a request or a plan is answered once, by a rollout that is there": (
        "SELECT 'the ' || kind || ' ' || key || ' is answered ' || count(*) || ' times' FROM requests"
        " GROUP BY kind, key HAVING count(*) > 1"
        " UNION ALL SELECT 'there is no rollout ' || number || ' for the ' || kind || ' ' || key FROM requests q"
        " WHERE number IS NOT NULL AND NOT EXISTS"
        " (FROM rollouts r WHERE r.wave_id = q.wave_id AND r.number = q.number)"
    ),
    "a wave's revision counts its rollouts and its end": (
        "SELECT 'the wave ' || w.name || ' has the revision ' || w.revision || ' and ' || count(r.number) ||"
        " ' rollouts' FROM waves w LEFT JOIN rollouts r ON r.wave_id = w.wave_id GROUP BY w.wave_id, w.name,"
        " w.revision, w.state HAVING w.revision <> 1 + count(r.number) + CAST(w.state <> 'active' AS INTEGER)"
    ),
    "users have one name each, and every token belongs to a user": (
        "SELECT 'the user name ' || name || ' is given ' || count(*) || ' times' FROM users GROUP BY name"
        " HAVING count(*) > 1"
        " UNION ALL SELECT 'the token ' || token_id || ' belongs to the user ' || user_id || ', who does not exist'"
        " FROM tokens WHERE user_id NOT IN (SELECT user_id FROM users)"
    ),
}
"""A query for each of `groundswell.store.port.ROW_RULES`; every row of its result is one sentence about a fault."""
