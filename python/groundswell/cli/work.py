"""What a command has done to a factory so far: for its last word when Ctrl-C ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from groundswell.factory import Factory

__all__ = ["Work", "work_at_hand"]


class Work:
    """The factory that a command has open, the change that it made, and the factory that it makes."""

    def __init__(self) -> None:
        self.command: click.Command | None = None
        """The command that is running, once its arguments were accepted."""
        self._open: tuple[Factory, int] | None = None
        self._reached: int | None = None
        self._makes: Path | None = None

    def opened(self, factory: Factory) -> None:
        """A factory was opened: from here on its revision is watched. Others that were before it are let go."""
        self._settle()
        self._open = factory, factory.revision

    def makes(self, directory: Path) -> None:
        """A factory is about to be made where none is yet."""
        self._makes = directory

    def _settle(self) -> None:
        if self._open is not None:
            factory, revision = self._open
            self._reached = factory.revision if factory.revision > revision else self._reached

    def last_word(self) -> str:
        """What to say when the command is interrupted: what is true of the factory now."""
        self._settle()
        if self._reached is not None:
            return f"interrupted, but the change was made: the factory is at revision {self._reached}"
        if self._makes is not None and (self._makes / "audit.log").exists():
            return f"interrupted, but the factory `{self._makes}` was made"
        return "interrupted: nothing was changed" if self._open is None else "interrupted: the factory was not changed"


def work_at_hand() -> Work:
    """The work of the command that is running."""
    found = click.get_current_context().find_root().obj
    return found if isinstance(found, Work) else Work()
