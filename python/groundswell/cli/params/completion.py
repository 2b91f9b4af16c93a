"""Shell completion for names of waves, groups, tags and devices, which are read from the factory.

The factory is that of ``-C``, else of ``GROUNDSWELL_FACTORY``, else the working directory. Completion never waits for
the lock. On any error it offers nothing, because it cannot show messages.
"""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click

    from groundswell.factory import Factory

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

__all__ = [
    "complete_active_waves",
    "complete_devices",
    "complete_devices_and_groups",
    "complete_groups",
    "complete_states",
    "complete_tags",
    "complete_target_versions",
    "complete_waves",
]

_MAX_DEVICES: Final = 50
"""Maximum number of devices that are offered; the user then types more of the name."""


def _directory(context: click.Context) -> str:
    """The directory of the factory according to the words typed so far."""
    at: click.Context | None = context
    while at is not None:
        if given := at.params.get("directory"):
            return str(given)
        at = at.parent
    return os.environ.get("GROUNDSWELL_FACTORY") or "."


def _names(context: click.Context, beginning: str, read: Callable[[Factory], Iterable[str]]) -> list[CompletionItem]:
    with contextlib.suppress(Exception):
        from groundswell.factory import Factory

        with Factory.open(_directory(context), wait=timedelta(0)) as factory:
            names = list(read(factory))
        return [CompletionItem(name) for name in names if name.startswith(beginning)]
    return []


def complete_waves(context: click.Context, _: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Waves, newest first."""
    return _names(context, beginning, lambda factory: (wave.name for wave in factory.waves.list()))


def complete_active_waves(context: click.Context, _: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Active waves."""
    return _names(context, beginning, lambda factory: (wave.name for wave in factory.waves.list(state="active")))


def complete_groups(context: click.Context, _: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Groups, by name."""
    return _names(context, beginning, lambda factory: (group.name for group in factory.groups.list()))


def complete_tags(context: click.Context, _: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Tags of devices or targets."""

    def tags(factory: Factory) -> list[str]:
        of_devices = {one.tag for one in factory.status().tags if one.tag is not None}
        of_targets = {tag for target in factory.targets.list() for tag in target.tags}
        return sorted(of_devices | of_targets)

    return _names(context, beginning, tags)


def complete_states(_context: click.Context, _: click.Parameter, beginning: str) -> list[CompletionItem]:
    """The states of devices in a wave."""
    from groundswell.waves.progress import STATES

    return [CompletionItem(state) for state in STATES if state.startswith(beginning)]


def complete_target_versions(context: click.Context, _: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Versions of CI targets, newest first."""

    def versions(factory: Factory) -> list[str]:
        return [
            str(version) for version in sorted({one.target_version for one in factory.targets.list()}, reverse=True)
        ]

    return _names(context, beginning, versions)


def complete_devices(context: click.Context, _: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Names of devices, up to a maximum number."""

    def names(factory: Factory) -> list[str]:
        pattern = beginning.translate({ord("*"): "?"}) + "*"
        found = factory.devices.list(name=pattern, limit=_MAX_DEVICES, sort="name")
        return [device.name for device in found.devices if device.name]

    return _names(context, beginning, names)


def complete_devices_and_groups(
    context: click.Context, parameter: click.Parameter, beginning: str
) -> list[CompletionItem]:
    """Groups, then devices, because the word may be the last one, which is the group."""
    return complete_groups(context, parameter, beginning) + complete_devices(context, parameter, beginning)
