"""A factory's waves by the letter of domain.md, implemented a second time: life, plans, history, status, audiences.

Plain sets and lists; slow on purpose; without imports from groundswell. Groups are identified by number, devices by
UUID. `reference.selection` computes the devices of one rollout; this module applies it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from reference import selection as reference
from reference.selection import Device, Draw, RefusedError, Rollout, State, Wave, Widened

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

Served = tuple[Literal["nothing", "ci", "production", "wave"], str]


@dataclass(frozen=True)
class Applied:
    """A rollout in the history of a wave. Its group is a number; a whole group is a standing rule for it."""

    kind: str
    group: int | None
    taken: frozenset[UUID]
    at: int


@dataclass
class Life:
    """A wave with its history."""

    name: str
    target_version: int
    tag: str
    signatures: set[str]
    versions: frozenset[int]
    state: State = "active"
    finished_at: int | None = None
    history: list[Applied] = field(default_factory=list)

    @property
    def revision(self) -> int:
        """1, plus one for each applied rollout and one for the end."""
        return 1 + len(self.history) + (self.state != "active")

    @property
    def staged(self) -> frozenset[UUID]:
        """All devices that sampled and listed rollouts have chosen."""
        return frozenset().union(*(one.taken for one in self.history if one.kind != "whole-group"))


@dataclass(frozen=True)
class Planned:
    """A plan: the wave, its revision, and the exact devices."""

    wave: str
    revision: int
    kind: str
    group: int | None
    taken: tuple[UUID, ...]


def refuse(*codes: str) -> RefusedError:
    """A RefusedError with these codes."""
    return RefusedError(frozenset(codes), [])


@dataclass
class Releases:
    """The devices, groups, production targets and waves of a factory. A wave needs `needed` signatures."""

    needed: int
    known_versions: frozenset[int]
    hardware: frozenset[str] = frozenset({"pi"})
    """The hardware ids for which every version has targets."""
    devices: dict[UUID, Device] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)
    groups_ever: int = 0
    production: dict[str, tuple[int, frozenset[int]]] = field(default_factory=dict)
    waves: list[Life] = field(default_factory=list)

    # --- devices and groups

    @property
    def fleet(self) -> list[Device]:
        """All devices."""
        return list(self.devices.values())

    def number(self, group: str) -> int:
        """The number of a group."""
        return next(number for number, name in self.groups.items() if name == group)

    def make_group(self, name: str) -> None:
        """Create a group. It is a new one, even if its name was used before."""
        if name in self.groups.values():
            raise refuse("group-exists")
        self.groups_ever += 1
        self.groups[self.groups_ever] = name

    def take_in(self, devices: Iterable[Device]) -> None:
        """Import devices; unknown groups are created."""
        for device in devices:
            if device.group is not None and device.group not in self.groups.values():
                self.make_group(device.group)
            self.devices[device.uuid] = device

    def rename_group(self, old: str, new: str) -> None:
        """Rename a group; its devices and rules are kept."""
        if new in self.groups.values() and new != old:
            raise refuse("group-exists")
        self.groups[self.number(old)] = new
        self.devices = {u: replace(d, group=new) if d.group == old else d for u, d in self.devices.items()}

    def delete_group(self, name: str) -> None:
        """Delete a group with its rules; its devices have no group afterwards."""
        del self.groups[self.number(name)]
        self.devices = {u: replace(d, group=None) if d.group == name else d for u, d in self.devices.items()}

    # --- waves

    def find(self, name: str) -> Life:
        """The wave with this name."""
        for wave in self.waves:
            if wave.name == name:
                return wave
        raise refuse("unknown-wave")

    def meant(self, name: str | None) -> Life:
        """The wave with this name or, without a name, the only active one."""
        if name is not None:
            return self.find(name)
        active = [wave for wave in self.waves if wave.state == "active"]
        if len(active) != 1:
            raise refuse("several-active-waves" if active else "no-active-wave")
        return active[0]

    def sets(self, life: Life) -> Wave:
        """The staged devices, and the existing groups that were rolled out whole."""
        whole = [one.group for one in life.history if one.kind == "whole-group"]
        names = tuple(dict.fromkeys(self.groups[number] for number in whole if number in self.groups))
        return Wave(life.target_version, life.tag, life.staged, names, self.hardware)

    def init(self, name: str, version: int, tag: str, key: str, prune: frozenset[int] = frozenset()) -> None:
        """Make a wave."""
        codes = set()
        role_version, versions = self.production.get(tag, (0, frozenset()))
        if any(wave.name == name for wave in self.waves):
            codes.add("wave-name-used")
        if any(wave.tag == tag and wave.state == "active" for wave in self.waves):
            codes.add("tag-busy")
        if version not in self.known_versions:
            codes.add("unknown-version")
        if version <= role_version:
            codes.add("version-not-above")
        if version in prune:
            codes.add("bad-prune")
        if not prune <= versions:
            codes.add("unknown-version")
        if codes:
            raise RefusedError(frozenset(codes), [])
        self.waves.append(Life(name, version, tag, {"online", key}, versions - prune | {version}))

    def sign(self, name: str, key: str) -> None:
        """Add a signature."""
        life = self.find(name)
        if life.state != "active":
            raise refuse("wave-finished")
        life.signatures.add(key)

    def signed(self, life: Life) -> bool:
        """Whether the wave has the signatures that the root requires."""
        return len(life.signatures) >= self.needed

    def finish(self, name: str | None, state: State, at: int, *, allow_downgrade: bool = False) -> Life:
        """Complete a wave or cancel it."""
        life = self.meant(name)
        if life.state != "active":
            raise refuse("wave-finished")
        if state == "complete":
            if not self.signed(life):
                raise refuse("signatures-missing")
            before = self.production.get(life.tag)
            self.production[life.tag] = life.target_version, life.versions
            life.state = state
            if not allow_downgrade and any(self.offered(device) < (device.target_version or 0) for device in self.fleet
                                           if device.production and device.tag == life.tag):  # fmt: skip
                life.state = "active"
                self.production.pop(life.tag)
                if before is not None:
                    self.production[life.tag] = before
                raise refuse("would-downgrade")
        life.state, life.finished_at = state, at
        return life

    def offered(self, device: Device) -> int:
        """The version of the targets that are served to a production device whose tag has production targets."""
        kind, name = self.served(device)
        return self.find(name).target_version if kind == "wave" else self.production[name][0]

    def work_out(self, name: str, rollout: Rollout, draw: Draw) -> tuple[Life, Widened]:
        """Compute a rollout without applying it."""
        life = self.find(name)
        codes = set()
        if life.state != "active":
            codes.add("wave-finished")
        if not self.signed(life):
            codes.add("signatures-missing")
        try:
            widened = reference.roll_out(self.fleet, self.groups.values(), self.sets(life), rollout, draw)
        except RefusedError as error:
            raise RefusedError(error.codes | codes, error.offenders) from None
        if codes:
            raise RefusedError(frozenset(codes), [])
        return life, widened

    def roll_out(self, name: str, rollout: Rollout, draw: Draw, at: int) -> tuple[Life, Widened, bool]:
        """Apply a rollout; the last item is whether it added history."""
        life, widened = self.work_out(name, rollout, draw)
        group = None if rollout.group is None else self.number(rollout.group)
        return life, widened, self._record(life, Applied(widened.kind, group, frozenset(widened.taken), at))

    def _record(self, life: Life, applied: Applied) -> bool:
        if applied.kind == "whole-group":
            if any(one.kind == "whole-group" and one.group == applied.group for one in life.history):
                return False
        elif not applied.taken:
            return False
        life.history.append(applied)
        return True

    def plan(self, name: str, rollout: Rollout, draw: Draw) -> Planned:
        """A dry run."""
        life, widened = self.work_out(name, rollout, draw)
        group = None if rollout.group is None else self.number(rollout.group)
        return Planned(name, life.revision, widened.kind, group, tuple(widened.taken))

    def apply(self, plan: Planned, at: int) -> bool:
        """Stage exactly the devices of a plan, or refuse; returns whether it added history."""
        life = self.find(plan.wave)
        codes = set()
        if life.state != "active":
            codes.add("wave-finished")
        if not self.signed(life):
            codes.add("signatures-missing")
        if life.revision != plan.revision:
            codes.add("stale-plan")
        if plan.group is not None and plan.group not in self.groups:
            codes.add("stale-plan")
            raise RefusedError(frozenset(codes), [])
        wave, group = self.sets(life), None if plan.group is None else self.groups[plan.group]
        selector = replace(reference.meant(wave), group=group, uuids=plan.taken)
        covered = reference.covered(self.fleet, wave)
        now_in = reference.matching(self.fleet, replace(reference.meant(wave), group=group))
        joined = plan.kind == "whole-group" and not now_in - covered <= set(plan.taken)
        if reference.offenders(self.fleet, selector) or covered & set(plan.taken) or joined:
            codes.add("plan-mismatch")
        if codes:
            raise RefusedError(frozenset(codes), [])
        return self._record(life, Applied(plan.kind, plan.group, frozenset(plan.taken), at))

    # --- queries

    def served(self, device: Device) -> Served:
        """Which targets a device is served: the CI or production targets of its tag, or those of a wave."""
        if device.tag is None:
            return "nothing", ""
        # A wave without all signatures is not served, because devices would refuse it.
        waves = [wave for wave in self.waves if wave.tag == device.tag and self.signed(wave)]
        offers = [
            (wave.target_version, wave.state, device.uuid in reference.covered([device], self.sets(wave)))
            for wave in waves
        ]
        found = reference.served(device, offers, self.production.get(device.tag, (None,))[0])
        if isinstance(found, int):
            return "wave", waves[found].name
        return (found, "" if found == "nothing" else device.tag)  # type: ignore[return-value]  # one of four words

    def status(self, life: Life, now: int, threshold: int) -> dict[str, Any]:
        """The counts of a wave: for its tag, for the groups of its rollouts, and for the others."""
        asked = [one.group for one in life.history if one.group in self.groups]
        first = list(dict.fromkeys(self.groups[number] for number in asked if number is not None))
        matching = reference.matching(self.fleet, reference.meant(self.sets(life)))
        others = {d.group for d in self.fleet if d.uuid in matching} - set(first)
        return {
            "tag": self._counts(life, self.fleet, now, threshold),
            "rolled out": [(name, self._counts(life, self._part(name), now, threshold)) for name in first],
            "others": {name: self._counts(life, self._part(name), now, threshold) for name in others},
        }

    def _part(self, group: str | None) -> list[Device]:
        return [device for device in self.fleet if device.group == group]

    def _counts(self, life: Life, part: list[Device], now: int, threshold: int) -> dict[str, Any]:
        wave = self.sets(life)
        matching = reference.matching(part, reference.meant(wave))
        devices = [device for device in part if device.uuid in matching]
        versions = [device.target_version for device in devices]
        updated, scheduled = reference.updated(part, wave), reference.scheduled(part, wave, life.state)
        known = life.versions | self.production.get(life.tag, (0, frozenset[int]()))[1]
        if life.state != "active":
            known = frozenset()
        acts: list[reference.Act] = []
        for one in life.history:
            if one.kind != "whole-group":
                acts.append((one.taken, one.at))
            elif one.group in self.groups:
                acts.append((self.groups[one.group], one.at))
        if life.state == "complete":
            acts.append((None, life.finished_at or 0))
        counts = Counter(versions)
        return {
            "total": len(devices),
            "online": sum(d.last_seen is not None and now - d.last_seen <= threshold for d in devices),
            "on_version": counts[life.target_version],
            "newer": len(updated) - counts[life.target_version],
            "older": len(devices) - len(updated),
            "updated": len(updated),
            "covered": len(reference.covered_in(part, wave, life.state)),
            "scheduled": len(scheduled),
            "unsupported": len(
                (reference.covered_in(part, wave, life.state) & reference.unsupported(part, wave)) - updated
            ),
            "unscheduled": len(matching - reference.covered_in(part, wave, life.state) - updated),
            "silent": len(reference.silent(part, wave, life.state, acts)),
            "versions": {
                version: (number, version is not None and version not in known) for version, number in counts.items()
            }
            if life.state == "active"
            else {},
        }
