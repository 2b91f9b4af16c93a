"""``groundswell backup``, ``restore`` and ``check``: back a factory up, restore it, and check it for damage."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundswell.cli.base import ExamplesCommand
from groundswell.cli.hints import advice
from groundswell.cli.output.render import note, printable, say, stdout_stream
from groundswell.cli.output.tables import instant_text, print_json, print_lines
from groundswell.cli.params.factory_option import directory_option, now_option, open_factory, user_of, waiting
from groundswell.cli.params.options import json_option
from groundswell.cli.params.texts import DIRECTORY, FILE
from groundswell.cli.work import current_run
from groundswell.errors import StorageError
from groundswell.text import MAX_NAMED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from groundswell.factory import CheckReport, CheckResult, Factory

__all__ = ["backup", "check", "restore"]


@click.command(cls=ExamplesCommand)
@click.argument("file", type=FILE)
@directory_option
def backup(file: str, *, directory: str | None) -> None:
    """Write the whole factory to FILE, which is replaced atomically; - is stdout."""
    with contextlib.ExitStack() as stack:
        # Check before opening the factory: a backup that cannot be written must not block other users.
        target = stack.enter_context(stdout_stream()) if file == "-" else file
        factory = stack.enter_context(open_factory(directory))
        size, revision = factory.backup(target), factory.revision
    say(f"wrote revision {revision} to {printable(file)} ({size} bytes)")
    note("the file contains the factory's online keys: keep it as safe as a key")


@click.command(cls=ExamplesCommand)
@click.argument("file", type=FILE)
@click.argument("directory", metavar="DIR", type=DIRECTORY)
@click.option(
    "--last-timestamp-version",
    metavar="N",
    type=int,
    help="The highest version of timestamp.json that devices have seen (default: the backup's version plus a million).",
)
@click.option(
    "--accept-clock",
    is_flag=True,
    help="Sign although the clock is more than a day behind the newest record; records before do not count any more.",
)
@now_option
def restore(
    file: str, directory: str, *, last_timestamp_version: int | None, accept_clock: bool, now: datetime | None
) -> None:
    """Restore a factory from a backup to DIR, which must be empty or not exist."""
    from groundswell.factory import Factory

    current_run().creates(Path(directory))
    found = Factory.restore(
        file,
        directory,
        last_timestamp_version=last_timestamp_version,
        user=user_of(),
        now=now,
        accept_clock=accept_clock,
    )
    epochs = ", ".join(f"{repository} {epoch}" for repository, epoch in found.epochs.items())
    say(
        f"restored the factory {found.name} of {instant_text(found.backed_up_at)} to {printable(directory)};"
        f" it is at revision {found.revision}, epochs: {epochs}",
    )


@click.command(cls=ExamplesCommand)
@click.option("--repair", is_flag=True, help="First rebuild the store from the audit log; the damaged file is kept.")
@json_option
@now_option
@directory_option
def check(*, repair: bool, as_json: bool, now: datetime | None, directory: str | None) -> None:
    """Check the factory for damage: rows, keys, served metadata, and the audit log."""
    if repair:
        _repair(directory)
    with _opened_to_check(directory) as factory:
        try:
            report = factory.check(now=now)
        except StorageError as error:
            if error.code == "could-not-check" and not as_json:
                from groundswell.factory import CheckResult

                print_lines(_lines([CheckResult(**result) for result in error.fields["results"]]))
            raise
    for text in report.warnings:
        note(advice(text))
    if as_json:
        warnings = [advice(text) for text in report.warnings]
        print_json(asdict(report) | {"sound": report.sound, "warnings": warnings})
    else:
        print_lines(_lines(report.results))
    if not report.sound:
        raise _failed(report)


def _opened_to_check(directory: str | None) -> Factory:
    try:
        return open_factory(directory)
    except StorageError as error:
        from groundswell.factory.checks.checks import could_not_open_to_check

        raise could_not_open_to_check(error) from error


def _repair(directory: str | None) -> None:
    from groundswell.factory import Factory

    revision, kept = waiting(directory, lambda path, wait: Factory.repair(path, wait=wait))
    say(f"rebuilt the store from the audit log up to revision {revision}")
    if kept is not None:
        note(f"the old file is kept as {printable(str(kept))}")


def _lines(results: Sequence[CheckResult]) -> list[str]:
    lines = []
    for result in results:
        lines.append(f"{'ok   ' if result.sound else 'FAULT' if result.faults else '?    '}  {result.name}")
        if result.not_checked is not None:
            lines.append(f"       could not check: {printable(result.not_checked)}")
        lines += [f"       {printable(fault)}" for fault in result.faults[:MAX_NAMED]]
        more = len(result.faults) - MAX_NAMED
        lines += [f"       and {more} more (--json has all)"] * (more > 0)
    return lines


_MAX_SHOWN_FAULTS = 3


def _failed(report: CheckReport) -> StorageError:
    bad = [result.name for result in report.results if result.faults]
    first = [printable(result.faults[0]) for result in report.results if result.faults]
    more = sum(len(result.faults) for result in report.results) - min(len(first), _MAX_SHOWN_FAULTS)
    faults = "; ".join(first[:_MAX_SHOWN_FAULTS]) + (f"; and {more} more" if more else "")
    return StorageError(
        "check-failed",
        f"the factory is not sound: {faults}",
        hint="if it is the store, `groundswell check --repair` rebuilds it from the audit log; or restore a backup",
        fields={"revision": report.revision, "failed": bad},
    )
