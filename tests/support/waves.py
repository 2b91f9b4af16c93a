"""Converts the waves, devices and rollouts of the reference to those of the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from hypothesis import strategies as st

from groundswell import _core
from groundswell.values import Limit, parse_goal, parse_limit
from groundswell.waves.request import RolloutRequest
from reference.selection import Device, Draw, Rollout, Wave
from support import fleets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import numpy.typing as npt


def as_array(uuids: Iterable[UUID]) -> npt.NDArray[np.uint8]:
    """Convert UUIDs to rows of 16 bytes."""
    return np.frombuffer(b"".join(uuid.bytes for uuid in uuids), np.uint8).reshape(-1, 16)


def core_fleet(
    rows: Sequence[Device], deleted: Collection[UUID] = (), groups: Sequence[str] = fleets.GROUPS
) -> _core.Fleet:
    """Build the engine's fleet, with each device at its ordinal."""
    tags = sorted({device.tag for device in rows if device.tag is not None})

    def codes(names: Sequence[str], of: list[str | None]) -> npt.NDArray[np.int32]:
        places = {name: place for place, name in enumerate(names)}
        return np.array([-1 if name is None else places[name] for name in of], np.int32)

    return _core.Fleet(
        uuids=as_array(device.uuid for device in rows),
        last_seen=np.array([device.last_seen or _core.NEVER_SEEN for device in rows], np.uint32),
        groups=codes(groups, [device.group for device in rows]),
        group_names=list(groups),
        tags=codes(tags, [device.tag for device in rows]),
        tag_names=tags,
        production=np.array([device.production for device in rows], np.bool_),
        target_versions=np.array([-1 if d.target_version is None else d.target_version for d in rows], np.int32),
        present=np.array([device.uuid not in deleted for device in rows], np.bool_),
        hardware=codes(fleets.HARDWARE, [device.hardware_id for device in rows]),
        hardware_names=list(fleets.HARDWARE),
    )


def device_set(rows: Sequence[Device], uuids: Iterable[UUID]) -> _core.DeviceSet:
    """Convert a set of UUIDs to a set of ordinals."""
    ordinals = {device.uuid: ordinal for ordinal, device in enumerate(rows)}
    return _core.DeviceSet.from_ordinals(np.array([ordinals[uuid] for uuid in uuids], np.uint32))


def core_wave(rows: Sequence[Device], wave: Wave) -> _core.Wave:
    """Build the engine's wave in the state of the reference's."""
    return _core.Wave(
        target_version=wave.target_version,
        tag=wave.tag,
        staged=device_set(rows, wave.staged),
        whole_groups=list(wave.whole_groups),
        supported_hardware=None if wave.hardware is None else list(wave.hardware),
    )


def uuids_of(rows: Sequence[Device], devices: _core.DeviceSet) -> frozenset[UUID]:
    """Convert a set of ordinals to UUIDs."""
    return frozenset(rows[ordinal].uuid for ordinal in devices.to_ordinals().tolist())


def stage(
    wave: _core.Wave,
    fleet: _core.Fleet,
    rollout: Rollout,
    draw: Draw,
    *,
    listed: npt.NDArray[np.uint8] | None = None,
) -> _core.Staging:
    """Compute a rollout with the engine; `listed` replaces its list where that is too long for UUID objects."""
    if rollout.uuids is not None:
        listed = as_array(rollout.uuids)
    request = _core.RolloutRequest(
        group=rollout.group,
        listed=listed,
        limit=limit_of(rollout),
        whole_group=rollout.whole_group,
        skip_mismatched=rollout.skip_mismatched,
        seed=draw.seed,
        now=draw.now,
        online_threshold=draw.online_threshold,
        half_life=draw.half_life,
        online_only=rollout.online_only,
    )
    return wave.stage(fleet, request)


def limit_of(rollout: Rollout) -> Limit:
    """The limit of a rollout. The public methods refuse 0 themselves, so build it here without that check."""
    if rollout.to is not None:
        RolloutRequest.of(rollout.limit or None, to=rollout.to or 1)
        return Limit(count=0, is_goal=True) if rollout.to == 0 else parse_goal(rollout.to)
    limit = Limit(count=0) if rollout.limit == 0 else parse_limit(rollout.limit)
    return replace(limit, percent_of=rollout.percent_of)


# --- for hypothesis ------------------------------------------------------------------------------------------------


@st.composite
def some_waves(draw: st.DrawFn, devices: Sequence[Device]) -> Wave:
    """Draw a wave in any state: its tag may have no devices, its groups may be deleted, its devices may have moved."""
    uuids = [device.uuid for device in devices]
    return Wave(
        target_version=draw(st.one_of(st.integers(41, 45), fleets.versions)),
        tag=draw(st.sampled_from((fleets.TAGS[0], *fleets.TAGS, "nobody-listens"))),
        staged=frozenset(draw(st.sets(st.sampled_from(uuids))) if uuids else ()),
        whole_groups=tuple(draw(st.lists(st.sampled_from((*fleets.GROUPS, "gone")), unique=True, max_size=2))),
        hardware=draw(st.sampled_from((None, frozenset(), *(frozenset({one}) for one in fleets.HARDWARE)))),
    )


@st.composite
def some_rollouts(draw: st.DrawFn, devices: Sequence[Device], wave: Wave) -> Rollout:
    """Draw a rollout: mostly a valid one, sometimes any combination of arguments."""
    group = draw(st.sampled_from((None, None, *fleets.GROUPS)))
    fitting = [d.uuid for d in devices if d.production and d.tag == wave.tag and group in (None, d.group)]
    known = [device.uuid for device in devices]
    strangers = st.integers(0, 300).map(lambda number: UUID(int=number))
    pools = [st.sampled_from(pool) for pool in (fitting, fitting, fitting, known) if pool]
    lists = st.lists(draw(st.sampled_from([*pools, strangers])), min_size=1, max_size=20).map(tuple)
    limits = st.one_of(st.integers(1, 30), fleets.percentages())
    rollout = Rollout(
        group=group,
        percent_of=draw(st.sampled_from(("matching", "remaining", "online"))),
        skip_mismatched=draw(st.booleans()),
    )
    match draw(st.sampled_from(("whole", "sample", "sample", "listed", "listed", "within", "within", "anything"))):
        case "whole":
            return replace(rollout, group=group or fleets.GROUPS[0], whole_group=True)
        case "sample":
            how = {"to": draw(limits)} if draw(st.booleans()) else {"limit": draw(limits)}
            return replace(rollout, online_only=draw(st.booleans()), **how)  # type: ignore[arg-type]  # a limit either way
        case "listed":
            return replace(rollout, uuids=draw(lists))
        case "within":
            return replace(rollout, uuids=draw(lists), limit=draw(limits), online_only=draw(st.booleans()))
    return replace(
        rollout,
        group=draw(st.sampled_from((group, "unheard-of"))),
        uuids=draw(st.one_of(st.none(), st.just(()), lists)),
        limit=draw(st.one_of(st.none(), st.just(0), limits)),
        whole_group=draw(st.booleans()),
        to=draw(st.sampled_from((None, None, 0, 3, "50%"))),
        online_only=draw(st.booleans()),
    )
