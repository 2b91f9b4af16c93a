"""Asks for confirmation before an irreversible change; only on a terminal, so that scripts never hang."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from groundswell.cli.output.render import confirm, say
from groundswell.errors import InputError, StateError
from groundswell.text import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundswell.factory.devices.leaving import LeavingDevices

__all__ = ["ask", "ask_leaving", "has_terminal", "missing_name_error", "must_ask"]


def has_terminal() -> bool:
    """Whether the command can ask: both stdin and stderr are a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def must_ask(*, yes: bool) -> bool:
    """Whether to ask: there is a terminal, and ``--yes`` was not given."""
    return not yes and has_terminal()


def ask(question: str) -> None:
    """Ask a question; return only if the answer is yes.

    Raises:
        StateError: ``not-confirmed`` if the answer is no, or the input ends without an answer.
        KeyboardInterrupt: on Ctrl-C.
    """
    try:
        agreed = confirm(question)
        reason = "the answer was no"
    except EOFError:
        say("")
        agreed, reason = False, "the input ended without an answer"
    except KeyboardInterrupt:
        say("")  # ends the line of the question
        raise
    if not agreed:
        raise StateError(
            "not-confirmed",
            f"nothing was changed: {reason}",
            hint="answer y to go on, or give --yes to skip the question",
            fields={"reason": reason},
        )


def missing_name_error(command: str, wave: str) -> InputError:
    """The error for a command without a wave's name and without a terminal: a script must name the wave."""
    return InputError(
        "confirmation-required",
        f"there is no terminal to ask on, so `{command}` requires the wave's name or --yes",
        hint=f"name the wave: groundswell {command} {wave}",
        fields={"command": command, "wave": wave},
    )


def ask_leaving(command: str, leaves: Sequence[LeavingDevices], *, yes: bool) -> None:
    """Report the scheduled devices that would leave an active wave, and ask for confirmation.

    Raises:
        InputError: ``confirmation-required`` without a terminal and without ``--yes``.
        StateError: ``not-confirmed`` if the answer is no.
    """
    if not leaves:
        return
    leaving = ", ".join(f"{count(one.devices, 'scheduled device')} would leave the wave {one.wave}" for one in leaves)
    if yes:
        say(f"note: {leaving}")
    elif has_terminal():
        ask(f"{leaving}. Go on?")
    else:
        raise InputError(
            "confirmation-required",
            f"{leaving}, and there is no terminal to ask on",
            hint=f"give --yes to `groundswell {command}` if that is intended; nothing was changed",
            fields={"command": command, "leaves": [asdict(one) for one in leaves]},
        )
