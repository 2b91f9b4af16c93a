"""Fifty threads on one factory: nobody is chosen twice, and what each of them is told is what history says."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from groundswell.errors import GroundswellError
from groundswell.waves.plan_rollout import RolloutResult
from support.factories import AT, embedded_store
from support.wave_factories import MATCHING, TAG, numbers, uuid, uuids

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.wave_factories import Release

THREADS = 50


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """Let each act run in a thread of its own, all of them from the same instant; what they give or raise."""
    found: list[Any] = [None] * len(acts)
    begin = threading.Barrier(len(acts))

    def run(place: int) -> None:
        begin.wait()
        try:
            found[place] = acts[place]()
        except Exception as error:  # noqa: BLE001 - whatever comes is looked at
            found[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "deadlock"
    return found


def grown(release: Release, devices: int) -> None:
    """More devices, so that there is something for everyone."""
    import pyarrow as pa

    release.factory.devices.import_(
        pa.table(
            {
                "uuid": uuids(range(1000, 1000 + devices)),
                "tag": [TAG] * devices,
                "group": [["canary", "field"][n % 2] for n in range(devices)],
                "production": [True] * devices,
                "target_version": pa.array([41] * devices, pa.int64()),
            }
        ),
        now=AT,
    )


@pytest.mark.parametrize("limit", [3, 40])
def test_rollouts_at_once_choose_nobody_twice_and_each_is_told_the_truth(wave: Release, limit: int) -> None:
    """There is enough for all, and then there is not."""
    grown(wave, 300)
    results = at_once([lambda: wave.rollout(limit) for _ in range(THREADS)])
    assert not [one for one in results if isinstance(one, Exception)]
    assert_true(wave, results)
    taken = [one for result in results for one in result.uuids]
    assert len(taken) == min(THREADS * limit, 300 + len(MATCHING))


def assert_true(release: Release, results: list[Any]) -> None:
    """Each result that left history is what history says, and no device stands in two."""
    history = {one.number: one for one in release.waves.history("w")}
    kept = [one for one in results if one.number is not None]
    assert sorted(one.number for one in kept) == sorted(history)
    for result in kept:
        assert sorted(release.waves.rollout_uuids("w", result.number)) == sorted(result.uuids)
        assert history[result.number].digest == result.digest
        assert history[result.number].seed == result.seed
        assert result.wave.revision == result.number + 1
    staged = [one for result in kept if result.kind != "whole-group" for one in result.uuids]
    assert len(staged) == len(set(staged)), "chosen twice"
    assert all(one.holds for one in release.waves.verify("w"))


def test_one_plan_that_fifty_apply_is_applied_once(wave: Release) -> None:
    plan = wave.rollout(5, dry_run=True).plan
    results = at_once([lambda: wave.waves.apply(plan, now=AT) for _ in range(THREADS)])
    answers = [one for one in results if isinstance(one, RolloutResult)]
    assert [one.number for one in answers] == [1] * THREADS
    (done,) = [one for one in answers if not one.replayed]
    assert_true(wave, [done])


def test_one_whole_group_is_one_rule_whoever_asks_for_it(wave: Release) -> None:
    results = at_once([lambda: wave.rollout(group="canary", whole_group=True) for _ in range(THREADS)])
    assert [one.repeated for one in results].count(False) == 1
    assert len(wave.waves.history("w")) == 1


def test_one_wave_of_many_at_once_gets_the_tag(release: Release) -> None:
    results = at_once([partial(release.init, f"w{n}") for n in range(THREADS)])
    made = [one for one in results if not isinstance(one, Exception)]
    assert len(made) == 1
    assert {one.code for one in results if isinstance(one, GroundswellError)} == {"tag-busy"}
    assert [wave.name for wave in release.waves.list()] == [made[0].wave.name]


def test_one_end_of_many_at_once_is_the_end(wave: Release) -> None:
    acts: list[Callable[[], Any]] = [lambda: wave.waves.complete("w", now=AT), lambda: wave.waves.cancel("w", now=AT)]
    results = at_once(acts * (THREADS // 2))
    ends = [one.wave.state for one in results if not isinstance(one, Exception)]
    assert ends == [wave.waves.show("w").wave.state]
    assert {one.code for one in results if isinstance(one, GroundswellError)} == {"wave-finished"}


def test_readers_and_writers_of_every_kind_neither_wait_for_ever_nor_see_halves(wave: Release) -> None:
    grown(wave, 100)
    factory = wave.factory

    def status() -> None:
        found = wave.waves.status("w", now=AT).progress
        assert found.total == found.updated + found.scheduled + found.unscheduled

    def acts(n: int) -> list[Callable[[], Any]]:
        return [
            lambda: wave.rollout(2),
            lambda: wave.rollout(uuids=[1, 2, 3], skip_mismatched=True),
            lambda: wave.waves.apply(wave.rollout(2, dry_run=True).plan, now=AT),
            status,
            lambda: wave.waves.why(uuids(MATCHING), now=AT),
            lambda: factory.devices.fleet().select(limit=5),
            lambda: wave.check_in([1000 + n], target_version=42),
            lambda: factory.devices.assign([uuid(1050 + n)], "canary", now=AT),
            lambda: factory.metadata.export(uuid(1000 + n), wave.folder / f"export-{n}", now=AT),
        ]

    results = at_once([act for n in range(6) for act in acts(n)])
    # A plan may be overtaken by a rollout; nothing else goes wrong.
    errors = [one for one in results if isinstance(one, Exception)]
    assert {getattr(one, "code", repr(one)) for one in errors} <= {"stale-plan"}
    assert_true(wave, [one for one in results if isinstance(one, RolloutResult)])
    assert factory.check(now=AT).sound


def test_a_rollout_whose_outcome_is_unknown_is_found_out_before_the_next(
    wave: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails after the line is written: the next command must not choose the same devices again."""
    from groundswell.store.faults import outcome_unknown

    store = embedded_store(wave.factory)
    done = store._written

    def fails_late(*arguments: Any) -> None:
        done(*arguments)
        raise outcome_unknown(store.folder, OSError(5, "Input/output error"))

    first = wave.rollout(3)
    monkeypatch.setattr(store, "_written", fails_late)
    with pytest.raises(GroundswellError) as caught:
        wave.rollout(3)
    assert caught.value.code == "outcome-unknown"
    monkeypatch.undo()
    third = wave.rollout(3)
    assert (first.number, third.number) == (1, 3)
    second = wave.waves.rollout_uuids("w", 2)
    assert len({*first.uuids, *second, *third.uuids}) == 9
    assert wave.covered() == sorted(numbers([*first.uuids, *second, *third.uuids]))


def test_a_closed_factory_says_so(wave: Release) -> None:
    wave.rollout(1)
    wave.factory.close()
    for act in (wave.waves.list, lambda: wave.waves.history("w"), lambda: wave.rollout(1)):
        with pytest.raises(GroundswellError) as caught:
            act()
        assert caught.value.code == "factory-closed"
    wave.reopen()
