"""Paths that the system refuses, and what never ends: an error that names them, in time, and never a bug."""

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

LONG = "a" * 300
UUID = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    "words",
    [
        "select fleet.csv -l 1 -o LONG",
        "select fleet.csv -l 1 --rejects LONG",
        "select LONG -l 1",
        "select fleet.csv -l 1 --uuids @LONG",
        "fleet synth --devices 3 LONG.csv",
        "metadata verify LONG",
        "restore LONG new",
        "restore fleet.csv LONG",
        "init LONG --name x",
        "-C LONG status",
        "-C acme devices export LONG.csv",
        "-C acme devices import LONG",
        "-C acme backup LONG",
        "-C acme keys init --root-keys LONG --targets-keys t.tgz",
        "-C acme keys init --root-keys r.tgz --targets-keys LONG",
        "-C acme targets import LONG",
        "-C acme waves init w 42 main --keys LONG",
        "-C acme waves rollout w --apply LONG",
        "-C acme metadata export --device gw-1 LONG",
    ],
)
def test_a_name_that_is_too_long_is_an_error_with_a_reason(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(shop)
    before = sorted(path.name for path in shop.iterdir())
    ran = run(*words.replace("LONG", LONG).split())
    assert ran.code in {2, 3, 4, 5, 6}, ran
    assert ran.out == ""
    assert sorted(path.name for path in shop.iterdir()) == before


@pytest.mark.parametrize("source", [b"\x93\x1f\x07\xff", b"\0\0\0"])
def test_a_pipe_that_is_not_a_table_is_not_copied_to_its_end(tmp_path: Path, source: bytes) -> None:
    """The writer never closes the pipe."""
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "groundswell", "fleet", "show", str(tmp_path / "pipe")]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
        (tmp_path / "pipe").open("wb", buffering=0) as pipe,
    ):
        pipe.write(source * 1000)
        _, error = process.communicate()
    assert process.returncode == 2
    assert "is not a table" in error


@pytest.mark.parametrize(
    "words", ["select fleet.csv -l 1 --seed 1 --now 2026-11-24T00:00:00Z", f"uuids check --clean {UUID}"]
)
def test_a_dash_is_stdout(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(shop)
    assert run(*words.split(), "-o", "-").out == run(*words.split()).out != ""
    assert not (shop / "-").exists()


def test_a_dash_is_no_file_of_rejects(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    ran = run("select", "fleet.csv", "-l", "1", "--rejects", "-")
    assert (ran.slug, ran.code) == ("no-file-name", 2)
    assert not (shop / "-").exists()


def test_a_link_to_nothing_is_not_its_own_suggestion(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fleet.csv").symlink_to("gone.csv")
    for words in (("fleet", "show", tmp_path / "fleet.csv"), ("uuids", "check", f"@{tmp_path / 'fleet.csv'}")):
        ran = run(*words)
        assert ran.code == 3
        assert "a symbolic link to `gone.csv`" in ran.err
        assert "did you mean" not in ran.err
