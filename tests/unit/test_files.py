"""Files are replaced as a whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundswell import InputError, NotFoundError, StorageError
from groundswell.files import replace_file


def half_write(path: Path) -> None:
    with replace_file(path) as file:
        file.write(b"half of the new")
        raise RuntimeError


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        half_write(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_permissions_of_the_old_file_stay_and_a_link_is_followed(tmp_path: Path) -> None:
    path, link = tmp_path / "list", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replace_file(link) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_secret_is_its_owners_alone_from_the_first_byte_on(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"old")
    path.chmod(0o644)
    with replace_file(path, mode=0o600) as file:
        file.write(b"new")
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_of_255_bytes_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    with replace_file(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


def test_what_is_no_regular_file_is_written_to(tmp_path: Path) -> None:
    with replace_file(Path(os.devnull)) as file:
        file.write(b"gone")
    assert not Path(os.devnull).is_file()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_a_folder_and_a_full_disk_have_words_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as missing, replace_file(tmp_path / "no" / "list"):
        pass
    assert missing.value.code == "folder-not-found"
    with pytest.raises(InputError) as folder, replace_file(tmp_path):
        pass
    assert folder.value.code == "is-a-folder"
    with pytest.raises(StorageError) as full, replace_file(Path("/dev/full")) as file:
        file.write(b"x" * 1_000_000)
    assert full.value.code == "cannot-write"
    assert "No space left" in full.value.message


def test_kill_9_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"0" * 100_000)
    script = (
        "import sys, pathlib, itertools; from groundswell.files import replace_file\n"
        "print('go', flush=True)\n"
        "for i in itertools.count():\n"
        "    with replace_file(pathlib.Path(sys.argv[1])) as file:\n"
        "        for _ in range(100): file.write(str(i % 10).encode() * 1000)\n"
    )
    for round_ in range(10):
        writer = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.01 + 0.013 * round_)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        content = path.read_bytes()
        assert len(content) == 100_000
        assert len(set(content)) == 1
