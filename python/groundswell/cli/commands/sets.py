"""``groundswell sets``: unite, intersect or subtract lists of UUIDs."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_, sub
from typing import TYPE_CHECKING, Final

import click

from groundswell.cli.base import ExamplesCommand
from groundswell.cli.output.render import note, say, write_output
from groundswell.cli.params.options import output_option
from groundswell.cli.params.uuid_argument import check_file

if TYPE_CHECKING:
    from groundswell.fleet import UuidListCheck

__all__ = ["sets"]

_TWO: Final = 2


@click.command(cls=ExamplesCommand)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--union", is_flag=True, help="UUIDs that are in any of the files.")
@click.option("--intersect", is_flag=True, help="UUIDs that are in all of the files.")
@click.option("--minus", is_flag=True, help="UUIDs of the first file that are in none of the others.")
@output_option
def sets(files: tuple[str, ...], *, union: bool, intersect: bool, minus: bool, output: str | None) -> None:
    """Combine the lists of UUIDs in FILEs; - is stdin.

    The result goes to stdout, one UUID per line, in order of first appearance. With -o it may replace one of the FILEs.
    """
    if union + intersect + minus != 1:
        raise click.UsageError("use one of --union, --intersect and --minus")
    if len(files) < _TWO and not union:
        raise click.UsageError(f"{'--intersect' if intersect else '--minus'} takes two files or more")
    # Accept @FILE, too, because users know it from `--uuids @FILE`.
    names = [file.removeprefix("@") for file in files]
    if names.count("-") > 1:
        raise click.UsageError("stdin can be read once only")
    checks = [check_file(name) for name in names]
    operation = or_ if union else and_ if intersect else sub
    result = reduce(operation, [check.accept() for check in checks])
    write_output(result.text().encode(), output)
    what = "union" if union else "intersection" if intersect else "difference"
    say(f"{', '.join(_counted(check) for check in checks)}: {len(result)} in the {what}")
    if not result:
        note("the result is an empty list, which other commands refuse as a list of UUIDs")


def _counted(check: UuidListCheck) -> str:
    dropped = f" and {check.duplicates} repeated" if check.duplicates else ""
    return f"{check.count} in `{check.name}`{dropped}"
