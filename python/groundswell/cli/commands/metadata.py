"""``groundswell metadata``: what devices are served."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.hints import advice
from groundswell.cli.output.render import count, note, printable, say
from groundswell.cli.output.tables import facts, flow, instant_text, print_json, print_lines
from groundswell.cli.params.completion import complete_devices, complete_tags
from groundswell.cli.params.factory_option import directory_option, now_option, open_factory
from groundswell.cli.params.options import json_option
from groundswell.cli.params.texts import DIRECTORY, FILE, NAME

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.tuf.judge import Audience, Verdict

__all__ = ["export", "metadata", "refresh", "verify"]


_MAX_NAMES: Final = 20


@click.group(cls=ExamplesGroup)
def metadata() -> None:
    """Export, renew and verify what devices are served."""


@metadata.command(short_help="Write what a device is served to DIR.")
@click.option(
    "--device", metavar="UUID|NAME", type=NAME, required=True, shell_complete=complete_devices, help="The device."
)
@click.argument("folder", metavar="DIR", type=DIRECTORY)
@json_option
@now_option
@directory_option
def export(folder: str, *, device: str, as_json: bool, now: datetime | None, directory: str | None) -> None:
    """Write to DIR what a device is served now: its root chain, timestamp, snapshot and targets."""
    with open_factory(directory) as factory:
        found = factory.metadata.export(device, folder, now=now)
    publication = found.publication
    for text in found.warnings:
        note(advice(text))
    if as_json:
        print_json(
            {
                "device": found.device.uuid,
                "repository": found.repository,
                "roots": found.roots,
                "epoch": None if publication is None else publication.epoch,
                "tag": found.device.tag,
                "variant": None if publication is None else publication.variant,
                "why_none": found.why_none,
            }
        )
        return
    if publication is None:
        note(f"the device is served no targets (404): {found.why_none}")
        say(f"wrote {count(found.roots, 'root')} to {printable(folder)}")
        return
    say(
        f"wrote {count(found.roots, 'root')} and the {found.repository} metadata of tag {publication.tag}"
        f" (epoch {publication.epoch}) to {printable(folder)}",
    )


@metadata.command(short_help="Sign anew what expires soonest.")
@click.option(
    "--accept-clock",
    is_flag=True,
    help="Sign although the clock is more than a day behind the newest record; records before do not count any more.",
)
@now_option
@directory_option
def refresh(*, accept_clock: bool, now: datetime | None, directory: str | None) -> None:
    """Sign anew what expires soonest: timestamps and snapshots, and CI targets past half of their life.

    Timestamps live for seven days: where no service runs, run this every day.
    """
    with open_factory(directory) as factory:
        found = factory.metadata.refresh(now=now, accept_clock=accept_clock)
    if not found.epochs:
        note("nothing is served yet, so there is nothing to renew")
        return
    epochs = ", ".join(f"{repository} {epoch}" for repository, epoch in found.epochs.items())
    say(f"signed {count(found.publications, 'set')} of metadata anew; epochs: {epochs}")


@metadata.command(short_help="Judge metadata as a device would.")
@click.argument("folder", metavar="DIR", type=DIRECTORY)
@click.option("--audience", type=click.Choice(["production", "ci"]), help="Whom it must be for (default: either).")
@click.option(
    "-t",
    "--tag",
    type=NAME,
    shell_complete=complete_tags,
    help="The tag that every target of the newest version must carry.",
)
@click.option(
    "--previous", metavar="DIR", type=DIRECTORY, help="What the device took before: nothing may be rolled back."
)
@click.option(
    "--trusted-root", metavar="FILE", type=FILE, help="A root that the device was made with (default: 1.root.json)."
)
@click.option("--allow-rsa", is_flag=True, help="Take RSA keys, with which some agents stop working.")
@json_option
@now_option
def verify(
    folder: str,
    *,
    audience: str | None,
    tag: str | None,
    previous: str | None,
    trusted_root: str | None,
    allow_rsa: bool,
    as_json: bool,
    now: datetime | None,
) -> None:
    """Judge the metadata in DIR as a device would: root chain, signatures, expiry, links, rollback.

    Needs no factory, and shares no code with what signs.
    """
    from datetime import UTC
    from datetime import datetime as clock

    from groundswell.tuf.judge import judge_directory

    verdict = judge_directory(
        Path(folder),
        now=now or clock.now(UTC),
        audience=cast("Audience | None", audience),
        tag=tag,
        previous=None if previous is None else Path(previous),
        trusted_root=None if trusted_root is None else Path(trusted_root),
        allow_rsa=allow_rsa,
    )
    expires = {role: instant_text(when) for role, when in verdict.expires.items()}
    for text in verdict.notes:
        note(text)
    if as_json:
        data = asdict(verdict)
        print_json(data | {"expires": expires})
        return
    versions = {
        "root": verdict.root_version,
        "timestamp": verdict.timestamp_version,
        "snapshot": verdict.snapshot_version,
        "targets": verdict.targets_version,
    }
    shown = [
        (role, f"version {version}, expires {expires.get(role)}")
        for role, version in versions.items()
        if version is not None
    ]
    if not verdict.targets:
        shown.append(("targets", "none: the device is served no targets"))
    print_lines(["a device accepts it", *facts([("audience", verdict.audience), *shown]), *_installable(verdict)])


def _installable(verdict: Verdict) -> list[str]:
    """The names of the targets, below their version."""
    names = verdict.targets
    more = [f"and {len(names) - _MAX_NAMES} more"] * (len(names) > _MAX_NAMES)
    return flow(" " * len("timestamp  "), [*names[:_MAX_NAMES], *more]) if names else []
