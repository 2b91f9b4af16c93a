"""Questions before what cannot be undone: on a terminal only, so that scripts never hang."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from groundswell.cli.output.render import confirm, say
from groundswell.errors import InputError, StateError
from groundswell.text import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.factory.devices.leaving import LeavingDevices

__all__ = ["ask", "ask_leaving", "has_terminal", "must_ask", "must_be_named"]


def has_terminal() -> bool:
    """Whether a person can be asked: stdin and stderr are a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def must_ask(*, yes: bool) -> bool:
    """Whether to ask: a person is there, and has not said yes beforehand."""
    return not yes and has_terminal()


def ask(question: str) -> None:
    """Ask a question that only a yes lets the command go on from.

    Raises:
        StateError: ``not-confirmed`` for a no, and where the input ends without an answer.
        click.Abort: at Ctrl-C.
    """
    try:
        agreed = confirm(question)
        reason = "the answer was no"
    except click.Abort as abort:
        # click raises it for Ctrl-C and for the end of the input.
        if not isinstance(abort.__context__, EOFError):
            raise
        say("")
        agreed, reason = False, "the input ended without an answer"
    if not agreed:
        raise StateError(
            "not-confirmed",
            f"nothing was changed: {reason}",
            hint="answer y to go on, or give --yes to skip the question",
            fields={"reason": reason},
        )


def must_be_named(command: str, wave: str) -> InputError:
    """The error for a decision without a name where nobody can be asked: a script must not decide by accident."""
    return InputError(
        "confirmation-required",
        f"there is no terminal to ask on, so `{command}` requires the wave's name or --yes",
        hint=f"name the wave: groundswell {command} {wave}",
        fields={"command": command, "wave": wave},
    )


def ask_leaving(command: str, leaves: Sequence[LeavingDevices], *, yes: bool) -> None:
    """Report the scheduled devices that would leave an active wave, and ask whether that is meant.

    Raises:
        InputError: ``confirmation-required`` without a terminal and without ``--yes``.
        StateError: ``not-confirmed`` for a no.
    """
    if not leaves:
        return
    told = ", ".join(f"{count(one.devices, 'scheduled device')} would leave the wave {one.wave}" for one in leaves)
    if yes:
        say(f"note: {told}")
    elif has_terminal():
        ask(f"{told}. Go on?")
    else:
        raise InputError(
            "confirmation-required",
            f"{told}, and there is no terminal to ask on",
            hint=f"give --yes to `groundswell {command}` if that is meant; nothing was changed",
            fields={"command": command, "leaves": [asdict(one) for one in leaves]},
        )
