"""The targets role of a wave: the production targets of its tag, less what is pruned, and the targets of its version.

Source: domain.md "Wave life"; wire.md 2.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundswell.errors import InputError, NotFoundError, StateError
from groundswell.text import MAX_NAMED, joined, named
from groundswell.tuf.roles import targets
from groundswell.tuf.targets import read_targets, retagged

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from groundswell.tuf import Document
    from groundswell.tuf.targets import Target

__all__ = ["compose_role", "supported_hardware", "without_deltas"]


def compose_role(
    production: Document | None,
    new: Sequence[Target],
    *,
    target_version: int,
    tag: str,
    prune: Collection[int],
    expires: datetime,
    now: datetime,
) -> dict[str, Any]:
    """Say what the targets role of a wave says.

    Args:
        production: the current production targets of the tag; None if there are none.
        new: the CI targets of the wave's version, one for each hardware.
        target_version: the wave's version; it is the version of the role, too.
        tag: the tag that the new targets carry instead of theirs.
        prune: versions of production targets that are left out.
        expires: when the role expires.
        now: the present.

    Returns:
        ``signed`` of the role.

    Raises:
        InputError: ``expired-role``; ``bad-prune`` for the wave's own version.
        NotFoundError: ``unknown-version`` for a version to prune that production does not have.
        StateError: ``version-not-above``; ``target-in-production``.
    """
    if expires <= now:
        raise InputError(
            "expired-role",
            f"the expiry `{expires.isoformat().replace('+00:00', 'Z')}` is not in the future",
            hint="give an instant in the future",
            fields={"expires": expires.isoformat()},
        )
    known: tuple[Target, ...] = ()
    if production is not None:
        if target_version <= production.version:
            raise StateError(
                "version-not-above",
                f"version `{target_version}` is not above the {production.version} that tag {tag} has in production",
                hint="a wave brings a later version; build it anew under a higher number",
                fields={"target_version": target_version, "production_version": production.version, "tag": tag},
            )
        if production.signed["targets"]:
            known, _ = read_targets(production.signed["targets"], f"the production targets of {tag}")
    _check_prune(known, prune, target_version, tag)
    kept = {target.name: target.document for target in known if target.target_version not in prune}
    for target in new:
        if target.name in kept:
            raise StateError(
                "target-in-production",
                f"the target `{target.name}` is among the production targets of {tag} already",
                hint="build the version anew under a higher number",
                fields={"target": target.name, "tag": tag},
            )
    added = {target.name: retagged(target, tag).document for target in new}
    return targets({**kept, **added}, version=target_version, expires=expires)


def _check_prune(known: Sequence[Target], prune: Collection[int], target_version: int, tag: str) -> None:
    if target_version in prune:
        raise InputError(
            "bad-prune",
            f"version `{target_version}` is the one that the wave brings, so it cannot be pruned by it",
            hint="prune older versions",
            fields={"version": target_version},
        )
    have = sorted({target.target_version for target in known})
    missing = [version for version in sorted(prune) if version not in have]
    if missing:
        raise NotFoundError(
            "unknown-version",
            f"the production targets of {tag} have no version {named(missing)} to prune",
            hint=f"they have {joined(have[-MAX_NAMED:])}"
            + f" and {len(have) - MAX_NAMED} earlier ones" * (len(have) > MAX_NAMED)
            if have
            else f"the tag {tag} has no production targets yet",
            fields={"versions": missing, "known": have},
        )


def supported_hardware(targets: Mapping[str, Any], target_version: int) -> list[str]:
    """The hardware ids that have a target of a version, ascending.

    Args:
        targets: what a targets role lists, by name.
        target_version: the version.

    >>> supported_hardware({"os": {"custom": {"version": "42", "hardwareIds": ["pi", "imx8"]}}}, 42)
    ['imx8', 'pi']
    """
    version = str(target_version)
    own = (target["custom"] for target in targets.values() if target["custom"]["version"] == version)
    return sorted({hardware for custom in own for hardware in custom["hardwareIds"]})


def without_deltas(targets: Mapping[str, Any]) -> list[str]:
    """The names of targets for which no static deltas were made: devices will fetch them whole."""
    return [name for name, target in targets.items() if not target["custom"].get("delta-stats")]
