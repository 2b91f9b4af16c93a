"""Random fleets and selectors of the reference, and their conversion to the engine.

Small fleets come from hypothesis, so that they shrink; large ones from a seeded `random.Random`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

import groundswell
from groundswell.ingest.read import read_fleet
from reference import selection as reference
from reference.selection import Device, Draw, Selector

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

NOW = 1_795_000_000
DAY = 24 * 3600
GROUPS = ("alpha", "Beta-2", "g.3_x+")
TAGS = ("main", "beta")
HARDWARE = ("pi", "x86")
EVERYONE = Selector(include_test=True)
DRAW = Draw(seed=7, now=NOW)


# --- UUIDs ---------------------------------------------------------------------------------------------------------


def random_uuids(count: int, seed: int = 1) -> list[UUID]:
    """Make version 4 UUIDs."""
    chance = random.Random(seed)
    return [UUID(int=chance.getrandbits(128), version=4) for _ in range(count)]


def sequential_uuids(count: int) -> list[UUID]:
    """Count from one in the lowest bits."""
    return [UUID(int=number) for number in range(1, count + 1)]


def low_entropy_uuids(count: int) -> list[UUID]:
    """Count in the highest 32 bits; the rest is zero."""
    return [UUID(int=number << 96) for number in range(1, count + 1)]


KINDS_OF_UUIDS = {"v4": random_uuids, "sequential": sequential_uuids, "low entropy": low_entropy_uuids}


# --- to the engine -------------------------------------------------------------------------------------------------


def instant(seconds: int, offset_minutes: int = 0) -> datetime:
    """Convert epoch seconds to an aware datetime; the offset does not change the instant."""
    return datetime.fromtimestamp(seconds, tz=timezone(timedelta(minutes=offset_minutes)))


def registry(devices: Sequence[Device], *, last_seen_as_integers: bool = False) -> pa.Table:
    """Make the registry export of these devices."""
    seen: list[Any] = [device.last_seen for device in devices]
    kind = pa.int64()
    if not last_seen_as_integers:
        seen = [None if at is None else datetime.fromtimestamp(at, tz=UTC) for at in seen]
        kind = pa.timestamp("s", tz="UTC")
    return pa.table(
        {
            "uuid": pa.array([str(device.uuid) for device in devices], pa.string()),
            "name": pa.array([name(device.uuid) for device in devices], pa.string()),
            "group": pa.array([device.group for device in devices], pa.string()),
            "tag": pa.array([device.tag for device in devices], pa.string()),
            "production": pa.array([device.production for device in devices], pa.bool_()),
            "last_seen": pa.array(seen, kind),
            "target_version": pa.array([device.target_version for device in devices], pa.int64()),
            "hardware_id": pa.array([device.hardware_id for device in devices], pa.string()),
        }
    )


def name(uuid: UUID) -> str:
    """The name that `registry` gives to a device."""
    return f"device-{uuid.hex}"


def read(devices: Sequence[Device], *, now: int = NOW, last_seen_as_integers: bool = False) -> groundswell.Fleet:
    """Read the devices into the engine."""
    table = registry(devices, last_seen_as_integers=last_seen_as_integers)
    return groundswell.Fleet.read(table, now=instant(now))


def read_with_deletions(devices: Sequence[Device], deleted: Collection[UUID], *, now: int = NOW) -> groundswell.Fleet:
    """Read the devices into the engine like a factory's fleet, in which deleted devices keep their rows."""
    columns = read_fleet(registry(devices), now=now)
    there = np.array([device.uuid not in deleted for device in devices], np.bool_)
    return groundswell.Fleet(replace(columns, present_rows=there))


def words(selector: Selector, draw: Draw) -> dict[str, Any]:
    """Convert a selector and a draw to the keyword arguments of `Fleet.select`."""
    said: dict[str, Any] = {
        "limit": selector.limit,
        "group": selector.group,
        "tag": selector.tag,
        "uuids": listed(selector.uuids),
        "exclude": listed(selector.exclude),
        "not_updated": selector.not_updated,
        "include_test": selector.include_test,
        "percent_of": selector.percent_of,
        "skip_mismatched": selector.skip_mismatched,
        "seed": draw.seed,
        "now": instant(draw.now),
        "online_threshold": timedelta(seconds=draw.online_threshold),
        "half_life": timedelta(seconds=draw.half_life),
    }
    return {word: value for word, value in said.items() if value is not None}


def select(fleet: groundswell.Fleet, selector: Selector, draw: Draw) -> groundswell.Selection:
    """Select with the engine."""
    return fleet.select(**words(selector, draw))


def picks(fleet: groundswell.Fleet, selector: Selector = EVERYONE, draw: Draw = DRAW) -> list[str]:
    """Select with the engine, and return only the UUIDs."""
    return list(select(fleet, selector, draw).uuids)


def expected(devices: Sequence[Device], selector: Selector = EVERYONE, draw: Draw = DRAW) -> list[str]:
    """Select with the reference, and return only the UUIDs."""
    return [str(uuid) for uuid in reference.select(as_read(devices), selector, draw).uuids]


def listed(uuids: Iterable[UUID] | None) -> list[str] | None:
    """Format UUIDs."""
    return None if uuids is None else [str(uuid) for uuid in uuids]


# --- small, for hypothesis -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A fleet and selections from it. The `last_seen` of its devices is that after reading at NOW."""

    devices: list[Device]
    asked: list[tuple[Selector, Draw]]


seeds = st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1), st.sampled_from([2**32 - 1, 2**32, 2**63, 2**64 - 1]))
versions = st.one_of(st.integers(40, 44), st.integers(1, 2**31 - 1))


def _uuids() -> st.SearchStrategy[UUID]:
    return st.one_of(
        st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number)),
        st.integers(0, 300).map(lambda number: UUID(int=number)),
        st.integers(0, 300).map(lambda number: UUID(int=number << 96)),
    )


def _ages() -> st.SearchStrategy[int | None]:
    edges = [
        0,
        1,
        3600,
        14399,
        14400,
        14401,
        25200,
        25201,
        14400 + DAY,
        14401 + DAY,
        14400 + 10 * DAY,
        14401 + 10 * DAY,
    ]
    return st.one_of(
        st.none(),
        st.sampled_from(edges),
        st.integers(0, 12 * DAY),
        st.integers(0, 20 * 365 * DAY),
        st.integers(-DAY, 0),
    )


@st.composite
def some_devices(draw: st.DrawFn, *, min_size: int = 0, max_size: int = 40) -> list[Device]:
    """Draw devices of every kind. Dates may be up to a day in the future; the reader clamps them."""
    uuids = draw(st.lists(_uuids(), unique=True, min_size=min_size, max_size=max_size))
    return [
        Device(
            uuid,
            group=draw(st.sampled_from((*GROUPS, None))),
            tag=draw(st.sampled_from((TAGS[0], *TAGS, None))),
            production=draw(st.sampled_from((True, True, True, False))),
            last_seen=None if (age := draw(_ages())) is None else NOW - age,
            target_version=draw(st.one_of(st.none(), versions)),
            hardware_id=draw(st.sampled_from((HARDWARE[0], *HARDWARE, None))),
        )
        for uuid in uuids
    ]


def as_read(devices: Iterable[Device]) -> list[Device]:
    """Replace dates in the future by NOW, as domain.md requires of a reader."""
    return [d if d.last_seen is None else replace(d, last_seen=min(d.last_seen, NOW)) for d in devices]


def percentages() -> st.SearchStrategy[str]:
    """Draw percentages from 0.001% to 100% in steps of 0.001%, without trailing zeros."""
    thousandths = st.one_of(st.integers(1, 100_000), st.integers(1, 100).map(lambda whole: whole * 1000))
    return thousandths.map(lambda n: f"{n // 1000}.{n % 1000:03}".rstrip("0").rstrip(".") + "%")


def draws() -> st.SearchStrategy[Draw]:
    """Draw seeds, instants and settings; now may be before or long after the read instant of the fleet.

    The last instants and durations of each line overflow 32 bits.
    """
    far = st.sampled_from([-2_208_988_800, 0, 2**31, 2**32 - 1, 2**32, 250_000_000_000])
    long = st.sampled_from([2**31, 2**32 - 1, 2**32, 10**11])
    return st.builds(
        Draw,
        seed=seeds,
        now=st.one_of(st.just(NOW), st.integers(NOW - 30 * DAY, NOW + 30 * DAY), st.integers(NOW, 2 * NOW), far),
        online_threshold=st.one_of(st.just(4 * 3600), st.integers(0, 10 * DAY), long),
        half_life=st.one_of(st.just(DAY), st.integers(1, 9), st.integers(1, 10 * DAY), long),
    )


@st.composite
def selectors(draw: st.DrawFn, devices: Sequence[Device]) -> Selector:
    """Draw a selector for these devices and a few unknown ones."""
    known = [device.uuid for device in devices]
    pool = st.one_of(st.sampled_from(known), st.sampled_from(known), _uuids()) if known else _uuids()
    lists = st.lists(pool, max_size=30).map(tuple)
    # List devices that match the rest of the selector: a random list would nearly always be refused.
    group = draw(st.sampled_from((None, None, *GROUPS)))
    tag = draw(st.sampled_from((None, None, *TAGS)))
    include_test = draw(st.sampled_from((False, False, True)))
    fitting = [
        d.uuid for d in devices if (d.production or include_test) and group in (None, d.group) and tag in (None, d.tag)
    ]
    fitting_lists = st.lists(st.sampled_from(fitting), max_size=30).map(tuple) if fitting else lists
    return Selector(
        limit=draw(st.one_of(st.none(), st.integers(1, 45), st.integers(1, 2**40), percentages())),
        group=group,
        tag=tag,
        uuids=draw(st.one_of(st.none(), st.none(), fitting_lists, lists)),
        exclude=draw(st.one_of(st.none(), lists)),
        not_updated=draw(st.one_of(st.none(), versions)),
        include_test=include_test,
        percent_of=draw(st.sampled_from(("matching", "remaining", "online"))),
        skip_mismatched=draw(st.booleans()),
    )


@st.composite
def cases(draw: st.DrawFn, *, min_size: int = 0, asked: int = 5) -> Case:
    """Draw a fleet and some selections from it."""
    devices = draw(some_devices(min_size=min_size))
    pairs = st.tuples(selectors(devices), draws())
    return Case(devices, draw(st.lists(pairs, min_size=1, max_size=asked)))


# --- large, from a seed --------------------------------------------------------------------------------------------


def large_fleet(count: int, seed: int = 1) -> list[Device]:
    """Make a fleet with groups of unequal size and unequal activity, test devices and a long offline tail."""
    chance = random.Random(seed)
    groups = [None, "big", "offline", "online", "small"]
    fleet = []
    for uuid in random_uuids(count, seed):
        (group,) = chance.choices(groups, (20, 60, 10, 9, 1))
        age: int | None = int(chance.expovariate(1 / (2 * DAY)))
        if group == "offline":
            age = None if chance.random() < 0.5 else 60 * DAY
        elif group == "online":
            age = chance.randrange(4 * 3600)
        fleet.append(
            Device(
                uuid,
                group=group,
                tag=chance.choice(TAGS),
                production=chance.random() > 0.03,
                last_seen=None if age is None else NOW - age,
                target_version=chance.choice((None, 40, 41, 42)),
            )
        )
    return fleet
