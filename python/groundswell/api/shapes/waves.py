"""Waves, rollouts and their progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundswell.api.shapes.common import change_meta, instant_text, to_bytes, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from groundswell.waves import GroupProgress, Progress, Rollout, RolloutResult, Wave, WaveStatus

__all__ = ["rollout_result", "wave_list", "wave_shape", "wave_status", "with_document"]


def wave_shape(wave: Wave, rollouts: Sequence[Rollout], groups: Mapping[int, str]) -> dict[str, Any]:
    """A wave with its history, without its targets role.

    Args:
        wave: the wave.
        rollouts: its rollouts, oldest first.
        groups: the names of the groups by their numbers; a deleted group has none.
    """
    first: dict[int, Rollout] = {}
    for rollout in rollouts:
        if rollout.group_id is not None:
            first.setdefault(rollout.group_id, rollout)
    return {
        "name": wave.name,
        "version": str(wave.target_version),
        "tag": wave.tag,
        "status": wave.state,
        "rollout-groups": {
            str(number): {
                "group-id": number,
                "group-name": groups.get(number, ""),
                "created-at": instant_text(rollout.applied_at),
                "created-by": rollout.applied_by,
            }
            for number, rollout in first.items()
        },
        "rollout-history": [
            {
                "group-name": "" if rollout.group_id is None else groups.get(rollout.group_id, ""),
                "rollout-by": rollout.applied_by,
                "rollout-at": instant_text(rollout.applied_at),
                "is-full-group": rollout.whole,
                "is-factory-wide": rollout.group_id is None,
                "num-devices": rollout.device_count,
            }
            for rollout in rollouts
        ],
        # fioctl prints `updated-at` as the end of the wave.
        "change-meta": change_meta(wave.created_at, wave.created_by, wave.finished_at, wave.finished_by),
    }


def with_document(shape: dict[str, Any], wave: Wave) -> bytes:
    """The wave with its targets role, as it was signed."""
    return to_bytes(shape)[:-1] + b',"targets":' + wave.document + b"}"


def wave_list(waves: Sequence[dict[str, Any]], total: int, following: str | None) -> dict[str, Any]:
    """A page of waves."""
    return {"waves": list(waves), "total": total, "next": following}


def rollout_result(shape: dict[str, Any], result: RolloutResult, *, uuids: bool, names: bool) -> dict[str, Any]:
    """What a rollout came to. Lists that were not asked for are empty."""
    picked = result.uuids if uuids or names else []
    return shape | {
        "device-num": len(result),
        "device-uuids": picked if uuids else [],
        # Both lists have the same length and order. A device without a name is named by its UUID, as in lists.
        "device-names": [name or uuid for name, uuid in zip(result.names, picked, strict=True)] if names else [],
    }


def wave_status(status: WaveStatus) -> dict[str, Any]:
    """The progress of a wave."""
    wave, progress = status.wave, status.progress
    return {
        "name": wave.name,
        "version": wave.target_version,
        "tag": wave.tag,
        "status": wave.state,
        "created-at": instant_text(wave.created_at),
        "finished-at": instant_text(wave.finished_at),
        "total-devices": progress.total,
        "updated-devices": progress.updated,
        "scheduled-devices": progress.scheduled,
        "unscheduled-devices": progress.unscheduled,
        "rollout-groups": [_group(group) for group in status.rollout_groups],
        "other-groups": [_group(group) for group in status.other_groups],
    }


def _group(group: GroupProgress) -> dict[str, Any]:
    progress: Progress = group.progress
    return {
        "name": group.group or "",
        "rollout-at": instant_text(group.rolled_out_at),
        "devices-total": progress.total,
        "devices-online": progress.online,
        "devices-on-wave-version": progress.on_version,
        "devices-on-newer-version": progress.newer,
        "devices-on-older-version": progress.older,
        "devices-scheduled-for-update": progress.scheduled,
        "targets": [
            {"version": version_of(share.target_version), "devices": share.devices, "is-orphan": share.is_orphan}
            for share in progress.versions
        ],
    }
