"""Generates synthetic fleets with realistic distributions, for demonstrations, tests and benchmarks.

A fleet is generated in chunks of 262 144 devices, each with its own random generator, so memory does not grow with
the fleet. Distributions are tables and piecewise linear functions; without `log` and the like, whose last bit depends
on the C library, the same devices result on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from groundswell.errors import InputError
from groundswell.values import parse_seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Floats: TypeAlias = npt.NDArray[np.float64]
    Integers: TypeAlias = npt.NDArray[np.int64]

__all__ = ["MOST_DEVICES", "synth", "synth_chunks"]

MOST_DEVICES: Final = 2**32 - 2
"""Ordinals have 32 bits, and the largest value means "none"."""
_CHUNK: Final = 2**18
_COLUMNS: Final = frozenset(
    {"uuid", "name", "group", "tag", "production", "last_seen", "target_version", "hardware_id"}
)

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR

# Region → offset from UTC in seconds. A group without a region has devices in all regions.
_REGIONS: Final = {
    "us-east": -5 * _HOUR,
    "eu-emea": 1 * _HOUR,
    "us-west": -8 * _HOUR,
    "ap-south": 5 * _HOUR + 1800,
    "eu-north": 2 * _HOUR,
    "ap-northeast": 9 * _HOUR,
    "us-central": -6 * _HOUR,
    "sa-east": -3 * _HOUR,
    "ap-southeast": 8 * _HOUR,
    "ca-central": -5 * _HOUR,
    "me-central": 4 * _HOUR,
    "af-south": 2 * _HOUR,
}
_ROLES: Final = ("warehouse", "canary", "factory-floor", "kiosks", "staff", "field-trial", "lab", "demo-units")
# Ordered by size, every third group is named after a role until the roles are used up; the others after a region.
_ROLE_EVERY: Final = 3

_GROUPLESS: Final = 0.05
_TEST: Final = 0.03
_PRODUCTION_TAGS: Final = {"production": 0.86, "lts": 0.07, "beta": 0.04, "partners": 0.025, None: 0.005}
_TEST_TAGS: Final = {"main": 0.7, "devel": 0.3}
_HARDWARE: Final = {  # hardware id -> (share, what the names of its devices begin with)
    "imx8mm-gateway": (0.41, "gw"),
    "raspberrypi4-64": (0.27, "edge"),
    "intel-corei7-64": (0.17, "kiosk"),
    "stm32mp15-sensor": (0.11, "sensor"),
    "jetson-orin-nano": (0.04, "cam"),
}
_FEWEST_DIGITS: Final = 6

# Share of the devices that are always on, on by day, offline for a long time, and never seen.
_HABITS: Final = {"always-on": 0.53, "by-day": 0.22, "away": 0.23, "never": 0.02}
_USED_TODAY: Final = 0.85
# Quantile functions: (share of the devices, age in seconds or time of the day), interpolated linearly.
_ALWAYS_ON_AGES: Final = ((0, 0), (0.8, 900), (0.95, _HOUR), (1, 4 * _HOUR))
_AWAY_AGES: Final = (
    (0, 2 * _HOUR),
    (0.15, _DAY),
    (0.45, 7 * _DAY),
    (0.7, 30 * _DAY),
    (0.9, 180 * _DAY),
    (1, 700 * _DAY),
)
_HOURS_OF_THE_DAY: Final = (
    (0, 0),
    (0.06, 6 * _HOUR),
    (0.2, 9 * _HOUR),
    (0.8, 18 * _HOUR),
    (0.95, 22 * _HOUR),
    (1, _DAY),
)

_LATEST_VERSION: Final = 214
_LAGS: Final = ((0.46, 0), (0.8, 1), (0.9, 2), (0.94, 3), (0.96, 5), (0.98, 8), (0.995, 20), (1, 60))
_RELEASE_EVERY: Final = 21 * _DAY
_BUILDS_AHEAD: Final = 4
_UNKNOWN_VERSION: Final = 0.015


def synth(devices: int, *, seed: int, now: int) -> pa.Table:
    """Generate a synthetic fleet with realistic distributions.

    Groups have Zipf-like sizes, and their number grows with the fleet; 5% of the devices have no group. 3% are test
    devices. About two thirds were seen within the last 4 hours (more where it is daytime), most others within days,
    weeks or months; 2% were never seen. Most report one of the latest two target versions; devices that have been
    offline for long report an older one.

    Args:
        devices: how many, 1 to 2³² − 2.
        seed: 0 to 2⁶⁴ − 1.
        now: the latest ``last_seen``, in seconds since 1970.

    Returns:
        A table with the columns ``uuid``, ``name``, ``group``, ``tag`` (string), ``production`` (bool), ``last_seen``
        (timestamp[s, UTC], null for never), ``target_version`` (int32, null if unknown) and ``hardware_id`` (string).
        The same arguments give the same table.

    Raises:
        InputError: ``bad-device-count``, ``bad-seed``.

    Cost: about a second for a million devices.

    >>> fleet = synth(1000, seed=1, now=1_795_478_400)
    >>> fleet.num_rows, fleet == synth(1000, seed=1, now=1_795_478_400)
    (1000, True)
    """
    import pyarrow as pa

    return pa.concat_tables(synth_chunks(devices, seed=seed, now=now))


def synth_chunks(devices: int, *, seed: int, now: int) -> Iterator[pa.Table]:
    """Generate the fleet of `synth` in chunks, in the order of its rows."""
    if not 1 <= devices <= MOST_DEVICES:
        raise InputError(
            "bad-device-count",
            f"a fleet cannot have `{devices}` devices",
            hint=f"give a number from 1 to {MOST_DEVICES}",
            fields={"devices": devices},
        )
    entropy = parse_seed(seed)
    groups = _groups(devices)
    digits = max(_FEWEST_DIGITS, len(str(devices - 1)))

    def chunks() -> Iterator[pa.Table]:
        for number, first in enumerate(range(0, devices, _CHUNK)):
            import numpy as np

            chance = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,)))
            yield _chunk(range(first, min(first + _CHUNK, devices)), chance, groups, digits, now)

    return chunks()


@dataclass(frozen=True)
class _Groups:
    """Groups, largest first: names, shares (which sum to 1), and offsets from UTC (None: devices in all regions)."""

    names: list[str]
    shares: list[float]
    offsets: list[int | None]


def _groups(devices: int) -> _Groups:
    """The groups of a fleet: 4 for 100 devices, 32 for 100 000, 125 for 10 million."""
    number = min(devices, max(3, round(4 * (devices / 100) ** 0.3)))
    regions = list(_REGIONS.items())
    roles = list(_ROLES)
    names: list[str] = []
    offsets: list[int | None] = []
    regional = 0
    for rank in range(1, number + 1):
        if rank % _ROLE_EVERY == 0 and roles:
            names.append(roles.pop(0))
            offsets.append(None)
            continue
        lap, place = divmod(regional, len(regions))
        region, offset = regions[place]
        names.append(f"{region}-{lap + 1}")
        offsets.append(offset)
        regional += 1
    weights = [1 / rank for rank in range(1, number + 1)]
    return _Groups(names, [weight / sum(weights) for weight in weights], offsets)


def _chunk(rows: range, chance: np.random.Generator, groups: _Groups, digits: int, now: int) -> pa.Table:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from groundswell.arrow_columns import fleet_table

    n = len(rows)
    group = _pick(chance.random(n), groups.shares).astype(np.int32)
    group[chance.random(n) < _GROUPLESS] = -1
    last_seen = _last_seen(chance, _offsets(chance, group, groups), now)
    production = chance.random(n) >= _TEST
    tag_names, tags = _tags(chance, production)
    hardware = _pick(chance.random(n), [share for share, _ in _HARDWARE.values()]).astype(np.int32)
    columns: dict[str, Any] = {
        "uuids": _version_4(chance, n),
        "groups": group,
        "group_names": groups.names,
        "tags": tags,
        "tag_names": tag_names,
        "production": production,
        "last_seen": last_seen,
        "target_versions": _target_versions(chance, production, last_seen, now),
    }
    prefixes = pa.array([prefix for _, prefix in _HARDWARE.values()]).take(pa.array(hardware))
    numbers = pc.utf8_lpad(pa.array(np.arange(rows.start, rows.stop)).cast(pa.string()), digits, "0")
    names = pc.binary_join_element_wise(prefixes, numbers, "-")
    hardware_ids = pa.array(list(_HARDWARE)).take(pa.array(hardware))
    return fleet_table(columns, names, hardware_ids, _COLUMNS)


def _pick(uniform: Floats, shares: Sequence[float]) -> npt.NDArray[np.intp]:
    """Map each number in [0, 1) to a choice, in proportion to the shares."""
    import numpy as np

    return np.minimum(np.searchsorted(np.cumsum(shares), uniform, side="right"), len(shares) - 1)


def _from_quantiles(uniform: Floats, quantiles: Sequence[tuple[float, int]]) -> Integers:
    import numpy as np

    shares, values = zip(*quantiles, strict=True)
    between: Integers = np.interp(uniform, shares, values).astype(np.int64)
    return between


def _version_4(chance: np.random.Generator, n: int) -> npt.NDArray[np.uint8]:
    import numpy as np

    uuids = np.frombuffer(bytearray(chance.bytes(16 * n)), np.uint8).reshape(n, 16)
    uuids[:, 6] = uuids[:, 6] & 0x0F | 0x40
    uuids[:, 8] = uuids[:, 8] & 0x3F | 0x80
    return uuids


def _offsets(chance: np.random.Generator, group: npt.NDArray[np.int32], groups: _Groups) -> Integers:
    """Each device's offset from UTC: its group's, or that of any region."""
    import numpy as np

    everywhere = np.array(list(_REGIONS.values()))[(chance.random(len(group)) * len(_REGIONS)).astype(np.int64)]
    # Append an entry for devices without a group: their code -1 indexes the last entry.
    regional = np.array([offset is not None for offset in groups.offsets] + [False])
    offsets = np.array([offset or 0 for offset in groups.offsets] + [0])
    return np.where(regional[group], offsets[group], everywhere)


def _last_seen(chance: np.random.Generator, offsets: Integers, now: int) -> npt.NDArray[np.uint32]:
    """Seconds since 1970, 0 for never; depends on each device's habit and its local time of day."""
    import numpy as np

    n = len(offsets)
    local = now + offsets
    today = local // _DAY

    always_on = local - _from_quantiles(chance.random(n), _ALWAYS_ON_AGES)

    # On from about 7 to 20 h on most days: seen just now, or when the device was last switched off.
    on_at = (6 + 2 * chance.random(n)) * _HOUR
    off_at = (17 + 6 * chance.random(n)) * _HOUR
    day = today - (chance.random(n) >= _USED_TODAY)
    day -= day * _DAY + on_at > local
    by_day = np.minimum(local - _from_quantiles(chance.random(n), _ALWAYS_ON_AGES) // 8, day * _DAY + off_at)

    away = (local - _from_quantiles(chance.random(n), _AWAY_AGES)) // _DAY * _DAY
    away += _from_quantiles(chance.random(n), _HOURS_OF_THE_DAY)
    away -= np.where(away > local, _DAY, 0)

    habit = _pick(chance.random(n), list(_HABITS.values()))
    seen = np.choose(habit, [always_on, by_day.astype(np.int64), away, 0])
    never = habit == list(_HABITS).index("never")
    return np.where(never, 0, np.clip(seen - offsets, 1, min(now, 2**32 - 1))).astype(np.uint32)


def _tags(chance: np.random.Generator, production: npt.NDArray[np.bool_]) -> tuple[list[str], npt.NDArray[np.int32]]:
    import numpy as np

    n = len(production)
    names = [tag for tag in _PRODUCTION_TAGS if tag is not None]
    # The last choice of a production device is no tag (-1). Test devices choose among other tags.
    of_production = _pick(chance.random(n), list(_PRODUCTION_TAGS.values()))
    of_production[of_production == len(names)] = -1
    of_test = _pick(chance.random(n), list(_TEST_TAGS.values())) + len(names)
    return [*names, *_TEST_TAGS], np.where(production, of_production, of_test).astype(np.int32)


def _target_versions(
    chance: np.random.Generator, production: npt.NDArray[np.bool_], last_seen: npt.NDArray[np.uint32], now: int
) -> npt.NDArray[np.int32]:
    """The target version that each device last reported; never newer than the latest release at its `last_seen`."""
    import numpy as np

    n = len(production)
    lag = _pick(chance.random(n), np.diff([share for share, _ in _LAGS], prepend=0.0).tolist())
    lags = np.array([versions for _, versions in _LAGS])[lag]
    missed = (now - last_seen.astype(np.int64)) // _RELEASE_EVERY
    ahead = (chance.random(n) * _BUILDS_AHEAD).astype(np.int64)
    versions = _LATEST_VERSION - lags - missed + np.where(production, 0, ahead)
    unknown = (chance.random(n) < _UNKNOWN_VERSION) | (last_seen == 0)
    return np.where(unknown, -1, np.maximum(versions, 1)).astype(np.int32)
