"""``groundswell fleet``: generate and summarise fleets."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.fleet_show import as_data, as_lines
from groundswell.cli.output.render import count, is_plain, print_report, printable, say
from groundswell.cli.output.tables import print_json, print_lines
from groundswell.cli.params.mapping_options import columns_of, mapping_options
from groundswell.cli.params.options import INSTANT, SEED, json_option, online_threshold_option
from groundswell.cli.params.texts import FILE, OUTPUT
from groundswell.values import epoch_seconds

if TYPE_CHECKING:
    from datetime import datetime, timedelta

__all__ = ["fleet", "show", "synth"]

_HOUR: Final = 3600


@click.group(cls=ExamplesGroup)
def fleet() -> None:
    """Generate and summarise fleets."""


@fleet.command(context_settings={"show_default": True})
@click.argument("file", type=OUTPUT)
@click.option("--devices", metavar="N", type=int, required=True, help="Number of devices.")
@click.option("--seed", type=SEED, default=0, help="The same seed gives the same fleet.")
@click.option(
    "--now",
    type=INSTANT,
    help="The latest last_seen (default: the start of the current hour, so that repeating the command within the hour "
    "gives the same file).",
)
def synth(file: str, *, devices: int, seed: int, now: datetime | None) -> None:
    """Write a synthetic fleet with realistic distributions to FILE.

    FILE has the extension .csv, .parquet, .json, .ndjson or .arrow, and is replaced atomically.

    Groups have very different sizes, and 5% of the devices have no group. There are several tags, and 3% test devices.
    About two thirds of the devices were seen within the last 4 hours, the others days, weeks or months ago.
    """
    from groundswell.synth.files import write_synth

    at = int(time.time()) // _HOUR * _HOUR if now is None else epoch_seconds(now)
    with click.progressbar(
        length=max(devices, 1),
        label="making devices",
        file=sys.stderr,
        hidden=not sys.stderr.isatty() or is_plain(),
    ) as bar:
        write_synth(file, devices=devices, seed=seed, now=at, progress=bar.update)
    say(f"wrote {count(devices, 'device')} to {printable(file)}")


@fleet.command(context_settings={"show_default": True}, short_help="Summarise a fleet.")
@click.argument("file", type=FILE)
@click.option("--now", type=INSTANT, help="Compute ages at this instant (default: now).")
@online_threshold_option
@mapping_options
@json_option
def show(
    file: str,
    *,
    now: datetime | None,
    online_threshold: timedelta,
    column: tuple[str, ...],
    rows_at: str | None,
    uuid5: str | None,
    as_json: bool,
) -> None:
    """Summarise a fleet: totals, groups, tags, target versions, and when devices were last seen.

    FILE is a CSV, Parquet, JSON, NDJSON or Arrow file, or sqlite:///FILE#TABLE or postgresql://…#TABLE.
    """
    from groundswell.fleet import Fleet

    columns = columns_of(column) or None
    found = Fleet.read(file, now=now, progress=True, columns=columns, rows_at=rows_at, uuid5=uuid5)
    print_report(found.report)
    summary = found.summary(now=now, online_threshold=online_threshold)
    if as_json:
        print_json(as_data(summary, found.report, source=file))
    else:
        print_lines(as_lines(summary, found.report, source=file))
