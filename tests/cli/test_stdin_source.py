"""``select -`` and ``devices import -``: devices on stdin, in any format that files have."""

from __future__ import annotations

import gzip
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from pathlib import Path

UUID = "6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11"
CSV = f"uuid,production\n{UUID},true\n".encode()


def ran(*words: object, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "groundswell", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


def parquet(folder: Path) -> bytes:
    path = folder / "fleet"
    pq.write_table(pa.table({"uuid": [UUID], "production": [True]}), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("kind", "word"), [("csv", "-"), ("csv", "/dev/stdin"), ("gzip", "-"), ("json", "@-"), ("parquet", "@-")]
)
def test_a_fleet_is_read_from_stdin(tmp_path: Path, kind: str, word: str) -> None:
    data = {
        "csv": CSV,
        "gzip": gzip.compress(CSV),
        "json": f'[{{"uuid": "{UUID}", "production": true}}]'.encode(),
        "parquet": parquet(tmp_path),
    }[kind]
    found = ran("select", word, stdin=data)
    assert (found.returncode, found.stdout) == (0, f"{UUID}\n".encode())


def test_stdin_is_read_once() -> None:
    found = ran("select", "-", "--uuids", "@-", stdin=CSV)
    assert found.returncode == 2
    assert b"stdin can be read once" in found.stderr


def test_nothing_on_stdin_is_an_empty_fleet() -> None:
    assert ran("select", "-", stdin=b"").returncode == 2


def test_an_import_reads_stdin_before_it_takes_the_factory(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    assert ran("init", folder, "--name", "acme", stdin=b"").returncode == 0
    assert ran("-C", folder, "devices", "import", "-", stdin=CSV).returncode == 0
    # The writer of stdin uses the factory while the import waits for its data.
    with subprocess.Popen(
        [sys.executable, "-m", "groundswell", "-C", str(folder), "devices", "import", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as waiting:
        listed = ran("-C", folder, "devices", "list", "--csv", stdin=b"")
        assert listed.returncode == 0
        _, told = waiting.communicate(listed.stdout, timeout=60)
    assert waiting.returncode == 0
    assert b"1 unchanged" in told
