"""``groundswell uuids``: check and clean lists of UUIDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.details import reason_lines
from groundswell.cli.output.render import count, json_text, note, print_text, printable, say_lines, write_output
from groundswell.cli.params.options import json_option, output_option
from groundswell.cli.params.uuid_argument import check_uuids, is_file
from groundswell.errors import InputError
from groundswell.text import MAX_NAMED, count_reasons

if TYPE_CHECKING:
    from groundswell.fleet import UuidListCheck

__all__ = ["check", "uuids"]


@click.group(cls=ExamplesGroup)
def uuids() -> None:
    """Check and clean lists of UUIDs."""


@uuids.command(short_help="Count the UUIDs of a list, and show bad values.")
@click.argument("argument", metavar="LIST|@FILE|@-")
@click.option("--clean", is_flag=True, help="Print the clean list; the report goes to stderr.")
@click.option("--skip-bad", is_flag=True, help="With --clean: skip bad values instead of refusing the list.")
@json_option
@output_option
def check(argument: str, *, clean: bool, skip_bad: bool, as_json: bool, output: str | None) -> None:
    """Count the UUIDs of a list, its duplicates, and its bad values with line and column.

    The list is the argument itself, the file after an @, or stdin for @-.

    The report goes to stdout. With --clean stdout (or FILE) gets the list without duplicates, one UUID per line, and
    the report goes to stderr. The exit code is 2 if a value is bad or the list is empty.
    """
    if not clean and (skip_bad or output is not None):
        raise click.UsageError(f"{'--skip-bad' if skip_bad else '-o'} requires --clean")
    found = check_uuids(argument, "LIST")
    refused = clean and found.bad_count > 0 and not skip_bad
    # With --json, the error contains everything that the report has.
    if not (refused and as_json):
        report = _as_json(found) if as_json else _as_text(found)
        if clean:
            say_lines(report)
        else:
            print_text(report + "\n")
    if found.bad_count and is_file(argument):
        note(f"to read the file, use `@{argument}`")
    if refused:
        raise InputError(
            "bad-uuid",
            f"`{found.name}` has {count(found.bad_count, 'bad value')}, so nothing was written",
            hint="correct them, or skip them with --skip-bad",
            fields={"list": found.name, "bad_count": found.bad_count, "bad": [bad.to_json() for bad in found.bad]},
        )
    if clean:
        write_output(found.accept(skip_bad=skip_bad).text().encode(), output)
    elif found.bad_count:
        # The report has shown everything.
        raise click.exceptions.Exit(InputError.exit_code)
    else:
        found.accept()


def _as_json(found: UuidListCheck) -> str:
    data: dict[str, Any] = {
        "count": found.count,
        "duplicates": found.duplicates,
        "header": found.header,
        "bad_count": found.bad_count,
        "bad": [bad.to_json() for bad in found.bad],
    }
    return json_text(data)


def _as_text(found: UuidListCheck) -> str:
    lines = [
        f"UUIDs       {found.count}",
        f"duplicates  {found.duplicates}",
        f"header      {'yes' if found.header else 'no'}",
        f"bad values  {found.bad_count}",
    ]
    if found.bad_count > MAX_NAMED:
        lines += [f"  {line}" for line in reason_lines(count_reasons(bad.reason for bad in found.bad))]
    lines += [f"  {bad.place}: `{bad.text}`: {bad.reason}" for bad in found.bad[:MAX_NAMED]]
    if found.bad_count > MAX_NAMED:
        lines.append(f"  and {found.bad_count - MAX_NAMED} more")
    return "\n".join(printable(line) for line in lines)
