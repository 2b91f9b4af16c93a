"""Running the command line in this process and as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from commands import Ran
from groundswell.cli import run as run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `groundswell ARGUMENTS…` in this process."""

    def runner(*arguments: object) -> Ran:
        capsys.readouterr()
        code = run_command([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return runner


@pytest.fixture
def process() -> Callable[..., Ran]:
    """Run `groundswell ARGUMENTS…` as a process, with what it finds on stdin."""

    def runner(*arguments: object, stdin: bytes = b"", cwd: Path | None = None) -> Ran:
        command = [sys.executable, "-m", "groundswell", *(str(argument) for argument in arguments)]
        ran = subprocess.run(command, input=stdin, capture_output=True, check=False, cwd=cwd)
        return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    return runner
