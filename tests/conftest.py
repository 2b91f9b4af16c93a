"""What tests of many kinds ask for: the command line in this process and as one of its own; factories to be changed.

One file for all folders, since a type checker knows but one module of a name.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import factories
from commands import Ran
from factories import Keyed
from groundswell.cli import run as run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from groundswell.factory import Factory


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


@pytest.fixture(scope="session")
def bare_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a closed factory in it, just made."""
    return factories.make(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="session")
def keyed_folder(bare_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a closed factory and its offline keys."""
    return factories.make_keyed(bare_folder, tmp_path_factory.mktemp("keyed"))


@pytest.fixture
def factory(bare_folder: Path, tmp_path: Path) -> Iterator[Factory]:
    """An open factory, just made; its offline keys are still to be made."""
    with factories.opened(bare_folder, tmp_path) as made:
        yield made


@pytest.fixture
def keyed(keyed_folder: Path, tmp_path: Path) -> Iterator[Keyed]:
    """An open factory with its offline keys."""
    with factories.opened(keyed_folder, tmp_path) as made:
        yield Keyed(made, tmp_path / "root.tgz", tmp_path / "targets.tgz")
