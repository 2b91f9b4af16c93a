"""Check-ins beside plain dicts, and selections from moments of a live fleet beside the reference."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell import CheckInReport, InputError, LiveFleet
from reference import selection as reference
from reference.selection import Device, Draw, Selector
from support import fleets, profiles
from support.fleets import DAY, DRAW, NOW

if TYPE_CHECKING:
    from uuid import UUID


def checked_in(
    devices: list[Device], batch: list[tuple[UUID, int, int | None]], now: int
) -> tuple[list[Device], CheckInReport]:
    """Take check-ins in the slow way: the later of two stands, the greater version of two at one instant."""
    known = {device.uuid: device for device in devices}
    counts = dict.fromkeys(("applied", "older", "unknown", "refused", "ahead"), 0)
    for uuid, said, version in batch:
        if uuid not in known:
            counts["unknown"] += 1
            continue
        if said <= 0 or said > now + DAY:
            counts["refused"] += 1
            continue
        counts["ahead"] += said > now
        at, device = min(said, now), known[uuid]
        told = device.target_version if version is None else version
        before = (device.last_seen or 0, -1 if device.target_version is None else device.target_version)
        after = (at, -1 if told is None else told)
        counts["applied" if after > before else "older"] += 1
        if after > before:
            known[uuid] = replace(device, last_seen=at, target_version=told)
    return [known[device.uuid] for device in devices], CheckInReport(**counts)


@st.composite
def check_ins(draw: st.DrawFn, devices: list[Device]) -> list[tuple[UUID, int, int | None]]:
    """Draw a batch: repeats, strangers, instants before and after what is known, clocks that are ahead."""
    uuids = [device.uuid for device in devices]
    one = st.tuples(
        st.one_of(st.sampled_from(uuids), st.sampled_from(uuids), st.uuids()),
        st.one_of(
            st.integers(NOW - 12 * DAY, NOW),
            st.integers(NOW - 5, NOW + 5),
            st.sampled_from([0, -1, 1, NOW + DAY, NOW + DAY + 1, 2**33]),
        ),
        st.one_of(st.none(), st.integers(40, 44)),
    )
    return draw(st.lists(one, max_size=40))


@settings(max_examples=profiles.examples(60), deadline=None)
@given(fleets.some_devices(min_size=1), fleets.draws(), st.data())
def test_check_ins_and_selections_are_those_of_the_reference(
    some: list[Device], draw: Draw, data: st.DataObject
) -> None:
    devices = fleets.as_read(some)
    live = LiveFleet(fleets.read(some))
    for _ in range(3):
        batch = data.draw(check_ins(devices))
        devices, expected = checked_in(devices, batch, NOW)
        uuids = np.frombuffer(b"".join(uuid.bytes for uuid, _, _ in batch), np.uint8).reshape(-1, 16)
        at = np.array([at for _, at, _ in batch], np.int64)
        versions = np.array([-1 if version is None else version for _, _, version in batch], np.int64)
        assert live.check_in(uuids, at, versions, now=fleets.instant(NOW)) == expected
        selector = data.draw(fleets.selectors(devices))
        said = fleets.words(replace(selector, uuids=None), draw)
        if selector.group not in (None, *{device.group for device in devices}):
            continue
        if selector.tag not in (None, *{device.tag for device in devices}) or selector.exclude == ():
            continue
        selection = live.select(**said)
        found = reference.select(devices, replace(selector, uuids=None), draw)
        assert list(selection.uuids) == fleets.listed(found.uuids)
        assert (selection.candidates, selection.matching) == (len(found.candidates), len(found.matching))


FORMS: dict[str, Any] = {
    "numpy seconds": lambda at: np.array(at, np.int64),
    "numpy unsigned": lambda at: np.array(at, np.uint32),
    "numpy instants": lambda at: np.array(at, "datetime64[s]").astype("datetime64[us]"),
    "arrow timestamps": lambda at: (
        pa.array(at, pa.int64()).cast(pa.timestamp("s", tz="UTC")).cast(pa.timestamp("us", tz="UTC"))
    ),
    "arrow chunks": lambda at: pa.chunked_array([pa.array(at[:1], pa.int64()), pa.array(at[1:], pa.int64())]),
    "datetimes": lambda at: [datetime.fromtimestamp(second, tz=UTC) for second in at],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by", ["uuids", "texts", "ordinals"])
def test_every_form_of_a_batch_says_the_same(form: str, by: str) -> None:
    fleet = fleets.read([Device(uuid) for uuid in fleets.random_uuids(20)])
    live = LiveFleet(fleet)
    ordinals, at = np.array([3, 5, 19], np.uint32), [NOW - 100, NOW - 200, NOW - 300]
    uuids = fleet.core.uuids(ordinals)
    devices: Any = {"uuids": uuids, "texts": [row.tobytes() for row in uuids], "ordinals": ordinals}[by]
    for versions in ([41, None, 42], np.array([41, -1, 42]), pa.array([41, None, 42])):
        fresh = LiveFleet(fleet)
        assert fresh.check_in(devices, FORMS[form](at), versions, now=fleets.instant(NOW)).applied == 3
        frozen = fresh.freeze()
        assert [frozen.device(int(o))["last_seen"] for o in ordinals] == [fleets.instant(second) for second in at]
        assert [frozen.device(int(o))["target_version"] for o in ordinals] == [41, None, 42]
    assert live.check_in(devices, fleets.instant(NOW), 9, now=fleets.instant(NOW)).applied == 3
    assert live.freeze().target_versions == {9: 3}
    assert fleet.target_versions == {}


def test_a_frozen_moment_stays_as_it_is_and_knows_names_and_ordinals() -> None:
    devices = fleets.large_fleet(300)
    fleet = fleets.read(devices)
    live = LiveFleet(fleet)
    before = live.freeze()
    first = live.select(10, include_test=True, seed=1, now=fleets.instant(NOW))
    live.check_in(fleet.core.uuids(np.arange(300, dtype=np.uint32)), fleets.instant(NOW), 99, now=fleets.instant(NOW))
    assert before.target_versions == fleet.target_versions
    assert live.freeze().target_versions == {99: 300}
    assert first.to_arrow().equals(fleet.select(10, include_test=True, seed=1, now=fleets.instant(NOW)).to_arrow())
    # The ordinals of one moment are those of another: nothing is looked up.
    rest = live.select(include_test=True, exclude=first, seed=1, now=fleets.instant(NOW))
    assert set(rest.uuids) == {str(device.uuid) for device in devices} - set(first.uuids)
    assert first.explain(first.uuids[0]).rank == 1


def test_selections_run_while_threads_check_in() -> None:
    devices = [Device(uuid, last_seen=NOW - 30 * DAY, target_version=1) for uuid in fleets.random_uuids(5_000)]
    fleet = fleets.read(devices)
    live = LiveFleet(fleet)
    ordinals = np.arange(5_000, dtype=np.uint32)

    def check_in(start: int) -> None:
        for turn in range(start, 300, 3):
            # The version is the instant's: a selection that sees one without the other contradicts itself.
            live.check_in(ordinals, fleets.instant(NOW - 1_000 + turn), 1_000 + turn, now=fleets.instant(NOW))

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(check_in, start) for start in range(3)]
        for _ in range(20):
            table = live.select(200, seed=1, now=fleets.instant(NOW)).to_arrow()
            for seen, version in zip(table["last_seen"].to_pylist(), table["target_version"].to_pylist(), strict=True):
                assert version == 1 or seen == fleets.instant(NOW - 2_000 + version)
        for one in running:
            one.result()
    assert live.freeze().target_versions == {1_299: 5_000}


@pytest.mark.parametrize(
    ("at", "versions", "code"),
    [
        (np.zeros(2, np.int64), None, "bad-check-in"),
        (np.zeros((3, 1), np.int64), None, "bad-check-in"),
        (np.zeros(3), None, "bad-check-in"),
        (np.zeros(3, np.int64), np.zeros(4, np.int64), "bad-check-in"),
        (np.zeros(3, np.int64), ["one", "two", "three"], "bad-check-in"),
        (np.zeros(3, np.int64), [1, 2, 2**31], "bad-version"),
        (np.zeros(3, np.int64), 7.5, "bad-version"),
        ([datetime(2026, 1, 1)] * 3, None, "bad-instant"),  # noqa: DTZ001 - a naive one is what is refused
        (datetime(2026, 1, 1), None, "bad-instant"),  # noqa: DTZ001
    ],
    ids=str,
)
def test_bad_batches_are_refused_whole(at: object, versions: object, code: str) -> None:
    live = LiveFleet(fleets.read([Device(uuid) for uuid in fleets.random_uuids(3)]))
    with pytest.raises(InputError) as caught:
        live.check_in(np.arange(3, dtype=np.uint32), at, versions, now=fleets.instant(NOW))
    assert caught.value.code == code
    assert live.freeze().target_versions == {}


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.int32, np.uint32])
def test_ordinals_are_whole_numbers_of_any_width(kind: type[np.integer[Any]]) -> None:
    live = LiveFleet(fleets.read(fleets.large_fleet(50)))
    strangers = [50, 2**31 - 1, *([-1] if np.issubdtype(kind, np.signedinteger) else [2**32 - 1])]
    report = live.check_in(np.array([3, 4, *strangers], kind), fleets.instant(NOW), 9, now=fleets.instant(NOW))
    assert report.unknown == 3
    assert live.freeze().target_versions[9] >= 2


@settings(max_examples=profiles.examples(40), deadline=None)
@given(fleets.some_devices(min_size=2), fleets.draws(), st.data())
def test_devices_excluded_as_a_set_are_those_excluded_one_by_one(
    some: list[Device], draw: Draw, data: st.DataObject
) -> None:
    import pyroaring

    fleet = fleets.read(some)
    left_out = data.draw(st.lists(st.integers(0, len(some) + 3), min_size=1, unique=True))
    known = tuple(some[at].uuid for at in left_out if at < len(some))
    said = fleets.words(Selector(include_test=True, limit=data.draw(st.integers(1, 45))), draw)
    as_set = fleet.select(**said, exclude=pyroaring.BitMap(left_out))
    if known:
        assert list(as_set.uuids) == list(fleet.select(**said, exclude=fleets.listed(known)).uuids)
    assert as_set.excluded == len(known)
    assert as_set.excluded_unknown == len(left_out) - len(known)
    first = fleet.select(1, include_test=True, seed=draw.seed, now=fleets.instant(draw.now))
    by_selection, by_uuid = fleet.select(**said, exclude=first), fleet.select(**said, exclude=first.uuids)
    assert list(by_selection.uuids) == list(by_uuid.uuids)


def test_an_empty_set_to_exclude_is_refused() -> None:
    import pyroaring

    fleet = fleets.read([Device(uuid) for uuid in fleets.random_uuids(3)])
    with pytest.raises(InputError) as caught:
        fleet.select(1, exclude=pyroaring.BitMap())
    assert caught.value.code == "empty-list"


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_repeatable_for_any_number_of_threads_that_share_the_work(threads: int) -> None:
    devices = fleets.large_fleet(1_000)
    fleet = fleets.read(devices * 1)
    said = fleets.words(Selector(limit=100), DRAW)
    assert list(fleet.select(**said, threads=threads).uuids) == fleets.expected(devices, Selector(limit=100))


@pytest.mark.parametrize("threads", [0, -1, 257])
def test_bad_numbers_of_threads_are_refused(threads: int) -> None:
    fleet = fleets.read([Device(uuid) for uuid in fleets.random_uuids(3)])
    with pytest.raises(InputError) as caught:
        fleet.select(1, threads=threads)
    assert caught.value.code == "bad-threads"


@pytest.mark.parametrize("threads", [True, 1.5, "two"])
def test_threads_that_are_not_a_whole_number_are_refused(threads: Any) -> None:
    fleet = fleets.read([Device(uuid) for uuid in fleets.random_uuids(3)])
    with pytest.raises(InputError) as caught:
        fleet.select(1, threads=threads)
    assert (caught.value.code, caught.value.fields["argument"]) == ("bad-argument", "threads")
