"""``groundswell strategies``: check and simulate strategies, which widen waves step by step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import count, is_plain, note, print_report, printable, say
from groundswell.cli.output.tables import print_json, print_lines, table
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.mapping_options import columns_of, mapping_options
from groundswell.cli.params.options import DURATION, INSTANT, SEED, json_option
from groundswell.cli.params.texts import DIRECTORY, FILE, NAME, OUTPUT
from groundswell.files import refuse_overwriting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from groundswell.decide import Scenario, SimulationResults, StrategyCheck
    from groundswell.fleet import Fleet

__all__ = ["check", "simulate", "strategies"]

_BAD_INPUT: Final = 2
_INTERRUPTED: Final = 130
_MAX_SCENARIO_BYTES: Final = 1 << 20
_STEPS: Final = 1000


@click.group(cls=ExamplesGroup)
def strategies() -> None:
    """Check and simulate strategies, which widen waves step by step."""


@strategies.command(short_help="Say what of a strategy can never be met.")
@click.argument("file", metavar="FILE", type=FILE)
@click.option("--fleet", "source", metavar="SRC", type=FILE, help="The fleet (default: the file alone is checked).")
@click.option("--wave", metavar="W", type=NAME, help="A wave, with its tag, version and covered devices.")
@directory_option
@click.option("-t", "--tag", type=NAME, help="Only devices that listen to this tag.")
@click.option("--target-version", metavar="VERSION", type=int, help="Devices at this version or above are updated.")
@click.option("--now", type=INSTANT, help="The start of the run (default: the latest last_seen of the fleet).")
@json_option
@mapping_options
def check(
    file: str,
    *,
    source: str | None,
    wave: str | None,
    directory: str | None,
    tag: str | None,
    target_version: int | None,
    now: datetime | None,
    as_json: bool,
    column: tuple[str, ...],
    rows_at: str | None,
    uuid5: str | None,
) -> None:
    """Say what of a strategy can never be met on a fleet, and which failure rate each step could notice.

    Exit code 2 if something can never be met.
    """
    from groundswell.decide import Strategy, check_strategy

    strategy = Strategy.read(file)
    if wave is None:
        mapping = {"columns": columns_of(column) or None, "rows_at": rows_at, "uuid5": uuid5}
        fleet = None if source is None and directory is None else _fleet(source, directory, mapping)
        found = check_strategy(strategy, fleet, tag=tag, target_version=target_version, now=now)
    elif source is not None or tag is not None or target_version is not None:
        raise click.UsageError("--wave cannot be combined with --fleet, --tag or --target-version")
    else:
        with open_factory(directory) as factory:
            which = factory.waves.show(wave).wave
            found = check_strategy(
                strategy,
                factory.devices.fleet(),
                tag=which.tag,
                target_version=which.target_version,
                covered=factory.waves.devices_in_state(wave, "covered"),
                now=now,
            )
    _print_check(found, as_json=as_json)


def _print_check(found: StrategyCheck, *, as_json: bool) -> None:
    if as_json:
        print_json(found.to_data())
    else:
        if found.steps:
            rows = [
                [step.number, step.devices, step.covered, _percent(step.noticed), _percent(step.disproved)]
                for step in found.steps
            ]
            print_lines(table(["step", "devices", "covered", "notices", "can prove"], rows))
        print_lines([f"never: {one}" for one in found.problems] + [f"note: {one}" for one in found.warnings])
        if found.matching is not None:
            say(f"{count(found.matching, 'device matches', 'devices match')}")
        if not found.problems:
            name = printable(found.strategy)
            alone = f"the file of the strategy {name} is valid; --fleet checks it on devices"
            say(alone if found.matching is None else f"the strategy {name} can run")
    if found.problems:
        click.get_current_context().exit(_BAD_INPUT)


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.2%}"


@strategies.command(context_settings={"show_default": True}, short_help="Simulate strategies on a fleet.")
@click.argument("files", metavar="FILE...", type=FILE, nargs=-1, required=True)
@click.option("--fleet", "source", metavar="SRC", type=FILE, help="The fleet (default: the devices of the factory).")
@directory_option
@click.option(
    "--scenario",
    "scenarios",
    metavar="TEXT|@FILE",
    multiple=True,
    help='What goes wrong: "NAME: defect=5% where group=X after 36h brick"; several times (default: a suite of eight).',
)
@click.option("--runs", metavar="N", type=int, default=1000, help="Runs of each strategy in each scenario.")
@click.option("--seed", type=SEED, help="Repeat an earlier simulation (default: a random seed, which is reported).")
@click.option("-t", "--tag", help="Only devices that listen to this tag.")
@click.option("--target-version", metavar="VERSION", type=int, help="Devices at this version or above are updated.")
@click.option("--now", type=INSTANT, help="The start of the runs (default: the latest last_seen of the fleet).")
@click.option("--tick", metavar="D", type=DURATION, default="15m", help="How often a run looks.")
@click.option("--horizon", metavar="D", type=DURATION, default="90d", help="When a run ends at the latest.")
@click.option("--approve-after", metavar="D", type=DURATION, default="0h", help="How long a person takes to approve.")
@click.option(
    "--gone-after", metavar="D", type=DURATION, default="90d", help="Devices not seen for longer never check in again."
)
@click.option("--threads", metavar="N", type=click.IntRange(1, 256), help="Threads (default: at most two).")
@json_option
@click.option("--plot", metavar="DIR", type=DIRECTORY, help="Draw the pictures, as PNG and SVG, into DIR.")
@click.option("-o", "--output", metavar="FILE", type=OUTPUT, help="Write all runs to FILE (.parquet, .csv, .json …).")
@mapping_options
def simulate(
    files: Sequence[str],
    *,
    source: str | None,
    directory: str | None,
    scenarios: Sequence[str],
    runs: int,
    seed: int | None,
    tag: str | None,
    target_version: int | None,
    now: datetime | None,
    tick: timedelta,
    horizon: timedelta,
    approve_after: timedelta,
    gone_after: timedelta,
    threads: int | None,
    as_json: bool,
    plot: str | None,
    output: str | None,
    column: tuple[str, ...],
    rows_at: str | None,
    uuid5: str | None,
) -> None:
    """Simulate strategies on a fleet, before the first device updates.

    Each FILE is a strategy. All strategies meet the same worlds: how often each device checks in is fitted to the
    `last_seen` of the fleet, and the scenarios say what goes wrong. Ctrl-C keeps the finished runs.
    """
    from groundswell.decide import Strategy
    from groundswell.decide import simulate as run_simulation

    # Check the arguments before the long read.
    if output is not None and source is not None:
        refuse_overwriting(source, Path(output))
    chosen = [Strategy.read(file) for file in files]
    wrong = _scenarios(scenarios)
    fleet = _fleet(source, directory, {"columns": columns_of(column) or None, "rows_at": rows_at, "uuid5": uuid5})
    hidden = as_json or not sys.stderr.isatty() or is_plain()
    with click.progressbar(length=_STEPS, label="simulating", file=sys.stderr, hidden=hidden) as bar:
        results = run_simulation(
            fleet,
            chosen,
            wrong,
            runs=runs,
            seed=seed,
            tag=tag,
            target_version=target_version,
            now=now,
            tick=tick,
            horizon=horizon,
            approve_after=approve_after,
            gone_after=gone_after,
            threads=threads,
            progress=lambda done: bar.update(int(done * _STEPS) - bar.pos),
        )
    _report(results, as_json=as_json, plot=plot, output=output)


def _scenarios(texts: Sequence[str]) -> list[Scenario] | None:
    from groundswell.decide.scenarios import parse_scenario, parse_scenarios
    from groundswell.input_files import read_file

    found: list[Scenario] = []
    for text in texts:
        if text.startswith("@"):
            lines = read_file(Path(text[1:]), at_most=_MAX_SCENARIO_BYTES).decode("utf-8", "replace").splitlines()
            found += parse_scenarios(lines)
        else:
            found.append(parse_scenario(text))
    return found if texts else None


def _fleet(source: str | None, directory: str | None, mapping: dict[str, Any]) -> Fleet:
    from groundswell.fleet import Fleet

    if source is not None:
        if directory is not None:
            raise click.UsageError("--fleet and -C cannot be combined")
        fleet = Fleet.read(source, progress=True, **mapping)
        print_report(fleet.report)
        return fleet
    with open_factory(directory) as factory:
        return factory.devices.fleet()


def _report(results: SimulationResults, *, as_json: bool, plot: str | None, output: str | None) -> None:
    if output is not None:
        from groundswell.table_files import write_table

        write_table(results.to_arrow(), Path(output))
    drawn = [] if plot is None else results.plot(plot)
    if as_json:
        print_json(results.to_data())
    else:
        header, rows = results.rows()
        print_lines([*table(header, rows), "", *results.sentences])
        _summarise(results)
    for place in [output, *drawn]:
        if place is not None:
            say(f"wrote {printable(str(place))}")
    if not results.is_complete:
        say(f"interrupted: {count(results.runs, 'run')} of {results.wanted} were finished, and are kept")
        click.get_current_context().exit(_INTERRUPTED)


def _summarise(results: SimulationResults) -> None:
    setup = results.setup
    say(
        f"{count(results.runs, 'run')} of each strategy in each scenario, on {count(results.matching, 'device')} "
        f"as of {setup.now.isoformat()}; {results.gone} of them are not expected to check in again"
    )
    if setup.approve_after:
        say(f"a person approves a step after {setup.approve_after // 60} min")
    for one in results.notes:
        note(one)
    say(f"repeat with --seed {setup.seed}")
