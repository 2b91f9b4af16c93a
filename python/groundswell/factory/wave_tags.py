"""Production devices counted by tag, those in an active wave apart from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundswell.store.rows import DeviceCount

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from groundswell import _core

__all__ = ["production_counts"]


def production_counts(
    fleet: _core.Fleet, waves: Iterable[_core.Wave], *, seen_since: int
) -> tuple[list[DeviceCount], list[DeviceCount]]:
    """Count production devices by tag, group and target version.

    Args:
        fleet: the devices, as they are now.
        waves: the active waves.
        seen_since: a device counts as online if it was seen at this instant (seconds since 1970) or later.

    Returns:
        The counts outside of all waves; the counts of devices that a wave covers. Each device is counted once.

    Cost: a few passes over the columns.
    """
    import numpy as np

    columns: dict[str, Any] = fleet.columns()
    covered = np.zeros(fleet.rows, np.bool_)
    for wave in waves:
        covered[wave.covered(fleet).to_ordinals()] = True
    production: npt.NDArray[np.bool_] = columns["production"]
    present = columns["present"]
    if present is not None:
        production = production & present
    return (
        _counts(columns, production & ~covered, seen_since),
        _counts(columns, production & covered, seen_since),
    )


def _counts(columns: dict[str, Any], which: npt.NDArray[np.bool_], seen_since: int) -> list[DeviceCount]:
    import numpy as np

    tags, groups, versions, seen = (
        np.asarray(columns[name])[which] for name in ("tags", "groups", "target_versions", "last_seen")
    )
    tag_names, group_names = list(columns["tag_names"]), list(columns["group_names"])
    known, codes = np.unique(versions, return_inverse=True)
    keys = ((tags.astype(np.int64) + 1) * (len(group_names) + 1) + groups + 1) * max(len(known), 1) + codes
    found, inverse = np.unique(keys, return_inverse=True)
    devices = np.bincount(inverse, minlength=len(found))
    online = np.bincount(inverse, weights=seen >= seen_since, minlength=len(found))
    result = []
    for key, count, awake in zip(found.tolist(), devices.tolist(), online.tolist(), strict=True):
        rest, code = divmod(key, max(len(known), 1))
        tag, group = divmod(rest, len(group_names) + 1)
        version = int(known[code])
        result.append(
            DeviceCount(
                production=True,
                tag=tag_names[tag - 1] if tag else None,
                group=group_names[group - 1] if group else None,
                target_version=None if version < 0 else version,
                devices=count,
                online=int(awake),
            )
        )
    return result
