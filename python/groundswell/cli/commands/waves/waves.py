"""``groundswell waves``: from a signed target to the last device."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.commands.waves.rollout import rollout
from groundswell.cli.commands.waves.status import status
from groundswell.cli.hints import advice
from groundswell.cli.output.render import count, note, printable, say
from groundswell.cli.output.tables import facts, instant_text, print_json, print_lines, table
from groundswell.cli.params.completion import complete_active_waves, complete_devices, complete_tags, complete_waves
from groundswell.cli.params.factory_option import directory_option, now_option, open_factory
from groundswell.cli.params.options import INSTANT, json_option
from groundswell.cli.questions import ask, has_terminal, missing_name_error
from groundswell.errors import InputError, NotFoundError, StorageError
from groundswell.text import named
from groundswell.values import instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from groundswell.factory import Factory
    from groundswell.factory.waves.waves import WaveDetail
    from groundswell.waves.explain import WhyReport
    from groundswell.waves.progress import WaveStatus
    from groundswell.waves.records import Rollout, Wave
    from groundswell.waves.verify import Verified

__all__ = [
    "cancel",
    "complete",
    "history",
    "init",
    "list_waves",
    "show",
    "sign",
    "waves",
    "why",
]


@click.group(cls=ExamplesGroup)
def waves() -> None:
    """Make waves, roll them out step by step, follow them, complete or cancel them."""


waves.add_command(rollout)
waves.add_command(status)


@waves.command(short_help="Make a wave; nothing is rolled out yet.")
@click.argument("name")
@click.argument("target_version", metavar="TARGET_VERSION", type=int)
@click.argument("tag", shell_complete=complete_tags)
@click.option("-k", "--keys", metavar="KEYS", help="The tarball of an offline targets key.")
@click.option("-e", "--expires-days", metavar="N", type=int, help="The role expires in N days (default: 365).")
@click.option("-E", "--expires-at", metavar="T", type=INSTANT, help="The role expires at T.")
@click.option("--prune", metavar="1,2", help="Versions of production targets that are left out from now on.")
@click.option("--source-tag", metavar="TAG", shell_complete=complete_tags, help="Only CI targets that carry this tag.")
@click.option("--new-tag", is_flag=True, help="The tag is meant, although no device listens to it.")
@click.option("-d", "--dry-run", is_flag=True, help="Print the signed role, and store nothing.")
@now_option
@directory_option
def init(
    name: str,
    target_version: int,
    tag: str,
    *,
    keys: str | None,
    expires_days: int | None,
    expires_at: datetime | None,
    prune: str | None,
    source_tag: str | None,
    new_tag: bool,
    dry_run: bool,
    now: datetime | None,
    directory: str | None,
) -> None:
    """Make the wave NAME, which brings TARGET_VERSION to the production devices of TAG. Nothing is rolled out yet."""
    if keys is None:
        raise click.UsageError("a wave is signed with an offline key: give -k targets.only.key.tgz")
    expires = _expiry(expires_days, expires_at, now)
    with open_factory(directory) as factory:
        made = factory.waves.init(
            name,
            target_version,
            tag,
            keys=keys,
            prune=_versions(prune),
            source_tag=source_tag,
            expires=expires,
            new_tag=new_tag,
            dry_run=dry_run,
            now=now,
        )
    _warn(made)
    if dry_run:
        print_json(json.loads(made.wave.document))
        note("a dry run: the wave was not made")
        return
    say(
        f"made the wave {name}: version {target_version} for tag {tag}, {count(len(made.targets), 'target')},"
        f" expires {instant_text(made.expires)}",
    )


def _expiry(days: int | None, at: datetime | None, now: datetime | None) -> datetime | None:
    if days is not None and at is not None:
        raise click.UsageError("--expires-days and --expires-at exclude each other")
    if days is None:
        return at
    from datetime import UTC
    from datetime import datetime as clock

    try:
        return (now or clock.now(UTC)).replace(microsecond=0) + timedelta(days=days)
    except OverflowError:
        raise InputError(
            "bad-duration",
            f"`{days}` days are more than a date can be away",
            hint="give a smaller number, such as --expires-days 365",
            fields={"option": "expires_days", "value": days},
        ) from None


def _versions(text: str | None) -> list[int]:
    if text is None:
        return []
    found = []
    for word in text.replace(",", " ").split():
        if not (word.isascii() and word.isdigit()):
            raise InputError(
                "bad-version",
                f"`{word[:40]}` in --prune is not a target version",
                hint="give versions with commas between them, such as 40,41",
                fields={"value": word[:40]},
            )
        found.append(int(word[:20]))
    if not found:
        raise InputError(
            "bad-version",
            "--prune is ``: it names no version",
            hint="leave it out, or name versions",
            fields={"value": ""},
        )
    return found


def _warn(detail: WaveDetail) -> None:
    for text in detail.warnings:
        note(advice(text))


@waves.command()
@click.argument("name", shell_complete=complete_active_waves)
@click.option("-k", "--keys", metavar="KEYS", required=True, help="The tarball of an offline targets key.")
@directory_option
def sign(name: str, *, keys: str, directory: str | None) -> None:
    """Add one more signature to the wave NAME."""
    with open_factory(directory) as factory:
        signed = factory.waves.sign(name, keys=keys)
    _warn(signed)
    say(f"the wave {name} has {count(len(signed.signed_by), 'valid signature')}")


@waves.command("list", context_settings={"show_default": True})
@click.option("-t", "--tag", shell_complete=complete_tags, help="Only waves for this tag.")
@click.option("-s", "--state", type=click.Choice(["active", "complete", "canceled"]), help="Only waves in this state.")
@click.option("-n", "--limit", metavar="N", type=click.IntRange(1), default=20, help="How many waves a page has.")
@click.option("-p", "--page", metavar="N", type=click.IntRange(1), default=1, help="Which page.")
@json_option
@directory_option
def list_waves(
    *, tag: str | None, state: str | None, limit: int, page: int, as_json: bool, directory: str | None
) -> None:
    """List waves, newest first."""
    with open_factory(directory) as factory:
        found = factory.waves.list(tag=tag, state=state)
    shown = found[(page - 1) * limit : page * limit]
    if as_json:
        print_json({"waves": [_wave_data(wave) for wave in shown], "total": len(found), "page": page})
        return
    header = ["wave", "version", "tag", "state", "created", "finished"]
    rows = [
        [
            wave.name,
            str(wave.target_version),
            wave.tag,
            wave.state,
            instant_text(wave.created_at),
            instant_text(wave.finished_at),
        ]
        for wave in shown
    ]
    print_lines(table(header, rows))
    if len(found) > len(shown):
        say(f"page {page} of {-(-len(found) // limit)}, {count(len(found), 'wave')}")


def _wave_data(wave: Wave) -> dict[str, Any]:
    """A wave in JSON types, its role apart."""
    return {
        "name": wave.name,
        "target_version": wave.target_version,
        "tag": wave.tag,
        "state": wave.state,
        "revision": wave.revision,
        "created_at": instant_text(wave.created_at),
        "created_by": wave.created_by,
        "finished_at": instant_text(wave.finished_at),
        "finished_by": wave.finished_by,
    }


@waves.command(short_help="Show a wave and its rollouts.")
@click.argument("name", required=False, shell_complete=complete_waves)
@click.option("-s", "--show-targets", is_flag=True, help="Print the signed targets role, too.")
@json_option
@directory_option
def show(name: str | None, *, show_targets: bool, as_json: bool, directory: str | None) -> None:
    """Show a wave (default: the only active one)."""
    with open_factory(directory) as factory:
        detail = factory.waves.show(name)
        rollouts = factory.waves.history(detail.wave.name)
    wave = detail.wave
    data = _wave_data(wave) | {
        "expires": instant_text(detail.expires),
        "targets": list(detail.targets),
        "signed_by": list(detail.signed_by),
        "signatures_missing": detail.signatures_missing,
        "rollouts": [_rollout_data(one) for one in rollouts],
        "warnings": [advice(warning) for warning in detail.warnings],
    }
    if show_targets:
        data["role"] = json.loads(wave.document)
    if as_json:
        print_json(data)
        return
    about = [
        ("wave", wave.name),
        ("brings", f"version {wave.target_version} to tag {wave.tag}"),
        ("state", wave.state),
        ("created", f"{instant_text(wave.created_at)} by {wave.created_by}"),
        ("finished", None if wave.finished_at is None else f"{instant_text(wave.finished_at)} by {wave.finished_by}"),
        ("expires", instant_text(detail.expires)),
        ("targets", ", ".join(detail.targets)),
        ("signatures", f"{len(detail.signed_by)} valid" + _missing(detail)),
        ("rollouts", str(len(rollouts))),
        ("revision", str(wave.revision)),
    ]
    print_lines([*facts(about), *([""] if rollouts else []), *_history_table(rollouts)])
    if show_targets:
        print_json(data["role"])
    _warn(detail)


def _missing(detail: WaveDetail) -> str:
    return f", {detail.signatures_missing} missing" if detail.signatures_missing else ""


def _history_table(rollouts: Sequence[Rollout]) -> list[str]:
    if not rollouts:
        return []
    header = ["rollout", "at", "by", "kind", "group", "limit", "devices", "of candidates"]
    rows = [
        [
            str(one.number),
            instant_text(one.applied_at),
            one.applied_by,
            one.kind,
            one.selector["group"],
            one.selector["limit"] or _goal_text(one),
            one.device_count,
            one.candidates,
        ]
        for one in rollouts
    ]
    return table(header, rows)


def _goal_text(one: Rollout) -> str | None:
    goal = one.selector.get("to")
    return None if goal is None else f"to {goal}"


def _rollout_data(one: Rollout) -> dict[str, Any]:
    """A rollout in JSON types, its devices apart."""
    return {
        "number": one.number,
        "kind": one.kind,
        "applied_at": instant_text(one.applied_at),
        "applied_by": one.applied_by,
        "selector": dict(one.selector),
        "seed": str(one.seed),
        "now": instant_text(instant(one.selected_at)),
        "online_threshold": one.online_threshold,
        "half_life": one.half_life,
        "algorithm": one.algorithm,
        "candidates_rule": one.candidates_rule,
        "matching": one.matching,
        "candidates": one.candidates,
        "limit": one.wanted,
        "count": one.device_count,
        "digest": one.digest,
    }


@waves.command(short_help="Make its targets the production targets.")
@click.argument("name", required=False, shell_complete=complete_active_waves)
@click.option("--allow-downgrade", is_flag=True, help="Complete it even if devices report a later version.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@now_option
@directory_option
def complete(
    name: str | None, *, allow_downgrade: bool, yes: bool, now: datetime | None, directory: str | None
) -> None:
    """Complete a wave (default: the only active one). Its targets go to every device of its tag. This is final."""
    with open_factory(directory) as factory:
        # What would be refused is not asked about.
        if allow_downgrade or not factory.waves.would_downgrade(name):
            _confirm_complete(factory, name, yes=yes, now=now)
        done = factory.waves.complete(name, allow_downgrade=allow_downgrade, now=now)
    say(
        f"completed the wave {done.wave.name}: version {done.wave.target_version} is in production on {done.wave.tag}",
    )
    _warn(done)


@waves.command(short_help="End a wave; updated devices stay.")
@click.argument("name", required=False, shell_complete=complete_active_waves)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@now_option
@directory_option
def cancel(name: str | None, *, yes: bool, now: datetime | None, directory: str | None) -> None:
    """Cancel a wave (default: the only active one). Devices that have updated stay; the rest never see it."""
    with open_factory(directory) as factory:
        _confirm_cancel(factory, name, yes=yes, now=now)
        done = factory.waves.cancel(name, now=now)
    say(f"canceled the wave {done.wave.name}")


def _confirm_complete(factory: Factory, name: str | None, *, yes: bool, now: datetime | None) -> None:
    found = _asked_about(factory, "waves complete", name, yes=yes, now=now)
    if found is not None:
        left = found.progress.scheduled + found.progress.unscheduled
        ask(f"Complete {found.wave.name}, which brings {count(left, 'device')} of tag {found.wave.tag} to it?")


def _confirm_cancel(factory: Factory, name: str | None, *, yes: bool, now: datetime | None) -> None:
    found = _asked_about(factory, "waves cancel", name, yes=yes, now=now)
    if found is not None:
        progress = found.progress
        ask(
            f"Cancel {found.wave.name}? {count(progress.updated, 'device')} have it and keep it,"
            f" {count(progress.scheduled, 'device')} will not get it any more."
        )


def _asked_about(
    factory: Factory, command: str, name: str | None, *, yes: bool, now: datetime | None
) -> WaveStatus | None:
    """Show how far a wave has come, if there is a question to ask; None if there is none.

    Raises:
        InputError: ``confirmation-required`` where the wave is not named and nobody can be asked.
    """
    if yes:
        return None
    if not has_terminal():
        if name is None:
            raise missing_name_error(command, factory.waves.show().wave.name)
        return None
    found = factory.waves.status(name, now=now)
    if not found.wave.active:
        return None  # it is refused
    wave, progress = found.wave, found.progress
    say(f"wave {wave.name} brings version {wave.target_version} to tag {wave.tag}: {count(progress.total, 'device')},")
    parts = {"updated": progress.updated, "scheduled": progress.scheduled, "unscheduled": progress.unscheduled}
    parts["unsupported"] = progress.unsupported
    say("  " + ", ".join(f"{devices} {what}" for what, devices in parts.items()))
    say(f"  {count(progress.newer, 'device')} on a later version, {count(progress.silent, 'scheduled device')} silent")
    for warning in found.warnings:
        note(warning)
    return found


@waves.command(short_help="Show what was rolled out, and verify it.")
@click.argument("name", required=False, shell_complete=complete_waves)
@click.option("--rollout", "number", metavar="N", type=int, help="Only this rollout.")
@click.option("--print-uuids", is_flag=True, help="Print the devices of the rollout.")
@click.option("--verify", is_flag=True, help="Check the digests of past rollouts.")
@click.option(
    "--fleet", metavar="FILE", help="With --verify: a frozen fleet, from which the picks are worked out again."
)
@json_option
@directory_option
def history(
    name: str | None,
    *,
    number: int | None,
    print_uuids: bool,
    verify: bool,
    fleet: str | None,
    as_json: bool,
    directory: str | None,
) -> None:
    """Show what was rolled out, when and by whom; the only active wave unless it is named."""
    for wrong, why_not in (
        (print_uuids and number is None, "--print-uuids wants --rollout N"),
        (fleet is not None and not verify, "--fleet requires --verify"),
        (print_uuids and verify, "--verify prints no devices: leave --print-uuids out"),
    ):
        if wrong:
            raise click.UsageError(why_not)
    if verify:
        _verify(name, fleet, number, as_json=as_json, directory=directory)
        return
    with open_factory(directory) as factory:
        rollouts = factory.waves.history(name)
        uuids = [] if number is None else factory.waves.rollout_uuids(name, number)
    if number is not None:
        rollouts = [one for one in rollouts if one.number == number]
    if as_json:
        shown = [_rollout_data(one) for one in rollouts]
        if print_uuids:
            shown[0]["uuids"] = list(uuids)
        print_json({"rollouts": shown})
    elif print_uuids:
        print_lines(uuids)
    elif not rollouts:
        say("nothing was rolled out yet")
    else:
        print_lines(_history_table(rollouts))
        if number is not None:
            print_lines(["", *facts(_how(rollouts[0]))])


def _how(one: Rollout) -> list[tuple[str, object]]:
    return [
        ("seed", str(one.seed)),
        ("ages as of", instant_text(instant(one.selected_at))),
        ("algorithm", str(one.algorithm)),
        ("rule for candidates", str(one.candidates_rule)),
        ("matching", one.matching),
        ("asked for", one.wanted),
        ("digest", one.digest),
    ]


def _verify(name: str | None, fleet: str | None, number: int | None, *, as_json: bool, directory: str | None) -> None:
    from groundswell.fleet import Fleet

    frozen = None if fleet is None else Fleet.read(fleet, progress=True)
    with open_factory(directory) as factory:
        found = factory.waves.verify(name, fleet=frozen, number=number)
    if as_json:
        print_json({"rollouts": [asdict(one) | {"holds": one.holds} for one in found]})
    elif not found:
        say("nothing was rolled out yet")
    else:
        header = ["rollout", "digest", "picks", ""]
        print_lines(table(header, [_verdict(one) for one in found]))
    bad = [one.number for one in found if not one.holds]
    if bad:
        raise StorageError(
            "rollout-not-verified",
            f"rollout `{bad[0]}` is not what was kept" + (f", nor are {len(bad) - 1} more" if len(bad) > 1 else ""),
            hint="`groundswell check` looks for damage; with --fleet, was it the fleet of that moment?",
            fields={"rollouts": bad},
        )


def _verdict(one: Verified) -> list[object]:
    recomputed = {True: "the same again", False: "DIFFERENT", None: None}[one.recomputed]
    return [str(one.number), "holds" if one.digest_holds else "DIFFERS", recomputed, one.note]


@waves.command(short_help="Say why devices are in the wave or not.")
@click.argument("words", metavar="UUID|NAME…", nargs=-1, required=True, shell_complete=complete_devices)
@click.option(
    "--wave",
    "name",
    metavar="NAME",
    shell_complete=complete_waves,
    help="The wave (default: the active one of the device's tag).",
)
@json_option
@directory_option
def why(words: tuple[str, ...], *, name: str | None, as_json: bool, directory: str | None) -> None:
    """Say of each device whether it is in the wave, since which rollout, by which rule, and what it is served now.

    UUID may also be a name, a list, @FILE or @- for stdin.
    """
    from groundswell.cli.params.uuid_argument import read_device_words

    named_words = read_device_words(words)
    with open_factory(directory) as factory:
        _refuse_wave_as_device(named_words.names, factory)
        uuids = named_words.uuids(factory)
        reports = factory.waves.why(uuids, wave=name)
    if as_json:
        print_json({"devices": [asdict(one) | {"since": instant_text(one.since)} for one in reports]})
        _refuse_unknown(reports)
        return
    for at, one in enumerate(reports):
        about = [
            ("device", one.uuid),
            ("in the wave", f"{'yes' if one.in_wave else 'no'}: {printable(one.reason)}"),
            ("since", None if one.since is None else f"{instant_text(one.since)}, by {one.by}"),
            ("reports", "no version" if one.target_version is None else f"version {one.target_version}"),
            ("scheduled", one.scheduled),
            ("is served", printable(one.served)),
        ]
        print_lines([""] * (at > 0) + facts(about))
    _refuse_unknown(reports)


def _refuse_wave_as_device(names: Sequence[str], factory: Factory) -> None:
    """Refuse the name of a wave among the devices, unless a device has the same name.

    Raises:
        NotFoundError: ``unknown-device``.
    """
    waves = {wave.name for wave in factory.waves.list()} if names else set()
    for name in names:
        if name in waves and not factory.devices.list(name=name, limit=1).total:
            raise NotFoundError(
                "unknown-device",
                f"no device is named `{name}`: it is the name of a wave",
                hint=f"name the wave with --wave: groundswell waves why --wave {name} UUID|NAME",
                fields={"device": name, "wave": name},
            )


def _refuse_unknown(reports: Sequence[WhyReport]) -> None:
    """Devices that are not in the factory are told with the others, and are an error all the same.

    Raises:
        NotFoundError: ``unknown-devices``.
    """
    unknown = [one.uuid for one in reports if one.rule == "unknown"]
    if unknown:
        are = "device is" if len(unknown) == 1 else "devices are"
        raise NotFoundError(
            "unknown-devices",
            f"{len(unknown)} {are} not in the factory: {named(unknown)}",
            hint="`groundswell devices list --uuid PREFIX` finds devices by the beginning of their UUID",
            fields={"unknown": unknown},
        )
