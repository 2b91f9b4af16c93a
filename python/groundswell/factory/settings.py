"""Settings of a factory. They hold on every surface, since clients differ in what they can express."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from groundswell.arguments import checks_arguments
from groundswell.errors import InputError, StateError
from groundswell.factory.context import seconds
from groundswell.store import put, remove

if TYPE_CHECKING:
    from datetime import datetime

    from groundswell.factory.context import Context

__all__ = ["Settings", "check_whole_group"]

_MAX_WHOLE_GROUP: Final = "max_whole_group"
_MAX: Final = 2**32


@checks_arguments
class Settings:
    """``factory.settings``."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context

    @property
    def max_whole_group(self) -> int | None:
        """The most devices that one rollout of a whole group may take in; None for no limit, which is the default."""
        value = self._context.meta(_MAX_WHOLE_GROUP)
        return int(value) if value else None

    def set_max_whole_group(self, devices: int | None, *, now: datetime | None = None) -> None:
        """Limit how many devices one rollout of a whole group may take in.

        A rollout that would take in more is refused with ``whole-group-too-large``. Some clients turn a limit of 0 or
        an empty list into a request for a whole group; this setting protects the fleet from them.

        Args:
            devices: the most devices, 1 or more; None for no limit.
            now: the instant for the audit log (default: now).

        Raises:
            InputError: ``bad-setting``.
        """
        devices = None if devices is None else int(devices)  # numpy's integers are not JSON
        if devices is not None and not 1 <= devices <= _MAX:
            raise InputError(
                "bad-setting",
                f"the setting max-whole-group cannot be `{devices}`",
                hint=f"give a count from 1 to {_MAX}, or no limit at all",
                fields={"setting": "max-whole-group", "value": str(devices)},
            )
        with self._context.store.changing():
            if devices == self.max_whole_group:
                return
            row = {"key": _MAX_WHOLE_GROUP, "value": str(devices)}
            change = remove("meta", [{"key": _MAX_WHOLE_GROUP}]) if devices is None else put("meta", [row])
            what = "off" if devices is None else str(devices)
            self._context.commit(
                "settings max-whole-group",
                f"set max-whole-group to {what}",
                [change],
                at=seconds(now),
                details={"setting": "max-whole-group", "value": devices},
            )


def check_whole_group(context: Context, group: str | None, devices: int) -> None:
    """Refuse a rollout of a whole group that takes in more devices than the factory allows.

    Raises:
        StateError: ``whole-group-too-large``.
    """
    most = Settings(context).max_whole_group
    if most is not None and devices > most:
        raise StateError(
            "whole-group-too-large",
            f"the whole group `{group}` would take in {devices} devices, and the setting max-whole-group allows {most}",
            hint="nothing was staged; take a sample of the group, or raise the setting",
            fields={"group": group, "devices": devices, "max_whole_group": most},
        )
