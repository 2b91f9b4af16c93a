"""Which factory a command means, who may have it, and what is said where there is none."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from groundswell import InputError
from groundswell.cli.work import CommandRun
from groundswell.factory import Factory
from support import cli_factory, factories
from support.commands import Ran

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Ran]

READING = [
    ("status",),
    ("check",),
    ("devices", "list"),
    ("devices", "list", "--uuids"),
    ("devices", "show", "gw-1"),
    ("groups", "list"),
    ("targets", "list"),
    ("targets", "show", "42"),
    ("keys", "show"),
    ("keys", "show", "--production"),
]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for another owner no longer than it takes to look twice."""
    monkeypatch.setattr("groundswell.cli.params.factory_option._QUIET_WAIT", timedelta(0))
    monkeypatch.setattr("groundswell.factory.factory.DEFAULT_WAIT", timedelta(milliseconds=50))


def name_of(ran: Ran) -> str:
    assert ran.code == 0, ran.err
    return str(ran.data["name"])


def test_the_option_beats_the_variable_beats_the_working_directory(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        run("init", tmp_path / name, "--name", name)
    monkeypatch.chdir(tmp_path / "a")
    monkeypatch.delenv("GROUNDSWELL_FACTORY", raising=False)
    assert name_of(run("status", "--json")) == "a"
    monkeypatch.setenv("GROUNDSWELL_FACTORY", str(tmp_path / "b"))
    assert name_of(run("status", "--json")) == "b"
    assert name_of(run("-C", tmp_path / "c", "status", "--json")) == "c"
    assert name_of(run("status", "--json", "-C", tmp_path / "c")) == "c"
    assert name_of(run("-C", tmp_path / "a", "status", "--json", "-C", tmp_path / "c")) == "c"
    assert name_of(run("status", "-C", "../a", "--json")) == "a"


def test_a_process_finds_it_by_the_same_three_ways(process: Run, shop: Path) -> None:
    for options, cwd, env in (
        (["-C", "acme"], shop, {"GROUNDSWELL_FACTORY": "elsewhere"}),
        ([], shop, {"GROUNDSWELL_FACTORY": "acme"}),
        ([], shop / "acme", {}),
    ):
        ran = process(*options, "groups", "list", cwd=cwd, env=env)
        assert (ran.code, ran.lines[1].split()[0]) == (0, "canary")


@pytest.mark.parametrize("command", [*READING, ("groups", "create", "x"), ("backup", "b"), ("metadata", "refresh")])
def test_where_no_factory_is_every_command_says_how_to_name_or_make_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GROUNDSWELL_FACTORY", raising=False)
    (tmp_path / "file").write_text("x")
    for options, said in (
        ([], "no factory is in `.`"),
        (["-C", "no/such"], "there is no folder `no/such`"),
        (["-C", "file"], "no factory is in `file`"),
    ):
        ran = run(*options, *command)
        assert (ran.slug, ran.code, ran.out) == ("no-factory", 3, "")
        assert ran.err == (
            f"error: {said}\n hint: name the factory with -C DIR or GROUNDSWELL_FACTORY, or make one:"
            " groundswell init DIR --name NAME\n"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_empty_directory_is_not_the_working_directory(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop / "acme")
    for arguments in (("-C", "", "status"), ("status", "-C", "")):
        ran = run(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("error: `-C` names no directory: `` is empty\n")
    assert run("status", "--json", "-C", "").error["code"] == "no-directory-name"


@pytest.mark.parametrize("variable", ["GROUNDSWELL_FACTORY", "GROUNDSWELL_USER"])
@pytest.mark.parametrize("value", ["", "  "])
def test_a_variable_that_is_set_but_empty_is_an_error(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.chdir(shop / "acme")
    before = factories.every_byte_below(shop)
    monkeypatch.setenv(variable, value)
    for command in (("status",), ("groups", "create", "x")):
        ran = run(*command)
        assert (ran.code, ran.slug, ran.out) == (2, "empty-variable", "")
        assert f"`{variable}` is set but empty" in ran.err
    assert factories.every_byte_below(shop) == before


def test_a_user_that_is_empty_is_an_error(shop: Path) -> None:
    with pytest.raises(InputError) as caught:
        Factory.open(shop / "acme", user="")
    assert caught.value.code == "empty-user"
    with Factory.open(shop / "acme"):  # the lock was let go
        pass


def test_a_kernel_that_is_not_known_is_bad_input(process: Run) -> None:
    ran = process("--help", env={"GROUNDSWELL_KERNEL": "no-such-kernel"})
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: GROUNDSWELL_KERNEL is ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("command", READING)
def test_reading_leaves_everything_as_it_was(acme: Run, shop: Path, command: tuple[str, ...]) -> None:
    before = factories.every_byte_below(shop)
    ran = acme(*command)
    assert ran.code == 0, ran.err
    assert ran.out
    after = factories.every_byte_below(shop)
    # The lock tells who had the factory last; that is no part of it.
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"acme/lock"}


@pytest.mark.usefixtures("impatient")
def test_a_factory_in_use_is_waited_for_and_then_told_of(acme: Run, shop: Path) -> None:
    with Factory.open(shop / "acme", owner="groundswell serve"):
        ran = acme("status")
        told = acme("status", "--json").error
    held = rf"the factory `{shop / 'acme'}` is in use by `groundswell serve` (process {os.getpid()}) since "
    note, error, hint = ran.err.splitlines()
    assert (ran.code, ran.out) == (4, "")
    assert note.startswith(f"note: {held}")
    assert note.endswith("; waiting for it")
    assert error.startswith(f"error: {held}")
    assert hint == " hint: a factory has one owner at a time: wait until it is done, or stop it"
    assert told["code"] == "factory-in-use"
    assert told["fields"]["pid"] == os.getpid()
    assert acme("status").code == 0


def test_a_factory_that_gets_free_is_taken(shop: Path) -> None:
    command = [sys.executable, "-m", "groundswell", "-C", str(shop / "acme"), "groups", "create", "late"]
    with Factory.open(shop / "acme"):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        waits = process.stderr.readline()
    out, err = process.communicate()
    assert waits.endswith("; waiting for it\n")
    assert (process.returncode, out, err) == (0, "", "made the group late\n")


@pytest.mark.usefixtures("impatient")
def test_repair_waits_like_every_command(acme: Run, shop: Path) -> None:
    with Factory.open(shop / "acme"):
        ran = acme("check", "--repair")
    assert (ran.code, ran.err.count("in use by")) == (4, 2)


def test_a_factory_of_a_newer_version_is_left_alone(acme: Run, shop: Path) -> None:
    with duckdb.connect(str(shop / "acme/factory.duckdb")) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    for command in (("status",), ("groups", "create", "x")):
        ran = acme(*command)
        assert (ran.code, ran.out) == (4, "")
        assert f"error: the factory `{shop / 'acme'}` has format 99, and this groundswell knows" in ran.err
        assert " hint: use the newer version of groundswell that wrote it" in ran.err
    assert acme("status", "--json").error["code"] == "newer-factory"


def test_a_damaged_store_names_the_way_out(acme: Run, shop: Path) -> None:
    path = shop / "acme/factory.duckdb"
    path.write_bytes(b"\0" * 4096 + path.read_bytes()[4096:])
    ran = acme("status")
    assert (ran.code, ran.out) == (6, "")
    assert f"error: `{path}` is damaged" in ran.err
    assert "`groundswell check --repair`" in ran.err
    assert acme("status", "--json").error["code"] == "store-damaged"


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


def test_ctrl_c_before_the_change_says_that_the_factory_is_as_it_was(
    acme: Run, shop: Path, revision: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("groundswell.factory.devices.imports.read_fleet", interrupted)
    ran = acme("devices", "import", shop / "fleet.csv")
    assert (ran.code, ran.out, ran.err.strip()) == (130, "", "interrupted: the factory was not changed")
    assert revision() == 4


def test_ctrl_c_during_the_commit_says_that_the_change_was_made(
    acme: Run, revision: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from groundswell.store.audit.log import AuditLog

    append = AuditLog.append

    def interrupted_after(self: AuditLog, *arguments: object, **options: object) -> object:
        appended = append(self, *arguments, **options)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGINT)
        return appended

    monkeypatch.setattr(AuditLog, "append", interrupted_after)
    ran = acme("groups", "create", "late")
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.strip() == "interrupted, but the change was made: the factory is at revision 5"
    assert revision() == 5
    monkeypatch.undo()
    assert "late" in acme("groups", "list").out


def test_ctrl_c_after_the_commit_says_so_too(acme: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from groundswell.factory.devices.groups import Groups

    create = Groups.create

    def interrupted_after(self: Groups, *arguments: object, **options: object) -> object:
        create(self, *arguments, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(Groups, "create", interrupted_after)
    ran = acme("groups", "create", "late")
    assert ran.err.strip() == "interrupted, but the change was made: the factory is at revision 5"


@pytest.mark.parametrize("made", [False, True])
def test_ctrl_c_during_init_says_whether_the_factory_is_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, made: bool
) -> None:
    from groundswell.store import DuckDBStore

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DuckDBStore, "open" if made else "create", interrupted)
    ran = run("init", tmp_path / "acme", "--name", "acme")
    said = (
        f"interrupted, but the factory `{tmp_path / 'acme'}` was made" if made else "interrupted: nothing was changed"
    )
    assert (ran.code, ran.err.strip()) == (130, said)
    assert (tmp_path / "acme").exists() == made


def test_ctrl_c_while_waiting_changes_nothing(shop: Path) -> None:
    command = [sys.executable, "-m", "groundswell", "-C", str(shop / "acme"), "groups", "create", "late"]
    with Factory.open(shop / "acme") as factory:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        assert (process.returncode, out, err.strip()) == (130, "", "interrupted: nothing was changed")
        assert "late" not in [group.name for group in factory.groups.list()]


def test_a_command_that_looks_again_and_again_keeps_no_factory_of_before(shop: Path) -> None:
    work = CommandRun()
    seen = []
    for _ in range(3):
        with Factory.open(shop / "acme") as factory:
            work.opened(factory)
            seen.append(weakref.ref(factory))
    del factory
    gc.collect()
    assert [one() is None for one in seen] == [True, True, False]
    assert work.interruption_message() == "interrupted: the factory was not changed"


def test_now_is_what_the_factory_was_made_at() -> None:
    assert factories.AT.isoformat().replace("+00:00", "Z") == cli_factory.NOW
