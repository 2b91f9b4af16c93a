"""The picks of a factory's rollouts are those of the oracle: plain integers, 60 digits, nothing of ours."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundswell.factory import Factory
from support import fleets, profiles, wave_factories
from support.factories import AT, NOW
from support.wave_factories import FIELD, HOUR, MATCHING, numbers, uuid, uuids

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGED, UPDATED = {2, 6, 7}, {8, 16}


def load_oracle() -> Any:
    path = Path(__file__).parents[1] / "data" / "selection" / "oracle.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ORACLE = load_oracle()


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    """With a wave on its way: some devices are staged, others have updated. Nobody changes it."""
    folder = wave_factories.make(tmp_path_factory.mktemp("picks"))
    with Factory.open(folder / "acme") as opened:
        opened.devices.import_(wave_factories.small_fleet(), now=AT)
        opened.waves.init("w", 42, "main", keys=folder / "targets.tgz", now=AT)
        opened.waves.rollout("w", uuids=uuids(sorted(STAGED)), now=AT)
        seen = [UUID(uuid(n)) for n in sorted(UPDATED)]
        opened.devices.import_(wave_factories.cells(seen, last_seen=NOW, target_version=42), now=AT)
        yield opened


@settings(
    max_examples=profiles.examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    limit=st.integers(1, 20),
    pool=st.tuples(
        st.sampled_from((None, "field")), st.none() | st.lists(st.sampled_from(FIELD), min_size=1, unique=True)
    ),
    seed=fleets.seeds,
    hours=st.tuples(st.integers(-5, 400), st.integers(0, 30), st.integers(1, 100)),
)
def test_a_sample_is_what_the_oracle_draws_of_the_candidates(
    factory: Factory, limit: int, *, pool: tuple[str | None, list[int] | None], seed: int, hours: tuple[int, int, int]
) -> None:
    group, listed = pool
    later, threshold, half_life = hours
    result = factory.waves.rollout(
        "w",
        limit,
        group=group,
        uuids=None if listed is None else uuids(listed),
        seed=seed,
        now=AT + timedelta(hours=later),
        online_threshold=timedelta(hours=threshold),
        half_life=timedelta(hours=half_life),
        dry_run=True,
    )
    matching = set(MATCHING if group is None else FIELD) & set(MATCHING if listed is None else listed)
    candidates = matching - STAGED - UPDATED
    drawn = ORACLE.select(
        [(uuid(n), NOW - n * HOUR) for n in candidates],
        NOW + later * HOUR,
        seed,
        limit,
        online_threshold=threshold * HOUR,
        half_life=half_life * HOUR,
    )
    assert result.uuids == drawn
    assert (result.candidates, result.matching) == (len(candidates), len(matching))
    assert set(numbers(result.uuids)) <= candidates
