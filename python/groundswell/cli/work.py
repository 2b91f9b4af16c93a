"""What a command has done to a factory so far: for its last word when Ctrl-C ends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from groundswell.factory import Factory

__all__ = ["Work", "work_at_hand"]


@dataclass(slots=True)
class Work:
    """The factories that a command has opened, and those that it makes."""

    _opened: list[tuple[Factory, int]] = field(default_factory=list)
    _made: list[Path] = field(default_factory=list)

    def opened(self, factory: Factory) -> None:
        """A factory was opened: from here on its revision is watched."""
        self._opened.append((factory, factory.revision))

    def makes(self, directory: Path) -> None:
        """A factory is about to be made where none is yet."""
        self._made.append(directory)

    def last_word(self) -> str:
        """What to say when the command is interrupted: what is true of the factory now."""
        for factory, revision in self._opened:
            if factory.revision > revision:
                return f"interrupted, but the change was made: the factory is at revision {factory.revision}"
        for directory in self._made:
            if (directory / "audit.log").exists():
                return f"interrupted, but the factory `{directory}` was made"
        if self._opened:
            return "interrupted: the factory was not changed"
        return "interrupted: nothing was changed"


def work_at_hand() -> Work:
    """The work of the command that is running."""
    found = click.get_current_context().find_root().obj
    return found if isinstance(found, Work) else Work()
