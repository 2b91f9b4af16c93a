"""``groundswell waves status``: how far a wave has come."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from groundswell.cli.base import ExamplesCommand
from groundswell.cli.hints import advice
from groundswell.cli.output.render import clear_screen
from groundswell.cli.output.tables import facts, instant_text, paragraph, print_json, print_lines, table
from groundswell.cli.params.completion import complete_waves
from groundswell.cli.params.factory_option import directory_option, now_option, open_factory
from groundswell.cli.params.options import json_option, online_threshold_option
from groundswell.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from groundswell.factory import Factory
    from groundswell.waves.progress import GroupProgress, Progress, WaveStatus

__all__ = ["status", "status_data"]

_MAX_VERSIONS = 8
_MAX_WARNINGS = 10
_LEAST_PAUSE = 0.2
_MAX_PAUSE = 86_400


@click.command(cls=ExamplesCommand, context_settings={"show_default": True}, short_help="Show how far a wave has come.")
@click.argument("name", required=False, shell_complete=complete_waves)
@online_threshold_option
@click.option("--watch", is_flag=True, help="Show it again every few seconds, until Ctrl-C.")
@click.option("--interval", metavar="SECONDS", type=float, default=5, help="With --watch: how often.")
@json_option
@now_option
@directory_option
def status(
    name: str | None,
    *,
    online_threshold: timedelta,
    watch: bool,
    interval: float,
    as_json: bool,
    now: datetime | None,
    directory: str | None,
) -> None:
    """Show how far a wave has come.

    Without a name: the active wave, or one line for each where several are active.
    """
    pause = _pause(interval)
    while True:
        # Opened for each look: whoever else needs the factory gets it in between.
        with open_factory(directory) as factory:
            names = [name] if name is not None else _active(factory)
            found = [factory.waves.status(one, now=now, online_threshold=online_threshold) for one in names]
        if as_json:
            data = [status_data(one) for one in found]
            print_json({"waves": data} if len(data) > 1 else data[0])
        else:
            if watch:
                clear_screen()
            print_lines(_overview(found) if len(found) > 1 else _lines(found[0]))
        if not watch:
            return
        time.sleep(pause.total_seconds())


def _active(factory: Factory) -> list[str | None]:
    """The active waves; a single None, which is refused with a reason, where there are none."""
    return [wave.name for wave in factory.waves.list(state="active")] or [None]


def _overview(found: Sequence[WaveStatus]) -> list[str]:
    """One line for each wave."""
    header = ["wave", "version", "tag", "devices", "online", "updated", "scheduled", "unsupported", "unscheduled"]
    rows = [
        [
            one.wave.name,
            str(one.wave.target_version),
            one.wave.tag,
            one.progress.total,
            one.progress.online,
            one.progress.updated,
            one.progress.scheduled,
            one.progress.unsupported,
            one.progress.unscheduled,
        ]
        for one in found
    ]
    attention = [f"{one.wave.name}: {advice(text)}" for one in found for text in one.warnings][:_MAX_WARNINGS]
    lines = [f"as of {instant_text(found[0].now)}", "", *table(header, rows)]
    return lines + ["", "wants attention", *(line for text in attention for line in paragraph(text))] * bool(attention)


def _pause(seconds: float) -> timedelta:
    """The pause between two looks.

    Raises:
        InputError: ``bad-duration`` for what is not a number, or is out of bounds.
    """
    if not _LEAST_PAUSE <= seconds <= _MAX_PAUSE:
        raise InputError(
            "bad-duration",
            f"`{seconds}` is not a value for --interval",
            hint=f"give seconds, from {_LEAST_PAUSE} to {_MAX_PAUSE}",
            fields={"option": "--interval", "value": str(seconds)},
        )
    return timedelta(seconds=seconds)


def status_data(found: WaveStatus) -> dict[str, Any]:
    """The status in JSON types."""
    wave = found.wave
    return {
        "wave": wave.name,
        "target_version": wave.target_version,
        "tag": wave.tag,
        "state": wave.state,
        "revision": wave.revision,
        "created_at": instant_text(wave.created_at),
        "finished_at": instant_text(wave.finished_at),
        "now": instant_text(found.now),
        "rollouts": found.rollouts,
        **asdict(found.progress),
        "rollout_groups": [_group_data(one) for one in found.rollout_groups],
        "other_groups": [_group_data(one) for one in found.other_groups],
        "without_target": found.without_target,
        "warnings": [advice(warning) for warning in found.warnings],
    }


def _group_data(one: GroupProgress) -> dict[str, Any]:
    about = {"group": one.group, "rolled_out_at": instant_text(one.rolled_out_at), "whole": one.whole}
    return about | asdict(one.progress)


def _lines(found: WaveStatus) -> list[str]:
    wave, progress = found.wave, found.progress
    lines = facts(
        [
            ("wave", wave.name),
            ("brings", f"version {wave.target_version} to tag {wave.tag}"),
            ("state", _state(found)),
            ("as of", instant_text(found.now)),
            ("rollouts", str(found.rollouts)),
        ]
    )
    lines += ["", *_totals(progress)]
    if wave.active:
        header = [
            "group",
            "total",
            "online",
            "updated",
            "scheduled",
            "silent",
            "unsupported",
            "unscheduled",
            "rolled out",
        ]
        rows = [_group_row(one) for one in (*found.rollout_groups, *found.other_groups)]
        if rows:
            lines += ["", *table(header, rows)]
        if progress.versions:
            lines += ["", *_versions(progress)]
    if found.warnings:
        shown = [advice(warning) for warning in found.warnings]
        lines += ["", "wants attention", *(line for text in shown for line in paragraph(text))]
    return lines


def _state(found: WaveStatus) -> str:
    wave = found.wave
    if wave.finished_at is None:
        return wave.state
    return f"{wave.state} since {instant_text(wave.finished_at)}, by {wave.finished_by}; counted as of now"


def _totals(progress: Progress) -> Sequence[str]:
    def share(devices: int) -> str:
        return f"{100 * devices / progress.total:.1f}%" if progress.total else "-"

    rows = [
        ("devices", progress.total, ""),
        ("online", progress.online, share(progress.online)),
        ("updated", progress.updated, share(progress.updated)),
        ("scheduled", progress.scheduled, share(progress.scheduled)),
        ("  of these silent", progress.silent, share(progress.silent)),
        ("unsupported", progress.unsupported, share(progress.unsupported)),
        ("unscheduled", progress.unscheduled, share(progress.unscheduled)),
        ("failed", progress.failed, "no events were reported" if progress.failed is None else share(progress.failed)),
    ]
    shown = [(label, "-" if devices is None else f"{devices}", part) for label, devices, part in rows]
    widths = [max(len(row[column]) for row in shown) for column in range(2)]
    return [f"{label.ljust(widths[0])}  {devices.rjust(widths[1])}  {part}".rstrip() for label, devices, part in shown]


def _group_row(one: GroupProgress) -> list[object]:
    progress = one.progress
    when = None if one.rolled_out_at is None else f"{instant_text(one.rolled_out_at)}{' whole' if one.whole else ''}"
    return [
        one.group or "(no group)",
        progress.total,
        progress.online,
        progress.updated,
        progress.scheduled,
        progress.silent,
        progress.unsupported,
        progress.unscheduled,
        when,
    ]


def _versions(progress: Progress) -> list[str]:
    shown = progress.versions[:_MAX_VERSIONS]
    rows: list[list[object]] = [
        [
            "unknown" if one.target_version is None else str(one.target_version),
            one.devices,
            "orphan" if one.is_orphan else "",
        ]
        for one in shown
    ]
    rest = sum(one.devices for one in progress.versions[_MAX_VERSIONS:])
    if rest:
        rows.append(["others", rest, ""])
    return table(["version", "devices", ""], rows)
