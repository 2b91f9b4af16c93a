"""The user page of the hosted original, command by command, with `groundswell` for `fioctl`.

Each walk is typed as the page has it and judged by counting who is staged: nobody twice, nobody lost, and everyone at
the end where the page says so.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from groundswell.cli import run as run_command
from groundswell.factory import Factory
from support import releases, terminals
from support.commands import Ran

if TYPE_CHECKING:
    from pathlib import Path

    from groundswell import Fleet

Type = Callable[..., Ran]
WAVE = "v2.0-update"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factory with the wave of the page made and not rolled out."""
    folder = tmp_path_factory.mktemp("release")
    path = releases.make_factory(folder, releases.devices())
    with Factory.open(path) as factory:
        factory.waves.init(WAVE, 42, releases.TAG, keys=folder / "targets.tgz")
    return path


@pytest.fixture
def factory(ready: Path, tmp_path: Path) -> Path:
    return shutil.copytree(ready, tmp_path / "acme")


@pytest.fixture
def type_(factory: Path, capsys: pytest.CaptureFixture[str]) -> Type:
    """Type a line of the page; it must succeed."""

    def typed(line: str, **files: object) -> Ran:
        capsys.readouterr()
        words = line.format(wave=WAVE, **files).split()
        assert words.pop(0) == "groundswell"
        code = run_command(["-C", str(factory), *words])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return Ran(code, captured.out, captured.err)

    return typed


def fleet_of(factory: Path) -> Fleet:
    with Factory.open(factory) as opened:
        return opened.devices.fleet()


def members(fleet: Fleet, group: str | None) -> list[str]:
    """The production devices of a group, by a plain walk over the rows."""
    rows = fleet.to_arrow().select(["uuid", "group", "production"]).to_pylist()
    return [row["uuid"] for row in rows if row["production"] and row["group"] == group]


def staged(factory: Path) -> list[set[str]]:
    """The devices of each rollout, in order; none of them may be in two."""
    with Factory.open(factory) as opened:
        rollouts = opened.waves.history(WAVE)
        found = [set(opened.waves.rollout_uuids(WAVE, rollout.number)) for rollout in rollouts]
    assert sum(map(len, found)) == len(set().union(*found)), "a device was taken in twice"
    return found


def covered(type_: Type) -> tuple[int, int]:
    """How many devices the wave covers, of how many."""
    status = json.loads(type_("groundswell waves status --json").out)
    return status["covered"], status["total"]


def write_list(path: Path, uuids: list[str], separator: str) -> Path:
    path.write_bytes(separator.join(uuids).encode())
    return path


def complete_by_a_person(factory: Path) -> None:
    """Type the page's bare `complete` where it is typed: on a terminal, which asks and names the wave."""
    code, seen = terminals.run(factory, "waves", "complete", answer=b"y\n")
    assert code == 0, seen
    assert f"Complete {WAVE}" in seen
    with Factory.open(factory) as opened:
        assert opened.targets.list_production(releases.TAG).role_version == 42


def test_the_first_walk_canary_then_a_group_in_chunks_then_the_whole_fleet(factory: Path, type_: Type) -> None:
    type_("groundswell waves rollout {wave} canary")
    type_("groundswell waves rollout {wave} us-east-1 --limit=10")
    type_("groundswell waves rollout {wave} us-east-1 --limit=50")
    type_("groundswell waves rollout {wave} us-east-1")
    fleet = fleet_of(factory)
    canary, first, second, rest = staged(factory)
    assert canary == set(members(fleet, "canary"))
    assert (len(first), len(second)) == (10, 50)
    assert first | second | rest == set(members(fleet, "us-east-1"))

    type_("groundswell waves rollout {wave} --limit=5")
    assert len(staged(factory)[-1]) == 5
    looked = type_("groundswell waves rollout {wave} --limit=5 --dry-run --print-uuids")
    assert len(looked.lines) == 5
    assert "would take in" in looked.err
    assert len(staged(factory)) == 5, "a dry run left history"

    two = members(fleet, "apac")[:2]
    type_("groundswell waves rollout {wave} --uuids=" + ",".join(two))
    assert staged(factory)[-1] <= set(two)
    type_("groundswell wave status")
    type_("groundswell status")
    type_("groundswell waves complete {wave}")
    with Factory.open(factory) as opened:
        assert opened.targets.list_production(releases.TAG).role_version == 42


def test_a_wave_that_progresses_badly_is_canceled(type_: Type) -> None:
    type_("groundswell waves rollout {wave} canary")
    type_("groundswell waves cancel {wave}")
    status = json.loads(type_("groundswell waves status {wave} --json").out)
    assert (status["state"], status["scheduled"]) == ("canceled", 0)


def test_canary_devices_by_groups(factory: Path, type_: Type) -> None:
    type_("groundswell waves rollout {wave} --group canary")
    type_("groundswell waves rollout {wave} --group beta")
    assert [len(one) for one in staged(factory)] == [5, 20]
    complete_by_a_person(factory)


def test_canary_devices_by_random_partitions(factory: Path, type_: Type) -> None:
    type_("groundswell waves rollout {wave} --limit 5")
    type_("groundswell waves rollout {wave} --limit 20")
    assert [len(one) for one in staged(factory)] == [5, 20]
    complete_by_a_person(factory)


@pytest.mark.parametrize("separator", [",", ";", "\n", "\r\n", " \t|\u2003 ,\u2028"])
def test_canary_devices_by_a_file_in_any_separators(factory: Path, type_: Type, tmp_path: Path, separator: str) -> None:
    chosen = members(fleet_of(factory), "us-west")[:30]
    canary = write_list(tmp_path / "canary-devices.lst", chosen, separator)
    type_("groundswell waves rollout {wave} --uuids @{canary}", canary=canary)
    type_("groundswell waves rollout {wave} --limit 20")
    listed, sampled = staged(factory)
    assert listed == set(chosen)
    assert len(sampled) == 20
    complete_by_a_person(factory)


def test_a_large_group_in_four_chunks(factory: Path, type_: Type) -> None:
    type_("groundswell waves rollout {wave} --group us-east --limit 5")
    type_("groundswell waves rollout {wave} --group us-east --limit 20")
    type_("groundswell waves rollout {wave} --group us-east --limit 100")
    type_("groundswell waves rollout {wave} --group us-east")
    found = staged(factory)
    assert [len(one) for one in found] == [5, 20, 100, 3_000 - 125]
    assert set().union(*found) == set(members(fleet_of(factory), "us-east"))


def test_a_group_of_forty_thousand_by_lists_of_ten_thousand(factory: Path, type_: Type, tmp_path: Path) -> None:
    everyone = members(fleet_of(factory), "eu-emea")
    assert len(everyone) == 40_000
    phases = [
        write_list(tmp_path / f"phase{i + 1}.lst", everyone[i * 10_000 : (i + 1) * 10_000], separator)
        for i, separator in enumerate([",", ";", "\n", " "])
    ]
    # Twenty careful choices that intersect with all four partitions.
    chosen = everyone[5::2_000]
    canary = write_list(tmp_path / "canary.lst", chosen, ",")
    type_("groundswell waves rollout {wave} --group eu-emea --uuids @{canary}", canary=canary)
    for phase in phases:
        type_("groundswell waves rollout {wave} --group eu-emea --limit 100 --uuids @{phase}", phase=phase)
    type_("groundswell waves rollout {wave} --group eu-emea")
    found = staged(factory)
    assert found[0] == set(chosen)
    for i, sample in enumerate(found[1:5]):
        assert len(sample) == 100
        assert sample <= set(everyone[i * 10_000 : (i + 1) * 10_000]) - found[0]
    assert set().union(*found) == set(everyone)


def test_a_pre_selected_list_in_growing_chunks(factory: Path, type_: Type, tmp_path: Path) -> None:
    chosen = members(fleet_of(factory), "eu-emea")[100:5_100]
    listed = write_list(tmp_path / "pre-selected.lst", chosen, "\n")
    for limit in (100, 400, 1_000, 3_500):
        type_("groundswell waves rollout {wave} --limit {limit} --uuids @{listed}", limit=limit, listed=listed)
    found = staged(factory)
    assert [len(one) for one in found] == [100, 400, 1_000, 3_500]
    assert set().union(*found) == set(chosen)


def test_beyond_ten_thousand_nothing_is_forgotten(factory: Path, type_: Type) -> None:
    for limit in (15_000, 15_000, 15_000, 15_000):
        type_("groundswell waves rollout {wave} --limit {limit}", limit=limit)
    assert [len(one) for one in staged(factory)] == [15_000, 15_000, 15_000, 5_000]
    assert covered(type_) == (releases.DEVICES, releases.DEVICES)


def test_a_list_is_dumped_edited_and_pushed_back_as_typed_on_the_page(
    factory: Path, type_: Type, tmp_path: Path
) -> None:
    """Typed so, the first command stages at once; it says so."""
    dumped = type_("groundswell waves rollout {wave} --limit 1000 --print-uuids")
    assert len(dumped.lines) == 1000
    assert "staged already" in dumped.err
    assert "--dry-run" in dumped.err
    edited = write_list(tmp_path / "pre-selected.lst", dumped.lines[10:], "\n")
    again = type_("groundswell waves rollout {wave} --uuids @{edited}", edited=edited)
    assert "990 listed devices in the wave or updated already" in again.err
    assert [len(one) for one in staged(factory)] == [1000]


def test_a_list_is_looked_at_edited_and_then_staged(factory: Path, type_: Type, tmp_path: Path) -> None:
    dumped = type_("groundswell waves rollout {wave} --limit 1000 --print-uuids --dry-run")
    assert "staged already" not in dumped.err
    edited = write_list(tmp_path / "pre-selected.lst", dumped.lines[10:], "\n")
    type_("groundswell waves rollout {wave} --uuids @{edited}", edited=edited)
    assert staged(factory) == [set(dumped.lines[10:])]
