"""The state of a factory at a glance: counts by tag and group, what is published, what wants attention."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundswell.factory.checks.permissions import permission_warnings
from groundswell.factory.context import Context, online_since, seconds
from groundswell.factory.trust.expiries import expiry_warnings
from groundswell.factory.trust.publisher import TAG_VARIANT
from groundswell.factory.trust.roots import REPOSITORIES
from groundswell.factory.wave_tags import production_counts
from groundswell.fleet.fleet import DEFAULT_ONLINE_THRESHOLD
from groundswell.text import Notice
from groundswell.tuf import parse_document
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from groundswell import _core
    from groundswell.factory.trust.publisher import Publication, Publisher
    from groundswell.factory.trust.roots import Repository, Roots
    from groundswell.store.rows import DeviceCount

__all__ = ["FactoryStatus", "GroupCount", "TagStatus", "VersionCount", "factory_status", "tags_by_wave"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCount:
    """Devices that report a target version; None for those that report none.

    Args:
        target_version: the version.
        devices: how many report it.
        is_orphan: whether nothing that the devices of their tag are served has that version.
    """

    target_version: int | None
    devices: int
    is_orphan: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCount:
    """Devices of one tag in one group; None for those without a group.

    Args:
        group: the group.
        devices: how many there are.
        online: how many were seen within the threshold.
        on_latest: how many report the latest target of their tag, or a later one.
        on_orphan: how many report a version that nothing served on their tag has.
    """

    group: str | None
    devices: int
    online: int
    on_latest: int = 0
    on_orphan: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TagStatus:
    """The devices of one tag, production or test; the tag is None for those that have none.

    Args:
        tag: the tag.
        production: whether these are the production devices.
        devices: how many there are.
        online: how many were seen within the threshold.
        has_role: whether the tag has targets of its own or an active wave; no version is an orphan before that.
        latest_target: the highest version among the targets of the tag, those of waves apart; None if there is none.
        on_latest: how many report it, or a later one.
        versions: by target version, highest first, unknown last.
        groups: by number of devices, most first.
    """

    tag: str | None
    production: bool
    devices: int
    online: int
    has_role: bool
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
        ci_targets: how many CI targets there are.
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
    ci_targets: int
    root_version: int
    keys_ready: bool
    warnings: tuple[str, ...]


def factory_status(
    context: Context,
    roots: Roots,
    publisher: Publisher,
    *,
    now: datetime | None,
    online_threshold: timedelta = DEFAULT_ONLINE_THRESHOLD,
) -> FactoryStatus:
    """Count; see `groundswell.factory.factory.Factory.status`."""
    at = seconds(now)
    since = online_since(at, online_threshold)
    with context.store.reading():
        rows = context.store.devices.counts(seen_since=since)
        known = {repository: _versions(publisher.publications(repository)) for repository in REPOSITORIES}
        ci_targets = context.store.trust.ci_target_count()
        root_version = roots.latest("ci").version
        warnings: list[str] = list(expiry_warnings(context, roots, publisher, now=now))
        active = set(context.store.waves.active_tags())
        name, revision = context.meta("name"), context.store.revision
        with contextlib.suppress(OSError):  # `check` says what cannot be looked at
            warnings = [*permission_warnings(context.store.folder), *warnings]
    ready = root_version > 2  # noqa: PLR2004 - the roots of a new factory
    if not ready:
        warnings.append(Notice("no-offline-keys", "there are no offline keys yet", "`keys.init` makes them"))
    if ci_targets == 0:
        warnings.append(Notice("no-targets", "there are no targets yet", "`targets.import_` imports them"))
    found = _tag_statuses(rows, known, active)
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
        ci_targets=ci_targets,
        root_version=root_version,
        keys_ready=ready,
        warnings=tuple(warnings),
    )


def tags_by_wave(
    publisher: Publisher,
    fleet: _core.Fleet,
    waves: Mapping[str, _core.Wave],
    *,
    seen_since: int,
) -> tuple[tuple[TagStatus, ...], tuple[TagStatus, ...]]:
    """Count; see `groundswell.factory.factory.Factory.tags_by_wave`. The caller is in `reading`."""
    known = {repository: _versions(publisher.publications(repository)) for repository in REPOSITORIES}
    outside, inside = production_counts(fleet, waves.values(), seen_since=seen_since)
    return _tag_statuses(outside, known, set(waves)), _tag_statuses(inside, known, set(waves))


def _tag_statuses(
    rows: Sequence[DeviceCount], known: Mapping[Repository, dict[tuple[str, str], set[int]]], active: set[str]
) -> tuple[TagStatus, ...]:
    by_tag: dict[tuple[bool, str | None], list[DeviceCount]] = {}
    for row in rows:
        by_tag.setdefault((row.production, row.tag), []).append(row)
    tags = sorted(by_tag, key=lambda at: (not at[0], at[1] is None, at[1]))
    return tuple(
        _tag_status(
            tag, by_tag[production, tag], known["production" if production else "ci"], active, production=production
        )
        for production, tag in tags
    )


def _versions(publications: Sequence[Publication]) -> dict[tuple[str, str], set[int]]:
    """The target versions of what is served, by tag and variant."""
    found = {}
    for one in publications:
        served = parse_document(one.targets, "Targets", f"the targets of tag {one.tag}").signed["targets"]
        found[one.tag, one.variant] = {int(target["custom"]["version"]) for target in served.values()}
    return found


def _tag_status(
    tag: str | None,
    rows: list[DeviceCount],
    served: dict[tuple[str, str], set[int]],
    active: set[str],
    *,
    production: bool,
) -> TagStatus:
    latest = max(served.get((tag or "", TAG_VARIANT), ()), default=None)
    known = {version for (of, _), versions in served.items() if of == tag for version in versions}
    has_role = (tag or "", TAG_VARIANT) in served or (production and tag in active)
    versions: dict[int | None, int] = {}
    groups: dict[str | None, list[int]] = {}
    for row in rows:
        version = row.target_version
        versions[version] = versions.get(version, 0) + row.devices
        counts = groups.setdefault(row.group, [0, 0, 0, 0])
        counts[0] += row.devices
        counts[1] += row.online
        counts[2] += row.devices if version is not None and latest is not None and version >= latest else 0
        counts[3] += row.devices if has_role and version not in {None, *known} else 0
    return TagStatus(
        tag=tag,
        production=production,
        devices=sum(versions.values()),
        online=sum(counts[1] for counts in groups.values()),
        has_role=has_role,
        latest_target=latest,
        on_latest=sum(counts[2] for counts in groups.values()),
        versions=tuple(
            VersionCount(target_version=version, devices=n, is_orphan=has_role and version not in {None, *known})
            for version, n in sorted(versions.items(), key=lambda one: -1 if one[0] is None else one[0], reverse=True)
        ),
        groups=tuple(
            GroupCount(group=group, devices=devices, online=online, on_latest=latest_here, on_orphan=orphans)
            for group, (devices, online, latest_here, orphans) in sorted(
                groups.items(), key=lambda one: (-one[1][0], one[0] or "")
            )
        ),
    )
