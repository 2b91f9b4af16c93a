"""Law: a shell completes what the factory has, from the factory that the command means, and is silent otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.commands import Ran

    Run = Callable[..., Ran]


_PROGRAM = "import sys; sys.argv[0] = 'groundswell'; from groundswell.__main__ import main; main()"


def complete(words: list[str], *, cwd: Path, shell: str = "bash", **environment: str) -> tuple[list[str], str]:
    """What a shell offers for the last of the words; and what was printed to stderr."""
    typed = " ".join(["groundswell", *words])
    request = {"_GROUNDSWELL_COMPLETE": f"{shell}_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words))}
    if shell == "fish":
        request["COMP_CWORD"] = words[-1]
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv[0] = 'groundswell'; from groundswell.__main__ import main; main()",
        ],
        env={**os.environ, **request, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    if shell == "zsh":
        return ran.stdout.split("\n")[1::3], ran.stderr
    return [line.rpartition(",")[2] for line in ran.stdout.splitlines() if line], ran.stderr


@pytest.fixture
def waves(acme: Run, shop: Path) -> Path:
    """A factory with a wave."""
    made = acme("waves", "init", "-k", shop / "targets.tgz", "v41", 41, "production")
    assert made.code == 0, made.err
    return shop


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["-C", "acme", "waves", "status", ""], {"v41"}),
        (["-C", "acme", "waves", "rollout", "v"], {"v41"}),
        (["waves", "show", "-C", "acme", "v4"], {"v41"}),
        (["-C", "acme", "waves", "rollout", "v41", "can"], {"canary"}),
        (["-C", "acme", "waves", "rollout", "v41", "--group", ""], {"canary", "us-east"}),
        (["-C", "acme", "devices", "list", "-t", "pro"], {"production"}),
        (["-C", "acme", "groups", "delete", "us"], {"us-east"}),
        (["-C", "acme", "devices", "list", "--wave", "v"], {"v41"}),
        (["-C", "acme", "devices", "list", "--wave", "v41", "--state", "sch"], {"scheduled"}),
        (["-C", "acme", "targets", "show", "4"], {"41"}),
    ],
)
def test_names_of_the_factory_are_completed(waves: Path, words: list[str], found: set[str]) -> None:
    offered, told = complete(words, cwd=waves)
    assert (found <= set(offered), told) == (True, ""), offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_is_served_from_the_variable(waves: Path, shell: str) -> None:
    offered, told = complete(["waves", "status", "v"], cwd=waves, shell=shell, GROUNDSWELL_FACTORY="acme")
    assert (offered, told) == (["v41"], "")


@pytest.mark.parametrize("words", [["-C", "nowhere", "waves", "status", ""], ["waves", "status", ""]])
def test_without_a_factory_nothing_is_completed_and_nothing_is_said(tmp_path: Path, words: list[str]) -> None:
    assert complete(words, cwd=tmp_path, GROUNDSWELL_FACTORY="") == ([], "")


def test_nobody_waits_for_a_factory_in_use(shop: Path) -> None:
    from groundswell import Factory

    with Factory.open(shop / "acme"):
        assert complete(["-C", "acme", "groups", "delete", ""], cwd=shop) == ([], "")
