"""``groundswell waves rollout``: widen an active wave to more devices."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from groundswell.arguments import given_but_empty
from groundswell.cli.base import ExamplesCommand
from groundswell.cli.output.render import count, note, printable, say
from groundswell.cli.output.tables import Share, flow, instant_text, print_json, print_lines
from groundswell.cli.params.completion import complete_active_waves, complete_groups
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.options import DURATION, INSTANT, SEED, THRESHOLD, json_option
from groundswell.cli.params.texts import FILE, OUTPUT
from groundswell.cli.params.uuid_argument import file_named, read_uuids
from groundswell.cli.questions import ask, must_ask
from groundswell.errors import InputError
from groundswell.outputs import check_distinct
from groundswell.text import MAX_NAMED
from groundswell.values import instant

if TYPE_CHECKING:
    from datetime import timedelta

    from groundswell.factory import Factory
    from groundswell.fleet.breakdown import BreakdownPart
    from groundswell.values import Denominator
    from groundswell.waves.plan_rollout import RolloutResult

__all__ = ["rollout"]


@click.command(cls=ExamplesCommand, context_settings={"show_default": True}, short_help="Widen a wave to more devices.")
@click.argument("name", shell_complete=complete_active_waves)
@click.argument("group_word", metavar="[GROUP]", required=False, shell_complete=complete_groups)
@click.option(
    "-g",
    "--group",
    shell_complete=complete_groups,
    help="Only devices of this group; alone it means the whole group, now and later.",
)
@click.option("-l", "--limit", metavar="N|P%", help="At most N devices, or P% of them, recently active ones preferred.")
@click.option(
    "--to", metavar="N|P%", help="Instead of a limit: until N devices, or P% of them, are covered or updated."
)
@click.option("--online-only", is_flag=True, help="With a sample: no devices beyond the online threshold.")
@click.option("--uuids", metavar="LIST|@FILE|@-", help="Only these devices, each of them checked.")
@click.option("--dry-run", is_flag=True, help="Work it out and change nothing.")
@click.option("--print-uuids", is_flag=True, help="Print the UUIDs of the devices.")
@click.option("--print-names", is_flag=True, help="Print the names of the devices.")
@json_option
@click.option("--seed", type=SEED, help="What decides a sample; a fresh seed is drawn and kept otherwise.")
@click.option("--now", type=INSTANT, help="Compute ages at this instant (default: now).")
@click.option("--plan-out", metavar="FILE", type=OUTPUT, help="With --dry-run: write the plan to FILE, for --apply.")
@click.option("--apply", "plan", metavar="PLAN", type=FILE, help="Stage exactly what the plan names, or refuse.")
@click.option("--skip-mismatched", is_flag=True, help="Skip listed devices that fail their check instead of refusing.")
@click.option(
    "--percent-of",
    type=click.Choice(["matching", "remaining", "online"]),
    help="What a percentage is taken of (default: matching).",
)
@click.option("--online-threshold", type=THRESHOLD, default="4h", help="Devices seen within it have the full weight.")
@click.option("--half-life", type=DURATION, default="24h", help="Past the threshold the weight halves with each.")
@click.option("--request-id", metavar="KEY", help="Repeating the command with the same KEY changes nothing more.")
@click.option("--if-revision", metavar="N", type=int, help="Refuse unless the wave is at revision N.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before a whole group.")
@directory_option
def rollout(
    name: str,
    group_word: str | None,
    *,
    group: str | None,
    limit: str | None,
    to: str | None,
    online_only: bool,
    uuids: str | None,
    dry_run: bool,
    print_uuids: bool,
    print_names: bool,
    as_json: bool,
    seed: int | None,
    now: datetime | None,
    plan_out: str | None,
    plan: str | None,
    skip_mismatched: bool,
    percent_of: Denominator | None,
    online_threshold: timedelta,
    half_life: timedelta,
    request_id: str | None,
    if_revision: int | None,
    yes: bool,
    directory: str | None,
) -> None:
    """Widen the active wave NAME to a group, a number or a percentage of devices, or a list of them.

    A group alone is the whole group, and devices that join it later. With --limit, a sample of the group or of the
    fleet; with --to, as many as are missing until so many are covered or updated; with --uuids just these devices, or a
    sample of them. What is given but empty is an error, never more
    devices.
    """
    chosen = _group(group_word, group)
    if plan_out is not None and not dry_run:
        raise click.UsageError("--plan-out requires --dry-run")
    check_distinct({"--plan-out": plan_out}, {"--uuids": file_named(uuids)})
    if plan is not None:
        _refuse_choices(click.get_current_context())
    listed = None if uuids is None else read_uuids(uuids, "--uuids")
    from groundswell.waves.request import RolloutRequest

    whole = chosen is not None and limit is None and uuids is None and to is None
    request = RolloutRequest.of(
        limit,
        to=to,
        percent_of=percent_of,
        group=chosen,
        whole_group=whole,
        uuids=listed,
        online_only=online_only,
        skip_mismatched=skip_mismatched,
        seed=seed,
        now=now,
        online_threshold=online_threshold,
        half_life=half_life,
    )
    with open_factory(directory) as factory:
        if plan is not None:
            result = _applied(factory, name, plan, request_id, if_revision)
        else:
            repeated = request_id is not None and factory.waves.request_known(request_id)
            if whole and not dry_run and not repeated and must_ask(yes=yes):
                _ask(factory, name, str(chosen))
            result = factory.waves.rollout(
                name,
                request=request,
                at=datetime.now(UTC),
                dry_run=dry_run,
                request_id=request_id,
                if_revision=if_revision,
            )
    if as_json:
        print_json(_data(result, uuids=print_uuids, names=print_names))
    else:
        if result.replayed:
            _tell_replayed(result)
        _tell(result)
        _print_devices(result, uuids=print_uuids, names=print_names)
    if plan_out is not None:
        result.plan.write(plan_out)
        say(f"wrote the plan to {printable(plan_out)}; apply it with --apply")


_CHOICES = {"group_word", "group", "limit", "uuids", "dry_run", "seed", "now", "skip_mismatched", "percent_of"}
_CHOICES |= {"online_threshold", "half_life", "to", "online_only"}


def _refuse_choices(context: click.Context) -> None:
    """Refuse whatever a plan says already, were it only a default that was typed."""
    typed = [name for name in _CHOICES if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    if typed:
        raise click.UsageError("a plan contains the choice of devices: --apply takes no option that chooses devices")


def _group(word: str | None, option: str | None) -> str | None:
    if word is not None and option is not None:
        raise click.UsageError("the group is given twice: as a word and with --group")
    group = word if word is not None else option
    reason = None if group is None else given_but_empty("the group", group)
    if reason is not None:
        raise InputError(
            "empty-group",
            reason,
            hint="name a group, or leave it out; an unset variable must not mean more devices",
            fields={"group": group},
        )
    return group


def _applied(factory: Factory, name: str, path: str, request_id: str | None, if_revision: int | None) -> RolloutResult:
    from groundswell.waves.plan import Plan

    plan = Plan.read(path)
    if plan.wave != name:
        raise InputError(
            "other-wave",
            f"the plan `{path}` was made for the wave {plan.wave}, not for {name}",
            hint=f"use groundswell waves rollout {plan.wave} --apply {path}, if that is meant",
            fields={"plan": plan.wave, "wave": name},
        )
    return factory.waves.apply(plan, request_id=request_id, if_revision=if_revision)


def _ask(factory: Factory, name: str, group: str) -> None:
    would = factory.waves.rollout(name, group=group, whole_group=True, dry_run=True)
    if would.repeated:
        return
    now = count(len(would), "device")
    ask(f"Roll {name} out to the whole group {group}: {now} now, and all that join it later?")


def _tell(result: RolloutResult) -> None:
    if result.kind == "whole-group":
        _tell_whole(result)
    else:
        _tell_devices(result)
    _tell_left_out(result)
    if result.kind in {"sample", "sample-within-list"}:
        if len(result):
            _tell_breakdown(result)
        say(f"seed {result.seed}, ages as of {instant_text(instant(result.plan.now))}")
    if len(result):
        say(f"digest {result.digest}")
    if result.number is not None:
        say(f"rollout {result.number} of wave {result.wave.name}, revision {result.wave.revision}")


def _tell_whole(result: RolloutResult) -> None:
    if result.repeated:
        say(f"nothing to do: {result.why_short}")
        return
    later = "would cover" if result.dry_run else "covers"
    now = f"{count(len(result), 'device')} more, and all that join it later"
    say(f"wave {result.wave.name} {later} the whole group {result.plan.group}: {now}")


def _tell_devices(result: RolloutResult) -> None:
    did = "would take in" if result.dry_run else "took in"
    where = f" of group {result.plan.group}" if result.plan.group else ""
    of = f" of {count(result.candidates, 'candidate')}{where} ({count(result.matching, 'device')} match)"
    say(f"wave {result.wave.name} {did} {count(len(result), 'device')}{of}")
    if result.goal is not None:
        missing = f"{result.wanted} of them were missing"
        say(f"goal {result.plan.to}: {count(result.goal, 'device')} covered or updated; {missing}")
    if result.online_candidates is not None:
        say(f"only online devices: {count(result.online_candidates, 'candidate')}")
    if result.why_short:
        note(f"fewer than requested: {result.why_short}" if len(result) else result.why_short)


def _tell_left_out(result: RolloutResult) -> None:
    if result.already:
        note(f"{count(result.already, 'listed device')} in the wave or updated already")
    if result.skipped:
        note(f"skipped {count(len(result.skipped), 'listed device')} (--json names each with its reason)")
    if result.unsupported and result.kind != "whole-group":
        note(f"left out, because the wave has no target for their hardware: {count(result.unsupported, 'device')}")
    _note_hardware(result)


_MAX_PARTS = 4
_BANDS = {"4h": "≤ 4 h", "1d": "< 1 d", "7d": "< 7 d", "30d": "< 30 d"}


def _tell_breakdown(result: RolloutResult) -> None:
    """The picked devices by recency band, group and hardware, next to the shares among the candidates."""
    found = result.breakdown
    bands = [replace(part, name=_BANDS.get(str(part.name), part.name)) for part in found.bands]
    say("picked, and in brackets the share of the picked devices and of the candidates:")
    for label, parts, unnamed in (
        ("seen      ", [part for part in bands if part.picked or part.candidates], ""),
        ("group     ", found.groups, "none"),
        ("hardware  ", found.hardware, "unknown"),
    ):
        shown = [_part_text(part, unnamed, result) for part in parts[:_MAX_PARTS]]
        if label.startswith("seen"):
            shown = [_part_text(part, unnamed, result) for part in parts]
        elif len(parts) > _MAX_PARTS:
            shown.append(f"{len(parts) - _MAX_PARTS} more")
        for line in flow(f"  {label}", shown):
            say(line)


def _part_text(part: BreakdownPart, unnamed: str, result: RolloutResult) -> str:
    shares = f"{Share(part.picked, len(result))}, {Share(part.candidates, result.candidates)}"
    return f"{printable(part.name or unnamed)} {part.picked} ({shares})"


def _breakdown_data(result: RolloutResult) -> dict[str, Any]:
    """The breakdown in JSON types; shares are fractions of 1, None of nothing."""
    picked, candidates = len(result), result.candidates

    def data(part: BreakdownPart) -> dict[str, Any]:
        return asdict(part) | {
            "picked_share": part.picked / picked if picked else None,
            "candidates_share": part.candidates / candidates if candidates else None,
        }

    found = result.breakdown
    return {
        "bands": [data(part) for part in found.bands],
        "groups": [data(part) for part in found.groups],
        "hardware": [data(part) for part in found.hardware],
    }


def _note_hardware(result: RolloutResult) -> None:
    without = list(result.without_target.items())
    for hardware, devices in without[:MAX_NAMED]:
        note(f"the wave has no target for the hardware {printable(hardware)}: {count(devices, 'device')}")
    rest = without[MAX_NAMED:]
    if rest:
        devices = sum(number for _, number in rest)
        note(f"the wave has no target for {len(rest)} more hardware ids: {count(devices, 'device')} (--json has all)")


def _tell_replayed(result: RolloutResult) -> None:
    what = "applied before" if result.request_id is None else f"request {printable(result.request_id)} was made before"
    became = "and took in no device" if result.number is None else f"as rollout {result.number} of {result.wave.name}"
    note(f"{what}, {became}; nothing was changed now, and this is the first result")


def _print_devices(result: RolloutResult, *, uuids: bool, names: bool) -> None:
    if (uuids or names) and result.number is not None:
        note("these devices are staged already; to look first and edit the list, use --dry-run")
    if uuids and not names:
        print_lines(result.uuids)
    elif names:
        found = [printable(name) if name else uuid for name, uuid in zip(result.names, result.uuids, strict=True)]
        if uuids:
            found = [f"{uuid}\t{name}" for uuid, name in zip(result.uuids, found, strict=True)]
        print_lines(found)


def _data(result: RolloutResult, *, uuids: bool, names: bool) -> dict[str, Any]:
    plan = result.plan
    data: dict[str, Any] = {
        "wave": result.wave.name,
        "revision": result.wave.revision,
        "rollout": result.number,
        "dry_run": result.dry_run,
        "kind": result.kind,
        "asked": {
            "group": plan.group,
            "limit": plan.limit,
            "percent_of": plan.percent_of,
            "listed": None if plan.listed is None else len(plan.listed),
            "skip_mismatched": plan.skip_mismatched,
            "to": plan.to,
            "online_only": plan.online_only,
        },
        "seed": str(plan.seed),
        "now": instant_text(instant(plan.now)),
        "online_threshold": plan.online_threshold,
        "half_life": plan.half_life,
        "algorithm": plan.algorithm,
        "candidates_rule": plan.candidates_rule,
        "matching": result.matching,
        "updated": result.updated,
        "covered": result.covered,
        "unsupported": result.unsupported,
        "candidates": result.candidates,
        "online_candidates": result.online_candidates,
        "goal": result.goal,
        "limit": result.wanted,
        "count": len(result),
        "newly_scheduled": result.newly_scheduled,
        "already": result.already,
        "skipped": list(result.skipped),
        "repeated": result.repeated,
        "request_id": result.request_id,
        "replayed": result.replayed,
        "why_short": result.why_short,
        "without_target": result.without_target,
        "breakdown": _breakdown_data(result),
        "digest": result.digest,
    }
    if uuids:
        data["uuids"] = result.uuids
    if names:
        data["names"] = result.names
    return data
