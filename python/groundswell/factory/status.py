"""The state of a factory at a glance: counts by tag and group, what is published, what wants attention."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from groundswell.factory.context import Context, seconds
from groundswell.fleet.fleet import DEFAULT_ONLINE_THRESHOLD
from groundswell.fleet.quantities import instant, whole_seconds

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from groundswell.factory.metadata import Metadata
    from groundswell.factory.roots import Roots
    from groundswell.factory.targets import Targets

__all__ = ["FactoryStatus", "GroupCount", "TagStatus", "VersionCount", "factory_status"]

_SQL: Final = (
    "SELECT d.production, t.name AS tag, g.name AS group_name, d.target_version, count(*) AS devices,"
    " count(*) FILTER (d.last_seen >= ?) AS online"
    " FROM devices d LEFT JOIN tags t ON t.tag_id = d.tag_id LEFT JOIN groups g ON g.group_id = d.group_id"
    " WHERE NOT d.deleted GROUP BY ALL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCount:
    """Devices that report a target version; None for those that report none.

    Args:
        target_version: the version.
        devices: how many report it.
        is_orphan: whether no target of that version is known for them: neither among the targets of their tag nor in
            an active wave.
    """

    target_version: int | None
    devices: int
    is_orphan: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCount:
    """Devices of one tag in one group; None for those without a group."""

    group: str | None
    devices: int
    online: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagStatus:
    """The devices of one tag, production or test; the tag is None for those that have none.

    Args:
        tag: the tag.
        production: whether these are the production devices.
        devices: how many there are.
        online: how many were seen within the threshold.
        latest_target: the highest target version that all of them can get; None if there is none. A wave's is not.
        on_latest: how many report it, or a later one.
        versions: by target version, highest first, unknown last.
        groups: by number of devices, most first.
    """

    tag: str | None
    production: bool
    devices: int
    online: int
    latest_target: int | None
    on_latest: int
    versions: tuple[VersionCount, ...]
    groups: tuple[GroupCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactoryStatus:
    """The state of a factory.

    Args:
        name: the factory.
        revision: grows by one with every change.
        now: the instant that ages were counted to.
        online_threshold: devices seen within it are online.
        devices, production_devices, test_devices, online: counts.
        tags: by tag, production first.
        root_version: the version of the latest roots.
        keys_ready: whether there are offline keys.
        warnings: what wants attention, the most urgent first.
    """

    name: str
    revision: int
    now: datetime
    online_threshold: timedelta
    devices: int
    production_devices: int
    test_devices: int
    online: int
    tags: tuple[TagStatus, ...]
    root_version: int
    keys_ready: bool
    warnings: tuple[str, ...]


def factory_status(
    context: Context,
    roots: Roots,
    targets: Targets,
    metadata: Metadata,
    *,
    now: datetime | None,
    online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
) -> FactoryStatus:
    """Count; see `groundswell.factory.factory.Factory.status`."""
    at = seconds(now)
    since = max(1, at - whole_seconds(online_threshold, "online_threshold"))
    with context.store.turn():
        rows = context.store.table(_SQL, [since]).to_pylist()
        known = _known_versions(context, targets)
        root_version = roots.latest("ci").version
        warnings = list(metadata.expiring(now=now))
        name, revision = context.meta("name"), context.store.revision
    ready = root_version > 2  # noqa: PLR2004 - the roots of a new factory
    if not ready:
        warnings.append("there are no offline keys yet: `groundswell keys init` makes them")
    by_tag: dict[tuple[bool, str | None], list[dict[str, Any]]] = {}
    for row in rows:
        by_tag.setdefault((row["production"], row["tag"]), []).append(row)
    tags = sorted(by_tag, key=lambda at: (not at[0], at[1] is None, at[1]))
    found = tuple(
        _tag_status(tag, by_tag[production, tag], known[production, tag], production=production)
        for production, tag in tags
    )
    return FactoryStatus(
        name=name,
        revision=revision,
        now=instant(at),
        online_threshold=online_threshold,
        devices=sum(one.devices for one in found),
        production_devices=sum(one.devices for one in found if one.production),
        test_devices=sum(one.devices for one in found if not one.production),
        online=sum(one.online for one in found),
        tags=found,
        root_version=root_version,
        keys_ready=ready,
        warnings=tuple(warnings),
    )


class _Known(NamedTuple):
    """The target versions of a tag: those that all of its devices can get, and those that some can, by a wave."""

    for_all: set[int]
    for_some: set[int]


def _known_versions(context: Context, targets: Targets) -> dict[tuple[bool, str | None], _Known]:
    """The target versions that production and test devices of each tag can get."""
    known: dict[tuple[bool, str | None], _Known] = defaultdict(lambda: _Known(set(), set()))
    for target in targets.list():
        for tag in target.tags:
            known[False, tag].for_all.add(target.target_version)
    for (tag,) in context.store.rows("SELECT tag FROM targets_roles WHERE repository = 'production'"):
        known[True, tag].for_all.update(target.target_version for target in targets.list_production(tag).targets)
    for tag, target_version in context.store.rows("SELECT tag, target_version FROM waves WHERE state = 'active'"):
        known[True, tag].for_some.add(target_version)
    return known


def _tag_status(tag: str | None, rows: list[dict[str, Any]], known: _Known, *, production: bool) -> TagStatus:
    latest = max(known.for_all, default=None)
    every = known.for_all | known.for_some
    versions: dict[int | None, int] = {}
    groups: dict[str | None, list[int]] = {}
    for row in rows:
        versions[row["target_version"]] = versions.get(row["target_version"], 0) + row["devices"]
        counts = groups.setdefault(row["group_name"], [0, 0])
        counts[0] += row["devices"]
        counts[1] += row["online"]
    on_latest = sum(
        n for version, n in versions.items() if version is not None and latest is not None and version >= latest
    )
    return TagStatus(
        tag=tag,
        production=production,
        devices=sum(versions.values()),
        online=sum(online for _, online in groups.values()),
        latest_target=latest,
        on_latest=on_latest,
        versions=tuple(
            VersionCount(target_version=version, devices=n, is_orphan=version is not None and version not in every)
            for version, n in sorted(versions.items(), key=lambda one: -1 if one[0] is None else one[0], reverse=True)
        ),
        groups=tuple(
            GroupCount(group=group, devices=devices, online=online)
            for group, (devices, online) in sorted(groups.items(), key=lambda one: (-one[1][0], one[0] or ""))
        ),
    )
