"""A list without end does not take all memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from groundswell import InputError, UuidList

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_UUID = "6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11"


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundswell.fleet.list_text.MAX_LIST_BYTES", 1000)
    monkeypatch.setattr("groundswell.fleet.list_text.MAX_STREAM_BYTES", 100)


def _refused(read: Callable[[], object]) -> InputError:
    with pytest.raises(InputError) as caught:
        read()
    assert caught.value.code == "list-too-large"
    return caught.value


@pytest.mark.usefixtures("limits")
def test_a_file_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list").write_text(_UUID + " " * 964)
    assert len(UuidList.parse(tmp_path / "list")) == 1
    (tmp_path / "list").write_text(_UUID + " " * 965)

    def never_read(*_: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr("groundswell.input_files._length_before_hole", never_read)
    assert _refused(lambda: UuidList.parse(tmp_path / "list")).fields["max_bytes"] == 1000
    assert _refused(lambda: UuidList.parse(_UUID + " " * 965)).fields["max_bytes"] == 1000


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize(("size", "is_read"), [(100, True), (101, False), (1 << 20, False)])
def test_a_pipe_has_a_limit_of_its_own(tmp_path: Path, size: int, *, is_read: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):
            pipe.write_bytes(_UUID.encode() + b" " * (size - 36))

    writer = threading.Thread(target=write)
    writer.start()
    if is_read:
        assert UuidList.parse(pipe).uuids == [_UUID]
    else:
        error = _refused(lambda: UuidList.parse(pipe))
        assert error.fields["max_bytes"] == 100
        assert "1000 bytes" in error.hint, "a file may have more"
    writer.join()


def test_the_holes_of_a_sparse_file_are_not_read(tmp_path: Path) -> None:
    """3 GiB in a subprocess that may take 1 GiB."""
    with (tmp_path / "list").open("wb") as file:
        file.write(f"uuid\n{_UUID}\n".encode())
        file.truncate(3 << 30)
    code = (
        "import resource, sys, pathlib, groundswell\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))\n"
        "try: groundswell.UuidList.parse(pathlib.Path(sys.argv[1]))\n"
        "except groundswell.InputError as error: print(error.message.partition(': ')[2])\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "list")], capture_output=True, text=True, check=True
    )
    assert found.stdout == "the list is not text: a NUL is at byte offset 42\n"


def test_text_in_utf_16_may_hold_zero_bytes_beyond_the_head(tmp_path: Path) -> None:
    text = f"{_UUID}\n" * 10_000
    (tmp_path / "list").write_bytes(text.encode("utf-16-le"))
    assert UuidList.parse(tmp_path / "list").duplicates == 9_999
