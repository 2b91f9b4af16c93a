"""Running the command line in this process and as a process of its own; a small factory to run it in."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from groundswell import GroundswellError, cli
from groundswell.cli.hints import hint_for
from support import cli_factory
from support.commands import Ran
from support.surfaces import check_shell_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import click


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run `groundswell ARGUMENTS…` in this process."""
    codes: list[str] = []
    print_error = cli._print_error

    def print_and_record(error: GroundswellError, *, as_json: bool, command: click.Command | None = None) -> int:
        codes.append(error.code)
        check_shell_text(hint_for(error, command))
        return print_error(error, as_json=as_json, command=command)

    monkeypatch.setattr(cli, "_print_error", print_and_record)

    def runner(*arguments: object) -> Ran:
        capsys.readouterr()
        codes.clear()
        code = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err, "".join(codes))

    return runner


@pytest.fixture
def process() -> Callable[..., Ran]:
    """Run `groundswell ARGUMENTS…` as a process, with what it finds on stdin."""

    def runner(
        *arguments: object, stdin: bytes = b"", cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Ran:
        command = [sys.executable, "-m", "groundswell", *(str(argument) for argument in arguments)]
        environment = {**os.environ, **(env or {})}
        ran = subprocess.run(command, input=stdin, capture_output=True, check=False, cwd=cwd, env=environment)
        return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    return runner


@pytest.fixture(scope="session")
def shop_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the factory ``acme``, its tarballs, and what was imported; see `shops`."""
    folder = tmp_path_factory.mktemp("shop")
    cli_factory.make(folder)
    return folder


@pytest.fixture
def shop(shop_model: Path, tmp_path: Path) -> Path:
    """A copy of `shop_model`, to be changed at will."""
    return shutil.copytree(shop_model, tmp_path / "shop")


@pytest.fixture
def acme(run: Callable[..., Ran], shop: Path) -> Callable[..., Ran]:
    """Run `groundswell ARGUMENTS…` in the factory of `shop`."""

    def runner(*arguments: object) -> Ran:
        return run("-C", shop / "acme", *arguments)

    return runner


@pytest.fixture
def revision(shop: Path) -> Callable[[], int]:
    """The revision of the factory of `shop`: the number of lines in its audit log."""
    return lambda: len((shop / "acme/audit.log").read_text().splitlines())


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of who is at work."""
    monkeypatch.delenv("GROUNDSWELL_USER", raising=False)
    return getpass.getuser()
