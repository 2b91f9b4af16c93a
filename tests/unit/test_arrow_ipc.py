"""Arrow's IPC format from outside: bounded, validated in full, and never the end of the process."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from groundswell.arrow_ipc import BrokenArrowError, read_ipc
from support.reading import device, read, refusal, texts, uuids, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS: list[Callable[..., Any]] = [pa.ipc.new_file, pa.ipc.new_stream]


def written(table: pa.Table, kind: Callable[..., Any], compression: str | None = None, *, rows: int = 7) -> bytes:
    data = io.BytesIO()
    with kind(data, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return data.getvalue()


def invalid(offsets: list[int], data: bytes) -> pa.Array:
    buffers = [None, pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_what_was_written_is_read(kind: Callable[..., Any], compression: str | None) -> None:
    table = pa.table({"uuid": [device(i) for i in range(20)], "tag": pa.array(["a", "b"] * 10).dictionary_encode()})
    assert read_ipc(written(table, kind, compression)).to_pydict() == table.to_pydict()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_anywhere_is_refused_or_shorter(kind: Callable[..., Any]) -> None:
    data = written(pa.table({"uuid": [device(i) for i in range(20)]}), kind, "zstd")
    for end in range(0, len(data), 7):
        try:
            assert len(read_ipc(data[:end])) < 20
        except BrokenArrowError:
            continue


@pytest.mark.parametrize("kind", KINDS)
def test_what_says_that_it_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path, kind: Callable[..., Any]) -> None:
    data = written(pa.table({"uuid": [device(1)], "name": ["x" * 5000]}), kind, "zstd")
    length = struct.pack("<q", 5000)
    assert data.count(length) >= 1
    error = refusal(write(tmp_path / "f.arrow", data.replace(length, struct.pack("<q", 10 << 30))))
    assert error.code == "not-a-table"
    assert "an unpacked size of more than 50 times its size" in error.message


@pytest.mark.parametrize("kind", KINDS)
def test_offsets_outside_the_data_are_refused(tmp_path: Path, kind: Callable[..., Any]) -> None:
    data = written(pa.table({"uuid": [device(1), device(2)]}), kind)
    offsets, wild = (np.array([0, 36, end], np.int32).tobytes() for end in (72, 1 << 30))
    assert data.count(offsets) == 1
    assert refusal(write(tmp_path / "f.arrow", data.replace(offsets, wild))).code == "not-a-table"


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_is_not_utf_8_is_a_bad_row_alone(tmp_path: Path, kind: Callable[..., Any]) -> None:
    table = pa.table({"uuid": [device(1), device(2)], "name": invalid([0, 1, 4], b"xa\xffb")})
    path = write(tmp_path / "f.arrow", written(table, kind))
    for source in (path, table):
        error = refusal(source)
        assert error.code == "bad-rows"
        assert "row 2 of " in error.message
        assert "is not UTF-8 text" in error.message
        columns = read(source, rejects=tmp_path / "bad.csv")
        assert (uuids(columns), texts(columns.names)) == ([device(1)], ["x"])


def views(text: bytes, times: int) -> pa.Array:
    """Rows that all refer to one text."""
    found = np.zeros((times, 4), np.int32)
    found[:, 0], found[:, 1] = len(text), int.from_bytes(text[:4], "little")
    return pa.Array.from_buffers(pa.string_view(), times, [None, pa.py_buffer(found.tobytes()), pa.py_buffer(text)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "column",
    [
        pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array(["x" * 100_000])),
        views(b"x" * 100_000, 1000),
    ],
    ids=["dictionary", "views"],
)
def test_a_text_that_many_rows_refer_to_counts_for_each_of_them(kind: Callable[..., Any], column: pa.Array) -> None:
    data = written(pa.table({"name": column}), kind, rows=1000)
    with pytest.raises(BrokenArrowError, match="unpacks to more than 50 times its size"):
        read_ipc(data)


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_small_file_does_not_unpack_to_very_much(tmp_path: Path, suffix: str) -> None:
    """Few values that many rows repeat, and rows that take no room at all."""
    nobody = pa.table({"uuid": pa.nulls(2 << 20, pa.int32() if suffix == "parquet" else pa.null())})
    repeated = pa.table(
        {"uuid": [device(i) for i in range(3000)], "name": pa.array(["x" * 50_000] * 3000).dictionary_encode()}
    )
    for table in (nobody, repeated):
        path = tmp_path / f"fleet.{suffix}"
        if suffix == "parquet":
            pq.write_table(table, path, compression="zstd")
        else:
            with pa.ipc.new_file(path, table.schema) as writer:
                writer.write_table(table)
        assert refusal(path).code == "not-a-table"
        assert "unpacks to more than 50 times its size" in refusal(path).message
