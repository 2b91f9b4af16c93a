"""Every number in a wave's status is the length of its list (domain.md, "Status")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from groundswell.errors import GroundswellError
from support.factories import AT, NOW
from support.wave_factories import uuid

if TYPE_CHECKING:
    from typing import Any

    from support.wave_factories import Release

COUNTS = {
    "matching": "total", "online": "online", "updated": "updated", "on-version": "on_version", "newer": "newer",
    "older": "older", "covered": "covered", "scheduled": "scheduled", "silent": "silent", "unsupported": "unsupported",
    "unscheduled": "unscheduled",
}  # fmt: skip


@pytest.fixture
def varied(wave: Release) -> Release:
    """A wave with whole and sampled groups; devices at, above and below its version, one without a target."""
    wave.rollout(group="canary", whole_group=True)
    wave.rollout(4, group="field", seed=1)
    changes = pa.table(
        {
            "uuid": [uuid(number) for number in (1, 2, 6, 7, 16, 3)],
            "last_seen": [NOW - 10, NOW - 20, NOW - 30, NOW - 40, NOW - 50, NOW],
            "target_version": pa.array([42, 43, 42, 43, 42, None], pa.int64()),
            "hardware_id": pa.array([None] * 5 + ["x86"], pa.string()),
        }
    )
    wave.factory.devices.import_(changes, now=AT)
    return wave


@pytest.mark.parametrize("end", ["active", "complete", "canceled"])
def test_every_count_is_the_length_of_its_list(varied: Release, end: str) -> None:
    if end == "complete":
        words: dict[str, Any] = {"allow_downgrade": True}
        varied.waves.complete("w", now=AT, **words)
    elif end == "canceled":
        varied.waves.cancel("w", now=AT)
    status = varied.waves.status("w", now=AT)
    groups = {one.group: one.progress for one in (*status.rollout_groups, *status.other_groups)}
    for state, count in COUNTS.items():
        page = varied.factory.devices.list(wave="w", state=state, now=AT)
        assert page.total == len(page.devices) == getattr(status.progress, count), state
        listed = varied.factory.devices.list_uuids(wave="w", state=state, now=AT)
        assert listed == [device.uuid for device in page.devices]
        for group, progress in groups.items():
            found = varied.factory.devices.list(wave="w", state=state, group=group, no_group=group is None, now=AT)
            assert found.total == getattr(progress, count), (state, group)
    for share in status.progress.versions:
        if share.target_version is not None:
            found = varied.factory.devices.list(wave="w", target_version=share.target_version, now=AT)
            assert found.total == share.devices


def test_a_state_without_a_wave_is_that_of_the_only_active_one(varied: Release) -> None:
    named = varied.factory.devices.list(wave="w", state="scheduled", now=AT)
    assert varied.factory.devices.list(state="scheduled", now=AT) == named
    pages = [varied.factory.devices.list(state="scheduled", limit=2, page=page, now=AT) for page in (1, 2)]
    assert [one for page in pages for one in page.devices] == list(named.devices[:4])
    varied.waves.cancel("w", now=AT)
    with pytest.raises(GroundswellError) as caught:
        varied.factory.devices.list(state="scheduled", now=AT)
    assert caught.value.code == "no-active-wave"


@pytest.mark.parametrize(("state", "code"), [("failed", "failures-unknown"), ("nonsense", "bad-state")])
def test_a_state_that_cannot_be_listed_says_why(varied: Release, state: str, code: str) -> None:
    with pytest.raises(GroundswellError) as caught:
        varied.factory.devices.list(wave="w", state=state, now=AT)
    assert caught.value.code == code
