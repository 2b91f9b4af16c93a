"""A second implementation of the simulation of strategies: the rules of strategies.md in plain Python.

It looks at every device at every tick, and tests every prefix by the formula. Slow on purpose; without imports from
groundswell. It draws the same random numbers as the core, so that results can be compared run by run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from reference.selection import Device, Draw, fmix64, identity_hash, in_key_order
from reference.selection import step as recency_step

if TYPE_CHECKING:
    from uuid import UUID

M64 = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
WORLD = 0x6A09E667F3BCC908
HOUR = 3600
NEVER = math.inf
MEANS = [round(300 * (31_536_000 / 300) ** (j / 13)) for j in range(14)]
THETAS = (1.5, 2, 4, 8, 16)
MIN_CONTROLS = 50
STEPS = 81


@dataclass(frozen=True)
class Step:
    """A step. `goal` and `limit` are a percentage or a count; `reported` and `settled` are percentages or counts."""

    group: str | None = None
    goal: str | int | None = None
    limit: str | int | None = None
    draw: str = "active"
    soak: int = 24 * HOUR
    reported: str | int = "60%"
    settled: str | int = "98%"
    prove: float | None = None
    approve: bool = False
    not_before: int = 0
    deadline: int | None = None


@dataclass(frozen=True)
class Strategy:
    steps: tuple[Step, ...]
    failure: float | None = None
    by: str | None = None
    silence: bool = False
    lost: float | None = None
    devices: int | None = None
    alpha: float = 0.05
    patience: int = 24 * HOUR
    attempts: int = 1
    concurrent: int | None = None
    complete: bool = False
    windows: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True)
class Fault:
    defect: float = 0.0
    base: float = 0.0
    hardware_id: str | None = None
    away: int | None = None
    after: int = 0
    brick: bool = False
    install: tuple[int, int] = (1200, 7200)


@dataclass(frozen=True)
class Settings:
    now: int
    seed: int
    tick: int = 900
    horizon: int = 10 * 86400
    approve_after: int = 0
    gone_after: int = 90 * 86400
    online_threshold: int = 4 * HOUR
    half_life: int = 24 * HOUR


@dataclass
class Covered:
    """A covered device: instants in seconds since the start, `NEVER` for what does not happen."""

    device: Device
    step: int
    served: float
    good: float = NEVER
    failed: float = NEVER
    quiet: float = NEVER
    back: float = NEVER
    cell: int | None = None


def hashed(*parts: int) -> int:
    key, number = parts
    return fmix64((key + number * GOLDEN) & M64)


# --- habits ---------------------------------------------------------------------------------------------------------


class Habits:
    def __init__(self, ages: list[int], gone_after: int) -> None:
        self.gone_after = gone_after
        ratio = math.log(gone_after / 60)
        self.edges = [0.0, *(60 * math.exp(ratio * i / 63) for i in range(63)), float(gone_after)]
        counts = [0] * 64
        for age in ages:
            if age <= gone_after:
                counts[self.bin(age)] += 1
        self.likelihood = [
            [
                (math.exp(-low / mean) - math.exp(-high / mean)) / (1 - math.exp(-self.edges[64] / mean))
                for mean in MEANS
            ]
            for low, high in zip(self.edges, self.edges[1:], strict=False)
        ]
        self.weights = [1 / 14] * 14
        for _ in range(400):
            following = [0.0] * 14
            for at, count in enumerate(counts):
                for j, part in enumerate(self.posterior(at)):
                    following[j] += part * count
            self.weights = [total / sum(counts) for total in following]

    def bin(self, age: int) -> int:
        return max(i for i in range(64) if self.edges[i] <= age)

    def posterior(self, at: int) -> list[float]:
        joint = [weight * like for weight, like in zip(self.weights, self.likelihood[at], strict=True)]
        total = sum(joint)
        return [part / total for part in joint] if total > 0 else [1 / 14] * 14

    def rate(self, age: int, key: int) -> int:
        u, total = hashed(key, 1) >> 32, 0.0
        for j, part in enumerate(self.posterior(self.bin(age))):
            total += part
            if j == 13 or int(total * 2**32) > u:
                return j
        raise AssertionError


# --- clocks ---------------------------------------------------------------------------------------------------------


def check_ins(key: int, mean: int, cell: int) -> list[int]:
    bits = hashed(key, 16 + cell)
    u, total, count = bits >> 32, 0.0, 0
    while count < 13:
        total += math.exp(-1) / math.factorial(count)
        if int(total * 2**32) > u:
            break
        count += 1
    drawn = [bits] + [hashed(bits, number) for number in range(1, count)] if count else []
    return sorted(cell * mean + ((one & 0xFFFFFFFF) * mean >> 32) for one in drawn)


def first_after(key: int, mean: int, instant: int, end: int) -> float:
    cell = instant // mean
    while True:
        for at in check_ins(key, mean, cell):
            if at > instant:
                return at if at < end else NEVER
        cell += 1
        if cell * mean >= end:
            return NEVER


def last_until(key: int, mean: int, instant: int) -> int | None:
    for cell in range(instant // mean, -1, -1):
        found = [at for at in check_ins(key, mean, cell) if at <= instant]
        if found:
            return found[-1]
    return None


# --- tests ----------------------------------------------------------------------------------------------------------


def evidence(n: int, x: int, limit: float) -> float:
    """E of the stop test."""
    points = [limit * math.exp(math.log(1.5) + j / 15 * (math.log(0.95 / limit) - math.log(1.5))) for j in range(16)]
    weight = sum(1 / p for p in points)
    return sum((p / limit) ** x * ((1 - p) / (1 - limit)) ** (n - x) / p / weight for p in points)


def proof(n: int, x: int, limit: float) -> float:
    """E′ of the prove test."""
    span = [math.log(0.01) + i / 14 * (math.log(1 / 1.5) - math.log(0.01)) for i in range(15)]
    points = [limit * math.exp(one) for one in span]
    mixed = sum((p / limit) ** x * ((1 - p) / (1 - limit)) ** (n - x) for p in points) / 15
    return ((1 - limit) ** -n if x == 0 else 0) / 2 + mixed / 2


def least(condition: str | int, devices: int) -> int:
    if isinstance(condition, int):
        return min(condition, devices)
    return math.ceil(Fraction(condition.removesuffix("%")) * devices / 100)


def is_off(condition: str | int) -> bool:
    return condition in (0, "0%")


# --- silence --------------------------------------------------------------------------------------------------------


class Stream:
    def __init__(self, run_key: int, *parts: int) -> None:
        self.state = run_key ^ WORLD
        for part in parts:
            self.state = fmix64((self.state + part * GOLDEN) & M64)

    def uniform(self) -> float:
        self.state = (self.state + GOLDEN) & M64
        return (fmix64(self.state) >> 11) * 2.0**-53

    def poisson(self, mean: float) -> int:
        parts = max(1, math.ceil(mean / 32))
        total = 0
        for _ in range(parts):
            k, probability, rest = 0, math.exp(-mean / parts), self.uniform()
            while rest >= probability and k < 1000:
                rest -= probability
                k += 1
                probability *= mean / parts / k
            total += k
        return total


@dataclass
class Arms:
    picked: int = 0
    controls: int = 0
    uncovered: int = 0
    bricks: int = 0
    shares: list[float] = field(default_factory=lambda: [0.0] * 14)


class Comparison:
    """The two arms of one step. A brick is an event of its own; background events are drawn as counts."""

    def __init__(self, step: int, started: int, patience: int) -> None:
        self.step, self.started, self.patience, self.hours = step, started, patience, 0
        self.cells = [Arms() for _ in range(STEPS)]
        self.members: dict[UUID, int] = {}
        self.bricks: list[tuple[float, int]] = []
        self.leaving = [1 - math.exp(-HOUR / mean * math.exp(-patience / mean)) for mean in MEANS]

    def is_tested(self) -> bool:
        return sum(arms.controls for arms in self.cells) >= MIN_CONTROLS

    def cover(self, uuids: list[UUID]) -> None:
        covered: dict[int, int] = {}
        for uuid in uuids:
            cell = self.members.pop(uuid, None)
            if cell is not None:
                covered[cell] = covered.get(cell, 0) + 1
        for cell, count in covered.items():
            arms = self.cells[cell]
            gone = (2 * arms.controls * count + arms.uncovered) // (2 * arms.uncovered)
            arms.controls -= min(gone, arms.controls)
            arms.uncovered -= count

    def advance(self, now: int, run_key: int, logs: list[float]) -> None:
        while self.started + (self.hours + 1) * HOUR + self.patience <= now:
            self._known_bricks(self.started + (self.hours + 1) * HOUR + self.patience, logs)
            for number, arms in enumerate(self.cells):
                self._background(number, arms, run_key, logs)
            self.hours += 1
        self._known_bricks(now, logs)

    def _event(self, arms: Arms, is_picked: bool, logs: list[float]) -> None:  # noqa: FBT001
        r = arms.picked / (arms.picked + arms.controls)
        for at, theta in enumerate(THETAS):
            logs[at] += math.log((theta if is_picked else 1) / (1 - r + theta * r))
        if is_picked:
            arms.picked -= 1
        else:
            arms.controls -= 1

    def _known_bricks(self, until: float, logs: list[float]) -> None:
        self.bricks.sort()
        while self.bricks and self.bricks[0][0] <= until:
            arms = self.cells[self.bricks.pop(0)[1]]
            self._event(arms, True, logs)  # noqa: FBT003
            arms.bricks -= 1

    def _background(self, number: int, arms: Arms, run_key: int, logs: list[float]) -> None:
        healthy = max(0, arms.picked - arms.bricks)
        left = healthy + arms.controls
        if left == 0 or arms.controls == 0:
            return
        total = sum(arms.shares)
        leaving = sum(share * p for share, p in zip(arms.shares, self.leaving, strict=True))
        arms.shares = [share * (1 - p) for share, p in zip(arms.shares, self.leaving, strict=True)]
        stream = Stream(run_key, self.step, self.hours, number)
        for _ in range(min(left, stream.poisson(left * leaving / total))):
            is_picked = stream.uniform() * left < max(0, arms.picked - arms.bricks)
            self._event(arms, is_picked, logs)
            left -= 1
            if arms.controls == 0:
                break


# --- runs -----------------------------------------------------------------------------------------------------------


class Run:
    """One run: `result` is how it ends, with the counts then."""

    def __init__(self, fleet: list[Device], strategy: Strategy, fault: Fault, settings: Settings, run: int) -> None:
        self.strategy, self.fault, self.settings = strategy, fault, settings
        self.fleet = [device for device in fleet if device.production]
        ages = [self._age(device) for device in self.fleet if device.last_seen is not None]
        self.habits = Habits(ages, settings.gone_after)
        self.key = fmix64((fmix64(settings.seed ^ WORLD) + run * GOLDEN) & M64)
        self.covered: list[Covered] = []
        self.comparisons: list[Comparison] = []
        self.logs = [0.0] * len(THETAS)
        self.first_signal = NEVER
        self.result = self._run()

    def _age(self, device: Device) -> int:
        assert device.last_seen is not None
        return max(0, self.settings.now - device.last_seen)

    def _clock(self, device: Device) -> tuple[int, int, int] | None:
        """The key, the mean time between check-ins and the number of the rate; None if the device is gone."""
        if device.last_seen is None or self._age(device) > self.settings.gone_after:
            return None
        key = fmix64(identity_hash(device.uuid) ^ self.key)
        rate = self.habits.rate(self._age(device), key)
        return key, MEANS[rate], rate

    def _fate(self, device: Device, step: int, now: int) -> Covered | None:
        clock = self._clock(device)
        if clock is None:
            return None
        key, mean, _ = clock
        strategy, fault = self.strategy, self.fault
        end = self.settings.horizon + strategy.patience + 1
        served = first_after(key, mean, now, end)
        if served == NEVER:
            return None
        served = int(served)
        shortest, longest = fault.install
        duration = shortest + ((hashed(key, 4) >> 32) * (longest - shortest + 1) >> 32)
        can = fault.hardware_id in (None, device.hardware_id) and (fault.away is None or self._age(device) > fault.away)
        defect = can and hashed(key, 2) < min(int(fault.defect * 2**64), M64)
        fails = not defect and hashed(key, 3) < int(fault.base * 2**64)
        found = Covered(device, step, served)
        installed = served + duration
        if fails or (defect and not fault.brick and fault.after == 0):
            found.failed = found.back = served + duration * strategy.attempts
            return found
        if defect and fault.brick and fault.after == 0:
            found.quiet = max(last_until(key, mean, installed) or 0, served) + strategy.patience
            return found
        found.good = first_after(key, mean, installed, end)
        if found.good > served + strategy.patience:
            found.back = first_after(key, mean, served + strategy.patience, end)
        if defect and found.good != NEVER:
            breaks = int(found.good) + fault.after
            if fault.brick:
                found.quiet = (last_until(key, mean, breaks) or 0) + strategy.patience
            else:
                found.failed = first_after(key, mean, breaks, end)
        return found

    # Outcomes at an instant.

    def _overdue(self, one: Covered) -> float:
        return one.served + self.strategy.patience

    def _tick(self, instant: float) -> float:
        tick = self.settings.tick
        return math.ceil(instant / tick) * tick if instant < self.settings.horizon // tick * tick else NEVER

    def _is_lost(self, one: Covered, now: int) -> bool:
        """No result by the tick that finds it overdue."""
        due = self._tick(self._overdue(one))
        return due <= now and self._tick(min(one.good, one.failed)) > due

    def _is_settled(self, one: Covered, now: int) -> bool:
        return self._tick(min(one.good, one.failed)) <= now or self._is_lost(one, now)

    def _is_good(self, one: Covered, now: int) -> bool:
        good, failed = self._tick(one.good), self._tick(one.failed)
        return good <= now and not (failed <= now and good < failed)

    def _served(self, now: int) -> list[Covered]:
        return [one for one in self.covered if self._tick(one.served) <= now]

    # Rules.

    def _stops(self, order: list[Covered], bad: list[bool], limit: float, alpha: float) -> bool:
        """Whether any prefix that ends at a tick has E ≥ 1/α."""
        entries = [(self._tick(one.served), is_bad) for one, is_bad in zip(order, bad, strict=True)]
        for end in {tick for tick, _ in entries}:
            prefix = [is_bad for tick, is_bad in entries if tick <= end]
            if evidence(len(prefix), sum(prefix), limit) >= 1 / alpha:
                return True
        return False

    def _breach(self, now: int) -> tuple[str, str | None] | None:  # noqa: C901  (one rule after the other)
        strategy = self.strategy
        served = self._served(now)
        failed = [self._tick(one.failed) <= now for one in served]
        rules = [strategy.failure is not None, strategy.silence, strategy.lost is not None]
        share = strategy.alpha / max(1, sum(rules))
        for comparison in self.comparisons:
            if comparison.is_tested():
                comparison.advance(now, self.key, self.logs)
        quiet = min((one.quiet for one in self.covered), default=NEVER)
        if self.first_signal == NEVER and (any(failed) or quiet <= now):
            self.first_signal = now
        if strategy.failure is not None:
            values = self._values()
            if self._stops(served, failed, strategy.failure, share / 2 if values else share):
                return "failure", None
            for value in values:
                of_value = [self._value(one.device) == value for one in served]
                order = [one for one, belongs in zip(served, of_value, strict=True) if belongs]
                bad = [one for one, belongs in zip(failed, of_value, strict=True) if belongs]
                if self._stops(order, bad, strategy.failure, share / 2 / len(values)):
                    return "failure-of-value", value
        if strategy.lost is not None:
            lost = [self._is_lost(one, now) for one in served]
            if self._stops(served, lost, strategy.lost, share):
                return "lost", None
        if strategy.silence and sum(math.exp(log) for log in self.logs) / len(THETAS) >= 1 / share:
            return "silence", None
        if strategy.devices is not None and sum(failed) >= strategy.devices:
            return "devices", None
        return None

    def _value(self, device: Device) -> str | None:
        return device.group if self.strategy.by == "group" else device.hardware_id

    def _values(self) -> list[str]:
        if self.strategy.by is None:
            return []
        return sorted({value for device in self.fleet if (value := self._value(device)) is not None})

    def _is_satisfied(self, number: int, since: int, devices: int, now: int) -> bool:
        step = self.strategy.steps[number]
        served = [one for one in self._served(now) if one.step == number]
        settled = sum(self._is_settled(one, now) for one in served)
        if now - since < step.soak or settled < least(step.reported, devices):
            return False
        if not is_off(step.settled) and (not served or settled < least(step.settled, len(served))):
            return False
        if step.prove is None:
            return True
        ripe = [one for one in self.covered if self._tick(self._overdue(one)) <= now]
        bad = sum(not self._is_good(one, now) for one in ripe)
        return bool(ripe) and proof(len(ripe), bad, step.prove) >= 1 / self.strategy.alpha

    # Steps.

    def _last_seen(self, device: Device, now: int) -> int | None:
        clock = self._clock(device)
        at = last_until(clock[0], clock[1], now) if clock and now else None
        return device.last_seen if at is None else self.settings.now + at

    def _start(self, number: int, since: int, now: int) -> int | None:
        """The devices that the step covers; None if it may not start."""
        strategy, settings = self.strategy, self.settings
        step = strategy.steps[number]
        if (step.approve and now - since < settings.approve_after) or now < step.not_before:
            return None
        if strategy.windows is not None and not any(start <= now < end for start, end in strategy.windows):
            return None
        taken = {one.device.uuid for one in self.covered} | self.unserved
        members = [device for device in self.fleet if step.group in (None, device.group)]
        free = [device for device in members if device.uuid not in taken]
        if step.goal is not None:
            wanted = max(0, self._number(step.goal, len(members)) - (len(members) - len(free)))
        elif step.limit is not None:
            wanted = self._number(step.limit, len(members))
        else:
            wanted = len(free)
        draw = Draw(fmix64((self.key + (number + 1) * GOLDEN) & M64), settings.now + now)
        is_partial = 0 < wanted < len(free)
        seen = {device.uuid: self._last_seen(device, now) for device in free}
        if is_partial:
            weights = {u: (settings.now + now if step.draw == "even" else at) for u, at in seen.items()}
            chosen = in_key_order(list(weights), weights, draw)[:wanted]
        else:
            chosen = [device.uuid for device in free] if wanted else []
        busy = sum(
            not self._is_settled(one, now) or (self._is_lost(one, now) and self._tick(one.back) > now)
            for one in self._served(now)
        )
        if strategy.concurrent is not None and busy + len(chosen) > strategy.concurrent:
            return None
        cells = self._compare(number, now, free, chosen, seen) if is_partial else self._leave(chosen)
        by_uuid = {device.uuid: device for device in free}
        for uuid in chosen:
            fate = self._fate(by_uuid[uuid], number, now)
            if fate is None:
                self.unserved.add(uuid)
                continue
            self.covered.append(fate)
            if fate.quiet != NEVER and uuid in cells:
                self.comparisons[-1].cells[cells[uuid]].bricks += 1
                self.comparisons[-1].bricks.append((fate.quiet, cells[uuid]))
        return len(chosen)

    def _leave(self, chosen: list[UUID]) -> dict[UUID, int]:
        for comparison in self.comparisons:
            comparison.cover(chosen)
        self.comparisons = [one for one in self.comparisons if one.is_tested()]
        return {}

    def _compare(
        self, number: int, now: int, free: list[Device], chosen: list[UUID], seen: dict[UUID, int | None]
    ) -> dict[UUID, int]:
        self._leave(chosen)
        if not self.strategy.silence:
            return {}
        comparison = Comparison(number, now, self.strategy.patience)
        picked, cells = set(chosen), {}
        for device in free:
            clock = self._clock(device)
            if clock is None:
                continue
            cell = recency_step(seen[device.uuid], Draw(0, self.settings.now + now))
            arms = comparison.cells[cell]
            arms.shares[clock[2]] += 1
            if device.uuid in picked:
                arms.picked += 1
                cells[device.uuid] = cell
            else:
                arms.controls += 1
                arms.uncovered += 1
                comparison.members[device.uuid] = cell
        self.comparisons.append(comparison)
        return cells

    def _number(self, limit: str | int, devices: int) -> int:
        return limit if isinstance(limit, int) else least(limit, devices)

    # The loop.

    def _run(self) -> dict[str, object]:  # noqa: C901, PLR0912  (the tick as the page lists it)
        steps = self.strategy.steps
        self.unserved: set[UUID] = set()
        state, since, devices, upcoming = "waiting", 0, 0, 0
        end, ended, value = "unfinished", NEVER, None
        reached: dict[int, float] = dict.fromkeys((50, 90, 99), NEVER)
        now = 0
        for now in range(0, self.settings.horizon // self.settings.tick * self.settings.tick + 1, self.settings.tick):
            updated = sum(self._is_good(one, now) for one in self.covered)
            for level, before in reached.items():
                if before == NEVER and updated * 100 >= level * len(self.fleet):
                    reached[level] = now
            if state == "done":
                continue
            breach = self._breach(now)
            if breach is not None:
                (end, value), ended = breach, now
                break
            if state == "watching":
                deadline = steps[upcoming - 1].deadline
                if self._is_satisfied(upcoming - 1, since, devices, now):
                    state, since = "waiting", now
                elif deadline is not None and now - since >= deadline:
                    end, ended = "deadline", now
                    break
            if state != "waiting":
                continue
            if upcoming == len(steps):
                end, ended = "finished", now
                state = "done" if self.strategy.complete else "asking"
                continue
            started = self._start(upcoming, since, now)
            if started is None:
                continue
            upcoming += 1
            if started:
                state, since, devices = "watching", now, started
            elif upcoming == 1:
                end, ended = "empty-step", now
                break
            else:
                since = now
        served = self._served(now)
        return {
            "end": end,
            "value": value,
            "ended": ended,
            "step": max(0, upcoming - 1),
            "exposed": len(served),
            "harmed": sum(one.failed != NEVER or one.quiet != NEVER for one in served),
            "first_signal": self.first_signal,
            "updated_50": reached[50],
            "updated_90": reached[90],
            "updated_99": reached[99],
        }
