"""Running a function in a forked child, and what came of it there."""

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
"""Seconds after which a child counts as hanging."""


def in_child(act: Callable[[], Any]) -> Any:
    """What an act returns in a forked child, as JSON has it. A child that hangs is killed, which fails the test."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE)
        try:
            found: Any = {"returned": act()}
        except BaseException:  # noqa: BLE001 - a child must not return into the test
            found = {"raised": traceback.format_exc()}
        os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with the wait status {status}"
    found = json.loads(data)
    assert "raised" not in found, found["raised"]
    return found["returned"]


def code_of(act: Callable[[], Any]) -> str | None:
    """The code of the error that an act ends with; None if it returns."""
    try:
        act()
    except GroundswellError as error:
        return error.code
    return None
