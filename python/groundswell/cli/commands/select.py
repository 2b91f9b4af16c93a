"""``groundswell select``: pick a batch of devices from a fleet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundswell.cli.base import ExamplesCommand
from groundswell.cli.output.render import count, json_text, note, print_report, printable, say, write_output
from groundswell.cli.output.tables import instant_text
from groundswell.cli.params.mapping_options import columns_of, mapping_options
from groundswell.cli.params.options import DURATION, INSTANT, SEED, THRESHOLD, json_option, output_option
from groundswell.cli.params.stdin_source import sources_of
from groundswell.cli.params.texts import FILE, OUTPUT
from groundswell.cli.params.uuid_argument import file_named, read_uuids
from groundswell.files import refuse_overwriting
from groundswell.outputs import check_distinct

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from groundswell.fleet import Selection
    from groundswell.values import Denominator

__all__ = ["select"]


@click.command(cls=ExamplesCommand, context_settings={"show_default": True})
@click.argument("source", type=FILE)
@click.option("-g", "--group", help="Only devices of this group.")
@click.option("-t", "--tag", help="Only devices that listen to this tag.")
@click.option("-l", "--limit", metavar="N|P%", help="At most N devices, or P% of them (default: all candidates).")
@click.option("--uuids", metavar="LIST|@FILE|@-", help="Only these devices; each is checked.")
@click.option("--exclude", metavar="LIST|@FILE|@-", help="Exclude these devices.")
@click.option(
    "--not-updated",
    metavar="VERSION",
    type=int,
    help="Exclude devices that report this target version or a later one.",
)
@click.option("--include-test", is_flag=True, help="Include test devices (default: only production devices).")
@click.option("--skip-mismatched", is_flag=True, help="Skip listed devices that fail their check, instead of refusing.")
@click.option("--seed", type=SEED, help="Repeat an earlier selection (default: a random seed, which is reported).")
@click.option("--now", type=INSTANT, help="Compute ages at this instant (default: now).")
@click.option(
    "--online-threshold", type=THRESHOLD, default="4h", help="Devices last seen within it have the full weight."
)
@click.option(
    "--half-life", type=DURATION, default="24h", help="Beyond the threshold, the weight halves with each half-life."
)
@click.option(
    "--percent-of",
    type=click.Choice(["matching", "remaining", "online"]),
    default="matching",
    help="The denominator of a percentage.",
)
@click.option("--names", is_flag=True, help="Print names instead of UUIDs (with --json: both).")
@json_option
@output_option
@click.option("--rejects", metavar="FILE", type=OUTPUT, help="Skip bad rows of SOURCE, and write them to FILE.")
@mapping_options
def select(
    source: str,
    *,
    group: str | None,
    tag: str | None,
    limit: str | None,
    uuids: str | None,
    exclude: str | None,
    not_updated: int | None,
    include_test: bool,
    skip_mismatched: bool,
    seed: int | None,
    now: datetime | None,
    online_threshold: timedelta,
    half_life: timedelta,
    percent_of: Denominator,
    names: bool,
    as_json: bool,
    output: str | None,
    rejects: str | None,
    column: tuple[str, ...],
    rows_at: str | None,
    uuid5: str | None,
) -> None:
    """Pick devices from SOURCE at random, with a preference for recently active ones.

    SOURCE is a CSV, Parquet, JSON, NDJSON or Arrow file, - for stdin, or sqlite:///FILE#TABLE or postgresql://…#TABLE.

    The UUIDs go to stdout, one per line, in the order of the picks: a smaller limit gives the first part of the same
    list. The summary goes to stderr; it has the seed that repeats the selection.
    """
    if uuids == exclude == "@-":
        raise click.UsageError("--uuids and --exclude cannot both read stdin")
    (source,) = sources_of([source], [uuids, exclude])
    # Check the arguments before the long read.
    if output is not None:
        refuse_overwriting(source, Path(output))
    check_distinct(
        {"-o": output, "--rejects": rejects},
        {"--uuids": file_named(uuids), "--exclude": file_named(exclude)},
    )
    from groundswell.values import parse_limit

    parse_limit(limit)
    columns = columns_of(column) or None
    listed = None if uuids is None else read_uuids(uuids, "--uuids")
    excluded = None if exclude is None else read_uuids(exclude, "--exclude")

    from groundswell.fleet import Fleet

    fleet = Fleet.read(source, now=now, rejects=rejects, progress=True, columns=columns, rows_at=rows_at, uuid5=uuid5)
    print_report(fleet.report)
    selection = fleet.select(
        limit,
        group=group,
        tag=tag,
        uuids=listed,
        exclude=excluded,
        not_updated=not_updated,
        include_test=include_test,
        skip_mismatched=skip_mismatched,
        seed=seed,
        now=now,
        online_threshold=online_threshold,
        half_life=half_life,
        percent_of=percent_of,
    )
    write_output(_output(selection, names=names, as_json=as_json), output)
    if not as_json:
        _summarise(selection)


def _output(selection: Selection, *, names: bool, as_json: bool) -> bytes:
    if as_json:
        return (json_text(_as_data(selection, names=names)) + "\n").encode()
    if not names:
        return selection.uuid_list.text().encode()
    # Print the UUID of a device without a name.
    lines = [printable(name) if name else uuid for name, uuid in zip(selection.names, selection.uuids, strict=True)]
    return "".join(f"{line}\n" for line in lines).encode()


def _as_data(selection: Selection, *, names: bool) -> dict[str, Any]:
    asked = selection.asked
    data: dict[str, Any] = {
        "algorithm": selection.algorithm,
        "seed": str(selection.seed),
        "now": instant_text(asked.now),
        "online_threshold": int(asked.online_threshold.total_seconds()),
        "half_life": int(asked.half_life.total_seconds()),
        "asked": {
            "limit": str(asked.limit),
            "percent_of": asked.percent_of,
            "group": asked.group,
            "tag": asked.tag,
            "listed": asked.listed,
            "not_updated": asked.not_updated,
            "include_test": asked.include_test,
        },
        "matching": selection.matching,
        "updated": selection.updated,
        "excluded": selection.excluded,
        "excluded_unknown": selection.excluded_unknown,
        "candidates": selection.candidates,
        "limit": selection.limit,
        "count": len(selection),
        "why_short": selection.why_short,
        "skipped": selection.skipped,
        "digest": selection.digest,
        "uuids": selection.uuids,
    }
    if names:
        data["names"] = selection.names
    return data


def _summarise(selection: Selection) -> None:
    now = instant_text(selection.now)
    say(
        f"picked {count(len(selection), 'device')} of {count(selection.candidates, 'candidate')} "
        f"({count(selection.matching, 'device matches', 'devices match')})",
    )
    if selection.why_short:
        note(f"fewer than requested: {selection.why_short}" if len(selection) else selection.why_short)
    if selection.skipped:
        note(f"skipped {count(len(selection.skipped), 'listed device')} (--json names each with its reason)")
    if selection.excluded_unknown:
        note(f"{count(selection.excluded_unknown, 'UUID')} in --exclude are not in the fleet")
    say(f"repeat with --seed {selection.seed} --now {now}")
    say(f"digest {selection.digest}")
