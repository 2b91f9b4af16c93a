"""``groundswell targets``: what may be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import count, note, say
from groundswell.cli.output.tables import instant_text, print_json, print_lines, table
from groundswell.cli.params.completion import complete_tags, complete_target_versions
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.options import json_option
from groundswell.cli.params.texts import FILE, NAME, TEXT
from groundswell.errors import InputError
from groundswell.json_text import parse_json
from groundswell.text import MAX_NAMED, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.factory.trust.targets import TargetsReport
    from groundswell.tuf.targets import Target

__all__ = ["add", "import_targets", "list_targets", "prune", "show", "targets"]

_MAX_STDIN: Final = (64 << 20) + 1
"""One byte more than a targets file may have, so that a longer one is refused."""


@click.group(cls=ExamplesGroup)
def targets() -> None:
    """Import, add, list and prune targets: what may be installed."""


@targets.command("import", short_help="Take CI targets in from a targets.json.")
@click.argument("file", type=FILE)
@json_option
@directory_option
def import_targets(file: str, *, as_json: bool, directory: str | None) -> None:
    """Take CI targets in from a targets.json: all of them or, if anything is wrong, none.

    FILE is a signed targets role, its signed part, or an object of targets by name; @- reads stdin. Signatures in it
    are counted and dropped: the factory signs with its own key.
    """
    import sys

    # The factory is taken afterwards: what writes to our stdin may need it.
    source: str | bytes = (
        (sys.stdin.buffer.read(_MAX_STDIN) if sys.stdin else b"") if file == "@-" else file.removeprefix("@")
    )
    with open_factory(directory) as factory:
        report = factory.targets.import_(source)
    _tell(report, as_json=as_json)


@targets.command()
@click.argument("name", type=NAME)
@click.option("--version", "target_version", metavar="VERSION", type=int, required=True, help="The build number.")
@click.option("--hardware-id", metavar="ID", type=NAME, required=True, help="The one hardware that it is for.")
@click.option(
    "--tag",
    "tags",
    metavar="TAG",
    type=NAME,
    multiple=True,
    help="A tag that it belongs to; may be given several times.",
)
@click.option("--sha256", metavar="HEX", type=NAME, required=True, help="Its hash: the ostree commit.")
@click.option("--length", metavar="BYTES", type=int, default=0, help="Its length; 0 for an ostree commit.")
@click.option(
    "--app", "apps", metavar="NAME=URI", type=NAME, multiple=True, help="A compose app; may be given several times."
)
@click.option("--custom", metavar="JSON", type=TEXT, default="{}", help="More members of `custom`, as a JSON object.")
@json_option
@directory_option
def add(
    name: str,
    *,
    target_version: int,
    hardware_id: str,
    tags: tuple[str, ...],
    sha256: str,
    length: int,
    apps: tuple[str, ...],
    custom: str,
    as_json: bool,
    directory: str | None,
) -> None:
    """Add one CI target, NAME by convention HARDWARE-lmp-VERSION."""
    members: dict[str, Any] = _object(custom)
    members |= {
        "hardwareIds": [hardware_id],
        "tags": list(tags),
        "targetFormat": "OSTREE",
        "version": str(target_version),
    }
    if apps:
        members["docker_compose_apps"] = dict(_app(app) for app in apps)
    document = {"custom": members, "hashes": {"sha256": sha256}, "length": length}
    with open_factory(directory) as factory:
        report = factory.targets.add(name, document)
    _tell(report, as_json=as_json)


def _object(text: str) -> dict[str, Any]:
    try:
        found = parse_json(text, "--custom")
    except InputError:
        found = None
    if not isinstance(found, dict):
        raise InputError(
            "bad-custom",
            f"`--custom` is `{text[:60]}`, which is not a JSON object",
            hint="""write it like --custom '{"lmp-ver": "4.0.20"}'""",
            fields={"custom": text[:200]},
        )
    return found


def _app(text: str) -> tuple[str, dict[str, str]]:
    name, equals, uri = text.partition("=")
    if not name or not equals or not uri:
        raise InputError(
            "bad-app",
            f"the app `{text[:60]}` is not of the form NAME=URI",
            hint="write it like --app shellhttpd=hub.example/acme/shellhttpd@sha256:…",
            fields={"app": text[:200]},
        )
    return name, {"uri": uri}


def _tell(report: TargetsReport, *, as_json: bool) -> None:
    for text in report.notes:
        note(text)
    if report.foreign_signatures:
        note(f"{count(report.foreign_signatures, 'signature')} of others dropped: the factory signs with its own key")
    if as_json:
        print_json(
            {
                "added": list(report.added),
                "retagged": list(report.retagged),
                "unchanged": list(report.unchanged),
                "foreign_signatures": report.foreign_signatures,
            }
        )
        return
    retagged, unchanged = f"{len(report.retagged)} given other tags", f"{len(report.unchanged)} unchanged"
    say(f"{count(len(report.added), 'target')} added, {retagged}, {unchanged}")


@targets.command("list")
@click.option("--production", is_flag=True, help="The production targets of a tag instead of the CI targets.")
@click.option(
    "-t",
    "--tag",
    type=NAME,
    shell_complete=complete_tags,
    help="Only targets that carry this tag; required with --production.",
)
@json_option
@directory_option
def list_targets(*, production: bool, tag: str | None, as_json: bool, directory: str | None) -> None:
    """List targets, by version and name."""
    if production and not tag:
        raise click.UsageError("--production wants --tag: production targets belong to a tag")
    with open_factory(directory) as factory:
        if production and tag:
            role = factory.targets.list_production(tag)
            found: Sequence[Target] = role.targets
            about = {"tag": role.tag, "role_version": role.role_version, "expires": instant_text(role.expires)}
        else:
            found, about = factory.targets.list(tag=tag), {}
    if as_json:
        print_json(about | {"targets": {target.name: target.document for target in found}})
        return
    print_lines(_table(found))
    role_of = f"; role version {about['role_version']}, expires {about['expires']}" if about else ""
    say(f"{count(len(found), 'target')}{role_of}")


def _table(found: Sequence[Target]) -> list[str]:
    header = ["target", "version", "hardware", "tags", "sha256"]
    rows = [
        [
            target.name,
            str(target.target_version),
            target.hardware_id,
            ",".join(target.tags) or None,
            str(target.document["hashes"]["sha256"])[:12],
        ]
        for target in found
    ]
    return table(header, rows)


@targets.command()
@click.argument("target_version", metavar="VERSION", type=int, shell_complete=complete_target_versions)
@json_option
@directory_option
def show(target_version: int, *, as_json: bool, directory: str | None) -> None:
    """Show the CI targets of one version, one for each hardware."""
    with open_factory(directory) as factory:
        found = factory.targets.show(target_version)
    if as_json:
        print_json({"target_version": target_version, "targets": {target.name: target.document for target in found}})
        return
    for at, target in enumerate(found):
        apps = target.document["custom"].get("docker_compose_apps", {})
        lines = [
            target.name,
            f"  hardware  {target.hardware_id}",
            f"  tags      {', '.join(target.tags) or '-'}",
            f"  sha256    {target.document['hashes']['sha256']}",
            *(f"  app       {app}  {value.get('uri', '-')}" for app, value in apps.items()),
        ]
        print_lines([""] * (at > 0) + lines)


@targets.command(short_help="Remove the CI targets of some versions.")
@click.argument(
    "versions", metavar="VERSION…", type=int, nargs=-1, required=True, shell_complete=complete_target_versions
)
@directory_option
def prune(versions: tuple[int, ...], *, directory: str | None) -> None:
    """Remove the CI targets of these versions; production targets keep theirs."""
    with open_factory(directory) as factory:
        gone = factory.targets.prune(versions)
    say(f"pruned {count(len(gone), 'target')}: {joined(gone[:MAX_NAMED], more=len(gone) - MAX_NAMED)}")
