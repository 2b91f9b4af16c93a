"""Rules of ours that a library breaks, which is why our code stays (decision records 0024 to 0026)."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from rich.console import Console
from rich.table import Table
from securesystemslib.formats import encode_canonical

from groundswell import InputError
from groundswell.cli.output.tables import table
from groundswell.errors import StateError, StorageError
from groundswell.store.lock import OwnerLock
from groundswell.tuf.canonical import canonical

if TYPE_CHECKING:
    from pathlib import Path

UUID = "6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11"


def test_filelock_admits_a_second_owner_after_the_file_is_removed(tmp_path: Path) -> None:
    theirs = FileLock(tmp_path / "theirs")
    theirs.acquire()
    (tmp_path / "theirs").unlink()
    second = FileLock(tmp_path / "theirs", is_singleton=False)
    second.acquire(timeout=0)
    assert theirs.is_locked
    assert second.is_locked
    second.release()
    theirs.release()

    ours = OwnerLock.acquire(tmp_path / "ours", owner="the first", wait=0)
    (tmp_path / "ours").unlink()
    with pytest.raises(StateError, match="the first") as caught:
        OwnerLock.acquire(tmp_path / "ours", owner="the second", wait=0)
    assert caught.value.code == "factory-in-use"
    ours.release()


def test_filelock_locks_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    theirs = FileLock(tmp_path / "lock")
    theirs.acquire(timeout=0)
    assert theirs.is_locked
    theirs.release()
    with pytest.raises(StorageError) as caught:
        OwnerLock.acquire(tmp_path / "lock", owner="groundswell", wait=0)
    assert caught.value.code == "unsafe-lock"


@pytest.mark.parametrize("text", ["one\ntwo", "a\tb", "\x00"])
def test_securesystemslib_writes_control_characters_that_no_json_reader_accepts(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(str(encode_canonical(text)))
    assert json.loads(canonical(text)) == text


@pytest.mark.parametrize("value", [2**53 + 1, ["\ud800"]])
def test_securesystemslib_encodes_values_that_not_every_agent_keeps(value: Any) -> None:
    assert isinstance(encode_canonical(value), str)
    with pytest.raises(InputError) as caught:
        canonical(value)
    assert caught.value.code == "ambiguous-json"


def test_securesystemslib_raises_attribute_error_for_a_key_that_is_not_text() -> None:
    value: Any = {1: 2}
    with pytest.raises(AttributeError):
        encode_canonical(value)
    with pytest.raises(InputError):
        canonical(value)


def test_rich_crops_or_breaks_a_uuid_where_the_terminal_is_narrow() -> None:
    body = [[UUID, "canary", "east"]]
    for overflow in ("ellipsis", "fold"):
        drawn = Table(box=None)
        for name in ("uuid", "group", "site"):
            drawn.add_column(name, overflow=overflow)
        for row in body:
            drawn.add_row(*row)
        text = io.StringIO()
        Console(file=text, width=40).print(drawn)
        assert UUID not in text.getvalue(), overflow
    lines = table(["uuid", "group", "site"], body, width=40)
    assert UUID in lines
    assert max(map(len, lines)) <= 40
