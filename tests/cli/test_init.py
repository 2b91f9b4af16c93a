"""``groundswell init``: the factory that it makes, and where it makes none."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from groundswell.factory import Factory
from support.commands import EXIT_CODES, Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_factory_is_made_and_the_next_step_told(run: Run, folder: Path) -> None:
    ran = run("init", "acme", "--name", "acme")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "made the factory acme in acme\n"
        "next: groundswell keys init --root-keys root.keys.tgz --targets-keys targets.only.key.tgz; then groundswell"
        " devices import FILE\n"
    )
    with Factory.open("acme") as factory:
        assert (factory.name, factory.revision, len(factory.devices)) == ("acme", 1, 0)
    assert folder.is_dir()


def test_a_directory_that_is_empty_will_do(run: Run, folder: Path) -> None:
    (folder / "acme").mkdir()
    assert run("init", "acme", "--name", "acme").code == 0


def test_nobody_else_can_look_into_it(run: Run, folder: Path) -> None:
    run("init", "acme", "--name", "acme")
    for path in [folder / "acme", *(folder / "acme").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_process_makes_the_same(process: Run, folder: Path) -> None:
    ran = process("init", "acme", "--name", "acme", cwd=folder)
    assert (ran.code, ran.out, ran.err.splitlines()[0]) == (0, "", "made the factory acme in acme")


@pytest.mark.parametrize(
    ("arguments", "slug", "said"),
    [
        (("acme",), "bad-usage", "missing option '--name'"),
        (("--name", "acme"), "bad-usage", "missing argument 'DIR'"),
        (("acme", "--name", ""), "bad-name", "the factory name `` is empty"),
        (("acme", "--name", "a b"), "bad-name", "the factory name `a b` is not a name"),
        (("acme", "--name", "-acme"), "bad-name", "the factory name `-acme` is not a name"),
        (("acme", "--name", "ä"), "bad-name", "the factory name `ä` is not a name"),
        (("acme", "--name", "a" * 65), "bad-name", "is longer than the 64 characters that a name may have"),
        (("acme", "--name", "a\x1b[2J"), "bad-name", "the factory name `a\\x1b[2J` is not a name"),
        (("", "--name", "acme"), "no-directory-name", "`DIR` names no directory"),
        (
            ("no/such/folder", "--name", "acme"),
            "cannot-write",
            "`no/such/folder` cannot be made: No such file or directory",
        ),
        (("file", "--name", "acme"), "folder-not-empty", "`file` is a file"),
        (("full", "--name", "acme"), "folder-not-empty", "the folder `full` is not empty: it holds `something`"),
        (("there", "--name", "acme"), "factory-exists", "`there` is a factory already"),
    ],
)
def test_where_no_factory_can_be_nothing_is_changed(
    run: Run, folder: Path, arguments: tuple[str, ...], slug: str, said: str
) -> None:
    (folder / "file").write_text("x")
    (folder / "full").mkdir()
    (folder / "full/something").write_text("x")
    run("init", "there", "--name", "there")
    before = sorted(folder.rglob("*"))
    ran = run("init", *arguments)
    assert (ran.slug, ran.code, ran.out) == (slug, EXIT_CODES[slug], "")
    assert said in ran.err
    assert " hint: " in ran.err
    assert sorted(folder.rglob("*")) == before


def test_the_user_is_in_the_audit_log(process: Run, folder: Path) -> None:
    process("init", "acme", "--name", "acme", cwd=folder, env={"GROUNDSWELL_USER": "carol"})
    assert '"by":"carol","action":"init"' in (folder / "acme/audit.log").read_text()
