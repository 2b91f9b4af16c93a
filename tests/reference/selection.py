"""A second implementation of the rules of domain.md and selection.md, with which tests compare the engine.

Plain sets, plain integers and 60-digit arithmetic; slow on purpose; without imports from groundswell. Devices are
identified by UUID; there are no ordinals, positions and bitmaps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import mpmath

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

M64, M32 = (1 << 64) - 1, (1 << 32) - 1
FLOOR_STEP = 80
_exact = mpmath.MPContext()
_exact.dps = 60

Denominator = Literal["matching", "remaining", "online"]
Reason = Literal["unknown", "test", "wrong-tag", "wrong-group", "no-target-for-hardware"]


@dataclass(frozen=True)
class Device:
    """One row of a registry. `last_seen` is epoch seconds, None for never."""

    uuid: UUID
    group: str | None = None
    tag: str | None = None
    production: bool = True
    last_seen: int | None = None
    target_version: int | None = None
    hardware_id: str | None = None


@dataclass(frozen=True)
class Selector:
    """A request. None means absent, which differs from empty."""

    limit: int | str | None = None
    group: str | None = None
    tag: str | None = None
    uuids: tuple[UUID, ...] | None = None
    exclude: tuple[UUID, ...] | None = None
    not_updated: int | None = None
    include_test: bool = False
    percent_of: Denominator = "matching"
    skip_mismatched: bool = False


@dataclass(frozen=True)
class Draw:
    """The other arguments of a selection: seed, instant and settings."""

    seed: int
    now: int
    online_threshold: int = 4 * 3600
    half_life: int = 24 * 3600


@dataclass(frozen=True)
class Chosen:
    """The expected result of a selection. `limit` is the limit in devices; None without a limit."""

    uuids: list[UUID]
    candidates: frozenset[UUID]
    matching: frozenset[UUID]
    limit: int | None
    skipped: list[tuple[UUID, Reason]]


class RefusedError(Exception):
    """The selection must be refused with one of these codes; the engine may report any of its faults first."""

    def __init__(self, codes: frozenset[str], offenders: list[tuple[UUID, Reason]]) -> None:
        super().__init__(", ".join(sorted(codes)))
        self.codes = codes
        self.offenders = offenders


# --- sets ---------------------------------------------------------------------------------------------------------


def matching(fleet: Iterable[Device], selector: Selector) -> frozenset[UUID]:
    """Return (production, or everything with include_test) ∩ tag? ∩ group? ∩ uuids?."""
    found = {device.uuid for device in fleet if device.production or selector.include_test}
    if selector.tag is not None:
        found &= {device.uuid for device in fleet if device.tag == selector.tag}
    if selector.group is not None:
        found &= {device.uuid for device in fleet if device.group == selector.group}
    if selector.uuids is not None:
        found &= set(selector.uuids)
    return frozenset(found)


def candidates(fleet: Iterable[Device], selector: Selector) -> frozenset[UUID]:
    """Return matching without the excluded and the updated; a device of unknown version counts as older."""
    left = set(matching(fleet, selector))
    if selector.exclude is not None:
        left -= set(selector.exclude)
    wave = selector.not_updated
    if wave is not None:
        left -= {d.uuid for d in fleet if d.target_version is not None and d.target_version >= wave}
    return frozenset(left)


def offenders(fleet: Iterable[Device], selector: Selector) -> list[tuple[UUID, Reason]]:
    """Return the listed devices that do not fit, each once, with the first reason that applies."""
    known = {device.uuid: device for device in fleet}
    wrong: list[tuple[UUID, Reason]] = []
    for uuid in dict.fromkeys(selector.uuids or ()):
        device = known.get(uuid)
        if device is None:
            wrong.append((uuid, "unknown"))
        elif not (device.production or selector.include_test):
            wrong.append((uuid, "test"))
        elif selector.tag is not None and device.tag != selector.tag:
            wrong.append((uuid, "wrong-tag"))
        elif selector.group is not None and device.group != selector.group:
            wrong.append((uuid, "wrong-group"))
    return wrong


def share(percentage: str, whole: int) -> int:
    """Return `percentage` (such as "12.5%") of a number of devices, rounded up exactly."""
    return math.ceil(Fraction(percentage.removesuffix("%")) * whole / 100)


def limit(fleet: Iterable[Device], selector: Selector, draw: Draw) -> int | None:
    """Return the limit as a number of devices."""
    if not isinstance(selector.limit, str):
        return selector.limit
    match selector.percent_of:
        case "matching":
            whole = matching(fleet, selector)
        case "remaining":
            whole = candidates(fleet, selector)
        case "online":
            seen_lately = {device.uuid for device in fleet if step(device.last_seen, draw) == 0}
            whole = matching(fleet, selector) & seen_lately
    return share(selector.limit, len(whole))


# --- algorithm 1 --------------------------------------------------------------------------------------------------


def step(last_seen: int | None, draw: Draw) -> int:
    """The recency step: eighths of a half-life beyond the online threshold, rounded up; 80 at most or if never seen."""
    if last_seen is None:
        return FLOOR_STEP
    past = max(0, draw.now - last_seen) - draw.online_threshold
    if past <= 0:
        return 0
    return min(FLOOR_STEP, (past * 8 + draw.half_life - 1) // draw.half_life)


def fmix64(h: int) -> int:
    """The finaliser of MurmurHash3."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ (h >> 33)) * factor & M64
    return h ^ (h >> 33)


def identity_hash(uuid: UUID) -> int:
    """Hash a UUID's two big-endian halves."""
    a, b = divmod(uuid.int, 1 << 64)
    return fmix64((b ^ 0xE7037ED1A0B428DB) + fmix64(a ^ 0xA0761D6478BD642F) & M64)


@lru_cache(maxsize=4096)
def seed_words(seed: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Return A and B, the six 32-bit words of a seed: three SplitMix64 outputs, each low word first."""
    state = fmix64(seed ^ 0x5851F42D4C957F2D)
    words = []
    for _ in range(3):
        state = (state + 0x9E3779B97F4A7C15) & M64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & M64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & M64
        z ^= z >> 31
        words += [z & M32, z >> 32]
    one, two, three, four, five, six = words
    return (one, two, three), (four, five, six)


def mix(p: int, q: int, k: tuple[int, int, int]) -> int:
    """Mix two 32-bit halves under three words of the seed."""
    t = (p ^ k[0]) * 0x9E3779B1 & M32
    t ^= t >> 15
    t = (t + (q ^ k[1])) & M32
    t ^= t >> 16
    t = t * 0x7FEB352D & M32
    t ^= t >> 15
    t = (t + k[2]) * 0x846CA68B & M32
    return t ^ (t >> 16)


def variate(identity: int, seed: int) -> int:
    """Return the 64-bit variate of an identity hash under a seed."""
    a, b = seed_words(seed)
    hi, lo = divmod(identity, 1 << 32)
    return mix(lo, hi, a) << 32 | mix(hi, lo, b)


@lru_cache(maxsize=1 << 16)
def exact_key(h: int, at_step: int) -> mpmath.mpf:
    """Return the key to 60 digits: an exponential variable whose rate halves every eight steps."""
    u = _exact.mpf(2 * (h >> 12) + 1) / _exact.mpf(1 << 53)
    return -_exact.log1p(-u) * _exact.mpf(2) ** (_exact.mpf(at_step) / 8)


def rough_key(h: int, at_step: int) -> float:
    """Return the key in double precision: right to a few units in the last place, which `in_key_order` tolerates."""
    u = math.ldexp(2 * (h >> 12) + 1, -53)
    return -math.log1p(-u) * math.exp2(at_step / 8)


def in_key_order(uuids: Iterable[UUID], last_seen: dict[UUID, int | None], draw: Draw) -> list[UUID]:
    """Order devices by (key, UUID bytes), the keys compared in 60 digits wherever doubles come within 10⁻¹²."""
    clocks = []
    for uuid in uuids:
        h, at = variate(identity_hash(uuid), draw.seed), step(last_seen[uuid], draw)
        clocks.append((rough_key(h, at), uuid.bytes, uuid, h, at))
    clocks.sort()
    ordered: list[UUID] = []
    start = 0
    for end in range(1, len(clocks) + 1):
        if end < len(clocks) and clocks[end][0] <= clocks[end - 1][0] * (1 + 1e-12):
            continue
        near = clocks[start:end]
        if len(near) > 1:
            near.sort(key=lambda clock: (exact_key(clock[3] >> 12 << 12, clock[4]), clock[1]))
        ordered += [clock[2] for clock in near]
        start = end
    return ordered


# --- the whole ----------------------------------------------------------------------------------------------------


def select(fleet: list[Device], selector: Selector, draw: Draw, *, whole: list[UUID] | None = None) -> Chosen:
    """Select by the rules, or raise RefusedError with every valid code.

    `whole` is the key order of the whole fleet for this draw, if it is known: a key depends only on its device, so the
    candidates have the same relative order.
    """
    codes = set()
    if selector.group is not None and selector.group not in {device.group for device in fleet}:
        codes.add("unknown-group")
    if selector.tag is not None and selector.tag not in {device.tag for device in fleet}:
        codes.add("unknown-tag")
    if selector.uuids == () or selector.exclude == ():
        codes.add("empty-list")
    wrong = offenders(fleet, selector)
    if wrong and not selector.skip_mismatched:
        codes.add("mismatched-devices")
    if codes:
        raise RefusedError(frozenset(codes), wrong)
    field = candidates(fleet, selector)
    at_most = limit(fleet, selector, draw)
    if whole is None:
        ordered = in_key_order(field, {device.uuid: device.last_seen for device in fleet}, draw)
    else:
        ordered = [uuid for uuid in whole if uuid in field]
    return Chosen(ordered[:at_most], field, matching(fleet, selector), at_most, wrong)


# --- waves --------------------------------------------------------------------------------------------------------

State = Literal["active", "complete", "canceled"]


@dataclass(frozen=True)
class Wave:
    """A wave: target version, tag, the devices that its rollouts chose, and the groups that were rolled out whole.

    `hardware` are the hardware ids with a target in its role; None for rule 1, which does not use them.
    """

    target_version: int
    tag: str
    staged: frozenset[UUID] = frozenset()
    whole_groups: tuple[str, ...] = ()
    hardware: frozenset[str] | None = None


@dataclass(frozen=True)
class Rollout:
    """A rollout request. None means absent, which differs from empty."""

    group: str | None = None
    uuids: tuple[UUID, ...] | None = None
    limit: int | str | None = None
    whole_group: bool = False
    percent_of: Denominator = "matching"
    skip_mismatched: bool = False
    to: int | str | None = None
    online_only: bool = False


@dataclass(frozen=True)
class Widened:
    """The expected result of a rollout: the devices that it adds, in order, and the wave after it."""

    kind: Literal["whole-group", "sample", "listed", "sample-within-list"]
    taken: list[UUID]
    wanted: int
    matching: frozenset[UUID]
    candidates: frozenset[UUID]
    already: frozenset[UUID]
    skipped: list[tuple[UUID, Reason]]
    wave: Wave


Act = tuple["frozenset[UUID] | str | None", int]


def meant(wave: Wave) -> Selector:
    """The selector of a wave's matching devices: production ∩ tag."""
    return Selector(tag=wave.tag)


def updated(fleet: Iterable[Device], wave: Wave) -> frozenset[UUID]:
    """Return the matching devices at the wave's version or above."""
    return matching(fleet, meant(wave)) - candidates(fleet, replace(meant(wave), not_updated=wave.target_version))


def covered(fleet: Iterable[Device], wave: Wave) -> frozenset[UUID]:
    """Return the matching devices that were staged or are now in a group that was rolled out whole."""
    reached = set(wave.staged)
    for device in fleet:
        if device.group in wave.whole_groups:
            reached.add(device.uuid)
    return matching(fleet, meant(wave)) & reached


def unsupported(fleet: Iterable[Device], wave: Wave) -> frozenset[UUID]:
    """Return the matching devices of known hardware for which the wave's role has no target."""
    if wave.hardware is None:
        return frozenset()
    without = {d.uuid for d in fleet if d.hardware_id is not None and d.hardware_id not in wave.hardware}
    return matching(fleet, meant(wave)) & without


def covered_in(fleet: Iterable[Device], wave: Wave, state: State) -> frozenset[UUID]:
    """Return the covered devices as counted by status: all matching if the wave is complete, none if canceled."""
    match state:
        case "active":
            return covered(fleet, wave)
        case "complete":
            return matching(fleet, meant(wave))
        case "canceled":
            return frozenset()


def behind(
    fleet: list[Device], wave: Wave, state: State, acts: list[Act], *, now: int, threshold: int
) -> dict[str, frozenset[UUID]]:
    """Return the devices of each count of a status."""
    meant_for, done = matching(fleet, meant(wave)), updated(fleet, wave)
    reached = covered_in(fleet, wave, state)
    at_version = {d.uuid for d in fleet if d.target_version == wave.target_version}
    return {
        "matching": meant_for,
        "online": meant_for & {d.uuid for d in fleet if d.last_seen is not None and now - d.last_seen <= threshold},
        "on-version": meant_for & at_version,
        "newer": done - at_version,
        "older": meant_for - done,
        "updated": done,
        "covered": reached,
        "staged": meant_for & wave.staged,
        "scheduled": scheduled(fleet, wave, state),
        "silent": silent(fleet, wave, state, acts),
        "unsupported": (reached & unsupported(fleet, wave)) - done,
        "unscheduled": meant_for - reached - done,
    }


def scheduled(fleet: Iterable[Device], wave: Wave, state: State) -> frozenset[UUID]:
    """Return the scheduled devices, which the wave has not yet updated."""
    match state:
        case "active":
            return covered(fleet, wave) - updated(fleet, wave) - unsupported(fleet, wave)
        case "complete":
            return matching(fleet, meant(wave)) - updated(fleet, wave) - unsupported(fleet, wave)
        case "canceled":
            return frozenset()


def faults(groups: Iterable[str], rollout: Rollout) -> set[str]:
    """Return the error codes that do not depend on the fleet; absent, empty or 0 never means more devices."""
    codes = set()
    if rollout.uuids == ():
        codes.add("empty-list")
    if 0 in (rollout.limit, rollout.to):
        codes.add("bad-limit")
    restricted = rollout.uuids is not None or rollout.limit is not None or rollout.to is not None
    if rollout.to is not None and (rollout.limit is not None or rollout.uuids is not None):
        codes.add("bad-goal")
    if rollout.online_only and rollout.limit is None and rollout.to is None:
        codes.add("online-only-without-sample")
    if rollout.whole_group:
        if rollout.group is None or restricted:
            codes.add("bad-whole-group")
    elif not restricted:
        codes.add("nothing-asked" if rollout.group is None else "whole-group-unsaid")
    if rollout.group is not None and rollout.group not in groups:
        codes.add("unknown-group")
    return codes


def roll_out(fleet: list[Device], groups: Iterable[str], wave: Wave, rollout: Rollout, draw: Draw) -> Widened:
    """Roll out by the rules, or raise RefusedError with every valid code."""
    codes = faults(groups, rollout)
    asked = replace(
        meant(wave), group=rollout.group, uuids=rollout.uuids, limit=rollout.limit, percent_of=rollout.percent_of
    )
    in_wave, done = covered(fleet, wave), updated(fleet, wave)
    field = matching(fleet, asked)
    out_of_reach = (field & unsupported(fleet, wave)) - in_wave - done
    reasons = dict(offenders(fleet, asked))
    wrong: list[tuple[UUID, Reason]] = [
        (uuid, "no-target-for-hardware" if uuid in out_of_reach else reasons[uuid])
        for uuid in dict.fromkeys(rollout.uuids or ())
        if uuid in out_of_reach or uuid in reasons
    ]
    if wrong and not rollout.skip_mismatched:
        codes.add("mismatched-devices")
    if codes:
        raise RefusedError(frozenset(codes), wrong)

    remaining = field - in_wave - done - out_of_reach
    last_seen = {device.uuid: device.last_seen for device in fleet}
    pool = frozenset(u for u in remaining if step(last_seen[u], draw) == 0) if rollout.online_only else remaining
    if rollout.to is not None:
        goal = rollout.to if isinstance(rollout.to, int) else share(rollout.to, len(field))
        missing = max(0, goal - len(field & (in_wave | done)))
        taken = in_key_order(pool, last_seen, draw)[:missing]
        after = replace(wave, staged=wave.staged | set(taken))
        return Widened("sample", taken, missing, field, remaining, frozenset(), wrong, after)
    if rollout.limit is not None:
        if asked.percent_of == "remaining" and isinstance(rollout.limit, str):
            at_most = share(rollout.limit, len(remaining))
        else:
            at_most = limit(fleet, asked, draw) or 0
        taken = in_key_order(pool, last_seen, draw)[:at_most]
        after = replace(wave, staged=wave.staged | set(taken))
        kind: Literal["sample", "sample-within-list"] = "sample" if rollout.uuids is None else "sample-within-list"
        already = frozenset() if rollout.uuids is None else field & (in_wave | done)
        return Widened(kind, taken, at_most, field, remaining, already, wrong, after)
    if rollout.uuids is not None:
        taken = [uuid for uuid in dict.fromkeys(rollout.uuids) if uuid in field - in_wave - out_of_reach]
        after = replace(wave, staged=wave.staged | set(taken))
        wanted = len(field - out_of_reach)
        return Widened("listed", taken, wanted, field, remaining, field & (in_wave | done), wrong, after)
    joining = [device.uuid for device in fleet if device.uuid in field - in_wave]
    whole = tuple(dict.fromkeys((*wave.whole_groups, rollout.group or "")))
    after = replace(wave, whole_groups=whole)
    return Widened("whole-group", joining, len(field), field, remaining, frozenset(), wrong, after)


def silent(fleet: list[Device], wave: Wave, state: State, acts: list[Act]) -> frozenset[UUID]:
    """Return the scheduled devices that were not seen since the first operation that covers them (None covers all)."""
    waiting = {}
    for device in fleet:
        for reach, at in acts:
            if reach is None or (device.group == reach if isinstance(reach, str) else device.uuid in reach):
                waiting[device.uuid] = at
                break
    unseen = {d.uuid for d in fleet if d.uuid in waiting and (d.last_seen is None or d.last_seen < waiting[d.uuid])}
    return scheduled(fleet, wave, state) & unseen


def served(device: Device, waves: list[tuple[int, State, bool]], production_version: int | None) -> int | str:
    """What a device is served: "ci", "production", "nothing", or the index of a wave (version, state, covers)."""
    if device.tag is None:
        return "nothing"
    if not device.production:
        return "ci"
    by_cover = [at for at, (_, state, covers) in enumerate(waves) if state == "active" and covers]
    runs = device.target_version
    by_report = [at for at, (version, state, _) in enumerate(waves) if version == runs and state != "complete"]
    if runs is None or (production_version is not None and production_version >= runs):
        by_report = []
    if any(runs is not None and waves[at][0] >= runs for at in by_cover):
        by_report = []
    # If two waves have the same version, the active one has priority, then the later one.
    by_report.sort(key=lambda at: (waves[at][1] == "active", at))
    for place in (*by_report[-1:], *by_cover):
        return place
    return "nothing" if production_version is None else "production"
