"""Ctrl-C while a change is being made durable."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["InterruptedAfterCommitError", "interrupts_held"]


class InterruptedAfterCommitError(KeyboardInterrupt):
    """Ctrl-C came while a transaction was being made durable: the change is made, what would have followed is not."""


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until a commit is over, so that what a command says of it is true.

    Other threads than the main one never get Ctrl-C, so nothing is held there.

    Raises:
        InterruptedAfterCommitError: it came, and the block ended well. Where the block ends with an error, that tells
            more than the interrupt does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def hold(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of signal handlers
        nonlocal came
        came = True

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
    if came:
        raise InterruptedAfterCommitError
