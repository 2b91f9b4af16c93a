"""``groundswell audit``: list the audit log, print its head, verify it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import count, printable, say
from groundswell.cli.output.tables import instant_text, print_json, print_lines, table
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.options import json_option
from groundswell.cli.params.texts import TEXT

if TYPE_CHECKING:
    from groundswell.factory.audit import AuditEntry

__all__ = ["audit", "head", "list_entries", "verify"]


@click.group(cls=ExamplesGroup)
def audit() -> None:
    """List and verify the audit log: who did what, and when."""


@audit.command("list")
@click.option("--after", metavar="N", type=click.IntRange(0), default=0, help="Only entries with a higher number.")
@click.option("-n", "--limit", metavar="N", type=click.IntRange(1), default=1_000_000, help="At most so many entries.")
@json_option
@directory_option
def list_entries(*, after: int, limit: int, as_json: bool, directory: str | None) -> None:
    """List the entries, oldest first."""
    with open_factory(directory) as factory:
        found = factory.audit.list(after=after, limit=limit)
    if as_json:
        print_json({"entries": [_data(entry) for entry in found]})
        return
    rows = [[entry.number, instant_text(entry.at), entry.by, entry.action, entry.summary] for entry in found]
    print_lines(table(["entry", "at", "by", "action", "summary"], rows))
    say(count(len(found), "entry", "entries"))


def _data(entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "at": instant_text(entry.at),
        "by": entry.by,
        "action": entry.action,
        "summary": entry.summary,
        "details": entry.details,
        "head": entry.head,
    }


@audit.command()
@json_option
@directory_option
def head(*, as_json: bool, directory: str | None) -> None:
    """Print the SHA-256 of the last entry. Keep it elsewhere, for `audit verify --head`."""
    with open_factory(directory) as factory:
        number, digest = factory.audit.head()
    if as_json:
        print_json({"number": number, "head": digest})
    else:
        print_lines([digest])
        say(f"the head of entry {number}")


@audit.command()
@click.option("--head", "pinned", metavar="HEX", type=TEXT, help="A head that was kept; it must still be in the log.")
@json_option
@directory_option
def verify(*, pinned: str | None, as_json: bool, directory: str | None) -> None:
    """Check the chain of the log against the stored rows. Exit code 6 if they disagree."""
    with open_factory(directory) as factory:
        entries = factory.audit.verify(pinned)
        name = factory.name
    if as_json:
        print_json({"sound": True, "entries": entries})
    else:
        say(f"the audit log of {printable(name)} is sound: {count(entries, 'entry', 'entries')}")
