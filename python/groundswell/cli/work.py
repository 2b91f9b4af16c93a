"""Tracks what the running command has changed, for the message after Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from groundswell.factory import Factory

__all__ = ["CommandRun", "current_run"]


class CommandRun:
    """The factory that the command has opened, its revision, and the factory that it is creating."""

    def __init__(self) -> None:
        self.command: click.Command | None = None
        """The running command, set after its arguments were parsed."""
        self._open: tuple[Factory, int] | None = None
        self._new_revision: int | None = None
        self._creating: Path | None = None

    def opened(self, factory: Factory) -> None:
        """Track the revision of a factory that was opened; it replaces the factory tracked before."""
        self._settle()
        self._open = factory, factory.revision

    def creates(self, directory: Path) -> None:
        """Record the directory of a factory that is about to be created."""
        self._creating = directory

    def _settle(self) -> None:
        if self._open is not None:
            factory, revision = self._open
            self._new_revision = factory.revision if factory.revision > revision else self._new_revision

    def interruption_message(self) -> str:
        """The message after an interruption: whether the factory was changed."""
        self._settle()
        if self._new_revision is not None:
            return f"interrupted, but the change was made: the factory is at revision {self._new_revision}"
        if self._creating is not None and (self._creating / "audit.log").exists():
            return f"interrupted, but the factory `{self._creating}` was made"
        return "interrupted: nothing was changed" if self._open is None else "interrupted: the factory was not changed"


def current_run() -> CommandRun:
    """The record of the running command."""
    found = click.get_current_context().find_root().obj
    return found if isinstance(found, CommandRun) else CommandRun()
