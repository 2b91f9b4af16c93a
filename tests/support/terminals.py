"""Runs commands on a pseudo-terminal, so that they ask for confirmation."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def run(factory: Path, *arguments: str, answer: bytes) -> tuple[int, str]:
    """Run a command on a pseudo-terminal, and answer its question; returns exit code and output."""
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job inherits SIG_IGN and would ignore Ctrl-C
        os.execv(sys.executable, [sys.executable, "-m", "groundswell", "-C", str(factory), *arguments])
    seen, answered = b"", False
    while True:
        # Wait until the line editor has configured the terminal; before that an answer may be lost (Ctrl-D becomes
        # NUL).
        while answered and answer and not select.select([terminal], [], [], 2)[0]:
            os.write(terminal, answer)
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
        if b"[y/N]" in seen and not answered:
            answered = True
            os.write(terminal, answer)
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), seen.decode("utf-8", "replace")
