"""Commands on a pseudo-terminal, where there is a person to ask."""

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
    """Run a command in a factory on a pseudo-terminal, and answer its question; its exit code and what was shown."""
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job inherits SIG_IGN, and would ignore Ctrl-C
        os.execv(sys.executable, [sys.executable, "-m", "groundswell", "-C", str(factory), *arguments])
    seen, answered = b"", False
    while True:
        # An answer that comes before the line editor has set the terminal up can be lost: Ctrl-D becomes a NUL.
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
    return os.waitstatus_to_exitcode(status), seen.decode()
