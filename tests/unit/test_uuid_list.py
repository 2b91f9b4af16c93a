"""Lists of UUIDs, judged by Python's uuid module and by what a person would see in an editor."""

from __future__ import annotations

import json
import pickle
import sys
import threading
import time
from operator import and_, or_, sub
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from groundswell import InputError, NotFoundError, StorageError, UuidList, _core
from groundswell.ingest.columns import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable

A = "6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11"
B = "00000000-0000-0000-0000-0000000000ff"
C = "ffffffff-ffff-4fff-bfff-ffffffffffff"

WRITTEN = ["{}", "{{{}}}", '"{}"', "'{}'", "'{}", '"{}', "{}'", '"""{}"""', "urn:uuid:{}", "URN:UUID:{}", '"{{{}}}"']


def places(text: str | bytes) -> list[tuple[int, int, str]]:
    return [(bad.line, bad.column, bad.text) for bad in UuidList.check(text).bad]


def reason(text: str) -> str:
    check = UuidList.check(text)
    assert check.bad_count == 1
    return check.bad[0].reason


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("uuid", [A, A.upper(), UUID(A).hex, UUID(A).hex.upper()])
def test_every_written_form_is_the_uuid_of_the_uuid_module(form: str, uuid: str) -> None:
    written = form.format(uuid)
    assert UuidList.parse(f"{B}\n{written}\n").uuids == [B, str(UUID(uuid))]
    assert UuidList.parse(written).array.tobytes() == UUID(uuid).bytes


def test_every_character_that_python_calls_space_separates() -> None:
    spaces = [chr(i) for i in range(sys.maxunicode + 1) if chr(i).isspace()]
    assert len(spaces) > 25
    for space in [*spaces, *",;|", "\ufeff", "\u200b", "\r\n", " ,\t;"]:
        assert UuidList.parse(f"{space}{A}{space}{B}{space}").uuids == [A, B], ascii(space)


@pytest.mark.parametrize("invisible", ["\u200c", "\u200d", "\u2060", "\u180e", "\u00ad"])
def test_other_invisible_characters_are_bad_and_shown_by_number(invisible: str) -> None:
    (bad,) = UuidList.check(f"{A}\n{invisible}{B}").bad
    assert (bad.line, bad.column) == (2, 1)
    assert bad.text.startswith(f"\\u{ord(invisible):04x}")
    assert bad.reason == f"`\\u{ord(invisible):04x}` at character 1 is no hex digit"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (A[:-1], "31 hex digits, a UUID has 32"),
        (A + "0", "33 hex digits, a UUID has 32"),
        ("g" + A[1:], "`g` at character 1 is no hex digit"),
        (A.replace("-", "\u2013", 1), "`\u2013` (U+2013) at character 9 is no hex digit"),
        ("0" * 8 + "-" + "0" * 24, "hyphens in the wrong places"),
        ("{" + A, "a brace is opened and not closed"),
        (A + "}", "a brace is closed and not opened"),
        (f"{A}\nuuid", "a header stands at the beginning of a list only"),
    ],
)
def test_reasons_say_what_is_wrong(text: str, expected: str) -> None:
    assert reason(text) == expected


@pytest.mark.parametrize("header", ["uuid", "UUID", '"Uuid"', "'uuid'"])
def test_a_header_comes_first_and_once(header: str) -> None:
    check = UuidList.check(f"\ufeff\n{header},\r\n{A}")
    assert (check.header, check.count, check.bad_count) == (True, 1, 0)
    assert places(f"{header}\n{header}\n{A}") == [(2, 2 if header[0] in "'\"" else 1, header.strip("'\""))]
    assert UuidList.check(f"{A}\n{header}").bad_count == 1
    assert UuidList.check(f"x\n{header}").bad_count == 2


def test_lines_and_columns_count_what_an_editor_counts() -> None:
    assert places(f"{A}\r\nx\rx\nx\n\rx") == [(2, 1, "x"), (3, 1, "x"), (4, 1, "x"), (6, 1, "x")]
    assert places('é,ü x\u2028\ty\u0085"z"') == [(1, 1, "é"), (1, 3, "ü"), (1, 5, "x"), (2, 2, "y"), (3, 2, "z")]
    assert places("a😀,b") == [(1, 1, "a😀"), (1, 4, "b")]
    # An editor hides the mark at the beginning of a file, but not in the middle of it.
    assert places("\ufeffx,\ufeffy") == [(1, 1, "x"), (1, 4, "y")]
    # UTF-16 brings its mark along.
    assert places("x,é".encode("utf-16")) == places("\ufeffx,é") == [(1, 1, "x"), (1, 3, "é")]


@pytest.mark.parametrize("text", ["", " \n\t,;|", "\ufeff", '""', "'\"'", '"", ""\n', "\u200b\u3000", b"", b"\xff\xfe"])
def test_a_list_of_nothing_is_refused(text: str | bytes) -> None:
    assert UuidList.check(text).count == 0
    with pytest.raises(InputError, match=r"^the UUID list is empty$") as caught:
        UuidList.parse(text)
    assert caught.value.code == "empty-list"
    assert caught.value.hint


def test_a_header_alone_is_an_empty_list() -> None:
    with pytest.raises(InputError, match="`x` has a header but no UUID") as caught:
        UuidList.parse("uuid\n", name="x")
    assert caught.value.code == "empty-list"


def test_bad_values_are_refused_with_the_first_in_the_message_and_all_as_data() -> None:
    with pytest.raises(InputError) as caught:
        UuidList.parse(f"{A}\n{B} nope\r\nnever")
    error = caught.value
    assert error.code == "bad-uuid"
    assert error.message == (
        "`nope` in line 2, column 38 is not a UUID: `n` at character 1 is no hex digit; 1 more value is bad"
    )
    assert error.fields["bad_count"] == 2
    assert [(bad["line"], bad["column"], bad["text"]) for bad in error.fields["bad"]] == [
        (2, 38, "nope"),
        (3, 1, "never"),
    ]


def test_a_table_is_told_from_a_list() -> None:
    with pytest.raises(InputError) as caught:
        UuidList.parse(f"uuid,name\n{A},pump-1\n")
    assert "column `uuid`" in caught.value.hint


def test_bad_values_can_be_left_out_but_not_all_of_them() -> None:
    assert UuidList.check(f"x {A} y").accept(skip_bad=True).uuids == [A]
    with pytest.raises(InputError, match="bad values only") as caught:
        UuidList.check("x y").accept(skip_bad=True)
    assert caught.value.code == "empty-list"


def test_bad_values_are_kept_up_to_a_cap_and_all_counted() -> None:
    check = UuidList.check("x\n" * 100_010 + A)
    assert (check.bad_count, check.count) == (100_010, 1)
    assert [bad.line for bad in check.bad] == list(range(1, 100_001))


def test_a_token_of_two_million_characters_is_one_cropped_bad_value() -> None:
    check = UuidList.check("f" * 2_000_000)
    assert check.bad[0].text == "f" * 40 + "…"
    assert check.bad[0].reason == "2000000 hex digits, a UUID has 32"


def test_what_is_shown_obeys_no_terminal() -> None:
    assert UuidList.check("\x1b[31mred\x07").bad[0].text == "\\u001b[31mred\\u0007"


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"\x7fELF\x00", 4),
        (A.encode() + b"\xff", 36),
        ("ü".encode("latin-1"), 0),
        (A.encode("utf-16-le") + b"\0", 1),
        (A.encode("utf-16-be") + b"\0", 0),
        (b"\xff\xfea", 2),
        (A.encode("utf-32"), 2),
        (A + "\0", 36),
        ("\udcff", 0),
    ],
)
def test_binary_is_not_text_at_a_byte_offset(data: bytes | str, offset: int) -> None:
    with pytest.raises(InputError, match=f"is at byte offset {offset}$") as caught:
        UuidList.check(data)
    assert caught.value.code == "not-text"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_of_spreadsheets_and_shells_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(f'"uuid"\r\n"{A}"\r\n{B}\r\n'.encode(encoding))
    assert UuidList.parse(path).uuids == [A, B]
    assert UuidList.parse(path.read_bytes()).uuids == [A, B]
    assert UuidList.parse(bytearray(path.read_bytes())).uuids == [A, B]


def test_a_str_is_text_and_a_path_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / A
    path.write_text(B)
    assert UuidList.parse(str(A)).uuids == [A]
    assert UuidList.parse(path).uuids == [B]
    with pytest.raises(InputError, match="is not a UUID"):
        UuidList.parse(str(path))


def test_messages_about_a_file_name_it(tmp_path: Path) -> None:
    path = tmp_path / "canaries.txt"
    for content, code in [(b"", "empty-list"), (b"x", "bad-uuid"), (b"\0", "not-text")]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"`{path}`") as caught:
            UuidList.parse(path)
        assert caught.value.code == code
        assert caught.value.fields["list"] == str(path)


def test_a_missing_file_is_not_found_with_its_nearest_neighbour(tmp_path: Path) -> None:
    (tmp_path / "canaries.txt").write_text(A)
    with pytest.raises(NotFoundError) as caught:
        UuidList.parse(tmp_path / "canareis.txt")
    assert caught.value.code == "file-not-found"
    assert caught.value.hint == f"did you mean `{tmp_path / 'canaries.txt'}`?"
    for path in [tmp_path / "zzzz", tmp_path / "no" / "file", tmp_path / "canaries.txt" / "x", Path("a\0b")]:
        with pytest.raises(NotFoundError) as caught:
            UuidList.parse(path)
        assert "did you mean" not in caught.value.hint


def test_a_folder_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        UuidList.parse(tmp_path)
    assert caught.value.code == "is-a-folder"
    with pytest.raises(InputError) as caught:
        UuidList.parse(A).write(tmp_path)
    assert caught.value.code == "is-a-folder"


def test_a_file_that_cannot_be_read_is_a_storage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, _mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StorageError, match="Permission denied") as caught:
        UuidList.parse(tmp_path / "list")
    assert caught.value.code == "cannot-read"


def test_what_is_no_text_bytes_or_path_is_refused() -> None:
    with pytest.raises(InputError, match="`source`"):
        UuidList.parse(None)  # type: ignore[arg-type]


def test_of_takes_every_kind_of_uuid_in_any_mixture() -> None:
    uuids = UuidList.of([A, UUID(B), UUID(C).bytes, f" {{{A.upper()}}}\n", UUID(C)])
    assert (uuids.uuids, uuids.duplicates) == ([A, B, C], 2)
    assert UuidList.of(iter([UUID(A)])).uuids == [A]
    assert UuidList.of(np.array([A, B], dtype=object)).uuids == [A, B]
    assert len(UuidList.of([])) == 0
    assert UuidList.of(uuids) is uuids


@pytest.mark.parametrize(
    "column",
    [
        pa.array([A, B]),
        pa.chunked_array([[A], [B]]),
        pa.array([UUID(A).bytes, UUID(B).bytes], pa.uuid()),
        pa.array([UUID(A).bytes, UUID(B).bytes], pa.binary(16)),
        pd.Series([A, B]),
        pl.Series([A, B]),
    ],
    ids=lambda column: f"{type(column).__module__}.{type(column).__name__}",
)
def test_of_takes_columns(column: Any) -> None:
    assert UuidList.of(column).uuids == [A, B]


@pytest.mark.parametrize("strided", [False, True])
def test_of_takes_numpy_rows_and_copies_them(*, strided: bool) -> None:
    rows = np.array([list(UUID(uuid).bytes) for uuid in (A, B, A, C)], dtype=np.uint8)
    given = np.repeat(rows, 2, axis=0)[::2] if strided else rows
    uuids = UuidList.of(given)
    given[:] = 0
    assert (uuids.uuids, uuids.duplicates) == ([A, B, C], 1)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([A, "xyz", "x"], "item 2, `xyz`, is not a UUID: `x` at character 1 is no hex digit; 1 more is bad"),
        ([A, ""], "item 2, ``, is not a UUID"),
        ([f"{A} {B}"], f"item 1, `{A} {B[:3]}`, is not a UUID"),
        (["a\0b"], "item 1, `a\\0b`, is not a UUID: `\\` at character 2 is no hex digit"),
        (["\udcff"], "is not a UUID"),
        ([b"xyz"], "item 1 is of 3 bytes, not a UUID"),
        ([A, None], "item 2 is a `NoneType`, not a UUID"),
        ([7], "item 1 is a `int`, not a UUID"),
        (A, "`str` is one value"),
        (UUID(A).bytes, "`bytes` is one value"),
        (np.zeros((2, 15), dtype=np.uint8), "item 1 is a `ndarray`, not a UUID"),
    ],
)
def test_of_names_the_first_item_that_is_no_uuid(items: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        UuidList.of(items)  # type: ignore[arg-type]
    assert caught.value.code == "bad-uuid"
    assert message in caught.value.message


def test_members_are_found_in_any_form() -> None:
    uuids = UuidList.parse(f"{A} {B}")
    for member in (A, A.upper(), UUID(A), UUID(B).hex, f"{{{B}}}", UUID(A).bytes):
        assert member in uuids
    for stranger in (C, UUID(C), "", "xyz", "uuid", f"{A} {B}", f"{A} {A}", "a\0", None, 7, b"x"):
        assert stranger not in uuids


def test_a_list_has_length_order_truth_equality_and_hash() -> None:
    uuids = UuidList.parse(f"{B},{A},{B}")
    assert (len(uuids), list(uuids), uuids.duplicates, bool(uuids)) == (2, [B, A], 1, True)
    assert uuids == UuidList.of([B, A])
    assert hash(uuids) == hash(UuidList.of([B, A]))
    assert uuids != UuidList.of([A, B])
    assert uuids != [B, A]
    assert not UuidList.of([])
    assert repr(uuids) == "<UuidList of 2 UUIDs>"
    assert pickle.loads(pickle.dumps(uuids)) == uuids


def test_the_array_cannot_be_written() -> None:
    array = UuidList.parse(A).array
    assert array.shape == (1, 16)
    assert array.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 0


def test_nobody_can_write_to_what_a_list_of_ours_is_a_view_of() -> None:
    # The core reads such an array where it lies, without the GIL.
    array: Any = (UuidList.parse(A) | UuidList.of([B])).array
    assert array.tobytes() == UUID(A).bytes + UUID(B).bytes
    while isinstance(array, np.ndarray):
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
        array = array.base


def test_what_somebody_may_write_to_is_copied_before_it_is_read() -> None:
    # A read-only array says nothing of the views of it that were made before.
    array = np.random.default_rng(1).integers(0, 256, (200_000, 16), dtype=np.uint8)
    others = array[np.random.default_rng(2).permutation(len(array))]
    view = array[:]
    array.flags.writeable = False
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            for begin in range(0, len(view), 1000):
                view[begin : begin + 1000] = others[begin : begin + 1000]
            others[:] = np.roll(others, 1000, axis=0)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(10):
            # Counting first and then putting in place, it would find others than those that it has counted.
            assert len(_core.digest_uuids(array)) == 32
            rows, firsts = _core.find_repeated_uuids(array)
            assert (firsts < rows).all()
    finally:
        done.set()
        writer.join()


def test_an_array_may_lie_in_memory_in_any_order() -> None:
    rows = np.arange(80, dtype=np.uint8).reshape(5, 16)
    kept = UuidList.of(rows).array
    twice = np.repeat(np.repeat(rows, 2, axis=0), 2, axis=1)
    for same in (
        np.asfortranarray(rows),
        twice[::2, ::2],
        rows[::-1][::-1],
        kept,
        kept[:],
        kept.reshape(-1).reshape(5, 16),
    ):
        assert _core.format_uuids(same) == _core.format_uuids(rows)
        assert UuidList.of(same) == UuidList.of(rows) == UuidList(same)
        assert len(UuidList(rows) | UuidList(same)) == 5
        column = _core.UuidColumn(5)
        column.append(same)
        assert (column.take() == rows).all()
    for part in (kept[1:3], kept.reshape(-1)[16:48].reshape(2, 16)):
        assert _core.format_uuids(part) == _core.format_uuids(rows[1:3])
    assert _core.format_uuids(kept.reshape(-1)[5:21].reshape(1, 16)) == _core.format_uuids(
        np.arange(5, 21, dtype=np.uint8).reshape(1, 16)
    )
    assert _core.format_uuids(kept[::-1]) == _core.format_uuids(rows[::-1].copy())


def test_what_an_array_says_of_its_memory_is_not_believed() -> None:
    owner: Any = UuidList.parse(A).array
    while isinstance(owner, np.ndarray):
        owner = owner.base

    class Pretender(np.ndarray[Any, Any]):
        @property
        def base(self) -> Any:
            self.resize((1, 16), refcheck=False)
            return owner

    array = np.ndarray.__new__(Pretender, (4_000_000, 16), np.uint8)
    array[:] = 7
    assert _core.format_uuids(array) == 4_000_000 * b"07070707-0707-0707-0707-070707070707\n"


def test_memory_stays_while_it_is_read_though_its_array_is_given_another() -> None:
    column = _core.UuidColumn(2_000_000)
    column.append(np.random.default_rng(1).integers(0, 256, (2_000_000, 16), dtype=np.uint8))
    array = column.take()
    expected = _core.digest_uuids(array.copy())
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(_core.digest_uuids(array)))
    reader.start()
    time.sleep(0.02)
    cast("Any", array).__setstate__((1, (1, 16), np.dtype(np.uint8), False, bytes(16)))
    reader.join()
    assert found in ([expected], [_core.digest_uuids(np.zeros((1, 16), np.uint8))])


def test_operators_take_lists_only() -> None:
    uuids = UuidList.parse(A)
    others: list[tuple[Callable[[Any, Any], Any], object]] = [(or_, [B]), (and_, {A}), (sub, A)]
    for operate, other in others:
        with pytest.raises(TypeError):
            operate(uuids, other)


def test_a_written_list_reads_back_and_keeps_the_mode_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("old")
    path.chmod(0o640)
    uuids = UuidList.of([C, A, B])
    uuids.write(path)
    assert path.read_text() == f"{C}\n{A}\n{B}\n" == uuids.text()
    assert UuidList.parse(path) == uuids
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["list.txt"]
    UuidList.of([]).write(path)
    assert path.read_bytes() == b""


def test_a_folder_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        UuidList.parse(A).write(tmp_path / "no" / "list")
    assert caught.value.code == "folder-not-found"


def test_a_column_cell_is_one_uuid() -> None:
    cells = [A, f" {A.upper()} ", f"{{{A}}}", "", "x", f"{A},{A}", UUID(A).hex]
    data = "".join(cells).encode()
    offsets = np.cumsum([0, *map(len, cells)])
    uuids, bad = _core.parse_uuid_column(offsets, np.frombuffer(data, dtype=np.uint8))
    assert bad.tolist() == [3, 4, 5]
    assert [bytes(row) for row in uuids] == [bytes(16) if i in {3, 4, 5} else UUID(A).bytes for i in range(7)]
    uuids, bad = _core.parse_uuid_column(offsets[2:4], np.frombuffer(data, dtype=np.uint8))
    assert (uuids.tobytes(), len(bad)) == (UUID(A).bytes, 0)
    empty, bad = _core.parse_uuid_column(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.uint8))
    assert (empty.shape, len(bad)) == ((0, 16), 0)


# --- headers and arrays --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", SPELLINGS["uuid"])
@pytest.mark.parametrize("line", ["{}", '"{}"', "{};", "\ufeff{}"])
def test_a_header_may_be_any_spelling_that_imports_accept(spelling: str, line: str) -> None:
    for written in (spelling, spelling.upper(), spelling.replace("_", "-").title(), spelling.replace("_", " ")):
        check = UuidList.check(f"{line.format(written)}\r\n{A}\r\n")
        assert (check.count, check.header, check.bad_count) == (1, True, 0), written


def test_a_header_stands_on_the_line_of_the_values_too() -> None:
    check = UuidList.check(f"Device-UUID,{A}")
    assert (check.count, check.header, check.bad_count) == (1, True, 0)


@pytest.mark.parametrize("header", ["name,uuid", "uuid,name", "device_uuid;tag", "name\tDevice-UUID"])
def test_a_table_is_refused_with_what_to_do(header: str) -> None:
    with pytest.raises(InputError) as caught:
        UuidList.parse(f"{header}\nx,{A}\n")
    assert (caught.value.code, caught.value.hint) == ("bad-uuid", "keep only the column `uuid` of the table")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([A, A.upper(), B]),
        json.dumps([A, A, B], indent=2),
        json.dumps([A, B, B], separators=(",", ":")) + "\n",
        f'\ufeff [ "{{{A}}}",\r\n"{B}" , "urn:uuid:{B}"]\r\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_a_json_array_is_a_list(text: str, encoding: str) -> None:
    check = UuidList.check(text.encode(encoding))
    assert (check.uuids.uuids, check.duplicates, check.bad_count) == ([A, B], 1, 0)


@pytest.mark.parametrize(
    ("text", "column", "shown"),
    [
        (f'["{A}", null]', 42, "null"),
        (f'["{A}", 7]', 42, "7"),
        (f'[{{"uuid": "{A}"}}]', 2, '{"uuid":'),
        (f'[["{A}"]]', 2, f'["{A}"'),
        (f'["{A}"', 1, f'["{A}'),
        (f'{{"uuids": ["{A}"]}}', 1, '{"uuids":'),
    ],
)
def test_what_is_no_array_of_strings_has_bad_values(text: str, column: int, shown: str) -> None:
    bad = UuidList.check(text).bad[0]
    assert (bad.line, bad.column) == (1, column)
    assert bad.text.startswith(shown[:30])


def test_an_empty_array_is_an_empty_list() -> None:
    with pytest.raises(InputError) as caught:
        UuidList.parse("[]")
    assert caught.value.code == "empty-list"
