"""Runs a function in a forked child, and returns its result."""

from __future__ import annotations

import json
import os
import signal
import traceback
from typing import TYPE_CHECKING, Any

from groundswell.errors import GroundswellError

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 60
"""Seconds after which a child is killed."""


def in_child(
    act: Callable[[], Any], *, after: Callable[[], Any] | None = None, fork: Callable[[], int] = os.fork
) -> Any:
    """Run an act in a forked child, and return its result in JSON types. A child that hangs is killed.

    Args:
        act: what the child does.
        after: what the parent does first, after the fork.
        fork: how to fork.
    """
    reader, writer = os.pipe()
    waits, goes = os.pipe()
    child = fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE)
        try:
            os.read(waits, 1)
            found: Any = {"returned": act()}
        except BaseException:  # noqa: BLE001 - a child must not return into the test
            found = {"raised": traceback.format_exc()}
        os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    try:
        if after is not None:
            after()
    finally:
        os.write(goes, b".")
        os.close(waits)
        os.close(goes)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with the wait status {status}"
    found = json.loads(data)
    assert "raised" not in found, found["raised"]
    return found["returned"]


def code_of(act: Callable[[], Any]) -> str | None:
    """The code of the error that an act raises; None if it returns."""
    try:
        act()
    except GroundswellError as error:
        return error.code
    return None
