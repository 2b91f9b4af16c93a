"""No command overwrites a factory, keys, a backup or what it reads; a backup may go to a pipe."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from groundswell import Fleet, InputError, UuidList
from groundswell.factory import Factory
from groundswell.outputs import FACTORY_MARKS
from groundswell.store import AUDIT_LOG, DATABASE
from support import factories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.commands import Ran

    Run = Callable[..., Ran]

UUID = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def here(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shop as the working directory, with a wave, a second factory, a backup, and other names for the factory."""
    monkeypatch.chdir(shop)
    with Factory.open(shop / "acme") as factory:
        factory.waves.init("w", 42, "production", keys="targets.tgz", now=factories.AT)
        factory.backup("backup.tar", now=factories.AT)
    Factory.create("other", name="other", now=factories.AT).close()
    (shop / "link").symlink_to("acme")
    (shop / "link.csv").symlink_to("acme/audit.log")
    (shop / "hard.csv").hardlink_to("acme/audit.log")
    (shop / "hard.ndjson").hardlink_to("acme/factory.duckdb")
    (shop / "key.json").hardlink_to(next((shop / "acme/keys").iterdir()))
    (shop / "root.csv").symlink_to("root.tgz")
    (shop / "key.csv").write_text("-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n")
    return shop


PRECIOUS = [
    "acme/new.csv",
    "acme/audit/new.csv",
    "acme/../acme/keys/new.csv",
    "link/new.csv",
    "other/new.csv",
    "link.csv",
    "hard.csv",
    "hard.ndjson",
    "key.json",
    "root.tgz",
    "targets.tgz",
    "root.csv",
    "key.csv",
]
WRITING = {
    "select -o": ("select", "fleet.csv", "-l", "1", "-o", "{}"),
    "select --rejects": ("select", "fleet.csv", "-l", "1", "--rejects", "{}"),
    "uuids -o": ("uuids", "check", "--clean", UUID, "-o", "{}"),
    "sets -o": ("sets", "--union", "list", "-o", "{}"),
    "fleet synth": ("fleet", "synth", "--devices", "5", "{}"),
    "devices export": ("-C", "acme", "devices", "export", "{}"),
    "devices import": ("-C", "acme", "devices", "import", "fleet.csv", "--rejects", "{}"),
    "rollout --plan-out": ("-C", "acme", "waves", "rollout", "w", "-l", "1", "--dry-run", "--plan-out", "{}"),
    "backup": ("-C", "acme", "backup", "{}"),
    "metadata export": ("-C", "acme", "metadata", "export", "--device", "lab-1", "{}"),
}


@pytest.mark.parametrize("command", WRITING)
def test_no_output_takes_the_place_of_a_factory_or_keys(run: Run, here: Path, command: str) -> None:
    (here / "list").write_text(UUID)
    before = factories.every_byte_below(here)
    for path in [*PRECIOUS, "acme", "link", *(["backup.tar"] * (command not in {"backup", "metadata export"}))]:
        ran = run(*(word.format(path) for word in WRITING[command]))
        assert ran.code == 2, (path, ran)
        assert ran.slug in {"inside-factory", "would-overwrite", "backup-inside", "not-a-folder", "foreign-files"}, (
            path,
            ran,
        )
    after = factories.every_byte_below(here)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"acme/lock", "other/lock"}


@pytest.mark.parametrize("verb", [("init",), ("add-targets",), ("rotate", "targets"), ("rotate", "root")])
def test_no_tarball_is_made_in_a_factory(run: Run, here: Path, verb: tuple[str, ...]) -> None:
    before = factories.every_byte_below(here)
    for path in ("acme/new.tgz", "other/new.tgz", "link/keys/new.tgz", "hard.csv", "backup.tar"):
        targets = () if verb[-1] == "root" else ("--targets-keys", "targets.tgz")
        assert run("-C", "acme", "keys", *verb, "--root-keys", path, *targets).code in {2, 3, 4}
    after = factories.every_byte_below(here)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"acme/lock", "other/lock"}


def test_no_factory_is_made_in_a_factory(run: Run, here: Path) -> None:
    for command in (("init", "acme/new", "--name", "x"), ("restore", "backup.tar", "acme/new")):
        ran = run(*command)
        assert (ran.code, ran.slug) == (2, "inside-factory")
    assert not (here / "acme/new").exists()


def test_no_output_takes_the_place_of_an_input_or_of_another_output(run: Run, here: Path) -> None:
    (here / "list").write_text(UUID)
    before = (here / "fleet.csv").read_bytes()
    for command in (
        ("select", "fleet.csv", "-l", "1", "-o", "fleet.csv"),
        ("select", "fleet.csv", "-l", "1", "--rejects", "./fleet.csv"),
        ("select", "fleet.csv", "-l", "1", "-o", "x", "--rejects", "x"),
        ("select", "fleet.csv", "-l", "1", "--uuids", "@list", "-o", "list"),
        ("select", "fleet.csv", "-l", "1", "--exclude", "@list", "--rejects", "list"),
        ("-C", "acme", "devices", "import", "fleet.csv", "--rejects", "fleet.csv"),
        ("-C", "acme", "waves", "rollout", "w", "--uuids", "@list", "--dry-run", "--plan-out", "list"),
    ):
        ran = run(*command)
        assert (ran.code, ran.slug) == (2, "would-overwrite"), ran
    assert (here / "fleet.csv").read_bytes() == before
    assert (here / "list").read_text() == UUID
    assert not (here / "x").exists()


@pytest.mark.usefixtures("here")
def test_python_is_refused_as_well() -> None:
    fleet = Fleet.read("fleet.csv", now=factories.AT)
    for write in (
        lambda: fleet.write("acme/new.parquet"),
        lambda: fleet.write("root.tgz"),
        lambda: UuidList.parse(UUID).write("root.tgz"),
        lambda: Fleet.read("fleet.csv", now=factories.AT, rejects="acme/rejects.csv"),
    ):
        with pytest.raises(InputError) as caught:
            write()
        assert caught.value.code in {"inside-factory", "would-overwrite"}


def test_what_may_be_replaced_is_replaced(run: Run, here: Path) -> None:
    assert run("-C", "acme", "backup", "backup.tar").code == 0
    for name, content in (("old.csv", "uuid\n"), ("audit.log", "type=SYSCALL\n"), ("x.gz", "\x1f\x8b broken")):
        (here / name).write_text(content, "latin-1")
        assert run("select", "fleet.csv", "-l", "1", "-o", name).code == 0
    # A folder with a file of that name alone is not a factory: the system has such files.
    assert run("select", "fleet.csv", "-l", "1", "-o", "beside.csv").code == 0


def test_a_factory_is_known_by_the_files_of_its_store() -> None:
    assert FACTORY_MARKS == (DATABASE, AUDIT_LOG)


# --- backups to pipes ----------------------------------------------------------------------------------------------


def test_a_backup_goes_to_stdout(process: Run, here: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for name in ("-", "/dev/stdout"):
        command = [sys.executable, "-m", "groundswell", "-C", "acme", "backup", name]
        ran = subprocess.run(command, capture_output=True, check=False, env=environment)
        assert ran.returncode == 0, ran.stderr
        assert f"({len(ran.stdout)} bytes)" in ran.stderr.decode()
        (here / "piped.tar").write_bytes(ran.stdout)
        assert process("restore", "piped.tar", f"again{len(name)}").code == 0


def test_a_backup_goes_to_a_named_pipe(run: Run, here: Path) -> None:
    os.mkfifo("pipe")
    taken: list[bytes] = []
    reader = threading.Thread(target=lambda: taken.append((here / "pipe").read_bytes()))
    reader.start()
    assert run("-C", "acme", "backup", "pipe").code == 0
    reader.join()
    (here / "piped.tar").write_bytes(taken[0])
    assert run("restore", "piped.tar", "again").code == 0


def test_a_reader_that_goes_is_not_a_bug(here: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "groundswell", "-C", "acme", "backup", "-"]
    ran = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, env=environment, cwd=here)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_a_backup_is_not_written_to_a_terminal(here: Path) -> None:
    main, terminal = os.openpty()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "groundswell", "-C", "acme", "backup", "-"]
    ran = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, check=False, env=environment, cwd=here)
    os.close(terminal)
    os.close(main)
    assert ran.returncode == 2
    assert b"stdout is a terminal" in ran.stderr
    assert "is-a-terminal" not in ran.stderr.decode()


# --- cells that a spreadsheet would execute ------------------------------------------------------------------------


def test_a_name_that_is_a_formula_is_guarded_in_csv_and_comes_back(run: Run, here: Path) -> None:
    name = '=HYPERLINK("http://example/")'
    (here / "names.json").write_text(json.dumps([{"uuid": UUID, "name": name, "production": True}]))
    assert run("-C", "acme", "devices", "import", "names.json").code == 0
    assert run("-C", "acme", "devices", "export", "guarded.csv").code == 0
    assert run("-C", "acme", "devices", "export", "raw.csv", "--raw").code == 0
    assert "\"'=HYPERLINK" in (here / "guarded.csv").read_text()
    assert '"=HYPERLINK' in (here / "raw.csv").read_text()
    ran = run("-C", "acme", "devices", "import", "guarded.csv")
    assert ran.err.startswith("nothing to do for 6 devices"), ran.err


def test_rejected_cells_are_guarded(run: Run, here: Path) -> None:
    (here / "bad.csv").write_text(f"uuid,name,last_seen,@x\n{UUID},a,=1+1,=2\n{UUID[:-1]}7,b,,\n")
    assert run("select", "bad.csv", "-l", "1", "--include-test", "--rejects", "rejects.csv").code == 0
    cells = [cell for row in csv.reader(io.StringIO((here / "rejects.csv").read_text())) for cell in row]
    assert {"'=1+1", "'=2", "'@x"} <= set(cells)
