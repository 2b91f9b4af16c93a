"""Questions before what cannot be undone: on a terminal only, so that scripts never hang."""

from __future__ import annotations

import sys

import click

from groundswell.cli.render import confirm

__all__ = ["ask", "must_ask"]


def must_ask(*, yes: bool) -> bool:
    """Whether to ask: a person is there, and has not said yes beforehand."""
    return not yes and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> None:
    """Ask; a no ends the command.

    Raises:
        click.Abort: for a no.
    """
    if not confirm(question):
        raise click.Abort
