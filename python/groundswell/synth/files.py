"""Writes synthetic fleets to files, as a stream. A file is replaced atomically."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from groundswell.errors import InputError
from groundswell.outputs import output_file
from groundswell.synth.devices import synth_chunks
from groundswell.table_files import with_instants_as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

__all__ = ["write_synth"]


def write_synth(
    path: str | Path, *, devices: int, seed: int, now: int, progress: Callable[[int], None] | None = None
) -> None:
    """Generate the fleet of `synth`, and write it to a file; the extension of its name decides the format.

    Args:
        path: a name with the extension ``.csv``, ``.parquet``, ``.json``, ``.ndjson`` or ``.arrow``.
        devices: as for `synth`.
        seed: as for `synth`.
        now: as for `synth`.
        progress: called after each chunk with the number of its devices.

    Raises:
        InputError: ``unknown-ending``, and as `synth`.
        StorageError: the file cannot be written.

    Cost: one to two seconds for a million devices; memory for a quarter of a million devices, whatever the size.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "fleet.csv"
    ...     write_synth(path, devices=3, seed=1, now=1_795_478_400)
    ...     len(path.read_text().splitlines())
    4
    """
    path = Path(path)
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        endings = ", ".join(_WRITERS)
        raise InputError(
            "unknown-ending",
            f"`{path.name}` does not have the extension of a known format",
            hint=f"use one of the extensions {endings}",
            fields={"path": str(path), "endings": list(_WRITERS)},
        )
    chunks = synth_chunks(devices, seed=seed, now=now)
    with output_file(path) as file:
        write(file, _watched(chunks, progress))


def _watched(chunks: Iterable[pa.Table], progress: Callable[[int], None] | None) -> Iterator[pa.Table]:
    for chunk in chunks:
        yield chunk
        if progress is not None:
            progress(chunk.num_rows)


def _write_parquet(file: IO[bytes], chunks: Iterator[pa.Table]) -> None:
    import pyarrow.parquet as pq

    first = next(chunks)
    with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for chunk in chunks:
            writer.write_table(chunk)


def _write_arrow(file: IO[bytes], chunks: Iterator[pa.Table]) -> None:
    import pyarrow as pa

    first = next(chunks)
    with pa.ipc.new_file(file, first.schema) as writer:
        writer.write_table(first)
        for chunk in chunks:
            writer.write_table(chunk)


def _write_csv(file: IO[bytes], chunks: Iterator[pa.Table]) -> None:
    import pyarrow.csv

    # Synthetic text contains no commas and quotes, so it needs no escaping.
    options = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")
    first = with_instants_as_text(next(chunks))
    with pyarrow.csv.CSVWriter(file, first.schema, write_options=options) as writer:
        writer.write_table(first)
        for chunk in chunks:
            writer.write_table(with_instants_as_text(chunk))


def _write_ndjson(file: IO[bytes], chunks: Iterator[pa.Table]) -> None:
    for chunk in chunks:
        file.write(_json_objects(chunk, after="\n"))


def _write_json(file: IO[bytes], chunks: Iterator[pa.Table]) -> None:
    file.write(b"[")
    file.write(_json_objects(next(chunks), before=",\n")[1:])
    for chunk in chunks:
        file.write(_json_objects(chunk, before=",\n"))
    file.write(b"\n]\n")


_WRITERS: Final = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".json": _write_json,
    ".ndjson": _write_ndjson,
    ".arrow": _write_arrow,
}


def _json_objects(chunk: pa.Table, *, before: str = "", after: str = "") -> memoryview:
    """Serialise devices to JSON objects (pyarrow cannot write JSON). Synthetic text needs no escaping."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts: list[pa.Array | str] = []
    text = with_instants_as_text(chunk)
    for name, column in zip(text.column_names, text.columns, strict=True):
        value = column.combine_chunks().cast(pa.string())
        if pa.types.is_string(column.type):
            value = pc.binary_join_element_wise('"', value, '"', "")
        parts += [f'{", " if parts else before + "{"}"{name}": ', value]
    objects = pc.binary_join_element_wise(*parts, "}" + after, "", null_handling="replace", null_replacement="null")
    return memoryview(objects.buffers()[2])
