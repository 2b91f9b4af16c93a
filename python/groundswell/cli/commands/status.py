"""``groundswell status``: an overview of the factory."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from groundswell.cli.base import ExamplesCommand
from groundswell.cli.hints import advice
from groundswell.cli.output.render import count
from groundswell.cli.output.tables import Share, facts, flow, instant_text, paragraph, print_json, print_lines, table
from groundswell.cli.params.factory_option import directory_option, now_option, open_factory
from groundswell.cli.params.options import json_option, online_threshold_option

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from groundswell.factory import FactoryStatus, TagStatus

__all__ = ["status"]

_MAX_VERSIONS: Final = 8
_MAX_GROUPS: Final = 10
_MAX_WARNINGS: Final = 20


@click.command(cls=ExamplesCommand, context_settings={"show_default": True})
@online_threshold_option
@json_option
@now_option
@directory_option
def status(*, online_threshold: timedelta, as_json: bool, now: datetime | None, directory: str | None) -> None:
    """Show an overview of the factory: devices by tag, version and group, and warnings."""
    with open_factory(directory) as factory:
        found = factory.status(now=now, online_threshold=online_threshold)
    if as_json:
        print_json(_data(found))
    else:
        print_lines(_lines(found))


def _data(found: FactoryStatus) -> dict[str, Any]:
    return asdict(found) | {
        "warnings": [advice(warning) for warning in found.warnings],
        "now": instant_text(found.now),
        "online_threshold": int(found.online_threshold.total_seconds()),
    }


def _lines(found: FactoryStatus) -> list[str]:
    lines = facts(
        [
            ("factory", f"{found.name}, revision {found.revision}"),
            ("as of", instant_text(found.now)),
            ("devices", f"{found.devices}: {found.production_devices} production, {found.test_devices} test"),
            ("online", f"{found.online} ({Share(found.online, found.devices)})"),
            ("targets", count(found.ci_targets, "CI target")),
            ("roots", f"version {found.root_version}" + ("" if found.keys_ready else ", no offline keys yet")),
        ]
    )
    if found.tags:
        header = ["tag", "kind", "devices", "online", "", "latest target", "on latest"]
        lines += ["", *table(header, map(_row, found.tags))]
    for one in found.tags:
        lines += ["", *_detail(one)]
    if found.warnings:
        shown = [advice(warning) for warning in found.warnings[:_MAX_WARNINGS]]
        lines += ["", "wants attention", *(line for text in shown for line in paragraph(text))]
        lines += [f"  and {len(found.warnings) - _MAX_WARNINGS} more"] * (len(found.warnings) > _MAX_WARNINGS)
    return lines


def _row(one: TagStatus) -> list[object]:
    latest = None if one.latest_target is None else str(one.latest_target)
    on_latest = None if one.latest_target is None else one.on_latest
    return [_name(one), _kind(one), one.devices, one.online, Share(one.online, one.devices), latest, on_latest]


def _name(one: TagStatus) -> str:
    return one.tag or "(no tag)"


def _kind(one: TagStatus) -> str:
    return "production" if one.production else "test"


def _detail(one: TagStatus) -> list[str]:
    versions = [
        f"{'unknown' if count.target_version is None else count.target_version} {count.devices}"
        + (" (orphan)" if count.is_orphan else "")
        for count in one.versions[:_MAX_VERSIONS]
    ]
    versions += _rest(sum(count.devices for count in one.versions[_MAX_VERSIONS:]))
    groups = [f"{count.group or '(no group)'} {count.devices}" for count in one.groups[:_MAX_GROUPS]]
    groups += _rest(sum(count.devices for count in one.groups[_MAX_GROUPS:]))
    pending = not one.has_role and any(count.target_version is not None for count in one.versions)
    role = ["  versions are not in any role yet"] if pending else []
    return [f"{_name(one)}, {_kind(one)}", *role, *flow("  versions  ", versions), *flow("  groups    ", groups)]


def _rest(devices: int) -> list[str]:
    return [f"others {devices}"] if devices else []
